"""What neighbors' networks have in common with ours."""

import numpy as np
from sklearn.neural_network import MLPClassifier

_CLIP = 5.0
# Hidden units of our domain discriminators.
DISCRIMINATOR = (256, 256)


def hidden_width(n_features):
    """Units of each of the two hidden layers, those of our network for tables."""
    return int(np.clip(2 ** np.ceil(np.log2(8 * n_features)), 64, 256))


def standardized(job):
    """Rows of source and target as our network's first layer makes them.

    Returns
    -------
    X_source, X_target : ndarray of shape (n_rows, n_features), float64
    """
    mean, scale = job.X_source.mean(axis=0), job.X_source.std(axis=0)
    scale[scale <= 1e-6 * np.sqrt(1 + mean**2)] = 1.0
    return tuple(
        np.clip((X - mean) / scale, -_CLIP, _CLIP) for X in (job.X_source, job.X_target)
    )


def shallow_classifier(job):
    """Network of scikit-learn, of the same size, for methods that take a classifier."""
    width = hidden_width(job.X_source.shape[1])
    return MLPClassifier(
        (width, width),
        batch_size=job.batch_size,
        max_iter=job.epochs,
        random_state=job.seed,
    )
