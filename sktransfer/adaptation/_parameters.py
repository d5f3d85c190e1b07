"""Constraints on the parameters of methods: scikit-learn's, told in words."""

import numbers

from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    make_constraint,
)


class Number(Interval):
    """An interval, with a lower bound, that is told in words."""

    def __str__(self):
        kind = "an int" if self.type is numbers.Integral else "a float"
        if self.closed == "both":
            return f"{kind} from {self.left} to {self.right}"
        closed = self.closed == "left"
        lowest = f"of {self.left} or more" if closed else f"above {self.left}"
        below = "" if self.right is None else f" and below {self.right}"
        return f"{kind} {lowest}{below}"


class SequenceOf:
    """A tuple or list, perhaps an empty one, whose items satisfy one constraint."""

    def __init__(self, item):
        self.item = make_constraint(item)

    def is_satisfied_by(self, value):
        """Tell whether a value is one."""
        return isinstance(value, (tuple, list)) and all(
            map(self.item.is_satisfied_by, value)
        )

    def __str__(self):
        return f"a tuple or list, each item {self.item}"


POSITIVE = Number(numbers.Real, 0, None, closed="neither")
NOT_NEGATIVE = Number(numbers.Real, 0, None, closed="left")
SHARE = Number(numbers.Real, 0, 1, closed="both")
COUNT = Number(numbers.Integral, 1, None, closed="left")


def check_parameters(method):
    """Check those parameters of a method that its class has constraints for.

    Parameters
    ----------
    method : AdaptationMethod
        With ``_parameter_constraints``, a dict of lists as scikit-learn's estimators
        have it; :class:`SequenceOf` may be in it too.
    """
    for name, value in method.get_params(deep=False).items():
        constraints = method._parameter_constraints.get(name, "no_validation")
        if constraints == "no_validation":
            continue
        accepted = [
            constraint
            if isinstance(constraint, SequenceOf)
            else make_constraint(constraint)
            for constraint in constraints
        ]
        if not any(constraint.is_satisfied_by(value) for constraint in accepted):
            raise InvalidParameterError(
                f"{name}={value!r} of method={method!r}; expected "
                f"{' or '.join(map(str, accepted))}."
            )
