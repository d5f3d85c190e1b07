"""The validation set of early stopping."""

import numpy as np
from sklearn.model_selection import train_test_split


def split_validation(task):
    """Split the training set of a task into a training and a validation set.

    The split is random, and stratified by class. Labeled samples of a target, which are
    few, stay in the training set of a fit that adapts to it.

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
    index = np.arange(len(samples))
    kept = index[:0]
    if task.adapt is not None and task.is_target is not None:
        index, kept = np.flatnonzero(~task.is_target), np.flatnonzero(task.is_target)
    is_classes = samples.y.ndim == 1
    try:
        train, validation = train_test_split(
            index,
            test_size=fraction,
            stratify=samples.y[index] if is_classes else None,
            random_state=int(task.rng.integers(2**31)),
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True with validation_fraction={fraction} needs a "
            f"validation set with samples of all {task.head.n_units} classes, which "
            f"{len(index)} samples do not allow: {error}. Use more samples, a larger "
            "validation_fraction or early_stopping=False."
        ) from error
    return task.replace(
        samples=samples.part(np.concatenate([train, kept])),
        validation=samples.part(validation),
    )
