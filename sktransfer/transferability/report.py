"""TransferReport: what a comparison has found."""

import math
from dataclasses import dataclass

import numpy as np

from sktransfer._results_table import Table
from sktransfer.transferability._cost import cost_of
from sktransfer.transferability._paired import paired_interval
from sktransfer.transferability._report_text import as_html, as_text

_OUTCOMES = ("helps", "negative transfer", "no difference")


@dataclass(frozen=True)
class Verdict:
    """Whether the transfer helps, and with how many labels.

    Attributes
    ----------
    helps, negative_transfer, no_difference : tuple of int
        Train sizes at which the gain is above 0, below 0, or may be either. A size is
        in none of them while it has fewer than two splits.
    """

    helps: tuple = ()
    negative_transfer: tuple = ()
    no_difference: tuple = ()

    @property
    def outcome(self):
        """One of "helps", "negative transfer", "no difference", "mixed", "unknown".

        It helps where it does at some size and is a negative transfer at none, and
        the other way round; with both it is mixed.
        """
        if self.helps and self.negative_transfer:
            return "mixed"
        for name in _OUTCOMES:
            if getattr(self, name.replace(" ", "_")):
                return name
        return "unknown"

    def __str__(self):
        parts = [
            f"{name} at {', '.join(map(str, sizes))}"
            for name in _OUTCOMES
            if (sizes := getattr(self, name.replace(" ", "_")))
        ]
        return "; ".join(parts) or "unknown"


