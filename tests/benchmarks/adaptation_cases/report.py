"""What the results say, as tables in Markdown or reStructuredText."""

from benchmark_tools.table import Table

from adaptation_cases import speed
from adaptation_cases.cases import CASES
from adaptation_cases.methods import (
    CEILING,
    FLOOR,
    MAPPED,
    NEIGHBOURS,
    OURS,
    SEMI_SUPERVISED,
    WITH_LABELLED,
    runs_on,
)
from adaptation_cases.results import GAP, mean

_FAMILIES = {
    "toy": "Toys",
    "digits": "Digits, dense network",
    "convolution": "Digits, convolutional network trained on the source",
    "table": "Tables",
    "control": "Tables without a gap",
    "report": "Cases for the report",
}
_UNSUPERVISED = [method for method in OURS if method not in SEMI_SUPERVISED]
# Least difference of two accuracies that counts as one.
_MARGIN = 0.01


def all_tables(results, times):
    """Make every table that there are results for.

    Parameters
    ----------
    results : Results
        Of the fits.
    times : list of dict
        Records of :func:`adaptation_cases.speed.measure`.

    Returns
    -------
    list of Table
    """
    tables = [
        *guide_tables(results, times),
        semi_supervised(results),
        neighbor_cases(results),
        seconds(results),
        failures(results),
    ]
    return [table for table in tables if table.rows[1:] and table.rows[0][1:]]


def guide_tables(results, times):
    """Make the tables of the user guide; see :func:`all_tables`."""
    near = [case for case in results.cases() if CASES[case].neighbors]
    everyone = [*_UNSUPERVISED, *MAPPED, *NEIGHBOURS]
    tables = [
        ranking(results, _UNSUPERVISED, results.cases(), "Methods over all cases"),
        *gains(results),
        *translated(results),
        floors(results),
        neighbor_pairs(results),
        packages(results),
        ranking(results, everyone, near, "All packages over the neighbors' cases"),
        speeds(times),
    ]
    return [table for table in tables if table.rows[1:] and table.rows[0][1:]]


def floors(results):
    """Make the table of what there is to gain in each case."""
    ends = ("source-trained", "target_trained")
    rows = [
        ("case", "predicted", "rows", "columns", "share of class 1")
        + (f"accuracy {ends[0]}", ends[1], "gap")
        + (f"macro-F1 {ends[0]}", ends[1], f"AUC {ends[0]}", ends[1])
    ]
    for name in results.cases():
        drawn, share = CASES[name].draw(0), ""
        if drawn.y_source.max() == 1:
            share = f"{drawn.y_source.mean():.2f} to {drawn.y_target.mean():.2f}"
        accuracies, f1s, areas = (
            [results.mean(method, name, score) for method in (FLOOR, CEILING)]
            for score in ("accuracy", "macro_f1", "auc")
        )
        rows.append(
            (name, CASES[name].title)
            + (f"{len(drawn.X_source)} to {len(drawn.X_target)}",)
            + (str(drawn.X_source.shape[1]), share)
            + (*map(_percent, accuracies), _points(results.gain(CEILING, name)))
            + (*map(_percent, f1s), *map(_percent, areas))
        )
    note = (
        "On the target, in percent; the gap in points. Means over "
        f"{results.n_seeds()} seeds. Target-trained is trained on one half of the "
        "target and tested on the other, in turn."
    )
    return Table("Floor and ceiling", note, rows)


def gains(results):
    """Make the tables of accuracies minus the floor, one for a family of cases."""
    note = "Floor and ceiling in percent, the others in points above the floor."
    tables = []
    for family, title in _FAMILIES.items():
        methods = [
            method
            for method in results.methods(_UNSUPERVISED)
            if any(runs_on(method, CASES[name]) for name in results.cases(family))
        ]
        cases = results.cases(family) if methods else ()
        rows = [("method", *cases)]
        for name, method in (("floor", FLOOR), ("ceiling", CEILING)):
            rows.append((name, *(_percent(results.mean(method, c)) for c in cases)))
        for method in methods:
            rows.append((method, *(_points(results.gain(method, c)) for c in cases)))
        tables.append(Table(title, note, rows))
    return tables


