"""Attention among the tokens of a row and among rows: the blocks of the network."""

import keras
from keras import ops


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
