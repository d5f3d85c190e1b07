"""Constraints that methods share, as in scikit-learn."""

import numbers

from sklearn.utils._param_validation import Interval

POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
FRACTION = Interval(numbers.Real, 0, 1, closed="both")
COUNT = Interval(numbers.Integral, 1, None, closed="left")


class _SequenceOf(Interval):
    """Tuple or list, empty or not, whose items are in an interval."""

    def is_satisfied_by(self, val):
        """Check a value."""
        return isinstance(val, (tuple, list)) and all(map(super().is_satisfied_by, val))

    def __str__(self):
        return f"a tuple or list, each item {super().__str__()}"


COUNTS = _SequenceOf(numbers.Integral, 1, None, closed="left")


def check_methods(owner, name, methods):
    """Check the parameters of methods that are a parameter of another method.

    Parameters
    ----------
    owner : AdaptationMethod
        Method with the parameter.
    name : str
        Name of the parameter.
    methods : sequence or None
        Its value.

    Raises
    ------
    TypeError, ValueError
        If an item is no method, or has a parameter that is not valid.
    """
    # A method cannot be imported before this module.
    from sktransfer.adaptation.base import AdaptationMethod

    for method in methods or ():
        if not isinstance(method, AdaptationMethod):
            raise TypeError(
                f"The {name!r} parameter of {type(owner).__name__} has {method!r}; "
                "expected objects of sktransfer.adaptation, such as DAN()."
            )
        method.check_parameters()
