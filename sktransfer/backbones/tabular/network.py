"""The tabular network: classes of rows of a table, from labelled rows beside them."""

import keras
import numpy as np
from keras import ops

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

    A column is standardised by the weighted mean and variance of its known values in
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
            # Of a single value without a bias, layer normalisation keeps the sign only.
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


@keras.saving.register_keras_serializable("sktransfer")
class Attention(keras.layers.Layer):
    """Attention of several heads whose keys have weights.

    A key of weight 2 counts as much as the same key twice. Scores grow with the
    logarithm of the number of keys, so that attention stays as sharp among many.

    Parameters
    ----------
    n_heads : int
        Number of heads.
    """

    def __init__(self, n_heads, *, by_count=False, **kwargs):
        super().__init__(**kwargs)
        self.n_heads = n_heads
        self.by_count = by_count

    def build(self, shape):
        """Create the weights."""
        width = shape[-1]
        names = ("query", "key", "value", "output")
        for name in names:
            layer = keras.layers.Dense(
                width, use_bias=False, dtype=self.dtype_policy, name=name
            )
            setattr(self, f"to_{name}", layer)
            layer.build((None, width))
        if self.by_count:
            # At 64 keys scores are those of plain attention.
            self.sharpness = self.add_weight(
                shape=(self.n_heads, 1),
                initializer=keras.initializers.Constant(0.24),
                name="sharpness",
            )
        super().build(shape)

    def _heads(self, x):
        n, length, width = ops.shape(x)
        return ops.reshape(x, (n, length, self.n_heads, width // self.n_heads))

    def keys(self, x):
        """Compute keys and values of some tokens, of shape (batch, n, width)."""
        return self._heads(self.to_key(x)), self._heads(self.to_value(x))

    def attend(self, x, keys, log_weight=None):
        """Compute what tokens take from keys.

        Parameters
        ----------
        x : tensor of shape (batch, n, width)
            Tokens that ask.
        keys : tuple of two tensors
            From :meth:`keys`.
        log_weight : tensor of shape (batch, n_keys) or None
            Logarithms of the keys' weights; None is 1 for all.

        Returns
        -------
        tensor of shape (batch, n, width)
        """
        query, bias = self._heads(self.to_query(x)), None
        if log_weight is not None:
            bias = log_weight[:, None, None, :]
        if self.by_count:
            count = ops.sum(ops.exp(log_weight), axis=1)[:, None, None, None]
            query = query * self.sharpness * ops.log(1 + count)
        taken = ops.dot_product_attention(query, *keys, bias=bias)
        return self.to_output(ops.reshape(taken, ops.shape(x)))

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {
            "n_heads": self.n_heads,
            "by_count": self.by_count,
        }


@keras.saving.register_keras_serializable("sktransfer")
class Block(keras.layers.Layer):
    """Attention among the tokens of a row, among the rows, and a small network.

    Parameters
    ----------
    n_heads : int
        Heads of each attention.
    is_last : bool, default=False
        Whether only the last token of each row, that of the class, is computed.
    """

    def __init__(self, n_heads, *, is_last=False, **kwargs):
        super().__init__(**kwargs)
        self.n_heads, self.is_last = n_heads, is_last

    def build(self, tokens_shape, log_count_shape, log_weight_shape):
        """Create the weights."""
        width = tokens_shape[-1]
        own = {"dtype": self.dtype_policy}
        self.of_columns = Attention(self.n_heads, name="columns", **own)
        self.of_rows = Attention(self.n_heads, by_count=True, name="rows", **own)
        self.hidden = keras.layers.Dense(
            2 * width, activation="gelu", name="hidden", **own
        )
        self.output_of = keras.layers.Dense(width, name="output", **own)
        self.of_columns.build((None, None, width))
        self.of_rows.build((None, None, width))
        self.hidden.build((None, width))
        self.output_of.build((None, 2 * width))
        self.norms = []
        for name in ("columns", "rows", "hidden"):
            norm = keras.layers.LayerNormalization(
                epsilon=1e-5, name=f"norm_{name}", **own
            )
            norm.build((None, width))
            self.norms.append(norm)
        super().build(tokens_shape)

    def call(self, tokens, log_count, log_weight):
        """Compute new tokens.

        Parameters
        ----------
        tokens : tensor of shape (n_tables, n_rows, n_tokens, width)
            Tokens of all rows.
        log_count : tensor of shape (n_tables, n_tokens)
            About -1e9 for tokens that are not asked by others of the row; 0 otherwise.
        log_weight : tensor of shape (n_tables, n_context)
            Logarithms of the weights of the first rows, the context; other rows ask
            but are not asked.

        Returns
        -------
        tensor of the same shape, or with a single token in the last block
        """
        columns = self.by_column(tokens, log_count)
        context = columns[:, :, : ops.shape(log_weight)[1]]
        return self.among_rows(columns, self.keys(context), log_weight)

    def by_column(self, tokens, log_count):
        """Let the tokens of a row attend to each other, then put columns first.

        Returns
        -------
        tensor of shape (n_tables, n_tokens, n_rows, width)
            With one token in the last block.
        """
        n_tables, n_rows, n_tokens, width = ops.shape(tokens)
        rows = ops.reshape(tokens, (n_tables * n_rows, n_tokens, width))
        asked = self.norms[0](rows)
        keys, asking = self.of_columns.keys(asked), asked
        if self.is_last:
            n_tokens, rows, asking = 1, rows[:, -1:], asked[:, -1:]
        log_count = _repeat(log_count, n_rows)
        rows = rows + self.of_columns.attend(asking, keys, log_count)
        tokens = ops.reshape(rows, (n_tables, n_rows, n_tokens, width))
        return ops.transpose(tokens, (0, 2, 1, 3))

    def keys(self, columns):
        """Compute keys and values of rows, from what :meth:`by_column` gives."""
        width, n_rows = columns.shape[-1], ops.shape(columns)[2]
        return self.of_rows.keys(
            self.norms[1](ops.reshape(columns, (-1, n_rows, width)))
        )

    def among_rows(self, columns, keys, log_weight):
        """Let rows attend to those of the context.

        Parameters
        ----------
        columns : tensor of shape (n_tables, n_tokens, n_rows, width)
            From :meth:`by_column`.
        keys : tuple of two tensors
            From :meth:`keys`, of the context.
        log_weight : tensor of shape (n_tables, n_keys)
            Of the context.

        Returns
        -------
        tensor of shape (n_tables, n_rows, n_tokens, width)
        """
        n_tables, n_tokens, n_rows, width = ops.shape(columns)
        x = ops.reshape(columns, (n_tables * n_tokens, n_rows, width))
        of_columns = _repeat(log_weight, n_tokens)
        x = x + self.of_rows.attend(self.norms[1](x), keys, of_columns)
        x = x + self.output_of(self.hidden(self.norms[2](x)))
        tokens = ops.reshape(x, (n_tables, n_tokens, n_rows, width))
        return ops.transpose(tokens, (0, 2, 1, 3))

    def compute_output_spec(self, tokens, log_count, log_weight):
        """Return the shape of the tokens."""
        n_tokens = 1 if self.is_last else tokens.shape[2]
        shape = (*tokens.shape[:2], n_tokens, tokens.shape[3])
        return keras.KerasTensor(shape, tokens.dtype)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {
            "n_heads": self.n_heads,
            "is_last": self.is_last,
        }


def _repeat(x, n):
    """Repeat each row n times in turn, as ``repeat`` does, for any shape."""
    n_rows, width = ops.shape(x)
    return ops.reshape(
        ops.broadcast_to(x[:, None], (n_rows, n, width)), (n_rows * n, width)
    )


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
