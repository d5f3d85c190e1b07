import numpy as np
import pytest
from sklearn.metrics import f1_score

from sktransfer.model_selection import SupervisedScorer


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_accuracy_on_the_target(scoring, model, rows):
    X, y, sample_domain = rows
    right = [
        model.predict([row])[0] == label
        for row, label, domain in zip(X, y, sample_domain, strict=True)
        if domain < 0
    ]
    score = SupervisedScorer(scoring)(model, *rows)
    assert score == pytest.approx(sum(right) / len(right))


def test_scoring(model, rows):
    X, y, sample_domain = rows
    target = sample_domain < 0
    expected = f1_score(y[target], model.predict(X[target]), average="macro")
    assert SupervisedScorer("f1_macro")(model, *rows) == pytest.approx(expected)

    def scorer(estimator, X, y):
        return len(X)

    assert SupervisedScorer(scorer)(model, *rows) == target.sum()


@pytest.mark.parametrize("missing", [None, np.nan])
def test_unlabeled_rows_are_left_out(missing, model, rows):
    X, y, sample_domain = rows
    labeled = np.flatnonzero(sample_domain < 0)[:10]
    partly = np.full(150, missing, dtype=object)
    partly[labeled] = y[labeled]
    score = SupervisedScorer()(model, X, partly, sample_domain)
    assert score == model.score(X[labeled], y[labeled])


def test_no_labels(model, rows):
    X, _, sample_domain = rows
    with pytest.raises(ValueError, match=r"all 70 labels are.*InfoMaxScorer"):
        SupervisedScorer()(model, X, np.full(150, np.nan), sample_domain)
    with pytest.raises(ValueError, match="needs y"):
        SupervisedScorer()(model, X, None, sample_domain)
