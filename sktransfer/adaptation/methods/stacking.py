"""Stacking: few labels of the target decide what is trusted, source or target."""

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from sktransfer._large_arrays import take_rows
from sktransfer._results_table import ResultsTable
from sktransfer.adaptation.base import AdaptationMethod
from sktransfer.adaptation.methods.mme import MME
from sktransfer.adaptation.parameter_checks import COUNT, check_methods

_N_SPLITS = 3
# Inverse penalties of the logistic regressions on columns, and on logits.
_C_COLUMNS, _C_LOGITS = (0.1, 1.0), 0.3
# Tables with more columns, and images, are classified by their features.
_MAX_COLUMNS = 1000
_MAX_Z = 5.0
_MIN_PROBA, _MAX_ITER = 1e-6, 200


class Stacking(AdaptationMethod):
    r"""Use few labels of the target to weigh models of source and target.

    With few labels it is not known whether the source helps or misleads. So several
    models are fitted:

    - "adapted": `method`, without the labels of the target;
    - "source, corrected": a logistic regression of the labels of the target on the
      logits of a network that is trained on the source alone;
    - "target": two logistic regressions of the labels of the target on the columns, or
      on the features of the adapted network if there are no columns; with the inverse
      penalties 0.1 and 1;
    - "pooled": the network that is trained on all labeled samples;
    - "pooled, linear": a logistic regression of all labeled samples.

    All but the first are cross-fitted on the n labeled samples of the target. (A single
    label cannot be held aside; then the network is that of "adapted".) With
    :math:`p_m(y_i)` the probability of the label of sample i by model m, which was not
    fitted to it, the weights of the models maximize [1]_

    .. math:: \sum_i \log \sum_m w_m p_m(y_i) + \sum_m \log w_m

    The last term has the weight of one sample for each model.

    One network then learns the weighted mean of the predicted probabilities on the
    samples of the target, as in :class:`Ensemble`, and also on those of the source if
    they are more. It is for the target only. ``decision_`` of the estimator has the log
    losses and the weights.

    It needs labels of the target: ``target_labels="use"``. The time is that of `method`
    and of five more trainings.

    Parameters
    ----------
    trade_off : float, default=1.0
        0 disables adaptation. Other values have no effect.
    method : AdaptationMethod or None, default=None
        Method without labels of the target. None is :class:`Auto`.
    epochs : int or None, default=None
        Number of epochs of the last network. None is that of the estimator.

    References
    ----------
    .. [1] Yao et al. (2018). Using Stacking to Average Bayesian Predictive
       Distributions. Bayesian Analysis 13(3). arXiv:1704.02030
    """

    _parameter_constraints = {
        "method": [AdaptationMethod, None],
        "epochs": [COUNT, None],
    }

    def __init__(self, trade_off=1.0, *, method=None, epochs=None):
        self.trade_off = trade_off
        self.method = method
        self.epochs = epochs

    def check_parameters(self):
        """Check the parameters, and those of the method."""
        super().check_parameters()
        check_methods(self, "method", [] if self.method is None else [self.method])
        if isinstance(self.method, (Stacking, MME)):
            raise ValueError(
                f"The 'method' parameter of Stacking is {self.method!r}, which needs "
                "labels of the target; expected a method without them, such as Auto()."
            )

    def adapt(self, task):
        """Fit the models, weigh them, and train the network; see the base class."""
        task = task.part(np.flatnonzero(task.source.sample_weight > 0))
        if not (task.source_domains < 0).any():
            raise ValueError(
                f"method={self} needs some labels of the target, of a weight above 0: "
                "use target_labels='use', and y with the labels that are known."
            )
        method = self.method
        if method is None:
            from sktransfer.adaptation.default import Auto

            method = Auto()
        is_target = task.source_domains < 0
        if is_target.sum() == 1:
            # One label cannot be held aside.
            fit = method.adapt(task.part(np.flatnonzero(~is_target)))
            return fit.replace(attributes=fit.attributes | {"method": self})
        models = _Models(task, method)
        weights, losses = models.weigh()
        proba = sum(w * models.proba[name] for name, w in weights.items())
        fit = task.distill(
            models.nearest_fit(proba), proba, samples=models.rows, epochs=self.epochs
        )
        rows = list(models.decision)
        for text, values in (("log loss", losses), ("weight", weights)):
            rows += [
                {
                    "evidence": f"{text} of {name!r} on labels of the target",
                    "value": value,
                    "condition": "",
                    "holds": None,
                }
                for name, value in values.items()
            ]
        attributes = {"method": self, "decision": ResultsTable(rows)}
        return fit.replace(attributes=attributes)


