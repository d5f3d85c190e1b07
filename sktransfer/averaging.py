"""Averages of weights: of a fit with its start, and of several fits."""

import copy
import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktransfer._inputs.samples import check_rows
from sktransfer._large_arrays import take_rows
from sktransfer.heads import evaluate
from sktransfer.training.store.feature_folder import memory_folder

_ALPHAS = np.linspace(0, 1, 11)
# Fitted attributes of averages, which no fit has.
AVERAGING_ATTRIBUTES = ("interpolation_alpha_", "soup_members_")


class Interpolation:
    """Mixin that adds `interpolate` to an estimator.

    The fitted estimator has ``start_weights_``: the weights of the backbone and of the
    head before the first gradient step, or None if the backbone was not pretrained.
    Frozen weights are the same arrays as in ``backbone_``.
    """

    def interpolate(self, alpha="auto", X_val=None, y_val=None, sample_weight_val=None):
        r"""Make an estimator with weights between the pretrained and the fitted ones.

        The weights of the backbone and of the head are
        :math:`(1 - \alpha) \theta_{pretrained} + \alpha \theta_{fitted}` [1]_. Their
        accuracy on other domains is often higher than that of the fitted weights. The
        pretrained weights need a head: the linear probe of ``recipe="lp_ft"``, the
        classification layer of ``head="keep"``, or the head of a warm start.

        Parameters
        ----------
        alpha : float or "auto", default="auto"
            Number in [0, 1]: 0 is the pretrained weights, 1 the fitted ones. "auto"
            chooses the value of 0, 0.1, ..., 1 with the lowest log loss on the
            validation set.
        X_val : array-like of shape (n_val, ...) or None, default=None
            Validation set for "auto": samples that were not trained on, from the
            domains that the predictions are for.
        y_val : array-like of shape (n_val,) or (n_val, n_labels) or None, default=None
            Labels of `X_val`.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Weights of the samples in `X_val`.

        Returns
        -------
        estimator : same type
            Fitted copy with the new weights and the attribute
            ``interpolation_alpha_``. Its history is that of the fit. This estimator is
            not changed.

        Raises
        ------
        ValueError
            If `alpha` is not in [0, 1], if "auto" has no validation set, if the
            backbone was not pretrained, or if training started with an untrained head.

        References
        ----------
        .. [1] Wortsman et al. (2022). Robust Fine-Tuning of Zero-Shot Models. CVPR.
           arXiv:2109.01903

        Examples
        --------
        >>> from sktransfer import TransferClassifier
        >>> from sktransfer.datasets import load_shifted_digits
        >>> X, y, sample_domain = load_shifted_digits("rotated", random_state=0)
        >>> old, new = sample_domain >= 0, sample_domain < 0
        >>> source = TransferClassifier("mlp", epochs=20, random_state=0).fit(
        ...     X[old], y[old]
        ... )
        >>> tuned = TransferClassifier(
        ...     source.backbone_, head="keep", learning_rate=4e-3, random_state=0
        ... ).fit(X[new][:100], y[new][:100])
        >>> between = tuned.interpolate(0.6)
        >>> between.score(X[old], y[old]) > tuned.score(X[old], y[old]) + 0.05
        True
        >>> between.score(X[new], y[new]) > source.score(X[new], y[new]) + 0.3
        True
        """
        check_is_fitted(self)
        start = self._check_start()
        end = [*self.backbone_.weights, *self.backbone_.head]

        def interpolated(alpha):
            pairs = zip(start, end, strict=True)
            return [_between(a, b, alpha) for a, b in pairs]

        if isinstance(alpha, str) and alpha == "auto":
            if X_val is None or y_val is None:
                raise ValueError(
                    "alpha='auto' needs a validation set; pass X_val and y_val, or "
                    "alpha as a float in [0, 1]."
                )
            validation = self._check_labeled(
                X_val, y_val, sample_weight_val, self._head
            )
            losses = [self._loss(interpolated(a), validation) for a in _ALPHAS]
            alpha = _ALPHAS[int(np.argmin(losses))]
        elif isinstance(alpha, bool) or not isinstance(alpha, numbers.Real):
            raise TypeError(
                f"alpha={alpha!r} is of type {type(alpha).__name__}; expected a float "
                "in [0, 1] or 'auto'."
            )
        elif not 0 <= alpha <= 1:
            raise ValueError(f"alpha={alpha!r}; expected a float in [0, 1] or 'auto'.")
        estimator = _with_weights(self, interpolated(alpha))
        estimator.interpolation_alpha_ = float(alpha)
        return estimator

    def _loss(self, weights, samples):
        """Compute the log loss of other weights on labeled samples."""
        backbone = self.backbone_.replace(weights=weights[:-2], head=weights[-2:])
        X = take_rows(samples.X, samples.index)
        X = self._predictor.prepare(backbone, X, "X_val")
        logits = self._predictor.logits(backbone, X, memory_folder(self.memory))
        targets = self._head.targets(samples.y)
        return evaluate(self._head, logits, targets, samples.sample_weight)[0]

    def _check_start(self):
        if self.start_weights_ is None:
            raise ValueError(
                f"The backbone {self.backbone_.name!r} was not pretrained, so there "
                "are no weights to interpolate with. Fit with a pretrained backbone."
            )
        if not np.any(self.start_weights_[-2]):
            raise ValueError(
                "Training started with a new head that was not trained on the "
                "pretrained features. Fit with recipe='lp_ft' or head='keep'."
            )
        return self.start_weights_


