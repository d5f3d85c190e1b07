"""The compiled training of a program: an optimizer and many steps in one call."""

import keras
import numpy as np
import tensorflow as tf

from sktransfer.backbones._random import preserve_random_state
from sktransfer.training.tracing import traced_once

_NOT_DECAYED = ["bias", "beta", "gamma"]
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
        A serialized Keras optimizer; each group of variables gets its own copy.
    layerwise : bool
        One group for each layer; otherwise one for the backbone and one for the head.
    l2_sp : bool
        Whether the loss holds the distance to the starting weights.
    xla_batch : int or None
        Compile with XLA, for batches of this many rows; None leaves the size open.
    """

    def __init__(self, program, optimizer, *, layerwise, l2_sp, xla_batch=None):
        self._program = program
        self._xla_batch, self._xla_steps = xla_batch, None
        if xla_batch is not None:
            row_bytes = sum(
                np.dtype(tensor.dtype).itemsize * np.prod(tensor.shape[1:])
                for tensor in program.network.inputs
            )
            steps = int(_XLA_CALL_BYTES // (row_bytes * xla_batch))
            self._xla_steps = min(max(steps, 1), _MAX_STEPS)
        layers = program.trained
        in_backbone = [v for layer in layers[:-1] for v in layer]
        groups = layers if layerwise else [in_backbone, layers[-1]]
        self._variables = [v for group in groups for v in group]
        group_of = {id(v): i for i, group in enumerate(groups) for v in group}
        float_type = tf.as_dtype(program.dtype)
        with preserve_random_state():
            self._weight_decay = tf.Variable(0.0, dtype=float_type, trainable=False)
            config = optimizer["config"]
            # Of all gradients, not of each group alone.
            self._global_clipnorm = config.get("global_clipnorm")
            optimizer = optimizer | {"config": config | {"global_clipnorm": None}}
            members = [self._make_member(optimizer) for _ in groups]
            self.optimizer = keras.optimizers.MultiOptimizer(
                lambda variable: members[group_of[id(variable)]]
            )
            self.optimizer.build(self._variables)
        self._members = [m for m, group in zip(members, groups, strict=True) if group]
        self._has_group = [bool(group) for group in groups]
        self._state = [v for member in self._members for v in member.variables] + list(
            self.optimizer._variables
        )
        self._initial = [v.numpy() for v in self._state]
        self._backbone_variables = in_backbone
        self._anchors = [
            tf.Variable(tf.zeros_like(v.value), trainable=False)
            for v in (self._backbone_variables if l2_sp else [])
        ]
        self._run_steps = self._compile(float_type)

    def _make_member(self, config):
        cls = getattr(keras.optimizers, config["class_name"], None)
        if cls is None:
            member = keras.optimizers.deserialize(config)
        else:
            member = cls.from_config(config["config"])
        member.exclude_from_weight_decay(var_names=_NOT_DECAYED)
        member.weight_decay = self._weight_decay
        return member

    def start(self, *, weight_decay, state=None):
        """Reset the optimizer, or set it to an earlier state.

        Parameters
        ----------
        weight_decay : float
            Decoupled decay of kernels.
        state : list of ndarray or None
            From :meth:`state`; None, or one of other variables, starts anew.
        """
        self._weight_decay.assign(weight_decay)
        shapes = [value.shape for value in self._initial]
        if state is None or [value.shape for value in state] != shapes:
            state = self._initial
        for variable, value in zip(self._state, state, strict=True):
            variable.assign(value)

    def anchor(self):
        """Note the present weights as those that L2-SP pulls towards."""
        for anchor, variable in zip(
            self._anchors, self._backbone_variables, strict=False
        ):
            anchor.assign(variable.value)

    @property
    def n_steps(self):
        """Gradient steps since the optimizer was new."""
        return int(self.optimizer.iterations.numpy())

    def state(self):
        """Return the optimizer's variables as a list of ndarray."""
        return [variable.numpy() for variable in self._state]

    def batch_rows(self, batch_size):
        """Rows that a batch of `batch_size` takes up in the arrays of `steps`."""
        return self._xla_batch or batch_size

    def steps(self, features, y, sample_weight, counts, rates, **scalars):
        """Run one gradient step a batch over rows in the order given.

        Parameters
        ----------
        features : list of ndarray of shape (n_steps * batch_rows, ...)
            Prefix outputs. Each batch begins at a multiple of `batch_rows`.
        y : ndarray of shape (n_steps * batch_rows,), int32
            Class indices.
        sample_weight : ndarray of shape (n_steps * batch_rows,)
            Weights whose mean over the training set is 1; 0 in rows that only fill
            a batch.
        counts : ndarray of shape (n_steps,), int
            Rows in each batch, without those that fill it.
        rates : ndarray of shape (n_steps, n_groups)
            Learning rate of each group of variables in each batch.
        **scalars
            label_smoothing, l2_sp.

        Returns
        -------
        ndarray of shape (n_steps,)
            Sums of the weighted losses of the rows of each batch.
        """
        self._program.changed()
        dtype = self._program.dtype
        n_steps = len(counts)
        batch = len(y) // n_steps
        a_step = [
            counts.astype(np.int32),
            rates[:, self._has_group].astype(dtype),
        ]
        a_row = [y.astype(np.int32), sample_weight.astype(dtype), *features]
        scalars = [scalars[name] for name in ("label_smoothing", "l2_sp")]
        per_call = self._xla_steps or _MAX_STEPS
        # Only XLA takes arrays of one size; others would be copied for nothing.
        length = self._xla_steps
        losses = []
        for start in range(0, n_steps, per_call):
            stop = min(start + per_call, n_steps)
            totals = self._run_steps(
                tf.constant(stop - start),
                tf.constant(batch),
                *(tf.constant(scalar, dtype) for scalar in scalars),
                *(_part(array, start, stop, length) for array in a_step),
                *(
                    _part(array, start * batch, stop * batch, length and length * batch)
                    for array in a_row
                ),
            )
            losses.append(totals.numpy()[: stop - start])
        return np.concatenate(losses)

    def _compile(self, float_type):
        network = self._program.network

        def objective(inputs, y, weight, count, label_smoothing, l2_sp):
            logits = network(inputs[0] if len(inputs) == 1 else inputs, training=True)
            log_proba = tf.nn.log_softmax(logits)
            hit = tf.gather(log_proba, y, axis=1, batch_dims=1)
            row_loss = -(
                (1 - label_smoothing) * hit
                + label_smoothing * tf.reduce_mean(log_proba, axis=1)
            )
            total = tf.reduce_sum(weight * row_loss)
            loss = total / tf.cast(count, float_type)
            loss += sum(tf.cast(extra, float_type) for extra in network.losses)
            if self._anchors:
                loss += (l2_sp / 2) * tf.add_n(
                    [
                        tf.reduce_sum(tf.square(variable.value - anchor))
                        for variable, anchor in zip(
                            self._backbone_variables, self._anchors, strict=True
                        )
                    ]
                )
            return loss, total

        def run(
            n_steps, batch, label_smoothing, l2_sp, counts, rates, y, weight, *inputs
        ):
            self._program.n_traces += 1

            def rows_of(array, i):
                if self._xla_batch is None:
                    return array[i * batch : i * batch + counts[i]]
                begin = [i * self._xla_batch] + [0] * (array.shape.rank - 1)
                return tf.slice(array, begin, [self._xla_batch, *array.shape[1:]])

            def step(i, totals):
                for k, member in enumerate(self._members):
                    member.learning_rate.assign(tf.cast(rates[i, k], tf.float32))
                values = [v.value for v in self._variables]
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(values)
                    loss, total = objective(
                        [rows_of(array, i) for array in inputs],
                        rows_of(y, i),
                        rows_of(weight, i),
                        counts[i],
                        label_smoothing,
                        l2_sp,
                    )
                gradients = tape.gradient(
                    loss,
                    values,
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                if self._global_clipnorm is not None:
                    gradients, _ = tf.clip_by_global_norm(
                        gradients, self._global_clipnorm
                    )
                self.optimizer.apply(gradients, self._variables)
                return i + 1, tf.tensor_scatter_nd_update(totals, [[i]], [total])

            return tf.while_loop(
                lambda i, _: i < n_steps,
                step,
                (0, tf.zeros_like(counts, float_type)),
                parallel_iterations=1,
            )[1]

        steps = self._xla_steps
        rows = steps and steps * self._xla_batch
        scalar = tf.TensorSpec((), float_type)
        integer = tf.TensorSpec((), tf.int32)
        signature = [
            integer,
            integer,
            scalar,
            scalar,
            tf.TensorSpec((steps,), tf.int32),
            tf.TensorSpec((steps, len(self._members)), float_type),
            tf.TensorSpec((rows,), tf.int32),
            tf.TensorSpec((rows,), float_type),
            *(tf.TensorSpec((rows, *t.shape[1:]), t.dtype) for t in network.inputs),
        ]
        return traced_once(run, signature, jit_compile=self._xla_batch is not None)


def _part(array, start, stop, n):
    """Tensor of a part of an array, lengthened to `n`, if any, by what is not read."""
    part = array[start:stop]
    if n is not None and len(part) < n:
        part = np.empty((n, *array.shape[1:]), array.dtype)
        part[: stop - start] = array[start:stop]
    return tf.constant(part)
