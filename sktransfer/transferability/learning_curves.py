"""The fits of a comparison: which there are, and one of them."""

import time
from dataclasses import dataclass

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from sktransfer._results_table import reason
from sktransfer.transferability._calibration import calibration
from sktransfer.transferability.baselines import networks


@dataclass(frozen=True)
class Data:
    """Rows of a comparison.

    Attributes
    ----------
    X : array or data frame of shape (n_samples, ...)
        All rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    domains : ndarray of shape (n_samples,) or None
        0 or more for rows of a source, less than 0 for rows of the target.
    """

    X: object
    y: np.ndarray
    domains: np.ndarray | None = None

    def rows(self, index, *, flat):
        """Take rows, as a table where `flat` says so."""
        rows = _safe_indexing(self.X, index)
        if flat and getattr(rows, "ndim", 2) > 2:
            rows = rows.reshape(len(rows), -1)
        return rows


@dataclass(frozen=True)
class Split:
    """A split, with its training rows in the order in which subsets grow.

    Attributes
    ----------
    number, seed : int
        Its number, and the random_state of its fits.
    train, test : ndarray of int
        Rows of Data.
    """

    number: int
    seed: int
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Cell:
    """One fit.

    Attributes
    ----------
    contestant : Contestant
        The model.
    split : Split
        Its rows.
    sizes : tuple of int
        Sizes of the training subset; several where the fit is the same for all.
    epochs : int or None
        Epochs to train for, where fewer than the estimator asks for.
    """

    contestant: object
    split: Split
    sizes: tuple
    epochs: int | None = None


def plan_cells(contestants, splits, sizes):
    """List the fits: split after split, so that what is done first can be compared.

    Parameters
    ----------
    contestants : list of Contestant
    splits : list of Split
    sizes : ndarray of int
        Sizes of training subsets.

    Returns
    -------
    list of Cell
    """
    cells = [
        Cell(contestant, split, of_fit)
        for split in splits
        for position, size in enumerate(sizes.tolist())
        for contestant in contestants
        for of_fit in _sizes_of(contestant, sizes, position, size)
    ]
    # Fewer epochs, with all rows: how soon the networks that are trained get where.
    return cells + [
        Cell(contestant, split, (int(sizes[-1]),), epochs)
        for split in splits
        for contestant in contestants
        for epochs in _fewer_epochs(contestant)
    ]


def _sizes_of(contestant, sizes, position, size):
    if contestant.takes_domains or contestant.takes_target:
        return [(size,)]
    return [tuple(sizes.tolist())] if position == 0 else []


def _fewer_epochs(contestant):
    """Powers of 2 below the epochs of networks that are trained in steps."""
    trained = [
        network.epochs
        for network in contestant.networks.values()
        if network._choose_recipe().order not in ("linear_probe", "in_context")
    ]
    if not trained or not contestant.takes_target:
        return []
    return [2**k for k in range(max(trained).bit_length()) if 2**k < max(trained)]


def run_cell(cell, data, scoring, error_score):
    """Fit a model to its subset, and score it on the test rows of its split.

    Parameters
    ----------
    cell : Cell
    data : Data
    scoring : str or callable
        As scikit-learn takes it.
    error_score : "raise" or float
        What becomes of an error: it is raised, or the score is this number.

    Returns
    -------
    list of dict
        One for each of its sizes.
    """
    contestant, split = cell.contestant, cell.split
    found = {
        "model": contestant.name,
        "size": None,
        "split": split.number,
        "epochs_allowed": cell.epochs,
        "score": error_score,
        "log_loss": np.nan,
        "calibration_error": np.nan,
        "seconds": np.nan,
        "epochs": None,
        "note": "",
    }
    try:
        found |= _fit_and_score(cell, data, scoring)
    except Exception as error:
        if error_score == "raise":
            raise
        found["note"] = reason(error)
    return [found | {"size": size} for size in cell.sizes]


def _fit_and_score(cell, data, scoring):
    contestant, split = cell.contestant, cell.split
    flat = not contestant.networks
    estimator = seeded(clone(contestant.estimator), split.seed)
    if cell.epochs is not None:
        estimator.set_params(
            **{f"{prefix}epochs": cell.epochs for prefix in contestant.networks}
        )
    subset, domains = split.train[: cell.sizes[0]], None
    y = data.y
    if data.domains is not None:
        source = np.flatnonzero(data.domains >= 0)
        if contestant.takes_domains:
            reads = any(
                network.target_labels == "use"
                for network in networks(estimator).values()
                if hasattr(network, "target_labels")
            )
            if not reads:
                # Nothing can be learned from labels that are not there.
                y = y.copy()
                y[subset] = y[source[0]]
            subset = np.concatenate([source, subset])
            domains = data.domains[subset]
        elif not contestant.takes_target:
            subset = source
    labels = np.asarray(y[subset].tolist())
    X = data.rows(subset, flat=flat)
    parameters = {} if domains is None else {_domain_parameter(estimator): domains}
    start = time.perf_counter()
    estimator.fit(X, labels, **parameters)
    seconds = time.perf_counter() - start

    X, y = data.rows(split.test, flat=flat), np.asarray(data.y[split.test].tolist())
    found = {
        "seconds": seconds,
        "score": float(check_scoring(estimator, scoring)(estimator, X, y)),
        "epochs": _epochs(estimator),
    }
    if hasattr(estimator, "predict_proba"):
        found |= calibration(y, estimator.predict_proba(X), estimator.classes_)
    return found


def _domain_parameter(estimator):
    """Name of the parameter of fit by which sample_domain reaches the network."""
    if isinstance(estimator, Pipeline) and not get_config()["enable_metadata_routing"]:
        name, last = estimator.steps[-1]
        return f"{name}__{_domain_parameter(last)}"
    inner = getattr(estimator, "estimator", None)
    return "sample_domain" if inner is None else _domain_parameter(inner)


def _epochs(estimator):
    """Epochs that the networks of a fitted estimator were trained for."""
    found = [
        network.n_iter_
        for network in networks(estimator).values()
        if hasattr(network, "n_iter_")
    ]
    return max(found, default=None)


def seeded(estimator, seed):
    """Set all random states of an estimator and of its parts."""
    return estimator.set_params(
        **{
            name: seed
            for name in estimator.get_params()
            if name == "random_state" or name.endswith("__random_state")
        }
    )