def soup(estimators, X_val, y_val):
    """Average the weights of fits that started from the same weights.

    This is the greedy soup [1]_. It starts from the fit with the highest accuracy on
    the validation set. Then it adds the other fits to the average, from the best to the
    worst, unless the accuracy of the average decreases. An ensemble predicts with all
    networks, a soup with one.

    The statistics of BatchNormalization are the same in all fits and are kept. If fits
    have statistics of their own, the soup computes new ones on `X_val`.

    Parameters
    ----------
    estimators : list of TransferClassifier or DomainAdaptedClassifier
        Fitted estimators with the same backbone and the same head at the start. All
        fits with ``recipe="lp_ft"`` on the same samples start from the same head. Other
        parameters, such as `learning_rate` and `random_state`, may differ, but for
        `softmax_temperature`, which is in the head.
    X_val : array-like of shape (n_val, ...)
        Validation set: samples that were not trained on.
    y_val : array-like of shape (n_val,)
        Labels of `X_val`.

    Returns
    -------
    estimator : same type
        Copy of the most accurate estimator with the averaged weights. Its attribute
        ``soup_members_`` has the positions in `estimators` of the fits in the average.
        Its history is that of the most accurate fit.

    Raises
    ------
    TypeError, ValueError
        If `estimators` has other objects, or fits that did not start from the same
        weights.

    References
    ----------
    .. [1] Wortsman et al. (2022). Model Soups: Averaging Weights of Multiple Fine-tuned
       Models Improves Accuracy without Increasing Inference Time. ICML.
       arXiv:2203.05482

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import TransferClassifier, soup
    >>> X, y = load_digits(return_X_y=True)
    >>> X_new = 1 - X / 16
    >>> source = TransferClassifier("mlp", random_state=0).fit(X[:900] / 16, y[:900])
    >>> fits = [
    ...     TransferClassifier(source.backbone_, learning_rate=rate, random_state=0)
    ...     for rate in (3e-4, 1e-3, 3e-3)
    ... ]
    >>> fits = [clf.fit(X_new[900:960], y[900:960]) for clf in fits]
    >>> X_val, y_val = X_new[960:1200], y[960:1200]
    >>> averaged = soup(fits, X_val, y_val)
    >>> averaged.score(X_val, y_val) >= max(clf.score(X_val, y_val) for clf in fits)
    True
    """
    estimators = list(estimators)
    _check_members(estimators)
    scores = [estimator.score(X_val, y_val) for estimator in estimators]
    first, *others = np.argsort(-np.array(scores), kind="stable").tolist()
    best, best_score, chosen = estimators[first], scores[first], [first]
    for i in others:
        candidate = _average([estimators[k] for k in [*chosen, i]], X_val)
        score = candidate.score(X_val, y_val)
        if score >= best_score:
            best, best_score, chosen = candidate, score, [*chosen, i]
    best = _with_weights(best, best.weights_)
    best.soup_members_ = np.array(chosen)
    return best


