"""The table network with a context of labeled samples, as a model of one sample."""

import keras
import numpy as np
from keras import ops

from sktransfer.tables.in_context.attention import Block
from sktransfer.tables.in_context.network import (
    EXCLUDED,
    GROUP,
    MAX_CLASSES,
    class_scores,
    exclude_absent_classes,
)
from sktransfer.tables.in_context.views import Views


@keras.saving.register_keras_serializable("sktransfer")
class TableContext(keras.layers.Layer):
    """Layer that puts labeled samples before the samples to predict, in several views.

    In training, labeled samples that are equal to a sample to predict are left out, so
    that the network never sees the label that it predicts.

    Parameters
    ----------
    n_bags : int
        1 if all views have the same labeled samples, otherwise the number of views.
    n_rows : int
        Number of rows for labeled samples in a view.
    n_views : int
        Number of views.
    n_classes : int
        Number of classes.
    n_fixed : int, default=0
        Number of columns that only labeled samples have. For samples to predict, the
        context has one value for each of these columns.
    n_categories : int, default=0
        Number of categories with a column of their own.
    n_seen : int, default=0
        Number of columns in a view. 0 is the number of columns of the labeled samples.
    """

    # The output for a sample depends on the other samples of a batch.
    uses_other_samples = True

    def __init__(
        self,
        n_bags,
        n_rows,
        n_views,
        n_classes,
        n_fixed=0,
        n_categories=0,
        n_seen=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.n_fixed = n_fixed
        self.n_categories, self.n_seen = n_categories, n_seen
        self.n_bags, self.n_rows = n_bags, n_rows
        self.n_views, self.n_classes = n_views, n_classes

    def build(self, x_shape):
        """Create the weights: the context, which is data and is not trained."""
        n_columns = x_shape[-1] + self.n_fixed
        bags = (self.n_bags, self.n_rows)

        def add(name, shape, dtype=None):
            return self.add_weight(
                shape=shape,
                dtype=dtype,
                initializer="zeros",
                trainable=False,
                name=name,
            )

        self._context_weights = Views(
            x=add("x", (*bags, n_columns)),
            scores=add("scores", (*bags, n_columns)),
            has_ranks=add("has_ranks", (n_columns,), "int32"),
            sees_ranks=add("sees_ranks", (self.n_views,), "int32"),
            fixed=add("fixed", (self.n_fixed,)),
            y=add("y", bags, "int32"),
            log_weight=add("log_weight", bags),
            category_column=add("category_column", (self.n_categories,), "int32"),
            category=add("category", (self.n_categories,)),
            columns=add("columns", (self.n_views, self._in_tokens(x_shape)), "int32"),
            codes=add("codes", (self.n_views, self.n_classes), "int32"),
        )
        super().build(x_shape)

    def _in_tokens(self, x_shape):
        n_columns = self.n_seen or x_shape[-1] + self.n_fixed
        return -(-n_columns // GROUP) * GROUP

    @property
    def views(self):
        """The labeled samples, as tensors."""
        return Views(*map(ops.convert_to_tensor, self._context_weights))

    def call(self, x, training=False):
        """Compute the inputs of the network.

        Parameters
        ----------
        x : tensor of shape (n, n_columns)
            Samples to predict; NaN for missing values.
        training : bool, default=False
            Whether labeled samples that are equal to one of them are left out.

        Returns
        -------
        x : tensor of shape (n_views, n_rows + n, n_view_columns)
            Labeled samples, then samples to predict.
        y : tensor of shape (n_views, n_rows), int32
            Codes of the classes; -1 for samples that are left out.
        log_weight : tensor of shape (n_views, n_rows)
            Logarithms of the sample weights.
        codes : tensor of shape (n_views, n_classes), int32
            Code of each class.
        """
        views = self.views
        left_out = views.find_copies(x) if training else None
        context_x, y, log_weight = views.labeled(left_out)
        x = ops.concatenate([context_x, views.prepare(x)], axis=1)
        return x, y, log_weight, views.codes

    def compute_output_spec(self, x, training=False):
        """Return the shapes; the number of samples is not known."""
        n_columns = self._in_tokens(x.shape)
        context = (self.n_views, self.n_rows)
        return (
            keras.KerasTensor((self.n_views, None, n_columns), self.compute_dtype),
            keras.KerasTensor(context, "int32"),
            keras.KerasTensor(context, self.compute_dtype),
            keras.KerasTensor((self.n_views, self.n_classes), "int32"),
        )

    def get_config(self):
        """Return the parameters."""
        names = ("n_bags", "n_rows", "n_views", "n_classes", "n_fixed")
        names += ("n_categories", "n_seen")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("sktransfer")
class MatchLabeled(keras.layers.Layer):
    """Layer that gives values the bits of labeled values that they round to.

    Ranks depend on whether two values are equal. Values that were rounded on another
    way to the network would not be equal to those of the labeled samples.

    Parameters
    ----------
    n_rows : int
        Number of labeled samples.
    """

    def __init__(self, n_rows, **kwargs):
        super().__init__(**kwargs)
        self.n_rows = n_rows

    def build(self, x_shape):
        """Create the weights: labeled values, and the tolerance of each column."""
        for name, shape in (
            ("labeled", (self.n_rows, x_shape[-1])),
            ("tolerance", (x_shape[-1],)),
        ):
            weight = self.add_weight(
                shape=shape, initializer="zeros", trainable=False, name=name
            )
            setattr(self, name, weight)
        super().build(x_shape)

    def call(self, x):
        """Return values of shape (n, n_columns); NaN does not change."""
        distance = ops.abs(x[:, None, :] - self.labeled[None])
        distance = ops.where(ops.isnan(distance), np.inf, distance)
        nearest = ops.argmin(distance, axis=1)
        matched = ops.take_along_axis(self.labeled, nearest, axis=0)
        return ops.where(ops.min(distance, axis=1) <= self.tolerance, matched, x)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"n_rows": self.n_rows}


@keras.saving.register_keras_serializable("sktransfer")
class MeanOfViews(keras.layers.Layer):
    """Layer that averages the log probabilities of the classes over the views.

    If there are more classes than codes, classes share codes. Only the codes in several
    views together identify a class, so their log probabilities are added.

    Parameters
    ----------
    n_rows : int
        Number of rows of the context, which come first and are not predicted.
    """

    def __init__(self, n_rows, **kwargs):
        super().__init__(**kwargs)
        self.n_rows = n_rows

    def call(self, scores, codes):
        """Compute the scores of the classes.

        Parameters
        ----------
        scores : tensor of shape (n_views, n_rows + n, 10)
            Scores of the codes.
        codes : tensor of shape (n_views, n_classes), int32
            Code of each class.

        Returns
        -------
        tensor of shape (n, n_classes)
        """
        return average_views(scores[:, self.n_rows :], codes)

    def compute_output_spec(self, scores, codes):
        """Return the shape."""
        return keras.KerasTensor((None, codes.shape[1]), self.compute_dtype)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"n_rows": self.n_rows}


