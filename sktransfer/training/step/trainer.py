"""The compiled training of a program: an optimizer and many steps in one call."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer._random import preserve_random_state
from sktransfer.adaptation.base import DomainBatch
from sktransfer.training.step.grouped_optimizer import GroupedOptimizer
from sktransfer.training.step.l2_sp import Anchors
from sktransfer.training.step.labels import ClassIndices, ClassShares
from sktransfer.training.step.lora import Direct, LowRank
from sktransfer.training.step.memory import trainer_bytes
from sktransfer.training.step.tracing import traced_once, unwrap
from sktransfer.training.step.weight_averages import NoAverages, WeightAverages

# Between calls training can be interrupted. A call with XLA takes arrays of one size:
# this many steps, fewer of wide rows.
_MAX_STEPS = 256
_XLA_CALL_BYTES = 1 << 22


class Trainer:
    """Runs many gradient steps inside TensorFlow in one call.

    What changes between fits (rows, rates, decay, smoothing) is an argument or a
    variable, so that nothing is traced again.

    Parameters
    ----------
    program : Program
        Whose variables are trained.
    optimizer : dict
        A serialized Keras optimizer.
    layers : list of list of keras.Variable
        Those that are trained, of each unfrozen layer and of the head.
    layerwise : bool
        One group for each layer; otherwise one for the backbone and one for the head.
    l2_sp : bool
        Whether the loss holds the distance to the starting weights.
    xla_batch : int or None
        Compile with XLA, for batches of this many rows; None leaves the size open.
    lora_rank : int or None, default=None
        Train low-rank updates of `layers`, which are kernels, but of the head.
    mixed : bool, default=False
        Whether each row has shares of the classes in place of a class index.
    method : AdaptationMethod or None, default=None
        What is done with rows of the target beside those of the source.
    method_batch : int or None, default=None
        Rows that the method gets of each domain, where XLA does not fix it.
    target_only : bool, default=False
        Whether all rows are of the target; their y is what the method made up.

    Attributes
    ----------
    optimizer : GroupedOptimizer
        Is started by :meth:`start`.
    averages : NoAverages
        Those of the weights, where the optimizer keeps them.
    """

    def __init__(
        self,
        program,
        optimizer,
        layers,
        *,
        layerwise,
        l2_sp,
        xla_batch=None,
        lora_rank=None,
        mixed=False,
        method=None,
        method_batch=None,
        target_only=False,
    ):
        self._program = program
        self._xla_batch, self._xla_steps = xla_batch, None
        self._batch = xla_batch or (method and method_batch)
        self._method, self._target_only = method, target_only
        self._labels = ClassIndices()
        if mixed:
            self._labels = ClassShares(program.head.units, program.dtype)
        if xla_batch is not None:
            row_bytes = sum(
                np.dtype(tensor.dtype).itemsize * np.prod(tensor.shape[1:])
                for tensor in program.network.inputs
            )
            steps = int(_XLA_CALL_BYTES // (row_bytes * xla_batch))
            self._xla_steps = min(max(steps, 1), _MAX_STEPS)
        part = Direct(layers[:-1])
        if lora_rank is not None:
            with preserve_random_state():
                part = LowRank(layers[:-1], lora_rank, program.dtype)
        self._part = part
        in_backbone = [v for layer in part.layers for v in layer]
        self._networks, self._outputs, of_networks = [], None, []
        if method is not None:
            with preserve_random_state():
                self._outputs = program.features_and_logits()
                n_features, n_classes = (t.shape[-1] for t in self._outputs.outputs)
                self._networks = method.build(
                    n_features, n_classes, dtype=program.dtype
                )
            of_networks = [v for n in self._networks for v in n.trainable_variables]
        self._network_variables = [v for n in self._networks for v in n.variables]
        self._network_values = [v.numpy() for v in self._network_variables]
        heads = [*layers[-1], *of_networks]
        groups = [*(part.layers if layerwise else [in_backbone]), heads]
        self.optimizer = GroupedOptimizer(optimizer, groups, program.dtype)
        self.averages = NoAverages()
        if self.optimizer.averages:
            self.averages = WeightAverages(self.optimizer, self._put)
        self._weights = [*part.weights, *heads]
        self._trained_by = {
            "all": None,
            "features": {id(v) for v in in_backbone},
            "heads": {id(v) for v in heads},
            "normalization": {
                id(v)
                for layer in program.network._flatten_layers()
                if isinstance(layer, keras.layers.BatchNormalization)
                for v in (layer.gamma, layer.beta)
                if v is not None
            }
            & {id(v) for v in in_backbone},
        }
        for phase in [] if method is None else method.phases():
            if self._trained_by[phase.trains] == set():
                raise ValueError(
                    f"method={method} trains the {phase.trains} of the backbone, and "
                    "the recipe's tune leaves nothing of it. Use tune='all'."
                )
        self._anchors = Anchors(part.weights if l2_sp else [])
        self._run_steps = self._compile(tf.as_dtype(program.dtype))

    @property
    def nbytes(self):
        """Estimate of the memory that the trainer takes, in bytes."""
        variables = [*self.optimizer.state_variables, *self._network_variables]
        return trainer_bytes(self._weights, variables, self._xla_batch is not None)

    def anchor(self):
        """Note the present weights as those that L2-SP pulls towards."""
        self._anchors.note()

    def start(self, rng, *, weight_decay, state=None):
        """Begin anew from the weights of the program, or from an earlier state.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of low-rank factors.
        weight_decay : float
            Decoupled decay of kernels.
        state : list of list of ndarray or None
            From :meth:`state`; one of other variables starts anew.
        """
        optimizer, of_part, averaged = None, (), ()
        if state is not None and _shapes(state) == _shapes(self.state()):
            optimizer, of_part, averaged = state
        self.optimizer.start(weight_decay=weight_decay, state=optimizer)
        self._part.start(rng, of_part)
        self.averages.start(averaged)

    def state(self):
        """Return what :meth:`start` needs to go on.

        Returns
        -------
        list of list of ndarray
        """
        return [self.optimizer.state(), self._part.state(), self.averages.state()]

    def _put(self):
        """Let the weights follow from what the optimizer changes."""
        self._part.update()
        self._program.changed()

    def batch_rows(self, batch_size):
        """Rows that a batch of `batch_size` takes up in the arrays of `steps`."""
        return self._batch or batch_size

    def draw_networks(self, rng):
        """Set the method's networks to fresh weights: kernels are Glorot uniform."""
        values = []
        for value in self._network_values:
            if value.ndim > 1:
                limit = np.sqrt(6 / (value.shape[-2] + value.shape[-1]))
                value = rng.uniform(-limit, limit, value.shape)
            values.append(value)
        self.set_networks(values)

    def set_networks(self, values):
        """Set the weights of the method's networks."""
        for variable, value in zip(self._network_variables, values, strict=True):
            variable.assign(value)

    def networks(self):
        """Return the weights of the method's networks as a list of ndarray."""
        return [variable.numpy() for variable in self._network_variables]

    @property
    def metrics(self):
        """Names of what `steps` gives besides the losses of the rows."""
        if self._method is None:
            return ()
        return ("alignment_loss", *self._method.metrics)

    def steps(
        self,
        features,
        y,
        sample_weight,
        counts,
        rates,
        *,
        target_features=(),
        strengths=None,
        **scalars,
    ):
        """Run one gradient step a batch over rows in the order given.

        Parameters
        ----------
        features : list of ndarray of shape (n_steps * batch_rows, ...)
            Prefix outputs. Each batch begins at a multiple of `batch_rows`.
        y : ndarray of shape (n_steps * batch_rows,), int32
            Class indices; of mixed rows, floats with a column for each class.
        sample_weight : ndarray of shape (n_steps * batch_rows,)
            Weights whose mean over the training set is 1; 0 in rows that only fill
            a batch.
        counts : ndarray of shape (n_steps,), int
            Rows in each batch, without those that fill it.
        rates : ndarray of shape (n_steps, n_groups)
            Learning rate of each group of variables in each batch.
        target_features : list of ndarray of shape (n_steps * batch_rows, ...)
            Prefix outputs of as many rows of the target, for a method that needs them.
        strengths : ndarray of shape (n_steps,) or None, default=None
            Strength of the method in each batch.
        **scalars
            label_smoothing, l2_sp.

        Returns
        -------
        ndarray of shape (n_steps, 1 + len(metrics))
            Sums of the weighted losses of the rows of each batch; what the method made
            of the batch.
        """
        self._program.changed()
        dtype = self._program.dtype
        n_steps = len(counts)
        batch = len(y) // n_steps
        if strengths is None:
            strengths = np.zeros(n_steps)
        a_step = [
            counts.astype(np.int32),
            rates[:, self.optimizer.is_used].astype(dtype),
            strengths.astype(dtype),
        ]
        a_row = [
            y.astype(self._labels.dtype),
            sample_weight.astype(dtype),
            *features,
            *target_features,
        ]
        scalars = [scalars[name] for name in ("label_smoothing", "l2_sp")]
        per_call = self._xla_steps or _MAX_STEPS
        # Only XLA takes arrays of one size; others would be copied for nothing.
        length = self._xla_steps
        results = []
        for start in range(0, n_steps, per_call):
            stop = min(start + per_call, n_steps)
            of_steps = self._run_steps(
                tf.constant(stop - start),
                tf.constant(batch),
                *(tf.constant(scalar, dtype) for scalar in scalars),
                *(_part(array, start, stop, length) for array in a_step),
                *(
                    _part(array, start * batch, stop * batch, length and length * batch)
                    for array in a_row
                ),
            )
            results.append(of_steps.numpy()[: stop - start])
        return np.concatenate(results)

    def _compile(self, float_type):
        network = self._program.network
        n_inputs = len(network.inputs)
        phases = [None] if self._method is None else self._method.phases()
        for_target = self._method is not None and not self._target_only

        def objective(phase, inputs, y, weight, count, strength, smoothing, l2_sp):
            """Compute a loss and what is told of it."""
            if phase is None:
                model, logits = network, network(unwrap(inputs), training=True)
                source_logits = logits
            else:
                model, batch = self._outputs, inputs[:n_inputs]
                if for_target:
                    batch = [
                        tf.concat(pair, axis=0)
                        for pair in zip(batch, inputs[n_inputs:], strict=True)
                    ]
                features, logits = model(unwrap(batch), training=True)
                source_logits = logits[: self._batch]
            log_proba = tf.nn.log_softmax(source_logits)
            hit = self._labels.log_proba(log_proba, y)
            row_loss = -(
                (1 - smoothing) * hit + smoothing * tf.reduce_mean(log_proba, axis=1)
            )
            total = tf.reduce_sum(weight * row_loss)
            loss = sum(tf.cast(extra, float_type) for extra in model.losses)
            told = [total]
            if phase is None or phase.cross_entropy:
                loss += total / tf.cast(count, float_type)
            if phase is not None:
                aligned = phase.loss(
                    self._domain_batch(features, logits, y), strength, self._networks
                )
                aligned, values = aligned if self._method.metrics else (aligned, [])
                loss += aligned
                told += [aligned, *values]
            for penalty in self._anchors.penalties():
                loss += l2_sp * penalty
            return loss, tf.stack([tf.cast(value, float_type) for value in told])

        def run(
            n_steps,
            batch,
            smoothing,
            l2_sp,
            counts,
            rates,
            strengths,
            y,
            weight,
            *inputs,
        ):
            self._program.n_traces += 1

            def rows_of(array, i):
                if self._batch is None:
                    return array[i * batch : i * batch + counts[i]]
                begin = [i * self._batch] + [0] * (array.shape.rank - 1)
                size = [self._batch, *array.shape[1:]]
                return tf.slice(array, begin, [-1 if n is None else n for n in size])

            def step(i, told):
                self.optimizer.set_rates(rates[i])
                arguments = (
                    [rows_of(array, i) for array in inputs],
                    rows_of(y, i),
                    rows_of(weight, i),
                    counts[i],
                    strengths[i],
                    smoothing,
                    l2_sp,
                )
                of_phases = []
                for phase in phases:
                    values = [v.value for v in self._weights]
                    with tf.GradientTape(watch_accessed_variables=False) as tape:
                        tape.watch(values)
                        loss, of_phase = objective(phase, *arguments)
                    gradients = tape.gradient(
                        loss,
                        values,
                        unconnected_gradients=tf.UnconnectedGradients.ZERO,
                    )
                    trains = "all" if phase is None else phase.trains
                    gradients = self._part.gradients(gradients)
                    self.optimizer.apply(gradients, self._trained_by[trains])
                    self._part.update()
                    of_phases.append(of_phase)
                # The cross-entropy is that before the first phase, the rest that of the
                # last.
                of_step = tf.concat([of_phases[0][:1], of_phases[-1][1:]], axis=0)
                return i + 1, tf.tensor_scatter_nd_update(told, [[i]], [of_step])

            n_told = 1 + len(self.metrics)
            return tf.while_loop(
                lambda i, _: i < n_steps,
                step,
                (0, tf.zeros((tf.shape(counts)[0], n_told), float_type)),
                parallel_iterations=1,
            )[1]

        steps = self._xla_steps
        rows = steps and steps * self._xla_batch
        scalar = tf.TensorSpec((), float_type)
        integer = tf.TensorSpec((), tf.int32)
        inputs = [tf.TensorSpec((rows, *t.shape[1:]), t.dtype) for t in network.inputs]
        signature = [
            integer,
            integer,
            scalar,
            scalar,
            tf.TensorSpec((steps,), tf.int32),
            tf.TensorSpec((steps, sum(self.optimizer.is_used)), float_type),
            tf.TensorSpec((steps,), float_type),
            tf.TensorSpec((rows, *self._labels.shape), self._labels.dtype),
            tf.TensorSpec((rows,), float_type),
            *(inputs * (1 + for_target)),
        ]
        return traced_once(run, signature, jit_compile=self._xla_batch is not None)

    def _domain_batch(self, features, logits, y):
        n = self._batch
        head = self._program.head
        if self._target_only:
            return DomainBatch(
                None, features, None, logits, None, head=head, target_pseudo_y=y
            )
        return DomainBatch(
            features[:n], features[n:], logits[:n], logits[n:], y, head=head
        )


def _shapes(state):
    return [[value.shape for value in part] for part in state]


def _part(array, start, stop, n):
    """Tensor of a part of an array, lengthened to `n`, if any, by what is not read."""
    part = array[start:stop]
    if n is not None and len(part) < n:
        part = np.empty((n, *array.shape[1:]), array.dtype)
        part[: stop - start] = array[start:stop]
    return tf.constant(part)
