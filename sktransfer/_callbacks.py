"""Reporting epochs to scikit-learn's callbacks."""


class EpochTasks:
    """Makes each epoch a subtask of the fit.

    Parameters
    ----------
    estimator : estimator
        With scikit-learn's callback support; its fit is running.
    X, y : ndarray or callable
        Training set as callbacks see it, or a function that makes it when asked for.
    backbone : Backbone
        Starting weights.
    classes : ndarray of shape (n_classes,)
        Class labels.
    n_epochs : int
        Greatest number of epochs.
    """

    def __init__(self, estimator, X, y, backbone, classes, n_epochs):
        self._estimator, self._data = estimator, {"X": X, "y": y}
        self._backbone, self._classes = backbone, classes
        self._context = estimator._init_callback_context(max_subtasks=n_epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **self._data)

    def epoch_begin(self):
        """Report that an epoch begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch_end(self, entry, program):
        """Report that an epoch has ended; return whether a callback wants to stop."""

        def fitted_so_far():
            weights, head = program.read()
            return {
                "backbone_": self._backbone.replace(
                    weights=weights, head=head, classes=self._classes
                ),
                "classes_": self._classes,
                "frozen_depth_": program.depth,
            }

        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=fitted_so_far,
            **self._data,
        )

    def end(self):
        """Report that the fit has ended; the estimator has its fitted attributes."""
        names = ("backbone_", "classes_", "frozen_depth_")
        self._context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: {
                name: getattr(self._estimator, name) for name in names
            },
            **self._data,
        )
