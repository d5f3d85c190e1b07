import hashlib
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import joblib
import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from networks import source_network, two_layers
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sktransfer import BackboneFeatures, TransferClassifier, _estimator

TESTS = Path(__file__).parent


# ---- clone and pickle


def pickle_copy(estimator, tmp_path):
    return pickle.loads(pickle.dumps(estimator))


def cloudpickle_copy(estimator, tmp_path):
    return cloudpickle.loads(cloudpickle.dumps(estimator))


def joblib_copy(estimator, tmp_path):
    joblib.dump(estimator, tmp_path / "estimator.joblib", compress=3)
    return joblib.load(tmp_path / "estimator.joblib")


COPIES = pytest.mark.parametrize(
    "copy",
    [pickle_copy, cloudpickle_copy, joblib_copy, lambda estimator, _: clone(estimator)],
    ids=["pickle", "cloudpickle", "joblib", "clone"],
)
BACKBONES = pytest.mark.parametrize("kind", ["mlp", "callable", "model", "backbone"])


@pytest.fixture
def estimator_on(source, source_model):
    def make(kind):
        backbone = {
            "mlp": "mlp",
            "callable": two_layers,
            "model": source_model,
            "backbone": source,
        }[kind]
        return TransferClassifier(backbone, epochs=1, random_state=0)

    return make


@COPIES
@BACKBONES
def test_a_copy_fits_alike(estimator_on, target, tmp_path, kind, copy):
    estimator = estimator_on(kind)
    copied = copy(estimator, tmp_path)
    expected = estimator.fit(*target).predict_proba(target[0])
    assert copied.fit(*target).predict_proba(target[0]).tobytes() == expected.tobytes()
    assert copied.get_params().keys() == estimator.get_params().keys()


def test_a_fit_pickled_in_another_format_is_refused(make, target, monkeypatch):
    fresh, fitted = make(), make(epochs=1).fit(*target)
    monkeypatch.setattr(_estimator, "_FORMAT", 0)
    old = pickle.dumps(fitted), pickle.dumps(fresh)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"TransferClassifier.*in format 0.*reads"):
        pickle.loads(old[0])
    # Parameters alone are read.
    assert pickle.loads(old[1]).epochs == 3
    assert "_format" not in vars(pickle.loads(pickle.dumps(fitted)))


@pytest.mark.parametrize("copy", [pickle_copy, cloudpickle_copy, joblib_copy])
@BACKBONES
def test_a_copy_of_a_fitted_estimator(estimator_on, target, tmp_path, kind, copy):
    estimator = estimator_on(kind).fit(*target)
    copied = copy(estimator, tmp_path)
    proba = estimator.predict_proba(target[0])
    assert copied.predict_proba(target[0]).tobytes() == proba.tobytes()
    assert copied.history_ == estimator.history_
    assert copied.backbone_ == estimator.backbone_


