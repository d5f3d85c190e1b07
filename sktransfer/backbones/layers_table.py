"""The table of a backbone's layers and the frozen depth of each."""

import math

from sktransfer._results_table import Table


class LayersTable(Table):
    """Layers of a backbone, one row each, printed as a table.

    Attributes
    ----------
    rows : list of dict
        The keys are depth (int, or None for a layer without trainable weights), name,
        kind, parameters and output_shape; after :meth:`mark` also state.
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
        return max(self.depths().values(), default=0)

    def depths(self):
        """Return the frozen depth that ends at each layer.

        Returns
        -------
        dict of str to int
            Number of weighted layers up to and including the layer of that name.
        """
        depths, depth = {}, 0
        for row in self:
            depth = row["depth"] or depth
            depths[row["name"]] = depth
        return depths

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

        def state(depth):
            if depth is None:
                return ""
            return "frozen" if depth <= frozen_depth else "trained"

        return LayersTable([row | {"state": state(row["depth"])} for row in self])


def _shape(output):
    if isinstance(output, (list, tuple)):
        return [tuple(tensor.shape) for tensor in output]
    return tuple(output.shape)
