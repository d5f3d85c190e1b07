"""Which labeled samples "tabular" learns from, if some of them are of the target."""

import copy
import warnings

import numpy as np

from sktransfer._large_arrays import take_rows
from sktransfer._results_table import ResultsTable
from sktransfer._statistics import true_class_proba
from sktransfer.heads import make_head

_N_SPLITS = 3
_MIN_PROBA = 1e-6


class ContextChoiceMixin:
    """Chooses by labels of the target that are held aside."""

    def _choose_context(self, source, samples):
        """Choose between all labeled samples and those of the target alone.

        Parameters
        ----------
        source : Source
            Source of the parameter `backbone`.
        samples : DomainSamples
            Samples of both domains.

        Returns
        -------
        labeled : Samples
            The labeled samples to learn from; y has class labels.
        decision : ResultsTable or None
            The evidence. None if there is no choice.
        """
        labeled, is_target = samples.labeled, samples.is_target
        if is_target is None:
            return labeled, None
        target, others = np.flatnonzero(is_target), np.flatnonzero(~is_target)
        y = labeled.y[target]
        classes, counts = np.unique(y, return_counts=True)
        # Each training set then has each class.
        if counts.min() < 2 or len(classes) < len(np.unique(labeled.y)):
            return labeled, None
        n_splits = min(_N_SPLITS, len(target))
        # Sorted by class, each fold has about the same fraction of each class.
        fold = np.empty(len(target), dtype=int)
        fold[np.argsort(y, kind="stable")] = np.arange(len(target)) % n_splits
        choices, rows = {"source and target": others, "target": others[:0]}, []
        for name, more in choices.items():
            losses = np.empty(len(target))
            for k in range(n_splits):
                index = np.concatenate([more, target[fold != k]])
                train, held = labeled.part(index), labeled.part(target[fold == k])
                losses[fold == k] = self._held_out_losses(
                    source, train, is_target[index], held
                )
            weight = labeled.sample_weight[target]
            loss = float(np.average(losses, weights=weight))
            rows.append({"evidence": f"log loss of {name!r}", "value": loss})
        best = min(rows, key=lambda row: row["value"])
        for row in rows:
            row |= {"condition": "the lowest", "holds": row is best}
        if best is rows[0]:
            return labeled, ResultsTable(rows)
        return labeled.part(target), ResultsTable(rows)

    def _held_out_losses(self, source, train, is_target, held):
        """Fit a copy to some samples; return the log losses of others."""
        trial, head = copy.copy(self), make_head(train.y)
        trial.verbose, trial.random_state, trial.callbacks = 0, 0, None
        if not is_target.any() or is_target.all():
            is_target = None
        with warnings.catch_warnings():
            # The fit that is kept warns of the same.
            warnings.simplefilter("ignore")
            task = trial._make_task(  # noqa: SLF001
                train, head, source, is_warm=False, is_target=is_target
            )
            trial._fit_task(task, source)  # noqa: SLF001
        X = trial._predictor.prepare(trial.backbone_, take_rows(held.X, held.index))  # noqa: SLF001
        logits = trial._predictor.logits(trial.backbone_, X)  # noqa: SLF001
        true = true_class_proba(head.predict_proba(logits), held.y, head.classes)
        return -np.log(np.maximum(true, _MIN_PROBA))
