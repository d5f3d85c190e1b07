import random
import threading

import keras
import numpy as np
import pytest
from networks import source_network, with_random_layers
from sklearn.base import clone

from sktransfer import Backbone, BackboneFeatures, TransferClassifier, feature_store
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.store import samples as rows


def bits(estimator):
    return b"".join(array.tobytes() for array in estimator.weights_)


# ---- the same every time


@pytest.mark.parametrize("recipe", ["linear_probe", "full", "lp_ft", "gradual"])
def test_a_fit_repeats_to_the_bit_whatever_ran_before(make, target, digits, recipe):
    X, y = target
    estimator = make(recipe=recipe, epochs=4, early_stopping=True)
    first = bits(estimator.fit(X, y))
    # The same program with other rows, labels, rates and optimizer state ...
    make(recipe=recipe, learning_rate=0.1, random_state=7).fit(digits[0], digits[1])
    make().partial_fit(X, y, classes=np.arange(5)).partial_fit(X, y)
    # ... and another network.
    TransferClassifier("mlp", epochs=1).fit(X, y)
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).predict(
        np.zeros((2, 3)), verbose=0
    )
    assert bits(clone(estimator).fit(X, y)) == first
    assert bits(estimator.fit(X, y)) == first


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_table_network_repeats_to_the_bit(target, dtype):
    estimator = TransferClassifier("mlp", epochs=2, random_state=3, dtype=dtype)
    first = estimator.fit(*target).predict_proba(target[0])
    again = clone(estimator).fit(*target).predict_proba(target[0])
    assert first.tobytes() == again.tobytes()


def test_random_layers_repeat_to_the_bit(target):
    backbone = Backbone.from_model(with_random_layers())
    estimator = TransferClassifier(backbone, epochs=3, recipe="full", random_state=0)
    first = bits(estimator.fit(*target))
    clone(estimator).set_params(random_state=1, epochs=2).fit(*target)
    assert bits(clone(estimator).fit(*target)) == first


def test_random_state_may_be_a_generator(make, target):
    first = make(random_state=np.random.RandomState(5)).fit(*target)
    again = make(random_state=np.random.RandomState(5)).fit(*target)
    assert bits(first) == bits(again)
    assert bits(first.fit(*target)) != bits(again)


def test_random_state_none_is_another_fit_each_time(make, target):
    assert bits(make(random_state=None).fit(*target)) != bits(
        make(random_state=None).fit(*target)
    )


# ---- threads


