"""SHOT: features that suit a head trained on the source, without the source."""

import numbers

import numpy as np
from keras import ops
from scipy.special import softmax

from sktransfer.adaptation._parameters import COUNT, NOT_NEGATIVE, Number
from sktransfer.adaptation.base import (
    AdaptationMethod,
    Phase,
    cross_entropy,
    entropy,
)


class SHOT(AdaptationMethod):
    r"""Train on the source; then, with the head kept, the features on the target.

    The first stage is training on the source with smoothed labels. In the second one
    the head stays as it is, the source is not used, and the features are trained on
    `trade_off` times [1]_

    .. math:: \overline{H(p_t)} - H(\overline{p_t}) + \beta\, CE(\hat y_t, g_t)

    so that predictions become sure, but not all of one class, and agree with
    pseudo-labels :math:`\hat y`. These are found on all rows of the target before each
    epoch: a class's centroid is the mean of the features, weighted by its
    probabilities; a row gets the class whose centroid is nearest by the cosine; the
    centroids of these classes are computed, and the rows labeled by them. A class that
    no row is predicted as is left out.

    The strength is constant. Batch normalization that is not frozen gets the statistics
    of the target between the stages, as by :class:`AdaBN`, and keeps them in the second
    one. The network is for the target alone.

    Parameters
    ----------
    trade_off : float, default=1.0
        Factor on the loss of the second stage; also the share of the target's
        statistics, where it is less than 1.
    beta : float, default=0.3
        Factor on the cross-entropy with the pseudo-labels.
    label_smoothing : float, default=0.1
        Label smoothing of the first stage, in place of the estimator's.
    epochs : int, default=15
        Passes over the target.

    References
    ----------
    .. [1] Liang, Hu & Feng (2020). Do We Really Need to Access the Source Data? Source
       Hypothesis Transfer for Unsupervised Domain Adaptation. ICML. arXiv:2002.08546
    """

    _parameter_constraints = AdaptationMethod._parameter_constraints | {
        "beta": [NOT_NEGATIVE],
        "label_smoothing": [Number(numbers.Real, 0, 1, closed="left")],
        "epochs": [COUNT],
    }

    def __init__(self, trade_off=1.0, *, beta=0.3, label_smoothing=0.1, epochs=15):
        self.trade_off = trade_off
        self.beta = beta
        self.label_smoothing = label_smoothing
        self.epochs = epochs

    def loss(self, batch, strength, networks):
        """Compute the loss of the second stage; see the base class."""
        logits = batch.target_logits
        mean = ops.mean(ops.softmax(logits), axis=0)
        # A probability that rounds to 0 adds nothing.
        of_mean = -ops.sum(mean * ops.log(ops.where(mean > 0, mean, 1.0)))
        labeled = cross_entropy(logits, batch.target_pseudo_y)
        return strength * (
            ops.mean(entropy(logits)) - of_mean + self.beta * ops.mean(labeled)
        )

    def phases(self):
        """List the one step, of the features; see the base class."""
        return [Phase(self.loss, trains="features", cross_entropy=False)]

    def adapt(self, task):
        """Train on the source, then on the target; see the base class."""
        fit = task.train(label_smoothing=self.label_smoothing)
        if task.normalization_layers():
            fit = task.renormalize(fit, min(self.trade_off, 1.0))
        return task.train_on_target(
            fit, self, epochs=self.epochs, relabel=centroid_labels
        )


def centroid_labels(features, logits):
    """Label rows by the class centroid that is nearest by the cosine.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        What goes into the head.
    logits : ndarray of shape (n, n_classes)
        What comes out of it.

    Returns
    -------
    ndarray of shape (n,), int
        Class indices.
    """
    features = features.astype(np.float64)
    proba = softmax(logits.astype(np.float64), axis=1)
    labels = _nearest(features, proba, np.unique(proba.argmax(axis=1)))
    return _nearest(features, np.eye(proba.shape[1])[labels], np.unique(labels))


def _nearest(features, weights, classes):
    # By the cosine, lengths of rows and of centroids, sums or means, do not count; one
    # of the latter may be 0.
    centroids = weights[:, classes].T @ features
    lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
    centroids /= np.maximum(lengths, np.finfo(float).tiny)
    return classes[(features @ centroids.T).argmax(axis=1)]
