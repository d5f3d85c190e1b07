"""Reports of epochs to the callbacks of scikit-learn."""


class EpochTasks:
    """Reports each epoch to the callbacks as a subtask of the fit.

    Parameters
    ----------
    estimator : estimator
        Estimator that is being fitted, with the callback support of scikit-learn.
    attributes : callable
        Called with a program; returns the fitted attributes for its weights, as a dict.
    data : dict
        Training set for callbacks, X and y: arrays, or functions that return them.
    """

    def __init__(self, estimator, attributes, data):
        self._estimator, self._attributes, self._data = estimator, attributes, data

    @property
    def has_callbacks(self):
        """Whether the estimator has callbacks."""
        return bool(getattr(self._estimator, "_skl_callbacks", None))

    def fit_begin(self, n_epochs):
        """Report that the fit begins; `n_epochs` is None if it is not known."""
        # The interface of scikit-learn for estimators with callbacks.
        self._context = self._estimator._init_callback_context(  # noqa: SLF001
            max_subtasks=n_epochs
        )
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch_begin(self):
        """Report that an epoch begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch_end(self, entry, program):
        """Report that an epoch has ended; return whether to stop the fit."""
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: self._attributes(program),
            **self._data,
        )

    def fit_end(self, attributes):
        """Report that the fit has ended; `attributes` are those of the estimator."""
        self._context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: attributes,
            **self._data,
        )