def test_another_process_predicts_the_same_bits(make, target, tmp_path):
    X, y = target
    fitted = make(frozen_depth=1).fit(X, y)
    joblib.dump((fitted, make(frozen_depth=1), X, y), tmp_path / "estimators")
    code = (
        "import sys, hashlib, joblib\n"
        "fitted, unfitted, X, y = joblib.load(sys.argv[1])\n"
        "for estimator in fitted, unfitted.fit(X, y):\n"
        "    proba = estimator.predict_proba(X)\n"
        "    print(hashlib.sha256(proba.tobytes()).hexdigest())\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "estimators")],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    ).stdout.split()
    here = hashlib.sha256(fitted.predict_proba(X).tobytes()).hexdigest()
    assert there == [here, here]


def test_a_function_defined_on_the_spot_is_pickled_by_cloudpickle(target):
    def network():
        return source_network()

    estimator = TransferClassifier(lambda: network(), epochs=1, random_state=0)
    copied = cloudpickle.loads(cloudpickle.dumps(estimator.fit(*target)))
    expected = estimator.predict_proba(target[0])
    assert copied.predict_proba(target[0]).tobytes() == expected.tobytes()


# ---- searches


GRID = {"learning_rate": [1e-4, 1e-2], "frozen_depth": [0, -1, "all"]}


@pytest.fixture(scope="module")
def searches(source, digits):
    X, y = digits[2][:100], digits[3][:100]
    estimator = TransferClassifier(source, epochs=2, random_state=0)
    return X, [
        GridSearchCV(estimator, GRID, scoring="roc_auc_ovr", cv=2, n_jobs=n_jobs).fit(
            X, y
        )
        for n_jobs in (1, 2)
    ]


def test_grid_search(searches):
    X, (search, _) = searches
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 6
    assert scores.min() > 0.9
    assert len(set(scores)) > 1
    assert search.predict_proba(X).shape == (100, 5)
    assert search.best_estimator_.get_params()["epochs"] == 2


def test_grid_search_in_workers_gives_the_same(searches):
    X, (alone, parallel) = searches
    for key in ("split0_test_score", "split1_test_score"):
        assert np.array_equal(alone.cv_results_[key], parallel.cv_results_[key])
    assert alone.best_params_ == parallel.best_params_
    assert alone.predict_proba(X).tobytes() == parallel.predict_proba(X).tobytes()


def test_workers_share_the_cores(searches):
    def threads():
        from tensorflow.config import threading

        # The first fit of a worker sets them.
        TransferClassifier("mlp", epochs=1).fit([[0.0], [1.0]] * 5, [0, 1] * 5)
        return (
            threading.get_intra_op_parallelism_threads(),
            threading.get_inter_op_parallelism_threads(),
        )

    before = threads()
    given = int(os.environ.get("OMP_NUM_THREADS", max(1, joblib.cpu_count() // 2)))
    results = joblib.Parallel(n_jobs=2)(joblib.delayed(threads)() for _ in range(2))
    assert results == [(given, given)] * 2
    # Here TensorFlow decides, or the user.
    assert threads() == before


@pytest.mark.parametrize("backbone", [two_layers, "model"])
def test_workers_get_backbones_of_other_kinds(source_model, target, backbone):
    estimator = TransferClassifier(
        source_model if backbone == "model" else backbone,
        recipe="linear_probe",
        random_state=0,
    )
    results = [
        cross_validate(estimator, *target, cv=2, n_jobs=n_jobs, error_score="raise")
        for n_jobs in (1, 2)
    ]
    assert np.array_equal(results[0]["test_score"], results[1]["test_score"])


def test_integer_cv_is_stratified(make, target):
    X, y = target
    order = np.argsort(y, kind="stable")
    result = cross_validate(
        make(), X[order], y[order], cv=5, scoring=["accuracy", "roc_auc_ovr"]
    )
    assert result["test_accuracy"].min() > 0.5
    assert result["test_roc_auc_ovr"].min() > 0.8


def test_cross_validate_with_several_metrics(make, target):
    scoring = [
        "accuracy",
        "f1_macro",
        "neg_log_loss",
        "roc_auc_ovr",
        "balanced_accuracy",
    ]
    result = cross_validate(make(), *target, cv=2, scoring=scoring, error_score="raise")
    for name in scoring:
        assert np.isfinite(result[f"test_{name}"]).all()


def test_halving_grid_search_over_epochs(make, target):
    search = HalvingGridSearchCV(
        make(),
        {"learning_rate": [1e-4, 1e-3, 1e-2], "frozen_depth": [0, 1]},
        resource="epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
        cv=2,
        random_state=0,
        error_score="raise",
    ).fit(*target)
    assert search.n_resources_ == [1, 2, 4]
    assert search.best_score_ > 0.7


def test_learning_curve(make, target):
    sizes, _, scores = learning_curve(
        make(), *target, train_sizes=[20, 50], cv=2, error_score="raise"
    )
    assert sizes.tolist() == [20, 50]
    assert scores.shape == (2, 2)


def test_permutation_importance(target):
    X, y = target[0][:, [0, 20]], target[1]
    estimator = TransferClassifier("mlp", epochs=10, random_state=0, learning_rate=0.01)
    importances = permutation_importance(
        estimator.fit(X, y), X, y, n_repeats=2, random_state=0
    ).importances_mean
    # The first pixel is the same in all rows.
    assert importances[0] == 0
    assert importances[1] > 0


# ---- pipelines


def test_pipeline_with_a_scaler(make, target):
    X, y = target
    pipeline = make_pipeline(StandardScaler(), make())
    search = GridSearchCV(
        pipeline, {"transferclassifier__frozen_depth": [0, "all"]}, cv=2
    ).fit(X, y)
    assert search.best_score_ > 0.8


def test_pipeline_with_a_column_transformer(target):
    X, y = target
    frame = pd.DataFrame(X[:, 10:30], columns=[f"pixel{i}" for i in range(10, 30)])
    frame["bright"] = np.where(X.mean(axis=1) > X.mean(), "yes", "no")
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), slice(0, 20)),
                ("words", OneHotEncoder(sparse_output=False), ["bright"]),
            ]
        ),
        TransferClassifier("mlp", epochs=10, random_state=0, learning_rate=0.01),
    ).fit(frame, y)
    assert pipeline.score(frame, y) > 0.8
    assert pipeline[-1].n_features_in_ == 22


def test_features_in_a_pipeline(source, target):
    probe = make_pipeline(
        BackboneFeatures(source), StandardScaler(), LogisticRegression()
    )
    scores = cross_validate(probe, *target, cv=3, error_score="raise")["test_score"]
    assert scores.mean() > 0.8


