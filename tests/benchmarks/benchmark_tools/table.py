"""Tables of text, and files of them."""

from typing import NamedTuple


class Table(NamedTuple):
    """A title, what a reader has to know, and rows of text, the first of names."""

    title: str
    note: str
    rows: list


def markdown(tables, versions):
    """Write tables in Markdown."""
    parts = []
    for title, note, rows in tables:
        lines = [
            "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |"
            for row in rows
        ]
        lines.insert(1, "|" + " --- |" * len(rows[0]))
        parts.append("\n".join([f"## {title}", "", note, "", *lines, ""]))
    return "\n".join([*parts, f"Measured with {', '.join(versions)}.", ""])


def rst(tables, versions):
    """Write tables in reStructuredText."""
    parts = []
    for title, note, rows in tables:
        lines = [note, "", f".. list-table:: {title}", "   :header-rows: 1", ""]
        for row in rows:
            lines += [
                f"   {'  -' if i else '* -'} {cell}".rstrip()
                for i, cell in enumerate(row)
            ]
        parts.append("\n".join([*lines, ""]))
    return "\n".join([*parts, f"Measured with {', '.join(versions)}.", ""])
