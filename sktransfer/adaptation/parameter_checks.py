"""Constraints on the parameters of methods, as in scikit-learn."""

import numbers

from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    make_constraint,
)


class Number(Interval):
    """Interval with a lower bound, described in words in error messages."""

    def __str__(self):
        kind = "an int" if self.type is numbers.Integral else "a float"
        if self.closed == "both":
            return f"{kind} from {self.left} to {self.right}"
        closed = self.closed == "left"
        lower = f"of {self.left} or more" if closed else f"above {self.left}"
        upper = "" if self.right is None else f" and below {self.right}"
        return f"{kind} {lower}{upper}"


class SequenceOf:
    """Tuple or list, empty or not, whose items satisfy one constraint.

    Parameters
    ----------
    item : object
        Constraint on each item, as in ``_parameter_constraints``.
    """

    def __init__(self, item):
        self.item = make_constraint(item)

    def is_satisfied_by(self, value):
        """Check a value."""
        return isinstance(value, (tuple, list)) and all(
            map(self.item.is_satisfied_by, value)
        )

    def __str__(self):
        return f"a tuple or list, each item {self.item}"


POSITIVE = Number(numbers.Real, 0, None, closed="neither")
NON_NEGATIVE = Number(numbers.Real, 0, None, closed="left")
FRACTION = Number(numbers.Real, 0, 1, closed="both")
COUNT = Number(numbers.Integral, 1, None, closed="left")


def check_parameters(method, constraints):
    """Check the parameters of a method.

    Parameters
    ----------
    method : AdaptationMethod
        Its parameters without constraints are not checked.
    constraints : dict of list
        Constraints on each parameter: those of scikit-learn, or :class:`SequenceOf`.
        One of the list must be satisfied.
    """
    for name, value in method.get_params(deep=False).items():
        if name not in constraints:
            continue
        accepted = [
            constraint
            if isinstance(constraint, SequenceOf)
            else make_constraint(constraint)
            for constraint in constraints[name]
        ]
        if not any(constraint.is_satisfied_by(value) for constraint in accepted):
            raise InvalidParameterError(
                f"{name}={value!r} of method={method!r}; expected "
                f"{' or '.join(map(str, accepted))}."
            )
