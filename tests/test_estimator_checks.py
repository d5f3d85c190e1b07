import os

import pytest
from networks import two_layers
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    TransferClassifier,
)

ROUNDING = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights and repeated rows are summed in another order, which differs by more "
        "than the check allows when numbers have 24 bits"
    )
}


def test_no_check_is_skipped_for_its_environment():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


CLASSIFIERS = (TransferClassifier, DomainAdaptedClassifier)


@parametrize_with_checks([cls(dtype="float64") for cls in CLASSIFIERS])
def test_default_float64(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [cls(backbone=two_layers, frozen_depth=1, dtype="float64") for cls in CLASSIFIERS]
)
def test_pretrained_float64(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [
        TransferClassifier("mlp"),
        DomainAdaptedClassifier(backbone=two_layers, frozen_depth=1),
    ],
    expected_failed_checks=lambda estimator: ROUNDING,
)
def test_float32(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        TransferClassifier(),
        TransferClassifier(two_layers, frozen_depth=1),
        DomainAdaptedClassifier(),
    ],
    expected_failed_checks=lambda estimator: ROUNDING,
)
def test_other_backbones_float32(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [BackboneFeatures(two_layers, dtype=dtype) for dtype in ("float32", "float64")]
)
def test_features(estimator, check):
    check(estimator)
