"""Cases without a table: points in the plane, and digits."""

from dataclasses import replace
from functools import partial

from adaptation_cases.case import Case, Rows
from sktransfer.datasets import load_shifted_digits, make_shifted_classification

_TOYS = {
    "covariate": "other stretch of a wave",
    "label": "other shares of the classes",
    "concept": "classes moved towards each other",
    "subspace": "alike on a diagonal only",
    "moons": "half moons, turned",
}
_DIGITS = {
    "translated": "digits, moved and dimmed",
    "inverted": "digits, inverted",
    "rotated": "digits, rotated",
    "thickened": "digits, thickened",
}


def _toy(kind, seed):
    return Rows.from_domains(*make_shifted_classification(kind=kind, random_state=seed))


def _digits(kind, seed):
    return Rows.from_domains(*load_shifted_digits(kind, random_state=seed))


TOYS = {
    f"toy-{kind}": Case("toy", title, partial(_toy, kind), neighbors=True)
    for kind, title in _TOYS.items()
}
DIGITS = {
    f"digits-{kind}": Case(
        "digits", title, partial(_digits, kind), neighbors=kind == "translated"
    )
    for kind, title in _DIGITS.items()
}
CONVOLUTIONS = {
    f"convolution-{kind}": Case(
        "convolution", title, partial(_digits, kind), backbone="convolution"
    )
    for kind, title in _DIGITS.items()
}
# Adversaries need a greater learning rate than the default here.
CONVOLUTIONS["convolution-translated-fast"] = replace(
    CONVOLUTIONS["convolution-translated"],
    title="digits, moved and dimmed, at three times the learning rate",
    learning_rate=3e-3,
)
