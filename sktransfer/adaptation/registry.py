"""From the name of an adaptation method to the method."""

import difflib

from sktransfer import adaptation
from sktransfer.adaptation.base import AdaptationMethod

CLASS_OF_NAME = {
    "auto": "Auto",
    "source_only": "SourceOnly",
    "deep_coral": "DeepCORAL",
    "dan": "DAN",
    "jan": "JAN",
    "dann": "DANN",
    "cdan": "CDAN",
    "mdd": "MDD",
    "mcd": "MCD",
    "deep_jdot": "DeepJDOT",
    "mcc": "MCC",
    "shot": "SHOT",
    "adabn": "AdaBN",
    "tent": "TENT",
    "mme": "MME",
    "reweight": "Reweight",
    "label_shift": "LabelShift",
    "domain_standardize": "DomainStandardize",
}


def resolve_method(method):
    """Find the method that a parameter means, and check its own parameters.

    Parameters
    ----------
    method : str or AdaptationMethod
        A name, or an object.

    Returns
    -------
    AdaptationMethod
    """
    if isinstance(method, str):
        if method not in CLASS_OF_NAME:
            close = difflib.get_close_matches(method.lower(), CLASS_OF_NAME, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"method={method!r} is not known.{hint} Accepted: "
                f"{sorted(CLASS_OF_NAME)} or an object of sktransfer.adaptation."
            )
        return getattr(adaptation, CLASS_OF_NAME[method])()
    if not isinstance(method, AdaptationMethod):
        raise TypeError(
            f"method={method!r} is of type {type(method).__name__}; expected a name of "
            f"{sorted(CLASS_OF_NAME)} or an object of a subclass of "
            "sktransfer.adaptation.AdaptationMethod."
        )
    method._validate_params()
    return method
