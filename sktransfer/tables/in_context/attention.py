"""Blocks of the table network: attention among columns and among samples.

The paths of weights in a file depend on the names of the attributes that hold layers.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("sktransfer")
class Attention(keras.layers.Layer):
    """Multi-head attention whose keys have weights.

    A key of weight 2 counts as much as two equal keys.

    Parameters
    ----------
    n_heads : int
        Number of heads.
    by_count : bool, default=False
        Whether scores grow with the logarithm of the number of keys. Attention is then
        equally sharp among few and many keys.
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
            # With 64 keys, scores begin as those of plain attention: 0.24 log(65) = 1.
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
        """Compute the keys and values of tokens.

        Parameters
        ----------
        x : tensor of shape (batch, n, width)
            Tokens.

        Returns
        -------
        tuple of two tensors of shape (batch, n, n_heads, width / n_heads)
        """
        return self._heads(self.to_key(x)), self._heads(self.to_value(x))

    def attend(self, x, keys, log_weight=None):
        """Compute the attention of tokens to keys.

        Parameters
        ----------
        x : tensor of shape (batch, n, width)
            Tokens, from which the queries are computed.
        keys : tuple of two tensors
            Keys and values from :meth:`keys`.
        log_weight : tensor of shape (batch, n_keys) or None
            Logarithms of the keys' weights; None for weights of 1.

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
        attention = ops.dot_product_attention(query, *keys, bias=bias)
        return self.to_output(ops.reshape(attention, ops.shape(x)))

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {
            "n_heads": self.n_heads,
            "by_count": self.by_count,
        }


@keras.saving.register_keras_serializable("sktransfer")
class Block(keras.layers.Layer):
    """Attention among the tokens of a sample, then among samples, then a network.

    Parameters
    ----------
    n_heads : int
        Heads of each attention.
    is_last : bool, default=False
        Whether only the last token of each sample, that of its class, is computed.
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
        tokens : tensor of shape (n_tables, n_samples, n_tokens, width)
            Tokens of all samples.
        log_count : tensor of shape (n_tables, n_tokens)
            About -1e9 for tokens to which the others of a sample do not attend; 0 for
            all others.
        log_weight : tensor of shape (n_tables, n_context)
            Logarithms of the weights of the first samples, which are the context. All
            samples attend to the context only.

        Returns
        -------
        tensor of shape (n_tables, n_samples, n_tokens, width)
            With a single token in the last block.
        """
        columns = self.attend_columns(tokens, log_count)
        context = columns[:, :, : ops.shape(log_weight)[1]]
        return self.attend_samples(columns, self.keys(context), log_weight)

    def attend_columns(self, tokens, log_count):
        """Let the tokens of a sample attend to each other.

        Parameters
        ----------
        tokens, log_count
            As in :meth:`call`.

        Returns
        -------
        tensor of shape (n_tables, n_tokens, n_samples, width)
            With a single token in the last block.
        """
        n_tables, n_samples, n_tokens, width = ops.shape(tokens)
        x = ops.reshape(tokens, (n_tables * n_samples, n_tokens, width))
        normalized = self.norms[0](x)
        keys = self.of_columns.keys(normalized)
        if self.is_last:
            n_tokens, x, normalized = 1, x[:, -1:], normalized[:, -1:]
        log_count = _repeat(log_count, n_samples)
        x = x + self.of_columns.attend(normalized, keys, log_count)
        tokens = ops.reshape(x, (n_tables, n_samples, n_tokens, width))
        return ops.transpose(tokens, (0, 2, 1, 3))

    def keys(self, columns):
        """Compute the keys and values of samples.

        Parameters
        ----------
        columns : tensor of shape (n_tables, n_tokens, n_samples, width)
            From :meth:`attend_columns`.

        Returns
        -------
        tuple of two tensors
            For :meth:`attend_samples`.
        """
        width, n_samples = columns.shape[-1], ops.shape(columns)[2]
        x = ops.reshape(columns, (-1, n_samples, width))
        return self.of_rows.keys(self.norms[1](x))

    def attend_samples(self, columns, keys, log_weight):
        """Let all samples attend to the context, and apply the network.

        Parameters
        ----------
        columns : tensor of shape (n_tables, n_tokens, n_samples, width)
            From :meth:`attend_columns`.
        keys : tuple of two tensors
            From :meth:`keys`, of the context.
        log_weight : tensor of shape (n_tables, n_keys)
            Logarithms of the weights of the context.

        Returns
        -------
        tensor of shape (n_tables, n_samples, n_tokens, width)
        """
        n_tables, n_tokens, n_samples, width = ops.shape(columns)
        x = ops.reshape(columns, (n_tables * n_tokens, n_samples, width))
        log_weight = _repeat(log_weight, n_tokens)
        x = x + self.of_rows.attend(self.norms[1](x), keys, log_weight)
        x = x + self.output_of(self.hidden(self.norms[2](x)))
        tokens = ops.reshape(x, (n_tables, n_tokens, n_samples, width))
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
    """Repeat each row n times, also when shapes are known only at run time."""
    n_rows, width = ops.shape(x)
    return ops.reshape(
        ops.broadcast_to(x[:, None], (n_rows, n, width)), (n_rows * n, width)
    )
