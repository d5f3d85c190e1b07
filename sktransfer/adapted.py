"""DomainAdaptedClassifier: adapt a Keras network to a target without labels."""

import functools
from dataclasses import replace

from sklearn.base import _fit_context, clone
from sklearn.callback import with_callbacks
from sklearn.utils._param_validation import StrOptions

from sktransfer._context_choice import ContextChoiceMixin
from sktransfer._estimator import BaseTransferClassifier
from sktransfer._inputs.domain_samples import DomainSamples
from sktransfer._inputs.labels import check_classes
from sktransfer._inputs.samples import check_rows
from sktransfer._suggestions import suggest_keywords
from sktransfer._warnings import warn_user
from sktransfer.heads import make_head


class DomainAdaptedClassifier(ContextChoiceMixin, BaseTransferClassifier):
    """Classifier trained on a labeled source for an unlabeled target.

    ``DomainAdaptedClassifier().fit(X, y, sample_domain=sample_domain)`` uses samples of
    both domains in X; `sample_domain` is less than 0 for those of the target. Samples
    of the target can also be in `X_target`. Their labels are never read unless
    ``target_labels="use"``. Without a target it is plain fine-tuning, as
    :class:`TransferClassifier` with the same parameters.

    It predicts for the target. The network of the methods "ensemble", "stacking",
    "label_shift", "adabn", "domain_standardize", "tent" and "shot" can be worse on the
    source; "auto" may choose one of them. Other methods make one network for both
    domains.

    Ten parameters matter most: `backbone`, `frozen_depth`, `recipe`, `learning_rate`,
    `epochs`, `batch_size`, `early_stopping`, `class_weight`, `random_state` and
    `verbose`. The defaults of the others suit most tasks.

    Parameters
    ----------
    backbone : str, path-like, callable, keras.Model or Backbone, default="mlp"
        Network to start from, as in :class:`TransferClassifier`; "auto" is "mlp" here.
        "tabular" needs the method "auto" or "source_only". With
        ``target_labels="use"`` it gets one more column, which marks the samples of the
        target; "auto" may leave the source out, if that is better on labels of the
        target.
    method : str or AdaptationMethod, default="auto"
        How the network is adapted: a name, or an object with parameters, such as
        ``MCC(temperature=3)``; see :ref:`adaptation_methods`. "auto" chooses a method,
        or none, by the samples of the target; with labels of the target it also weighs
        source against target. See :class:`~sktransfer.adaptation.Auto`.
    target_labels : {"ignore", "use"}, default="ignore"
        "ignore" never reads labels of the target. "use" also learns from the labeled
        samples of the target. A label of None or NaN, or -1 where that is not a class
        of the source, means unlabeled.
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
        Which weights are trained, and in which order; see :class:`TransferClassifier`.
        "auto" is "in_context" for "tabular", which has no other, and "lp_ft" for other
        backbones [1]_ [2]_. A :class:`~sktransfer.Recipe` has more options.
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
        usually the first parameter to tune. None is 1e-3; 2e-3 for "mlp_ensemble", from
        which it decreases along a cosine.
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
        Number of samples in a gradient step. None is 32; 16 to 256 for "mlp_ensemble".
    epochs : int or None, default=None
        Maximum number of epochs, over all stages of the recipe. None is 50; 15 for
        "mlp_ensemble", and less above 20,000 samples.
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
        Class labels of the labeled samples.
    method_ : AdaptationMethod
        The method that was used. For "auto" the method that it chose.
    decision_ : ResultsTable or None
        Evidence by which "auto" chose, in the order in which it was computed: a value,
        the condition for it, and whether the condition holds. With "stacking", also the
        log losses and weights of the models. None for other methods.
    target_prior_ : ndarray of shape (n_classes,) or None
        Estimated class prior of the target: the estimate of the method, or the mean of
        the predicted probabilities if it has none. None without a target.
    source_weights_ : ndarray of shape (n_samples,)
        Factors of the method on the weights of the samples in X. Their mean over the
        source is 1. They are 0 for samples that were not used as labeled ones.
    frozen_depth_ : int
        Number of frozen layers with weights.
    start_weights_ : list of ndarray or None
        Weights of the backbone and of the head before the first gradient step. None if
        the backbone was not pretrained.
    context_ : NamedTuple of ndarray
        Only after a fit in which "tabular" learned: the labeled samples in the views of
        the network. `predict` needs them. They are not in ``backbone_``.
    history_ : dict of list
        One value for each epoch; the keys are those of :class:`TransferClassifier`.
        "loss" and "accuracy" are those of the labeled samples. Some methods add
        "alignment_loss", and "domain_accuracy" of their discriminator. The stage
        "target" trains on the target only.
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
    _fine_tunes_in_context = False
    _parameter_constraints = {
        **BaseTransferClassifier._parameter_constraints,  # noqa: SLF001
        "method": "no_validation",
        "target_labels": [StrOptions({"ignore", "use"})],
    }

    @suggest_keywords
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
        frozen_depth=None,
        recipe="auto",
        n_estimators=None,
        softmax_temperature=None,
        learning_rate=None,
        head_learning_rate=None,
        layer_decay=None,
        optimizer=None,
        weight_decay=None,
        l2_sp=None,
        label_smoothing=None,
        batch_size=None,
        epochs=None,
        early_stopping=None,
        scoring="loss",
        validation_fraction=None,
        n_iter_no_change=None,
        tol=None,
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
            n_estimators=n_estimators,
            softmax_temperature=softmax_temperature,
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
    @suggest_keywords
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
            Samples in the shape that the backbone expects, or flattened.
        y : array-like of shape (n_samples,)
            Class labels. Those of the target may be anything, also None and NaN.
        sample_domain : array-like of shape (n_samples,) or None, default=None
            One integer for each sample: 0 or more for a source, less than 0 for a
            target. Different numbers are different domains. None means that all samples
            of X are of one source.
        X_target : array-like of shape (n_target, ...), tuple or None, default=None
            More unlabeled samples of the target. A search or cross-validation does not
            split a tuple of one array.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples. A sample of weight 0 is ignored. Unlabeled samples
            of the target all have the same weight.
        X_val : array-like of shape (n_val, ...) or None, default=None
            Samples of your own validation set: for example, of other groups or later
            times than X. They turn on early stopping. None uses a random part of X for
            ``early_stopping=True``. A ``Pipeline`` transforms it with
            ``transform_input=["X_val"]``.
        y_val : array-like of shape (n_val,) or None, default=None
            Labels of `X_val`.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Weights of the samples in `X_val`.

        Returns
        -------
        self : DomainAdaptedClassifier

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid. It is a BackboneError if the backbone
            does not fit the data, and a NonFiniteLossError if the loss becomes NaN.
        """
        fitted = self._copy_for_fit()
        data = X, y, sample_domain, X_target
        validation = X_val, y_val, sample_weight_val
        reports = fitted._fit_domains(self, data, sample_weight, validation)  # noqa: SLF001
        return self._set_state(fitted, reports)

    def _fit_domains(self, estimator, data, sample_weight, validation):
        """Fit this copy of an estimator."""
        from sktransfer.adaptation import SourceOnly, in_context
        from sktransfer.adaptation.adapt import adapt
        from sktransfer.adaptation.registry import resolve_method

        source = self._read_source()
        method = resolve_method(self.method)
        samples = DomainSamples.check(
            *data,
            use_target=self.target_labels == "use",
            check_input=lambda X, y: self._check_fit_input(
                X, y, sample_weight, source=source
            ),
            check_X=lambda X: check_rows(self, X, reset=False, columns=self._columns),
        )
        source = self._choose_source(source, samples.labeled, needs_steps=True)
        if not samples.has_target and not isinstance(method, SourceOnly):
            warn_user(
                "There are no samples of a target, so this is plain fine-tuning. Pass "
                "X_target, or a sample_domain below 0 for samples of the target in X. "
                "In a search, `groups` reaches the splitter alone."
            )
        labeled, old_classes = samples.labeled, getattr(self, "classes_", None)
        check_classes(
            labeled.y,
            old_classes,
            keeps_head=self.head == "keep",
            has_domains=data[2] is not None,
        )
        decision = None
        if source.learns_in_context and in_context.chooses(method, self.recipe):
            labeled, decision = self._choose_context(source, samples)
            samples = replace(samples, labeled=labeled)
        head = make_head(labeled.y)
        task = self._make_task(
            labeled,
            head,
            source,
            validation=self._check_validation(validation, labeled, head),
            is_warm=old_classes is not None,
            is_target=samples.is_target,
            adapt=functools.partial(adapt, clone(method), samples),
        )
        if source.learns_in_context:
            in_context.check_method(method, task.order, samples)
        reports = self._fit_task(task, source, estimator, data[0])
        if source.learns_in_context:
            vars(self).update(
                in_context.attributes(samples, task, self.backbone_, self._predictor),
                decision_=decision,
            )
        if self.verbose and self.decision_ is not None:
            print(f"method={method} chose {self.method_}; see decision_.")
        return reports
