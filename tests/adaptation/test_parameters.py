"""Parameters of every method: which values are refused, and the message."""

import numpy as np
import pytest
from domains import METHODS, make_adapted, method_of

from sktransfer.adaptation import CDAN, DANN, MCC, MCD, SHOT, TENT, Auto, LabelShift
from sktransfer.adaptation.registry import resolve_method

# Values that are refused, and words on those that are accepted.
ABOVE_0 = ([0, -1.0, np.inf, np.nan, "1", None], "a float above 0")
OR_MORE = ([-1, np.nan, np.inf, "1", None], "a float of 0 or more")
A_FRACTION = ([-0.1, 1.5, np.nan, "1", None], "a float from 0 to 1")
A_COUNT = ([0, 2.5, "3", None], "an int of 1 or more")
SIZES = ([8, (8, 0), (8.0,), "88", None], "each item an int of 1 or more")
SWITCH = (["yes", 1, None], "bool")
PARAMETERS = {
    "adabn": {"trade_off": A_FRACTION},
    "auto": {
        "candidates": ([DANN(), ["dann"], [DANN]], "AdaptationMethod' or None"),
        "margin": OR_MORE,
    },
    "cdan": {"entropy_weighting": SWITCH, "hidden_units": SIZES},
    "dann": {"hidden_units": SIZES},
    "deep_jdot": {"alpha": OR_MORE, "beta": OR_MORE},
    "domain_standardize": {"trade_off": A_FRACTION, "guard": SWITCH},
    "label_shift": {
        "estimator": (["mle", None], "'bbse'"),
        "correct": (["both", None], "'predictions'"),
        "n_splits": ([1, 2.0, "3", None], "an int of 2 or more"),
        "guard": SWITCH,
    },
    "mcc": {"temperature": ABOVE_0},
    "mcd": {"n_feature_steps": A_COUNT},
    "mdd": {"gamma": ABOVE_0, "hidden_units": ([(8,), *A_COUNT[0]], A_COUNT[1])},
    "mme": {"temperature": ABOVE_0},
    "reweight": {"clip": ABOVE_0},
    "shot": {
        "beta": OR_MORE,
        "label_smoothing": ([-0.1, 1, None], "a float of 0 or more and below 1"),
        "epochs": A_COUNT,
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
    with pytest.raises(ValueError, match="expected") as raised:
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
            named = f"{parameter}={value!r} of method={method!r}; expected "
            refused(rows, method, named, words)


def test_candidates_are_checked_too(rows):
    method = Auto(candidates=[DANN(), MCC(temperature=0)])
    refused(rows, method, "temperature=0 of method=MCC(temperature=0)", "above 0")


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
        refused(rows, method, "trade_off=-1 of method=")
    method = Checked(kernel="rbf")
    refused(rows, method, "kernel='rbf' of method=Checked", "a callable or None")
