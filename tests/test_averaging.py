"""Averages of weights after the fit, against NumPy."""

import copy
import pickle

import numpy as np
import pytest
from domains import make_adapted
from networks import two_layers
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from sktransfer import Recipe, TransferClassifier, soup
from sktransfer.backbones.batch_normalization import compute_moments


@pytest.fixture(scope="module")
def rows(digits):
    """Few rows to train on, and others of the same domain."""
    X, y = digits[2:]
    return X[:40], y[:40], X[40:240], y[40:240]


@pytest.fixture(scope="module")
def fits(source, rows):
    """Fits at three learning rates, the last one too high."""
    return [
        TransferClassifier(
            source, learning_rate=rate, epochs=6, frozen_depth=1, random_state=i
        ).fit(*rows[:2])
        for i, rate in enumerate((3e-3, 1e-3, 0.3))
    ]


@pytest.fixture(scope="module")
def tuned(fits):
    return fits[0]


@pytest.fixture(scope="module")
def probe(source, rows):
    """What LP-FT starts from."""
    return TransferClassifier(source, recipe="linear_probe").fit(*rows[:2])


# ---- interpolation


def test_weights_between(tuned, probe):
    between = tuned.interpolate(0.25)
    for start, end, array in zip(
        probe.weights_, tuned.weights_, between.weights_, strict=True
    ):
        np.testing.assert_allclose(array, 0.75 * start + 0.25 * end, rtol=1e-6)
        assert array.dtype == end.dtype
    assert between.interpolation_alpha_ == 0.25
    assert not hasattr(tuned, "interpolation_alpha_")


def test_the_ends(tuned, probe, rows):
    X = rows[2]
    for alpha, expected in ((0, probe), (1, tuned)):
        proba = tuned.interpolate(alpha).predict_proba(X)
        np.testing.assert_allclose(proba, expected.predict_proba(X), rtol=1e-5)


def test_alpha_is_that_of_the_least_log_loss(tuned, rows):
    X, y = rows[2:]
    losses = [
        log_loss(y, tuned.interpolate(alpha).predict_proba(X))
        for alpha in np.linspace(0, 1, 11)
    ]
    chosen = tuned.interpolate("auto", X, y)
    assert chosen.interpolation_alpha_ == pytest.approx(np.argmin(losses) / 10)
    assert log_loss(y, chosen.predict_proba(X)) == pytest.approx(min(losses))


def test_frozen_layers_are_shared_and_the_fit_is_left_alone(tuned, source):
    before = pickle.dumps(tuned)
    between = tuned.interpolate(0.5)
    assert between.backbone_.weights[0] is source.weights[0]
    assert pickle.dumps(tuned) == before


def test_pretrained_weights_are_not_pickled_twice(source, rows):
    def added(estimator):
        """Bytes that the start adds to a pickle."""
        bare = copy.copy(estimator)
        bare.start_weights_ = None
        return len(pickle.dumps(estimator)) - len(pickle.dumps(bare))

    limit = sum(array.nbytes for array in source.weights) / 10
    tuned = TransferClassifier(source, epochs=1, random_state=0).fit(*rows[:2])
    assert added(tuned) < limit
    # Nor is anything after it was read.
    again = pickle.loads(pickle.dumps(tuned))
    assert added(again) < limit
    proba = again.interpolate(0.5).predict_proba(rows[2])
    np.testing.assert_array_equal(proba, tuned.interpolate(0.5).predict_proba(rows[2]))
    # Where nothing was trained there is one set of weights.
    probe = TransferClassifier(two_layers, recipe="linear_probe").fit(*rows[:2])
    assert added(probe) < limit


def test_a_kept_head_is_where_the_weights_start(source, rows):
    kept = TransferClassifier(source, head="keep", epochs=1, random_state=0)
    start = kept.fit(*rows[:2]).interpolate(0)
    for a, b in zip(start.backbone_.head, source.head, strict=True):
        np.testing.assert_array_equal(a, b)


