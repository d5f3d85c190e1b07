"""The tabular network with a context of labelled rows, as a model of single rows."""

import math

import keras
from keras import ops

from sktransfer.backbones.tabular.network import (
    GROUP,
    MAX_CLASSES,
    NEVER,
    Block,
    absent,
    class_scores,
)


@keras.saving.register_keras_serializable("sktransfer")
class TableContext(keras.layers.Layer):
    """Put labelled rows before the rows to classify, in several views.

    A view has its own order of columns and its own codes of the classes, and some views
    see columns by the ranks of their values. In training, rows of the context that are
    the same as one to classify are left out, so that a row is never told its own label.

    Parameters
    ----------
    n_bags : int
        1 when all views have the same rows, otherwise the number of views.
    n_rows : int
        Labelled rows of a view.
    n_views : int
        Number of views.
    n_classes : int
        Number of classes.
    n_given : int, default=0
        Columns of the labelled rows that rows to classify lack; in these they have
        values of the context.
    """

    def __init__(self, n_bags, n_rows, n_views, n_classes, n_given=0, **kwargs):
        super().__init__(**kwargs)
        self.n_given = n_given
        self.n_bags, self.n_rows = n_bags, n_rows
        self.n_views, self.n_classes = n_views, n_classes

    def build(self, x_shape):
        """Create the weights: the context is data, which training does not change."""
        n_columns = x_shape[-1] + self.n_given
        bags = (self.n_bags, self.n_rows)
        in_tokens = -(-n_columns // GROUP) * GROUP

        def add(name, shape, dtype=None):
            return self.add_weight(
                shape=shape,
                dtype=dtype,
                initializer="zeros",
                trainable=False,
                name=name,
            )

        self.x = add("x", (*bags, n_columns))
        # The same rows, where a view sees the ranks of columns.
        self.scores = add("scores", (*bags, n_columns))
        self.has_ranks = add("has_ranks", (n_columns,), "int32")
        self.sees_ranks = add("sees_ranks", (self.n_views,), "int32")
        self.given = add("given", (self.n_given,))
        # -1 fills a bag that has fewer rows.
        self.y = add("y", bags, "int32")
        self.log_weight = add("log_weight", bags)
        # The number of columns stands for one of zeros.
        self.columns = add("columns", (self.n_views, in_tokens), "int32")
        self.codes = add("codes", (self.n_views, self.n_classes), "int32")
        super().build(x_shape)

    def call(self, x, training=False):
        """Compute the tables that the network takes.

        Parameters
        ----------
        x : tensor of shape (n, n_columns)
            Rows to classify; NaN is missing.
        training : bool, default=False
            Whether rows of the context that are among them are left out.

        Returns
        -------
        x : tensor of shape (n_views, n_rows + n, a multiple of 3)
        y : tensor of shape (n_views, n_rows), int32
            Codes of the classes; -1 for rows that are left out.
        log_weight : tensor of shape (n_views, n_rows)
        codes : tensor of shape (n_views, n_classes), int32
        """
        here = self.left_out(x) if training else None
        context_x, y, log_weight = self.context(here)
        x = ops.concatenate([context_x, self.view(x)], axis=1)
        return x, y, log_weight, ops.convert_to_tensor(self.codes)

    def left_out(self, x):
        """Tell which rows of each bag are among some rows."""
        own = ops.convert_to_tensor(self.x)[None, ..., : x.shape[1]]
        rows = x[:, None, None, :]
        same = ops.logical_or(
            rows == own, ops.logical_and(ops.isnan(rows), ops.isnan(own))
        )
        return ops.any(ops.all(same, axis=3), axis=0)

    def context(self, left_out=None):
        """Return x, y and log_weight of the labelled rows of each view."""
        y = ops.convert_to_tensor(self.y)
        if left_out is not None:
            y = ops.where(left_out, -1, y)
        shape = (self.n_views, self.n_rows)
        y = ops.broadcast_to(y, shape)
        in_view = ops.one_hot(y, self.n_classes, dtype="int32")
        codes = ops.sum(in_view * self.codes[:, None, :], axis=2)
        return (
            self._seen(
                ops.convert_to_tensor(self.x), ops.convert_to_tensor(self.scores)
            ),
            ops.where(y < 0, -1, codes),
            ops.broadcast_to(ops.convert_to_tensor(self.log_weight), shape),
        )

    def view(self, x):
        """Return rows as each view has them, (n_views, n, a multiple of 3)."""
        n_rows = ops.shape(x)[0]
        given = ops.broadcast_to(self.given, (n_rows, self.n_given))
        x = ops.concatenate([x, given], axis=1)
        return self._seen(x[None], self.normal_scores(x)[None])

    def normal_scores(self, x):
        """Compute the normal scores of values by their ranks in the first bag.

        Columns without ranks, and what is missing, stay as they are.

        Parameters
        ----------
        x : tensor of shape (n, n_columns)
            Rows.

        Returns
        -------
        tensor of the same shape
        """
        own, rows = ops.convert_to_tensor(self.x)[0], x[:, None, :]
        weight = ops.where(self.y[0] >= 0, ops.exp(self.log_weight[0]), 0.0)[:, None]
        total = ops.sum(ops.where(ops.isnan(own), 0.0, weight), axis=0)
        half = 0.5 * weight
        below = ops.sum(
            ops.where(own < rows, half, 0.0) + ops.where(own <= rows, half, 0.0), axis=1
        )
        share = (below + 0.5) / (total + 1)
        scores = math.sqrt(2) * ops.erfinv(2 * share - 1)
        stays = ops.logical_or(self.has_ranks == 0, ops.isnan(x))
        return ops.where(stays, x, scores)

    def _seen(self, x, scores):
        """Give each view its columns of rows, by values or by normal scores."""
        shape = (self.n_views, ops.shape(x)[1], x.shape[2])
        sees_ranks = ops.convert_to_tensor(self.sees_ranks)[:, None, None] > 0
        seen = ops.where(sees_ranks, scores, x)
        return _select(ops.broadcast_to(seen, shape), self.columns)

    def compute_output_spec(self, x, training=False):
        """Return the shapes; the number of rows is not known."""
        n_columns = -(-(x.shape[-1] + self.n_given) // GROUP) * GROUP
        context = (self.n_views, self.n_rows)
        return (
            keras.KerasTensor((self.n_views, None, n_columns), self.compute_dtype),
            keras.KerasTensor(context, "int32"),
            keras.KerasTensor(context, self.compute_dtype),
            keras.KerasTensor((self.n_views, self.n_classes), "int32"),
        )

    def get_config(self):
        """Return the parameters."""
        names = ("n_bags", "n_rows", "n_views", "n_classes", "n_given")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _select(x, columns):
    """Give each view of x, of shape (n_views, n, d), its columns."""
    x = ops.pad(x, [[0, 0], [0, 0], [0, 1]])
    columns = ops.convert_to_tensor(columns)[:, None, :]
    shape = (x.shape[0], ops.shape(x)[1], columns.shape[2])
    return ops.take_along_axis(x, ops.broadcast_to(columns, shape), axis=2)


@keras.saving.register_keras_serializable("sktransfer")
class MeanOfViews(keras.layers.Layer):
    """Average the logarithms of the probabilities that the views give a class.

    More classes than codes share them: a class is then told by its codes in several
    views, whose logarithms are added rather than averaged.

    Parameters
    ----------
    n_rows : int
        Rows of the context, which come first and are not asked.
    """

    def __init__(self, n_rows, **kwargs):
        super().__init__(**kwargs)
        self.n_rows = n_rows

    def call(self, scores, codes):
        """Compute scores of the classes.

        Parameters
        ----------
        scores : tensor of shape (n_views, n_rows + n, 10)
            Of the codes.
        codes : tensor of shape (n_views, n_classes), int32
            Code of each class.

        Returns
        -------
        tensor of shape (n, n_classes)
        """
        return self.combine(scores[:, self.n_rows :], codes)

    def combine(self, scores, codes):
        """Compute scores of the classes from those of the rows to classify."""
        log_proba = ops.log_softmax(scores, axis=-1)
        # A code that no row of a context has is as good as impossible, but finite.
        log_proba = ops.maximum(log_proba, -50.0)
        chosen = ops.one_hot(codes, MAX_CLASSES, dtype=log_proba.dtype)
        by_class = ops.matmul(log_proba, ops.transpose(chosen, (0, 2, 1)))
        n_needed = 1 if codes.shape[1] <= MAX_CLASSES else _VIEWS_NEEDED
        return n_needed * ops.mean(by_class, axis=0)

    def compute_output_spec(self, scores, codes):
        """Return the shape."""
        return keras.KerasTensor((None, codes.shape[1]), self.compute_dtype)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"n_rows": self.n_rows}


# Views whose codes together tell classes apart where one view cannot.
_VIEWS_NEEDED = 3


def make_in_context_model(
    *,
    n_columns,
    n_rows,
    n_bags,
    n_views,
    n_classes,
    n_given=0,
    width,
    n_blocks,
    n_heads,
):
    """Make a model of one row whose weights hold labelled rows beside the network's.

    Parameters
    ----------
    n_columns : int
        Values of a row.
    n_rows, n_bags, n_views, n_classes, n_given : int
        Of :class:`TableContext`.
    width, n_blocks, n_heads : int
        Of :func:`~sktransfer.backbones.tabular.network.make_network`.

    Returns
    -------
    keras.Model
        From rows of shape (n, n_columns) to class scores of shape (n, n_classes).
    """
    row = keras.Input((n_columns,), name="row")
    context = TableContext(n_bags, n_rows, n_views, n_classes, n_given, name="context")
    x, y, log_weight, codes = context(row)
    scores = class_scores(
        x, y, log_weight, width=width, n_blocks=n_blocks, n_heads=n_heads
    )
    scores = MeanOfViews(n_rows, name="views")(scores, codes)
    return keras.Model(row, scores, name="tabular")


def context_of(model):
    """Return the layer of a model that holds a context, or None."""
    for layer in model.layers:
        if isinstance(layer, TableContext):
            return layer
    return None


def _blocks(model):
    return [layer for layer in model.layers if isinstance(layer, Block)]


def remember(model):
    """Compute once what the answers to all rows need of the context.

    Parameters
    ----------
    model : keras.Model
        From :func:`make_in_context_model`.

    Returns
    -------
    list of tensor
        For :func:`recall`; it changes with the weights.
    """
    x, y, log_weight = context_of(model).context()
    log_weight = ops.where(y >= 0, log_weight, NEVER)
    weight = ops.exp(log_weight)
    cells = model.get_layer("cells")
    mean, scale, log_count = cells.statistics(x, weight)
    log_count = ops.pad(log_count, [[0, 0], [0, 1]])
    tokens = model.get_layer("labels")(cells.tokens(x, mean, scale), y)
    memory = [mean, scale, log_count, log_weight, absent(y, weight)]
    for block in _blocks(model):
        columns = block.by_column(tokens, log_count)
        keys = block.keys(columns)
        tokens = block.among_rows(columns, keys, log_weight)
        memory += keys
    return memory


def recall(model, memory, x):
    """Compute what a model gives for rows, from what it remembers.

    Parameters
    ----------
    model : keras.Model
        From :func:`make_in_context_model`.
    memory : list of tensor
        From :func:`remember`.
    x : tensor of shape (n, n_columns)
        Rows.

    Returns
    -------
    tensor of shape (n, n_classes)
    """
    mean, scale, log_count, log_weight, missing = memory[:5]
    context = context_of(model)
    x = context.view(ops.cast(x, context.compute_dtype))
    cells = model.get_layer("cells").tokens(x, mean, scale)
    tokens = model.get_layer("labels")(cells, ops.zeros((x.shape[0], 0), "int32"))
    for i, block in enumerate(_blocks(model)):
        keys = memory[5 + 2 * i : 7 + 2 * i]
        columns = block.by_column(tokens, log_count)
        tokens = block.among_rows(columns, keys, log_weight)
    scores = tokens[:, :, 0, :]
    for name in ("norm", "hidden", "scores"):
        scores = model.get_layer(name)(scores)
    scores = scores + missing[:, None, :]
    codes = ops.convert_to_tensor(context.codes)
    return model.get_layer("views").combine(scores, codes)
