"""Check that other samples have the same scale as X."""

import numpy as np

from sktransfer._warnings import warn_user

# Two columns have different scales if their means differ by more than this number of
# standard deviations, or their standard deviations differ by more than this factor.
_SCALE_FACTOR = 5.0
_MAX_SAMPLES = 2000


def warn_of_other_scale(name, other, X, advice=""):
    """Warn if other samples look as if they were not transformed like X.

    Parameters
    ----------
    name : str
        Parameter with the other samples.
    other, X : ndarray of shape (n_samples, ...)
        Samples.
    advice : str, default=""
        More advice, for the end of the message.
    """
    if _differs_in_scale(X, other):
        warn_user(
            f"{name} has another scale than X, as if it was not transformed like X. In "
            f"a pipeline use Pipeline(steps, transform_input=[{name!r}]), with "
            "sklearn.set_config(enable_metadata_routing=True), or transform it before "
            f"fit{advice}."
        )


def _differs_in_scale(X, other):
    """Return whether most columns differ in mean or standard deviation."""
    subsets = [
        rows[:: max(1, len(rows) // _MAX_SAMPLES)].reshape(
            -1, 1 if rows.ndim > 2 else rows.shape[1]
        )
        for rows in (X, other)
    ]
    means, deviations = (
        [function(rows, axis=0, dtype=np.float64) for rows in subsets]
        for function in (np.mean, np.std)
    )
    varies = (deviations[0] > 0) & (deviations[1] > 0)
    if not varies.any():
        return False
    deviation, other_deviation = (values[varies] for values in deviations)
    distance = np.abs(means[1] - means[0])[varies] / deviation
    ratio = np.maximum(other_deviation / deviation, deviation / other_deviation)
    return bool(np.mean(np.maximum(distance, ratio) > _SCALE_FACTOR) > 0.5)
