"""Layers of the network for tables that is trained by steps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("sktransfer")
class InputRange(keras.layers.Layer):
    """Select consecutive inputs of a sample.

    Parameters
    ----------
    start, stop : int
        First input, and the one after the last.
    """

    def __init__(self, start, stop, **kwargs):
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def call(self, x):
        """Select from inputs of shape (n, n_inputs)."""
        return x[:, self.start : self.stop]

    def compute_output_shape(self, shape):
        """Return the shape of the result."""
        return (shape[0], self.stop - self.start)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"start": self.start, "stop": self.stop}


@keras.saving.register_keras_serializable("sktransfer")
class FixedScale(keras.layers.Layer):
    """Subtract a center from each number, and divide by a scale, without training."""

    def build(self, shape):
        """Create the weights."""
        own = {"shape": shape[-1:], "trainable": False}
        self.center = self.add_weight(initializer="zeros", name="center", **own)
        self.scale = self.add_weight(initializer="ones", name="scale", **own)
        super().build(shape)

    def call(self, x):
        """Scale numbers."""
        return (x - self.center) / self.scale

    def compute_output_shape(self, shape):
        """Return the shape of the result."""
        return shape


@keras.saving.register_keras_serializable("sktransfer")
class SmoothClip(keras.layers.Layer):
    """Clip numbers to a range, without a corner: small numbers hardly change.

    Outliers and shifted columns must not outweigh all other columns.

    Parameters
    ----------
    limit : float
        Greatest absolute value.
    """

    def __init__(self, limit, **kwargs):
        super().__init__(**kwargs)
        self.limit = limit

    def call(self, x):
        """Clip numbers."""
        return x / ops.sqrt(1 + ops.square(x / self.limit))

    def compute_output_shape(self, shape):
        """Return the shape of the result."""
        return shape

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"limit": self.limit}


@keras.saving.register_keras_serializable("sktransfer")
class PeriodicEmbedding(keras.layers.Layer):
    """Embed each number of a sample by functions of it that are learned.

    A number x becomes x itself and `width` sums of cosines with learned frequencies, as
    in [1]_ and [2]_. So the network can learn that a class has values in a range.

    Parameters
    ----------
    n_frequencies : int
        Number of cosines of a number.
    width : int
        Number of sums of a number.

    References
    ----------
    .. [1] Gorishniy, Rubachev & Babenko (2022). On Embeddings for Numerical Features in
       Tabular Deep Learning. NeurIPS. arXiv:2203.05556
    .. [2] Holzmüller, Grinsztajn & Steinwart (2024). Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data. NeurIPS. arXiv:2407.04491
    """

    def __init__(self, n_frequencies, width, **kwargs):
        super().__init__(**kwargs)
        self.n_frequencies, self.width = n_frequencies, width

    def build(self, shape):
        """Create the weights."""
        cosines = shape[-1], self.n_frequencies
        sums = shape[-1], self.width
        self.frequencies = self.add_weight(shape=cosines, name="frequencies")
        self.phases = self.add_weight(shape=cosines, name="phases")
        self.kernel = self.add_weight(shape=(*cosines, self.width), name="kernel")
        self.bias = self.add_weight(shape=sums, initializer="zeros", name="bias")
        super().build(shape)

    def call(self, x):
        """Embed numbers of shape (n, n_numbers); return one vector for each sample."""
        x = ops.expand_dims(x, -1)
        cosines = ops.cos(x * self.frequencies + self.phases)
        sums = ops.einsum("nif,ifw->niw", cosines, self.kernel) + self.bias
        embedded = ops.concatenate([x, sums], axis=-1)
        return ops.reshape(embedded, (-1, x.shape[1] * (1 + self.width)))

    def compute_output_shape(self, shape):
        """Return the shape of the result."""
        return (shape[0], shape[1] * (1 + self.width))

    def get_config(self):
        """Return the parameters."""
        own = {"n_frequencies": self.n_frequencies, "width": self.width}
        return super().get_config() | own


@keras.saving.register_keras_serializable("sktransfer")
class MemberScale(keras.layers.Layer):
    """Scale values by the factors of each member of an ensemble.

    The members share the other layers. As their factors begin as random signs, they
    learn different functions of a sample [1]_.

    Parameters
    ----------
    n_members : int
        Number of members.

    References
    ----------
    .. [1] Gorishniy, Kotelnikov & Babenko (2024). TabM: Advancing Tabular Deep Learning
       with Parameter-Efficient Ensembling. arXiv:2410.24210
    """

    def __init__(self, n_members, **kwargs):
        super().__init__(**kwargs)
        self.n_members = n_members

    def build(self, shape):
        """Create the weights."""
        self.gamma = self.add_weight(
            shape=(self.n_members, shape[-1]), initializer="ones", name="gamma"
        )
        super().build(shape)

    def call(self, x):
        """Scale values of shape (n, width), or (n, n_members, width)."""
        if len(x.shape) == 2:
            x = ops.expand_dims(x, 1)
        return x * self.gamma

    def compute_output_shape(self, shape):
        """Return the shape of the result, (n, n_members, width)."""
        return (shape[0], self.n_members, shape[-1])

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"n_members": self.n_members}


@keras.saving.register_keras_serializable("sktransfer")
class MemberMean(keras.layers.Layer):
    """Average over the members of an ensemble."""

    def call(self, x):
        """Average values of shape (n, n_members, width)."""
        return ops.mean(x, axis=1)

    def compute_output_shape(self, shape):
        """Return the shape of the result, (n, width)."""
        return (shape[0], shape[-1])