def ranking(results, methods, cases, title):
    """Make a table of methods over cases, the best on average first."""
    kinds = {"toys": ["toy"], "digits": ["digits"], "convolution": ["convolution"]}
    kinds |= {"tables": ["table", "control"], "report": ["report"]}
    kinds = {
        kind: [case for case in results.cases(*families) if case in cases]
        for kind, families in kinds.items()
    }
    kinds = {kind: members for kind, members in kinds.items() if members}
    rows = []
    for method in results.methods(methods):
        by_case = {case: results.gain(method, case) for case in cases}
        by_case = {case: gain for case, gain in by_case.items() if gain is not None}
        if not by_case:
            continue
        worst = min(by_case, key=by_case.get)
        shares = [results.recovered(method, case) for case in by_case]
        shares = [share for share in shares if share is not None]
        rows.append(
            (method, str(len(by_case)))
            + (str(min(len(results.seeds(method, case)) for case in by_case)),)
            + (_points(mean(by_case.values())),)
            + tuple(
                _points(mean(by_case.get(case) for case in members))
                for members in kinds.values()
            )
            + (
                _points(mean(results.gain(method, c, "macro_f1") for c in by_case)),
                f"{_points(by_case[worst])} ({worst})",
                str(sum(gain < -2 * _MARGIN for gain in by_case.values())),
                _percent(mean(shares)),
                f"{sum(share >= 0.5 for share in shares)} of {len(shares)}",
            )
        )
    rows.sort(key=lambda row: float(row[3]), reverse=True)
    names = (
        ("method", "cases", "seeds", "mean gain", *(f"on {kind}" for kind in kinds))
        + ("in macro-F1", "worst gain", "losses of over 2 points")
        + ("gap recovered", "cases with half of it")
    )
    note = (
        "Gains in points of accuracy above the floor on the same seeds, means over "
        "cases; seeds are the fewest on a case. Gap recovered: mean share of the way "
        "from floor to ceiling, in percent, over the cases with "
        f"a gap of at least {100 * GAP:.0f} points."
    )
    return Table(title, note, [names, *rows])


def translated(results):
    """Make the tables of the moved and dimmed digits."""
    tables = []
    for case in (name for name in CASES if "translated" in name):
        shares = {}
        if case in results.cases():
            for method in results.methods(_UNSUPERVISED):
                shares[method] = results.recovered(method, case)
        shares = {m: share for m, share in shares.items() if share is not None}
        half = sum(share >= 0.5 for share in shares.values())
        order = sorted(shares, key=shares.get, reverse=True)
        rows = [("method", "gap recovered")]
        rows += [(method, _percent(shares[method])) for method in order]
        note = f"{half} of {len(shares)} methods recover at least half of the gap."
        tables.append(Table(f"Gap recovered in percent, {case}", note, rows))
    return tables


def semi_supervised(results):
    """Make the table of methods that have three labeled target rows a class."""
    methods = results.methods(SEMI_SUPERVISED)
    rows = [("case", "floor", *methods, "ceiling")]
    for case in results.cases() if len(methods) > 1 else ():
        columns = (FLOOR, *methods, CEILING)
        rows.append((case, *(_percent(results.mean(m, case)) for m in columns)))
    note = (
        "Accuracy in percent; of those that have labels, on the other target rows. "
        f"{WITH_LABELLED.capitalize()} is trained on the source's rows and the "
        "labeled ones, without adaptation."
    )
    return Table("Three labeled target rows a class", note, rows)


def neighbor_pairs(results):
    """Make the table of neighbors' methods against the same ones of ours."""
    rows = [
        ("neighbor", "ours", "cases", "mean accuracy", "of ours", "ours minus it")
        + ("ours better", "alike", "ours worse", "worst for ours")
    ]
    for theirs in results.methods(NEIGHBOURS):
        ours = NEIGHBOURS[theirs]
        cases = {
            case: results.gain(ours, case, over=theirs) for case in results.cases()
        }
        cases = {case: value for case, value in cases.items() if value is not None}
        if not cases:
            continue
        better = sum(value >= _MARGIN for value in cases.values())
        worse = sum(value <= -_MARGIN for value in cases.values())
        worst = min(cases, key=cases.get)
        rows.append(
            (theirs, ours, str(len(cases)))
            + tuple(
                _percent(mean(results.mean(m, c) for c in cases))
                for m in (theirs, ours)
            )
            + (_points(mean(cases.values())), str(better))
            + (str(len(cases) - better - worse), str(worse))
            + (f"{_points(cases[worst])} ({worst})",)
        )
    note = (
        "Accuracy on the target in percent, differences in points; alike is less than "
        f"{100 * _MARGIN:.0f} point apart."
    )
    return Table("The same methods of neighbors", note, rows)


