"""Rows of evidence by which a decision is made."""

import operator

_COMPARISONS = {"<=": operator.le, ">": operator.gt, ">=": operator.ge}


def evidence_row(name, value, comparison, limit):
    """Compare a value with a limit.

    Parameters
    ----------
    name : str
        What the value is.
    value, limit : float
        Value and limit.
    comparison : {"<=", ">", ">="}
        Condition for the value.

    Returns
    -------
    dict
        Evidence, value, condition, and whether it holds.
    """
    value, limit = float(value), float(limit)
    return {
        "evidence": name,
        "value": value,
        "condition": f"{comparison} {limit:.4g}",
        "holds": _COMPARISONS[comparison](value, limit),
    }
