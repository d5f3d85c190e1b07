"""TransferReport: the results of comparing a transfer with its baselines."""

import math

import numpy as np

from sktransfer._results_table import ResultsTable
from sktransfer._suggestions import did_you_mean
from sktransfer.transferability._cost import cost_for_score
from sktransfer.transferability._paired import paired_interval
from sktransfer.transferability._report_text import as_html, as_text
from sktransfer.transferability.verdict import (
    Verdict,
    combine_outcomes,
    outcome_of_interval,
)


class TransferReport:
    """Learning curves of a transfer and its baselines, and the verdicts.

    :func:`transfer_report` makes it.

    Attributes
    ----------
    name : str
        Name of the evaluated estimator in all tables: "transfer", or "adapted" when
        there is a source.
    baselines : list of str
        Names of the baselines.
    train_sizes : ndarray of shape (n_sizes,), int
        Numbers of training samples.
    n_splits : int
        Number of splits.
    scoring : str
        Name of the score; greater is better.
    confidence : float
        Confidence that all intervals hold at once.
    fits : ResultsTable
        One row a finished fit: model, size, split, epochs_allowed (None for the number
        of epochs of the estimator), score, log_loss, calibration_error, seconds,
        epochs, and note (why there is no score).
    n_fits : int
        Number of planned fits.

    See Also
    --------
    transfer_report : Makes a report.
    sktransfer.plotting.TransferReportDisplay : Plots a report.
    """

    def __init__(
        self,
        *,
        models,
        fits,
        train_sizes,
        n_splits,
        n_fits,
        test_over_train,
        scoring,
        confidence,
    ):
        self.name, *self.baselines = [model.name for model in models]
        deciding = [model.name for model in models[1:] if model.decides_verdict]
        self._deciding = deciding or self.baselines
        self.fits = ResultsTable(fits)
        self.train_sizes = np.asarray(train_sizes)
        self.n_splits = n_splits
        self.n_fits = n_fits
        self.scoring = scoring
        self.confidence = confidence
        self._test_over_train = test_over_train

    @property
    def n_done(self):
        """Number of finished fits."""
        keys = ("model", "size", "split", "epochs_allowed")
        return len({tuple(fit[key] for key in keys) for fit in self.fits})

    @property
    def is_complete(self):
        """Whether all fits are finished; False after an interruption."""
        return self.n_done >= self.n_fits

    def values(self, model, key="score"):
        """Return one measurement of the fits of a model.

        Parameters
        ----------
        model : str
            The report's `name`, or one of its `baselines`.
        key : str, default="score"
            Column of `fits`.

        Returns
        -------
        ndarray of shape (n_splits, n_sizes), float64
            NaN where there is no value.
        """
        models = [self.name, *self.baselines]
        if model not in models:
            raise ValueError(
                f"model={model!r}; expected one of {models}."
                f"{did_you_mean(model, models)}"
            )
        values = np.full((self.n_splits, len(self.train_sizes)), np.nan)
        column = {size: i for i, size in enumerate(self.train_sizes.tolist())}
        for fit in self.fits:
            if fit["model"] == model and fit["epochs_allowed"] is None:
                values[fit["split"], column[fit["size"]]] = _number(fit[key])
        return values

    def curves(self):
        """Return the learning curves.

        Returns
        -------
        ResultsTable
            One row for each model and size: model, size, score and score_std (mean and
            standard deviation over splits), log_loss and calibration_error (expected
            calibration error; means), seconds and epochs (medians, so that a first fit
            that compiles has no effect), n_splits (number of finished splits), and note
            (why a fit failed).
        """
        rows = []
        for model in (self.name, *self.baselines):
            scores = self.values(model)
            columns = {
                "size": self.train_sizes.tolist(),
                "score": _reduce_columns(np.mean, scores),
                "score_std": _reduce_columns(np.std, scores),
                **{
                    key: _reduce_columns(function, self.values(model, key))
                    for key, function in [
                        ("log_loss", np.mean),
                        ("calibration_error", np.mean),
                        ("seconds", np.median),
                        ("epochs", np.median),
                    ]
                },
                "n_splits": np.isfinite(scores).sum(axis=0).tolist(),
                "note": [self._first_note(model, size) for size in self.train_sizes],
            }
            for cells in zip(*columns.values(), strict=True):
                rows.append({"model": model, **dict(zip(columns, cells, strict=True))})
        return ResultsTable(rows)

    def _first_note(self, model, size):
        notes = (
            fit["note"]
            for fit in self.fits
            if (fit["model"], fit["size"]) == (model, size) and fit["note"]
        )
        return next(notes, "")

    def gains(self):
        """Return the gain over each baseline, and the labels that the transfer saves.

        Returns
        -------
        ResultsTable
            One row for each baseline and size: baseline, size, gain (mean over splits
            of the estimator's score minus the baseline's), low and high (ends of its
            interval), verdict, labels (number of labels with which the baseline has
            the same score, from its monotone learning curve) and labels_bound: "more
            than" when the greatest size is not enough, "at most" when the smallest
            size is enough, else "".
        """
        own = self.values(self.name)
        rows = []
        for baseline in self.baselines:
            other = self.values(baseline)
            both = np.isfinite(own) & np.isfinite(other)
            curve = _reduce_columns(np.mean, np.where(both, other, np.nan))
            for i, size in enumerate(self.train_sizes.tolist()):
                paired = both[:, i]
                gain, low, high = paired_interval(
                    (own - other)[paired, i],
                    self._test_over_train,
                    self.confidence,
                    n_intervals=len(self.baselines) * len(self.train_sizes),
                )
                score = float(np.mean(own[paired, i])) if paired.any() else math.nan
                labels, bound = cost_for_score(score, self.train_sizes, curve)
                rows.append(
                    {
                        "baseline": baseline,
                        "size": size,
                        "gain": gain,
                        "low": low,
                        "high": high,
                        "verdict": outcome_of_interval(low, high),
                        "labels": labels,
                        "labels_bound": bound,
                    }
                )
        return ResultsTable(rows)

    def compute(self):
        """Return the epochs and seconds that the same score costs, at the last size.

        The score is the lower one of the final scores of the estimator and of the
        baseline. For a model that is trained in epochs, the cost comes from its scores
        with 1, 2, 4, 8, ... epochs, as a monotone curve. For another model it is that
        of the whole fit.

        Returns
        -------
        ResultsTable
            One row a baseline: baseline, score, own_epochs and own_seconds of the
            estimator, epochs and seconds of the baseline. Seconds are medians over
            splits; NaN is unknown.
        """
        own = self._costs(self.name)
        rows = []
        for baseline in self.baselines:
            other = self._costs(baseline)
            score = min(own["score"][-1], other["score"][-1])
            row = {"baseline": baseline, "score": score}
            for prefix, curve in (("own_", own), ("", other)):
                for key in ("epochs", "seconds"):
                    cost, _ = cost_for_score(score, curve[key], curve["score"])
                    row[prefix + key] = cost
            rows.append(row)
        return ResultsTable(rows)

    def _costs(self, model):
        """Return score, epochs and seconds at the last size, from few epochs to all."""
        last = self.train_sizes[-1]
        by_epochs = {None: []}
        for fit in self.fits:
            if (fit["model"], fit["size"]) == (model, last) and not fit["note"]:
                by_epochs.setdefault(fit["epochs_allowed"], []).append(fit)
        complete = by_epochs.pop(None)
        points = [by_epochs[epochs] for epochs in sorted(by_epochs)] + [complete]
        curve = {
            key: [
                float(function([_number(fit[key]) for fit in fits]))
                if fits
                else math.nan
                for fits in points
            ]
            for key, function in [
                ("score", np.mean),
                ("epochs", np.median),
                ("seconds", np.median),
            ]
        }
        # More epochs take more time; the measurements have noise.
        curve["seconds"] = np.maximum.accumulate(curve["seconds"]).tolist()
        return curve

    @property
    def verdicts(self):
        """Verdict against each baseline.

        Returns
        -------
        dict of Verdict
            By name of the baseline.
        """
        gains = self.gains()
        return {
            baseline: Verdict.from_outcomes(
                {r["size"]: r["verdict"] for r in gains if r["baseline"] == baseline}
            )
            for baseline in self.baselines
        }

    @property
    def verdict(self):
        """Verdict over all baselines that do without the transfer.

        These are the baselines without pretrained weights; with a source, those that
        are fitted without samples of the target. If there are none, all baselines
        count. At one size the transfer helps if it has a gain over each of them; it is
        a negative transfer if one of them has a gain over it.

        Returns
        -------
        Verdict
        """
        gains = [row for row in self.gains() if row["baseline"] in self._deciding]
        return Verdict.from_outcomes(
            {
                size: combine_outcomes(
                    [row["verdict"] for row in gains if row["size"] == size]
                )
                for size in self.train_sizes.tolist()
            }
        )

    def plot(self, ax=None, *, baseline="auto"):
        """Plot the learning curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None makes a new figure.
        baseline : str or None, default="auto"
            Baseline for which the saved labels are marked; see
            :meth:`sktransfer.plotting.TransferReportDisplay.plot`.

        Returns
        -------
        sktransfer.plotting.TransferReportDisplay
        """
        from sktransfer.plotting import TransferReportDisplay

        return TransferReportDisplay.from_report(self, baseline=baseline, ax=ax)

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)


def _number(value):
    return math.nan if value is None else value


def _reduce_columns(function, values):
    """Apply a function to the finite values of each column; NaN if there are none."""
    finite = (column[np.isfinite(column)] for column in values.T)
    return [float(function(column)) if len(column) else math.nan for column in finite]
