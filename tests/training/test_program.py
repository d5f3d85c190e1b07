"""Programs: shared by fits, and blind to how rows are grouped."""

import random
import threading

import keras
import numpy as np
import pytest
from graphs import make, outputs, rows, same_bits

from sktransfer import Backbone
from sktransfer._caches import Cache
from sktransfer._random import preserve_random_state
from sktransfer.training.step import program_cache
from sktransfer.training.step.program import Program
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.store.samples import SampleFeatures, Samples


@pytest.fixture
def own_cache(monkeypatch):
    cache = Cache("programs of a test", 10**12)
    monkeypatch.setattr(program_cache, "_programs", cache)
    return cache


def backbone_of(name, seed=0):
    return Backbone.from_model(make(name, seed), feature_layer="output")


def head_of(backbone, n_classes=3, dtype="float32"):
    rng = np.random.default_rng(1)
    return (
        rng.normal(size=(backbone.n_features_out, n_classes)).astype(dtype),
        rng.normal(size=n_classes).astype(dtype),
    )


def loaded(name, depth, dtype="float32"):
    backbone = backbone_of(name)
    program = Program(backbone, depth, 3, dtype)
    program.load(backbone.weights, head_of(backbone, dtype=dtype))
    return program


# ---- the cache


def test_programs_are_shared(own_cache):
    first = get_program(backbone_of("sequential"), 1, 3, "float32")
    assert get_program(backbone_of("sequential", seed=1), 1, 3, "float32") is first
    others = [
        get_program(backbone_of("sequential"), 2, 3, "float32"),
        get_program(backbone_of("sequential"), 1, 4, "float32"),
        get_program(backbone_of("sequential"), 1, 3, "float64"),
        get_program(backbone_of("skip_connections"), 1, 3, "float32"),
    ]
    assert len({id(program) for program in [first, *others]}) == 5


def test_the_cache_is_bounded_and_drops_what_was_not_used_longest(own_cache):
    backbone = backbone_of("sequential")
    first, second = (get_program(backbone, 0, n, "float32") for n in (2, 3))
    get_program(backbone, 0, 4, "float32")
    assert get_program(backbone, 0, 2, "float32") is first
    own_cache.max_bytes = own_cache.bytes
    get_program(backbone, 0, 5, "float32")
    assert 0 < own_cache.bytes <= own_cache.max_bytes
    assert get_program(backbone, 0, 2, "float32") is first
    assert get_program(backbone, 0, 3, "float32") is not second


def test_threads_get_the_same_program(own_cache):
    backbone, found = backbone_of("sequential"), []
    threads = [
        threading.Thread(
            target=lambda: found.append(get_program(backbone, 1, 3, "float32"))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(program) for program in found}) == 1


# ---- what it computes


@pytest.mark.parametrize(
    ("name", "dtype", "tolerance"),
    [
        ("skip_connections", "float32", 1e-5),
        ("skip_connections", "float64", 1e-5),
        ("convolutional", "float32", 1e-4),
        ("attention", "float32", 1e-5),
        ("random_layers", "float32", 1e-5),
        ("embedding", "float32", 1e-5),
        ("masked_embedding", "float32", 1e-5),
    ],
)
def test_scores_are_features_times_head_at_every_depth(name, dtype, tolerance):
    backbone = backbone_of(name)
    X = rows(backbone.build(), 9)
    kernel, bias = head_of(backbone)
    expected = outputs(backbone.build(), X, training=False) @ kernel + bias
    for depth in (0, 2, backbone.n_layers):
        program = loaded(name, depth, dtype)
        scores = program.predict(X)
        assert scores.dtype == dtype
        np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize(
    "name", ["skip_connections", "convolutional", "attention", "embedding"]
)
def test_a_row_has_the_same_bits_in_any_company(name, depth):
    program = loaded(name, depth)
    model = backbone_of(name).build()
    n = 2 * program.samples_per_call + 5
    X = rows(model, n)
    features, scores = program.prefix(X), program.predict(X)
    assert len(scores) == n
    order = np.random.default_rng(0).permutation(n)
    for chosen in (order, order[:1], order[:7], slice(3, 40), slice(n - 1, n)):
        part = X[chosen]
        assert all(
            same_bits(some, every[chosen])
            for some, every in zip(program.prefix(part), features, strict=True)
        )
        assert same_bits(program.predict(part), scores[chosen])
        assert same_bits(program.logits([f[chosen] for f in features]), scores[chosen])


@pytest.mark.parametrize("layout", ["fortran", "strided", "float64", "memmap"])
def test_layout_of_rows_does_not_matter(layout, tmp_path):
    program = loaded("skip_connections", 1)
    X = rows(backbone_of("skip_connections").build(), 20)
    if layout == "memmap":
        other = np.memmap(tmp_path / "rows", "float32", "w+", shape=X.shape)
        other[:] = X
    else:
        other = {
            "fortran": np.asfortranarray(X),
            "strided": np.repeat(X, 2, axis=0)[::2],
            "float64": X.astype("float64"),
        }[layout]
    assert same_bits(program.predict(other), program.predict(X))


