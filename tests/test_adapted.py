"""DomainAdaptedClassifier: what is learned from which rows."""

import copy
import pickle
import random
import threading
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from domains import METHODS, NEEDS_LABELS, bits, make_adapted, method_of
from networks import convolutional, two_layers
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

from sktransfer import DomainAdaptedClassifier, TransferClassifier
from sktransfer.adaptation import DANN, MCC, SourceOnly
from sktransfer.exceptions import NonFiniteLossError
from sktransfer.model_selection import StratifiedDomainKFold

WITHOUT_TARGET = pytest.mark.filterwarnings("ignore:There are no rows of a target")


@pytest.fixture(scope="module")
def rows(digits):
    """X, y, sample_domain of 3 classes: digits, and inverted ones, in mixed order."""
    X, y, X_target, y_target = digits
    some, of_target = np.flatnonzero(y < 3)[:72], np.flatnonzero(y_target < 3)[:72]
    order = np.random.default_rng(0).permutation(144)
    X = np.concatenate([X[some], X_target[of_target]])[order]
    y = np.concatenate([y[some], y_target[of_target]])[order]
    for array in (X, y):
        array.flags.writeable = False
    return X, y, np.repeat([0, -1], 72)[order]


def fit(estimator, rows, **kwargs):
    X, y, sample_domain = rows
    return estimator.fit(X, y, sample_domain=sample_domain, **kwargs)


# ---- nothing but a fine-tune


def history(estimator):
    """The history, without how long the epochs took."""
    return {k: v for k, v in estimator.history_.items() if k != "seconds"}


