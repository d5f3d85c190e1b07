"""Heads: the kinds of outputs of a network, with their losses and predictions.

A head is the last layer of the network. Its kind decides the number of outputs, their
activation, the loss, the targets that encode the labels, and the predictions.
"""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax


class _Head:
    """Base class of the heads: `classes` has one entry for each output."""

    def __init__(self, classes):
        self.classes = classes

    @property
    def n_units(self):
        """Number of outputs."""
        return len(self.classes)

    def __str__(self):
        return f"{self.kind} {self.classes.tolist()}"

    @property
    def key(self):
        """Hashable key of the compiled loss."""
        return type(self).__name__, self.n_units

    def append_to(self, model, weights=None, *, layer=None):
        """Return a model that computes probabilities from the features of a model.

        Parameters
        ----------
        model : keras.Model
            Model from samples to features.
        weights : sequence of two ndarrays or None, default=None
            Kernel and bias of a new layer.
        layer : keras.layers.Dense or None, default=None
            Layer that computes the logits. None makes a new one.

        Returns
        -------
        keras.Model
        """
        import keras

        own = {"dtype": model.outputs[0].dtype}
        if layer is None:
            layer = keras.layers.Dense(self.n_units, name="predictions", **own)
        activate = keras.layers.Activation(self.activation, name="probabilities", **own)
        outputs = activate(layer(model.outputs[0]))
        whole = keras.Model(model.inputs[0], outputs, name=f"{model.name}_classifier")
        # Otherwise a float64 sample would be rounded before the first layer.
        whole.dtype_policy = own["dtype"]
        if weights is not None:
            layer.set_weights(weights)
        return whole


class ClassHead(_Head):
    """Head for one class for each sample: softmax and cross-entropy.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted class labels.

    Attributes
    ----------
    n_units : int
        Number of outputs.
    target_shape : tuple
        Shape of the target of one sample.
    target_dtype : str
        Type of the targets.
    """

    kind, activation = "classes", "softmax"
    target_shape, target_dtype = (), "int32"

    # ---- labels and predictions

    def targets(self, y):
        """Return the class indices of labels, of shape (n,), int32."""
        return np.searchsorted(self.classes, y).astype(np.int32)

    def accepts(self, y):
        """Return whether all labels are classes of the head."""
        return y.ndim == 1 and bool(np.isin(y, self.classes).all())

    def labels(self, targets):
        """Return the class labels of class indices."""
        return self.classes[targets]

    def decision_function(self, logits):
        """Return the logits, or for two classes their difference, of shape (n,)."""
        return logits[:, 1] - logits[:, 0] if self.n_units == 2 else logits

    def predict_proba(self, logits):
        """Return the class probabilities of logits."""
        return softmax(logits, axis=1)

    def predict(self, logits):
        """Return the class label with the highest logit of each sample."""
        return self.classes[logits.argmax(axis=1)]

    def row_losses(self, logits, targets):
        """Return the cross-entropy of each sample, of shape (n,)."""
        return -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]

    def is_correct(self, logits, targets):
        """Return whether the prediction of each sample is correct, of shape (n,)."""
        return logits.argmax(axis=1) == targets

    # ---- training

    def soft(self):
        """Return a head with fractions of the classes as targets, for MixUp."""
        return SoftClassHead(self.classes)

    def one_hot(self, targets):
        """Return one-hot targets, of shape (n, n_classes)."""
        return np.eye(self.n_units)[targets]

    def losses(self, logits, targets, smoothing):
        """Compute the loss of each sample.

        Parameters
        ----------
        logits : tensor of shape (n, n_units)
            Outputs before the activation.
        targets : tensor of shape (n, *target_shape)
            Targets.
        smoothing : tensor
            Label smoothing: fraction of each label that is spread over all outputs.

        Returns
        -------
        tensor of shape (n,)
        """
        import tensorflow as tf

        log_proba = tf.nn.log_softmax(logits)
        likelihood = self._log_likelihood(log_proba, targets)
        return -(
            (1 - smoothing) * likelihood + smoothing * tf.reduce_mean(log_proba, axis=1)
        )

    def correct(self, logits, targets):
        """Compute whether each prediction is correct, of shape (n,), bool."""
        import tensorflow as tf

        return tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), targets)

    def solve(self, features, targets, sample_weight, C):
        """Fit the head on frozen features; see :func:`.probe.solve_head`.

        Returns
        -------
        kernel : ndarray of shape (n_features, n_units)
        bias : ndarray of shape (n_units,)
        """
        from sktransfer.training.step.probe import solve_head

        return solve_head(features, targets, sample_weight, self.n_units, C)

    @staticmethod
    def _log_likelihood(log_proba, targets):
        import tensorflow as tf

        return tf.gather(log_proba, targets, axis=1, batch_dims=1)


class SoftClassHead(ClassHead):
    """Class head whose targets are fractions of the classes, which sum to 1."""

    target_dtype = "float"

    @property
    def target_shape(self):
        """Shape of the target of one sample."""
        return (self.n_units,)

    def correct(self, logits, targets):
        """Compute whether the class with the highest fraction is predicted."""
        import tensorflow as tf

        return super().correct(logits, tf.argmax(targets, axis=1, output_type=tf.int32))

    @staticmethod
    def _log_likelihood(log_proba, targets):
        import tensorflow as tf

        return tf.reduce_sum(targets * log_proba, axis=1)