def test_number_of_rows_causes_no_trace():
    program = loaded("skip_connections", 1)
    X = rows(backbone_of("skip_connections").build(), 600)
    program.predict(X[:3])
    traces = program.n_traces
    for n in (1, 5, 256, 257, 600):
        program.predict(X[:n])
    assert program.n_traces == traces


def test_a_thread_that_builds_waits_for_a_program_without_blocking_others():
    program, held, waits = loaded("sequential", 1), threading.Event(), threading.Event()
    done = []

    def train():
        with program.hold():
            held.set()
            waits.wait(10)
            with preserve_random_state():
                done.append("trained")

    def build():
        """As a function of the user that predicts while a backbone is built."""
        held.wait(10)
        with preserve_random_state(seed=3):
            first = random.random()
            waits.set()
            with program.hold():
                done.append((first, random.random()))

    threads = [threading.Thread(target=work, daemon=True) for work in (train, build)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    expected = random.Random(3)
    assert done == ["trained", (expected.random(), expected.random())]


def test_load_and_read():
    first, second = (
        backbone_of("batch_normalization"),
        backbone_of("batch_normalization", seed=1),
    )
    program = Program(first, 1, 3, "float32")
    for backbone in (first, second, first):
        head = head_of(backbone)
        program.load(backbone.weights, head)
        weights, kept = program.read()
        assert all(map(same_bits, weights, backbone.weights))
        assert all(map(same_bits, kept, head))


def test_weights_that_do_not_fit_are_not_taken_for_loaded():
    backbone = backbone_of("sequential")
    program = Program(backbone, 1, 3, "float32")
    head = head_of(backbone)
    program.load(backbone.weights, head)
    X = rows(backbone.build())
    expected = program.predict(X)
    with pytest.raises(ValueError, match="shape"):
        program.load(backbone_of("sequential", 1).weights, head_of(backbone, 4))
    program.load(backbone.weights, head)
    assert same_bits(program.predict(X), expected)


def test_seeds_of_random_layers():
    program = loaded("random_layers", 0)
    X = rows(backbone_of("random_layers").build())

    def draw(seed):
        program.seed(np.random.default_rng(seed))
        return outputs(program.network, X, training=True)

    assert same_bits(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
    program.seed(np.random.default_rng(0))
    assert not np.array_equal(
        outputs(program.network, X, training=True),
        outputs(program.network, X, training=True),
    )


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_trained_variables(depth):
    program = loaded("sequential", depth)
    shapes = [[tuple(v.shape) for v in layer] for layer in program.trained]
    every = [[(6, 7), (7,)], [(7, 6), (6,)], [(6, 5), (5,)], [(5, 3), (3,)]]
    assert shapes == every[depth:]
    trainable = {id(v) for layer in program.trained for v in layer}
    assert trainable == {id(v) for v in program.network.trainable_variables}


# ---- rows of a training set


def examples(X):
    n = len(X)
    return Samples(X, np.arange(n), np.zeros(n, "int32"), np.ones(n))


def test_rows_are_taken_in_any_order(monkeypatch):
    from sktransfer.training.store import samples as rows_module

    program = loaded("skip_connections", 1)
    X = rows(backbone_of("skip_connections").build(), 50)
    order = np.random.default_rng(0).permutation(50)
    kept = SampleFeatures(examples(X), program)
    monkeypatch.setattr(rows_module.feature_store, "max_bytes", 0)
    monkeypatch.setattr(rows_module, "_KEEP_BYTES", 0)
    anew = SampleFeatures(examples(X), program)
    for a, b, c in zip(
        kept.take(order), anew.take(order), program.prefix(X), strict=True
    ):
        assert same_bits(a, b)
        assert same_bits(a, c[order])
    assert same_bits(kept.logits(), anew.logits())
    some = SampleFeatures(examples(X).part(order[:9]), program)
    assert same_bits(some.logits(), kept.logits()[order[:9]])
    assert same_bits(some.features(), kept.features()[order[:9]])


@pytest.mark.parametrize("chunk_bytes", [1, 500, 1 << 26])
def test_chunks_are_whole_batches(chunk_bytes, monkeypatch):
    from sktransfer.training.store import samples as rows_module

    monkeypatch.setattr(rows_module, "_CHUNK_BYTES", chunk_bytes)
    program = loaded("sequential", 1)
    X = rows(backbone_of("sequential").build(), 50)
    features = SampleFeatures(examples(X), program)
    order = np.random.default_rng(0).permutation(50)
    chunks = list(features.chunks(order, 8))
    np.testing.assert_array_equal(np.concatenate(chunks), order)
    assert all(len(chunk) % 8 == 0 for chunk in chunks[:-1])


def test_backend_is_tensorflow():
    assert keras.backend.backend() == "tensorflow"


def test_masks_reach_the_trained_part():
    backbone = backbone_of("masked_embedding")
    X = np.array([[1, 2, 0, 0, 0], [3, 0, 0, 0, 0], [1, 2, 3, 4, 5]], dtype="int32")
    expected = backbone.build()(X).numpy()
    for depth in range(backbone.n_layers + 1):
        program = get_program(backbone, depth, expected.shape[1], "float32")
        with program.hold():
            program.load(
                backbone.weights, (np.eye(len(expected.T)), np.zeros(len(expected.T)))
            )
            scores = program.logits(program.prefix(X))
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
