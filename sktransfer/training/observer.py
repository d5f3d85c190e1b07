"""Reports of each epoch: to Keras callbacks, a progress bar and the estimator."""

import copy

import keras

from sktransfer._suggestions import did_you_mean

# What the progress bar shows of an epoch.
_SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy")


def make_callbacks(callbacks):
    """Make fresh Keras callbacks from what the user gave.

    Parameters
    ----------
    callbacks : None, or a list of str, callable or keras.callbacks.Callback
        Names of Keras callbacks that need no argument, factories without arguments,
        or instances, which are copied.

    Returns
    -------
    list of keras.callbacks.Callback
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, str) or not hasattr(callbacks, "__iter__"):
        callbacks = [callbacks]
    return [_make_callback(callback) for callback in callbacks]


def _make_callback(callback):
    if isinstance(callback, keras.callbacks.Callback):
        return copy.deepcopy(callback)
    if isinstance(callback, str):
        known = [
            name
            for name, cls in vars(keras.callbacks).items()
            if isinstance(cls, type) and issubclass(cls, keras.callbacks.Callback)
        ]
        if callback not in known:
            raise ValueError(
                f"callbacks has {callback!r}, which is not in keras.callbacks."
                f"{did_you_mean(callback, known)}"
            )
        return getattr(keras.callbacks, callback)()
    made = callback() if callable(callback) else callback
    if not isinstance(made, keras.callbacks.Callback):
        raise TypeError(
            f"callbacks has {callback!r}; expected names of Keras callbacks, "
            "factories without arguments or keras.callbacks.Callback instances."
        )
    return made


class _Rate:
    """The optimizer of callbacks: a learning rate that they may set."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate


class Observer:
    """Reports each epoch; a receiver may stop training or change the learning rate.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Their epoch hooks are called. Batches run inside TensorFlow, without hooks.
    verbose : int
        1 shows a progress bar.
    listener : object or None
        Its ``fit_begin(n_epochs)`` is called and, where its ``watches`` is true,
        ``epoch_begin()`` and ``epoch_end(entry, program)``. A true result of the last
        one stops the training.

    Attributes
    ----------
    stopped : bool
        Whether a receiver stopped the training.
    """

    def __init__(self, callbacks=(), *, verbose=0, listener=None):
        self._callbacks, self._verbose, self.listener = callbacks, verbose, listener
        self._n_epochs = self._done = 0
        self._bar = None
        self.stopped = False

    def fit_begin(self, n_epochs, *, is_exact=True):
        """Start the progress bar.

        Parameters
        ----------
        n_epochs : int
            Greatest number of epochs of all stages.
        is_exact : bool, default=True
            False where a method may train several networks.
        """
        self._n_epochs = n_epochs
        if self._verbose:
            self._bar = keras.utils.Progbar(
                n_epochs,
                unit_name="epoch",
                stateful_metrics=[*_SHOWN],
            )
        if self.listener is not None:
            self.listener.fit_begin(n_epochs if is_exact else None)

    def stage_begin(self, program, learning_rate):
        """Attach the callbacks to the network that is trained now."""
        network = program.network
        self._network = network
        # As in Keras, a schedule leaves callbacks no say.
        self._start_rate = None if callable(learning_rate) else learning_rate
        if not self._callbacks:
            return
        network.stop_training = False
        network.optimizer = _Rate(self._start_rate)
        for callback in self._callbacks:
            callback.set_params({"epochs": self._n_epochs, "steps": None, "verbose": 0})
            callback.set_model(network)
            callback.on_train_begin({})

    @property
    def is_watching(self):
        """Whether there is any receiver."""
        return bool(self._callbacks or self._bar or self._has_listener)

    @property
    def _has_listener(self):
        return self.listener is not None and self.listener.watches

    def epoch_begin(self):
        """Call the hooks before an epoch."""
        if self._has_listener:
            self.listener.epoch_begin()
        for callback in self._callbacks:
            callback.on_epoch_begin(self._done, {})

    @property
    def rate_factor(self):
        """Factor by which callbacks have changed the learning rate."""
        if not self._callbacks or self._start_rate is None:
            return 1.0
        return float(self._network.optimizer.learning_rate) / self._start_rate

    def epoch_end(self, entry, program):
        """Report an epoch; return whether training stops."""
        logs = {key: value for key, value in entry.items() if key != "stage"}
        for callback in self._callbacks:
            callback.on_epoch_end(self._done, logs)
            program.changed()
        self._done += 1
        if self._bar is not None:
            shown = [(key, entry[key]) for key in _SHOWN if key in entry]
            self._bar.update(self._done, values=shown, finalize=False)
        stop = bool(self._callbacks) and self._network.stop_training
        if self._has_listener:
            stop = bool(self.listener.epoch_end(entry, program)) or stop
        self.stopped = stop
        return stop

    def stage_end(self):
        """Detach the callbacks."""
        for callback in self._callbacks:
            callback.on_train_end({})
        if self._callbacks:
            self._network.optimizer = None

    def close(self):
        """End the progress bar's line."""
        if self._bar is not None:
            self._bar.update(self._done, finalize=True)
