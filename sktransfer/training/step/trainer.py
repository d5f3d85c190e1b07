"""Compiled training of a program: an optimizer, and many steps in one call."""

import contextlib
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from sktransfer._random import preserve_random_state
from sktransfer.backbones.graph import unwrap
from sktransfer.training.step.domain_batch import domain_batch
from sktransfer.training.step.grouped_optimizer import GroupedOptimizer
from sktransfer.training.step.lora import LowRank
from sktransfer.training.step.memory import trainer_bytes
from sktransfer.training.step.method_networks import MethodNetworks
from sktransfer.training.step.padding import MAX_STEPS, pad_steps, steps_per_call
from sktransfer.training.step.tracing import traced_once
from sktransfer.training.step.weight_averages import WeightAverages


@dataclass(frozen=True)
class TrainerOptions:
    """Options that change the compiled steps.

    Attributes
    ----------
    optimizer : dict
        Serialized Keras optimizer.
    layerwise : bool
        True has one learning rate for each layer. False has one for the backbone and
        one for the head.
    l2_sp : bool
        Whether the loss has the L2-SP penalty.
    batch_size : int or None
        Number of samples in each batch after padding. None does not pad.
    jit_compile : bool
        Whether XLA compiles the steps.
    lora_rank : int or None
        Rank of low-rank updates. None trains the weights themselves.
    target_only : bool
        Whether all samples are of the target, with pseudo-labels as y.
    """

    optimizer: dict
    layerwise: bool = False
    l2_sp: bool = False
    batch_size: int | None = None
    jit_compile: bool = False
    lora_rank: int | None = None
    target_only: bool = False


