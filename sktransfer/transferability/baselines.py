"""What a transfer is compared with: models by name, made from the estimator."""

import difflib
from dataclasses import dataclass

from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer._estimator import BaseTransferClassifier
from sktransfer.adapted import DomainAdaptedClassifier

TRANSFER_BASELINES = ("scratch", "linear_probe", "logistic", "hist_gradient_boosting")
ADAPTATION_BASELINES = ("source_only", "target_trained")

# What makes sense for pretrained weights alone would hold a fresh network back.
_FROM_SCRATCH = {
    "weights": None,
    "head": "new",
    "frozen_depth": 0,
    "recipe": "full",
    "layer_decay": 1.0,
    "l2_sp": 0.0,
}


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison, and what it is given.

    Attributes
    ----------
    name : str
    estimator : estimator
        Unfitted.
    takes_domains : bool
        Whether it is fitted on source and target, told apart by `sample_domain`.
    takes_target : bool
        Whether it is fitted on rows of the target, and not on the source's alone.
    is_rival : bool
        Whether the verdict over all baselines counts it: it has no part in what is
        judged, the source's weights or the target's rows.
    """

    name: str
    estimator: object
    takes_domains: bool = False
    takes_target: bool = True
    is_rival: bool = True

    @property
    def networks(self):
        """Prefix of the parameters of each network in it, and the network."""
        return networks(self.estimator)


def networks(estimator):
    """Find the networks in an estimator: itself, or a step of a pipeline.

    Parameters
    ----------
    estimator : estimator
        Of any kind.

    Returns
    -------
    dict
        From the prefix of its parameters, such as "transferclassifier__", to each
        TransferClassifier or DomainAdaptedClassifier.
    """
    if isinstance(estimator, BaseTransferClassifier):
        return {"": estimator}
    return {
        f"{name}__": value
        for name, value in estimator.get_params().items()
        if isinstance(value, BaseTransferClassifier)
    }


def is_pretrained(network):
    """Whether a network starts from weights that were learned before."""
    backbone = network.backbone
    return not (
        network.weights is None
        or (isinstance(backbone, str) and backbone == "mlp")
        or getattr(backbone, "pretrained", True) is False
    )


def make_contestants(estimator, baselines, *, has_domains):
    """Make the models to compare: the estimator, then the baselines.

    Parameters
    ----------
    estimator : estimator
        The one that is judged.
    baselines : "auto", or a list of str, (str, estimator) or estimator
        See :func:`~sktransfer.transferability.transfer_report`.
    has_domains : bool
        Whether there are rows of a source beside those of the target.

    Returns
    -------
    list of Contestant

    Raises
    ------
    ValueError, TypeError
        When an entry is unknown, or does not go with the estimator.
    """
    name = "adapted" if has_domains else "transfer"
    _check_classifier(estimator, "estimator")
    adapts = _takes_domains(estimator)
    if has_domains and not adapts:
        raise ValueError(
            f"sample_domain is for a DomainAdaptedClassifier; estimator={estimator!r} "
            "has none. Pass the target's rows alone."
        )
    if adapts and not has_domains:
        raise ValueError(
            "sample_domain=None; a DomainAdaptedClassifier needs rows of a source "
            "(0 or more) and of a target (less than 0)."
        )
    if isinstance(baselines, str):
        if baselines == "auto":
            baselines = ADAPTATION_BASELINES if has_domains else TRANSFER_BASELINES
        else:
            baselines = [baselines]
    made = [Contestant(name, clone(estimator), takes_domains=has_domains)]
    for entry in baselines:
        contestant = _make(entry, estimator, has_domains)
        if contestant.name in {known.name for known in made}:
            raise ValueError(
                f"baselines has the name {contestant.name!r} twice, or it is the "
                "estimator's; give another one in a pair (name, estimator)."
            )
        made.append(contestant)
    if len(made) == 1:
        raise ValueError(f"baselines={baselines!r}; expected at least one.")
    return made


def _make(entry, estimator, has_domains):
    if isinstance(entry, str):
        return _make_named(entry, estimator, has_domains)
    name, given = entry if isinstance(entry, tuple) else (type(entry).__name__, entry)
    _check_classifier(given, f"baselines, {name!r},")
    takes_domains = has_domains and _takes_domains(given)
    reuses = any(map(is_pretrained, networks(given).values()))
    return Contestant(
        name,
        clone(given),
        takes_domains=takes_domains,
        takes_target=takes_domains or not has_domains,
        is_rival=not (takes_domains if has_domains else reuses),
    )


def _make_named(name, estimator, has_domains):
    known = TRANSFER_BASELINES + (ADAPTATION_BASELINES if has_domains else ())
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"baselines has {name!r}; expected {', '.join(map(repr, known))}, a pair "
            f"(name, estimator) or an estimator.{hint}"
        )
    if name == "logistic":
        model = make_pipeline(
            SimpleImputer(keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        )
        return Contestant(name, model, takes_target=not has_domains)
    if name == "hist_gradient_boosting":
        # scikit-learn's 20 rows a leaf would forbid any split of fewer than 40 rows.
        model = HistGradientBoostingClassifier(min_samples_leaf=5)
        return Contestant(name, model, takes_target=not has_domains)
    found = networks(estimator)
    if not found:
        raise ValueError(
            f"baselines has {name!r}, which is the estimator with other parameters; "
            "it needs a TransferClassifier or DomainAdaptedClassifier, perhaps as a "
            f"step of a Pipeline, and estimator={estimator!r} has none. Use "
            "'logistic', 'hist_gradient_boosting' or estimators."
        )
    if name == "linear_probe":
        changed = _changed(estimator, found, lambda _: {"recipe": "linear_probe"})
        return Contestant(name, changed, takes_domains=has_domains, is_rival=False)
    if name == "scratch":
        if not any(map(is_pretrained, found.values())):
            raise ValueError(
                "baselines has 'scratch', but the estimator itself starts from random "
                "weights. Give it a pretrained backbone, such as backbone_ of an "
                "estimator fitted on the source, or leave 'scratch' out."
            )
        changed = _changed(estimator, found, _fresh)
        return Contestant(
            name, changed, takes_domains=has_domains, is_rival=not has_domains
        )
    source_only = {"method": "source_only", "target_labels": "ignore"}
    changed = _changed(estimator, found, lambda _: source_only)
    trained_on_target = name == "target_trained"
    return Contestant(
        name, changed, takes_target=trained_on_target, is_rival=not trained_on_target
    )


def _changed(estimator, found, parameters_of):
    """Copy an estimator with other parameters of its networks."""
    return clone(estimator).set_params(
        **{
            prefix + parameter: value
            for prefix, network in found.items()
            for parameter, value in parameters_of(network).items()
        }
    )


def _fresh(network):
    """Parameters that make a network start from random weights."""
    backbone = network.backbone
    if backbone == "tabular" if isinstance(backbone, str) else _is_mlp(backbone):
        # Untrained, the one learns nothing in context, and the other has lost the
        # means and variances by which it standardizes columns.
        return _FROM_SCRATCH | {"backbone": "mlp", "feature_layer": "auto"}
    return _FROM_SCRATCH


def _is_mlp(backbone):
    from sktransfer.backbones.backbone import Backbone
    from sktransfer.tables.by_steps import is_mlp

    return isinstance(backbone, Backbone) and is_mlp(backbone)


def _takes_domains(estimator):
    found = networks(estimator).values()
    return any(isinstance(network, DomainAdaptedClassifier) for network in found)


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