def test_fits_that_go_on_keep_the_first_start(source, rows):
    warm = TransferClassifier(source, warm_start=True, epochs=1, random_state=0)
    first = warm.fit(*rows[:2]).interpolate(0).weights_
    again = warm.fit(*rows[:2]).interpolate(0).weights_
    assert all(map(np.array_equal, first, again))


def test_an_adapted_network(rows):
    adapted = make_adapted("deep_coral", epochs=1)
    adapted.fit(*rows[:2], X_target=rows[2])
    between = adapted.interpolate(0.5)
    start = two_layers((64,)).get_weights()
    for a, b, array in zip(
        start, adapted.backbone_.weights, between.backbone_.weights, strict=True
    ):
        np.testing.assert_allclose(array, (a + b) / 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["domain_standardize", "mme"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_method_that_changes_the_network(rows, method, warm_start):
    X, y, X_target, y_target = rows
    options = {}
    if method == "mme":
        X, y = np.r_[X, X_target[:20]], np.r_[y, y_target[:20]]
        options["sample_domain"] = np.r_[np.zeros(40, int), -np.ones(20, int)]
    adapted = make_adapted(
        method, epochs=1, target_labels="use", warm_start=warm_start
    ).fit(X, y, X_target=X_target, **options)
    if warm_start:
        adapted.fit(X, y, X_target=X_target, **options)
    start, end = adapted.start_weights_, adapted.weights_
    for a, b, array in zip(start, end, adapted.interpolate(0.5).weights_, strict=True):
        np.testing.assert_allclose(array, (a + b) / 2, rtol=1e-5, atol=1e-7)
    if method == "domain_standardize":
        # The map of the input is the same at both ends; the network starts behind it.
        n_maps = 2 + 2 * warm_start
        assert all(map(np.array_equal, start[:n_maps], end))
        own = two_layers((64,)).get_weights()
        assert all(map(np.array_equal, start[n_maps:-2], own))


def test_several_labels(source, rows):
    X, y, X_val, y_val = rows
    classes = np.arange(5)
    labels, labels_val = (y[:, None] <= classes) * 1, (y_val[:, None] <= classes) * 1
    tuned = TransferClassifier(source, epochs=3, learning_rate=0.01, random_state=0)
    tuned.fit(X, labels)
    weight = np.where(y_val < 2, 5.0, 0.0)

    def loss(alpha):
        proba = tuned.interpolate(alpha).predict_proba(X_val)
        likelihood = np.where(labels_val, proba, 1 - proba)
        return np.average(-np.log(likelihood).mean(axis=1), weights=weight)

    chosen = tuned.interpolate("auto", X_val, labels_val, sample_weight_val=weight)
    best = np.argmin([loss(alpha) for alpha in np.linspace(0, 1, 11)])
    assert chosen.interpolation_alpha_ == pytest.approx(best / 10)
    with pytest.raises(ValueError, match="y_val has labels that are not in y"):
        tuned.interpolate("auto", X_val, y_val)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_out_of_range(tuned, alpha):
    with pytest.raises(ValueError, match=rf"alpha={alpha!r}; expected .*\[0, 1\]"):
        tuned.interpolate(alpha)


def test_bad_input_of_interpolate(make, tuned, rows):
    with pytest.raises(TypeError, match=r"alpha='half'.*str"):
        tuned.interpolate("half")
    with pytest.raises(ValueError, match="pass X_val and y_val"):
        tuned.interpolate()
    with pytest.raises(NotFittedError):
        make().interpolate(0.5)
    with pytest.raises(ValueError, match=r"'mlp' was not pretrained"):
        TransferClassifier("mlp", epochs=1).fit(*rows[:2]).interpolate(0.5)
    with pytest.raises(ValueError, match=r"new head.*recipe='lp_ft'"):
        make(recipe="full", epochs=1).fit(*rows[:2]).interpolate(0.5)


# ---- soups


def scores_of(weights, tuned, X, y):
    """Accuracy of a network of Dense layers, in NumPy."""
    *hidden, kernel, bias = weights
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        X = np.maximum(X @ w + b, 0)
    return accuracy_score(y, tuned.classes_[(X @ kernel + bias).argmax(axis=1)])


def test_greedy_soup(fits, rows):
    X, y = rows[2:]
    order = np.argsort([-f.score(X, y) for f in fits], kind="stable").tolist()

    def mean(members):
        arrays = zip(*(fits[i].weights_ for i in members), strict=True)
        return [np.mean(a, axis=0) for a in arrays]

    members = order[:1]
    for i in order[1:]:
        score, with_it = (
            scores_of(mean(m), fits[0], X, y) for m in (members, [*members, i])
        )
        if with_it >= score:
            members.append(i)
    averaged = soup(fits, X, y)
    assert averaged.soup_members_.tolist() == members
    # The fit at too high a rate is left out.
    assert 2 not in members
    assert len(members) == 2
    for a, b in zip(averaged.weights_, mean(members), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert averaged.score(X, y) >= max(f.score(X, y) for f in fits)
    assert averaged.backbone_.weights[0] is fits[0].backbone_.weights[0]


def test_soup_of_one(tuned, rows):
    averaged = soup([tuned], *rows[2:])
    np.testing.assert_array_equal(
        averaged.predict_proba(rows[2]), tuned.predict_proba(rows[2])
    )
    assert averaged is not tuned
    assert not hasattr(tuned, "soup_members_")


def test_statistics_that_fits_have_estimated_are_estimated_anew(rows):
    X, y, X_val, _ = rows
    fits = [
        make_adapted("adabn", learning_rate=rate, epochs=1).fit(X, y, X_target=X_val)
        for rate in (1e-4, 1.1e-4)
    ]
    means = [f.backbone_.weights[4] for f in fits]
    assert not np.array_equal(*means)
    # Labels that one of them predicts: the average is no less accurate.
    averaged = soup(fits, X_val, fits[0].predict(X_val))
    assert len(averaged.soup_members_) == 2
    model = averaged.backbone_.build()
    kind = "BatchNormalization"
    norms = [layer for layer in model.layers if type(layer).__name__ == kind]
    expected = compute_moments(model, norms, [X_val])
    for layer in norms:
        for variable, value in zip(
            (layer.moving_mean, layer.moving_variance), expected[layer], strict=True
        ):
            np.testing.assert_allclose(variable.numpy(), value, rtol=1e-4, atol=1e-5)


def test_bad_input_of_soup(make, tuned, probe, rows):
    X, y, X_val, y_val = rows
    with pytest.raises(ValueError, match="estimators is empty"):
        soup([], X_val, y_val)
    with pytest.raises(TypeError, match=r"estimators\[1\] is of type Logistic"):
        soup([tuned, LogisticRegression()], X_val, y_val)
    with pytest.raises(NotFittedError):
        soup([tuned, make()], X_val, y_val)
    scratch = TransferClassifier("mlp", epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"estimators\[1\] was trained from scratch"):
        soup([tuned, scratch], X_val, y_val)
    other = TransferClassifier(two_layers, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"estimators\[1\] has another network"):
        soup([tuned, other], X_val, y_val)
    fewer = make(epochs=1).fit(X[y < 4], y[y < 4])
    with pytest.raises(ValueError, match="or other classes"):
        soup([tuned, fewer], X_val, y_val)
    moved = TransferClassifier(tuned.backbone_, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="started from another backbone"):
        soup([tuned, moved], X_val, y_val)
    elsewhere = make(recipe=Recipe("linear_probe")).fit(X_val, y_val)
    with pytest.raises(ValueError, match="started from another head"):
        soup([tuned, elsewhere], X_val, y_val)
    # The probe itself is one of those that started there.
    assert soup([tuned, probe], X_val, y_val).score(X_val, y_val) > 0.5


def test_a_fit_drops_the_attributes_of_an_average(make, rows):
    between = make(epochs=1).fit(*rows[:2]).interpolate(0.5)
    assert hasattr(between, "interpolation_alpha_")
    between.partial_fit(*rows[:2])
    assert not hasattr(between, "interpolation_alpha_")