class TransferReport:
    """Learning curves of a transfer and its baselines, and what follows from them.

    :func:`transfer_report` makes it.

    Attributes
    ----------
    name : str
        The judged estimator in all tables: "transfer", or "adapted" between domains.
    baselines : list of str
        What it is compared with.
    train_sizes : ndarray of shape (n_sizes,), int
        Rows of the training subsets.
    n_splits : int
        Number of splits.
    scoring : str
        What the scores are; greater is better.
    confidence : float
        Of all intervals together.
    fits : list of dict
        Each fit that is done: model, size, split, epochs_allowed (None for all that the
        estimator asks for), score, log_loss, calibration_error, seconds, epochs, and in
        note why there is no score.
    n_fits : int
        How many fits were planned.

    See Also
    --------
    transfer_report : Makes one.
    sktransfer.plotting.TransferReportDisplay : Its picture.
    """

    def __init__(
        self,
        *,
        contestants,
        train_sizes,
        n_splits,
        n_fits,
        test_over_train,
        scoring,
        confidence,
    ):
        self.name, *self.baselines = [each.name for each in contestants]
        rivals = [each.name for each in contestants[1:] if each.is_rival]
        self._rivals = rivals or self.baselines
        self.train_sizes = np.asarray(train_sizes)
        self.n_splits = n_splits
        self.n_fits = n_fits
        self.scoring = scoring
        self.confidence = confidence
        self._test_over_train = test_over_train
        self.fits = []

    @property
    def n_done(self):
        """Number of fits that are done."""
        return len({_fit_key(fit) for fit in self.fits})

    @property
    def is_complete(self):
        """Whether all fits are done; not so after an interruption."""
        return self.n_done >= self.n_fits

    def values(self, model, key="score"):
        """Give what was measured of a model's fits.

        Parameters
        ----------
        model : str
            The report's `name`, or one of its `baselines`.
        key : str, default="score"
            Key of `fits`.

        Returns
        -------
        ndarray of shape (n_splits, n_sizes), float64
            NaN where there is none.
        """
        if model not in (self.name, *self.baselines):
            raise ValueError(
                f"model={model!r}; expected one of {[self.name, *self.baselines]}."
            )
        found = np.full((self.n_splits, len(self.train_sizes)), np.nan)
        column = {size: i for i, size in enumerate(self.train_sizes.tolist())}
        for fit in self.fits:
            if fit["model"] == model and fit["epochs_allowed"] is None:
                value = fit[key]
                found[fit["split"], column[fit["size"]]] = (
                    np.nan if value is None else value
                )
        return found

    def curves(self):
        """Tabulate the learning curves.

        Returns
        -------
        Table
            A row for each model and size: model, size, score and score_std (mean and
            standard deviation over splits), log_loss, calibration_error (expected
            calibration error), seconds and epochs of a fit (medians, so that what is
            done once in a process, such as compiling, does not count), n_splits that
            are done, and a note where a fit has failed.
        """
        rows = []
        for model in (self.name, *self.baselines):
            scores = self.values(model)
            notes = [
                next(
                    (
                        fit["note"]
                        for fit in self.fits
                        if (fit["model"], fit["size"]) == (model, size) and fit["note"]
                    ),
                    "",
                )
                for size in self.train_sizes
            ]
            columns = {
                "size": self.train_sizes.tolist(),
                "score": _columns(np.mean, scores),
                "score_std": _columns(np.std, scores),
                **{
                    key: _columns(function, self.values(model, key))
                    for key, function in [
                        ("log_loss", np.mean),
                        ("calibration_error", np.mean),
                        ("seconds", np.median),
                        ("epochs", np.median),
                    ]
                },
                "n_splits": np.isfinite(scores).sum(axis=0).tolist(),
                "note": notes,
            }
            for cells in zip(*columns.values(), strict=True):
                rows.append({"model": model, **dict(zip(columns, cells, strict=True))})
        return Table(rows)

    def gains(self):
        """Tabulate the gain over each baseline, and the labels it saves.

        Returns
        -------
        Table
            A row for each baseline and size: baseline, size, gain (mean over splits of
            the estimator's score less the baseline's), low and high (ends of its
            interval), verdict, labels (what the baseline needs for the estimator's
            score, from its curve made monotone) and labels_bound: "more than" where
            the greatest size is not enough, "at most" where the least one is.
        """
        own = self.values(self.name)
        rows = []
        for baseline in self.baselines:
            other = self.values(baseline)
            both = np.isfinite(own) & np.isfinite(other)
            curve = _columns(np.mean, np.where(both, other, np.nan))
            for i, size in enumerate(self.train_sizes.tolist()):
                paired = both[:, i]
                gain, low, high = paired_interval(
                    (own - other)[paired, i],
                    self._test_over_train,
                    self.confidence,
                    n_intervals=len(self.baselines) * len(self.train_sizes),
                )
                score = float(np.mean(own[paired, i])) if paired.any() else math.nan
                labels, bound = cost_of(score, self.train_sizes, curve)
                rows.append(
                    {
                        "baseline": baseline,
                        "size": size,
                        "gain": gain,
                        "low": low,
                        "high": high,
                        "verdict": _outcome(low, high),
                        "labels": labels,
                        "labels_bound": bound,
                    }
                )
        return Table(rows)

    def compute(self):
        """Tabulate what the same score costs in epochs and seconds, at the last size.

        The score is the lower of the two final ones. A model whose networks are
        trained in epochs gets there in some of them, read off its scores with 1, 2, 4,
        8, ... epochs, made monotone; another one takes its whole fit.

        Returns
        -------
        Table
            A row for each baseline: baseline, score, own_epochs and own_seconds of the
            estimator, and epochs and seconds of the baseline. Seconds are medians over
            splits; NaN is what is not known.
        """
        own = self._by_epochs(self.name)
        rows = []
        for baseline in self.baselines:
            other = self._by_epochs(baseline)
            score = min(own["score"][-1], other["score"][-1])
            row = {"baseline": baseline, "score": score}
            for prefix, curve in (("own_", own), ("", other)):
                for cost in ("epochs", "seconds"):
                    row[prefix + cost] = cost_of(score, curve[cost], curve["score"])[0]
            rows.append(row)
        return Table(rows)

    def _by_epochs(self, model):
        """Mean score, epochs and seconds of the fits at the last size, by epochs."""
        last = self.train_sizes[-1]
        by_allowed = {None: []}
        for fit in self.fits:
            if (fit["model"], fit["size"]) == (model, last) and not fit["note"]:
                by_allowed.setdefault(fit["epochs_allowed"], []).append(fit)
        whole = by_allowed.pop(None)
        points = [by_allowed[allowed] for allowed in sorted(by_allowed)] + [whole]
        curve = {
            key: [
                float(
                    function(
                        [math.nan if fit[key] is None else fit[key] for fit in fits]
                    )
                )
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
        # Fewer epochs cost no more time than more of them, but for noise.
        curve["seconds"] = np.maximum.accumulate(curve["seconds"]).tolist()
        return curve

    @property
    def verdicts(self):
        """Verdict against each baseline, by its name.

        Returns
        -------
        dict of Verdict
        """
        gains = self.gains()
        return {
            baseline: _verdict(
                (row["size"], row["verdict"])
                for row in gains
                if row["baseline"] == baseline
            )
            for baseline in self.baselines
        }

    @property
    def verdict(self):
        """Verdict over the baselines that have no part in what is judged.

        Those are all that start from no pretrained weights, or, between domains, that
        are fitted without rows of the target; or all baselines, where none is such. At
        a size the transfer helps if it gains over each of them; it is a negative
        transfer if one of them gains over it.

        Returns
        -------
        Verdict
        """
        at_size = {size: [] for size in self.train_sizes.tolist()}
        for row in self.gains():
            if row["baseline"] in self._rivals:
                at_size[row["size"]].append(row["verdict"])
        return _verdict((size, _together(found)) for size, found in at_size.items())

    def to_frame(self, table="gains"):
        """Give one of the tables as a pandas DataFrame.

        Parameters
        ----------
        table : {"gains", "curves", "compute", "fits"}, default="gains"
            Which one.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        tables = {
            "gains": self.gains,
            "curves": self.curves,
            "compute": self.compute,
            "fits": lambda: Table(self.fits),
        }
        if table not in tables:
            raise ValueError(f"table={table!r}; expected one of {list(tables)}.")
        try:
            return tables[table]().to_frame()
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas, which is not installed; gains(), curves(), "
                "compute() and fits hold the same without it."
            ) from error

    def plot(self, *, ax=None, **parameters):
        """Draw the learning curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a new figure.
        **parameters
            Others of :meth:`sktransfer.plotting.TransferReportDisplay.plot`.

        Returns
        -------
        sktransfer.plotting.TransferReportDisplay
        """
        from sktransfer.plotting import TransferReportDisplay

        return TransferReportDisplay.from_report(self, ax=ax, **parameters)

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)


def _fit_key(fit):
    return fit["model"], fit["size"], fit["split"], fit["epochs_allowed"]


def _columns(function, values):
    """Apply a function to what is known of each column."""
    return [
        float(function(known))
        if len(known := column[np.isfinite(column)])
        else math.nan
        for column in values.T
    ]


def _outcome(low, high):
    if math.isnan(low):
        return "unknown"
    if low > 0:
        return "helps"
    return "negative transfer" if high < 0 else "no difference"


def _together(outcomes):
    """Outcome against several baselines at one size."""
    for name in ("negative transfer", "unknown"):
        if name in outcomes:
            return name
    return "helps" if set(outcomes) == {"helps"} else "no difference"


def _verdict(outcomes):
    sizes = {}
    for size, outcome in outcomes:
        sizes.setdefault(outcome.replace(" ", "_"), []).append(size)
    sizes.pop("unknown", None)
    return Verdict(**{name: tuple(found) for name, found in sizes.items()})
