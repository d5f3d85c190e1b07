"""Choice of the source and of the learner for the parameter `backbone`."""

from sktransfer.backbones.sources import SOURCES, ModelSource
from sktransfer.learners.by_steps import BySteps
from sktransfer.learners.in_context import InContext
from sktransfer.tables.sources import (
    AutoSource,
    InContextSource,
    MLPEnsembleSource,
    MLPSource,
    TrainedMLPSource,
)

# The first that matches is used.
_ALL_SOURCES = (
    AutoSource,
    InContextSource,
    MLPSource,
    MLPEnsembleSource,
    TrainedMLPSource,
    *SOURCES,
)


def read_source(backbone):
    """Return the source of the parameter `backbone`, without importing TensorFlow.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone
        Parameter of an estimator.

    Returns
    -------
    Source

    Raises
    ------
    TypeError
        If it has another type.
    """
    for source in _ALL_SOURCES:
        if source.matches(backbone):
            return source(backbone)
    raise TypeError(
        f"backbone is of type {type(backbone).__name__}; expected 'auto', 'tabular', "
        "'mlp', 'mlp_ensemble', the name of a keras.applications model, 'hub:PRESET', "
        "a path to a .keras or .h5 file, a callable that returns a keras.Model, a "
        "keras.Model or a Backbone."
    )


def as_backbone(backbone):
    """Return a live ``keras.Model`` as a Backbone, and anything else as it is.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone
        Parameter of an estimator.

    Returns
    -------
    str, path-like, callable or Backbone
    """
    if ModelSource.matches(backbone):
        return ModelSource(backbone).copy()
    return backbone


def choose_learner(source):
    """Return the learner for backbones of a source.

    Parameters
    ----------
    source : Source
        Result of :func:`read_source`.

    Returns
    -------
    BySteps or InContext
    """
    return InContext() if source.learns_in_context else BySteps()
