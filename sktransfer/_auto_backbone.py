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
# Larger tables are compared by the samples with the smallest digests.
_MIN_SAMPLES, _MAX_SAMPLES, _MAX_VALUES = 1000, 50_000, 1 << 24
# Recipes for which only pretrained weights make sense.
_PRETRAINED_ORDERS = ("linear_probe", "lp_ft", "gradual")
# Values of parameters that make sense without pretrained weights too.
_WITHOUT_PRETRAINED = {"frozen_depth": 0, "layer_decay": 1, "l2_sp": 0}
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
        self._check_training()
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
        if getattr(self.recipe, "mixup_alpha", 0) > 0:
            return by_steps, "MixUp needs gradient steps"
        if self.weights is None:
            return by_steps, "weights=None trains from scratch"
        if self.weights != "auto":
            return in_context, "weights has a file of its weights"
        if order == "in_context":
            return in_context, "recipe='in_context' needs it"
        if order in _PRETRAINED_ORDERS:
            return in_context, f"recipe={order!r} needs pretrained weights"
        if getattr(self.recipe, "tune", "all") != "all":
            tune = f"tune={self.recipe.tune!r} of the recipe"
            return in_context, f"{tune} needs pretrained weights"
        for name, value in _WITHOUT_PRETRAINED.items():
            own = getattr(self, name)
            if own not in (None, value):
                return in_context, f"{name}={own!r} needs pretrained weights"
        return self._compare(samples)

    def _compare(self, samples):
        """Compare the log losses of the candidates on samples held aside."""
        classes = np.unique(samples.y)
        samples = weigh_classes(self.class_weight, samples, classes)
        train, held, key, columns = _split(samples, self._columns.nominal)
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
        key = key, self.dtype, self.n_estimators, self.softmax_temperature
        losses = _choices.find(key)
        if losses is None:
            # Fits in other threads go on meanwhile.
            trial_columns = self._columns.select(columns)
            losses = self._losses(candidates, train, held, trial_columns)
            _choices.put(key, losses, _CHOICE_BYTES)
        found = ", ".join(
            f"{loss:.4f} with {source.backbone!r}"
            for source, loss in zip(candidates, losses, strict=True)
        )
        reason = f"on {len(held)} samples held aside the log loss is {found}"
        return candidates[np.argmin(np.nan_to_num(losses, nan=np.inf))], reason

    def _losses(self, candidates, train, held, columns):
        """Fit the candidates to `train`; return their log losses on `held`."""
        trial = copy.copy(self)
        trial._columns = columns  # noqa: SLF001
        trial.verbose, trial.random_state, trial.recipe = 0, 0, "auto"
        trial.scoring = "loss"
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
        X = self._predictor.prepare(self.backbone_, held.X)
        logits = self._predictor.logits(self.backbone_, X, None)
        targets = head.targets(held.y)
        return evaluate(head, logits, targets, held.sample_weight)[0]


def _split(samples, nominal=()):
    """Split distinct samples into a part to train on and a part held aside.

    The parts, and the order of their rows and columns, depend neither on the order of
    the samples and columns, nor on whether a sample of weight 2 is one row or two, nor
    on units if no sample is left out.

    Parameters
    ----------
    samples : Samples
        Training set; y has class labels.
    nominal : sequence of int, default=()
        Columns with categories that have no order.

    Returns
    -------
    train, held : Samples or None
        The parts. None if there are too few distinct samples.
    key : bytes
        Digest of all samples, if there are parts.
    columns : ndarray of int
        Columns of the parts, in their order: those that vary.
    """
    from sktransfer.tables.in_context.canonical import standardize_columns

    most = min(_MAX_SAMPLES, max(_MIN_SAMPLES, _MAX_VALUES // samples.X.shape[1]))
    if len(samples) > most:
        samples = samples.part(np.argsort(samples.digests, kind="stable")[:most])
    X, index = take_rows(samples.X, samples.index), np.arange(len(samples))
    samples = samples.replace(X=X, index=index)
    _, y = np.unique(samples.y, return_inverse=True)
    standardization = standardize_columns(samples.replace(y=y))
    rows = np.round(standardization.transform(X), _DECIMALS)
    # Copies have one digest, also with a missing value.
    digests = samples.replace(X=np.nan_to_num(rows + 0.0, nan=np.inf)).digests
    unique, distinct = np.unique(digests, return_inverse=True)
    first_class = np.full(len(unique), len(y))
    np.minimum.at(first_class, distinct, y)
    place, is_held = _places(first_class)
    is_small = len(place) < _MIN_DISTINCT or is_held.sum() < _MIN_HELD
    if is_small or len(np.unique(y[~is_held[distinct]])) <= y.max():
        return None, None, None, None
    order = np.lexsort((samples.sample_weight, y, distinct))
    columns = standardization.columns
    parts = []
    for own, most in ((~is_held, _MAX_TRAIN), (is_held, _MAX_HELD)):
        chosen = np.flatnonzero(own)
        chosen = chosen[np.argsort(place[chosen])][:most]
        rows = order[np.isin(distinct[order], chosen)]
        parts.append(_part(samples, rows, columns))
    key = digests[order].view(np.uint8), y[order], samples.sample_weight[order]
    key += (np.isin(columns, nominal),)
    return *parts, b"".join(map(array_digest, key)), columns


def _part(samples, rows, columns):
    """Return some rows and columns of samples, in this order, with X of these alone."""
    X = samples.X[np.ix_(rows, columns)]
    return samples.part(rows).replace(X=X, index=np.arange(len(rows)))


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
