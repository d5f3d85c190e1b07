"""The tabular network: classes of rows of a table, from labeled rows beside them."""

import keras
import numpy as np
from keras import ops

from sktransfer.tables.in_context.attention import Block

# Columns that share a token, and classes that the network tells apart.
GROUP = 3
MAX_CLASSES = 10
# Standard deviations beyond which values are drawn together.
_SQUASH = 4.0
# Added to scores of keys and of classes that do not count.
NEVER = -1e9


@keras.saving.register_keras_serializable("sktransfer")
class CellEmbedding(keras.layers.Layer):
    """Turn the values of a row into a token a group of columns.

    A column is standardized by the weighted mean and variance of its known values in
    the context; what is missing is told by a flag of its own.

    Parameters
    ----------
    width : int
        Length of a token.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.embed = keras.layers.Dense(
            width,
            # Of a single value without a bias, layer normalization keeps the sign only.
            bias_initializer=keras.initializers.RandomNormal(stddev=0.5),
            dtype=self.dtype_policy,
            name="values",
        )

    def build(self, x_shape, weight_shape):
        """Create the weights."""
        self.embed.build((None, 2 * GROUP))
        super().build(x_shape)

    def call(self, x, weight):
        """Compute tokens.

        Parameters
        ----------
        x : tensor of shape (n_tables, n_rows, n_columns)
            Values; NaN is missing.
        weight : tensor of shape (n_tables, n_context)
            Weights of the first rows, which are the context.

        Returns
        -------
        tokens : tensor of shape (n_tables, n_rows, n_groups, width)
        log_count : tensor of shape (n_tables, n_groups)
            0, or about -1e9 for groups in which nothing varies.
        """
        context = x[:, : ops.shape(weight)[1]]
        mean, scale, log_count = self.statistics(context, weight)
        return self.tokens(x, mean, scale), log_count

    def statistics(self, x, weight):
        """Compute what tokens depend on beside the row itself.

        Parameters
        ----------
        x : tensor of shape (n_tables, n_context, n_columns)
            Values of the context.
        weight : tensor of shape (n_tables, n_context)
            Weights of its rows.

        Returns
        -------
        mean, scale : tensor of shape (n_tables, 1, n_columns)
            Of the known values; a scale of 0 is that of a constant column.
        log_count : tensor of shape (n_tables, n_groups)
            As in :meth:`call`.
        """
        missing = ops.isnan(x)
        x = ops.where(missing, 0.0, x)
        known = ops.where(missing, 0.0, weight[:, :, None])
        total = ops.maximum(ops.sum(known, axis=1, keepdims=True), 1e-6)
        mean = ops.sum(known * x, axis=1, keepdims=True) / total
        variance = ops.sum(known * ops.square(x - mean), axis=1, keepdims=True) / total
        # A constant column tells nothing, and is not to become its rounding noise.
        varies = variance > 1e-12 * (1 + ops.square(mean))
        scale = ops.where(varies, 1 / ops.sqrt(ops.where(varies, variance, 1.0)), 0.0)
        has_gaps = ops.any(
            ops.logical_and(missing, weight[:, :, None] > 0), axis=1, keepdims=True
        )
        n_tables, _, n_columns = ops.shape(x)
        tells = ops.reshape(
            ops.logical_or(varies, has_gaps), (n_tables, n_columns // GROUP, GROUP)
        )
        return mean, scale, ops.where(ops.any(tells, axis=2), total[:, :, 0] * 0, NEVER)

    def tokens(self, x, mean, scale):
        """Compute the tokens of rows, of shape (n_tables, n_rows, n_groups, width)."""
        missing = ops.isnan(x)
        scaled = _SQUASH * ops.tanh((x - mean) * scale / _SQUASH)
        scaled = ops.where(missing, 0.0, scaled)
        flags = ops.cast(missing, scaled.dtype)
        n_tables, n_rows, n_columns = ops.shape(x)
        shape = (n_tables, n_rows, n_columns // GROUP, GROUP)
        parts = [ops.reshape(part, shape) for part in (scaled, flags)]
        return self.embed(ops.concatenate(parts, axis=-1))

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("sktransfer")
class LabelEmbedding(keras.layers.Layer):
    """Give each row the token of its class, after those of its columns."""

    def build(self, cells_shape, y_shape):
        """Create the weights."""
        self.embeddings = self.add_weight(
            shape=(1 + MAX_CLASSES, cells_shape[-1]),
            initializer="uniform",
            name="embeddings",
        )
        super().build(cells_shape)

    def call(self, cells, y):
        """Add a token to each row.

        Parameters
        ----------
        cells : tensor of shape (n_tables, n_rows, n_groups, width)
            Tokens of the columns.
        y : tensor of shape (n_tables, n_context), int32
            Class indices of the first rows; -1 is not known, as of the others.

        Returns
        -------
        tensor of shape (n_tables, n_rows, n_groups + 1, width)
        """
        n_tables, n_rows = ops.shape(cells)[:2]
        others = ops.full((n_tables, n_rows - ops.shape(y)[1]), -1, dtype="int32")
        index = ops.concatenate([y, others], axis=1) + 1
        labels = ops.take(ops.convert_to_tensor(self.embeddings), index, axis=0)
        return ops.concatenate([cells, labels[:, :, None, :]], axis=2)

    def compute_output_spec(self, cells, y):
        """Return the shape of the tokens."""
        *rows, n_groups, width = cells.shape
        n_tokens = None if n_groups is None else n_groups + 1
        return keras.KerasTensor((*rows, n_tokens, width), cells.dtype)


def make_network(*, width=64, n_blocks=3, n_heads=4):
    """Make the network, for tables of any number of rows and columns.

    The tokens of a row are one for each group of three columns and one for its class.
    Blocks let the tokens of a row attend to each other, and each token to that of the
    same columns in the rows of the context.

    Parameters
    ----------
    width : int
        Length of a token.
    n_blocks, n_heads : int
        Number of blocks, and of the heads of each attention.

    Returns
    -------
    keras.Model
        Its inputs are

        - x of shape (n_tables, n_rows, n_columns), with a multiple of three columns;
          constant ones do not count, and NaN is missing;
        - y of shape (n_tables, n_context), int32, class indices of the first rows,
          which are the context, but for those of -1;
        - log_weight of shape (n_tables, n_context), the logarithms of their weights.

        Its outputs are class scores of shape (n_tables, n_rows, 10), about -1e9 for
        classes that the context lacks.
    """
    x = keras.Input((None, None), name="x")
    y = keras.Input((None,), dtype="int32", name="y")
    log_weight = keras.Input((None,), name="log_weight")
    scores = class_scores(
        x, y, log_weight, width=width, n_blocks=n_blocks, n_heads=n_heads
    )
    return keras.Model([x, y, log_weight], scores, name="tabular")


def class_scores(x, y, log_weight, *, width, n_blocks, n_heads):
    """Apply the layers of a new network; see :func:`make_network`."""
    log_weight = ops.where(y >= 0, log_weight, NEVER)
    weight = ops.exp(log_weight)
    cells, log_count = CellEmbedding(width, name="cells")(x, weight)
    # The token of the class is always asked.
    log_count = ops.pad(log_count, [[0, 0], [0, 1]])
    tokens = LabelEmbedding(name="labels")(cells, y)
    for i in range(1, n_blocks + 1):
        block = Block(n_heads, is_last=i == n_blocks, name=f"block_{i}")
        tokens = block(tokens, log_count, log_weight)
    of_class = tokens[:, :, 0, :]
    of_class = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")(of_class)
    of_class = keras.layers.Dense(2 * width, activation="gelu", name="hidden")(of_class)
    scores = keras.layers.Dense(MAX_CLASSES, name="scores")(of_class)
    return scores + absent(y, weight)[:, None, :]


def absent(y, weight):
    """About -1e9 for classes that the context lacks, of shape (n_tables, 10)."""
    is_of = ops.equal(y[:, :, None], np.arange(MAX_CLASSES, dtype="int32"))
    present = ops.max(ops.where(is_of, weight[:, :, None], 0.0), axis=1)
    return ops.where(present > 0, present * 0, NEVER)
