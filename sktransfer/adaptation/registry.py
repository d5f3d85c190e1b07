"""Registry of the adaptation methods: one line for each."""

import importlib

from sktransfer._suggestions import did_you_mean

# Value of the parameter `method`: module in sktransfer.adaptation, and class.
METHODS = {
    "auto": ("default", "Auto"),
    "ensemble": ("methods.ensemble", "Ensemble"),
    "source_only": ("methods.source_only", "SourceOnly"),
    "deep_coral": ("methods.deep_coral", "DeepCORAL"),
    "dan": ("methods.dan", "DAN"),
    "jan": ("methods.jan", "JAN"),
    "dann": ("methods.dann", "DANN"),
    "cdan": ("methods.cdan", "CDAN"),
    "mdd": ("methods.mdd", "MDD"),
    "mcd": ("methods.mcd", "MCD"),
    "deep_jdot": ("methods.deep_jdot", "DeepJDOT"),
    "mcc": ("methods.mcc", "MCC"),
    "shot": ("methods.shot", "SHOT"),
    "adabn": ("methods.adabn", "AdaBN"),
    "tent": ("methods.tent", "TENT"),
    "mme": ("methods.mme", "MME"),
    "stacking": ("methods.stacking", "Stacking"),
    "reweight": ("methods.reweight", "Reweight"),
    "label_shift": ("methods.label_shift", "LabelShift"),
    "domain_standardize": ("methods.domain_standardize", "DomainStandardize"),
}
# Public classes of sktransfer.adaptation: the methods, and what they are written with.
MODULE_OF_CLASS = {name: module for module, name in METHODS.values()} | dict.fromkeys(
    ("AdaptationMethod", "DomainBatch", "Phase"), "base"
)


def method_class(name):
    """Load the class of a method.

    Parameters
    ----------
    name : str
        Key of :data:`METHODS`.

    Returns
    -------
    type
        Subclass of AdaptationMethod.
    """
    module, class_name = METHODS[name]
    module = importlib.import_module(f"sktransfer.adaptation.{module}")
    return getattr(module, class_name)


def resolve_method(method):
    """Turn the parameter `method` of an estimator into a method, and check it.

    Parameters
    ----------
    method : str or AdaptationMethod
        Name or object.

    Returns
    -------
    AdaptationMethod
        Its own parameters are valid.
    """
    from sktransfer.adaptation.base import AdaptationMethod

    if isinstance(method, str):
        if method not in METHODS:
            raise ValueError(
                f"method={method!r} is not known.{did_you_mean(method, METHODS)} "
                f"Accepted: {sorted(METHODS)} or an object of sktransfer.adaptation."
            )
        method = method_class(method)()
    if not isinstance(method, AdaptationMethod):
        raise TypeError(
            f"method={method!r} is of type {type(method).__name__}; expected a name of "
            f"{sorted(METHODS)} or an object of a subclass of "
            "sktransfer.adaptation.AdaptationMethod."
        )
    method.check_parameters()
    return method