# Number of views whose codes together identify a class, if classes share codes.
_N_VIEWS_PER_CLASS = 3


def average_views(scores, codes):
    """Compute the scores of the classes from the scores of the codes in all views.

    Parameters
    ----------
    scores : tensor of shape (n_views, n, 10)
        Scores of the codes.
    codes : tensor of shape (n_views, n_classes), int32
        Code of each class.

    Returns
    -------
    tensor of shape (n, n_classes)
    """
    log_proba = ops.log_softmax(scores, axis=-1)
    # The probability of a code without labeled samples is almost 0, but not 0.
    log_proba = ops.maximum(log_proba, -50.0)
    chosen = ops.one_hot(codes, MAX_CLASSES, dtype=log_proba.dtype)
    by_class = ops.matmul(log_proba, ops.transpose(chosen, (0, 2, 1)))
    n_needed = ops.where(ops.shape(codes)[1] <= MAX_CLASSES, 1, _N_VIEWS_PER_CLASS)
    return ops.cast(n_needed, by_class.dtype) * ops.mean(by_class, axis=0)


def make_in_context_model(n_columns, context_sizes, network_sizes):
    """Make a model of one sample, whose weights also have the labeled samples.

    Parameters
    ----------
    n_columns : int
        Number of values of a sample.
    context_sizes : dict of str to int
        Parameters of :class:`TableContext`.
    network_sizes : dict of str to int
        Parameters of :func:`~sktransfer.tables.in_context.network.make_network`.

    Returns
    -------
    keras.Model
        Model from samples of shape (n, n_columns) to class scores of shape
        (n, n_classes).
    """
    sample = keras.Input((n_columns,), name="row")
    context = TableContext(**context_sizes, name="context")
    x, y, log_weight, codes = context(sample)
    scores = class_scores(x, y, log_weight, **network_sizes)
    scores = MeanOfViews(context.n_rows, name="views")(scores, codes)
    return keras.Model(sample, scores, name="tabular")


