"""The table of a backbone's layers and the frozen depth of each."""

import math
from html import escape

_COLUMNS = ("depth", "name", "kind", "parameters", "output_shape")


class LayersTable:
    """Layers of a backbone, one row each, printed as a table.

    Attributes
    ----------
    rows : list of dict
        Keys depth (int or None: layers without trainable weights have none), name,
        kind, parameters and output_shape.
    """

    def __init__(self, rows, frozen_depth=None):
        self.rows = rows
        self.frozen_depth = frozen_depth

    @classmethod
    def from_model(cls, model):
        """Read the layers of a flat functional model.

        Parameters
        ----------
        model : keras.Model
            Flat functional model.

        Returns
        -------
        LayersTable
        """
        from sktransfer.backbones.freezing import weighted_layers

        depths = {layer.name: i for i, layer in enumerate(weighted_layers(model), 1)}
        rows = [
            {
                "depth": depths.get(operation.name),
                "name": operation.name,
                "kind": type(operation).__name__,
                "parameters": sum(
                    math.prod(weight.shape)
                    for weight in getattr(operation, "weights", [])
                ),
                "output_shape": _shape(operation.output),
            }
            for operation in model.operations
        ]
        return cls(rows)

    @property
    def n_layers(self):
        """Number of weighted layers."""
        return max((row["depth"] or 0 for row in self.rows), default=0)

    def mark(self, frozen_depth):
        """Return the same table with a column that says frozen or trained.

        Parameters
        ----------
        frozen_depth : int
            Number of frozen weighted layers.

        Returns
        -------
        LayersTable
        """
        return LayersTable(self.rows, frozen_depth)

    def to_frame(self):
        """Return the table as a pandas DataFrame, with depth as a nullable integer.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame(self._marked()).astype({"depth": "Int64"})

    def _marked(self):
        if self.frozen_depth is None:
            return self.rows
        return [
            row
            | {
                "state": ""
                if row["depth"] is None
                else ("frozen" if row["depth"] <= self.frozen_depth else "trained")
            }
            for row in self.rows
        ]

    def _cells(self):
        rows = self._marked()
        columns = [*_COLUMNS, *(["state"] if self.frozen_depth is not None else [])]
        return columns, [
            ["" if row[column] is None else str(row[column]) for column in columns]
            for row in rows
        ]

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __repr__(self):
        columns, cells = self._cells()
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width)
                if name in ("depth", "parameters")
                else cell.ljust(width)
                for name, cell, width in zip(columns, line, widths, strict=True)
            ).rstrip()
            for line in [columns, *cells]
        )

    def _repr_html_(self):
        columns, cells = self._cells()
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
            for line in cells
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shape(output):
    if isinstance(output, (list, tuple)):
        return [tuple(tensor.shape) for tensor in output]
    return tuple(output.shape)
