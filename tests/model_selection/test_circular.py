import numpy as np
import pytest
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from source_only import SourceOnly

from sktransfer.model_selection import CircularValidation


def balanced_accuracy(y, predicted):
    recalls = [np.mean(predicted[y == label] == label) for label in np.unique(y)]
    return sum(recalls) / len(recalls)


def there_and_back(forward, backward, X, sample_domain):
    source, target = X[sample_domain >= 0], X[sample_domain < 0]
    return backward.fit(target, forward.predict(target)).predict(source)


def test_clone_of_the_estimator(model, rows):
    X, y, sample_domain = rows
    back = there_and_back(model, LogisticRegression(), X, sample_domain)
    expected = balanced_accuracy(y[sample_domain >= 0], back)
    assert CircularValidation()(model, *rows) == pytest.approx(expected)
    assert 0.4 < expected < 1


def test_given_estimator_and_metric(model, rows):
    X, y, sample_domain = rows
    back = there_and_back(model, GaussianNB(), X, sample_domain)
    given = GaussianNB()
    scorer = CircularValidation(estimator=given, metric=accuracy_score)
    assert scorer(model, *rows) == np.mean(back == y[sample_domain >= 0])
    assert not hasattr(given, "classes_")


def test_the_scored_estimator_is_left_as_it_is(model, rows):
    before = model.coef_.copy()
    CircularValidation()(model, *rows)
    np.testing.assert_array_equal(model.coef_, before)


class Recorder(SourceOnly):
    """Remember what fit got."""

    calls = []

    def fit(self, X, y, sample_domain=None):
        self.calls.append((X, y, sample_domain))
        return super().fit(X, y, sample_domain=sample_domain)


@pytest.mark.parametrize("labels", [[0, 1, 2], [-1, 1, 2], ["a", "b", "c"]])
@pytest.mark.parametrize("routed", [True, False])
@pytest.mark.parametrize("in_pipeline", [True, False])
def test_estimator_that_takes_domains_gets_them_swapped(
    labels, routed, in_pipeline, rows
):
    X, y, sample_domain = rows
    y, source = np.array(labels)[y], sample_domain >= 0
    estimator = Recorder()
    estimator.fit(X, y, sample_domain=sample_domain)
    if in_pipeline:
        scaler = StandardScaler(with_mean=False, with_std=False).fit(X)
        estimator = make_pipeline(scaler, estimator)
    Recorder.calls.clear()
    with sklearn.config_context(enable_metadata_routing=routed):
        score = CircularValidation()(estimator, X, y, sample_domain)
    ((X_back, y_back, domains),) = Recorder.calls
    np.testing.assert_array_equal(X_back, X)
    np.testing.assert_array_equal(domains[sample_domain == 0], -1)
    np.testing.assert_array_equal(domains[sample_domain == 1], -2)
    np.testing.assert_array_equal(domains[sample_domain == -1], 0)
    np.testing.assert_array_equal(y_back[~source], estimator.predict(X[~source]))
    assert all(label is None or label != label for label in y_back[source])
    back = there_and_back(estimator, LogisticRegression(), X, sample_domain)
    assert score == pytest.approx(balanced_accuracy(y[source], back))


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"]])
def test_one_predicted_class_is_the_prediction_for_the_source(labels, rows):
    X, y, sample_domain = rows
    y = np.array(labels)[y]
    constant = DummyClassifier(strategy="constant", constant=labels[1]).fit(X, y)
    score = CircularValidation()(constant, X, y, sample_domain)
    assert score == pytest.approx(1 / 3)
