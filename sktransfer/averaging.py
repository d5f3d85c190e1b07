"""Averages of weights after the fit: with the pretrained ones, and of several fits."""

import copy
import numbers

import numpy as np
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted

from sktransfer._inputs.samples import check_rows, shape_rows

_ALPHAS = np.linspace(0, 1, 11)


class Interpolation:
    """What a fitted estimator needs to be interpolated.

    It has ``start_weights_``: the weights of the backbone and of the head before the
    first gradient step, or None for a network that was not pretrained. Frozen ones are
    the same arrays as in ``backbone_``.
    """

    def interpolate(self, alpha="auto", X_val=None, y_val=None):
        r"""Make an estimator with weights between the pretrained and the fitted ones.

        Its weights, the head's too, are
        :math:`(1 - \alpha) \theta_{pretrained} + \alpha \theta_{fitted}` [1]_. What was
        learned on few rows of one domain costs less on others that way. The head that
        goes with the pretrained weights is the linear probe of "lp_ft", or the one that
        was kept or warm-started.

        Parameters
        ----------
        alpha : float or "auto", default="auto"
            From 0, the pretrained weights, to 1, the fitted ones. "auto" takes that of
            0, 0.1, ..., 1 with the least log loss on the validation rows, which a few
            rows tell apart better than accuracy does.
        X_val : array-like of shape (n_samples, ...) or None, default=None
            Rows that were not trained on, of the domains that count; for "auto".
        y_val : array-like of shape (n_samples,) or None, default=None
            Their labels.

        Returns
        -------
        estimator : same type
            Fitted, with the attribute ``interpolation_alpha_``; its history is that of
            the fit. This one is not changed.

        Raises
        ------
        ValueError
            When `alpha` is out of range, rows for "auto" are missing, or there is no
            trained network, or no head, to start from.

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

        def at(alpha):
            pairs = zip(start, end, strict=True)
            return _with_weights(self, [_between(a, b, alpha) for a, b in pairs])

        if isinstance(alpha, str) and alpha == "auto":
            if X_val is None or y_val is None:
                raise ValueError(
                    "alpha='auto' chooses on validation rows; pass X_val and y_val, or "
                    "a float in [0, 1]."
                )
            losses = [
                log_loss(y_val, at(a).predict_proba(X_val), labels=self.classes_)
                for a in _ALPHAS
            ]
            alpha = _ALPHAS[int(np.argmin(losses))]
        elif isinstance(alpha, bool) or not isinstance(alpha, numbers.Real):
            raise TypeError(
                f"alpha={alpha!r} is of type {type(alpha).__name__}; expected a float "
                "in [0, 1] or 'auto'."
            )
        elif not 0 <= alpha <= 1:
            raise ValueError(f"alpha={alpha!r}; expected a float in [0, 1] or 'auto'.")
        estimator = at(alpha)
        estimator.interpolation_alpha_ = float(alpha)
        return estimator

    def _check_start(self):
        if self.start_weights_ is None:
            raise ValueError(
                f"The backbone, {self.backbone_.name!r}, was not pretrained: there are "
                "no weights to interpolate with."
            )
        if not np.any(self.start_weights_[-2]):
            raise ValueError(
                "Training began with a new head, which does not fit the pretrained "
                "features. Fit with recipe='lp_ft', or with head='keep'."
            )
        return self.start_weights_


def soup(estimators, X_val, y_val):
    """Average the weights of fits that differ in training parameters alone.

    The greedy soup [1]_: from the most accurate fit on the validation rows down, each
    is added to the average if the average does not get less accurate there. It predicts
    at the cost of one network, where an ensemble has that of all.

    Statistics of batch normalization are those of the backbone in all fits, and stay.
    Where fits have estimated their own, those of the average are estimated on `X_val`.

    Parameters
    ----------
    estimators : list of TransferClassifier or DomainAdaptedClassifier
        Fitted, from the same backbone, and from the same head: with ``recipe="lp_ft"``
        on the same rows it is the same probe, whatever the `random_state`.
    X_val : array-like of shape (n_samples, ...)
        Rows that were not trained on.
    y_val : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    estimator : same type
        Fitted: a copy of the most accurate one with the averaged weights, and the
        attribute ``soup_members_``, positions in `estimators`, the first one first. Its
        history is that of the most accurate fit.

    Raises
    ------
    TypeError, ValueError
        When something else than such estimators is given, or when they did not start
        from the same weights.

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
    >>> rows = X_new[960:1200], y[960:1200]
    >>> averaged = soup(fits, *rows)
    >>> averaged.score(*rows) >= max(clf.score(*rows) for clf in fits)
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
    """Copy a fitted estimator with other weights of its backbone and head."""
    estimator = copy.copy(estimator)
    vars(estimator).pop("_partial_fit_state", None)
    backbone = estimator.backbone_
    *of_backbone, kernel, bias = weights
    estimator.backbone_ = backbone.replace(weights=of_backbone, head=[kernel, bias])
    return estimator


def _average(estimators, X):
    """Average the weights of fitted estimators; statistics are those on X."""
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
    X = check_rows(average, X, reset=False)
    return _with_own_statistics(
        average, estimators, shape_rows(X, backbone.input_shape)
    )


def _with_own_statistics(average, estimators, X):
    """Estimate the statistics of BatchNormalization that differ between fits on X."""
    from sktransfer.training.step.program_cache import get_program

    backbone, weights = average.backbone_, average.weights_
    program = get_program(
        backbone, average.frozen_depth_, len(backbone.head[1]), average.dtype
    )
    own = [
        i
        for i in program.statistics
        if not all(np.array_equal(e.weights_[i], weights[i]) for e in estimators)
    ]
    if not own:
        return average
    with program.held():
        program.load(backbone.weights, backbone.head)
        statistics = program.batch_statistics(X, np.arange(len(X)))
    for i in own:
        weights[i] = statistics[i].astype(weights[i].dtype)
    return _with_weights(average, weights)


def _check_members(estimators):
    if not estimators:
        raise ValueError("estimators is empty; expected fitted estimators.")
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
                f"estimators[{i}] was trained from scratch; weights can be averaged "
                "where fits start from the same pretrained backbone."
            )
        if (
            estimator.backbone_.program_key != first.backbone_.program_key
            or not np.array_equal(estimator.classes_, first.classes_)
        ):
            raise ValueError(
                f"estimators[{i}] has another network, or other classes, than "
                "estimators[0]; fit all from the same backbone on the same classes."
            )
        parts = ("backbone", slice(-2)), ("head", slice(-2, None))
        for name, part in parts:
            own, other = estimator.start_weights_[part], first.start_weights_[part]
            if not all(map(np.array_equal, own, other)):
                raise ValueError(
                    f"estimators[{i}] started from another {name} than estimators[0]. "
                    "Fit all from the same backbone, with recipe='lp_ft' on the same "
                    "samples or with head='keep'."
                )