class _Models:
    """The models, and their probabilities for the rows to learn from.

    Attributes
    ----------
    rows : Samples
        Target samples, and source samples if they are more.
    proba : dict of ndarray of shape (n_rows, n_classes)
        Class probabilities of the models for `rows`, by name.
    decision : ResultsTable or tuple
        What the method for "adapted" has decided; empty if it decides nothing.
    held_out : dict of ndarray of shape (n_labeled, n_classes)
        Class probabilities for the labeled samples of the target, by models that were
        not fitted to their labels.
    """

    def __init__(self, task, method):
        self._task = task
        is_target = task.source_domains < 0
        self._source, self._target = (
            np.flatnonzero(~is_target),
            np.flatnonzero(is_target),
        )
        self._labeled = task.source.part(self._target)
        self.rows = _rows_to_learn(task, self._source)
        self.proba, self.held_out, self._fits = {}, {}, {}
        self._all = task.source.part(np.concatenate([self._source, self._target]))
        alone = task.part(self._source)
        adapted = method.adapt(alone)
        self.decision = adapted.attributes.get("decision") or ()
        self._add("adapted", adapted)
        self._add("pooled", task.source_fit)
        self._cross_fit(alone.source_fit)

    def _add(self, name, fit):
        self._fits[name] = fit
        self.proba[name] = self._task.proba(fit, self.rows)
        self.held_out[name] = self._task.proba(fit, self._labeled)

    def _cross_fit(self, source_fit):
        """Fit the models that learn labels of the target, also without each fold."""
        n, n_source = len(self._labeled), len(self._source)
        everything = np.arange(n_source, n_source + n)
        logits = [
            np.log(self._task.proba(source_fit, samples) + _MIN_PROBA)
            for samples in (self._all, self.rows)
        ]
        inputs = self._inputs()
        nothing, source = np.empty(0, dtype=int), np.arange(n_source)
        regressions, folds = {}, _folds(self._labeled.y)
        if len(np.unique(self._labeled.y)) > 1:
            regressions["source, corrected"] = (*logits, nothing, _C_LOGITS)
            for C in _C_COLUMNS:
                regressions[f"target, C={C:g}"] = (*inputs, nothing, C)
        regressions["pooled, linear"] = (*inputs, source, 1.0)
        for name, (X, X_rows, more, C) in regressions.items():
            chosen = np.concatenate([more, everything])
            self.proba[name] = self._regress(X, chosen, X_rows, C)
            self.held_out[name] = np.full((n, self._task.n_classes), np.nan)
        for train, test in folds:
            chosen = np.concatenate([self._source, self._target[train]])
            fit = self._task.train(chosen=chosen)
            self.held_out["pooled"][test] = self._task.proba(
                fit, self._labeled.part(test)
            )
            for name, (X, _, more, C) in regressions.items():
                chosen = np.concatenate([more, everything[train]])
                self.held_out[name][test] = self._regress(
                    X, chosen, X[everything[test]], C
                )

    def _inputs(self):
        """Return standardized columns, or features, of labeled samples and of rows."""
        samples, shape = (self._all, self.rows), self.rows.X.shape[1:]
        if len(shape) == 1 and shape[0] <= _MAX_COLUMNS:
            X = [take_rows(s.X, s.index).astype(np.float64) for s in samples]
        else:
            X = [self._task.features(self._fits["adapted"], s) for s in samples]
        scale = StandardScaler().fit(X[1])
        return [np.clip(scale.transform(values), -_MAX_Z, _MAX_Z) for values in X]

    def _regress(self, X, chosen, X_new, C):
        """Fit a logistic regression to labeled samples; return probabilities."""
        y, weight = self._all.y[chosen], self._all.sample_weight[chosen]
        weight = weight / weight.mean()
        classes = np.unique(y)
        proba = np.full((len(X_new), self._task.n_classes), _MIN_PROBA)
        if len(classes) == 1:
            proba[:, classes] = 1.0
        else:
            model = LogisticRegression(C=C, max_iter=1000)
            model.fit(X[chosen], y, sample_weight=weight)
            proba[:, model.classes_] += model.predict_proba(X_new)
        return proba / proba.sum(axis=1, keepdims=True)

    def weigh(self):
        """Return weights of the models, and their mean log losses."""
        y, weight = self._labeled.y, self._labeled.sample_weight
        weight = weight / weight.mean()
        names = list(self.held_out)
        true = np.column_stack(
            [p[np.arange(len(y)), y] for p in self.held_out.values()]
        )
        true = np.maximum(true, _MIN_PROBA)
        weights = np.full(len(names), 1 / len(names))
        # Expectation maximization; a model has the weight of one sample beforehand.
        for _ in range(_MAX_ITER):
            share = true * weights
            share *= weight[:, None] / share.sum(axis=1, keepdims=True)
            weights = (share.sum(axis=0) + 1) / (len(y) + len(names))
        losses = -weight @ np.log(true) / len(y)
        return (
            dict(zip(names, weights.tolist(), strict=True)),
            dict(zip(names, losses.tolist(), strict=True)),
        )

    def nearest_fit(self, proba):
        """Return the network whose predicted classes agree most with probabilities."""
        y = proba.argmax(axis=1)

        def agreement(name):
            return (self.proba[name].argmax(axis=1) == y).mean()

        return self._fits[max(self._fits, key=agreement)]


def _rows_to_learn(task, source):
    """Return the target samples, and those of the source too if they are more."""
    target, source = task.target, task.source.part(source)
    if len(target) >= len(source):
        return target
    X = np.concatenate([take_rows(s.X, s.index) for s in (target, source)])
    n = len(X)
    return replace(
        target,
        X=X,
        index=np.arange(n),
        y=np.zeros(n, np.int32),
        sample_weight=np.ones(n),
    )


def _folds(y):
    """Split labeled samples; folds have samples of each class if there are enough."""
    n_splits = min(_N_SPLITS, len(y))
    counts = np.bincount(y)
    stratified = counts[counts > 0].min() >= n_splits
    splitter = StratifiedKFold if stratified else KFold
    folds = splitter(n_splits, shuffle=True, random_state=0)
    return list(folds.split(np.zeros(len(y)), y))
