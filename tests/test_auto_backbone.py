"""`backbone="auto"` chooses one of the networks for tables."""

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV

from sktransfer import DomainAdaptedClassifier, Recipe, TransferClassifier
from sktransfer._auto_backbone import _choices
from sktransfer._inputs.columns import TableColumns
from sktransfer.exceptions import BackboneError
from sktransfer.learners.choose import read_source
from sktransfer.training.store.samples import Samples


def auto(**parameters):
    return TransferClassifier(random_state=0, **parameters)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500], y[:500]


@pytest.fixture(scope="module")
def smooth():
    """A weak signal in two of ten columns: the prior of the table network."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    return X, (X[:, 0] + X[:, 1] + rng.normal(size=200) > 0).astype(int)


def test_it_is_the_default(iris):
    assert TransferClassifier().backbone == "auto"
    assert DomainAdaptedClassifier().backbone == "mlp"
    fitted = auto().fit(*iris)
    named = TransferClassifier("tabular", random_state=0).fit(*iris)
    assert fitted.backbone_.learns_in_context
    X, _ = iris
    np.testing.assert_array_equal(fitted.predict_proba(X), named.predict_proba(X))


def test_the_lower_log_loss_decides(digits, smooth, capsys):
    by_steps = auto(verbose=1).fit(*digits)
    assert by_steps.backbone_.name == "mlp"
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("backbone='auto' is 'mlp' in this fit: on 121 samples held")
    assert "with 'tabular', 0." in line
    assert line.endswith("with 'mlp'.")
    in_context = auto(verbose=1).fit(*smooth)
    assert in_context.backbone_.learns_in_context
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("backbone='auto' is 'tabular' in this fit: on 49 samples")
    # The fit after the choice is that of the named network, with all samples.
    X, y = digits
    named = TransferClassifier("mlp", random_state=0).fit(X, y)
    np.testing.assert_array_equal(by_steps.predict_proba(X), named.predict_proba(X))


def test_the_choice_is_made_once_for_equal_samples(digits, monkeypatch):
    from sktransfer import _auto_backbone

    calls = []
    original = _auto_backbone.AutoBackboneMixin._loss_of

    def counted(self, *args):
        calls.append(args)
        return original(self, *args)

    monkeypatch.setattr(_auto_backbone.AutoBackboneMixin, "_loss_of", counted)
    _choices.clear()
    X, y = digits
    auto(epochs=1).fit(X, y)
    assert len(calls) == 3
    # Neither other parameters, nor another order or unit of samples matter.
    auto(epochs=2, learning_rate=1e-4).fit(X[::-1] * 8, y[::-1])
    assert len(calls) == 3
    auto(epochs=1).fit(X[1:], y[1:])
    assert len(calls) == 6


def test_a_weight_of_two_is_a_row_twice(smooth, monkeypatch):
    """No row is held aside whose copy is trained on."""
    from sktransfer import _auto_backbone

    parts = []

    def losses(self, candidates, train, held, columns):
        parts.append(
            [(part.X[part.index], part.sample_weight) for part in (train, held)]
        )
        return [0.0, 1.0, 1.0]

    monkeypatch.setattr(_auto_backbone.AutoBackboneMixin, "_losses", losses)
    X, y = smooth
    twice = np.r_[np.arange(len(X)), np.arange(0, len(X), 2)]
    weight = np.ones(len(X))
    weight[::2] = 2
    _choices.clear()
    auto().fit(X, y, sample_weight=weight)
    auto().fit(X[twice], y[twice])
    for weighted, repeated in zip(*parts, strict=True):
        values, sums = weighted
        rows, counts = np.unique(repeated[0], axis=0, return_counts=True)
        order = np.lexsort(values.T[::-1])
        np.testing.assert_array_equal(values[order], rows)
        np.testing.assert_array_equal(sums[order], counts)
    (train, _), (held, _) = parts[1]
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in held}


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"frozen_depth": 2}, "tabular"),
        ({"frozen_depth": "all"}, "tabular"),
        ({"recipe": "lp_ft"}, "tabular"),
        ({"recipe": "in_context"}, "tabular"),
        ({"recipe": Recipe(tune="bias")}, "tabular"),
        ({"l2_sp": 0.1}, "tabular"),
        ({"layer_decay": 0.5}, "tabular"),
        ({"recipe": Recipe(mixup_alpha=0.2)}, "mlp_ensemble"),
        ({"weights": None}, "mlp_ensemble"),
        ({"frozen_depth": 0}, "mlp"),
        ({"recipe": "full"}, "mlp"),
        ({"learning_rate": 1e-2}, "mlp"),
    ],
)
def test_parameters_that_leave_no_choice(digits, parameters, name):
    X, y = digits
    samples = Samples(X, np.arange(len(X)), y, np.ones(len(X)))
    estimator = auto(**parameters)
    estimator._columns = TableColumns(X)
    source = estimator._choose_source(read_source("auto"), samples)
    assert source.backbone == name


def test_several_labels_and_parts_are_trained_by_steps(smooth, iris):
    X, y = smooth
    labels = np.column_stack([y, 1 - y, X[:, 0] > 0]).astype(int)
    fitted = auto(epochs=2).fit(X, labels)
    assert fitted.backbone_.name == "mlp_ensemble"
    assert fitted.predict(X).shape == labels.shape
    part = auto().partial_fit(*iris, classes=[0, 1, 2])
    assert part.backbone_.name == "mlp"
    adapted = DomainAdaptedClassifier("auto", method="source_only", epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert adapted.fit(*iris).backbone_.name == "mlp"


@pytest.mark.parametrize("shape", [(20, 8, 8, 3), (20, 16, 4)])
def test_images_and_sequences_need_a_name(shape):
    with pytest.raises(
        ValueError, match=r"'auto' is for tables.*backbone='MobileNetV2'"
    ):
        auto().fit(np.zeros(shape), np.arange(20) % 2)


def test_options_of_a_named_network(iris):
    with pytest.raises(BackboneError, match="preprocess='MobileNetV2' needs a network"):
        auto(preprocess="MobileNetV2").fit(*iris)


def test_frames_with_categories_and_gaps():
    rng = np.random.default_rng(0)
    color = rng.choice(["red", "green", "blue"], 300)
    amount = rng.normal(size=300)
    amount[::5] = np.nan
    X, y = pd.DataFrame({"amount": amount, "color": color}), color == "red"
    assert auto().fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.95


def test_named_parameters_fine_tune_the_table_network(iris):
    X, y = iris
    X_train, y_train = X[::2], y[::2]
    plain = auto().fit(X_train, y_train)
    tuned = auto(learning_rate=1e-2).fit(X_train, y_train)
    assert tuned.backbone_.learns_in_context
    assert tuned.history_["stage"] == ["fine_tune"] * 5
    assert not np.array_equal(tuned.predict_proba(X), plain.predict_proba(X))
    # Nothing guards against a bad rate: a search is to judge it.
    spoilt = auto(learning_rate=0.5).fit(X_train, y_train)
    assert spoilt.score(X, y) < 0.9


def test_the_grid_of_the_first_example_does_something(iris):
    grid = {"learning_rate": [1e-4, 1e-1], "frozen_depth": [0, "all"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(auto(), grid, cv=2, scoring="neg_log_loss").fit(*iris)
    scores = search.cv_results_["mean_test_score"]
    assert len(np.unique(scores)) == 4
    assert search.score(*iris) > -0.2


@pytest.mark.parametrize(
    ("shape", "n_classes", "part"),
    [
        ((1100, 3), 2, "1024 samples in each of its views; there are 1100"),
        ((30, 1600), 2, "1536 columns; there are 1600"),
        ((60, 3), 12, "10 classes at a time; there are 12"),
    ],
)
def test_who_names_the_table_network_hears_its_limits(shape, n_classes, part):
    X = np.random.default_rng(0).normal(size=shape)
    y = np.arange(len(X)) % n_classes
    with pytest.warns(UserWarning, match=part) as caught:
        TransferClassifier("tabular").fit(X, y)
    (message,) = [str(w.message) for w in caught if "at most" in str(w.message)]
    assert "backbone='mlp_ensemble' uses all" in message


def test_a_validation_set_means_early_stopping(smooth):
    X, y = smooth
    fitted = TransferClassifier("mlp", random_state=0).fit(
        X[:150], y[:150], X_val=X[150:], y_val=y[150:]
    )
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    with pytest.raises(ValueError, match="early_stopping=False"):
        TransferClassifier("mlp", early_stopping=False).fit(
            X[:150], y[:150], X_val=X[150:], y_val=y[150:]
        )


def test_few_samples_of_each_class():
    X = np.random.default_rng(0).normal(size=(180, 3))
    fitted = auto().fit(X, np.arange(180) % 60)
    assert fitted.backbone_.name == "tabular"


def test_a_candidate_that_fails_is_not_chosen(digits, monkeypatch):
    from sktransfer.exceptions import NonFiniteLossError

    original = TransferClassifier._fit_task

    def failing(self, task, source, *args):
        if source.backbone == "mlp":
            raise NonFiniteLossError("too large")
        return original(self, task, source, *args)

    monkeypatch.setattr(TransferClassifier, "_fit_task", failing)
    _choices.clear()
    X, y = digits
    assert auto().fit(X[:, 10:30], y).backbone_.name != "mlp"


def test_of_very_many_samples_a_part_is_compared(monkeypatch):
    from sktransfer import _auto_backbone

    monkeypatch.setattr(_auto_backbone, "_MAX_SAMPLES", 400)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    samples = Samples(X, np.arange(600), (X[:, 0] > 0).astype(int), np.ones(600))
    train, held, key, _ = _auto_backbone._split(samples)
    assert len(train) + len(held) == 400
    order = rng.permutation(600)
    again = _auto_backbone._split(samples.part(order))
    assert again[2] == key


@pytest.mark.parametrize(
    "parameters",
    [{"learning_rate": -1.0}, {"optimizer": "adamm"}, {"recipe": Recipe(tune="some")}],
)
def test_bad_parameters_are_told_before_the_comparison(digits, parameters, monkeypatch):
    monkeypatch.setattr("sktransfer._auto_backbone._split", None)
    with pytest.raises(ValueError, match=r"got|expected|Did you mean|must be"):
        auto(**parameters).fit(*digits)


def test_copies_are_on_one_side_whatever_the_order():
    rng = np.random.default_rng(0)
    # Rows with equal sums and equal first columns are no copies.
    X = np.repeat((rng.random((300, 30)) < 0.5).astype(float), 2, axis=0)
    X[:, :16] = 0.0
    y = np.repeat(np.arange(300) % 2, 2)
    samples = Samples(X, np.arange(600), y, np.ones(600))
    from sktransfer import _auto_backbone

    train, held, *_ = _auto_backbone._split(samples)
    assert not {row.tobytes() for row in train.X} & {row.tobytes() for row in held.X}


def test_the_choice_depends_on_no_order():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    frame["g"], frame["same"] = rng.choice(["u", "v", "w"], 200), 1.0
    y = (frame.a * frame.b + (frame.g == "u") + rng.normal(size=200) / 2 > 0).to_numpy()
    order = rng.permutation(200)
    reasons = []
    for X, labels in (
        (frame, y),
        (frame.iloc[order], y[order]),
        (frame[["same", "g", "c", "a", "b"]], y),
    ):
        _choices.clear()
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            auto(verbose=1, n_estimators=2).fit(X, labels)
        reasons.append(output.getvalue().partition("'mlp'.")[0])
    assert len(set(reasons)) == 1
    assert "held aside" in reasons[0]
