"""Error messages that suggest the name that was probably meant."""

import difflib
import functools
import inspect
import re

from sklearn.utils._param_validation import InvalidParameterError, StrOptions

# Names in other packages of parameters that the estimators have.
_OTHER_NAMES = {
    "lr": "learning_rate",
    "max_iter": "epochs",
    "model": "backbone",
    "patience": "n_iter_no_change",
    "seed": "random_state",
    "eval_set": "X_val",
    "validation_data": "X_val",
}


def did_you_mean(name, known, cutoff=0.6):
    """Suggest the known name that is most like an unknown one.

    Parameters
    ----------
    name : str
        Unknown name. Case, spaces, hyphens, underscores and British spelling do not
        count.
    known : iterable of str
        Accepted names.
    cutoff : float, default=0.6
        Least similarity, from 0 to 1.

    Returns
    -------
    str
        " Did you mean 'name'?", or "" where no known name is similar.
    """
    by_plain_name = {_plain(other): other for other in known}
    close = difflib.get_close_matches(_plain(str(name)), by_plain_name, 1, cutoff)
    return f" Did you mean {by_plain_name[close[0]]!r}?" if close else ""


def _plain(name):
    return re.sub(r"[-_\s]", "", name.lower()).replace("ise", "ize")


def suggest_keywords(method):
    """Make a method say which keyword was probably meant, for an unknown one.

    The message of Python names the base class that has the method, not the class that
    was called. The signature stays the same.

    Parameters
    ----------
    method : function
        Method without ``**kwargs``, also ``__init__``.

    Returns
    -------
    function
    """
    parameters = list(inspect.signature(method).parameters.values())[1:]
    known = [parameter.name for parameter in parameters]
    positional = [p.name for p in parameters if p.kind != p.KEYWORD_ONLY]

    @functools.wraps(method)
    def checked(self, *args, **kwargs):
        for keyword in kwargs:
            if keyword not in known:
                raise TypeError(_unknown_keyword(self, method.__name__, keyword, known))
        if len(args) > len(positional):
            name = _call_name(self, method.__name__)
            raise TypeError(
                f"{name} got {len(args)} arguments without a name; expected at most "
                f"{len(positional)}: {', '.join(positional)}. Pass the others by name."
            )
        return method(self, *args, **kwargs)

    return checked


def _call_name(estimator, method):
    """Return what a user writes to call a method."""
    name = type(estimator).__name__
    return name if method == "__init__" else f"{name}.{method}"


def _unknown_keyword(estimator, method, keyword, known):
    """Return the message for an unknown keyword of a method."""
    message = f"{_call_name(estimator, method)} has no parameter {keyword!r}."
    if method != "__init__":
        if keyword in ("sample_domain", "X_target"):
            return f"{message} DomainAdaptedClassifier.fit has it."
        if keyword in estimator.get_params(deep=False):
            name = type(estimator).__name__
            return f"{message} It is one of the estimator: {name}({keyword}=...)."
    meant = _OTHER_NAMES.get(keyword)
    if meant in known:
        return f"{message} Did you mean {meant!r}?"
    hint = did_you_mean(keyword, known)
    return f"{message}{hint}" if hint else f"{message} It has {', '.join(known)}."


class SuggestingMixin:
    """Estimator whose checks of parameters suggest the option that was meant."""

    def _validate_params(self):
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            hint = _suggest_option(
                str(error), self._parameter_constraints, self.get_params(False)
            )
            raise InvalidParameterError(f"{error}{hint}") from None


def _suggest_option(message, constraints, parameters):
    """Suggest an option for the parameter that an error message of scikit-learn names.

    Other parameters may be wrong too, but the message is not about them.
    """
    named = re.match(r"The '(\w+)' parameter of", message)
    name = named[1] if named else None
    value, allowed = parameters.get(name), constraints.get(name, ())
    for options in allowed if isinstance(value, str) else ():
        if isinstance(options, StrOptions):
            return did_you_mean(value, sorted(options.options))
    return ""
