"""The validation set of early stopping."""

import numpy as np
from sklearn.model_selection import train_test_split


def split_validation(task):
    """Split the training set of a task into a training and a validation set.

    The split is random, and stratified by class.

    Parameters
    ----------
    task : FitTask
        The fit.

    Returns
    -------
    FitTask
        Copy with both sets.

    Raises
    ------
    ValueError
        If there are too few samples for all classes to be in both sets.
    """
    samples, fraction = task.samples, task.settings.validation_fraction
    is_classes, size = samples.y.ndim == 1, fraction
    if not task.settings.early_stopping and fraction * len(samples) < task.head.n_units:
        # The user did not set it, so it is as small as possible.
        size = task.head.n_units
    try:
        train, validation = train_test_split(
            np.arange(len(samples)),
            test_size=size,
            stratify=samples.y if is_classes else None,
            random_state=int(task.rng.integers(2**31)),
        )
    except ValueError as error:
        if task.settings.early_stopping:
            cause, remedy = "early_stopping=True", "early_stopping=False"
        else:
            # The table network is fine-tuned with a validation set in any case.
            cause, remedy = f"recipe={task.order!r}", "recipe='in_context'"
        raise ValueError(
            f"{cause} with validation_fraction={fraction} needs a validation set with "
            f"samples of all {task.head.n_units} classes, which {len(samples)} samples "
            f"do not allow: {error}. Use more samples, a larger validation_fraction or "
            f"{remedy}."
        ) from error
    return task.replace(
        samples=samples.part(train), validation=samples.part(validation)
    )