def test_features_have_names(source, target):
    X, _ = target
    features = BackboneFeatures(source).fit(X)
    names = features.get_feature_names_out()
    assert names.tolist() == [f"backbonefeatures{i}" for i in range(24)]
    values = features.transform(X)
    assert values.dtype == np.float32
    for container, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame)):
        frame = features.set_output(transform=container).transform(X)
        assert isinstance(frame, kind)
        assert list(frame.columns) == names.tolist()
        assert np.array_equal(frame.to_numpy(), values)


def test_features_of_an_inner_layer(source, target):
    grid = GridSearchCV(
        make_pipeline(BackboneFeatures(source), StandardScaler(), LogisticRegression()),
        {"backbonefeatures__feature_layer": ["auto", "first", "second"]},
        cv=2,
        error_score="raise",
    ).fit(*target)
    assert (
        grid.best_estimator_[0].backbone_.n_features_out
        == {"auto": 24, "first": 48, "second": 32}[
            grid.best_params_["backbonefeatures__feature_layer"]
        ]
    )


# ---- ensembles


def test_calibration(make, target):
    calibrated = CalibratedClassifierCV(make(), cv=2).fit(*target)
    assert calibrated.score(*target) > 0.8


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bagging(make, target, n_jobs):
    bagging = BaggingClassifier(make(), n_estimators=3, random_state=0, n_jobs=n_jobs)
    assert bagging.fit(*target).score(*target) > 0.8


def test_voting(make, target):
    voting = VotingClassifier(
        [("tuned", make()), ("linear", LogisticRegression())], voting="soft"
    )
    assert voting.fit(*target).score(*target) > 0.8


def test_stacking(make, target):
    stacking = StackingClassifier(
        [("tuned", make()), ("probe", make(recipe="linear_probe"))], cv=2
    )
    assert stacking.fit(*target).score(*target) > 0.8


def test_one_versus_rest(make, target):
    one_versus_rest = OneVsRestClassifier(make()).fit(*target)
    assert one_versus_rest.score(*target) > 0.8
    assert one_versus_rest.predict_proba(target[0]).shape == (100, 5)


# ---- frames


NAMES = [f"pixel{i}" for i in range(64)]


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_frames(make, source, target, make_frame):
    X, y = target
    frame = make_frame(dict(zip(NAMES, X.T, strict=True)))
    estimator = make().fit(frame, y)
    assert estimator.feature_names_in_.tolist() == NAMES
    plain = make().fit(X, y)
    expected = plain.predict_proba(X)
    assert estimator.predict_proba(frame).tobytes() == expected.tobytes()
    swapped = frame[NAMES[::-1]]
    for method in ("predict", "predict_proba"):
        with pytest.raises(ValueError, match="feature names should match"):
            getattr(estimator, method)(swapped)
    features = BackboneFeatures(source).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        features.transform(swapped)


def test_series_of_labels(make, target):
    X, y = target
    labels = pd.Series(np.array(list("abcde"))[y], index=np.arange(100)[::-1])
    estimator = make().fit(X, labels)
    assert estimator.classes_.tolist() == list("abcde")
    categories = make().fit(X, labels.astype("category"))
    assert np.array_equal(categories.predict(X), estimator.predict(X))


# ---- scikit-learn's callbacks


class Tasks:
    """Notes the tasks of a fit."""

    def __init__(self):
        self.begun, self.ended, self.predictions, self.life = [], [], [], []

    def setup(self, estimator, context):
        self.life.append("setup")

    def teardown(self, estimator, context):
        self.life.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator=None):
        self.ended.append((context.task_name, context.task_id))
        if context.task_name == "epoch":
            self.predictions.append(fitted_estimator.predict_proba(X))


class StopAtOnce(Tasks):
    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id == 1


def test_callback_sees_epochs(make, target):
    tasks = Tasks()
    estimator = make(recipe="full").set_callbacks(tasks).fit(*target)
    assert tasks.life == ["setup", "teardown"]
    assert tasks.begun[0] == ("fit", 3)
    assert [name for name, _ in tasks.begun[1:]] == ["epoch"] * 3
    assert tasks.ended == [("epoch", 0), ("epoch", 1), ("epoch", 2), ("fit", 0)]
    # It could predict with what was trained so far.
    losses = [
        -np.log(proba[np.arange(100), target[1]]).mean() for proba in tasks.predictions
    ]
    assert losses[2] < losses[1] < losses[0]
    final = estimator.predict_proba(target[0])
    assert tasks.predictions[-1].tobytes() == final.tobytes()


def test_watching_changes_nothing(make, target):
    for recipe in ("full", "gradual"):
        watched = make(recipe=recipe, epochs=4).set_callbacks(Tasks()).fit(*target)
        alone = make(recipe=recipe, epochs=4).fit(*target)
        assert (
            watched.predict_proba(target[0]).tobytes()
            == alone.predict_proba(target[0]).tobytes()
        )


