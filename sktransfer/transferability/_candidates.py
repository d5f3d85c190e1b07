"""Candidates of a ranking: their names, and why one of them has no score."""


def named_candidates(candidates, parameter, make_name):
    """Give each candidate a name of its own.

    Parameters
    ----------
    candidates : dict or list
        The keys of a dict are the names.
    parameter : str
        Name of the parameter, for the errors.
    make_name : callable
        Function of the position and the candidate that returns its name. Used for
        a list; candidates of the same name are numbered.

    Returns
    -------
    dict of str
        Candidates by name.
    """
    if not isinstance(candidates, (dict, list)):
        raise ValueError(
            f"{parameter} is of type {type(candidates).__name__}; expected a dict with "
            "names, or a list."
        )
    if not candidates:
        raise ValueError(f"{parameter} is empty; expected at least one entry.")
    if isinstance(candidates, dict):
        return {str(name): candidate for name, candidate in candidates.items()}
    named = {}
    for position, candidate in enumerate(candidates):
        first_name = name = make_name(position, candidate)
        number = 2
        while name in named:
            name, number = f"{first_name} ({number})", number + 1
        named[name] = candidate
    return named


def describe_error(error):
    """Describe an exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
