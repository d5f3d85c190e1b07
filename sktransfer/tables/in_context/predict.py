"""Class scores of the table network; the context is encoded once for all samples."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer._caches import Cache
from sktransfer._large_arrays import stack, take_rows
from sktransfer._random import preserve_random_state
from sktransfer._threads import limit_worker_threads
from sktransfer.tables.in_context.in_context import (
    blocks_of,
    encode_context,
    predict_from_context,
)
from sktransfer.tables.in_context.views import INTEGER_FIELDS, Views
from sktransfer.training.step.calls import run_in_calls, samples_per_call
from sktransfer.training.step.tracing import traced_once
from sktransfer.training.store.digests import array_digest

# Number of calls whose samples are read together.
_BLOCK_CALLS = 32
# Of columns and labeled samples that attend to each other at the same time.
_MAX_PAIRS = 1 << 22
_contexts = Cache("table contexts", 1 << 25)
# Measured memory of TensorFlow for the two functions.
_FUNCTION_BYTES = 40_000_000
_traced = Cache("functions of the table network", 4 * _FUNCTION_BYTES)


def class_scores(backbone, context, X, dtype):
    """Compute the class scores of samples.

    Parameters
    ----------
    backbone : Backbone
        The table network.
    context : Views
        The labeled samples.
    X : ndarray of shape (n, n_columns)
        Samples; NaN for missing values.
    dtype : str
        Floating-point type of the computations.

    Returns
    -------
    ndarray of shape (n, n_classes)
    """
    encode, predict = _functions(backbone, dtype)
    weights = [tf.constant(w, dtype) for w in backbone.weights]
    inputs = [*weights, *_tensors(context, dtype)]
    # Digests of read-only arrays are computed once.
    key = dtype, *map(array_digest, (*backbone.weights, *context))
    memory = _contexts.get(
        key,
        lambda: _encode(encode, weights, context, dtype),
        lambda tensors: sum(t.shape.num_elements() * t.dtype.size for t in tensors),
    )
    sample = keras.KerasTensor((None, X.shape[1]), dtype)
    size = samples_per_call(sample.shape)
    block = _BLOCK_CALLS * size
    parts = (
        run_in_calls(
            lambda x: [predict(x, *inputs, *memory)],
            [take_rows(X, np.arange(start, min(start + block, len(X))))],
            [sample],
            size,
        )
        for start in range(0, len(X), block)
    )
    return stack(parts, len(X))[0]


def _tensors(context, dtype):
    return [tf.constant(a if a.dtype == np.int32 else a.astype(dtype)) for a in context]


def _encode(encode, weights, context, dtype):
    """Encode the context; one view after the other if all together are large."""
    n_views, n_view_columns = context.columns.shape
    n_pairs = n_views * n_view_columns * context.x.shape[1] ** 2
    views = [context] if n_pairs <= _MAX_PAIRS else context.split()
    parts = [encode(*weights, *_tensors(view, dtype)) for view in views]
    return [tf.concat(tensors, axis=0) for tensors in zip(*parts, strict=True)]


def _functions(backbone, dtype):
    """Return the compiled functions, which are the same for all tables.

    Weights and labeled samples are arguments, as a trace for each table takes seconds.
    """
    return _traced.get(
        (backbone.program_key, dtype),
        lambda: _trace(backbone, dtype),
        lambda _: _FUNCTION_BYTES,
    )


def _trace(backbone, dtype):
    limit_worker_threads()
    with preserve_random_state():
        model = backbone.build_architecture(dtype=dtype)
    variables, n, n_views = model.weights, len(model.weights), len(Views._fields)
    ranks = {"x": 3, "scores": 3, "y": 2, "log_weight": 2, "columns": 2, "codes": 2}
    signature = [tf.TensorSpec(v.shape, v.dtype) for v in variables]
    signature += [
        tf.TensorSpec(
            [None] * ranks.get(name, 1), "int32" if name in INTEGER_FIELDS else dtype
        )
        for name in Views._fields
    ]
    samples = tf.TensorSpec((None, None), dtype)
    n_heads, width = blocks_of(model)[0].n_heads, model.get_layer("cells").width
    keys = tf.TensorSpec((None, None, n_heads, width // n_heads), dtype)
    # Means, scales, and masks of columns, samples and classes.
    memory = [tf.TensorSpec([None] * rank, dtype) for rank in (3, 3, 2, 2, 2)]
    memory += [keys, keys] * len(blocks_of(model))

    def encode(*inputs):
        with keras.StatelessScope(zip(variables, inputs[:n], strict=True)):
            return encode_context(model, Views(*inputs[n:]))

    def predict(x, *inputs):
        with keras.StatelessScope(zip(variables, inputs[:n], strict=True)):
            views, rest = Views(*inputs[n : n + n_views]), inputs[n + n_views :]
            return predict_from_context(model, views, rest, x)

    return (
        traced_once(encode, signature),
        traced_once(predict, [samples, *signature, *memory]),
    )
