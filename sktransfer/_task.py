"""What a learner gets to fit a task, and what it gives."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Settings:
    """Parameters of training; the estimator and its recipe document them.

    `scoring` is "loss", "accuracy", or "scorer" for the scorer of the task.
    """

    learning_rate: Any
    optimizer: dict
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    weight_decay: float = 0.0
    l2_sp: float = 0.0
    label_smoothing: float = 0.0
    tune: str = "all"
    lora_rank: int = 4
    schedule: str = "constant"
    warm_up: float = 0.0
    mixup_alpha: float = 0.0
    probe_C: float = 0.1
    batch_size: int = 32
    epochs: int = 50
    early_stopping: bool = False
    scoring: str = "loss"
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4

    def replace(self, **changes):
        """Return a copy with some parameters replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class FitTask:
    """Everything that a learner needs.

    Attributes
    ----------
    samples : Samples
        Training set, with the targets of the head.
    head : ClassHead or MultilabelHead
        What is put on the features.
    backbone : Backbone
        Where training starts.
    frozen_depth : int
        Number of weighted layers that keep their weights.
    order : str
        Order of the recipe: "linear_probe", "full", "lp_ft", "gradual" or
        "in_context".
    settings : Settings
        Parameters of training.
    dtype : str
        Floating-point type of all computations.
    rng : numpy.random.Generator
        Source of everything that is random.
    observer : Observer
        Gets each epoch.
    head_weights : tuple of two ndarrays or None
        Kernel and bias to start from; None starts from a new head.
    validation : Samples or None
        Validation set.
    from_scratch : bool
        Whether no training before this one set the weights. BatchNormalization then
        learns its statistics.
    is_warm : bool
        Whether training starts from the weights of an earlier fit of the estimator.
    folder : str or None
        Where outputs of frozen layers are kept on disk.
    scorer : callable or None
        Called with a loaded program and the validation set; returns the score that
        early stopping maximizes.
    one_epoch : bool
        Whether this is one epoch of `partial_fit`.
    optimizer_state : list of list of ndarray or None
        State of the optimizer to start from.
    adapt : callable or None
        Trains for a target domain, in place of plain fine-tuning. It gets the task
        and the stages, and gives a FitResult.
    nominal : sequence of int
        Columns of categories without an order.
    is_target : ndarray of shape (n_samples,), bool, or None
        Which samples are of the target, where that is known to a learner.
    """

    samples: Any
    head: Any
    backbone: Any
    frozen_depth: int
    order: str
    settings: Settings
    dtype: str
    rng: np.random.Generator
    observer: Any
    head_weights: tuple | None = None
    validation: Any = None
    from_scratch: bool = False
    is_warm: bool = False
    folder: str | None = None
    scorer: Any = None
    one_epoch: bool = False
    optimizer_state: list | None = None
    adapt: Any = None
    nominal: Any = ()
    is_target: np.ndarray | None = None

    @property
    def is_trained(self):
        """Whether the starting weights were trained, here or before."""
        return self.backbone.pretrained or self.is_warm

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class FitResult:
    """Everything that a learner gives.

    Attributes
    ----------
    backbone : Backbone
        What was trained, with the weights that it had before.
    weights : list of ndarray
        Of the whole backbone, after the fit.
    head : list of two ndarrays
        Kernel and bias, after the fit.
    history : list of dict
        One entry an epoch: stage, loss, accuracy, learning_rate, seconds and, with a
        validation set, val_loss, val_accuracy and val_score.
    best_score : float or None
        Greatest validation score, that of the weights that are kept.
    start_head : tuple of two ndarrays
        The head before the first gradient step: that of a probe, where there was one.
    optimizer_state : list of list of ndarray or None
        For one more epoch of the last stage.
    attributes : dict
        More fitted attributes of the estimator, without their underscore.
    predictor : object
        Computes outputs for new samples: ``predictor.logits(backbone, X, folder)``.
    """

    backbone: Any
    weights: list
    head: list
    history: list
    start_head: tuple
    best_score: float | None = None
    optimizer_state: list | None = None
    attributes: dict = field(default_factory=dict)
    predictor: Any = None

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)
