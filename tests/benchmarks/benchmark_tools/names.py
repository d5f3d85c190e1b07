"""Names on the command line."""


def chosen(text, groups, parser):
    """Split names by commas; the name of a group stands for its members.

    Parameters
    ----------
    text : str
        Names.
    groups : dict of str to iterable of str
        Members of each group. A name that is in none is an error.
    parser : ArgumentParser
        Tells of the error.

    Returns
    -------
    list of str
        Each name once.
    """
    known = {name for members in groups.values() for name in members}
    result = []
    for name in filter(None, text.split(",")):
        if name not in groups and name not in known:
            parser.error(
                f"unknown name {name!r}; there are {', '.join(groups)} and "
                f"{', '.join(sorted(known))}"
            )
        result += groups.get(name, [name])
    return list(dict.fromkeys(result))


def numbers(text):
    """Split numbers by commas."""
    return [int(number) for number in text.split(",") if number]
