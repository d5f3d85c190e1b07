"""The compiled training of a program: an optimizer and whole epochs of steps."""

import keras
import tensorflow as tf

from sktransfer.backbones._random import preserve_random_state
from sktransfer.training.tracing import traced_once

_NOT_DECAYED = ["bias", "beta", "gamma"]


class Trainer:
    """Runs epochs of gradient steps inside TensorFlow.

    What changes between fits (rows, rates, decay, smoothing, batch size) is an
    argument or a variable, so that nothing is traced again.

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
    """

    def __init__(self, program, optimizer, *, layerwise, l2_sp):
        self._program = program
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

    def steps(self, features, y, sample_weight, rates, **scalars):
        """Run one gradient step a batch over rows in the order given.

        Parameters
        ----------
        features : list of ndarray of shape (n, ...)
            Prefix outputs.
        y : ndarray of shape (n,), int32
            Class indices.
        sample_weight : ndarray of shape (n,)
            Weights whose mean over the training set is 1.
        rates : ndarray of shape (n_steps, n_groups)
            Learning rate of each group of variables in each batch.
        **scalars
            batch_size, label_smoothing, l2_sp.

        Returns
        -------
        float
            Sum of the weighted losses of the rows.
        """
        self._program.changed()
        dtype = self._program.dtype
        loss = self._run_steps(
            tf.constant(y, tf.int32),
            tf.constant(sample_weight, dtype),
            tf.constant(rates[:, self._has_group], dtype),
            tf.constant(scalars["batch_size"], tf.int32),
            tf.constant(scalars["label_smoothing"], dtype),
            tf.constant(scalars["l2_sp"], dtype),
            *(tf.constant(array) for array in features),
        )
        return float(loss)

    def _compile(self, float_type):
        network = self._program.network

        def objective(inputs, y, weight, label_smoothing, l2_sp):
            logits = network(inputs[0] if len(inputs) == 1 else inputs, training=True)
            log_proba = tf.nn.log_softmax(logits)
            hit = tf.gather(log_proba, y, axis=1, batch_dims=1)
            row_loss = -(
                (1 - label_smoothing) * hit
                + label_smoothing * tf.reduce_mean(log_proba, axis=1)
            )
            total = tf.reduce_sum(weight * row_loss)
            loss = total / tf.cast(tf.size(y), float_type)
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

        def run(y, weight, rates, batch, label_smoothing, l2_sp, *inputs):
            self._program.n_traces += 1

            def step(i, total):
                rows = slice(i * batch, (i + 1) * batch)
                for k, member in enumerate(self._members):
                    member.learning_rate.assign(tf.cast(rates[i, k], tf.float32))
                values = [v.value for v in self._variables]
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(values)
                    loss, batch_total = objective(
                        [x[rows] for x in inputs],
                        y[rows],
                        weight[rows],
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
                return i + 1, total + batch_total

            zero = tf.zeros((), float_type)
            return tf.while_loop(
                lambda i, _: i < tf.shape(rates)[0],
                step,
                (0, zero),
                parallel_iterations=1,
            )[1]

        scalar = tf.TensorSpec((), float_type)
        vector = tf.TensorSpec((None,), float_type)
        signature = [
            tf.TensorSpec((None,), tf.int32),
            vector,
            tf.TensorSpec((None, None), float_type),
            tf.TensorSpec((), tf.int32),
            scalar,
            scalar,
            *(tf.TensorSpec(t.shape, t.dtype) for t in network.inputs),
        ]
        return traced_once(run, signature)
