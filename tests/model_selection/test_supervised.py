import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
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


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, -1])
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


def mask_target(y, sample_domain, missing=-1):
    """Return labels in which all but 10 samples of the target have none."""
    masked = y.astype(object)
    labeled = np.flatnonzero(sample_domain < 0)[:10]
    masked[np.setdiff1d(np.flatnonzero(sample_domain < 0), labeled)] = missing
    return masked, labeled


def test_masked_labels_that_the_estimator_has_learned_as_a_class(rows):
    X, y, sample_domain = rows
    masked, labeled = mask_target(y, sample_domain)
    masked = masked.astype(int)
    model = LogisticRegression().fit(X, masked)
    assert -1 in model.classes_
    score = SupervisedScorer()(model, X, masked, sample_domain)
    assert score == model.score(X[labeled], y[labeled])


def test_minus_one_is_a_class_of_the_source(rows):
    X, y, sample_domain = rows
    y = y - 1
    source, target = sample_domain >= 0, sample_domain < 0
    model = LogisticRegression().fit(X[source], y[source])
    expected = model.score(X[target], y[target])
    assert SupervisedScorer()(model, X, y, sample_domain) == expected
    # Also if no sample of the source is among those that are scored.
    only_target = X[target], y[target], sample_domain[target]
    assert SupervisedScorer()(model, *only_target) == expected


def test_strings_beside_nan_in_a_list(rows):
    X, y, sample_domain = rows
    names = np.array(["a", "b", "c"])[y]
    masked, labeled = mask_target(names, sample_domain, np.nan)
    model = LogisticRegression().fit(X[sample_domain >= 0], names[sample_domain >= 0])
    score = SupervisedScorer()(model, X, masked.tolist(), sample_domain)
    assert score == model.score(X[labeled], names[labeled])
