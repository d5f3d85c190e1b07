"""The table network: it predicts the classes of samples from labeled samples."""

import keras
import numpy as np
from keras import ops

from sktransfer.tables.in_context.attention import Block

# Number of columns that share a token, and of classes that the network has.
GROUP = 3
MAX_CLASSES = 10
# Standardized values are squashed into the range from -4 to 4.
_SQUASH = 4.0
# Added to the scores of keys and classes that are excluded.
EXCLUDED = -1e9


@keras.saving.register_keras_serializable("sktransfer")
class CellEmbedding(keras.layers.Layer):
    """Turn the values of a sample into tokens, one for each group of columns.

    A column is standardized by the weighted mean and variance of its values in the
    context. Each value has a flag that says whether it is missing.

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
            # Without a bias, layer normalization would keep only the sign of a single
            # value.
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
        x : tensor of shape (n_tables, n_samples, n_columns)
            Values; NaN for missing ones.
        weight : tensor of shape (n_tables, n_context)
            Weights of the first samples, which are the context.

        Returns
        -------
        tokens : tensor of shape (n_tables, n_samples, n_groups, width)
            Tokens.
        log_count : tensor of shape (n_tables, n_groups)
            0, or about -1e9 for groups whose columns are all constant.
        """
        context = x[:, : ops.shape(weight)[1]]
        mean, scale, log_count = self.statistics(context, weight)
        return self.tokens(x, mean, scale), log_count

    def statistics(self, x, weight):
        """Compute the statistics of the context that the tokens depend on.

        Parameters
        ----------
        x : tensor of shape (n_tables, n_context, n_columns)
            Values of the context.
        weight : tensor of shape (n_tables, n_context)
            Weights of its samples.

        Returns
        -------
        mean, scale : tensor of shape (n_tables, 1, n_columns)
            Mean and inverse standard deviation of the values that are not missing. The
            scale of a constant column is 0.
        log_count : tensor of shape (n_tables, n_groups)
            As in :meth:`call`.
        """
        missing = ops.isnan(x)
        x = ops.where(missing, 0.0, x)
        known = ops.where(missing, 0.0, weight[:, :, None])
        total = ops.maximum(ops.sum(known, axis=1, keepdims=True), 1e-6)
        mean = ops.sum(known * x, axis=1, keepdims=True) / total
        variance = ops.sum(known * ops.square(x - mean), axis=1, keepdims=True) / total
        # Standardized, a constant column must be 0, not its rounding noise.
        varies = variance > 1e-12 * (1 + ops.square(mean))
        scale = ops.where(varies, 1 / ops.sqrt(ops.where(varies, variance, 1.0)), 0.0)
        has_gaps = ops.any(
            ops.logical_and(missing, weight[:, :, None] > 0), axis=1, keepdims=True
        )
        n_tables, _, n_columns = ops.shape(x)
        is_informative = ops.any(
            ops.reshape(
                ops.logical_or(varies, has_gaps), (n_tables, n_columns // GROUP, GROUP)
            ),
            axis=2,
        )
        return mean, scale, ops.where(is_informative, total[:, :, 0] * 0, EXCLUDED)

    def tokens(self, x, mean, scale):
        """Compute the tokens of samples from the statistics of the context.

        Parameters
        ----------
        x : tensor of shape (n_tables, n_samples, n_columns)
            Values; NaN for missing ones.
        mean, scale : tensor of shape (n_tables, 1, n_columns)
            From :meth:`statistics`.

        Returns
        -------
        tensor of shape (n_tables, n_samples, n_groups, width)
        """
        missing = ops.isnan(x)
        scaled = _SQUASH * ops.tanh((x - mean) * scale / _SQUASH)
        scaled = ops.where(missing, 0.0, scaled)
        flags = ops.cast(missing, scaled.dtype)
        n_tables, n_samples, n_columns = ops.shape(x)
        shape = (n_tables, n_samples, n_columns // GROUP, GROUP)
        parts = [ops.reshape(part, shape) for part in (scaled, flags)]
        return self.embed(ops.concatenate(parts, axis=-1))

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("sktransfer")
class LabelEmbedding(keras.layers.Layer):
    """Add to each sample a token for its class, after those of its columns."""

    def build(self, cells_shape, y_shape):
        """Create the weights."""
        self.embeddings = self.add_weight(
            shape=(1 + MAX_CLASSES, cells_shape[-1]),
            initializer="uniform",
            name="embeddings",
        )
        super().build(cells_shape)

    def call(self, cells, y):
        """Add a token to each sample.

        Parameters
        ----------
        cells : tensor of shape (n_tables, n_samples, n_groups, width)
            Tokens of the columns.
        y : tensor of shape (n_tables, n_context), int32
            Class indices of the first samples. The class of all other samples, and of
            those with -1, is not known.

        Returns
        -------
        tensor of shape (n_tables, n_samples, n_groups + 1, width)
        """
        n_tables, n_samples = ops.shape(cells)[:2]
        unknown = ops.full((n_tables, n_samples - ops.shape(y)[1]), -1, dtype="int32")
        index = ops.concatenate([y, unknown], axis=1) + 1
        labels = ops.take(ops.convert_to_tensor(self.embeddings), index, axis=0)
        return ops.concatenate([cells, labels[:, :, None, :]], axis=2)

    def compute_output_spec(self, cells, y):
        """Return the shape of the tokens."""
        *sizes, n_groups, width = cells.shape
        n_tokens = None if n_groups is None else n_groups + 1
        return keras.KerasTensor((*sizes, n_tokens, width), cells.dtype)


def make_network(*, width=64, n_blocks=3, n_heads=4):
    """Make the network, for tables of any number of samples and columns.

    A sample has one token for each group of three columns and one for its class. In
    each block, the tokens of a sample attend to each other. Then each token attends to
    the tokens of the same columns in the context.

    Parameters
    ----------
    width : int, default=64
        Length of a token.
    n_blocks : int, default=3
        Number of blocks.
    n_heads : int, default=4
        Number of heads of each attention.

    Returns
    -------
    keras.Model
        Its inputs are

        - x of shape (n_tables, n_samples, n_columns), where n_columns is a multiple of
          three. NaN is a missing value. Constant columns do not change the output.
        - y of shape (n_tables, n_context), int32: class indices of the first samples,
          which are the context. A sample with -1 is not part of it.
        - log_weight of shape (n_tables, n_context): logarithms of their weights.

        Its output is logits of shape (n_tables, n_samples, 10). They are about -1e9 for
        classes that are not in the context.
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
    log_weight = ops.where(y >= 0, log_weight, EXCLUDED)
    weight = ops.exp(log_weight)
    cells, log_count = CellEmbedding(width, name="cells")(x, weight)
    # All tokens attend to that of the class.
    log_count = ops.pad(log_count, [[0, 0], [0, 1]])
    tokens = LabelEmbedding(name="labels")(cells, y)
    for i in range(1, n_blocks + 1):
        block = Block(n_heads, is_last=i == n_blocks, name=f"block_{i}")
        tokens = block(tokens, log_count, log_weight)
    x = tokens[:, :, 0, :]
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = keras.layers.Dense(2 * width, activation="gelu", name="hidden")(x)
    scores = keras.layers.Dense(MAX_CLASSES, name="scores")(x)
    return scores + exclude_absent_classes(y, weight)[:, None, :]


def exclude_absent_classes(y, weight):
    """Compute a term that excludes classes without a sample in the context.

    Parameters
    ----------
    y : tensor of shape (n_tables, n_context), int32
        Class indices of the context.
    weight : tensor of shape (n_tables, n_context)
        Weights of its samples.

    Returns
    -------
    tensor of shape (n_tables, 10)
        To be added to the logits: 0, or about -1e9 for absent classes.
    """
    is_class = ops.equal(y[:, :, None], np.arange(MAX_CLASSES, dtype="int32"))
    present = ops.max(ops.where(is_class, weight[:, :, None], 0.0), axis=1)
    return ops.where(present > 0, present * 0, EXCLUDED)