def blocks_of(model):
    """Return the blocks of a model in order."""
    return [layer for layer in model.layers if isinstance(layer, Block)]


def encode_context(model, views):
    """Compute the part of all predictions that depends on the context only.

    Parameters
    ----------
    model : keras.Model
        The table network.
    views : Views
        The context.

    Returns
    -------
    list of tensor
        Argument `memory` of :func:`predict_from_context`.
    """
    x, y, log_weight = views.labeled()
    log_weight = ops.where(y >= 0, log_weight, EXCLUDED)
    weight = ops.exp(log_weight)
    cells = model.get_layer("cells")
    mean, scale, log_count = cells.statistics(x, weight)
    log_count = ops.pad(log_count, [[0, 0], [0, 1]])
    tokens = model.get_layer("labels")(cells.tokens(x, mean, scale), y)
    memory = [mean, scale, log_count, log_weight, exclude_absent_classes(y, weight)]
    for block in blocks_of(model):
        columns = block.attend_columns(tokens, log_count)
        keys = block.keys(columns)
        tokens = block.attend_samples(columns, keys, log_weight)
        memory += keys
    return memory


def predict_from_context(model, views, memory, x):
    """Compute the class scores of samples.

    Parameters
    ----------
    model : keras.Model
        The table network.
    views : Views
        The context.
    memory : list of tensor
        Result of :func:`encode_context`.
    x : tensor of shape (n, n_columns)
        Samples.

    Returns
    -------
    tensor of shape (n, n_classes)
    """
    mean, scale, log_count, log_weight, missing = memory[:5]
    x = views.prepare(ops.cast(x, views.x.dtype))
    cells = model.get_layer("cells").tokens(x, mean, scale)
    tokens = model.get_layer("labels")(cells, ops.zeros((ops.shape(x)[0], 0), "int32"))
    for i, block in enumerate(blocks_of(model)):
        keys = memory[5 + 2 * i : 7 + 2 * i]
        columns = block.attend_columns(tokens, log_count)
        tokens = block.attend_samples(columns, keys, log_weight)
    scores = tokens[:, :, 0, :]
    for name in ("norm", "hidden", "scores"):
        scores = model.get_layer(name)(scores)
    return average_views(scores + missing[:, None, :], views.codes)


def match_labeled(network, labeled, tolerance):
    """Put a :class:`MatchLabeled` before a network.

    Parameters
    ----------
    network : keras.Model
        Model of standardized samples.
    labeled : ndarray of shape (n_rows, n_columns)
        Labeled samples.
    tolerance : ndarray of shape (n_columns,)
        Greatest difference of a value that is matched.

    Returns
    -------
    keras.Model
    """
    layer = MatchLabeled(len(labeled), dtype=network.inputs[0].dtype, name="match")
    inputs = keras.Input(network.input_shape[1:], dtype=network.inputs[0].dtype)
    model = keras.Model(inputs, network(layer(inputs)), name=network.name)
    layer.set_weights([labeled, tolerance])
    return model
