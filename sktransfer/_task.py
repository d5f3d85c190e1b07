"""The task of a fit, which a learner gets, and the result, which it returns."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Settings:
    """Parameters of training, documented by the estimator and its recipe.

    `scoring` is "loss", "accuracy", or "scorer", which uses the scorer of the task.
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
    """Everything that a learner needs to fit a model.

    Attributes
    ----------
    samples : Samples
        Training set; y has the targets of the head.
    head : ClassHead or MultilabelHead
        Kind of the outputs.
    backbone : Backbone
        Network that training starts from.
    frozen_depth : int
        Number of frozen layers with weights.
    order : str
        Order of the recipe: "linear_probe", "full", "lp_ft", "gradual" or
        "in_context".
    settings : Settings
        Parameters of training.
    dtype : str
        Floating-point type of all computations.
    rng : numpy.random.Generator
        Random generator of the fit.
    observer : Observer
        Receives the results of each epoch.
    head_weights : tuple of two ndarrays or None
        Kernel and bias to start from. None starts from a new head.
    validation : Samples or None
        Validation set; y has the targets of the head.
    from_scratch : bool
        Whether the weights were never trained. BatchNormalization then learns its
        statistics.
    is_warm : bool
        Whether training starts from the weights of an earlier fit of the estimator.
    folder : str or None
        Folder that keeps outputs of frozen layers.
    scorer : callable or None
        Called with a loaded program and the validation set. Returns the score that
        early stopping maximizes.
    one_epoch : bool
        Whether `partial_fit` was called, which trains for one epoch.
    start_weights : list of ndarray or None
        Weights of the backbone and of the head before the first gradient step of the
        earlier fit that training continues. None if this is the first fit.
    optimizer_state : list of list of ndarray or None
        State of the optimizer to start from. None is a new optimizer.
    adapt : callable or None
        Adapts the network to a target domain. Called with the task and the stages of
        the recipe; returns a FitResult. None is plain fine-tuning.
    nominal : sequence of int
        Columns with categories that have no order.
    is_target : ndarray of shape (n_samples,), bool, or None
        Which labeled samples are of the target. None if none of them is.
    n_estimators : int or None
        Least number of views of a network that learns in context. None is its default.
    softmax_temperature : float or None
        Divides the class scores of a network that learns in context. None is its
        default.
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
    start_weights: list | None = None
    optimizer_state: list | None = None
    adapt: Any = None
    nominal: Any = ()
    is_target: np.ndarray | None = None
    n_estimators: int | None = None
    softmax_temperature: float | None = None

    @property
    def is_trained(self):
        """Whether the weights at the start are trained ones."""
        return self.backbone.pretrained or self.is_warm

    @property
    def trained(self):
        """What is trained; a fit that trains the same keeps the optimizer's state."""
        settings, is_layerwise = self.settings, self.settings.layer_decay != 1
        weights = self.frozen_depth, settings.tune, settings.lora_rank, is_layerwise
        return settings.optimizer, self.dtype, *weights

    def start(self, head):
        """Return `start_weights`, or the weights of the backbone and of a head."""
        return list(self.start_weights or (*self.backbone.weights, *head))

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class FitResult:
    """Everything that a learner returns.

    Attributes
    ----------
    backbone : Backbone
        The network with its weights before the fit. It may have another architecture
        than the network of the task.
    weights : list of ndarray
        Weights of the whole backbone after the fit.
    head : list of two ndarrays
        Kernel and bias after the fit.
    history : list of dict
        One entry for each epoch: stage, loss, accuracy, learning_rate, seconds and,
        with a validation set, val_loss, val_accuracy and val_score.
    start_weights : list of ndarray
        Weights of `backbone` and of the head before the first gradient step, also of
        earlier fits that this one continues. After a linear probe, the head is that of
        the probe.
    best_score : float or None
        Highest validation score: that of the weights that are kept.
    optimizer_state : list of list of ndarray or None
        State of the optimizer after the last stage.
    attributes : dict
        Other fitted attributes of the estimator, by name without underscore.
    predictor : object
        Computes the logits of samples: ``predictor.logits(backbone, X, folder)`` with
        ``X = predictor.prepare(backbone, X)``.
    """

    backbone: Any
    weights: list
    head: list
    history: list
    start_weights: list
    best_score: float | None = None
    optimizer_state: list | None = None
    attributes: dict = field(default_factory=dict)
    predictor: Any = None

    def replace(self, **changes):
        """Return a copy with some attributes replaced."""
        return replace(self, **changes)
