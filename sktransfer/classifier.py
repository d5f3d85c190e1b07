"""TransferClassifier: fine-tune a pretrained Keras backbone."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from sktransfer._estimator import BaseTransferClassifier
from sktransfer._inputs.labels import check_classes
from sktransfer._suggestions import suggest_keywords
from sktransfer.heads import ClassHead, MultilabelHead, make_head
from sktransfer.learners.choose import read_source


class TransferClassifier(BaseTransferClassifier):
    """Classifier that fine-tunes a pretrained Keras network.

    ``TransferClassifier("MobileNetV2", frozen_depth="all").fit(X, y)`` puts a new head
    on a pretrained network for images and trains the head. ``TransferClassifier()`` is
    for tables.

    Ten parameters matter most: `backbone`, `frozen_depth`, `recipe`, `learning_rate`,
    `epochs`, `batch_size`, `early_stopping`, `class_weight`, `random_state` and
    `verbose`. The defaults of the others suit most tasks. None, for a parameter of
    training, is the value that suits the backbone.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone, default="auto"
        Network to start from. A fit does not change it.

        - "auto": one of the next three, for tables. Each fit chooses: "tabular" for
          fewer than 150 distinct samples, otherwise the one with the lowest log loss on
          samples held aside. ``backbone_`` is the chosen one; ``verbose=1`` prints the
          reason. Some parameters leave no choice: a `frozen_depth` above 0 or a recipe
          for pretrained weights needs "tabular"; see :ref:`tabular`.
        - "tabular": a network for tables, pretrained on synthetic tables. It learns in
          context [4]_: it predicts from the labeled samples, without gradient steps.
          It uses at most 1,024 labeled samples at a time, a random part if there are
          more. X may have missing values, categories, strings and dates; see
          :ref:`tabular`.
        - "mlp_ensemble": a network for the same tables, without pretrained weights. It
          embeds numbers by periodic functions [5]_, and its hidden layers are shared by
          an ensemble of 8 members [6]_; see :ref:`tables_by_steps`.
        - "mlp": a network for the same tables, without pretrained weights, with two
          layers of 64 to 256 units. Samples with several axes, such as images, are
          flattened, as for "mlp_ensemble".
        - The name of a ``keras.applications`` model, such as "MobileNetV2".
        - "hub:PRESET": a preset of keras-hub (needs the extra ``hub``).
        - The path of a ``.keras`` or ``.h5`` file with a whole model.
        - A function that returns a ``keras.Model``. Each fit calls it. If it has a
          parameter ``input_shape``, it gets the shape of one sample.
        - A ``keras.Model`` or a :class:`~sktransfer.Backbone`, such as ``backbone_`` of
          a fitted estimator.
    weights : str, path-like or None, default="auto"
        Weights that training starts from. "auto" uses those that come with the
        backbone ("imagenet" for an application). None draws random weights, to train
        from scratch. "imagenet" or the path of a weights file loads those weights.
    feature_layer : str, default="auto"
        Layer whose output is the features. "auto" cuts the backbone before its old
        classification layer. "output" uses the output of the backbone. Otherwise the
        name of a layer, for the features of an earlier layer.
    head : {"new", "keep"}, default="new"
        "new" puts a new classification layer on the features. "keep" keeps the
        classification layer of the backbone, which needs the same classes.
    preprocess : str or None, default="auto"
        Preprocessing before the backbone. "auto" scales pixels (0 to 255) if the
        backbone is the name of an application, and changes nothing otherwise. None
        changes nothing. The name of an application uses its preprocessing.
    frozen_depth : int, float, "all", the name of a layer or None, default=None
        Part of the backbone, from the input, that keeps its weights. An int is a number
        of layers with weights; a negative one counts from the end. A float is a
        fraction in [0, 1] of these layers. "all" freezes the backbone. A name freezes
        the layers up to that one; ``backbone_.layers_table()`` lists them. None is 0. A
        greater depth trains faster and changes fewer weights.
    recipe : {"auto", "in_context", "linear_probe", "full", "lp_ft", "gradual"} or \
            Recipe, default="auto"
        Which weights are trained, and in which order.

        - "auto": "lp_ft"; for "tabular" it is "in_context", unless a parameter of
          training is set, such as `learning_rate` or `frozen_depth`.
        - "in_context": no weights are trained; only for "tabular".
        - "linear_probe": the head, on frozen features.
        - "full": the head and all unfrozen layers together.
        - "lp_ft": first "linear_probe", then "full" [1]_.
        - "gradual": first the head, then more and more layers from the top [2]_.

        Without pretrained weights, all recipes except "linear_probe" are "full". A
        :class:`~sktransfer.Recipe` has more options: which of the unfrozen weights are
        trained, warm-up, a cosine schedule and MixUp.
    n_estimators : int or None, default=None
        Number of views of "tabular", or of members of "mlp_ensemble", that are
        averaged. More of them take more time. None is 8 members, or 4 views, 2 with
        more than 512 samples. More than 10 classes need 16 views, and more than 96
        columns up to 16, whatever is set.
    softmax_temperature : float or None, default=None
        The class scores of "tabular" are divided by it before the softmax. Below 1 the
        probabilities are more extreme, above 1 less; predictions stay the same. None
        is 0.9 for up to 3 classes, 0.8 for up to 10, and 1 for more.
    learning_rate : float, LearningRateSchedule or None, default=None
        Learning rate of the gradient steps, or a Keras schedule over the steps. It is
        usually the first parameter to tune. None is 1e-3; 1e-4 for "tabular"; 2e-3 for
        "mlp_ensemble", from which it decreases along a cosine.
    head_learning_rate : float or None, default=None
        Learning rate of the head. None uses `learning_rate`.
    layer_decay : float or None, default=None
        Each layer has `layer_decay` times the learning rate of the layer after it. A
        value in (0, 1) changes the first layers less than the last ones. None is 1.
    optimizer : str, keras.optimizers.Optimizer or None, default=None
        Name of a Keras optimizer, or an instance, which is copied. `learning_rate` and
        `weight_decay` replace those of an instance. With ``use_ema=True`` the averaged
        weights are validated and kept. None is "adamw".
    weight_decay : float or None, default=None
        Decoupled weight decay of the kernels. 0 turns it off. None is 1e-4; 1e-2 for
        "mlp_ensemble".
    l2_sp : float or None, default=None
        Weight of a penalty that keeps the backbone near its start: half the squared
        distance of the unfrozen weights from their starting values [3]_. None is 0.
    label_smoothing : float or None, default=None
        Fraction of each label that is spread evenly over all classes. None is 0.
    batch_size : int or None, default=None
        Number of samples in a gradient step. None is 32; a quarter of the samples for
        "tabular"; 16 to 256 for "mlp_ensemble", more for more samples.
    epochs : int or None, default=None
        Maximum number of epochs, over all stages of the recipe. None is 50; 5 for
        "tabular"; 15 for "mlp_ensemble", and less above 20,000 samples.
    early_stopping : bool or None, default=None
        True stops training when the score of a validation set has not improved by
        `tol` for `n_iter_no_change` epochs, and keeps the best weights. The validation
        set is a stratified part of X, or `X_val` of `fit`. False also stops early, when
        the training loss no longer improves, and keeps the last weights. None is True
        if there is an `X_val`, and otherwise False. A linear probe is solved on all of
        X.
    scoring : str, callable or None, default="loss"
        Score of ``early_stopping=True``. "loss" is the negative log loss. None is the
        accuracy. Otherwise the name of a scikit-learn scorer, or a callable with the
        signature ``scorer(estimator, X, y)``. The score is weighted if the metric, or
        the callable, has a parameter `sample_weight`. On few samples the log loss is
        less noisy than the accuracy.
    validation_fraction : float or None, default=None
        Fraction of X in the validation set of ``early_stopping=True``. None is 0.1.
    n_iter_no_change : int or None, default=None
        Number of epochs without an improvement after which training stops. None is 10.
    tol : float or None, default=None
        Minimum improvement of the score, or of the training loss. None is 1e-4.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. A dict has a weight for each class label. "balanced"
        gives all classes the same total weight. None gives all the weight 1. They
        multiply the weights of the samples of X, also of those that are split off for
        validation, but not `sample_weight_val`.
    warm_start : bool, default=False
        True starts from the weights of the last fit. False starts from `backbone`.
    callbacks : list or None, default=None
        Keras callbacks: names, functions that return one, or instances, which are
        copied. Their methods for epochs are called, those for batches are not. Their
        ``self.model`` is the whole network, from samples to probabilities. Their
        training begins and ends once for all stages of the recipe. An adaptation method
        that trains more than once begins anew each time.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder that keeps the outputs of frozen layers for other processes and later
        runs. None keeps them in the memory of this process only; see
        :ref:`feature_store`.
    dtype : {"float32", "float64"}, default="float32"
        Floating-point type of all computations.
    random_state : int, RandomState instance or None, default=None
        Seed of new weights, of the validation set, of the order of the samples and of
        random layers. An int makes fits repeatable.
    verbose : int, default=0
        1 shows a progress bar with loss and accuracy for each training, and what "auto"
        chooses. 0 shows nothing.

    Attributes
    ----------
    backbone_ : Backbone
        The network with the trained weights, its head and classes.
    classes_ : ndarray of shape (n_classes,)
        Class labels. If y was an indicator matrix, the numbers of its columns.
    frozen_depth_ : int
        Number of frozen layers with weights.
    start_weights_ : list of ndarray or None
        Weights of the backbone and of the head before the first gradient step. None if
        the backbone was not pretrained.
    context_ : NamedTuple of ndarray
        The labeled samples, as the network "tabular" uses them in `predict`. They are
        not in ``backbone_``. It exists only for networks that learn in context.
    history_ : dict of list
        One value for each epoch. The keys are "stage" ("probe", "head", "fine_tune" or
        "in_context"), "loss", "accuracy", "learning_rate" and "seconds"; with
        `early_stopping` also "val_loss", "val_accuracy" and "val_score". A value is
        None where it does not exist. A linear probe has no epochs and is one entry.
    loss_curve_ : list of float
        Training loss of each epoch.
    loss_, best_loss_ : float
        Last and lowest training loss.
    n_iter_ : int
        Number of epochs in ``history_``.
    validation_scores_ : list of float or None
        Score of the validation set after each epoch, by `scoring`. None without
        `early_stopping`, or if there are no gradient steps.
    best_validation_score_ : float or None
        Highest of these scores: that of the weights that are kept.
    n_features_in_ : int
        Length of the second axis of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Column names, if X has them.

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
    .. [5] Holzmüller, Grinsztajn & Steinwart (2024). Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data. NeurIPS. arXiv:2407.04491
    .. [6] Gorishniy, Kotelnikov & Babenko (2024). TabM: Advancing Tabular Deep Learning
       with Parameter-Efficient Ensembling. arXiv:2410.24210

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_source, X_target = X[:900] / 16, 1 - X[900:] / 16
    >>> source = TransferClassifier("mlp", random_state=0).fit(X_source, y[:900])
    >>> target = TransferClassifier(backbone=source.backbone_, random_state=0)
    >>> target.fit(X_target[:20], y[900:920]).score(X_target[20:], y[920:]) > 0.7
    True
    >>> scratch = TransferClassifier("mlp", random_state=0)
    >>> scratch.fit(X_target[:20], y[900:920]).score(X_target[20:], y[920:]) < 0.65
    True
    """

    __metadata_request__fit = {
        "X_val": True,
        "y_val": True,
        "sample_weight_val": True,
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    @suggest_keywords
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
        """Fit the backbone and its head to labeled samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples in the shape that the backbone expects, or flattened.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels. A backbone that is trained by gradient steps also accepts an
            indicator matrix of 0 and 1, if a sample may have several labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples. A sample of weight 0 is ignored.
        X_val : array-like of shape (n_val, ...) or None, default=None
            Samples of your own validation set: for example, of other groups or later
            times than X. They turn on early stopping, and so gradient steps. None uses
            a random part of X for ``early_stopping=True``. A ``Pipeline`` transforms it
            with ``transform_input=["X_val"]``.
        y_val : array-like of shape (n_val,) or (n_val, n_labels) or None, default=None
            Labels of `X_val`.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Weights of the samples in `X_val`.

        Returns
        -------
        self : TransferClassifier

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid. It is a BackboneError if the backbone
            does not fit the data, and a NonFiniteLossError if the loss becomes NaN.
        """
        fitted = self._copy_for_fit()
        validation = X_val, y_val, sample_weight_val
        reports = fitted._fit_labeled(self, X, y, sample_weight, validation)  # noqa: SLF001
        return self._set_state(fitted, reports)

    def _fit_labeled(self, estimator, X, y, sample_weight, validation):
        """Fit this copy of an estimator to labeled samples."""
        source = self._read_source()
        samples = self._check_fit_input(X, y, sample_weight, source=source)
        old_classes = getattr(self, "classes_", None)
        check_classes(samples.y, old_classes, keeps_head=self.head == "keep")
        head = make_head(samples.y)
        validation = self._check_validation(validation, samples, head)
        source = self._choose_source(source, samples)
        task = self._make_task(
            samples,
            head,
            source,
            is_warm=old_classes is not None,
            validation=validation,
        )
        return self._fit_task(task, source, estimator, X)

    def _is_trained_in_steps(self):
        backbone = vars(self).get("backbone_", self.backbone)
        if read_source(backbone).learns_in_context:
            raise AttributeError(
                "partial_fit is not available with backbone='tabular', which learns in "
                "context, from all samples at once, and which backbone='auto' may have "
                "chosen. Use fit, or backbone='mlp'."
            )
        return True

    @available_if(_is_trained_in_steps)
    @_fit_context(prefer_skip_nested_validation=True)
    @suggest_keywords
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on a batch of samples, after earlier calls or a fit.

        It continues with the weights, the history and the state of the optimizer. The
        optimizer starts anew if other weights are trained or `optimizer` has changed.

        With "mlp" and "mlp_ensemble" the first batch also gives the scale, the
        categories and the columns with missing values, so that each column must vary in
        it.

        ``class_weight="balanced"`` is not supported, as a batch does not have the class
        frequencies of all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples in the shape that the backbone expects, or flattened.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or an indicator matrix; see :meth:`fit`.
        classes : array-like of shape (n_classes,) or None, default=None
            Class labels of all calls. The first call needs them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples.

        Returns
        -------
        self : TransferClassifier
        """
        is_first = not hasattr(self, "backbone_")
        fitted = self._copy_for_fit(partial=True)
        fitted._fit_part(X, y, classes, sample_weight, is_first)  # noqa: SLF001
        return self._set_state(fitted)

    def _fit_part(self, X, y, classes, sample_weight, is_first):
        """Train this copy of an estimator for one epoch."""
        if is_first and classes is None:
            raise ValueError(
                "classes=None; the first call of partial_fit needs the class labels of "
                "all calls."
            )
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, as one batch "
                "does not have the class frequencies of all samples. Compute the "
                "weights with sklearn.utils.class_weight.compute_class_weight on a "
                "large sample, and pass them as a dict."
            )
        labels = self.classes_ if classes is None else np.unique(classes)
        if not is_first and not np.array_equal(labels, self.classes_):
            raise ValueError(
                f"classes={classes!r} differs from the classes of the first call, "
                f"{self.classes_.tolist()}."
            )
        source = self._read_source()
        samples = self._check_fit_input(
            X, y, sample_weight, source=source, reset=is_first
        )
        source = self._choose_source(source, samples, needs_steps=True)
        if samples.y.ndim == 1:
            unknown = np.setdiff1d(samples.y, labels)
            if len(unknown):
                raise ValueError(
                    f"y has labels {unknown.tolist()} that are not in classes, "
                    f"{labels.tolist()}."
                )
            if len(labels) < 2:
                raise ValueError(
                    f"classes={classes!r} has {len(labels)} label; at least 2 classes "
                    "are needed: the labels of all calls."
                )
            head = ClassHead(labels)
        else:
            head = MultilabelHead(samples.y.shape[1])
            if len(labels) != head.n_units:
                raise ValueError(
                    f"classes={classes!r} has {len(labels)} labels; y has "
                    f"{head.n_units} columns."
                )
        task = self._make_task(
            samples, head, source, is_warm=not is_first, partial=True
        )
        self._fit_task(task, source)
