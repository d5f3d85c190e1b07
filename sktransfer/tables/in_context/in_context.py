"""The tabular network with a context of labeled rows, as a model of single rows."""

import keras
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
    """Put labeled rows before the rows to classify, in several views.

    In training, rows of the context that are the same as one to classify are left out,
    so that a row is never told its own label.

    Parameters
    ----------
    n_bags : int
        1 when all views have the same rows, otherwise the number of views.
    n_rows : int
        Labeled rows of a view.
    n_views : int
        Number of views.
    n_classes : int
        Number of classes.
    n_given : int, default=0
        Columns of the labeled rows that rows to classify lack; in these they have
        values of the context.
    n_categories, n_seen : int, default=0
        Categories with a column of their own, and columns that a view has; 0 is as many
        as a row.
    """

    # What it gives for a sample depends on the other samples of a batch.
    uses_other_samples = True

    def __init__(
        self,
        n_bags,
        n_rows,
        n_views,
        n_classes,
        n_given=0,
        n_categories=0,
        n_seen=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.n_given = n_given
        self.n_categories, self.n_seen = n_categories, n_seen
        self.n_bags, self.n_rows = n_bags, n_rows
        self.n_views, self.n_classes = n_views, n_classes

    def build(self, x_shape):
        """Create the weights: the context is data, which training does not change."""
        n_columns = x_shape[-1] + self.n_given
        bags = (self.n_bags, self.n_rows)

        def add(name, shape, dtype=None):
            return self.add_weight(
                shape=shape,
                dtype=dtype,
                initializer="zeros",
                trainable=False,
                name=name,
            )

        self._variables_of = Views(
            x=add("x", (*bags, n_columns)),
            scores=add("scores", (*bags, n_columns)),
            has_ranks=add("has_ranks", (n_columns,), "int32"),
            sees_ranks=add("sees_ranks", (self.n_views,), "int32"),
            given=add("given", (self.n_given,)),
            y=add("y", bags, "int32"),
            log_weight=add("log_weight", bags),
            of_column=add("of_column", (self.n_categories,), "int32"),
            category=add("category", (self.n_categories,)),
            columns=add("columns", (self.n_views, self._in_tokens(x_shape)), "int32"),
            codes=add("codes", (self.n_views, self.n_classes), "int32"),
        )
        super().build(x_shape)

    def _in_tokens(self, x_shape):
        n_columns = self.n_seen or x_shape[-1] + self.n_given
        return -(-n_columns // GROUP) * GROUP

    @property
    def views(self):
        """The labeled rows, as tensors."""
        return Views(*map(ops.convert_to_tensor, self._variables_of))

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
        views = self.views
        left_out = views.find_copies(x) if training else None
        context_x, y, log_weight = views.labeled(left_out)
        x = ops.concatenate([context_x, views.prepare(x)], axis=1)
        return x, y, log_weight, views.codes

    def compute_output_spec(self, x, training=False):
        """Return the shapes; the number of rows is not known."""
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
        names = ("n_bags", "n_rows", "n_views", "n_classes", "n_given")
        names += ("n_categories", "n_seen")
        return super().get_config() | {name: getattr(self, name) for name in names}


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
        return average_views(scores[:, self.n_rows :], codes)

    def compute_output_spec(self, scores, codes):
        """Return the shape."""
        return keras.KerasTensor((None, codes.shape[1]), self.compute_dtype)

    def get_config(self):
        """Return the parameters."""
        return super().get_config() | {"n_rows": self.n_rows}


# Views whose codes together tell classes apart where one view cannot.
_VIEWS_NEEDED = 3


def average_views(scores, codes):
    """Compute scores of the classes from those of the codes in all views.

    Parameters
    ----------
    scores : tensor of shape (n_views, n, 10)
        Of the codes.
    codes : tensor of shape (n_views, n_classes), int32
        Code of each class.

    Returns
    -------
    tensor of shape (n, n_classes)
    """
    log_proba = ops.log_softmax(scores, axis=-1)
    # A code that no labeled sample has is as good as impossible, but finite.
    log_proba = ops.maximum(log_proba, -50.0)
    chosen = ops.one_hot(codes, MAX_CLASSES, dtype=log_proba.dtype)
    by_class = ops.matmul(log_proba, ops.transpose(chosen, (0, 2, 1)))
    n_needed = ops.where(ops.shape(codes)[1] <= MAX_CLASSES, 1, _VIEWS_NEEDED)
    return ops.cast(n_needed, by_class.dtype) * ops.mean(by_class, axis=0)


def make_in_context_model(n_columns, context_sizes, network_sizes):
    """Make a model of one sample, whose weights hold labeled samples beside its own.

    Parameters
    ----------
    n_columns : int
        Values of a sample.
    context_sizes : dict of str to int
        Parameters of :class:`TableContext`.
    network_sizes : dict of str to int
        Parameters of :func:`~sktransfer.tables.in_context.network.make_network`.

    Returns
    -------
    keras.Model
        From samples of shape (n, n_columns) to class scores of shape (n, n_classes).
    """
    sample = keras.Input((n_columns,), name="row")
    context = TableContext(**context_sizes, name="context")
    x, y, log_weight, codes = context(sample)
    scores = class_scores(x, y, log_weight, **network_sizes)
    scores = MeanOfViews(context.n_rows, name="views")(scores, codes)
    return keras.Model(sample, scores, name="tabular")


def context_of(model):
    """Return the layer of a model that holds a context, or None."""
    for layer in model.layers:
        if isinstance(layer, TableContext):
            return layer
    return None


def blocks_of(model):
    """Return the blocks of a model, in their order."""
    return [layer for layer in model.layers if isinstance(layer, Block)]


def remember(model, views):
    """Compute once what the answers to all rows need of the context.

    Parameters
    ----------
    model : keras.Model
        From :func:`make_in_context_model`. Only its network counts.
    views : Views
        The context.

    Returns
    -------
    list of tensor
        For :func:`recall`; it changes with the weights and with the context.
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


def recall(model, views, memory, x):
    """Compute what a model gives for rows, from what it remembers.

    Parameters
    ----------
    model : keras.Model
        From :func:`make_in_context_model`. Only its network counts.
    views : Views
        The context.
    memory : list of tensor
        From :func:`remember`.
    x : tensor of shape (n, n_columns)
        Rows.

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
