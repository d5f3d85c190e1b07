"""Check that samples beside X have the scale of X."""

import numpy as np

from sktransfer._warnings import warn_user

# Columns have one scale when their means differ by less than this many standard
# deviations, and the standard deviations by less than this factor.
_SCALE_FACTOR = 5.0
_MAX_SAMPLES = 2000


def warn_of_other_scale(name, other, X, advice=""):
    """Warn when other samples look as if they had not been transformed as X.

    Parameters
    ----------
    name : str
        Parameter of the other samples.
    other, X : ndarray of shape (n_samples, ...)
        Samples.
    advice : str, default=""
        What else can be done, for the end of the message.
    """
    if _differs_in_scale(X, other):
        warn_user(
            f"{name} is of another scale than X, as if it had not been transformed as "
            f"X was. In a pipeline write Pipeline(steps, transform_input=[{name!r}]), "
            "with sklearn.set_config(enable_metadata_routing=True), or transform it "
            f"before fit{advice}."
        )


def _differs_in_scale(X, other):
    """Whether most columns are far apart, by the standard deviation of X."""
    some = [
        rows[:: max(1, len(rows) // _MAX_SAMPLES)].reshape(
            -1, 1 if rows.ndim > 2 else rows.shape[1]
        )
        for rows in (X, other)
    ]
    means, spreads = (
        [function(rows, axis=0, dtype=np.float64) for rows in some]
        for function in (np.mean, np.std)
    )
    varied = (spreads[0] > 0) & (spreads[1] > 0)
    if not varied.any():
        return False
    spread, spread_target = (values[varied] for values in spreads)
    distance = np.abs(means[1] - means[0])[varied] / spread
    ratio = np.maximum(spread_target / spread, spread / spread_target)
    return bool(np.mean(np.maximum(distance, ratio) > _SCALE_FACTOR) > 0.5)
