"""Choice between the networks for tables, for ``backbone="auto"``."""

import copy

import numpy as np

from sktransfer._caches import Cache
from sktransfer._inputs.labels import weigh_classes
from sktransfer._large_arrays import take_rows
from sktransfer._training_parameters import DEFAULTS
from sktransfer.exceptions import BackboneError, NonFiniteLossError
from sktransfer.heads import evaluate, make_head
from sktransfer.tables.sources import (
    InContextSource,
    MLPEnsembleSource,
    MLPSource,
    check_is_table,
)
from sktransfer.training.store.digests import array_digest

# With fewer distinct samples, the network that learns in context is chosen.
_MIN_DISTINCT = 150
# Held aside: one of so many distinct samples of a class, at least and at most so many
# in all. At most so many of the others are used.
_HELD_PART, _MIN_HELD, _MAX_HELD, _MAX_TRAIN = 4, 20, 2000, 5000
# Of more samples, those with the smallest digests are compared.
_MAX_SAMPLES = 50_000
# Recipes for which only pretrained weights make sense.
_PRETRAINED_ORDERS = ("linear_probe", "lp_ft", "gradual")
# Standardized values that differ by less are equal: their rounding depends on units.
_DECIMALS = 6
_CHOICE_BYTES = 1 << 8
_choices = Cache("choices of networks for tables", 1 << 20)


class AutoBackboneMixin:
    """Chooses the network for ``backbone="auto"`` by the samples of a fit."""

    def _choose_source(self, source, samples, *, needs_steps=False):
        """Return the source of a fit, and print why it was chosen if `verbose` is 1.

        Parameters
        ----------
        source : Source
            Source of the parameter `backbone`.
        samples : Samples
            Training set; y has class labels.
        needs_steps : bool, default=False
            Whether the network must be trained by gradient steps.

        Returns
        -------
        Source
            The same source, if it is not that of "auto".
        """
        if not source.is_chosen_by_fit:
            return source
        check_is_table(samples.X, "auto")
        for name in ("feature_layer", "preprocess"):
            if getattr(self, name) != "auto":
                raise BackboneError(
                    f"{name}={getattr(self, name)!r} needs a network that you name; "
                    "got backbone='auto'."
                )
        chosen, reason = self._choose(samples, needs_steps)
        if self.verbose:
            print(f"backbone='auto' is {chosen.backbone!r} in this fit: {reason}.")
        return chosen

    def _choose(self, samples, needs_steps):
        """Return the source, and the reason."""
        by_steps = MLPEnsembleSource("mlp_ensemble")
        in_context = InContextSource("tabular")
        order = getattr(self.recipe, "order", self.recipe)
        if needs_steps:
            return MLPSource("mlp"), "partial_fit and adaptation need gradient steps"
        if samples.y.ndim > 1:
            return by_steps, "several labels of a sample need gradient steps"
        if self.weights is None:
            return by_steps, "weights=None trains from scratch"
        if self.weights != "auto":
            return in_context, "weights has a file of its weights"
        if order == "in_context":
            return in_context, "recipe='in_context' needs it"
        if order in _PRETRAINED_ORDERS:
            return in_context, f"recipe={order!r} needs pretrained weights"
        if self.frozen_depth not in (None, 0):
            depth = f"frozen_depth={self.frozen_depth!r}"
            return in_context, f"{depth} needs pretrained weights"
        return self._compare(samples)

    def _compare(self, samples):
        """Compare the log losses of the candidates on samples held aside."""
        classes = np.unique(samples.y)
        samples = weigh_classes(self.class_weight, samples, classes)
        train, held, key = _split(samples)
        candidates = (
            InContextSource("tabular", warns_of_size=False),
            MLPEnsembleSource("mlp_ensemble"),
            MLPSource("mlp"),
        )
        if held is None:
            return candidates[0], (
                f"there are fewer than {_MIN_DISTINCT} distinct samples, or few of "
                "each class"
            )
        key = key, tuple(self._columns.nominal), self.dtype
        losses = _choices.find(key)
        if losses is None:
            # Fits in other threads go on meanwhile.
            losses = self._losses(candidates, train, held)
            _choices.put(key, losses, _CHOICE_BYTES)
        found = ", ".join(
            f"{loss:.4f} with {source.backbone!r}"
            for source, loss in zip(candidates, losses, strict=True)
        )
        reason = f"on {len(held)} samples held aside the log loss is {found}"
        return candidates[np.argmin(losses)], reason

    def _losses(self, candidates, train, held):
        """Fit the candidates to `train`; return their log losses on `held`."""
        trial = copy.copy(self)
        trial.verbose, trial.random_state, trial.recipe = 0, 0, "auto"
        trial.class_weight = trial.callbacks = trial.memory = None
        for name in DEFAULTS:
            setattr(trial, name, None)
        return [
            copy.copy(trial)._loss_of(source, train, held)  # noqa: SLF001
            for source in candidates
        ]

    def _loss_of(self, source, train, held):
        """Fit this copy of an estimator to `train`; return its log loss on `held`."""
        head = make_head(train.y)
        task = self._make_task(train, head, source, is_warm=False)
        try:
            self._fit_task(task, source)
        except NonFiniteLossError:
            return np.inf
        X = self._predictor.prepare(self.backbone_, take_rows(held.X, held.index))
        logits = self._predictor.logits(self.backbone_, X, None)
        targets = head.targets(held.y)
        return evaluate(head, logits, targets, held.sample_weight)[0]


