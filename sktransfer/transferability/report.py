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

# How columns are combined over splits. A first fit that compiles has no effect on a
# median.
_REDUCED = {
    "log_loss": np.mean,
    "calibration_error": np.mean,
    "seconds": np.median,
    "epochs": np.median,
}


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
        epochs, method (the adaptation method that was used, which "auto" chooses), and
        note (why there is no score).
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
                values[fit["split"], column[fit["size"]]] = fit[key]
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
            for size in self.train_sizes.tolist():
                by_epochs = self._fits_by_epochs(model, size)
                notes = [fit["note"] for fits in by_epochs.values() for fit in fits]
                fits = by_epochs[None]
                scores = [fit["score"] for fit in fits]
                row = {"model": model, "size": size, "score": _reduce(np.mean, scores)}
                row["score_std"] = _reduce(np.std, scores)
                for key, function in _REDUCED.items():
                    row[key] = _reduce(function, [fit[key] for fit in fits])
                row["n_splits"] = int(np.isfinite(scores).sum())
                row["note"] = next(filter(None, notes), "")
                rows.append(row)
        return ResultsTable(rows)

    def _fits_by_epochs(self, model, size):
        """Return lists of fits by the epochs allowed; the whole fits have None."""
        fits = {None: []}
        for fit in self.fits:
            if (fit["model"], fit["size"]) == (model, size):
                fits.setdefault(fit["epochs_allowed"], []).append(fit)
        return fits

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
        rows = []
        for baseline in self.baselines:
            own, other = self.values(self.name), self.values(baseline)
            differences = own - other
            is_paired = np.isfinite(differences)
            own[~is_paired] = other[~is_paired] = np.nan
            curve = [_reduce(np.mean, scores) for scores in other.T]
            for i, size in enumerate(self.train_sizes.tolist()):
                gain, low, high = paired_interval(
                    differences[is_paired[:, i], i],
                    self._test_over_train,
                    self.confidence,
                    n_intervals=len(self.baselines) * len(self.train_sizes),
                )
                score = _reduce(np.mean, own[:, i])
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
        by_epochs = self._fits_by_epochs(model, self.train_sizes[-1])
        complete = by_epochs.pop(None)
        points = [by_epochs[epochs] for epochs in sorted(by_epochs)] + [complete]
        curve = {
            key: [_reduce(function, [fit[key] for fit in fits]) for fits in points]
            for key, function in {"score": np.mean, **_REDUCED}.items()
        }
        # More epochs take more time; the measurements have noise.
        curve["seconds"] = np.fmax.accumulate(curve["seconds"]).tolist()
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


def _reduce(function, values):
    """Apply a function to the finite values, of which None is none; NaN without any."""
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    return float(function(finite)) if len(finite) else math.nan
