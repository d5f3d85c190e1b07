"""Who is told of each epoch: Keras callbacks, a progress bar, the estimator."""

import copy
import difflib

import keras


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
            close = difflib.get_close_matches(callback, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"callbacks holds {callback!r}, which keras.callbacks lacks.{hint}"
            )
        return getattr(keras.callbacks, callback)()
    made = callback() if callable(callback) else callback
    if not isinstance(made, keras.callbacks.Callback):
        raise TypeError(
            f"callbacks holds {callback!r}; expected names of Keras callbacks, "
            "factories without arguments or keras.callbacks.Callback instances."
        )
    return made


class _Rate:
    """What callbacks see as the optimizer: a learning rate that they may set."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate


class Observer:
    """Passes epochs on, and what comes back: a wish to stop, or another rate.

    Attributes
    ----------
    stopped : bool
        Whether somebody wished to stop.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Their epoch hooks are called; batches run inside TensorFlow, unseen.
    epochs : int
        Planned epochs of all stages.
    verbose : int
        1 shows a progress bar.
    listener : object or None
        Its ``epoch_begin()`` and ``epoch_end(entry, program)`` are called; a true
        result of the latter stops the training.
    """

    def __init__(self, callbacks=(), *, epochs=0, verbose=0, listener=None):
        self._callbacks = callbacks
        self._epochs = epochs
        self._done = 0
        self.stopped = False
        self._listener = listener
        self._bar = (
            keras.utils.Progbar(
                epochs,
                unit_name="epoch",
                stateful_metrics=["loss", "val_loss", "val_score"],
            )
            if verbose
            else None
        )

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
            callback.set_params({"epochs": self._epochs, "steps": None, "verbose": 0})
            callback.set_model(network)
            callback.on_train_begin({})

    @property
    def is_watching(self):
        """Whether anybody is told of the epochs."""
        return bool(self._callbacks or self._bar or self._listener)

    def epoch_begin(self):
        """Call the hooks before an epoch."""
        if self._listener is not None:
            self._listener.epoch_begin()
        for callback in self._callbacks:
            callback.on_epoch_begin(self._done, {})

    @property
    def rate_factor(self):
        """What callbacks have multiplied the learning rate by."""
        if not self._callbacks or self._start_rate is None:
            return 1.0
        return float(self._network.optimizer.learning_rate) / self._start_rate

    def epoch_end(self, entry, program):
        """Pass an epoch on; return whether training is to stop."""
        logs = {key: value for key, value in entry.items() if key != "stage"}
        if "val_score" in logs:
            logs["val_accuracy"] = logs["val_score"]
        for callback in self._callbacks:
            callback.on_epoch_end(self._done, logs)
            program.changed()
        self._done += 1
        if self._bar is not None:
            shown = [
                (key, entry[key])
                for key in ("loss", "val_loss", "val_score")
                if key in entry
            ]
            self._bar.update(self._done, values=shown, finalize=False)
        stop = bool(self._callbacks) and self._network.stop_training
        if self._listener is not None:
            stop = bool(self._listener.epoch_end(entry, program)) or stop
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