def _split(samples):
    """Split distinct samples into a part to train on and a part held aside.

    The split depends neither on the order of the samples, nor on units, nor on whether
    a sample of weight 2 is one row or two.

    Parameters
    ----------
    samples : Samples
        Training set; y has class labels.

    Returns
    -------
    train, held : Samples or None
        The parts. None if there are too few distinct samples.
    key : bytes
        Digest of all samples, if there are parts.
    """
    from sktransfer.tables.in_context.canonical import sort_rows, standardize_columns

    if len(samples) > _MAX_SAMPLES:
        samples = samples.part(np.argsort(samples.digests)[:_MAX_SAMPLES])
    _, y = np.unique(samples.y, return_inverse=True)
    coded = samples.replace(y=y)
    rows = standardize_columns(coded).transform(take_rows(samples.X, samples.index))
    rows = np.round(rows, _DECIMALS)
    order = sort_rows(coded.replace(X=rows, index=np.arange(len(rows))))
    rows, y = rows[order], y[order]
    is_equal = (rows[1:] == rows[:-1]) | (np.isnan(rows[1:]) & np.isnan(rows[:-1]))
    is_new = np.r_[True, ~is_equal.all(axis=1) | (y[1:] != y[:-1])]
    place, is_held = _places(y[is_new])
    if len(place) < _MIN_DISTINCT or is_held.sum() < _MIN_HELD:
        return None, None, None
    distinct = np.cumsum(is_new) - 1
    weight = samples.sample_weight[order]
    # A few distinct samples too many do not matter.
    train, held = (
        samples.part(order[np.isin(distinct, chosen[np.argsort(place[chosen])][:most])])
        for chosen, most in (
            (np.flatnonzero(~is_held), _MAX_TRAIN),
            (np.flatnonzero(is_held), _MAX_HELD),
        )
    )
    digests = map(array_digest, (rows, y, weight))
    return train, held, b"".join(digests)


def _places(y):
    """Draw an order of samples with all classes spread over it, and who is held aside.

    The first sample of each class comes first, and is not held aside.
    """
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(y))
    place, is_held = np.empty(len(y)), np.empty(len(y), bool)
    for label in np.unique(y):
        of_class = shuffled[y[shuffled] == label]
        number = np.arange(len(of_class))
        place[of_class] = np.where(number, (number + 0.5) / len(of_class), -1.0)
        is_held[of_class] = number % _HELD_PART == _HELD_PART - 1
    return place, is_held
