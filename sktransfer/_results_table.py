"""A table of results, for use without pandas."""

import math
from html import escape


class Table:
    """Rows of a ranking, printed as a table.

    Attributes
    ----------
    rows : list of dict
        The same keys in each; they are the columns.
    """

    def __init__(self, rows):
        self.rows = rows

    def to_frame(self):
        """Return the table as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        frame = pd.DataFrame(self.rows)
        whole = [
            name
            for name in frame
            if all(isinstance(row[name], (int, type(None))) for row in self)
        ]
        # None would turn whole numbers into floats.
        return frame.astype(dict.fromkeys(whole, "Int64"))

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __repr__(self):
        columns = list(self.rows[0])
        lines = [columns, *([_cell(row[name]) for name in columns] for row in self)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [isinstance(self.rows[0][name], str) for name in columns]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if text else cell.rjust(width)
                for cell, width, text in zip(line, widths, texts, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self):
        columns = list(self.rows[0])
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{escape(_cell(row[name]))}</td>" for name in columns)
            + "</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return "" if value is None else str(value)


def as_table(rows):
    """Make a pandas DataFrame where pandas is installed, else a Table.

    Parameters
    ----------
    rows : list of dict
        The same keys in each.

    Returns
    -------
    pandas.DataFrame or Table
    """
    table = Table(rows)
    try:
        return table.to_frame()
    except ImportError:
        return table


def named(items, parameter, name_of):
    """Give each of some items a name of its own.

    Parameters
    ----------
    items : dict or list
        A dict has the names already.
    parameter : str
        Name of the parameter that they came in.
    name_of : callable
        From an item's position and the item to a name, for those of a list.

    Returns
    -------
    dict of str
    """
    if not isinstance(items, (dict, list)):
        raise ValueError(
            f"{parameter} is of type {type(items).__name__}; expected a dict with "
            "names, or a list."
        )
    if not items:
        raise ValueError(f"{parameter} is empty; expected at least one entry.")
    if isinstance(items, dict):
        return {str(name): item for name, item in items.items()}
    names = {}
    for position, item in enumerate(items):
        name = own = name_of(position, item)
        again = 2
        while own in names:
            own, again = f"{name} ({again})", again + 1
        names[own] = item
    return names


def reason(error):
    """Describe in one line why something failed."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
