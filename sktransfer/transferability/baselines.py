"""The models that a transfer is compared with, by name."""

from dataclasses import dataclass

from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer._suggestions import did_you_mean
from sktransfer.adapted import DomainAdaptedClassifier
from sktransfer.classifier import TransferClassifier
from sktransfer.transferability._table_baselines import FewLabels, TableEncoder

TRANSFER_BASELINES = ("scratch", "linear_probe", "logistic", "hist_gradient_boosting")
ADAPTATION_BASELINES = ("source_only", "target_trained")

# Parameters that only make sense for pretrained weights are reset.
_FROM_SCRATCH = {
    "weights": None,
    "head": "new",
    "frozen_depth": None,
    "recipe": "full",
    "layer_decay": None,
    "l2_sp": None,
}


@dataclass(frozen=True)
class ComparedModel:
    """A model of the comparison, and the samples that it is fitted on.

    Attributes
    ----------
    name : str
        Name in the report.
    estimator : estimator
        Unfitted.
    uses_domains : bool
        Whether it is fitted on source and target samples, with `sample_domain`.
    uses_target : bool
        Whether it is fitted on target samples, and not on the source alone.
    decides_verdict : bool
        Whether the verdict over all baselines counts it. It does without what is
        evaluated: the pretrained weights, or the target samples.
    """

    name: str
    estimator: object
    uses_domains: bool = False
    uses_target: bool = True
    decides_verdict: bool = True


def find_networks(estimator):
    """Find the networks in an estimator: itself, or a step of a pipeline.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    dict
        Each TransferClassifier or DomainAdaptedClassifier, by the prefix of its
        parameters, such as "transferclassifier__".
    """
    kinds = (TransferClassifier, DomainAdaptedClassifier)
    if isinstance(estimator, kinds):
        return {"": estimator}
    return {
        f"{name}__": value
        for name, value in estimator.get_params().items()
        if isinstance(value, kinds)
    }


def is_pretrained(network):
    """Whether a network starts from pretrained weights."""
    backbone = network.backbone
    return not (
        network.weights is None
        or (isinstance(backbone, str) and backbone in ("mlp", "mlp_ensemble"))
        or getattr(backbone, "pretrained", True) is False
    )


def make_models(estimator, baselines, *, has_domains):
    """Make the models to compare: the estimator, then the baselines.

    Parameters
    ----------
    estimator : estimator
        The estimator that is evaluated.
    baselines : "auto", or a list of str, (str, estimator) or estimator
        See :func:`~sktransfer.transferability.transfer_report`.
    has_domains : bool
        Whether there are samples of a source.

    Returns
    -------
    list of ComparedModel

    Raises
    ------
    ValueError, TypeError
        When a baseline is unknown, or cannot be made from the estimator.
    """
    name = "adapted" if has_domains else "transfer"
    _check_classifier(estimator, "estimator")
    adapts = _uses_domains(estimator)
    if has_domains and not adapts:
        raise ValueError(
            "sample_domain needs a DomainAdaptedClassifier, perhaps in a Pipeline; got "
            f"estimator={estimator!r}. Use one, or pass the target samples alone."
        )
    if adapts and not has_domains:
        raise ValueError(
            "sample_domain=None; a DomainAdaptedClassifier needs samples of a source "
            "(0 or more) and of a target (less than 0)."
        )
    if isinstance(baselines, str) and baselines == "auto":
        baselines = ADAPTATION_BASELINES if has_domains else TRANSFER_BASELINES
    elif isinstance(baselines, str):
        baselines = [baselines]
    models = [ComparedModel(name, clone(estimator), uses_domains=has_domains)]
    for baseline in baselines:
        model = _make_model(baseline, estimator, has_domains)
        if model.name in {other.name for other in models}:
            raise ValueError(
                f"baselines has the name {model.name!r} twice, or it is the name of "
                "the estimator; use a pair (name, estimator) with another name."
            )
        models.append(model)
    if len(models) == 1:
        raise ValueError(f"baselines={baselines!r}; expected at least one.")
    return models


