"""Error messages that suggest the name that was probably meant."""

import difflib
import re

from sklearn.utils._param_validation import InvalidParameterError, StrOptions


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
