"""TransferClassifier: fine-tune a pretrained Keras backbone."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from sktransfer._estimator import BaseTransferClassifier
from sktransfer._inputs.labels import check_classes
from sktransfer.heads import ClassHead, MultilabelHead, make_head
from sktransfer.learners.choose import read_source


class TransferClassifier(BaseTransferClassifier):
    """Classifier that fine-tunes a pretrained Keras network.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone, default="tabular"
        The network to start from, never changed by a fit:

        - "tabular": a network for tables, pretrained on synthetic ones, which learns in
          context: without a gradient step, from the labeled rows beside those to
          classify [4]_. Each of its views holds 1,024 rows, or a sample of more. It
          takes missing values, and categories and strings in data frames; see
          :ref:`tabular`;
        - "mlp": a network for tables without pretrained weights, whose width
          follows the number of columns and whose first layer standardizes them;
        - the name of a ``keras.applications`` model, such as "MobileNetV2";
        - "hub:PRESET": a keras-hub preset (needs the extra ``hub``);
        - the path of a ``.keras`` or ``.h5`` file with a whole model;
        - a function that returns a ``keras.Model``; if it has a parameter
          ``input_shape`` it gets the shape of one row of X;
        - a ``keras.Model`` or a :class:`~sktransfer.Backbone`, for example
          ``backbone_`` of a fitted estimator.
    weights : str, path-like or None, default="auto"
        "auto" takes the weights that come with the backbone ("imagenet" for an
        application); None draws fresh random weights, for a network trained from
        scratch; "imagenet", or the path of a weights file, replaces them.
    feature_layer : str, default="auto"
        Where the backbone is cut: "auto" is before its old classification layer,
        "output" its output; otherwise the name of a layer.
    head : {"new", "keep"}, default="new"
        A fresh classification layer, or the loaded model's own one. The latter
        needs the same classes.
    preprocess : str or None, default="auto"
        "auto" scales the pixels (0 to 255) as an application by name expects and
        leaves other inputs as they are; None never does; the name of an application
        puts its preprocessing before any backbone.
    frozen_depth : int, float, "all" or the name of a layer, default=0
        How much of the backbone, from the input, keeps its weights: a number of
        weighted layers (negative counts from the end), a fraction in [0, 1] of these
        layers, "all", or the name of the last layer that is frozen. See
        ``backbone_.layers_table()`` for the names.
    recipe : {"auto", "in_context", "linear_probe", "full", "lp_ft", "gradual"} or \
            Recipe, default="auto"
        Order in which weights are trained: none, with the "tabular" backbone alone;
        the head alone on frozen features; all unfrozen layers; first the one, then the
        other [1]_; or more and more layers from the top [2]_. "auto" is "in_context"
        for "tabular" and "lp_ft" for others. A backbone that is not pretrained is
        trained as by "full" except with "linear_probe". With "tabular", what training
        gives is kept only if it lowers the log loss of rows set aside. A
        :class:`~sktransfer.Recipe` also says which of the unfrozen weights learn, and
        has warm-up, a cosine schedule and MixUp.
    learning_rate : float or LearningRateSchedule, default=1e-3
        Learning rate of the gradient steps, or a Keras schedule over steps.
    head_learning_rate : float or None, default=None
        Learning rate of the head; None is the same as `learning_rate`.
    layer_decay : float, default=1.0
        Each layer learns at `layer_decay` times the rate of the layer above it.
    optimizer : str or keras.optimizers.Optimizer, default="adamw"
        Name or instance; rate and decay are taken from here, not from an instance. With
        ``use_ema=True`` the averaged weights are those validated and kept.
    weight_decay : float, default=1e-4
        Decoupled weight decay of kernels.
    l2_sp : float, default=0.0
        Penalty on half the squared distance of the unfrozen backbone weights from
        where they started [3]_.
    label_smoothing : float, default=0.0
        Share of each label spread over all classes.
    batch_size : int, default=32
        Rows in a gradient step.
    epochs : int, default=50
        Greatest number of passes over the rows, over all stages of the recipe.
    early_stopping : bool, default=False
        True stops when the score of a validation set has not improved by `tol` for
        `n_iter_no_change` epochs, and restores the best weights. The validation set is
        a stratified part of X, or `X_val` of `fit`. False stops in the same way by the
        training loss, and keeps the last weights.
    scoring : str, callable or None, default="loss"
        Score of `early_stopping`: "loss" is the negative log loss; None is the
        accuracy; otherwise the name of a scikit-learn scorer, or a callable with the
        signature ``scorer(estimator, X, y)``. The log loss is less noisy than the
        accuracy of a few samples.
    validation_fraction : float, default=0.1
        Fraction of X in the validation set of `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without improvement that are waited for.
    tol : float, default=1e-4
        Least improvement that counts.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, as in other classifiers.
    warm_start : bool, default=False
        Go on from the weights of the last fit.
    callbacks : list or None, default=None
        Keras callbacks: names, factories or instances, which are copied. Their
        epoch hooks are called.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder in which outputs of frozen layers are kept for other processes and
        later runs. In one process the feature store keeps them in any case; see
        :ref:`feature_store`.
    dtype : {"float32", "float64"}, default="float32"
        Type of all computations.
    random_state : int, RandomState instance or None, default=None
        Seed of the head, of fresh weights, shuffles and random layers.
    verbose : int, default=0
        1 shows a progress bar with loss and accuracy.

    Attributes
    ----------
    backbone_ : Backbone
        The network with the trained weights, its head and classes.
    context_ : Views
        With ``backbone="tabular"`` only: the labeled samples, which predictions need.
        `backbone_` does not have them.
    classes_ : ndarray of shape (n_classes,)
        Class labels; the numbers of the columns where y was an indicator matrix.
    frozen_depth_ : int
        Number of frozen weighted layers.
    history_ : dict of list
        One value an epoch: stage, loss, accuracy, learning_rate, seconds and, with
        `early_stopping`, val_loss, val_accuracy and val_score. A solved probe is one
        entry.
    loss_curve_ : list of float
        Training loss of each epoch.
    loss_, best_loss_ : float
        The last and the least training loss.
    n_iter_ : int
        Number of entries in the history.
    validation_scores_ : list of float or None
        Score of the validation set after each epoch, by `scoring`.
    best_validation_score_ : float or None
        The greatest of them, that of the weights that are kept.
    n_features_in_ : int
        Length of the second axis of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Column names, where X had them.

    See Also
    --------
    BackboneFeatures : The frozen features as a transformer.
    soup : Average several fits.

    References
    ----------
    .. [1] Kumar et al. (2022). Fine-Tuning can Distort Pretrained Features and
       Underperform Out-of-Distribution. ICLR. arXiv:2202.10054
    .. [2] Howard & Ruder (2018). Universal Language Model Fine-tuning for Text
       Classification. ACL. arXiv:1801.06146
    .. [3] Li, Grandvalet & Davoine (2018). Explicit Inductive Bias for Transfer
       Learning with Convolutional Networks. ICML. arXiv:1802.01483
    .. [4] Hollmann et al. (2023). TabPFN: A Transformer That Solves Small Tabular
       Classification Problems in a Second. ICLR. arXiv:2207.01848

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_source, X_target = X[:900] / 16, 1 - X[900:] / 16
    >>> source = TransferClassifier("mlp", random_state=0).fit(X_source, y[:900])
    >>> target = TransferClassifier(backbone=source.backbone_, random_state=0)
    >>> target.fit(X_target[:30], y[900:930]).score(X_target[30:], y[930:]) > 0.7
    True
    >>> scratch = TransferClassifier("mlp", random_state=0)
    >>> scratch.fit(X_target[:30], y[900:930]).score(X_target[30:], y[930:]) < 0.7
    True
    """

    __metadata_request__fit = {
        "X_val": True,
        "y_val": True,
        "sample_weight_val": True,
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fine-tune the backbone.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of the shape that the backbone takes, or flat rows of the same size.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix of 0 and 1 for several labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights; a row of weight 0 is as good as absent.
        X_val : array-like of shape (n_val, ...) or None, default=None
            Samples of a validation set of your own, in place of a random part of X;
            for groups or time, for example. Used with ``early_stopping=True``. In a
            ``Pipeline``, ``transform_input=["X_val"]`` transforms it as X.
        y_val : array-like of shape (n_val,) or (n_val, n_labels) or None, default=None
            Labels of `X_val`.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Weights of `X_val`.

        Returns
        -------
        self : TransferClassifier

        Raises
        ------
        ValueError
            When X, y or a parameter is not usable, among them BackboneError; or when
            the loss becomes NaN (NonFiniteLossError).
        """
        is_warm = self.warm_start and hasattr(self, "backbone_")
        fitted = self._copy_for_fit(is_warm=is_warm)
        validation = X_val, y_val, sample_weight_val
        reports = fitted._fit_labeled(self, X, y, sample_weight, validation)  # noqa: SLF001
        return self._take(fitted, reports)

    def _fit_labeled(self, estimator, X, y, sample_weight, validation):
        """Fit this copy of an estimator."""
        source = read_source(self.backbone)
        samples = self._check_fit_input(X, y, sample_weight, source=source)
        old_classes = getattr(self, "classes_", None)
        check_classes(samples.y, old_classes, keeps_head=self.head == "keep")
        head = make_head(samples.y)
        task = self._make_task(
            samples,
            head,
            source,
            is_warm=old_classes is not None,
            validation=self._check_validation(validation, samples, head),
        )
        return self._fit_task(task, source, estimator)

    def _is_trained_in_steps(self):
        if read_source(self.backbone).learns_in_context:
            raise AttributeError(
                "backbone='tabular' learns in context, from all rows at once, so there "
                "is no partial_fit. Use fit, or backbone='mlp'."
            )
        return True

    @available_if(_is_trained_in_steps)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on some rows, going on from earlier calls.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,) or None, default=None
            All classes of all calls; needed in the first one.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : TransferClassifier
        """
        is_first = not hasattr(self, "backbone_")
        fitted = self._copy_for_fit(is_warm=True)
        fitted._fit_part(X, y, classes, sample_weight, is_first)  # noqa: SLF001
        return self._take(fitted)

    def _fit_part(self, X, y, classes, sample_weight, is_first):
        """Train this copy of an estimator for one epoch."""
        if is_first and classes is None:
            raise ValueError(
                "classes=None; the first call of partial_fit needs the labels of all "
                "classes."
            )
        labels = self.classes_ if classes is None else np.unique(classes)
        if not is_first and not np.array_equal(labels, self.classes_):
            raise ValueError(
                f"classes={classes!r} is not the same as in the first call, "
                f"{self.classes_.tolist()}."
            )
        source = read_source(self.backbone)
        samples = self._check_fit_input(
            X, y, sample_weight, source=source, reset=is_first
        )
        if samples.y.ndim == 1:
            unknown = np.setdiff1d(samples.y, labels)
            if len(unknown):
                raise ValueError(
                    f"y has labels {unknown.tolist()} that are not in classes."
                )
            head = ClassHead(labels)
        else:
            head = MultilabelHead(samples.y.shape[1])
        task = self._make_task(
            samples, head, source, is_warm=not is_first, partial=True
        )
        self._fit_task(task, source)
