"""A network split at a frozen depth, under a head, and its compiled functions."""

import contextlib
import hashlib
import platform
import threading

import keras
import numpy as np
import tensorflow as tf

from sktransfer._large_arrays import stack, take_rows
from sktransfer._random import preserve_random_state
from sktransfer._threads import limit_worker_threads
from sktransfer.backbones import graph
from sktransfer.backbones.batch_normalization import compute_moments
from sktransfer.backbones.freezing import split
from sktransfer.training.step.calls import as_type_of, in_calls, rows_per_call
from sktransfer.training.step.memory import program_bytes
from sktransfer.training.step.tracing import traced_once, unwrap
from sktransfer.training.store.digests import array_digest
from sktransfer.training.store.samples import FrozenOutputs

# Rows over which batch normalization's statistics are computed together.
_CALLS_TOGETHER = 10


class Program:
    """The functions of a frozen prefix, and of a trained suffix with its head.

    All of them run on one set of variables, so whoever uses them holds it, from
    loading weights to reading them back.

    Attributes
    ----------
    n_traces : int
        How often TensorFlow has traced one of the functions.
    network : keras.Model
        Suffix and head; what callbacks see as the model.
    head : keras.layers.Dense
        Its last layer.
    trained : list of list of keras.Variable
        Trainable variables of each trained layer, and of the head as the last.
    """

    def __init__(self, backbone, depth, n_units, dtype, from_scratch=False):
        _check_backend()
        limit_worker_threads()
        self._lock = threading.Lock()
        self._holder = None
        self.depth = depth
        self.dtype = dtype
        self.n_traces = 0
        self._architecture = backbone.program_key
        model = backbone.build_architecture(dtype=dtype)
        parts = split(model, depth)
        self._model, self._prefix, self._suffix = model, parts.prefix, parts.suffix
        with preserve_random_state():
            self.head = keras.layers.Dense(
                n_units, dtype=dtype, kernel_initializer="zeros", name="head"
            )
            if self._suffix is None:
                inputs = keras.Input((backbone.n_features_out,), dtype=dtype)
                self.network = keras.Model(inputs, self.head(inputs))
            else:
                inputs = self._suffix.inputs
                self.network = keras.Model(
                    unwrap(inputs), self.head(self._suffix.outputs[0])
                )
        self.trained = [
            *(list(layer.trainable_variables) for layer in parts.trained),
            self.head.trainable_variables,
        ]
        if not from_scratch:
            for layer in graph.all_layers(self.network):
                if isinstance(layer, keras.layers.BatchNormalization):
                    # Its scale and shift are trained all the same.
                    layer.trainable = False
        self._variables = [*model.weights, *self.head.weights]
        self._loaded = [None] * len(self._variables)
        of_network = {id(variable) for variable in self.network.weights}
        self._changing = [
            i for i, v in enumerate(self._variables) if id(v) in of_network
        ]
        self._seeds = [
            generator.state for generator in graph.seed_generators(self.network)
        ]
        self.rows_per_call = rows_per_call(model.input_shape)
        # What stands before the first weighted layer, such as a change of scale, is
        # computed as fast as it is found.
        has_frozen = depth and self._prefix is not None
        in_prefix = {id(w) for w in self._prefix.weights} if has_frozen else ()
        self._prefix_weights = [
            i for i, weight in enumerate(model.weights) if id(weight) in in_prefix
        ]
        self._run_prefix = self._compile(self._prefix)
        self._run_model = self._compile(model)
        self._run_network = self._compile(self.network)

    @contextlib.contextmanager
    def held(self):
        """Keep other threads from using the program."""
        with self._lock:
            self._holder = threading.get_ident()
            try:
                yield
            except BaseException:
                # Nobody knows what is in the variables now.
                self._loaded = [None] * len(self._loaded)
                raise
            finally:
                self._holder = None

    @property
    def is_held_here(self):
        """Whether this thread holds the program already."""
        return self._holder == threading.get_ident()

    @property
    def nbytes(self):
        """Estimate of the memory that the program takes, in bytes."""
        return program_bytes(self._model.operations, self._variables)

    @property
    def has_prefix(self):
        """Whether anything is computed before the trained part."""
        return self._prefix is not None

    @property
    def ends_with_prefix(self):
        """Whether the prefix outputs are the features."""
        return self._suffix is None

    def _compile(self, model):
        """Return a function of a model's inputs, traced when it is first called."""
        if model is None:
            return None
        signature = [tf.TensorSpec(t.shape, t.dtype) for t in model.inputs]

        def run(*inputs):
            self.n_traces += 1
            return tf.nest.flatten(model(unwrap(inputs), training=False))

        return traced_once(run, signature)

    def load(self, weights, head):
        """Put the weights of a backbone and of a head into the variables.

        Parameters
        ----------
        weights : sequence of ndarray
            Of the whole backbone.
        head : tuple of two ndarrays or None
            Kernel and bias; None where only features are wanted.
        """
        self._weights = weights
        for i, value in enumerate((*weights, *(head or ()))):
            if self._loaded[i] is not value:
                self._variables[i].assign(value)
                self._loaded[i] = value

    def seed(self, rng):
        """Set the state of each random layer from a NumPy generator."""
        for state in self._seeds:
            state.assign(rng.integers(0, 2**31, size=2))

    def read(self):
        """Return the weights of the backbone and of the head as they are now.

        Returns
        -------
        weights : list of ndarray
            Read-only. Those that were not trained are the same arrays as in `load`.
        head : list of two ndarrays
        """
        for i, variable in enumerate(self._variables):
            if self._loaded[i] is None:
                self._loaded[i] = variable.numpy()
                self._loaded[i].flags.writeable = False
        n = len(self._loaded) - len(self.head.weights)
        return self._loaded[:n], self._loaded[n:]

    def changed(self):
        """Note that training has changed the trained part since `load`."""
        for i in self._changing:
            self._loaded[i] = None

    def prefix(self, X):
        """Compute the prefix outputs of rows.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Rows as the backbone takes them.

        Returns
        -------
        list of ndarray of shape (n, ...)
            One array for each tensor of the frontier.
        """
        if self._run_prefix is None:
            return [as_type_of(self.network.inputs[0], X)]
        return in_calls(self._run_prefix, [X], self._prefix.inputs, self.rows_per_call)

    def key(self, part):
        """Say what the outputs of a part depend on besides the row.

        Parameters
        ----------
        part : {"prefix", "features"}
            What :meth:`prefix` gives, or :meth:`features`.

        Returns
        -------
        tuple of plain data and classes, or None
            None for outputs that are not worth keeping, with no frozen layer behind
            them, and for features of weights that are being trained.
        """
        if part == "prefix" and not self.ends_with_prefix:
            cut, used = self.depth, [self._weights[i] for i in self._prefix_weights]
        else:
            cut, used = "features", self._weights
            loaded = self._loaded[: len(used)]
            if part == "features" and any(array is None for array in loaded):
                return None
        if not used:
            return None
        digest = hashlib.sha256(b"".join(map(array_digest, used))).hexdigest()
        return (
            *self._architecture,
            cut,
            self.dtype,
            self.rows_per_call,
            digest,
            *_environment(),
        )

    def row_bytes(self, part, row_shape):
        """Return the size of the outputs of a part for one row.

        Parameters
        ----------
        part : {"prefix", "features"}
            As in :meth:`key`.
        row_shape : tuple
            Shape of a row as the backbone takes it.

        Returns
        -------
        int
        """
        model = self._model if part == "features" else self._prefix
        if model is None:
            return (
                int(np.prod(row_shape))
                * np.dtype(self.network.inputs[0].dtype).itemsize
            )
        outputs = model.outputs
        if any(None in tensor.shape[1:] for tensor in outputs):
            source = keras.KerasTensor((1, *row_shape), model.inputs[0].dtype)
            outputs = keras.tree.flatten(model.compute_output_spec(source))
        return sum(
            int(np.prod(tensor.shape[1:])) * np.dtype(tensor.dtype).itemsize
            for tensor in outputs
        )

    def features(self, X):
        """Compute what goes into the head, all layers in inference mode.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Rows as the backbone takes them.

        Returns
        -------
        ndarray of shape (n, n_features)
        """
        return in_calls(self._run_model, [X], self._model.inputs, self.rows_per_call)[0]

    def logits(self, features):
        """Compute class scores from prefix outputs.

        Parameters
        ----------
        features : list of ndarray of shape (n, ...)
            From :meth:`prefix`.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        return in_calls(
            self._run_network, features, self.network.inputs, self.rows_per_call
        )[0]

    @property
    def normalization_layers(self):
        """Layers of batch normalization that are not frozen."""
        frozen = {id(self._variables[i]) for i in self._prefix_weights}
        return [
            layer
            for layer in self._model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            and id(layer.moving_mean) not in frozen
        ]

    def scale_and_shift_ids(self):
        """Return the ids of the scales and shifts of BatchNormalization, a set."""
        return {
            id(variable)
            for layer in graph.all_layers(self.network)
            if isinstance(layer, keras.layers.BatchNormalization)
            for variable in (layer.gamma, layer.beta)
            if variable is not None
        }

    @property
    def statistics(self):
        """Positions, among the weights of the backbone, of their statistics."""
        position = {id(v): i for i, v in enumerate(self._model.weights)}
        return [
            position[id(variable)]
            for layer in self.normalization_layers
            for variable in (layer.moving_mean, layer.moving_variance)
        ]

    def batch_statistics(self, X, index):
        """Compute the statistics that batch normalization has on some rows.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Rows as the backbone takes them.
        index : ndarray of int
            Which of them are meant.

        Returns
        -------
        dict of int to ndarray
            By the position among the weights of the backbone, means and variances of
            the layers that are not frozen; each with those before it on the same rows.
        """
        layers = self.normalization_layers
        size = _CALLS_TOGETHER * self.rows_per_call
        chunks = [index[i : i + size] for i in range(0, len(index), size)]
        moments = compute_moments(
            self._model,
            layers,
            (as_type_of(self._model.inputs[0], take_rows(X, part)) for part in chunks),
        )
        values = [value for layer in layers for value in moments[layer]]
        return dict(zip(self.statistics, values, strict=True))

    def predict(self, X, folder=None):
        """Compute class scores of rows as the backbone takes them.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Rows; only a part at a time is converted and computed.
        folder : str or None, default=None
            Where prefix outputs are kept on disk.

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        parts = FrozenOutputs(self, X, folder=folder).in_parts()
        return stack(([self.logits(outputs)] for outputs in parts), len(X))[0]

    def features_and_logits(self):
        """Make a model of what goes into the head and what comes out of it."""
        return keras.Model(
            unwrap(self.network.inputs), [self.head.input, self.head.output]
        )


def _environment():
    """What may change the bits of a result, for outputs kept on disk."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return keras.__version__, tf.__version__, platform.machine(), on_gpu


def _check_backend():
    """Raise ImportError where Keras runs on something else than TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ImportError(
            f"sktransfer trains with TensorFlow; Keras runs on {backend!r} here. Unset "
            "KERAS_BACKEND or set it to 'tensorflow' before Keras is imported."
        )