@WITHOUT_TARGET
@pytest.mark.parametrize(
    "parameters",
    [
        {"backbone": "mlp"},
        {"backbone": two_layers, "frozen_depth": 1, "recipe": "lp_ft"},
        {"backbone": two_layers, "recipe": "gradual", "layer_decay": 0.5},
        {"backbone": two_layers, "recipe": "linear_probe"},
        {"backbone": two_layers, "frozen_depth": "all", "head_learning_rate": 0.01},
        {"early_stopping": True, "validation_fraction": 0.2},
        {"class_weight": "balanced", "l2_sp": 0.1, "backbone": two_layers},
        {"class_weight": {0: 2.0, 1: 0.5}, "dtype": "float64"},
        {"warm_start": True, "backbone": two_layers},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_without_a_method_it_is_transfer_classifier(rows, parameters, weighted):
    X, y, sample_domain = rows
    source = sample_domain >= 0
    weight = np.arange(144) % 4 / 2 if weighted else None
    of_source = weight[source] if weighted else None
    parameters = {"backbone": "mlp", "epochs": 3, "random_state": 0} | parameters
    plain = TransferClassifier(**parameters)
    source_only = DomainAdaptedClassifier(method="source_only", **parameters)
    no_target = DomainAdaptedClassifier(**parameters)
    for _ in range(1 + ("warm_start" in parameters)):
        plain.fit(X[source], y[source], sample_weight=of_source)
        source_only.fit(X, y, sample_domain=sample_domain, sample_weight=weight)
        no_target.fit(X[source], y[source], sample_weight=of_source)
        assert bits(source_only) == bits(no_target) == bits(plain)
        assert history(source_only) == history(no_target) == history(plain)
    np.testing.assert_array_equal(source_only.predict_proba(X), plain.predict_proba(X))
    assert source_only.n_iter_ == plain.n_iter_
    assert source_only.best_validation_score_ == plain.best_validation_score_
    assert source_only.backbone_ == plain.backbone_


def test_memory_keeps_rows_of_both_domains(rows, tmp_path):
    from sktransfer import feature_store

    expected = bits(fit(make_adapted(frozen_depth=1), rows))
    feature_store.clear()
    assert bits(fit(make_adapted(frozen_depth=1, memory=tmp_path), rows)) == expected
    kept = sum(path.stat().st_size for path in tmp_path.rglob("*"))
    assert kept > 144 * 64 * 4
    feature_store.clear()
    assert bits(fit(make_adapted(frozen_depth=1, memory=tmp_path), rows)) == expected


@WITHOUT_TARGET
def test_one_source_whatever_its_number(rows):
    X, y, _ = rows
    expected = bits(make_adapted().fit(X, y))
    for sample_domain in (np.zeros(144, int), np.full(144, 7), np.arange(144) % 3):
        assert bits(make_adapted().fit(X, y, sample_domain=sample_domain)) == expected


# ---- each method


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    """Each name in turn, so that what is compiled for it is used again."""
    return request.param


def target_labels_of(method, rows):
    """Parameters and labels for a method: some need labels of the target."""
    if method not in NEEDS_LABELS:
        return {}, rows
    X, y, sample_domain = rows
    y = y.copy()
    y[np.flatnonzero(sample_domain < 0)[15:]] = -1
    return {"target_labels": "use"}, (X, y, sample_domain)


def test_fits_and_predicts(method, rows):
    parameters, rows = target_labels_of(method, rows)
    estimator = fit(make_adapted(method, **parameters), rows)
    proba = estimator.predict_proba(rows[0])
    assert proba.shape == (144, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    # "auto" tells what it chose.
    assert method == "auto" or type(estimator.method_) is type(method_of(method))
    assert estimator.target_prior_.shape == (3,)
    assert estimator.target_prior_.sum() == pytest.approx(1)
    learned_from = estimator.source_weights_ > 0
    assert (learned_from >= (rows[2] >= 0)).all() or method == "reweight"
    source_weights = estimator.source_weights_[rows[2] >= 0]
    assert source_weights.mean() == pytest.approx(1)


def test_labels_of_the_target_are_not_read(method, rows):
    if method in NEEDS_LABELS:
        pytest.skip("needs labels of the target")
    X, y, sample_domain = rows
    target = sample_domain < 0
    estimator = fit(make_adapted(method), rows)
    expected, expected_history = bits(estimator), history(estimator)
    for garbage in garbage_labels(y, target):
        again = fit(make_adapted(method), (X, garbage, sample_domain))
        assert bits(again) == expected
        assert history(again) == expected_history
        assert again.classes_.tolist() == [0, 1, 2]
        np.testing.assert_array_equal(again.target_prior_, estimator.target_prior_)


def garbage_labels(y, target):
    """Labels of which those of the target are of no use."""

    def filled(values, dtype=object):
        changed = y.astype(dtype)
        changed[target] = values
        return changed

    missing = np.where(target, np.nan, y)
    return [
        filled("no label"),
        filled("no label").tolist(),
        filled([None, "a", 3.5, np.nan, 99, pd.NA] * 12),
        filled(None),
        filled(-1, int),
        filled(np.arange(72) + 50, int),
        missing,
        pd.Series(missing).astype("Int64"),
        pd.Series(filled("other").astype(str)).replace("other", None).astype(float),
        y[::-1] * target + y * ~target,
    ]


def test_a_trade_off_of_0_is_source_only(method, rows):
    expected = bits(fit(make_adapted(SourceOnly()), rows))
    estimator = fit(make_adapted(method_of(method, trade_off=0)), rows)
    assert bits(estimator) == expected
    assert fit(estimator.set_params(method__trade_off=0.0), rows).method_.trade_off == 0


def test_repeats_to_the_bit_and_leaves_random_state_alone(method, rows):
    parameters, rows = target_labels_of(method, rows)
    estimator = make_adapted(method, **parameters)
    keras.random.normal((3,))
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    first = bits(fit(estimator, rows))
    # The same network by another method, other rows, and from other weights.
    other = "mcc" if method == "dann" else "dann"
    fit(make_adapted(other, backbone=estimator.backbone, random_state=5), rows)
    fit(make_adapted(method, **parameters, epochs=1, random_state=1), rows)
    assert bits(fit(clone(estimator), rows)) == first
    assert bits(fit(estimator, rows)) == first
    assert bits(fit(pickle.loads(pickle.dumps(clone(estimator))), rows)) == first
    assert bits(fit(copy.deepcopy(estimator), rows)) == first
    after = np.random.get_state()  # noqa: NPY002
    assert after[2] == numpy_state[2]
    np.testing.assert_array_equal(after[1], numpy_state[1])
    assert random.getstate() == python_state


def test_threads_give_what_one_thread_gives(rows):
    estimators = [
        make_adapted(method, random_state=seed)
        for seed, method in enumerate(["dann", "mcc", "deep_jdot", "dann"])
    ]
    found = [None] * len(estimators)

    def work(i):
        found[i] = bits(fit(clone(estimators[i]), rows))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [bits(fit(estimator, rows)) for estimator in estimators]


# ---- ways in


def test_target_rows_beside_x_are_as_good_as_in_x(rows):
    X, y, sample_domain = rows
    source, target = sample_domain >= 0, sample_domain < 0
    expected = fit(make_adapted(), rows)
    assert bits(expected) != bits(fit(make_adapted("source_only"), rows))
    for X_target in (X[target], (X[target],), X[target].tolist(), [*X[target]]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X_target has 72 rows, as many")
            beside = make_adapted().fit(X[source], y[source], X_target=X_target)
        assert bits(beside) == bits(expected)
        np.testing.assert_array_equal(beside.target_prior_, expected.target_prior_)
        assert beside.source_weights_.tolist() == [1.0] * 72


@pytest.mark.parametrize("method", ["dann", "mcc"])
def test_target_rows_in_x_and_beside_it(rows, method):
    X, y, sample_domain = rows
    target = np.flatnonzero(sample_domain < 0)
    beside = np.isin(np.arange(144), target[40:])
    both = make_adapted(method).fit(
        X[~beside],
        y[~beside],
        sample_domain=sample_domain[~beside],
        X_target=X[beside],
    )
    # Rows beside X come after those in it, as here.
    expected = fit(make_adapted(method), rows)
    assert bits(both) == bits(expected)


def test_several_sources_and_targets(rows):
    """Their numbers tell source from target; the losses take each side as one."""
    X, y, sample_domain = rows
    several = np.where(sample_domain >= 0, np.arange(144) % 3, -1 - np.arange(144) % 2)
    estimator = make_adapted().fit(X, y, sample_domain=several)
    assert bits(estimator) == bits(fit(make_adapted(), rows))
    huge = np.where(sample_domain >= 0, np.iinfo(np.int64).max, np.iinfo(np.int64).min)
    assert bits(make_adapted().fit(X, y, sample_domain=huge)) == bits(estimator)


@pytest.mark.parametrize(
    "kind", [list, pd.Series, lambda d: d.astype(float), lambda d: d[:, None]]
)
def test_domains_as_lists_series_whole_floats_and_columns(rows, kind):
    X, y, sample_domain = rows
    estimator = make_adapted().fit(X, y, sample_domain=kind(sample_domain))
    assert bits(estimator) == bits(fit(make_adapted(), rows))


def test_rows_of_weight_0_are_as_good_as_absent(rows):
    X, y, sample_domain = rows
    weight = np.ones(144)
    weight[::5] = 0
    kept = weight > 0
    absent = make_adapted().fit(X[kept], y[kept], sample_domain=sample_domain[kept])
    there = fit(make_adapted(), rows, sample_weight=weight)
    assert bits(there) == bits(absent)
    assert not there.source_weights_[~kept].any()


# ---- labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ant", "bee", "cat"]),
        np.array(["ant", "bee", "cat"], dtype=object),
        np.array([-1, 0, 1]),
        np.array([-1.0, 1.0, 2.5]) * 2,
        np.array([10, 20, 30], dtype=np.int8),
    ],
    ids=str,
)
@pytest.mark.parametrize("target_labels", ["ignore", "use"])
def test_labels_of_any_type(rows, labels, target_labels):
    X, y, sample_domain = rows
    y_before = labels[y]
    y_given = y_before.copy()
    estimator = make_adapted(target_labels=target_labels)
    fit(estimator, (X, y_given, sample_domain))
    plain = fit(make_adapted(target_labels=target_labels), rows)
    assert bits(estimator) == bits(plain)
    assert estimator.classes_.tolist() == labels.tolist()
    np.testing.assert_array_equal(estimator.predict(X), labels[plain.predict(X)])
    np.testing.assert_array_equal(y_given, y_before)


@pytest.mark.parametrize("labels", [[False, True], [-1, 1], ["no", "yes"]], ids=str)
def test_two_classes(rows, labels):
    X, y, sample_domain = rows
    kept = y < 2
    y = np.array(labels)[y[kept]]
    estimator = make_adapted().fit(X[kept], y, sample_domain=sample_domain[kept])
    assert estimator.classes_.tolist() == labels
    assert estimator.decision_function(X).shape == (144,)
    assert set(estimator.predict(X).tolist()) == set(labels)


def test_labels_of_the_target_that_are_used(rows):
    X, y, sample_domain = rows
    target = sample_domain < 0
    known = np.isin(np.arange(144), np.flatnonzero(target)[:20])
    labels = np.where(target & ~known, -1, y)
    parameters = {"method": "mcc", "epochs": 40, "learning_rate": 0.01}
    accuracy = {
        use: fit(
            make_adapted(target_labels=use, **parameters), (X, labels, sample_domain)
        ).score(X[target & ~known], y[target & ~known])
        for use in ("ignore", "use")
    }
    assert accuracy["use"] > accuracy["ignore"] + 0.2
    assert accuracy["use"] > 0.7


def test_used_labels_are_learned_as_those_of_the_source(rows):
    X, y, sample_domain = rows
    known = np.arange(144) % 2 == 0
    labels = np.where((sample_domain < 0) & ~known, -1, y)
    learned = (sample_domain >= 0) | known
    estimator = make_adapted("source_only", target_labels="use")
    fit(estimator, (X, labels, sample_domain))
    plain = TransferClassifier(two_layers, epochs=3, random_state=0)
    assert bits(estimator) == bits(plain.fit(X[learned], y[learned]))
    assert np.array_equal(estimator.source_weights_ > 0, learned)


@pytest.mark.parametrize("strings", [False, True])
def test_markers_of_a_row_without_label(rows, strings):
    X, y, sample_domain = rows
    target = np.flatnonzero(sample_domain < 0)
    unlabeled = target[20:]
    names = np.array(["a", "b", "c"] if strings else [0, 1, 2])

    def marked(values):
        labels = names[y].astype(object)
        labels[unlabeled] = values
        return labels

    def trained(labels):
        estimator = make_adapted("mcc", target_labels="use")
        return fit(estimator, (X, labels, sample_domain))

    expected = trained(marked(None))
    assert expected.classes_.tolist() == names.tolist()
    given = [marked(None).tolist(), marked(np.nan)]
    if strings:
        given += [
            marked([None, np.nan, pd.NA, None] * 13),
            pd.Series(marked(pd.NA), dtype="string"),
        ]
    else:
        given += [
            marked(-1),
            marked(-1).tolist(),
            marked([None, -1, np.nan, pd.NA] * 13),
            marked(-1).astype(int),
            marked(np.nan).astype(float),
            pd.Series(marked(pd.NA), dtype="Int64"),
        ]
    for labels in given:
        estimator = trained(labels)
        assert bits(estimator) == bits(expected)
        assert estimator.classes_.tolist() == names.tolist()


@pytest.mark.filterwarnings("ignore:Adapting by MCC")
def test_the_string_minus_1_is_a_class(rows):
    X, y, sample_domain = rows
    labels = np.array(["-1", "b", "c"])[y]
    labels[sample_domain >= 0] = np.array(["a", "b", "c"])[y[sample_domain >= 0]]
    with pytest.warns(
        UserWarning, match=r"classes \['-1'\] have labeled samples in the target only"
    ):
        estimator = fit(
            make_adapted("mcc", target_labels="use"), (X, labels, sample_domain)
        )
    assert estimator.classes_.tolist() == ["-1", "a", "b", "c"]


def test_minus_1_is_a_class_where_the_source_has_it(rows):
    X, y, sample_domain = rows
    labels = np.array([-1, 1, 2])[y]
    estimator = make_adapted("mcc", target_labels="use")
    every = fit(estimator, (X, labels, sample_domain))
    assert (every.source_weights_ > 0).all()
    assert every.classes_.tolist() == [-1, 1, 2]


def test_a_class_of_the_target_alone_is_learned_from_its_labels(rows):
    X, y, sample_domain = rows
    labels = np.where((sample_domain >= 0) & (y == 2), 1, y)
    with pytest.warns(
        UserWarning, match=r"classes \[2\] have labeled samples in the target only"
    ):
        estimator = fit(
            make_adapted("mcc", target_labels="use"), (X, labels, sample_domain)
        )
    assert estimator.classes_.tolist() == [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ignoring = fit(make_adapted("mcc"), (X, labels, sample_domain))
    assert ignoring.classes_.tolist() == [0, 1]


# ---- predictions and attributes


def test_rows_of_both_domains_are_predicted_in_their_order(rows):
    X, y, sample_domain = rows
    estimator = fit(make_adapted(), rows)
    predicted, proba = estimator.predict(X), estimator.predict_proba(X)
    assert len(predicted) == len(proba) == 144
    for part in (sample_domain >= 0, sample_domain < 0, np.arange(144)[::-1]):
        np.testing.assert_array_equal(estimator.predict(X[part]), predicted[part])
        np.testing.assert_allclose(
            estimator.predict_proba(X[part]), proba[part], rtol=1e-5, atol=1e-7
        )
    assert estimator.score(X, y) == np.mean(predicted == y)


def test_nothing_that_is_passed_is_changed(rows):
    X, y, sample_domain = (array.copy() for array in rows)
    weight, X_target = np.ones(144), X[:7].copy()
    method = DANN(trade_off=0.5)
    given = (X, y, sample_domain, weight, X_target)
    before = [array.copy() for array in given]
    estimator = make_adapted(
        method, target_labels="use", early_stopping=True, class_weight="balanced"
    )
    estimator.fit(
        X, y, sample_domain=sample_domain, sample_weight=weight, X_target=X_target
    )
    for array, old in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert vars(method) == vars(DANN(trade_off=0.5))


def test_fitted_attributes(rows):
    X, _, sample_domain = rows
    estimator = fit(make_adapted("dann", early_stopping=True), rows)
    keys = ["stage", "loss", "accuracy", "learning_rate", "seconds"]
    keys += ["val_loss", "val_accuracy", "val_score"]
    assert set(estimator.history_) == {*keys, "alignment_loss", "domain_accuracy"}
    assert [*estimator.history_["stage"]] == ["probe"] + ["fine_tune"] * 3
    # The probe has no gradient steps.
    assert estimator.history_["alignment_loss"][0] is None
    assert all(0 <= a <= 1 for a in estimator.history_["domain_accuracy"][1:])
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 4
    assert estimator.n_features_in_ == 64
    proba = estimator.predict_proba(X[sample_domain < 0])
    np.testing.assert_allclose(estimator.target_prior_, proba.mean(axis=0), rtol=1e-5)
    # Neither the target's rows nor those set aside were learned from.
    weights = estimator.source_weights_
    assert sorted(set(weights)) == [0, 1]
    assert weights.sum() == 64
    assert not weights[sample_domain < 0].any()


def test_fitted_attributes_by_method(rows):
    mcc = fit(make_adapted("mcc", recipe="full"), rows)
    keys = {"stage", "loss", "accuracy", "learning_rate", "seconds"}
    assert set(mcc.history_) == {*keys, "alignment_loss"}
    assert isinstance(mcc.method_, MCC)
    plain = fit(make_adapted("source_only"), rows)
    assert set(plain.history_) == keys
    assert plain.target_prior_.shape == (3,)


@WITHOUT_TARGET
def test_fitted_attributes_without_a_target(rows):
    estimator = make_adapted().fit(*rows[:2])
    assert estimator.target_prior_ is None
    assert estimator.source_weights_.tolist() == [1.0] * 144


def test_the_fitted_method_is_not_the_parameter(rows):
    method = MCC(trade_off=0.5)
    estimator = fit(make_adapted(method), rows)
    estimator.set_params(method__trade_off=2.0)
    assert estimator.method_.trade_off == 0.5
    assert method.trade_off == 2.0


def test_a_failed_fit_leaves_the_estimator_as_it_was(rows):
    estimator = make_adapted()
    estimator.set_params(learning_rate=1e30, optimizer="sgd")
    with pytest.raises(NonFiniteLossError, match=r"learning_rate=1e\+30"):
        fit(estimator, rows)
    with pytest.raises(NotFittedError):
        estimator.predict(rows[0])
    assert not [name for name in vars(estimator) if name.endswith("_")]
    fit(estimator.set_params(learning_rate=1e-3), rows)
    before = dict(vars(estimator))
    for parameters in (
        {"learning_rate": 1e30},
        {"learning_rate": 1e-3, "method": "dan n"},
        {"method": "dann", "recipe": "linear_probe"},
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            fit(estimator.set_params(**parameters), rows)
        after = vars(estimator)
        assert after.keys() == before.keys()
        fitted = [name for name in before if name.endswith("_")]
        assert all(after[name] is before[name] for name in fitted)


# ---- copies and searches


def test_copies_of_a_fitted_estimator(rows):
    X = rows[0]
    estimator = fit(make_adapted(DANN(0.3, hidden_units=(8,))), rows)
    for copied in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        np.testing.assert_array_equal(
            copied.predict_proba(X), estimator.predict_proba(X)
        )
        assert copied.history_ == estimator.history_
        assert copied.method_.get_params() == {"trade_off": 0.3, "hidden_units": (8,)}


def test_parameters_of_the_method():
    estimator = make_adapted(MCC(temperature=3))
    assert estimator.get_params()["method__temperature"] == 3
    copied = clone(estimator).set_params(method__trade_off=0.5)
    assert copied.method.trade_off == 0.5
    assert estimator.method.trade_off == 1.0
    assert repr(estimator.method) == "MCC(temperature=3)"
    assert "MCC(temperature=3)" in repr(estimator)


def test_a_search_over_methods_and_their_parameters(rows):
    X, y, sample_domain = rows
    grid = GridSearchCV(
        make_adapted(epochs=2),
        [
            {"method": ["source_only", DANN(), MCC(temperature=3)]},
            {"method": [MCC()], "method__trade_off": [0.0, 0.5]},
        ],
        cv=StratifiedDomainKFold(2),
        scoring="neg_log_loss",
        error_score="raise",
    )
    grid.fit(X, y, groups=sample_domain, sample_domain=sample_domain)
    scores = grid.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    # Of no strength it is no adaptation.
    assert scores[3] == scores[0]
    assert len(set(scores)) > 1


# ---- callbacks


def test_keras_callbacks_see_epochs_and_the_losses_of_the_method(rows):
    seen = []

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, dict(logs)))

    estimator = fit(make_adapted("dann", callbacks=[Record]), rows)
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    for name in ("loss", "alignment_loss", "domain_accuracy"):
        assert [logs[name] for _, logs in seen] == estimator.history_[name][1:]
    # Being watched changes nothing.
    assert bits(estimator) == bits(fit(make_adapted("dann"), rows))


def test_keras_callbacks_may_stop_a_fit(rows):
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    assert fit(make_adapted(callbacks=[stop], recipe="full"), rows).n_iter_ == 2


def test_sklearn_callbacks_change_nothing(rows, capsys):
    watched = make_adapted().set_callbacks(ProgressBar())
    assert bits(fit(watched, rows)) == bits(fit(make_adapted(), rows))
    capsys.readouterr()


# ---- kinds of X


def test_rows_of_a_mapped_file(rows, tmp_path):
    X, y, sample_domain = rows
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = bits(fit(make_adapted(), rows))
    assert bits(make_adapted().fit(mapped, y, sample_domain=sample_domain)) == expected


def test_data_frames(rows):
    X, y, sample_domain = rows
    names = [f"pixel{i}" for i in range(64)]
    frame = pd.DataFrame(X, columns=names, index=np.arange(144)[::-1])
    labels = pd.Series(y, index=frame.index)
    domains = pd.Series(sample_domain, index=frame.index)
    estimator = make_adapted().fit(frame, labels, sample_domain=domains)
    assert bits(estimator) == bits(fit(make_adapted(), rows))
    assert estimator.feature_names_in_.tolist() == names
    source = domains >= 0
    beside = make_adapted().fit(
        frame[source], labels[source], X_target=(frame[~source],)
    )
    assert bits(beside) == bits(estimator)
    np.testing.assert_array_equal(estimator.predict(frame), beside.predict(frame))


@pytest.mark.parametrize("method", ["dann", "deep_coral", "deep_jdot"])
def test_images(rows, method):
    X, y, sample_domain = rows
    images = (X * 255).reshape(-1, 8, 8, 1)
    estimator = make_adapted(method, backbone=convolutional, batch_size=16)
    estimator.fit(images, y, sample_domain=sample_domain)
    flat = clone(estimator).set_params(backbone=convolutional((8, 8, 1)))
    flat.fit(images.reshape(144, 64), y, sample_domain=sample_domain)
    assert bits(flat) == bits(estimator)
    source = sample_domain >= 0
    beside = clone(estimator).fit(
        images[source], y[source], X_target=(images[~source],)
    )
    assert bits(beside) == bits(estimator)
    assert estimator.predict(images).shape == (144,)
    plain = clone(estimator).set_params(method="source_only")
    assert bits(estimator) != bits(fit(plain, (images, y, sample_domain)))


# ---- training parameters


@pytest.mark.parametrize(
    ("recipe", "stages"),
    [
        ("full", ["fine_tune"] * 4),
        ("lp_ft", ["probe"] + ["fine_tune"] * 4),
        ("gradual", ["head", "head", "fine_tune", "fine_tune"]),
    ],
)
def test_recipes(rows, recipe, stages):
    estimator = fit(make_adapted(recipe=recipe, epochs=4, frozen_depth=1), rows)
    history = estimator.history_
    assert history["stage"] == stages
    steps = [stage != "probe" for stage in history["stage"]]
    told = [accuracy is not None for accuracy in history["domain_accuracy"]]
    assert told == steps


@pytest.mark.parametrize(
    "parameters",
    [{"recipe": "linear_probe"}, {"recipe": "lp_ft", "frozen_depth": "all"}],
    ids=str,
)
@pytest.mark.parametrize("method", ["dann", "mcc"])
def test_a_method_with_a_loss_needs_gradient_steps(rows, parameters, method):
    with pytest.raises(ValueError, match=r"(?s)method=.*recipe='lp_ft', 'full'"):
        fit(make_adapted(method, **parameters), rows)
    fit(make_adapted("source_only", **parameters), rows)


def test_float64(rows):
    wide = fit(make_adapted("mcc", dtype="float64"), rows)
    assert all(array.dtype == np.float64 for array in wide.backbone_.head)
    assert bits(wide) == bits(fit(make_adapted("mcc", dtype="float64"), rows))
    narrow = fit(make_adapted("mcc"), rows)
    assert bits(wide) != bits(narrow)
    np.testing.assert_allclose(
        wide.predict_proba(rows[0]), narrow.predict_proba(rows[0]), atol=1e-3
    )


def test_all_epochs_of_the_schedule_are_run(rows):
    """The loss of a method need not fall, so that patience would stop too soon."""
    estimator = make_adapted(
        "dann", recipe="full", epochs=8, n_iter_no_change=1, tol=100.0
    )
    assert fit(estimator, rows).n_iter_ == 8
    assert fit(estimator.set_params(method="source_only"), rows).n_iter_ < 8


def test_warm_start_goes_on(rows):
    estimator = make_adapted(warm_start=True, recipe="full")
    loss = fit(estimator, rows).loss_
    assert fit(estimator, rows).loss_curve_[0] < loss


def test_head_keep(rows):
    X, y, sample_domain = rows
    first = fit(make_adapted("source_only", epochs=1), rows)
    kept = DomainAdaptedClassifier(
        first.backbone_, head="keep", method="mcc", epochs=2, random_state=0
    ).fit(X, y, sample_domain=sample_domain)
    assert kept.classes_.tolist() == [0, 1, 2]
    assert kept.history_["stage"] == ["fine_tune"] * 2


# ---- what has gone wrong is told


def test_divergence_is_told(rows):
    estimator = make_adapted(recipe="full", learning_rate=3.0, epochs=4)
    with pytest.warns(ConvergenceWarning, match=r"DANN.*diverged.*trade_off"):
        fit(estimator, rows)


def test_collapse_is_told(rows):
    """All rows of the target are where the source has one class."""
    X, y, sample_domain = (array.copy() for array in rows)
    X[sample_domain < 0] = X[(sample_domain >= 0) & (y == 0)][0]
    with pytest.warns(ConvergenceWarning, match=r"2 of 3 classes are never predicted"):
        fit(make_adapted("mcc"), (X, y, sample_domain))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fit(make_adapted("source_only"), (X, y, sample_domain))


def test_a_good_fit_warns_of_nothing(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", UserWarning)
        fit(make_adapted("mcc"), rows)