class MultilabelHead(_Head):
    """Head for any number of labels for each sample: sigmoid, binary cross-entropy.

    Parameters
    ----------
    n_labels : int
        Number of labels.
    """

    kind, activation = "labels in columns", "sigmoid"
    target_dtype = "float"

    def __init__(self, n_labels):
        super().__init__(np.arange(n_labels))

    @property
    def target_shape(self):
        """Shape of the target of one sample."""
        return (self.n_units,)

    def targets(self, y):
        """Return the indicator matrix as floats."""
        return np.asarray(y, dtype=np.float64)

    def accepts(self, y):
        """Return whether y is an indicator matrix with one column for each label."""
        return y.ndim == 2 and y.shape[1] == self.n_units

    def labels(self, targets):
        """Return the indicator matrix of targets."""
        return targets.astype(int)

    def decision_function(self, logits):
        """Return the logits."""
        return logits

    def predict_proba(self, logits):
        """Return the probability of each label."""
        return expit(logits)

    def predict(self, logits):
        """Return the indicator matrix of the labels with a probability over 0.5."""
        return (logits > 0).astype(int)

    def row_losses(self, logits, targets):
        """Return the mean binary cross-entropy of each sample, of shape (n,)."""
        likelihood = targets * log_expit(logits) + (1 - targets) * log_expit(-logits)
        return -likelihood.mean(axis=1)

    def is_correct(self, logits, targets):
        """Return whether all labels of each sample are correct, of shape (n,)."""
        return ((logits > 0) == (targets > 0.5)).all(axis=1)

    def soft(self):
        """Return this head, whose targets may be fractions."""
        return self

    def one_hot(self, targets):
        """Return the targets, which may be fractions."""
        return targets

    def losses(self, logits, targets, smoothing):
        """Compute the loss of each sample; see :meth:`ClassHead.losses`."""
        import tensorflow as tf

        targets = (1 - smoothing) * targets + smoothing / 2
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        return tf.reduce_mean(losses, axis=1)

    def correct(self, logits, targets):
        """Compute whether all labels of each sample are correct, of shape (n,)."""
        import tensorflow as tf

        return tf.reduce_all(tf.equal(logits > 0, targets > 0.5), axis=1)

    def solve(self, features, targets, sample_weight, C):
        """Fit one logistic regression for each label on frozen features."""
        from sktransfer.training.step.probe import solve_head

        columns = []
        for target in (targets > 0.5).astype(np.int32).T:
            weights = np.bincount(target, sample_weight, 2)
            if (weights == 0).any():
                # The label is constant: use its smoothed log odds.
                odds = np.log((weights[1] + 0.5) / (weights[0] + 0.5))
                columns.append((np.zeros(features.shape[1]), odds))
                continue
            kernel, bias = solve_head(features, target, sample_weight, 2, C)
            columns.append((kernel[:, 1] - kernel[:, 0], bias[1] - bias[0]))
        kernels, biases = zip(*columns, strict=True)
        return np.column_stack(kernels), np.array(biases)


def make_head(y):
    """Make the head for class labels or for an indicator matrix.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_labels)
        Class labels, or an indicator matrix.

    Returns
    -------
    ClassHead or MultilabelHead
    """
    return MultilabelHead(y.shape[1]) if y.ndim == 2 else ClassHead(np.unique(y))


def keep_head(backbone, head, feature_layer):
    """Make the head for the classification layer that a backbone keeps.

    Parameters
    ----------
    backbone : Backbone
        The network.
    head : ClassHead or MultilabelHead
        Head for the labels of the training set.
    feature_layer : str
        Parameter of the estimator, for messages.

    Returns
    -------
    ClassHead or MultilabelHead

    Raises
    ------
    ValueError
        If the backbone has no such layer, or the layer has other classes.
    """
    if backbone.head is None:
        raise ValueError(
            "head='keep' needs a backbone that ends in a Dense classification "
            f"layer; {backbone.name!r} has none at feature_layer={feature_layer!r}. "
            "Use head='new'."
        )
    labels, n_columns = head.classes, len(backbone.head[1])
    if not isinstance(head, ClassHead) and len(labels) != n_columns:
        raise ValueError(
            f"head='keep' keeps {n_columns} outputs; y has {len(labels)} columns. Use "
            "head='new'."
        )
    if backbone.classes is not None:
        classes = backbone.classes
    elif len(labels) == n_columns:
        classes = labels
    else:
        classes = np.arange(n_columns)
    if not np.isin(labels, classes).all():
        raise ValueError(
            f"head='keep' keeps {n_columns} classes, {classes.tolist()}; the labels "
            f"of y are {labels.tolist()}. Use head='new'."
        )
    return ClassHead(classes) if isinstance(head, ClassHead) else head


def evaluate(head, logits, targets, sample_weight):
    """Compute the weighted means of loss and accuracy.

    Parameters
    ----------
    head : ClassHead or MultilabelHead
        Kind of the outputs.
    logits : ndarray of shape (n, n_units)
        Outputs before the activation.
    targets : ndarray of shape (n, ...)
        From ``head.targets``.
    sample_weight : ndarray of shape (n,)
        Weights.

    Returns
    -------
    tuple of two floats
    """
    logits = logits.astype(np.float64)
    return tuple(
        float(np.average(values, weights=sample_weight))
        for values in (
            head.row_losses(logits, targets),
            head.is_correct(logits, targets),
        )
    )
