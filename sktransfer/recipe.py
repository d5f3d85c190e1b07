"""Recipe: in which order, which weights, by which schedule a fit trains."""

import numbers

from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions

ORDERS = ("auto", "in_context", "linear_probe", "full", "lp_ft", "gradual")
TUNED = ("all", "bias", "norm", "first", "middle", "last", "lora")


class Recipe(BaseEstimator):
    r"""How a fit trains: the order of its stages, the weights that learn, the rates.

    For `recipe` of :class:`TransferClassifier` and :class:`DomainAdaptedClassifier`,
    where the name of an order is the same as a `Recipe` of that order. Its own
    parameters are searched over like those of any estimator, as ``recipe__tune``. They
    count in gradient steps: a linear probe is solved, and knows none of them.

    Parameters
    ----------
    order : str, default="auto"
        Order in which weights are trained: "auto", "in_context", "linear_probe",
        "full", "lp_ft" or "gradual"; see :class:`TransferClassifier`.
    tune : {"all", "bias", "norm", "first", "middle", "last", "lora"}, default="all"
        Which weights of the unfrozen layers learn; the head always does.

        - "all": all of them;
        - "bias": biases, and the shifts of normalization layers [1]_;
        - "norm": scales and shifts of normalization layers (batch, layer, group, RMS)
          [2]_; a pretrained network keeps its batch statistics all the same;
        - "first", "middle", "last": all weights of that third of the unfrozen weighted
          layers, counted from the input [3]_;
        - "lora": to each kernel a product of two factors is added, and they are what
          learns [4]_. Layers that Keras has no ``enable_lora`` for, biases, and kernels
          under a constraint stay as they are. The sum is what is kept, so ``backbone_``
          is an ordinary network.
    lora_rank : int, default=4
        Columns of the first factor; read with ``tune="lora"`` alone.
    schedule : {"constant", "cosine"}, default="constant"
        "cosine" lowers all learning rates along half a cosine, to 0 at the last of the
        planned steps [5]_, those of all epochs. It does not go with `partial_fit`,
        which plans none, or with a Keras schedule as `learning_rate`.
    warm_up : float, default=0.0
        Share of the planned steps over which the rates first rise from 0.
    probe_C : float, default=0.1
        Inverse strength of the L2 penalty of the linear probe, a logistic regression on
        features that are scaled to unit mean variance.
    mixup_alpha : float, default=0.0
        Above 0, each row of a batch is mixed with another one,
        :math:`\lambda x + (1 - \lambda) x'`, their labels likewise, with
        :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)` drawn for each row [6]_.
        Where layers are frozen it is their outputs that are mixed. It does not go with
        methods of adaptation that add a loss to gradient steps, or with
        ``backbone="tabular"``.

    See Also
    --------
    TransferClassifier : Takes a recipe.

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


def choose_recipe(recipe, backbone, learning_rate, *, in_context, partial):
    """Find the recipe of a fit, and check that it goes with what it is for.

    Parameters
    ----------
    recipe : str or Recipe
        As the user gave it.
    backbone, learning_rate
        Parameters of the estimator.
    in_context : bool
        Whether the backbone learns in context.
    partial : bool
        Whether this is a call of `partial_fit`.

    Returns
    -------
    Recipe
        A new one, whose order is not "auto".

    Raises
    ------
    ValueError
        When a parameter is not valid here.
    """
    recipe = Recipe(recipe) if isinstance(recipe, str) else clone(recipe)
    recipe.check_parameters()
    if recipe.order == "auto":
        recipe.order = "in_context" if in_context else "lp_ft"
    if recipe.order == "in_context" and not in_context:
        raise ValueError(
            f"recipe='in_context' goes with backbone='tabular'; with "
            f"backbone={backbone!r} expected one of {list(ORDERS[2:])}."
        )
    if recipe.mixup_alpha > 0 and in_context:
        raise ValueError(
            f"mixup_alpha={recipe.mixup_alpha!r} of the recipe does not go with "
            "backbone='tabular', whose rows are told by rows that are not mixed. Use "
            "mixup_alpha=0."
        )
    if recipe.schedule == "constant" and recipe.warm_up == 0:
        return recipe
    given = f"schedule={recipe.schedule!r} and warm_up={recipe.warm_up!r}"
    if callable(learning_rate):
        raise ValueError(
            f"{given} of the recipe do not go with a Keras schedule as learning_rate; "
            "write a float there, or leave them out."
        )
    if partial:
        raise ValueError(
            f"{given} of the recipe need to know how many steps there will be, which "
            "partial_fit does not. Use a Keras schedule as learning_rate."
        )
    return recipe
