"""Recipe: which weights a fit trains, in which order and with which schedule."""

import numbers

from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions

from sktransfer._suggestions import SuggestingMixin, suggest_keywords
from sktransfer.training.plan.stages import STAGES_OF_ORDER

ORDERS = ("auto", "in_context", *STAGES_OF_ORDER)
TUNED = ("all", "bias", "norm", "first", "middle", "last", "lora")


class Recipe(SuggestingMixin, BaseEstimator):
    r"""Which weights a fit trains, in which order and with which learning rates.

    For the parameter `recipe` of :class:`TransferClassifier` and
    :class:`DomainAdaptedClassifier`. There, the name of an order is a recipe with the
    defaults below; for "mlp_ensemble" with a `schedule` of "cosine" and a `warm_up` of
    0.1. A search can use the parameters of a recipe, as ``recipe__tune``. All
    parameters except `order` and `probe_C` apply to gradient steps only.

    Parameters
    ----------
    order : str, default="auto"
        Order in which weights are trained: "auto", "in_context", "linear_probe",
        "full", "lp_ft" or "gradual". See :class:`TransferClassifier`.
    tune : {"all", "bias", "norm", "first", "middle", "last", "lora"}, default="all"
        Which weights of the unfrozen layers are trained. The head is always trained.
        Fewer weights can help if there are few samples.

        - "all": all weights.
        - "bias": biases, and shifts of normalization layers [1]_.
        - "norm": scales and shifts of normalization layers (batch, layer, group, RMS)
          [2]_. The batch statistics of a pretrained network do not change.
        - "first", "middle", "last": all weights of one third of the unfrozen layers
          with weights, counted from the input [3]_.
        - "lora": low-rank updates, which are added to kernels [4]_. Biases, kernels
          with a constraint and layers without ``enable_lora`` in Keras are not trained.
          ``backbone_`` has the sums, so it is an ordinary network.
    lora_rank : int, default=4
        Rank of the updates of ``tune="lora"``. A greater rank trains more weights.
    schedule : {"constant", "cosine"}, default="constant"
        How the learning rates change. "constant" keeps them. "cosine" decreases them
        along half a cosine, to 0 in the last step of all epochs [5]_. `partial_fit` and
        a Keras schedule as `learning_rate` need "constant".
    warm_up : float, default=0.0
        Fraction of the steps of all epochs in which the learning rates increase from 0,
        in [0, 1). `partial_fit` and a Keras schedule need 0.
    probe_C : float, default=0.1
        Inverse strength of the L2 penalty of the linear probe, a logistic regression on
        features that are scaled to a mean variance of 1. A lower value is a stronger
        penalty.
    mixup_alpha : float, default=0.0
        Parameter of MixUp; 0 turns it off. Above 0, each sample of a batch is mixed
        with another one, :math:`\lambda x + (1 - \lambda) x'`, and so are their labels.
        :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)` is drawn for each sample
        [6]_. With frozen layers, their outputs are mixed. It needs 0 with
        ``backbone="tabular"`` and with adaptation methods that add a loss.

    See Also
    --------
    TransferClassifier : Fine-tunes a network by a recipe.

    References
    ----------
    .. [1] Ben Zaken, Ravfogel & Goldberg (2022). BitFit: Simple Parameter-efficient
       Fine-tuning for Transformer-based Masked Language-models. ACL. arXiv:2106.10199
    .. [2] Frankle, Schwab & Morcos (2021). Training BatchNorm and Only BatchNorm. ICLR.
       arXiv:2003.00152
    .. [3] Lee et al. (2023). Surgical Fine-Tuning Improves Adaptation to Distribution
       Shifts. ICLR. arXiv:2210.11466
    .. [4] Hu et al. (2022). LoRA: Low-Rank Adaptation of Large Language Models. ICLR.
       arXiv:2106.09685
    .. [5] Loshchilov & Hutter (2017). SGDR: Stochastic Gradient Descent with Warm
       Restarts. ICLR. arXiv:1608.03983
    .. [6] Zhang et al. (2018). mixup: Beyond Empirical Risk Minimization. ICLR.
       arXiv:1710.09412

    Examples
    --------
    >>> from sktransfer import Recipe, TransferClassifier
    >>> clf = TransferClassifier(recipe=Recipe("lp_ft", tune="bias"))
    >>> clf.set_params(recipe__schedule="cosine", recipe__warm_up=0.1).recipe
    Recipe(order='lp_ft', schedule='cosine', tune='bias', warm_up=0.1)
    """

    _parameter_constraints = {
        "order": [StrOptions(set(ORDERS))],
        "tune": [StrOptions(set(TUNED))],
        "lora_rank": [Interval(numbers.Integral, 1, None, closed="left")],
        "schedule": [StrOptions({"constant", "cosine"})],
        "warm_up": [Interval(numbers.Real, 0, 1, closed="left")],
        "probe_C": [Interval(numbers.Real, 0, None, closed="neither")],
        "mixup_alpha": [Interval(numbers.Real, 0, None, closed="left")],
    }

    @suggest_keywords
    def __init__(
        self,
        order="auto",
        *,
        tune="all",
        lora_rank=4,
        schedule="constant",
        warm_up=0.0,
        probe_C=0.1,
        mixup_alpha=0.0,
    ):
        self.order = order
        self.tune = tune
        self.lora_rank = lora_rank
        self.schedule = schedule
        self.warm_up = warm_up
        self.probe_C = probe_C
        self.mixup_alpha = mixup_alpha

    def check_parameters(self):
        """Raise ValueError when a parameter is not valid."""
        self._validate_params()