class Trainer:
    """Runs many gradient steps inside TensorFlow in one call.

    Parameters
    ----------
    program : Program
        Program whose variables are trained.
    layers : list of list of keras.Variable
        Variables to train, of each unfrozen layer and of the head.
    head : ClassHead or MultilabelHead
        Has the loss.
    options : TrainerOptions
        Options of the compiled steps.
    method : AdaptationMethod or None, default=None
        Adds its loss on source and target samples.

    Attributes
    ----------
    optimizer : GroupedOptimizer
        Optimizer, which :meth:`start` resets.
    networks : MethodNetworks
        Networks of the method.
    """

    def __init__(self, program, layers, head, options, method=None):
        self._program, self._head, self._options = program, head, options
        self._method = method
        self._phases = [None] if method is None else method.phases()
        self._has_target = method is not None and not options.target_only
        self._xla_steps = None
        if options.jit_compile:
            self._xla_steps = steps_per_call(program.network.inputs, options.batch_size)
        self._n_source = 0 if options.target_only else options.batch_size
        self._lora = None
        trained = layers[:-1]
        backbone_weights = [v for layer in trained for v in layer]
        if options.lora_rank is not None:
            with preserve_random_state():
                self._lora = LowRank(trained, options.lora_rank, program.dtype)
            trained = self._lora.layers
        self.networks = MethodNetworks(program, method)
        heads = [*layers[-1], *self.networks.trainable]
        flat = [v for layer in trained for v in layer]
        groups = [*(trained if options.layerwise else [flat]), heads]
        self.optimizer = GroupedOptimizer(options.optimizer, groups, program.dtype)
        self._averages = None
        if self.optimizer.averages:
            self._averages = WeightAverages(self.optimizer, self._update_weights)
        self._weights = [*backbone_weights, *heads]
        self._trained_by = self._variables_of_phases(flat, heads)
        self._anchored = backbone_weights if options.l2_sp else []
        self._anchors = [
            tf.Variable(tf.zeros_like(weight.value), trainable=False)
            for weight in self._anchored
        ]
        self._run_steps = traced_once(
            self._run, self._signature(), jit_compile=options.jit_compile
        )

    def _variables_of_phases(self, backbone, heads):
        """Return the ids of the variables that each kind of phase trains."""
        backbone_ids = {id(v) for v in backbone}
        trained_by = {
            "all": None,
            "features": backbone_ids,
            "heads": {id(v) for v in heads},
            "normalization": backbone_ids & self._program.scale_and_shift_ids(),
        }
        for phase in self._phases:
            if phase is not None and trained_by[phase.trains] == set():
                raise ValueError(
                    f"method={self._method} trains the {phase.trains} of the backbone; "
                    "tune of the recipe trains none of it. Use tune='all'."
                )
        return trained_by

    # ---- state

    @property
    def nbytes(self):
        """Estimate of the memory of the trainer, in bytes."""
        variables = [*self.optimizer.state_variables, *self.networks.variables]
        return trainer_bytes(self._weights, variables, self._options.jit_compile)

    def anchor(self):
        """Store the current weights as the starting values of L2-SP."""
        for anchor, weight in zip(self._anchors, self._anchored, strict=True):
            anchor.assign(weight.value)

    def start(self, rng, *, weight_decay, state=None):
        """Reset the optimizer, or set it to an earlier state.

        Parameters
        ----------
        rng : numpy.random.Generator
            Random generator of low-rank factors.
        weight_decay : float
            Decoupled weight decay of kernels.
        state : list of list of ndarray or None
            Result of :meth:`state`. It is not used if the variables have other shapes.
        """
        optimizer, lora, averages = None, (), ()
        if state is not None and _shapes(state) == _shapes(self.state()):
            optimizer, lora, averages = state
        self.optimizer.start(weight_decay=weight_decay, state=optimizer)
        if self._lora:
            self._lora.start(rng, lora)
        if self._averages:
            self._averages.start(averages)

    def state(self):
        """Return the state of optimizer, low-rank updates and averages."""
        return [
            self.optimizer.state(),
            self._lora.state() if self._lora else [],
            self._averages.state() if self._averages else [],
        ]

    def use_averages(self):
        """Return a context in which the averages, if any, replace the weights."""
        return self._averages.use() if self._averages else contextlib.nullcontext()

    def keep_averages(self):
        """Replace the weights by the averages of the optimizer, if any."""
        if self._averages:
            self._averages.keep()

    def _update_weights(self):
        """Update the weights after a change of the variables of the optimizer."""
        if self._lora:
            self._lora.update()
        self._program.mark_changed()

    def padded_batch_size(self, batch_size):
        """Return the number of samples in a batch of :meth:`steps` after padding."""
        return self._options.batch_size or batch_size

    # ---- steps

    @property
    def metrics(self):
        """Names of the results of `steps` after the loss and the accuracy."""
        if self._method is None:
            return ()
        return ("alignment_loss", *self._method.metrics)

    def steps(self, arrays, counts, rates, *, strengths=None, smoothing=0.0, l2_sp=0.0):
        """Run one gradient step on each batch.

        Parameters
        ----------
        arrays : list of ndarray of shape (n_steps * padded_batch_size, ...)
            Targets; sample weights; prefix outputs; for a method with a target, prefix
            outputs of the same number of target samples. The mean of the weights over
            the training set is 1. Samples that pad a batch have weight 0.
        counts : ndarray of shape (n_steps,), int
            Number of samples in each batch without padding.
        rates : ndarray of shape (n_steps, n_groups)
            Learning rate of each group of variables in each batch.
        strengths : ndarray of shape (n_steps,) or None, default=None
            Strength of the method in each batch.
        smoothing, l2_sp : float, default=0.0
            Label smoothing, and weight of the L2-SP penalty.

        Returns
        -------
        ndarray of shape (n_steps, 2 + len(metrics))
            For each batch the sum of the weighted losses, the sum of the weights of
            correct predictions, and the metrics of the method.
        """
        self._program.mark_changed()
        dtype = self._program.dtype
        n_steps = len(counts)
        if strengths is None:
            strengths = np.zeros(n_steps)
        y, weight, *features = arrays
        sample_arrays = [y.astype(self._target_dtype), weight.astype(dtype), *features]
        batch = len(y) // n_steps
        step_arrays = [
            counts.astype(np.int32),
            rates[:, self.optimizer.is_used].astype(dtype),
            strengths.astype(dtype),
            *(a.reshape(n_steps, batch, *a.shape[1:]) for a in sample_arrays),
        ]
        per_call = self._xla_steps or MAX_STEPS
        results = []
        for start in range(0, n_steps, per_call):
            parts = [array[start : start + per_call] for array in step_arrays]
            n = len(parts[0])
            part_results = self._run_steps(
                tf.constant(n),
                tf.constant(smoothing, dtype),
                tf.constant(l2_sp, dtype),
                *(tf.constant(pad_steps(part, self._xla_steps)) for part in parts),
            )
            results.append(part_results.numpy()[:n])
        return np.concatenate(results)

    @property
    def _target_dtype(self):
        dtype = self._head.target_dtype
        return self._program.dtype if dtype == "float" else dtype

    def _signature(self):
        """Return the types of the arguments of :meth:`_run`."""
        steps, size = self._xla_steps, self._options.batch_size
        dtype = tf.as_dtype(self._program.dtype)
        scalar = tf.TensorSpec((), dtype)
        inputs = [
            tf.TensorSpec((steps, size, *t.shape[1:]), t.dtype)
            for t in self._program.network.inputs
        ]
        return [
            tf.TensorSpec((), tf.int32),
            scalar,
            scalar,
            tf.TensorSpec((steps,), tf.int32),
            tf.TensorSpec((steps, sum(self.optimizer.is_used)), dtype),
            tf.TensorSpec((steps,), dtype),
            tf.TensorSpec((steps, size, *self._head.target_shape), self._target_dtype),
            tf.TensorSpec((steps, size), dtype),
            *(inputs * (1 + self._has_target)),
        ]

    def _run(self, n_steps, smoothing, l2_sp, *arrays):
        """Run the steps of one call; traced by TensorFlow."""
        counts, rates, strengths, y, weight, *inputs = arrays
        self._program.n_traces += 1
        dtype = tf.as_dtype(self._program.dtype)

        def step(i, results):
            self.optimizer.set_rates(rates[i])
            # Batches that are not padded may be smaller than the first one.
            rows = slice(None if self._options.batch_size else counts[i])
            batch = SimpleNamespace(
                inputs=[array[i][rows] for array in inputs],
                y=y[i][rows],
                weight=weight[i][rows],
                count=counts[i],
                strength=strengths[i],
                smoothing=smoothing,
                l2_sp=l2_sp,
            )
            phases = [self._gradient_step(phase, batch) for phase in self._phases]
            # Loss and accuracy are from the first phase, metrics from the last one.
            row = tf.concat([phases[0][:2], phases[-1][2:]], axis=0)
            return i + 1, tf.tensor_scatter_nd_update(results, [[i]], [row])

        return tf.while_loop(
            lambda i, _: i < n_steps,
            step,
            (0, tf.zeros((tf.shape(counts)[0], 2 + len(self.metrics)), dtype)),
            parallel_iterations=1,
        )[1]

    def _gradient_step(self, phase, batch):
        """Update the variables of a phase; return its loss, accuracy and metrics."""
        values = [v.value for v in self._weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss, results = self._objective(phase, batch)
        gradients = tape.gradient(
            loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        if self._lora:
            gradients = self._lora.gradients(gradients)
        trains = "all" if phase is None else phase.trains
        self.optimizer.apply(gradients, self._trained_by[trains])
        if self._lora:
            self._lora.update()
        return results

    def _objective(self, phase, batch):
        """Compute the loss of a batch, and the results to report."""
        dtype = tf.as_dtype(self._program.dtype)
        features, logits, model = self._forward(phase, batch)
        source_logits = logits[: self._options.batch_size] if phase else logits
        losses = self._head.losses(source_logits, batch.y, batch.smoothing)
        total = tf.reduce_sum(batch.weight * losses)
        correct = tf.cast(self._head.correct(source_logits, batch.y), dtype)
        results = [total, tf.reduce_sum(batch.weight * correct)]
        loss = sum(tf.cast(extra, dtype) for extra in model.losses)
        if phase is None or phase.cross_entropy:
            loss += total / tf.cast(batch.count, dtype)
        if phase is not None:
            aligned = phase.loss(
                domain_batch(
                    features, logits, batch.y, self._program.head, self._n_source
                ),
                batch.strength,
                self.networks.models,
            )
            aligned, metrics = aligned if self._method.metrics else (aligned, [])
            loss += aligned
            results += [aligned, *metrics]
        if self._anchors:
            distances = [
                tf.reduce_sum(tf.square(weight.value - anchor))
                for weight, anchor in zip(self._anchored, self._anchors, strict=True)
            ]
            loss += batch.l2_sp * (tf.add_n(distances) / 2)
        return loss, tf.stack([tf.cast(value, dtype) for value in results])

    def _forward(self, phase, batch):
        """Run the network on a batch; with a target, on both domains."""
        network = self._program.network
        if phase is None:
            return None, network(unwrap(batch.inputs), training=True), network
        n_inputs = len(network.inputs)
        inputs = batch.inputs[:n_inputs]
        if self._has_target:
            inputs = [
                tf.concat(pair, axis=0)
                for pair in zip(inputs, batch.inputs[n_inputs:], strict=True)
            ]
        model = self.networks.outputs
        return *model(unwrap(inputs), training=True), model


def _shapes(state):
    return [[value.shape for value in part] for part in state]
