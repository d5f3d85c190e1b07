"""Reports of each epoch to Keras callbacks, a progress bar and the estimator."""

import contextlib
import copy
from collections.abc import Mapping
from types import SimpleNamespace

import keras

from sktransfer._suggestions import did_you_mean
from sktransfer._warnings import warn_user
from sktransfer.backbones import graph

_RATE_CALLBACKS = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)
_BATCH_METHODS = (
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_batch_begin",
    "on_batch_end",
)
# Values that the progress bar shows.
_SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy")


def make_callbacks(callbacks):
    """Make the Keras callbacks of the parameter `callbacks`.

    Parameters
    ----------
    callbacks : None, or a list of str, callable or keras.callbacks.Callback
        Names of Keras callbacks that need no arguments, functions without arguments
        that return a callback, or instances, which are copied.

    Returns
    -------
    list of keras.callbacks.Callback
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, Mapping):
        raise TypeError(
            f"callbacks must be a list; got {callbacks!r} of type "
            f"{type(callbacks).__name__}. Use callbacks=None for no callbacks."
        )
    if isinstance(callbacks, str) or not hasattr(callbacks, "__iter__"):
        callbacks = [callbacks]
    made = [_make_callback(callback) for callback in callbacks]
    idle = [type(callback).__name__ for callback in made if _acts_on_batches(callback)]
    if idle:
        warn_user(
            f"callbacks: methods for batches of {', '.join(idle)} are not called. Use "
            "the methods for epochs; an epoch is the shortest interval."
        )
    for callback in made:
        # Keras knows the direction of metrics of compiled models alone.
        if getattr(callback, "mode", None) == "auto" and str(
            getattr(callback, "monitor", None)
        ).endswith(("accuracy", "val_score")):
            callback.mode = "max"
    return made


def _acts_on_batches(callback):
    """Return whether a callback wants to be called between epochs."""
    intervals = [getattr(callback, name, None) for name in ("save_freq", "update_freq")]
    if any(isinstance(n, int) for n in intervals):
        return True
    for name in _BATCH_METHODS:
        owners = [cls for cls in type(callback).__mro__ if name in vars(cls)]
        if name in vars(callback) or not owners[0].__module__.startswith("keras."):
            return True
    return False


def _make_callback(callback):
    if isinstance(callback, keras.callbacks.Callback):
        return copy.deepcopy(callback)
    if isinstance(callback, str):
        names = [
            name
            for name, cls in vars(keras.callbacks).items()
            if isinstance(cls, type) and issubclass(cls, keras.callbacks.Callback)
        ]
        if callback not in names:
            raise ValueError(
                f"callbacks has {callback!r}; expected the name of a callback in "
                f"keras.callbacks.{did_you_mean(callback, names)}"
            )
        return getattr(keras.callbacks, callback)()
    result = callback() if callable(callback) else callback
    if not isinstance(result, keras.callbacks.Callback):
        raise TypeError(
            f"callbacks has {callback!r}; expected names of Keras callbacks, "
            "functions without arguments that return one, or instances of "
            "keras.callbacks.Callback."
        )
    return result


def changes_rates(callbacks):
    """Return whether a Keras callback may change the learning rate."""
    return any(isinstance(callback, _RATE_CALLBACKS) for callback in callbacks)


class Observer:
    """Reports each epoch to callbacks, which may stop training or change the rate.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Their methods for epochs are called. Those for batches are not.
    verbose : int
        1 shows a progress bar.
    listener : EpochTasks or None
        Reports to the callbacks of scikit-learn.

    Attributes
    ----------
    stopped : bool
        Whether a callback stopped the training.
    """

    def __init__(self, callbacks=(), *, verbose=0, listener=None):
        self._callbacks, self._verbose, self.listener = callbacks, verbose, listener
        self._bar = None
        self._epoch = 0
        self._start(0)

    def fit_begin(self, n_epochs, *, is_exact=True):
        """Report that the fit begins.

        Parameters
        ----------
        n_epochs : int
            Maximum number of epochs of all stages.
        is_exact : bool, default=True
            False if an adaptation method may train for other numbers of epochs.
        """
        if self.listener is not None:
            self.listener.fit_begin(n_epochs if is_exact else None)

    def training_begin(self, n_epochs, title=None):
        """Report that the training of a network begins, and start its progress bar.

        A fit trains one network, or several one after the other. Each training has its
        own stages, and callbacks start anew. Their numbers of epochs go on.

        Parameters
        ----------
        n_epochs : int
            Maximum number of epochs of all stages.
        title : str or None, default=None
            Line before the progress bar.
        """
        self._start(n_epochs)
        if self._verbose and n_epochs > 0:
            if title is not None:
                print(title)
            self._bar = keras.utils.Progbar(
                n_epochs,
                unit_name="epoch",
                stateful_metrics=[*_SHOWN],
            )

    def training_end(self):
        """Report that the training has ended or failed, and end its progress bar."""
        if self._bar is not None:
            self._bar.update(self._done, values=self._shown, finalize=True)
        self._bar = None

    def _start(self, n_epochs):
        self.stopped = self._has_begun = False
        self._factor, self._logs = 1.0, {}
        self._n_epochs, self._done, self._shown = n_epochs, 0, []

    @contextlib.contextmanager
    def stage(self, program, task, *, is_last):
        """Return a context in which the callbacks see the network of a stage.

        As in Keras, callbacks are not called when training fails.

        Parameters
        ----------
        program : Program
            Held by the caller. Callbacks may change its weights.
        task : FitTask
            Callbacks cannot change its learning rate if that is a schedule.
        is_last : bool
            Whether it is the last stage of the training.
        """
        if not self._callbacks:
            yield
            return
        network = program.whole_network(task.backbone, task.head)
        self._network, learning_rate = network, task.settings.learning_rate
        self._start_rate = None if callable(learning_rate) else learning_rate
        for callback in self._callbacks:
            if self._start_rate is None and isinstance(callback, _RATE_CALLBACKS):
                raise ValueError(
                    f"callbacks: {type(callback).__name__} cannot change the learning "
                    f"rate of a schedule, learning_rate={learning_rate!r}. Set "
                    "learning_rate to a number, or leave out the callback."
                )
            _check_format(callback, network)
        network.stop_training = False
        rate = self._start_rate and self._factor * self._start_rate
        # Callbacks may change the learning rate of what they see as the optimizer, and
        # an .h5 file would have its weights.
        network.optimizer = SimpleNamespace(learning_rate=rate, weights=[])
        try:
            for callback in self._callbacks:
                callback.set_model(network)
            self._begin()
            program.mark_changed(restore_frozen=True)
            yield
            self._factor = self.rate_factor
            if is_last or self.stopped:
                for callback in self._callbacks:
                    callback.on_train_end(self._logs)
            program.mark_changed(restore_frozen=True)
        finally:
            network.optimizer = None

    def _begin(self):
        if self._has_begun:
            return
        self._has_begun = True
        for callback in self._callbacks:
            callback.set_params({"epochs": self._n_epochs, "steps": None, "verbose": 0})
            callback.on_train_begin({})

    @property
    def is_used(self):
        """Whether each epoch must be reported."""
        return bool(self._callbacks or self._bar or self._has_listener)

    @property
    def _has_listener(self):
        return self.listener is not None and self.listener.has_callbacks

    def epoch_begin(self):
        """Report that an epoch begins."""
        if self._has_listener:
            self.listener.epoch_begin()
        for callback in self._callbacks:
            callback.on_epoch_begin(self._epoch, {})

    @property
    def rate_factor(self):
        """Factor by which callbacks changed the learning rate."""
        if not self._callbacks or self._start_rate is None:
            return 1.0
        return float(self._network.optimizer.learning_rate) / self._start_rate

    def epoch_end(self, entry, program):
        """Report the results of an epoch; return whether training stops."""
        logs = {key: value for key, value in entry.items() if key != "stage"}
        for callback in self._callbacks:
            callback.on_epoch_end(self._epoch, logs)
        if self._callbacks:
            program.mark_changed(restore_frozen=True)
        self._logs = logs
        self._done += 1
        self._epoch += 1
        if self._bar is not None:
            self._shown = [(key, entry[key]) for key in _SHOWN if key in entry]
            if self._done < self._n_epochs:
                self._bar.update(self._done, values=self._shown, finalize=False)
        stop = bool(self._callbacks) and self._network.stop_training
        if self._has_listener:
            stop = bool(self.listener.epoch_end(entry, program)) or stop
        self.stopped = stop
        return stop


def _check_format(callback, network):
    """Raise ValueError if a callback would write a file that Keras cannot read."""
    path = str(getattr(callback, "filepath", ""))
    if not path.endswith(".h5") or getattr(callback, "save_weights_only", True):
        return
    names = sorted(
        {
            type(operation).__name__
            for model in graph.all_layers(network)
            for operation in getattr(model, "operations", ())
            if not isinstance(operation, keras.Layer)
        }
    )
    if names:
        raise ValueError(
            f"callbacks: {type(callback).__name__} has filepath={path!r}, but an .h5 "
            f"file cannot hold the operations {', '.join(names)} of this network, and "
            "Keras could not read it. Use a path that ends in .keras."
        )
