"""SHOT: features adapted to a head of the source, without source samples."""

import numbers

import numpy as np
from keras import ops
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from sktransfer.adaptation.base import AdaptationMethod, Phase
from sktransfer.adaptation.losses import cross_entropy, entropy
from sktransfer.adaptation.parameter_checks import COUNT, NON_NEGATIVE


class SHOT(AdaptationMethod):
    r"""Train on the source, then train the features alone on the target.

    The first stage is training on the source with label smoothing. In the second stage
    the head is frozen and the source is not used. The features are trained on
    `trade_off` times [1]_

    .. math:: \overline{H(p_t)} - H(\overline{p_t}) + \beta\, CE(\hat y_t, g_t)

    The first two terms (information maximization) make the predictions certain, but
    not all of one class. The third term is the cross-entropy of the logits g with
    pseudo-labels :math:`\hat y`.

    All target samples get new pseudo-labels before each epoch. The centroid of a class
    is the mean of the features, weighted by the probabilities of the class. A sample
    gets the class whose centroid is nearest by the cosine. Then the centroids of these
    classes, and the pseudo-labels, are computed once more. A class that is predicted
    for no sample is left out.

    `trade_off` is constant. Between the stages, batch normalization that is not frozen
    gets the statistics of the target, as in :class:`AdaBN`. It keeps them in the second
    stage. The network is for the target only.

    Parameters
    ----------
    trade_off : float, default=1.0
        Weight of the loss of the second stage. Below 1 it is also the weight of the
        target in the statistics of batch normalization.
    beta : float, default=0.3
        Weight of the cross-entropy with the pseudo-labels.
    label_smoothing : float, default=0.1
        Label smoothing of the first stage. It replaces that of the estimator.
    epochs : int, default=15
        Number of epochs on the target.

    References
    ----------
    .. [1] Liang, Hu & Feng (2020). Do We Really Need to Access the Source Data? Source
       Hypothesis Transfer for Unsupervised Domain Adaptation. ICML. arXiv:2002.08546
    """

    _parameter_constraints = {
        "beta": [NON_NEGATIVE],
        "label_smoothing": [Interval(numbers.Real, 0, 1, closed="left")],
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
        # A probability of 0 adds nothing.
        entropy_of_mean = -ops.sum(mean * ops.log(ops.where(mean > 0, mean, 1.0)))
        pseudo_loss = cross_entropy(logits, batch.target_pseudo_y)
        return strength * (
            ops.mean(entropy(logits))
            - entropy_of_mean
            + self.beta * ops.mean(pseudo_loss)
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
            fit, self, epochs=self.epochs, relabel=pseudo_labels
        )


def pseudo_labels(features, logits):
    """Label each sample by the class centroid that is nearest by the cosine.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        Inputs of the head.
    logits : ndarray of shape (n, n_classes)
        Outputs of the head.

    Returns
    -------
    ndarray of shape (n,), int
        Class indices.
    """
    features = features.astype(np.float64)
    proba = softmax(logits.astype(np.float64), axis=1)
    labels = _nearest_class(features, proba, np.unique(proba.argmax(axis=1)))
    one_hot = np.eye(proba.shape[1])[labels]
    return _nearest_class(features, one_hot, np.unique(labels))


def _nearest_class(features, weights, classes):
    # The cosine does not depend on lengths: sums replace means, and samples are not
    # normalized. A centroid may be 0.
    centroids = weights[:, classes].T @ features
    lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
    centroids /= np.maximum(lengths, np.finfo(float).tiny)
    return classes[(features @ centroids.T).argmax(axis=1)]
