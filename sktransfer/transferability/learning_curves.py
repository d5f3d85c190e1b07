"""The fits of a comparison: the plan, and one fit with its scores."""

import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from sktransfer._pipelines import sample_domain_name
from sktransfer._training_parameters import named_parameters, training_parameters
from sktransfer.learners.choose import read_source
from sktransfer.transferability._calibration import calibration
from sktransfer.transferability._candidates import describe_error
from sktransfer.transferability.baselines import find_networks


@dataclass(frozen=True)
class Data:
    """Samples of a comparison.

    Attributes
    ----------
    X : array or data frame of shape (n_samples, ...)
        All samples.
    y : ndarray of shape (n_samples,)
        Their labels.
    domains : ndarray of shape (n_samples,) or None
        0 or more for source samples, less than 0 for target samples.
    """

    X: object
    y: np.ndarray
    domains: np.ndarray | None = None

    def select(self, indices, *, flat):
        """Return some samples of X; with `flat` they have one dimension each."""
        X = _safe_indexing(self.X, indices)
        if flat and getattr(X, "ndim", 2) > 2:
            X = X.reshape(len(X), -1)
        return X


@dataclass(frozen=True)
class Split:
    """A split into a training and a test set.

    Attributes
    ----------
    number, seed : int
        Number of the split, and random_state of its fits.
    train : ndarray of int
        Training indices. The first ones are the smallest subset.
    test : ndarray of int
        Test indices.
    """

    number: int
    seed: int
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class PlannedFit:
    """One fit.

    Attributes
    ----------
    model : ComparedModel
        The model.
    split : Split
        Its samples.
    sizes : tuple of int
        Sizes of the training subset; several when the fit is the same for all.
    epochs : int or None
        Number of epochs, when fewer than the estimator has.
    """

    model: object
    split: Split
    sizes: tuple
    epochs: int | None = None


def plan_fits(models, splits, sizes):
    """List the fits, split by split, so that an interrupted report can be compared.

    Parameters
    ----------
    models : list of ComparedModel
        The models.
    splits : list of Split
        The splits.
    sizes : ndarray of int
        Sizes of training subsets.

    Returns
    -------
    list of PlannedFit
    """
    sizes = sizes.tolist()
    fits = []
    for split in splits:
        for size in sizes:
            for model in models:
                if model.uses_target:
                    fits.append(PlannedFit(model, split, (size,)))
                elif size == sizes[0]:
                    # A model of the source alone is the same for all sizes.
                    fits.append(PlannedFit(model, split, tuple(sizes)))
    # How the score at the last size depends on the number of epochs.
    return fits + [
        PlannedFit(model, split, (sizes[-1],), epochs)
        for split in splits
        for model in models
        for epochs in _fewer_epochs(model, sizes[-1])
    ]


def _fewer_epochs(model, size):
    """Return the powers of 2 below the number of epochs."""
    networks = find_networks(model.estimator).values() if model.uses_target else ()
    epochs = max((_n_epochs(network, size) for network in networks), default=0)
    return [2**k for k in range(epochs.bit_length()) if 2**k < epochs]


def _n_epochs(network, size):
    """Return the greatest number of epochs of a fit; 0 if it has none, or may have."""
    source = read_source(network.backbone)
    order = getattr(network.recipe, "order", network.recipe)
    may_learn_in_context = source.learns_in_context or source.is_chosen_by_fit
    if order in ("linear_probe", "in_context") or (
        order == "auto" and may_learn_in_context and not named_parameters(network)
    ):
        return 0
    if source.is_chosen_by_fit and network.epochs is None:
        return 0
    return training_parameters(network, source.training_defaults(size))["epochs"]


def run_fit(fit, data, scoring, error_score):
    """Fit a model on its subset and score it on the test set of its split.

    Parameters
    ----------
    fit : PlannedFit
        What to fit.
    data : Data
        All samples.
    scoring : str or callable
        A scikit-learn scorer or its name.
    error_score : "raise" or float
        Whether an error is raised, or the score when it is not.

    Returns
    -------
    list of dict
        One for each size of the fit.
    """
    row = {
        "model": fit.model.name,
        "size": None,
        "split": fit.split.number,
        "epochs_allowed": fit.epochs,
        "score": error_score,
        "log_loss": np.nan,
        "calibration_error": np.nan,
        "seconds": np.nan,
        "epochs": None,
        "method": "",
        "note": "",
    }
    try:
        row |= _fit_and_score(fit, data, scoring)
    except Exception as error:
        if error_score == "raise":
            raise
        row["note"] = describe_error(error)
    return [row | {"size": size} for size in fit.sizes]


def _fit_and_score(fit, data, scoring):
    networks = find_networks(fit.model.estimator)
    estimator = _set_seeds(clone(fit.model.estimator), fit.split.seed)
    if fit.epochs is not None:
        estimator.set_params(**{f"{prefix}epochs": fit.epochs for prefix in networks})
    indices, y, domains = _training_samples(fit, data, networks.values())
    X = data.select(indices, flat=not networks)
    parameters = {} if domains is None else {sample_domain_name(estimator): domains}
    start = time.perf_counter()
    estimator.fit(X, y, **parameters)
    seconds = time.perf_counter() - start

    X = data.select(fit.split.test, flat=not networks)
    y = np.asarray(data.y[fit.split.test].tolist())
    row = {
        "seconds": seconds,
        "score": float(check_scoring(estimator, scoring)(estimator, X, y)),
        "epochs": _epochs(estimator),
        "method": ", ".join(
            repr(network.method_)
            for network in find_networks(estimator).values()
            if hasattr(network, "method_")
        ),
    }
    if hasattr(estimator, "predict_proba"):
        row |= calibration(y, estimator.predict_proba(X), estimator.classes_)
    return row


def _training_samples(fit, data, networks):
    """Return indices, labels and domains (or None) of the training samples."""
    subset, y = fit.split.train[: fit.sizes[0]], data.y
    domains = None
    if data.domains is not None:
        source = np.flatnonzero(data.domains >= 0)
        if fit.model.uses_domains:
            reads_labels = any(
                getattr(network, "target_labels", None) == "use" for network in networks
            )
            if not reads_labels:
                # Replace the target labels, so that nothing can be learned from them.
                y = y.copy()
                y[subset] = y[source[0]]
            subset = np.concatenate([source, subset])
            domains = data.domains[subset]
        elif not fit.model.uses_target:
            subset = source
    return subset, np.asarray(y[subset].tolist()), domains


def _epochs(estimator):
    """Return the number of epochs for which the networks were trained, or None."""
    networks = find_networks(estimator).values()
    return max((n.n_iter_ for n in networks if hasattr(n, "n_iter_")), default=None)


def _set_seeds(estimator, seed):
    """Set all random states of an estimator and of its parts."""
    return estimator.set_params(
        **{
            name: seed
            for name in estimator.get_params()
            if name == "random_state" or name.endswith("__random_state")
        }
    )
