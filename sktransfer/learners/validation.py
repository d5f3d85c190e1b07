"""The validation set of early stopping."""

import numpy as np
from sklearn.model_selection import train_test_split


def split_validation(task):
    """Split a stratified, shuffled validation set off the training set.

    Parameters
    ----------
    task : FitTask
        With the samples of both.

    Returns
    -------
    FitTask
        With a validation set, and the other samples as its training set.

    Raises
    ------
    ValueError
        When there are too few samples for both sets to have all classes.
    """
    samples, fraction = task.samples, task.settings.validation_fraction
    is_classes = samples.y.ndim == 1
    try:
        train, validation = train_test_split(
            np.arange(len(samples)),
            test_size=fraction,
            stratify=samples.y if is_classes else None,
            random_state=int(task.rng.integers(2**31)),
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True with validation_fraction={fraction} cannot split off "
            f"a sample of each of the {task.head.n_units} classes from {len(samples)} "
            f"samples: {error} Use more samples, a larger validation_fraction or "
            "early_stopping=False."
        ) from error
    return task.replace(
        samples=samples.part(train), validation=samples.part(validation)
    )