def choose_recipe(estimator, parameters, own_defaults, *, in_context, named, partial):
    """Resolve the recipe of a fit, and check it against the other parameters.

    Parameters
    ----------
    estimator : estimator
        Estimator with the parameters `recipe` and `backbone`.
    parameters : dict
        Values of the parameters of training in this fit.
    own_defaults : dict
        Values that suit the network; those of a Recipe are used if the user gave the
        name of an order, and not a Recipe.
    in_context : bool
        Whether the backbone learns in context.
    named : bool
        Whether the user named a parameter of training, which needs gradient steps.
    partial : bool
        Whether `partial_fit` was called.

    Returns
    -------
    Recipe
        A copy whose order is not "auto".

    Raises
    ------
    ValueError
        If a parameter is not valid, or not with the other parameters.
    """
    is_name = isinstance(estimator.recipe, str)
    recipe = Recipe(estimator.recipe) if is_name else clone(estimator.recipe)
    recipe.check_parameters()
    learning_rate = parameters["learning_rate"]
    if recipe.order == "auto":
        is_default = recipe.get_params() == Recipe().get_params()
        needs_steps = named or not is_default or not in_context
        recipe.order = "lp_ft" if needs_steps else "in_context"
    if is_name:
        names = recipe.get_params().keys() & own_defaults.keys()
        recipe.set_params(**{name: own_defaults[name] for name in names})
    if recipe.order == "in_context" and not in_context:
        raise ValueError(
            f"recipe='in_context' needs backbone='tabular'; with "
            f"backbone={estimator.backbone!r} expected one of {list(ORDERS[2:])}."
        )
    if recipe.mixup_alpha > 0 and in_context:
        raise ValueError(
            f"mixup_alpha={recipe.mixup_alpha!r} of the recipe is not supported with "
            "backbone='tabular', which compares samples that are not mixed. Use "
            "mixup_alpha=0."
        )
    if recipe.schedule == "constant" and recipe.warm_up == 0:
        return recipe
    parameters = f"schedule={recipe.schedule!r} and warm_up={recipe.warm_up!r}"
    if callable(learning_rate):
        raise ValueError(
            f"{parameters} of the recipe are not supported with a Keras schedule as "
            "learning_rate; expected a float. Use a float, or the default recipe."
        )
    if partial:
        raise ValueError(
            f"{parameters} of the recipe need the total number of steps, which "
            "partial_fit does not know. Use a Keras schedule as learning_rate."
        )
    return recipe
