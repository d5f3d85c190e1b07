"""Parameters of every method: which values are refused, and the message."""

import numpy as np
import pytest
from domains import METHODS, make_adapted, method_of

from sktransfer.adaptation import CDAN, DANN, MCC, MCD, SHOT, TENT, Auto, LabelShift
from sktransfer.adaptation.registry import resolve_method

# Values that are refused, and words on those that are accepted.
ABOVE_0 = ([0, -1.0, np.inf, np.nan, "1", None], "a float in the range (0.0, inf)")
OR_MORE = ([-1, np.nan, np.inf, "1", None], "a float in the range [0.0, inf)")
A_FRACTION = ([-0.1, 1.5, np.nan, "1", None], "a float in the range [0.0, 1.0]")
A_COUNT = ([0, 2.5, "3", None], "an int in the range [1, inf)")
SIZES = ([8, (8, 0), (8.0,), "88", None], "each item an int in the range [1, inf)")
SWITCH = (["yes", 1, None], "bool")
PARAMETERS = {
    "adabn": {"trade_off": A_FRACTION},
    "auto": {
        "candidates": ([DANN(), "dann"], "'tuple', an instance of 'list' or None"),
        "members": ([DANN(), "dann"], "'tuple', an instance of 'list' or None"),
        "margin": OR_MORE,
    },
    "cdan": {"entropy_weighting": SWITCH, "hidden_units": SIZES},
    "dann": {"hidden_units": SIZES},
    "deep_jdot": {"alpha": OR_MORE, "beta": OR_MORE},
    "domain_standardize": {"trade_off": A_FRACTION, "guard": SWITCH},
    "ensemble": {
        "methods": ([DANN(), "dann"], "'tuple', an instance of 'list' or None"),
        "epochs": ([0, 2.5, "3"], "an int in the range [1, inf) or None"),
    },
    "label_shift": {
        "estimator": (["mle", None], "'bbse'"),
        "correct": (["both", None], "'predictions'"),
        "n_splits": ([1, 2.0, "3", None], "an int in the range [2, inf)"),
        "guard": SWITCH,
    },
    "mcc": {"temperature": ABOVE_0},
    "mcd": {"n_feature_steps": A_COUNT, "class_balance": OR_MORE},
    "mdd": {"gamma": ABOVE_0, "hidden_units": ([(8,), *A_COUNT[0]], A_COUNT[1])},
    "mme": {"temperature": ABOVE_0},
    "reweight": {"clip": ABOVE_0},
    "shot": {
        "beta": OR_MORE,
        "label_smoothing": ([-0.1, 1, None], "a float in the range [0.0, 1.0)"),
        "epochs": A_COUNT,
    },
    "stacking": {
        "method": (["dan", 3], "an instance of 'sktransfer.adaptation.base"),
        "epochs": ([0, 2.5, "3"], "an int in the range [1, inf) or None"),
    },
    "tent": {"epochs": A_COUNT},
}


@pytest.fixture
def rows():
    """X, y of 40 rows of a source."""
    return np.random.default_rng(0).normal(size=(40, 64)), np.arange(40) % 2


def fit(method, rows):
    estimator = make_adapted(method, epochs=1)
    estimator.fit(*rows, X_target=rows[0][:30])
    assert np.isfinite(estimator.loss_)


def refused(rows, method, *parts):
    with pytest.raises(ValueError, match="must be") as raised:
        make_adapted(method).fit(*rows)
    for part in parts:
        assert part in str(raised.value)


@pytest.mark.parametrize("name", METHODS)
def test_bad_values(rows, name):
    expected = {"trade_off": OR_MORE} | PARAMETERS.get(name, {})
    assert set(expected) == set(method_of(name).get_params())
    for parameter, (values, words) in expected.items():
        for value in values:
            method = method_of(name, **{parameter: value})
            named = f"The {parameter!r} parameter of {type(method).__name__} must be "
            refused(rows, method, named, words, f"Got {value!r} instead")


def test_candidates_are_checked_too(rows):
    method = Auto(candidates=[DANN(), MCC(temperature=0)])
    refused(rows, method, "The 'temperature' parameter of MCC", "Got 0 instead")


@pytest.mark.parametrize("candidates", [["dann"], [DANN]])
def test_candidates_are_methods(rows, candidates):
    with pytest.raises(TypeError, match="'candidates' parameter of Auto has") as raised:
        make_adapted(Auto(candidates=candidates)).fit(*rows)
    assert repr(candidates[0]) in str(raised.value)


def test_suggestion_of_an_option(rows):
    refused(rows, LabelShift(correct="prediction"), "Did you mean 'predictions'?")


def test_numbers_of_numpy_are_numbers(rows):
    """A search over np.arange sets them."""
    networks = [
        DANN(np.float32(0.5), hidden_units=[np.int64(8)]),
        CDAN(1, entropy_weighting=np.False_, hidden_units=()),
    ]
    for method in networks:
        assert resolve_method(method).build(4, np.int64(3), dtype="float32")
    assert len(resolve_method(MCD(n_feature_steps=np.int64(2))).phases()) == 4
    for method in (TENT(epochs=np.int64(1)), LabelShift(n_splits=np.int64(2))):
        assert resolve_method(method) is method
    fit(SHOT(label_smoothing=0, epochs=np.int64(1)), rows)


class Unchecked(MCC):
    """Method of a user, with a parameter without constraints."""

    def __init__(self, trade_off=1.0, *, temperature=2.5, kernel=None):
        super().__init__(trade_off, temperature=temperature)
        self.kernel = kernel


class Checked(Unchecked):
    _parameter_constraints = {"kernel": [callable, None]}


def test_parameters_of_user_defined_methods(rows):
    fit(Unchecked(kernel="rbf"), rows)
    for method in (Unchecked(-1), Checked(-1)):
        refused(rows, method, "The 'trade_off' parameter of", "Got -1 instead")
    method = Checked(kernel="rbf")
    refused(rows, method, "The 'kernel' parameter of Checked", "a callable or None")
