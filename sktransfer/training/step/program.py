"""A network with a head, split at a frozen depth, and its compiled functions."""

import contextlib
import hashlib
import threading

import keras
import numpy as np
import tensorflow as tf

from sktransfer._large_arrays import blocks, stack, take_rows
from sktransfer._random import acquired, preserve_random_state
from sktransfer._threads import limit_worker_threads
from sktransfer.backbones import graph
from sktransfer.backbones.batch_normalization import compute_moments
from sktransfer.backbones.freezing import split
from sktransfer.training.step.backend import check_backend, environment
from sktransfer.training.step.calls import cast_like, run_in_calls, samples_per_call
from sktransfer.training.step.memory import program_bytes
from sktransfer.training.step.tracing import traced_once
from sktransfer.training.step.unsupported import unsupported_layers
from sktransfer.training.store.digests import array_digest
from sktransfer.training.store.samples import FrozenOutputs

# Number of calls whose samples are read together for statistics of BatchNormalization.
_CALLS_TOGETHER = 10


class Program:
    """Compiled functions of a frozen prefix, and of a trained suffix with a head.

    The functions share one set of variables. A caller must hold the program from
    loading weights to reading them.

    Attributes
    ----------
    n_traces : int
        Number of times that TensorFlow traced one of the functions.
    network : keras.Model
        Suffix and head.
    head : keras.layers.Dense
        Last layer of the network.
    trained : list of list of keras.Variable
        Trainable variables of each trained layer; the last list is that of the head.
    """

    @preserve_random_state()
    def __init__(self, backbone, depth, n_units, dtype, from_scratch=False):
        check_backend()
        limit_worker_threads()
        self._lock = threading.Lock()
        self._holder = None
        self.depth = depth
        self.dtype = dtype
        self.n_traces = 0
        self._architecture = backbone.program_key
        with unsupported_layers(backbone, dtype):
            model = backbone.build_architecture(dtype=dtype)
        parts = split(model, depth)
        self._model, self._prefix, self._suffix = model, parts.prefix, parts.suffix
        self.head = keras.layers.Dense(
            n_units,
            dtype=dtype,
            kernel_initializer="zeros",
            name=graph.free_name("head", model),
        )
        if self._suffix is None:
            inputs = features = keras.Input((backbone.n_features_out,), dtype=dtype)
        else:
            inputs = graph.unwrap(self._suffix.inputs)
            features = self._suffix.outputs[0]
        self.network = keras.Model(inputs, self.head(features))
        self.trained = [
            *(list(layer.trainable_variables) for layer in parts.trained),
            self.head.trainable_variables,
        ]
        if not from_scratch:
            for layer in graph.all_layers(self.network):
                if isinstance(layer, keras.layers.BatchNormalization):
                    # This freezes the statistics; scale and shift are still trained.
                    layer.trainable = False
        self._variables = [*model.weights, *self.head.weights]
        self._loaded = [None] * len(self._variables)
        network_ids = {id(variable) for variable in self.network.weights}
        self._changing = [
            i for i, v in enumerate(self._variables) if id(v) in network_ids
        ]
        self._seeds = [
            generator.state for generator in graph.seed_generators(self.network)
        ]
        self.samples_per_call = samples_per_call(model.input_shape)
        # Layers before the first one with weights, such as Rescaling, are as fast to
        # compute as to look up.
        has_frozen = depth and self._prefix is not None
        in_prefix = {id(w) for w in self._prefix.weights} if has_frozen else ()
        self._prefix_weights = [
            i for i, weight in enumerate(model.weights) if id(weight) in in_prefix
        ]
        self._run_prefix = self._compile(self._prefix)
        self._run_model = self._compile(model)
        self._run_network = self._compile(self.network)

    @contextlib.contextmanager
    def hold(self):
        """Keep other threads from using the program."""
        with acquired(self._lock), unsupported_layers(self._model, self.dtype):
            self._holder = threading.get_ident()
            try:
                yield
            except BaseException:
                # The values of the variables are not known now.
                self._loaded = [None] * len(self._loaded)
                raise
            finally:
                self._holder = None

    @property
    def is_held_by_this_thread(self):
        """Whether this thread holds the program already."""
        return self._holder == threading.get_ident()

    @property
    def nbytes(self):
        """Estimate of the memory of the program, in bytes."""
        return program_bytes(self._model.operations, self._variables)

    @property
    def has_prefix(self):
        """Whether there are layers before the trained part."""
        return self._prefix is not None

    @property
    def has_prefix_only(self):
        """Whether the prefix is the whole backbone."""
        return self._suffix is None

    def _compile(self, model):
        """Return a compiled function of a model, or None without a model."""
        if model is None:
            return None
        signature = [tf.TensorSpec(t.shape, t.dtype) for t in model.inputs]

        def run(*inputs):
            self.n_traces += 1
            return tf.nest.flatten(model(graph.unwrap(inputs), training=False))

        return traced_once(run, signature)

    def load(self, weights, head):
        """Set the variables to the weights of a backbone and of a head.

        Parameters
        ----------
        weights : sequence of ndarray
            Weights of the whole backbone.
        head : tuple of two ndarrays or None
            Kernel and bias. None if only features are computed.
        """
        self._weights = weights
        for i, value in enumerate((*weights, *(head or ()))):
            if self._loaded[i] is not value:
                self._variables[i].assign(value)
                self._loaded[i] = value

    def seed(self, rng):
        """Draw new seeds of the random layers from a NumPy generator."""
        for state in self._seeds:
            state.assign(rng.integers(0, 2**31, size=2))

    def read(self):
        """Return the current weights of the backbone and of the head.

        Returns
        -------
        weights : list of ndarray
            Read-only arrays. Weights that were not trained are the arrays of `load`.
        head : list of two ndarrays
        """
        for i, variable in enumerate(self._variables):
            if self._loaded[i] is None:
                self._loaded[i] = variable.numpy()
                self._loaded[i].flags.writeable = False
        n = len(self._loaded) - len(self.head.weights)
        return self._loaded[:n], self._loaded[n:]

    def whole_network(self, backbone, head):
        """Make the model that callbacks see; it has the variables of the program.

        Parameters
        ----------
        backbone : Backbone
            Its standardization comes before the network.
        head : ClassHead or MultilabelHead
            Its activation comes after the head.

        Returns
        -------
        keras.Model
            Model from samples to probabilities.
        """
        with preserve_random_state():
            model, standardization = self._model, backbone.standardization
            if standardization is not None:
                model = standardization.before(model, backbone.input_shape)
            return head.append_to(model, layer=self.head)

    def mark_changed(self, *, restore_frozen=False):
        """Record that the weights of the network have changed since `load`."""
        for i in self._changing:
            self._loaded[i] = None
        if restore_frozen:
            # Their outputs may be stored.
            for variable, value in zip(self._variables, self._loaded, strict=True):
                if value is not None:
                    variable.assign(value)

    def prefix(self, X):
        """Compute the prefix outputs of samples.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Samples in the input shape of the backbone.

        Returns
        -------
        list of ndarray of shape (n, ...)
            One array for each output of the prefix.
        """
        if self._run_prefix is None:
            return [cast_like(self.network.inputs[0], X)]
        return run_in_calls(
            self._run_prefix, [X], self._prefix.inputs, self.samples_per_call
        )

    def key(self, part):
        """Return a key of everything that outputs depend on, except the sample.

        Parameters
        ----------
        part : {"prefix", "features"}
            Outputs of :meth:`prefix` or of :meth:`features`.

        Returns
        -------
        tuple of plain data and classes, or None
            None for outputs that are not stored: those without a frozen layer with
            weights, and features during training.
        """
        if part == "prefix" and not self.has_prefix_only:
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
            self.samples_per_call,
            digest,
            *environment(),
        )

    def sample_bytes(self, part, sample_shape):
        """Return the size in bytes of the outputs for one sample.

        Parameters
        ----------
        part : {"prefix", "features"}
            Outputs of :meth:`prefix` or of :meth:`features`.
        sample_shape : tuple
            Shape of a sample.

        Returns
        -------
        int
        """
        model = self._model if part == "features" else self._prefix
        source = keras.KerasTensor((1, *sample_shape), self._model.inputs[0].dtype)
        outputs = [source] if model is None else model.outputs
        if any(None in tensor.shape[1:] for tensor in outputs):
            outputs = keras.tree.flatten(model.compute_output_spec(source))
        return sum(
            int(np.prod(tensor.shape[1:])) * np.dtype(tensor.dtype).itemsize
            for tensor in outputs
        )

    def features(self, X):
        """Compute the features of samples, with all layers in inference mode.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Samples in the input shape of the backbone.

        Returns
        -------
        ndarray of shape (n, n_features)
        """
        return run_in_calls(
            self._run_model, [X], self._model.inputs, self.samples_per_call
        )[0]

    def logits(self, features):
        """Compute logits from prefix outputs.

        Parameters
        ----------
        features : list of ndarray of shape (n, ...)
            Result of :meth:`prefix`.

        Returns
        -------
        ndarray of shape (n, n_units)
        """
        return run_in_calls(
            self._run_network, features, self.network.inputs, self.samples_per_call
        )[0]

    @property
    def normalization_layers(self):
        """BatchNormalization layers that are not frozen."""
        frozen = {id(self._variables[i]) for i in self._prefix_weights}
        return [
            layer
            for layer in self._model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            and id(layer.moving_mean) not in frozen
        ]

    def scale_and_shift_ids(self):
        """Return the set of ids of the scales and shifts of BatchNormalization."""
        return {
            id(variable)
            for layer in graph.all_layers(self.network)
            if isinstance(layer, keras.layers.BatchNormalization)
            for variable in (layer.gamma, layer.beta)
            if variable is not None
        }

    @property
    def statistics(self):
        """Positions of their statistics in the weights of the backbone."""
        position = {id(v): i for i, v in enumerate(self._model.weights)}
        return [
            position[id(variable)]
            for layer in self.normalization_layers
            for variable in (layer.moving_mean, layer.moving_variance)
        ]

    def batch_statistics(self, X, index):
        """Compute the statistics of BatchNormalization on some samples.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Samples in the input shape of the backbone.
        index : ndarray of int
            Positions of the samples to use.

        Returns
        -------
        dict of int to ndarray
            Means and variances of the layers that are not frozen, by position in the
            weights of the backbone. Each layer uses the new statistics of earlier ones.
        """
        layers = self.normalization_layers
        parts = blocks(index, _CALLS_TOGETHER * self.samples_per_call)
        chunks = (cast_like(self._model.inputs[0], take_rows(X, p)) for p in parts)
        moments = compute_moments(self._model, layers, chunks)
        values = [value for layer in layers for value in moments[layer]]
        return dict(zip(self.statistics, values, strict=True))

    def predict(self, X, folder=None):
        """Compute the logits of samples, in parts that fit in memory.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Samples in the input shape of the backbone.
        folder : str or None, default=None
            Folder that keeps prefix outputs.

        Returns
        -------
        ndarray of shape (n, n_units)
        """
        parts = FrozenOutputs(self, X, folder=folder).in_parts()
        return stack(([self.logits(outputs)] for outputs in parts), len(X))[0]

    def features_and_logits(self):
        """Return a model that computes the inputs and outputs of the head."""
        return keras.Model(
            graph.unwrap(self.network.inputs), [self.head.input, self.head.output]
        )
