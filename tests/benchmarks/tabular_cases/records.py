"""The file of results: a line of JSON for each fit, appended as it is done."""

import json

KEY = ("method", "table", "size", "seed")


def read(file):
    """Read the last record of each fit.

    Parameters
    ----------
    file : Path
        File of results; it need not exist.

    Returns
    -------
    dict
        Records by method, table, size and seed.
    """
    lines = file.read_text().splitlines() if file.exists() else ()
    records = map(json.loads, lines)
    return {tuple(record[name] for name in KEY): record for record in records}


def line(record):
    """Write a record as a line of the file."""
    return json.dumps(record, separators=(",", ":")) + "\n"
