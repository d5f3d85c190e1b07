"""A transfer report as text and as HTML."""

import math
from html import escape

from sktransfer._results_table import ResultsTable
from sktransfer.transferability._cost import cost_text


def as_text(report):
    """Write a report as text, for a terminal.

    Parameters
    ----------
    report : TransferReport

    Returns
    -------
    str
    """
    parts = [_title(report), _basis(report), "", *_verdict_lines(report), ""]
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
    items = "".join(f"<li>{escape(line)}</li>" for line in _verdict_lines(report))
    costs = "".join(f"<li>{escape(line)}</li>" for line in _compute_lines(report))
    title, basis = escape(_title(report)), escape(_basis(report))
    return (
        f"<p><strong>{title}</strong><br>{basis}</p>"
        f"<ul>{items}</ul>{_summary(report)._repr_html_()}"
        + (f"<ul>{costs}</ul>" if costs else "")
        + "<details><summary>Learning curves</summary>"
        f"{report.curves()._repr_html_()}</details>"
    )


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


def _verdict_lines(report):
    return [f"{name}: {verdict}" for name, verdict in report.verdicts.items()]


def _summary(report):
    """Return the gains, with rounded numbers as text."""
    score_at = {
        row["size"]: row["score"]
        for row in report.curves()
        if row["model"] == report.name
    }
    return ResultsTable(
        [
            {
                "size": row["size"],
                report.name: _rounded(score_at[row["size"]]),
                "baseline": row["baseline"],
                "gain": _rounded(row["gain"], sign=True),
                "interval": ""
                if math.isnan(row["low"])
                else f"{row['low']:+.3f} to {row['high']:+.3f}",
                "labels needed": cost_text(row["labels"], row["labels_bound"]),
            }
            for row in sorted(report.gains(), key=lambda row: row["size"])
        ]
    )


def _compute_lines(report):
    lines = []
    for row in report.compute():
        if math.isnan(row["own_seconds"]) or math.isnan(row["seconds"]):
            continue
        own = _costs(row["own_epochs"], row["own_seconds"])
        other = _costs(row["epochs"], row["seconds"])
        lines.append(
            f"{report.scoring} {row['score']:.3f} with {report.train_sizes[-1]} "
            f"labels: {report.name} {own}; {row['baseline']} {other}"
        )
    return lines


def _costs(epochs, seconds):
    seconds = f"{seconds:.2f} s"
    if math.isnan(epochs):
        return seconds
    unit = "epoch" if f"{epochs:.0f}" == "1" else "epochs"
    return f"{epochs:.0f} {unit}, {seconds}"


def _rounded(value, *, sign=False):
    return "" if math.isnan(value) else f"{value:{'+' if sign else ''}.3f}"
