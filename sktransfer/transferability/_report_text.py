"""A transfer report as text and as HTML."""

import math
from collections import Counter
from html import escape

from sktransfer._results_table import ResultsTable


def as_text(report):
    """Write a report as text, for a terminal.

    Parameters
    ----------
    report : TransferReport

    Returns
    -------
    str
    """
    parts = [_title(report), _basis(report), *_method_lines(report)]
    parts += ["", *_verdict_lines(report), ""]
    parts.append(repr(_summary(report)))
    costs = _compute_lines(report)
    return "\n".join(parts + (["", *costs] if costs else []))


def as_html(report):
    """Write a report as HTML, for a notebook.

    Parameters
    ----------
    report : TransferReport

    Returns
    -------
    str
    """
    verdicts = _html_list(_verdict_lines(report))
    costs = _html_list(_compute_lines(report))
    title = escape(_title(report))
    basis = "<br>".join(map(escape, [_basis(report), *_method_lines(report)]))
    curves = report.curves()._repr_html_()
    return (
        f"<p><strong>{title}</strong><br>{basis}</p>"
        f"{verdicts}{_summary(report)._repr_html_()}{costs}"
        f"<details><summary>Learning curves</summary>{curves}</details>"
    )


def _html_list(lines):
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _title(report):
    subject = "Adaptation" if report.name == "adapted" else "Transfer"
    verdict = report.verdict
    if verdict.outcome == "unknown":
        return f"{subject}: unknown"
    return f"{subject}: {verdict} labels"


def _basis(report):
    done = ""
    if not report.is_complete:
        done = f"; incomplete, {report.n_done} of {report.n_fits} fits are finished"
    return (
        f"Scores are {report.scoring} over {report.n_splits} splits; confidence of all "
        f"intervals together: {report.confidence:.0%}{done}."
    )


def _method_lines(report):
    """Say which adaptation methods the estimator has used."""
    counts = Counter(
        fit["method"]
        for fit in report.fits
        if fit["model"] == report.name and fit["method"] and not fit["epochs_allowed"]
    )
    if not counts:
        return []
    found = ", ".join(f"{name} in {n}" for name, n in counts.most_common())
    return [f"Adaptation methods that were used, in {counts.total()} fits: {found}."]


def _verdict_lines(report):
    return [f"{name}: {verdict}" for name, verdict in report.verdicts.items()]


def _summary(report):
    """Return the gains, with rounded numbers as text."""
    score_at = {
        row["size"]: row["score"]
        for row in report.curves()
        if row["model"] == report.name
    }
    rows = []
    for row in sorted(report.gains(), key=lambda row: row["size"]):
        ends = _rounded(row["low"], "+.3f"), _rounded(row["high"], "+.3f")
        labels = row["labels_bound"], _rounded(row["labels"], ".0f")
        rows.append(
            {
                "size": row["size"],
                report.name: _rounded(score_at[row["size"]]),
                "baseline": row["baseline"],
                "gain": _rounded(row["gain"], "+.3f"),
                "interval": " to ".join(filter(None, ends)),
                "labels needed": " ".join(filter(None, labels)),
            }
        )
    return ResultsTable(rows)


def _compute_lines(report):
    return [
        f"{report.scoring} {row['score']:.3f} with {report.train_sizes[-1]} labels: "
        f"{report.name} {_costs(row['own_epochs'], row['own_seconds'])}; "
        f"{row['baseline']} {_costs(row['epochs'], row['seconds'])}"
        for row in report.compute()
        if not math.isnan(row["own_seconds"] + row["seconds"])
    ]


def _costs(epochs, seconds):
    seconds = f"{seconds:.2f} s"
    if math.isnan(epochs):
        return seconds
    unit = "epoch" if f"{epochs:.0f}" == "1" else "epochs"
    return f"{epochs:.0f} {unit}, {seconds}"


def _rounded(value, spec=".3f"):
    return "" if math.isnan(value) else format(value, spec)