def test_four_threads_give_what_one_gives(make, target, source):
    X, y = target
    rotated = Backbone.from_model(with_random_layers())

    def estimators():
        return [
            make(recipe="full"),
            make(recipe="lp_ft", random_state=1),
            make(recipe="gradual", frozen_depth=1),
            make(recipe="full", learning_rate=0.01, early_stopping=True),
            make(backbone=rotated, recipe="full"),
            make(backbone=rotated, random_state=2, optimizer="sgd"),
            make(backbone="mlp", epochs=2),
            make(frozen_depth="all", dtype="float64"),
        ]

    def fit(estimator):
        estimator.fit(X, y)
        return bits(estimator) + estimator.predict_proba(X).tobytes()

    # Threads first, so that they also build the programs at the same time.
    shared, results = estimators(), [None] * 8
    barrier = threading.Barrier(4)

    def work(first):
        barrier.wait()
        for i in (first, first + 4):
            results[i] = fit(shared[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [fit(estimator) for estimator in estimators()]


def test_threads_may_fit_the_same_network(make, target):
    X, y = target
    alone = [bits(make(random_state=seed).fit(X, y)) for seed in range(4)]
    together = [None] * 4

    def work(seed):
        together[seed] = bits(make(random_state=seed).fit(X, y))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


# ---- global generators


@pytest.mark.parametrize("random_state", [None, 0])
@pytest.mark.parametrize("source_of", ["mlp", "model", "random layers"])
def test_global_random_state_is_not_changed(target, random_state, source_of):
    model = {
        "mlp": "mlp",
        "model": source_network(),
        "random layers": with_random_layers(),
    }[source_of]
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    estimator = TransferClassifier(
        model, epochs=2, early_stopping=True, random_state=random_state
    )
    estimator.fit(*target).predict(target[0])
    if source_of != "mlp":
        BackboneFeatures(model).fit_transform(target[0])
    assert random.getstate() == expected[0]
    assert np.random.get_state()[1].tobytes() == expected[1]  # noqa: NPY002


def test_global_random_state_is_not_read(target):
    """Fits differ with random_state=None although the global seeds are the same."""

    def fit(random_state, seed):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        model = with_random_layers()
        random.seed(seed)
        return bits(
            TransferClassifier(model, epochs=2, random_state=random_state).fit(*target)
        )

    assert fit(None, 1) != fit(None, 1)
    assert fit(0, 1) == fit(0, 2)


def test_keras_draws_the_same_numbers_after_a_fit(make, target):
    def draw():
        return keras.ops.convert_to_numpy(
            keras.random.normal((3,), seed=keras.random.SeedGenerator(0))
        )

    before = draw()
    make().fit(*target)
    assert np.array_equal(draw(), before)


# ---- compiled once


def test_nothing_is_traced_again(make, source, digits):
    X, y = digits[2], digits[3]
    estimator = make(frozen_depth=1, recipe="full", epochs=2)
    estimator.fit(X[:100], y[:100]).predict(X)
    program = get_program(source, 1, 5, "float32")
    traces = program.n_traces
    assert traces > 0
    for parameters in (
        {"learning_rate": 0.01},
        {"weight_decay": 0.1},
        {"label_smoothing": 0.2},
        {"head_learning_rate": 0.1},
        {"early_stopping": True},
        {"epochs": 5, "random_state": 3},
        {"optimizer": keras.optimizers.AdamW(0.5)},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)},
    ):
        clone(estimator).set_params(**parameters).fit(X[:100], y[:100])
        assert program.n_traces == traces, parameters
    for n in (20, 99, 101, 400):
        weight = np.linspace(0.1, 3, n)
        clone(estimator).fit(X[:n], y[:n], sample_weight=weight).predict(X[: n // 2])
        assert program.n_traces == traces, n
    # Another network of the same architecture.
    weights = [array + 0.01 for array in source.weights]
    make(backbone=source.replace(weights=weights), frozen_depth=1, recipe="full").fit(
        X[:100], y[:100]
    )
    assert program is get_program(source, 1, 5, "float32")
    assert program.n_traces == traces


def test_optimizers_by_name_are_compiled_once(make, source, target):
    for _ in range(2):
        make(recipe="full", epochs=1).fit(*target)
    program = get_program(source, 0, 5, "float32")
    traces = program.n_traces
    make(recipe="full", epochs=1, optimizer="AdamW").fit(*target)
    assert program is get_program(source, 0, 5, "float32")
    assert program.n_traces == traces


# ---- rows that do not fit in memory


@pytest.mark.parametrize("recipe", ["full", "lp_ft"])
@pytest.mark.parametrize("depth", [0, 2])
def test_chunks_change_nothing(make, target, tmp_path, monkeypatch, recipe, depth):
    X, y = target
    estimator = make(frozen_depth=depth, recipe=recipe, batch_size=8)
    whole = bits(estimator.fit(X, y))
    on_disk = np.memmap(tmp_path / "rows", X.dtype, "w+", shape=X.shape)
    on_disk[:] = X
    monkeypatch.setattr(feature_store, "max_bytes", 0)
    for keep, chunk in ((0, 1 << 26), (0, 1), (1 << 30, 1), (0, 10_000)):
        monkeypatch.setattr(rows, "_KEEP_BYTES", keep)
        monkeypatch.setattr(rows, "_CHUNK_BYTES", chunk)
        assert bits(clone(estimator).fit(on_disk, y)) == whole


def test_chunks_draw_the_same_random_numbers(target, monkeypatch):
    estimator = TransferClassifier(
        with_random_layers(), epochs=2, recipe="full", batch_size=8, random_state=0
    )
    whole = bits(estimator.fit(*target))
    monkeypatch.setattr(rows, "_CHUNK_BYTES", 1)
    assert bits(clone(estimator).fit(*target)) == whole