def _make_model(baseline, estimator, has_domains):
    if isinstance(baseline, str):
        name, model = baseline, _named_baseline(baseline, estimator, has_domains)
    else:
        name, model = type(baseline).__name__, baseline
        if isinstance(baseline, tuple):
            name, model = baseline
        _check_classifier(model, f"baselines, {name!r},")
    is_adapted = _uses_domains(model) and baseline not in ADAPTATION_BASELINES
    uses_domains = has_domains and is_adapted
    uses_target = uses_domains or not has_domains or baseline == "target_trained"
    uses_pretrained = any(map(is_pretrained, find_networks(model).values()))
    return ComparedModel(
        name,
        clone(model),
        uses_domains=uses_domains,
        uses_target=uses_target,
        decides_verdict=not (uses_target if has_domains else uses_pretrained),
    )


def _named_baseline(name, estimator, has_domains):
    """Return the estimator of a baseline."""
    names = TRANSFER_BASELINES + (ADAPTATION_BASELINES if has_domains else ())
    if name not in names:
        raise ValueError(
            f"baselines has {name!r}; expected {', '.join(map(repr, names))}, a pair "
            f"(name, estimator) or an estimator.{did_you_mean(name, names)}"
        )
    if name == "logistic":
        return make_pipeline(
            TableEncoder(one_hot=True),
            StandardScaler(),
            FewLabels(LogisticRegression(max_iter=1000)),
        )
    if name == "hist_gradient_boosting":
        # scikit-learn's 20 samples a leaf forbid any split of fewer than 40 samples.
        trees = HistGradientBoostingClassifier(min_samples_leaf=5)
        return make_pipeline(
            TableEncoder(), FewLabels(trees, counts=("min_samples_leaf",))
        )
    estimator = clone(estimator)
    networks = find_networks(estimator).values()
    if not networks:
        raise ValueError(
            f"baselines has {name!r}, which needs a TransferClassifier or a "
            "DomainAdaptedClassifier as estimator, perhaps in a Pipeline; got "
            f"estimator={estimator!r}. Use 'logistic', 'hist_gradient_boosting' or "
            "estimators as baselines."
        )
    if name == "scratch" and not any(map(is_pretrained, networks)):
        raise ValueError(
            "baselines has 'scratch', but the estimator itself starts from random "
            "weights. Use a pretrained backbone, such as backbone_ of an estimator "
            "fitted on the source, or remove 'scratch'."
        )
    for network in networks:
        if name == "scratch":
            network.set_params(**_random_start(network))
        elif name == "linear_probe":
            network.set_params(recipe="linear_probe")
        else:
            network.set_params(method="source_only", target_labels="ignore")
    return estimator


def _random_start(network):
    """Return the parameters with which a network starts from random weights."""
    backbone = network.backbone
    if isinstance(backbone, str) and backbone in ("auto", "tabular"):
        # With random weights, "tabular" does not learn in context.
        own = {"backbone": "mlp", "feature_layer": "auto"}
        # A subclass may have no such parameters.
        names = {"n_estimators", "softmax_temperature"}
        unused = names & network.get_params(deep=False).keys()
        return _FROM_SCRATCH | own | dict.fromkeys(unused)
    return _FROM_SCRATCH


def _uses_domains(estimator):
    networks = find_networks(estimator).values()
    return any(isinstance(network, DomainAdaptedClassifier) for network in networks)


def _check_classifier(estimator, parameter):
    if not hasattr(estimator, "fit") or isinstance(estimator, type):
        raise TypeError(
            f"{parameter} is {estimator!r}; expected a classifier with fit and predict."
        )
    if not is_classifier(estimator):
        raise ValueError(
            f"{parameter} is {estimator!r}, which is not a classifier; expected one, "
            "such as TransferClassifier."
        )
