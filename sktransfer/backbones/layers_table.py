"""LayersTable: the layers of a backbone and the frozen depth of each."""

import math

from sktransfer._results_table import ResultsTable


class LayersTable(ResultsTable):
    """Layers of a backbone, one a row.

    Parameters
    ----------
    rows : list of dict
        The rows, with the keys depth, name, kind, parameters and output_shape. depth
        is an int, or None for a layer without trainable weights.
    """

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
        return max((row["depth"] or 0 for row in self), default=0)

    def mark(self, frozen_depth):
        """Add a column that says which layers are frozen and which are trained.

        Parameters
        ----------
        frozen_depth : int
            Number of frozen weighted layers.

        Returns
        -------
        LayersTable
            A new table with the column state: "frozen", "trained", or None for a
            layer without trainable weights.
        """

        def state(depth):
            if depth is None:
                return None
            return "frozen" if depth <= frozen_depth else "trained"

        return LayersTable([row | {"state": state(row["depth"])} for row in self])


def _shape(output):
    if isinstance(output, (list, tuple)):
        return [tuple(tensor.shape) for tensor in output]
    return tuple(output.shape)