def packages(results):
    """Make the table of the best method of each package, case by case."""
    rows = [("case", "floor", "ceiling", "our default", "our best", "ADAPT", "SKADA")]
    level = ahead = 0
    for case in results.cases():
        theirs = [m for m in results.methods(NEIGHBOURS) if results.seeds(m, case)]
        if not theirs:
            continue
        # On the rows and starting weights that the neighbors had.
        seeds = set.union(*(results.seeds(m, case) for m in theirs))
        ours = results.best(results.methods(_UNSUPERVISED), case, seeds)
        best = [
            results.best((m for m in theirs if m.startswith(package)), case)
            for package in ("adapt", "skada")
        ]
        greatest = max(accuracy for accuracy, _ in filter(None, best))
        level += ours[0] > greatest - _MARGIN
        ahead += ours[0] >= greatest + _MARGIN
        alone = [results.mean(m, case, seeds=seeds) for m in (FLOOR, CEILING, "auto")]
        rows.append(
            (case, *map(_percent, alone))
            + tuple(
                f"{_percent(b[0])} ({b[1].rpartition(':')[2]})" if b else ""
                for b in (ours, *best)
            )
        )
    note = (
        "Accuracy in percent on the seeds of the neighbors; the best method of each "
        "package, which only labels of the target can tell. Ours is at least level on "
        f"{level} of {len(rows) - 1} cases and ahead on {ahead}, by "
        f"{100 * _MARGIN:.0f} point or more."
    )
    return Table("The best method of each package", note, rows)


def neighbor_cases(results):
    """Make the table of every case of a method that a neighbor has too."""
    rows = [("case", "method", "floor", "ceiling", "ours", "ADAPT", "SKADA")]
    shared = dict.fromkeys(ours for ours in NEIGHBOURS.values() if ours)
    for case in results.cases():
        for ours in results.methods(shared):
            accuracies = []
            for package in ("adapt", "skada"):
                same = (n for n, o in NEIGHBOURS.items() if o == ours and package in n)
                accuracies.append(mean(results.mean(n, case) for n in same))
            if any(accuracy is not None for accuracy in accuracies):
                known = (results.mean(m, case) for m in (FLOOR, CEILING, ours))
                rows.append((case, ours, *map(_percent, (*known, *accuracies))))
    return Table("Neighbors case by case", "Accuracy in percent.", rows)


def speeds(times):
    """Make the table of DANN against the clock."""
    note = (
        "Medians, with all cores, without imports; the same rows, network, "
        "discriminator, epochs and batch size. A first fit is one in a fresh process."
    )
    return Table("Time of DANN", note, speed.rows(times))


def seconds(results):
    """Make the table of the times of a fit."""
    families = [family for family in _FAMILIES if results.cases(family)]
    methods = results.methods([FLOOR, CEILING, *OURS, *NEIGHBOURS]) if families else ()
    rows = [("method", *families)]
    for method in methods:
        times = (
            mean(
                results.mean(method, case, "seconds") for case in results.cases(family)
            )
            for family in families
        )
        rows.append((method, *("" if t is None else f"{t:.2f}" for t in times)))
    note = (
        "Means in seconds, with compilation, on one core of a machine that did other "
        "things too."
    )
    return Table("Time of a fit", note, rows)


def failures(results):
    """Make the table of what could not be fitted."""
    rows = [("method", "error", "cases")]
    for (method, error), cases in results.failures.items():
        rows.append((method, error.splitlines()[0][:300], ", ".join(sorted(cases))))
    return Table("Failed", "The first line of each error.", rows)


def _percent(value):
    return "" if value is None else f"{100 * value:.1f}"


def _points(value):
    return "" if value is None else f"{100 * value:+.1f}"
