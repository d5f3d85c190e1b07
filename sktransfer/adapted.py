"""DomainAdaptedClassifier: adapt a Keras network to a target without labels."""

import functools

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.callback import with_callbacks
from sklearn.utils._param_validation import StrOptions

from sktransfer._estimator import BaseTransferClassifier
from sktransfer._inputs.domain_samples import DomainSamples
from sktransfer._inputs.labels import check_classes
from sktransfer._inputs.samples import check_rows
from sktransfer._large_arrays import take_rows
from sktransfer._warnings import warn_user
from sktransfer.heads import make_head
from sktransfer.learners.choose import read_source


class DomainAdaptedClassifier(BaseTransferClassifier):
    """Classifier trained on a labeled source for an unlabeled target.

    Rows of both domains are in X, told apart by `sample_domain`, or those of the target
    are in `X_target`. Labels of target rows are never read unless
    ``target_labels="use"``. Without rows of a target it is a plain fine-tune, as
    :class:`TransferClassifier` with the same parameters.

    It predicts for the target. The methods "label_shift", "domain_standardize",
    "adabn", "tent" and "shot", and "auto" where it chooses one of them, make a network
    for the target alone, which may err on rows of the source; all others give one
    network for both.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone, default="mlp"
        The network to start from, never changed by a fit:

        - "tabular": a pretrained network for tables that learns in context; where some
          rows of the target have labels that may be used, it is told which domain each
          row is of. It goes with the methods "auto" and "source_only", which are then
          the same;
        - "mlp": a network for tables without pretrained weights, whose width
          follows the number of columns and whose first layer standardizes them;
        - the name of a ``keras.applications`` model, such as "MobileNetV2";
        - "hub:PRESET": a keras-hub preset (needs the extra ``hub``);
        - the path of a ``.keras`` or ``.h5`` file with a whole model;
        - a function that returns a ``keras.Model``; if it has a parameter
          ``input_shape`` it gets the shape of one row of X;
        - a ``keras.Model`` or a :class:`~sktransfer.Backbone`, for example
          ``backbone_`` of a fitted estimator.
    method : str or AdaptationMethod, default="auto"
        How the network is adapted: a name or an object with parameters of its own,
        for example ``MCC(temperature=3)``; see :ref:`adaptation_methods`. "auto" adapts
        only where the target's rows speak for it.
    target_labels : {"ignore", "use"}, default="ignore"
        Whether labels of target rows are left unread; "use" learns from those that are
        not the unlabeled marker: None, NaN, or -1 where that is not a class of the
        source.
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
        trained as by "full" except with "linear_probe". A
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
        Class labels: those of the labeled rows.
    method_ : AdaptationMethod
        The method that was used, with its parameters; of "auto" what it has chosen.
    target_prior_ : ndarray of shape (n_classes,) or None
        Estimated shares of the classes in the target: by the method, where it makes an
        estimate, otherwise the mean of the predicted probabilities. None without a
        target.
    source_weights_ : ndarray of shape (n_samples,)
        Factors that the method put on the weights of the rows of X, of mean 1 over
        those of the source and 0 for rows that were not learned from.
    frozen_depth_ : int
        Number of frozen weighted layers.
    history_ : dict of list
        One value an epoch: stage, loss and accuracy on the source, learning_rate and
        seconds; alignment_loss and domain_accuracy, the accuracy of the discriminator,
        where the method has them; with `early_stopping`, val_loss, val_accuracy and
        val_score. A solved probe is one entry.
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
    TransferClassifier : Without a target.
    sktransfer.model_selection : Scorers and splitters for domains.

    References
    ----------
    .. [1] Kumar et al. (2022). Fine-Tuning can Distort Pretrained Features and
       Underperform Out-of-Distribution. ICLR. arXiv:2202.10054
    .. [2] Howard & Ruder (2018). Universal Language Model Fine-tuning for Text
       Classification. ACL. arXiv:1801.06146
    .. [3] Li, Grandvalet & Davoine (2018). Explicit Inductive Bias for Transfer
       Learning with Convolutional Networks. ICML. arXiv:1802.01483

    Examples
    --------
    >>> from sktransfer import DomainAdaptedClassifier
    >>> from sktransfer.datasets import make_shifted_classification
    >>> X, y, sample_domain = make_shifted_classification(
    ...     kind="subspace", random_state=0
    ... )
    >>> source, target = sample_domain >= 0, sample_domain < 0
    >>> plain = DomainAdaptedClassifier(method="source_only", random_state=0)
    >>> plain.fit(X, y, sample_domain=sample_domain).score(X[target], y[target]) < 0.5
    True
    >>> adapted = DomainAdaptedClassifier(random_state=0)
    >>> adapted.fit(X, y, sample_domain=sample_domain).score(X[target], y[target]) > 0.9
    True
    >>> adapted.method_
    DAN()
    """

    __metadata_request__fit = {
        "sample_domain": True,
        "X_target": True,
        "X_val": True,
        "y_val": True,
        "sample_weight_val": True,
    }

    _supports_multilabel = False
    _parameter_constraints = {
        **BaseTransferClassifier._parameter_constraints,  # noqa: SLF001
        "method": "no_validation",
        "target_labels": [StrOptions({"ignore", "use"})],
    }

    def __init__(  # noqa: PLR0913
        self,
        backbone="mlp",
        *,
        method="auto",
        target_labels="ignore",
        weights="auto",
        feature_layer="auto",
        head="new",
        preprocess="auto",
        frozen_depth=0,
        recipe="auto",
        learning_rate=1e-3,
        head_learning_rate=None,
        layer_decay=1.0,
        optimizer="adamw",
        weight_decay=1e-4,
        l2_sp=0.0,
        label_smoothing=0.0,
        batch_size=32,
        epochs=50,
        early_stopping=False,
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        class_weight=None,
        warm_start=False,
        callbacks=None,
        memory=None,
        dtype="float32",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            backbone,
            weights=weights,
            feature_layer=feature_layer,
            head=head,
            preprocess=preprocess,
            frozen_depth=frozen_depth,
            recipe=recipe,
            learning_rate=learning_rate,
            head_learning_rate=head_learning_rate,
            layer_decay=layer_decay,
            optimizer=optimizer,
            weight_decay=weight_decay,
            l2_sp=l2_sp,
            label_smoothing=label_smoothing,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            scoring=scoring,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            class_weight=class_weight,
            warm_start=warm_start,
            callbacks=callbacks,
            memory=memory,
            dtype=dtype,
            random_state=random_state,
            verbose=verbose,
        )
        self.method = method
        self.target_labels = target_labels

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        *,
        sample_domain=None,
        X_target=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train on the source for the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of the shape that the backbone takes, or flat rows of the same size.
        y : array-like of shape (n_samples,)
            Class labels. Those of target rows may be anything, None and NaN too.
        sample_domain : array-like of shape (n_samples,) or None, default=None
            Integers, 0 or more for rows of a source and less than 0 for rows of a
            target; different numbers are different domains. None means that all rows
            of X are of one source.
        X_target : array-like of shape (n_target, ...), tuple or None, default=None
            Unlabeled rows of a target, beside those in X. In a tuple of one array they
            are not cut by a search or cross-validation.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X; a row of weight 0 is as good as absent. Rows of
            the target without a label all count alike.
        X_val : array-like of shape (n_val, ...) or None, default=None
            Samples of a validation set of your own, in place of a random part of X;
            for groups or time, for example. Used with ``early_stopping=True``. In a
            ``Pipeline``, ``transform_input=["X_val"]`` transforms it as X.
        y_val : array-like of shape (n_val,) or None, default=None
            Labels of `X_val`.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Weights of `X_val`.

        Returns
        -------
        self : DomainAdaptedClassifier

        Raises
        ------
        ValueError
            When the data or a parameter is not usable, among them BackboneError; or
            when the loss becomes NaN (NonFiniteLossError).
        """
        is_warm = self.warm_start and hasattr(self, "backbone_")
        fitted = self._copy_for_fit(is_warm=is_warm)
        data = X, y, sample_domain, X_target
        validation = X_val, y_val, sample_weight_val
        reports = fitted._fit_domains(self, data, sample_weight, validation)  # noqa: SLF001
        return self._take(fitted, reports)

    def _fit_domains(self, estimator, data, sample_weight, validation):
        """Fit this copy of an estimator."""
        from sktransfer.adaptation import SourceOnly
        from sktransfer.adaptation.registry import resolve_method

        source = read_source(self.backbone)
        method = resolve_method(self.method)
        if source.learns_in_context:
            self._check_in_context(method, source)
        samples = self._check_domains(data, sample_weight, source)
        if not samples.has_target and not isinstance(method, SourceOnly):
            warn_user(
                "There are no samples of a target, so this is plain fine-tuning. Pass "
                "sample_domain, with numbers less than 0 for samples of the target in "
                "X, or X_target."
            )
        labeled, old_classes = samples.labeled, getattr(self, "classes_", None)
        check_classes(labeled.y, old_classes, keeps_head=self.head == "keep")
        head = make_head(labeled.y)
        task = self._make_task(
            labeled,
            head,
            source,
            validation=self._check_validation(validation, labeled, head),
            is_warm=old_classes is not None,
            is_target=samples.is_target,
            adapt=functools.partial(_adapt, clone(method), samples),
        )
        reports = self._fit_task(task, source, estimator)
        if source.learns_in_context:
            self._describe_in_context(samples, task)
        return reports

    def _check_in_context(self, method, source):
        """Check that nothing needs gradient steps."""
        from sktransfer.adaptation import Auto, SourceOnly

        if not isinstance(method, (Auto, SourceOnly)):
            raise ValueError(
                f"method={method} adapts by gradient steps, or changes a network that "
                "was trained by them; backbone='tabular' learns in context. Use "
                "method='auto', with labels of some samples of the target if there are "
                "any, or backbone='mlp'."
            )
        if self._choose_recipe(source).order != "in_context":
            raise ValueError(
                f"recipe={self.recipe!r} is not for backbone='tabular' in "
                "DomainAdaptedClassifier; expected 'auto' or 'in_context'."
            )

    def _describe_in_context(self, samples, task):
        """Set the attributes that an adaptation method sets otherwise."""
        from sktransfer.adaptation import SourceOnly

        self.method_, self.target_prior_ = SourceOnly(), None
        self.source_weights_ = np.zeros(len(task.samples.X))
        self.source_weights_[task.samples.index] = 1.0
        if samples.has_target:
            target, _ = samples.target(task.samples.X, task.backbone.input_shape)
            X = take_rows(target.X, target.index)
            logits = self._predictor.logits(self.backbone_, X)
            self.target_prior_ = task.head.predict_proba(logits).mean(axis=0)

    def _check_domains(self, data, sample_weight, source):
        X, y, sample_domain, X_target = data
        return DomainSamples.check(
            X,
            y,
            sample_domain,
            X_target,
            use_target=self.target_labels == "use",
            check_input=lambda X, y: self._check_fit_input(
                X, y, sample_weight, source=source
            ),
            check_X=lambda X: check_rows(self, X, reset=False, columns=self._columns),
        )


def _adapt(method, samples, task, stages):
    """Train by a method; imports TensorFlow when it is called."""
    from sktransfer.adaptation.adapt import adapt

    return adapt(method, samples, task, stages)