class CompareWithFirst(Tasks):
    """Predicts with the model of the first epoch after each one."""

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator=None):
        self.first = getattr(self, "first", fitted_estimator)
        self.predictions.append(self.first.predict_proba(X))


def test_callback_may_predict_with_an_earlier_epoch(make, target):
    compare = CompareWithFirst()
    watched = make(recipe="full").set_callbacks(compare).fit(*target)
    alone = make(recipe="full").fit(*target)
    assert compare.predictions[0].tobytes() == compare.predictions[-1].tobytes()
    assert (
        watched.predict_proba(target[0]).tobytes()
        == alone.predict_proba(target[0]).tobytes()
    )


def test_weights_put_back_at_the_end_are_those_that_are_kept(make, target):
    """Also when a callback of scikit-learn has read others after the last epoch."""

    class PutBack(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.kept = self.model.get_weights()

        def on_train_end(self, logs=None):
            self.model.set_weights(self.kept)

    alone = make(recipe="full", callbacks=[PutBack]).fit(*target)
    watched = make(recipe="full", callbacks=[PutBack])
    watched.set_callbacks(CompareWithFirst()).fit(*target)
    for first, second in zip(alone.weights_, watched.weights_, strict=True):
        assert first.tobytes() == second.tobytes()
    proba = watched.predict_proba(target[0])
    make(recipe="full", epochs=1).fit(*target)
    assert watched.predict_proba(target[0]).tobytes() == proba.tobytes()


def test_callback_may_stop_the_fit(make, target):
    estimator = make(recipe="full", epochs=10).set_callbacks(StopAtOnce())
    assert estimator.fit(*target).n_iter_ == 2


def test_callback_is_torn_down_when_fit_fails(make, target):
    tasks = Tasks()
    with pytest.raises(ValueError, match="learning_rate"):
        make(learning_rate=-1).set_callbacks(tasks).fit(*target)
    assert tasks.life in ([], ["setup", "teardown"])


def test_linear_probe_under_a_callback(make, target):
    tasks = Tasks()
    make(recipe="linear_probe").set_callbacks(tasks).fit(*target)
    assert tasks.ended[-1] == ("fit", 0)


def test_progress_bar(make, target, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    make(epochs=4, recipe="full").set_callbacks(ProgressBar()).fit(*target)
    assert "TransferClassifier" in shown.getvalue()
    assert "100%" in shown.getvalue()


class Epochs(Tasks):
    """Notes tasks at any depth."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context):
        self.ended.append((type(estimator).__name__, context.task_name))


def test_callbacks_see_epochs_through_a_grid_search(make, target, monkeypatch):
    epochs = Epochs()
    grid = GridSearchCV(make(recipe="full"), {"frozen_depth": [0, 1]}, cv=2)
    grid.set_callbacks(epochs).fit(*target)
    seen = [name for name in epochs.ended if name == ("TransferClassifier", "epoch")]
    assert len(seen) == 3 * (2 * 2 + 1)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    grid.set_callbacks(ProgressBar()).fit(*target)
    assert "TransferClassifier" in shown.getvalue()


# ---- metadata routing


def test_sample_weight_is_routed(make, target):
    X, y = target
    weight = np.linspace(0.1, 3, 100)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = make().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), estimator)
        pipeline[0].set_fit_request(sample_weight=False)
        pipeline.fit(X, y, sample_weight=weight)
        direct = make().fit(pipeline[0].transform(X), y, sample_weight=weight)
        expected = direct.predict_proba(pipeline[0].transform(X))
        assert pipeline.predict_proba(X).tobytes() == expected.tobytes()

        scored = make().set_fit_request(sample_weight=True)
        scored.set_score_request(sample_weight=True)
        weighted = cross_validate(scored, X, y, cv=2, params={"sample_weight": weight})
        ignoring = make().set_fit_request(sample_weight=False)
        ignoring.set_score_request(sample_weight=True)
        plain = cross_validate(ignoring, X, y, cv=2, params={"sample_weight": weight})
    assert not np.array_equal(weighted["test_score"], plain["test_score"])


def test_sample_weight_in_a_search(make, target):
    weight = np.linspace(0.1, 3, 100)
    grid = GridSearchCV(make(), {"frozen_depth": [0, 1]}, cv=2)
    grid.fit(*target, sample_weight=weight)
    depth = grid.best_params_["frozen_depth"]
    direct = make(frozen_depth=depth).fit(*target, sample_weight=weight)
    assert (
        grid.predict_proba(target[0]).tobytes()
        == direct.predict_proba(target[0]).tobytes()
    )
