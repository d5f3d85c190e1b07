"""TransferClassifier and DomainAdaptedClassifier with the tabular backbone."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from networks import two_layers
from sklearn.datasets import load_iris, make_blobs, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split

from sktransfer import (
    BackboneFeatures,
    DomainAdaptedClassifier,
    Recipe,
    TransferClassifier,
    clear_caches,
)
from sktransfer.exceptions import BackboneError, BackboneFileError
from sktransfer.tables.in_context import pretrained


def tabular(**parameters):
    return TransferClassifier("tabular", random_state=0, **parameters)


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(
        160, 6, n_clusters_per_class=1, class_sep=1.5, random_state=0
    )
    return X[:60], y[:60], X[60:], y[60:]


def test_learns_without_a_gradient_step(data):
    X, y, X_new, y_new = data
    model = tabular().fit(X, y)
    assert model.score(X_new, y_new) > 0.8
    assert model.history_["stage"] == ["in_context"]
    fresh = pretrained.network_weights("auto", 0)
    for path, value in zip(_paths(model), model.backbone_.weights, strict=True):
        if path in fresh:
            np.testing.assert_array_equal(value, fresh[path])


def _paths(model):
    return [variable.path for variable in model.backbone_.build().weights]


def test_pretrained_weights_are_what_makes_it_learn(data):
    X, y, X_new, y_new = data
    losses = [
        log_loss(y_new, tabular(weights=weights).fit(X, y).predict_proba(X_new))
        for weights in ("auto", None)
    ]
    assert losses[0] < losses[1] - 0.1


def test_as_good_as_logistic_regression_on_iris():
    X, y = load_iris(return_X_y=True)
    X, X_new, y, y_new = train_test_split(
        X, y, train_size=60, stratify=y, random_state=0
    )
    model = tabular().fit(X, y)
    assert model.score(X_new, y_new) >= 0.9


def test_same_bits_twice_and_after_pickling(data):
    X, y, X_new, _ = data
    model = tabular().fit(X, y)
    found = model.predict_proba(X_new)
    np.testing.assert_array_equal(found, tabular().fit(X, y).predict_proba(X_new))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(found, again.predict_proba(X_new))
    np.testing.assert_array_equal(found[:3], model.predict_proba(X_new[:3]))


def test_a_weight_of_two_is_a_row_twice(data):
    X, y, X_new, _ = data
    weight = np.ones(len(X))
    weight[:20] = 2
    twice = np.concatenate([np.arange(len(X)), np.arange(20)])
    found, expected, other = (
        tabular(dtype="float64").fit(*fitted).predict_proba(X_new)
        for fitted in ((X, y, weight), (X[twice], y[twice]), (X, y))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(found - other).max() > 1e-3


def frame(n=120):
    rng = np.random.default_rng(0)
    color = rng.choice(["red", "green", "blue"], n)
    y = np.where(color == "red", "yes", "no")
    amount = rng.normal(size=n)
    amount[::4] = np.nan
    return pd.DataFrame({"amount": amount, "color": color, "unit": 1.0}), y


def test_frames_with_strings_gaps_and_constants():
    X, y = frame()
    model = tabular().fit(X[:80], y[:80])
    assert model.score(X[80:], y[80:]) > 0.9
    assert model.feature_names_in_.tolist() == ["amount", "color", "unit"]
    without = tabular().fit(X[["amount", "color"]][:80], y[:80])
    assert without.score(X[["amount", "color"]][80:], y[80:]) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[["color", "amount", "unit"]])


def test_categories_without_an_order_are_told_apart():
    rng = np.random.default_rng(0)
    names = np.array(list("abcdefgh"))
    code = rng.integers(8, size=400)
    X, y = pd.DataFrame({"town": names[code], "x": rng.normal(size=400)}), code % 2
    ordered = X.astype({"town": pd.CategoricalDtype(list(names), ordered=True)})
    losses = [
        log_loss(y[60:], tabular().fit(rows[:60], y[:60]).predict_proba(rows[60:]))
        for rows in (X, ordered)
    ]
    assert losses[0] < 0.7 * losses[1]


def test_categories_that_fit_did_not_see():
    X, y = frame()
    model = tabular().fit(X[:80], y[:80])
    new = X[80:].assign(color="violet")
    missing = X[80:].assign(color=None)
    np.testing.assert_array_equal(
        model.predict_proba(new), model.predict_proba(missing)
    )


def test_another_backbone_says_that_it_takes_no_strings():
    X, y = frame()
    with pytest.raises(ValueError, match=r"'color' .* 'blue'.* One-hot"):
        TransferClassifier(two_layers).fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        TransferClassifier(two_layers).fit(X[["amount"]], y)


def test_infinite_values(data):
    X, y, *_ = data
    X = X.copy()
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        tabular().fit(X, y)


def test_more_classes_than_codes():
    X, y = make_blobs(600, 6, centers=14, cluster_std=2.0, random_state=0)
    model = tabular().fit(X[:300], y[:300])
    assert model.predict_proba(X[300:]).shape == (300, 14)
    assert model.score(X[300:], y[300:]) > 0.85


def loss(model, X, y):
    return log_loss(y, model.predict_proba(X))


@pytest.fixture(scope="module")
def parity():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    return X, (X[:, :3] > 0).sum(axis=1) % 2


@pytest.fixture(scope="module")
def tuned(parity):
    """A fine-tuned network; its compilation takes most of the time."""
    X, y = parity
    return tabular(learning_rate=1e-3).fit(X[:200], y[:200])


def test_fine_tuning_learns_what_the_prior_lacks(tuned, parity):
    X, y = parity
    model, history = tuned, tuned.history_
    assert history["stage"] == ["fine_tune"] * 5
    plain = tabular().fit(X[:200], y[:200])
    assert loss(model, X[200:], y[200:]) < loss(plain, X[200:], y[200:]) - 0.02
    # The labeled rows and the views are the same, the network is not.
    assert all(map(np.array_equal, model.context_, plain.context_))
    pairs = zip(model.backbone_.weights, plain.backbone_.weights, strict=True)
    assert not any(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("tune", "ends"), [("bias", ("bias", "beta")), ("lora", ("kernel",))]
)
def test_part_of_the_network_is_tuned(parity, tune, ends):
    recipe = Recipe("full", tune=tune)
    X, y = parity
    model = tabular(recipe=recipe, learning_rate=3e-3).fit(X[:200], y[:200])
    plain = tabular().fit(X[:200], y[:200])
    assert loss(model, X[200:], y[200:]) < loss(plain, X[200:], y[200:])
    fresh = pretrained.network_weights("auto", 0)
    weights = dict(zip(_paths(model), model.backbone_.weights, strict=True))
    changed = [
        path
        for path, value in fresh.items()
        if not np.array_equal(weights[path], value)
    ]
    assert changed
    assert all(path.endswith(ends) for path in changed)


def test_frozen_layers_stay(data):
    X, y, *_ = data
    model = tabular(recipe="full", frozen_depth=4, epochs=1, learning_rate=1e-4).fit(
        X, y
    )
    assert model.frozen_depth_ == 4
    fresh = pretrained.network_weights("auto", 0)
    for path, value in zip(_paths(model), model.backbone_.weights, strict=True):
        if path.startswith(("cells", "labels", "block_1", "block_2")):
            np.testing.assert_array_equal(value, fresh[path])


def test_warm_start_goes_on_with_other_rows(data):
    X, y, X_new, y_new = data
    model = tabular(warm_start=True).fit(X, y)
    model.fit(X_new, y_new)
    np.testing.assert_array_equal(
        model.predict_proba(X), tabular().fit(X_new, y_new).predict_proba(X)
    )


def test_searched_over_recipes(data):
    X, y, *_ = data
    search = GridSearchCV(
        tabular(epochs=1), {"recipe": ["in_context", "linear_probe"]}, cv=2
    )
    assert search.fit(X, y).best_score_ > 0.7


def test_a_fitted_backbone_has_no_features_of_samples_alone(data):
    X, y, X_new, _ = data
    fitted = tabular().fit(X, y)
    with pytest.raises(ValueError, match="depend on labels"):
        BackboneFeatures(fitted.backbone_).fit(X_new)


def test_a_fitted_backbone_is_the_network_without_the_rows(data):
    X, y, X_new, y_new = data
    fitted = tabular().fit(X, y)
    assert fitted.backbone_.learns_in_context
    fresh = pretrained.network_weights("auto", 0)
    assert len(fitted.backbone_.weights) == len(fresh)
    assert not any(len(X) in array.shape for array in fitted.backbone_.weights)
    # Predictions need the rows, which are an attribute of the estimator.
    assert fitted.context_.x.shape[1] >= len(X)
    # It starts the next fit as the package's own network does.
    again = TransferClassifier(fitted.backbone_, random_state=0).fit(X_new, y_new)
    expected = tabular().fit(X_new, y_new)
    assert again.history_["stage"] == ["in_context"]
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("gaps", [False, True])
def test_a_fitted_backbone_takes_frames_and_gaps(gaps):
    X, y = frame()
    first = tabular().fit(X, y)
    again = TransferClassifier(first.backbone_, random_state=0)
    X = X[["amount"]] if gaps else X
    model = again.fit(X[:80], y[:80])
    assert model.predict_proba(X[80:]).shape == (40, 2)
    assert again.__sklearn_tags__().input_tags.allow_nan


def test_fine_tuned_weights_start_the_next_fit(tuned, parity):
    X, y = parity
    model = TransferClassifier(tuned.backbone_, random_state=0).fit(X[:50], y[:50])
    plain = tabular().fit(X[:50], y[:50])
    for a, b in zip(model.backbone_.weights, tuned.backbone_.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(model.predict_proba(X), plain.predict_proba(X))


def test_another_backbone_after_fit_changes_nothing(data):
    X, y, X_new, _ = data
    model = tabular().fit(X, y)
    expected = model.predict_proba(X_new)
    gaps = X_new.copy()
    gaps[0, 0] = np.nan
    with_gaps = model.predict_proba(gaps)
    model.set_params(backbone="mlp")
    np.testing.assert_array_equal(model.predict_proba(X_new), expected)
    np.testing.assert_array_equal(model.predict_proba(gaps), with_gaps)
    other = TransferClassifier("mlp", epochs=1, random_state=0).fit(X, y)
    expected = other.predict_proba(X_new)
    other.set_params(backbone="tabular")
    np.testing.assert_array_equal(other.predict_proba(X_new), expected)


def test_interpolation_of_a_fine_tuned_network(tuned, parity):
    X, y = parity
    plain = tabular().fit(X[:200], y[:200])
    ends = [tuned.interpolate(alpha).predict_proba(X) for alpha in (0, 1)]
    np.testing.assert_allclose(ends[0], plain.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(ends[1], tuned.predict_proba(X))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"weights": "imagenet"}, BackboneError, "weights='imagenet'"),
        ({"feature_layer": "block_1"}, BackboneError, "feature_layer='block_1'"),
        ({"preprocess": "ResNet50"}, BackboneError, "preprocess='ResNet50'"),
        ({"weights": "nowhere.h5"}, BackboneFileError, "nowhere.h5"),
        ({"backbone": "tabluar"}, BackboneError, "Did you mean 'tabular'"),
        ({"backbone": "mlp", "recipe": "in_context"}, ValueError, "in_context"),
    ],
)
def test_what_does_not_go_together(data, parameters, error, message):
    X, y, *_ = data
    with pytest.raises(error, match=message):
        tabular().set_params(**parameters).fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"frozen_depth": 0},
        {"recipe": Recipe(), "learning_rate": 0.1},
        {"recipe": Recipe(tune="bias")},
        {"callbacks": ["History"]},
    ],
)
def test_a_parameter_of_training_means_gradient_steps(data, parameters):
    fitted = tabular(**parameters).fit(*data[:2])
    assert set(fitted.history_["stage"]) == {"fine_tune"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"random_state": 0, "verbose": 0},
        {"recipe": "in_context", "learning_rate": 0.1},
        {"recipe": "full", "epochs": 1},
    ],
)
def test_others_are_no_reason_to_warn(data, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TransferClassifier(**parameters).fit(*data[:2])


def test_there_is_no_partial_fit():
    assert hasattr(TransferClassifier("mlp"), "partial_fit")
    assert not hasattr(tabular(), "partial_fit")


def test_features_need_labels():
    with pytest.raises(ValueError, match="backbone='tabular'"):
        BackboneFeatures("tabular").fit(np.ones((5, 2)))


def test_damaged_weights(monkeypatch, tmp_path):
    damaged = tmp_path / "tabular.weights.h5"
    damaged.write_bytes(pretrained.PATH.read_bytes()[:-10])
    monkeypatch.setattr(pretrained, "PATH", damaged)
    with pytest.raises(BackboneFileError, match="damaged"):
        pretrained.network_weights("auto", 0)


def test_size_of_the_weights():
    assert pretrained.PATH.stat().st_size < 8e6


def domains():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    domain = np.where(np.arange(300) < 150, 0, -1)
    # In the target the class follows from another column.
    y = np.where(domain == 0, X[:, 0] > 0, X[:, 1] > 0).astype(float)
    return X, y, domain


def test_labels_of_the_target_and_a_column_for_the_domain():
    X, y, domain = domains()
    some = y.copy()
    some[200:] = np.nan
    scores = {}
    for use, n, advice in (("ignore", 150, "or target_labels"), ("use", 100, "does.")):
        model = DomainAdaptedClassifier("tabular", target_labels=use, random_state=0)
        with pytest.warns(
            UserWarning, match=f"the {n} unlabeled .* which does"
        ) as caught:
            model.fit(X, some, sample_domain=domain)
        assert advice in str(caught[0].message)
        scores[use] = model.score(X[200:], y[200:])
    assert scores["use"] > scores["ignore"] + 0.1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"method": "dann"}, "method=DANN"), ({"recipe": "full"}, "recipe='full'")],
)
def test_methods_that_need_gradients(parameters, message):
    X, y, domain = domains()
    model = DomainAdaptedClassifier("tabular", **parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sample_domain=domain)


@pytest.mark.parametrize(("n", "n_columns"), [(60, 3), (1100, 4), (40, 120)])
def test_large_contexts_are_encoded_view_by_view(n, n_columns, monkeypatch):
    X = np.random.default_rng(0).normal(size=(n, n_columns))
    clf = tabular().fit(X, X[:, 0] > 0)
    expected = clf.predict_proba(X[:20])
    monkeypatch.setattr("sktransfer.tables.in_context.predict._MAX_PAIRS", 0)
    clear_caches()
    np.testing.assert_allclose(clf.predict_proba(X[:20]), expected, atol=1e-5)


@pytest.mark.parametrize("backbone", ["mlp", "tabular"])
@pytest.mark.parametrize(
    ("n", "n_columns", "n_classes"),
    [(3, 4, 3), (6, 2, 3), (9, 1, 3), (60, 1, 2), (80, 500, 2), (120, 5, 30)],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_small_wide_and_many_classes(backbone, n, n_columns, n_classes):
    X = np.random.default_rng(0).normal(size=(n, n_columns))
    y = np.arange(n) % n_classes
    clf = TransferClassifier(backbone, random_state=0)
    proba = clf.fit(X, y).predict_proba(X)
    assert proba.shape == (n, n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_number_of_views(data):
    X, y, X_test, _ = data
    one, many = (
        TransferClassifier("tabular", n_estimators=n, random_state=0).fit(X, y)
        for n in (1, 12)
    )
    assert len(one.context_.columns) == 1
    assert len(many.context_.columns) == 12
    assert not np.allclose(one.predict_proba(X_test), many.predict_proba(X_test))
    # Each column, and each code of a class, must be in a view.
    wide = np.random.default_rng(0).normal(size=(40, 250))
    clf = TransferClassifier("tabular", n_estimators=1).fit(wide, np.arange(40) % 12)
    assert len(clf.context_.columns) == 16
    seen = set(clf.context_.columns.ravel())
    assert seen >= set(range(250))


def test_temperature_of_the_softmax(data):
    X, y, X_test, _ = data
    default = TransferClassifier("tabular", random_state=0).fit(X, y)
    clf = TransferClassifier("tabular", softmax_temperature=0.45, random_state=0)
    clf.fit(X, y)
    # The default is 0.9 for two classes.
    np.testing.assert_allclose(
        clf.decision_function(X_test), 2 * default.decision_function(X_test), rtol=1e-4
    )
    np.testing.assert_allclose(
        clf.to_keras().predict(X_test, verbose=0), clf.predict_proba(X_test), atol=1e-5
    )
    labels = np.arange(60)
    for n_classes, temperature in ((2, 0.9), (3, 0.9), (4, 0.8), (10, 0.8), (12, 1)):
        kernel = tabular().fit(X, labels % n_classes).backbone_.head[0]
        np.testing.assert_allclose(kernel, np.eye(n_classes) / temperature)
    # It belongs to the estimator, and not to the network.
    again = TransferClassifier(clf.backbone_, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        again.predict_proba(X_test), default.predict_proba(X_test)
    )


def test_more_rows_than_are_read(monkeypatch):
    monkeypatch.setattr("sktransfer.learners.in_context._MAX_ROWS", 30)
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = (X[:, 0] > 0).astype(int)
    y[7] = 2
    clf = tabular().fit(X, y)
    assert (clf.context_.y >= 0).sum() == 30
    assert clf.score(X, y) > 0.7
