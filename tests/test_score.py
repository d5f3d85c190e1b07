"""The accuracy leaves out samples without a label."""

import numpy as np
import pandas as pd
import pytest

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer.datasets import make_shifted_classification

X, Y, DOMAIN = make_shifted_classification(random_state=0)
IS_TARGET = DOMAIN < 0


@pytest.fixture(scope="module", params=[TransferClassifier, DomainAdaptedClassifier])
def fitted(request):
    clf = request.param("mlp", epochs=3, random_state=0)
    options = {"sample_domain": DOMAIN} if hasattr(clf, "method") else {}
    return clf.fit(X, Y, **options)


@pytest.mark.parametrize(
    "y",
    [
        np.where(IS_TARGET, -1, Y),
        np.where(IS_TARGET, np.nan, Y),
        np.where(IS_TARGET, None, Y),
        pd.Series(np.where(IS_TARGET, pd.NA, Y), dtype="Int64"),
        [None if target else label for target, label in zip(IS_TARGET, Y, strict=True)],
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_samples_without_a_label_are_left_out(fitted, y):
    expected = fitted.score(X[~IS_TARGET], Y[~IS_TARGET])
    assert fitted.score(X, y) == expected
    weight = np.where(np.arange(len(X)) % 2, 1.0, 2.0)
    assert fitted.score(X, y, weight) == fitted.score(
        X[~IS_TARGET], Y[~IS_TARGET], weight[~IS_TARGET]
    )


def test_a_class_of_minus_1_and_no_labels(fitted):
    with pytest.raises(ValueError, match="y has no labels: all 5"):
        fitted.score(X[:5], np.full(5, -1))
    signed = TransferClassifier("mlp", epochs=2).fit(X, np.where(Y == 1, 1, -1))
    assert signed.score(X, np.full(len(X), -1)) == np.mean(signed.predict(X) == -1)
    names = TransferClassifier("mlp", epochs=2).fit(X, np.where(Y == 1, "1", "-1"))
    assert names.score(X, np.full(len(X), "-1")) == np.mean(names.predict(X) == "-1")
