"""What the measured records say, as text and as reStructuredText."""

import numpy as np


def outcomes(record):
    """Evaluate the lines of a comparison.

    Parameters
    ----------
    record : dict
        Of a :class:`~speed_cases.measure.Comparison`.

    Returns
    -------
    list of dict
        Keys ours, neighbor (names), seconds and accuracies (of both), ratio (how
        many times as fast ours is), goal and verdict.
    """
    result = []
    for ours, neighbor, goal in record["lines"]:
        both = [record["contenders"][name] for name in (ours, neighbor)]
        seconds = [float(np.median(one["seconds"])) for one in both]
        accuracies = [_median(one["accuracies"]) for one in both]
        ratio = seconds[1] / seconds[0]
        margin = record["accuracy_margin"]
        if goal is None:
            verdict = ""
        elif (
            margin is not None
            and None not in accuracies
            and accuracies[0] < accuracies[1] - margin
        ):
            verdict = "less accurate"
        elif ratio >= goal:
            verdict = "met"
        else:
            verdict = "missed"
        result.append(
            {
                "ours": ours,
                "neighbor": neighbor,
                "seconds": seconds,
                "accuracies": accuracies,
                "ratio": ratio,
                "goal": goal,
                "verdict": verdict,
            }
        )
    return result


def print_record(case, record):
    """Print a record as aligned lines."""
    if record["kind"] == "quantity":
        rows = [
            (
                record["label"],
                _amount(record),
                _limit(record),
                _quantity_verdict(record),
            )
        ]
        form = "{:72}{:>13}  {:18}{}"
    elif record["kind"] == "comparison":
        print(f"{case:19}{_noted(record)}")
        rows = [
            (
                f"  {line['ours']}",
                duration(line["seconds"][0]),
                line["neighbor"],
                duration(line["seconds"][1]),
                ratio(line),
                goal(line),
                line["verdict"],
                _percents(line["accuracies"]),
                _firsts(record, line),
            )
            for line in outcomes(record)
        ] or [
            (f"  {name}", duration(np.median(one["seconds"])), *[""] * 6, "")
            for name, one in record["contenders"].items()
        ]
        form = "{:17}{:>9}  {:23}{:>9}  {:>15}  {:16} {:13} {:15} {}"
    else:
        return
    for row in rows:
        print(f"{case:19}{form.format(*row)}".rstrip(), flush=True)


def duration(seconds):
    """Write seconds with three figures and a unit that suits."""
    if seconds < 0.01:
        return f"{1000 * seconds:.2f} ms"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def ratio(line):
    """How fast ours is: as a multiple of speed, or of time where the goal is one."""
    if (line["goal"] or line["ratio"]) < 1:
        return f"{_round(1 / line['ratio'])}x the time"
    return f"{_round(line['ratio'])}x as fast"


def goal(line):
    """The goal of a line, in the same terms."""
    if line["goal"] is None:
        return ""
    if line["goal"] < 1:
        return f"at most {_round(1 / line['goal'])}x"
    return f"at least {_round(line['goal'])}x"


def rst(results):
    """Write all results as two reStructuredText tables.

    Parameters
    ----------
    results : dict
        What :func:`~speed_cases.runner.run_case` returned, by case.

    Returns
    -------
    str
    """
    times, quantities = [], []
    for case, result in results.items():
        for record in result["records"]:
            if record["kind"] == "quantity":
                quantities.append(
                    (case, _noted(record), _amount(record), _limit(record))
                )
            elif record["kind"] == "comparison":
                for line in outcomes(record):
                    ours, theirs = map(duration, line["seconds"])
                    times.append(
                        (
                            case,
                            _noted(record),
                            f"{ours} ({line['ours']})",
                            f"{theirs} ({line['neighbor']})",
                            ratio(line),
                            goal(line),
                            _firsts(record, line).removeprefix("first "),
                            _percents(line["accuracies"]),
                        )
                    )
    names = ("case", "work", "time", "neighbor", "ratio", "goal", "first", "accuracy")
    tables = [
        _table("Times: medians of a run", names, times),
        _table("Other figures", ("case", "figure", "value", "goal"), quantities),
    ]
    return "\n".join([*tables, _environments(results)])


def _environments(results):
    lines = []
    for environment in {
        str(result["environment"]): result["environment"] for result in results.values()
    }.values():
        packages = ", ".join(f"{k} {v}" for k, v in environment["packages"].items())
        lines.append(
            f"Measured on {environment['date']} on {environment['cpus']} cores, Python "
            f"{environment['python']}, {packages}.\n"
        )
    seconds = sum(result["seconds"] for result in results.values())
    slowest = ", ".join(
        f"{case} {result['seconds'] / 60:.1f}" for case, result in results.items()
    )
    lines.append(f"Minutes: {slowest}; {seconds / 60:.0f} in all.\n")
    return "\n".join(lines)


def _table(title, names, rows):
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in (names, *rows):
        lines += [
            f"   {'* -' if i == 0 else '  -'} {cell}".rstrip()
            for i, cell in enumerate(row)
        ]
    return "\n".join([*lines, ""])


def _noted(record):
    return record["label"] + (f" ({record['note']})" if record["note"] else "")


def _amount(record):
    return f"{_round(record['value'])} {record['unit']}".rstrip()


def _limit(record):
    if record["goal"] is None:
        return ""
    return f"at most {_round(record['goal'])} {record['unit']}"


def _quantity_verdict(record):
    if record["goal"] is None:
        return ""
    return "met" if record["value"] <= record["goal"] else "missed"


def _percents(accuracies):
    if accuracies[0] is None:
        return ""
    return " / ".join("" if a is None else f"{100 * a:.1f} %" for a in accuracies)


def _firsts(record, line):
    firsts = [record["contenders"][line[who]]["first"] for who in ("ours", "neighbor")]
    known = ["" if first is None else duration(first) for first in firsts]
    return f"first {' / '.join(known)}" if any(known) else ""


def _median(values):
    return None if None in values else float(np.median(values))


def _round(value):
    """Three figures, without a power of ten."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
