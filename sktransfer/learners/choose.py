"""The one decision how a backbone learns: from the parameter to source and learner."""

from sktransfer.backbones.sources import SOURCES
from sktransfer.learners.by_steps import BySteps
from sktransfer.learners.in_context import InContext
from sktransfer.tables.sources import InContextSource, MLPSource

# The first that matches is used.
_ALL_SOURCES = (InContextSource, MLPSource, *SOURCES)


def read_source(backbone):
    """Read the parameter `backbone`, without data and without TensorFlow.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone
        The parameter of an estimator.

    Returns
    -------
    Source

    Raises
    ------
    TypeError
        When it is of another type.
    """
    for source in _ALL_SOURCES:
        if source.matches(backbone):
            return source(backbone)
    raise TypeError(
        f"backbone is of type {type(backbone).__name__}; expected 'mlp', 'tabular', "
        "the name of a keras.applications model, 'hub:PRESET', a path to a .keras or "
        ".h5 file, a callable that returns a keras.Model, a keras.Model or a Backbone."
    )


def choose_learner(source):
    """Choose what fits tasks with a source.

    Parameters
    ----------
    source : Source
        From :func:`read_source`.

    Returns
    -------
    BySteps or InContext
    """
    return InContext() if source.learns_in_context else BySteps()