def _between(start, end, alpha):
    if np.array_equal(start, end) or not np.issubdtype(end.dtype, np.floating):
        return end
    return ((1 - alpha) * start + alpha * end).astype(end.dtype)


def _with_weights(estimator, weights):
    """Return a copy of a fitted estimator with other weights."""
    estimator = copy.copy(estimator)
    vars(estimator).pop("_partial_fit_state", None)
    backbone = estimator.backbone_
    estimator.backbone_ = backbone.replace(weights=weights[:-2], head=weights[-2:])
    return estimator


def _average(estimators, X):
    """Average the weights of fitted estimators; compute statistics on X if needed."""
    weights = [
        arrays[0]
        if all(np.array_equal(array, arrays[0]) for array in arrays)
        else np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype)
        for arrays in zip(*(e.weights_ for e in estimators), strict=True)
    ]
    average = _with_weights(estimators[0], weights)
    average.frozen_depth_ = min(e.frozen_depth_ for e in estimators)
    backbone = average.backbone_
    if backbone.learns_in_context:
        return average
    X = check_rows(average, X, reset=False, columns=average._columns)  # noqa: SLF001
    return _with_own_statistics(average, estimators, backbone.prepare(X, average.dtype))


def _with_own_statistics(average, estimators, X):
    """Compute the statistics of BatchNormalization that differ between fits on X."""
    from sktransfer.learners.by_steps import StepsPredictor

    backbone, weights = average.backbone_, average.weights_
    predictor = StepsPredictor(average.frozen_depth_, average.dtype, from_scratch=False)
    with predictor.program(backbone) as program:
        differing = [
            i
            for i in program.statistics
            if not all(np.array_equal(e.weights_[i], weights[i]) for e in estimators)
        ]
        if not differing:
            return average
        statistics = program.batch_statistics(X, np.arange(len(X)))
    for i in differing:
        weights[i] = statistics[i].astype(weights[i].dtype)
    return _with_weights(average, weights)


def _check_members(estimators):
    if not estimators:
        raise ValueError("estimators is empty; expected a list of fitted estimators.")
    first = estimators[0]
    for i, estimator in enumerate(estimators):
        if not isinstance(estimator, Interpolation):
            raise TypeError(
                f"estimators[{i}] is of type {type(estimator).__name__}; expected "
                "TransferClassifier or DomainAdaptedClassifier."
            )
        check_is_fitted(estimator)
        if estimator.start_weights_ is None:
            raise ValueError(
                f"estimators[{i}] was trained from scratch; expected fits that started "
                "from the same pretrained backbone."
            )
        if (
            estimator.backbone_.program_key != first.backbone_.program_key
            or not np.array_equal(estimator.classes_, first.classes_)
        ):
            raise ValueError(
                f"estimators[{i}] has another network or other classes than "
                "estimators[0]. Fit all from the same backbone on the same classes."
            )
        parts = ("backbone", slice(-2)), ("head", slice(-2, None))
        for name, part in parts:
            pairs = zip(
                estimator.start_weights_[part], first.start_weights_[part], strict=True
            )
            if not all(np.array_equal(*pair) for pair in pairs):
                raise ValueError(
                    f"estimators[{i}] started from another {name} than estimators[0]. "
                    "Fit all from the same backbone, with recipe='lp_ft' on the same "
                    "samples or with head='keep', and with the same "
                    "softmax_temperature."
                )
