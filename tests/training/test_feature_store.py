"""The feature store: each distinct row once, the same bits, bounded, on disk too."""

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import joblib
import keras
import networks
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from sktransfer import Backbone, BackboneFeatures, TransferClassifier, feature_store
from sktransfer.training.step.program import Program
from sktransfer.training.store.digests import array_digest, sample_digests
from sktransfer.training.store.feature_folder import FeatureFolder, open_folder
from sktransfer.training.store.feature_store import FeatureStore


def same_bits(first, second):
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(first, second, strict=True)
    )


@pytest.fixture
def computed(monkeypatch):
    """Number of rows of each call of a prefix or a whole backbone."""
    calls = []

    def counting(name):
        method = vars(Program)[name]

        def run(self, X):
            if name == "features" or self.has_prefix:
                calls.append(len(X))
            return method(self, X)

        return run

    for name in ("prefix", "features"):
        monkeypatch.setattr(Program, name, counting(name))
    return calls


@pytest.fixture
def max_bytes(monkeypatch):
    """Set the bound of the process's store until the test ends."""
    return lambda value: monkeypatch.setattr(feature_store, "max_bytes", value)


class Rows:
    """Rows of integers; their outputs are twice and three times as many numbers."""

    def __init__(self, store, folder=None):
        self.store, self.folder, self.computed = store, folder, []

    def __call__(self, values, space="space", page_rows=10, **kwargs):
        X = np.array(values, dtype=np.int64)[:, None]

        def compute(positions):
            self.computed += X[positions, 0].tolist()
            return outputs(X[positions])

        gathered = self.store.gather(
            space,
            sample_digests(X, np.arange(len(X))),
            compute,
            page_rows=page_rows,
            folder=self.folder,
            **kwargs,
        )
        assert same_bits(gathered.take(), outputs(X))
        return gathered


def outputs(X):
    """Two arrays of unlike types and shapes."""
    return [
        np.repeat(2.0 * X, 2, axis=1),
        np.repeat(3 * X, 6, axis=1).reshape(-1, 2, 3),
    ]


# ---- rows, pages and the bound


def test_each_distinct_row_is_computed_once():
    rows = Rows(FeatureStore())
    rows([1, 2, 1, 3])
    assert rows.computed == [1, 2, 3]
    assert (rows.store.hits, rows.store.misses) == (1, 3)
    rows([3, 4, 4, 1])
    assert rows.computed == [1, 2, 3, 4]
    assert (rows.store.hits, rows.store.misses) == (4, 4)
    rows([1], space="another")
    assert rows.computed == [1, 2, 3, 4, 1]


def test_rows_are_taken_in_any_order_from_many_pages():
    rows = Rows(FeatureStore())
    gathered = rows(range(35))
    order = np.random.default_rng(0).permutation(35)
    for chosen in (order, order[:1], slice(4, 8), slice(8, 12)):
        values = np.arange(35)[chosen][:, None]
        assert same_bits(gathered.take(chosen), outputs(values))
    with pytest.raises(ValueError, match="read-only"):
        gathered.take(slice(0, 2))[0][:] = 0


def test_the_page_that_was_not_used_longest_makes_way():
    rows = Rows(FeatureStore())
    rows(range(10))
    page = rows.store.bytes
    rows.store.max_bytes = 3 * page
    rows(range(10, 30))
    assert rows.store.bytes == 3 * page
    rows([3])
    held = rows(range(10, 20))
    rows([3])
    rows(range(30, 40))
    assert rows.store.bytes == 3 * page
    before = len(rows.computed)
    rows([*range(20), *range(30, 40)])
    assert len(rows.computed) == before
    rows([25])
    assert rows.computed[before:] == [25]
    # What a fit holds stays with it.
    rows.store.max_bytes = 0
    assert rows.store.bytes == 0
    assert same_bits(held.take(), outputs(np.arange(10, 20)[:, None]))


def test_a_bound_of_0_keeps_nothing():
    rows = Rows(FeatureStore(0))
    rows([1, 2])
    rows([1, 2])
    assert rows.computed == [1, 2, 1, 2]
    assert rows.store.bytes == 0


def test_clear():
    rows = Rows(FeatureStore())
    rows([1, 2])
    rows.store.clear()
    assert (rows.store.bytes, rows.store.hits, rows.store.misses) == (0, 0, 0)
    rows([1, 2])
    assert rows.computed == [1, 2, 1, 2]


def test_rows_that_are_not_kept_are_still_found():
    rows = Rows(FeatureStore())
    rows([1])
    rows([1, 2, 2], keep=False)
    rows([2])
    assert rows.computed == [1, 2, 2]


def test_bytes_is_what_the_store_takes():
    store = FeatureStore()
    X = np.arange(20_000)[:, None]

    def fill():
        digests = sample_digests(X, np.arange(len(X)))
        store.gather(
            "space", digests, lambda positions: [1.0 * X[positions]], page_rows=5000
        )

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        fill()
        taken = tracemalloc.get_traced_memory()[0] - before
        assert store.bytes / 2 < taken < store.bytes * 1.25
        store.max_bytes = bound = store.bytes // 4
        for _ in range(3):
            X = X + len(X)
            fill()
            assert store.bytes <= bound
        taken = tracemalloc.get_traced_memory()[0] - before
        # A dict does not give back its table, but does not let it grow either.
        assert taken < 2 * (bound + 4 * 8 * len(X))
    finally:
        tracemalloc.stop()


def test_large_blocks_are_split_and_views_are_not_kept(monkeypatch):
    from sktransfer.training.store import feature_store as module

    monkeypatch.setattr(module, "_PAGE_BYTES", 1000)
    store = FeatureStore()
    X = np.arange(40)[:, None]
    wide = np.repeat(1.0 * X, 10, axis=1)
    digests = sample_digests(X, np.arange(40))
    store.gather("space", digests, lambda p: [wide[: len(p)]], page_rows=40)
    assert len(store._pages) == 4
    found = store.gather("space", digests, None, page_rows=40)
    # A view would keep all of its base in memory.
    assert found.take(slice(0, 2))[0].base.nbytes < 1000


def test_rows_go_by_their_bits():
    X = np.array([[0.0, 1], [-0.0, 1], [0, 1], [1, 0]])
    digests = sample_digests(X, np.arange(4))
    assert digests[0] == digests[2]
    assert len(set(digests)) == 3
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        assert sample_digests(other, np.arange(4)) == digests
    assert sample_digests(X, np.array([3, 0, 1])) == [digests[i] for i in (3, 0, 1)]
    images = X.reshape(2, 2, 2)
    assert sample_digests(images, np.arange(2)) != digests[:2]


def test_digests_of_arrays():
    array = np.arange(6.0)
    for other in (array + 1, array.reshape(2, 3), array.view("int64"), array[:5]):
        assert array_digest(other) != array_digest(array)
    digest = array_digest(array)
    array[0] = 1
    assert array_digest(array) != digest
    array.flags.writeable = False
    assert array_digest(array) == array_digest(array.copy())


@pytest.mark.parametrize("value", [1.5, "1", None, True])
def test_type_of_the_bound(value):
    with pytest.raises(TypeError, match=r"max_bytes=.*expected an int"):
        feature_store.max_bytes = value


def test_sign_of_the_bound():
    with pytest.raises(ValueError, match="max_bytes=-1 is negative"):
        FeatureStore(-1)


def test_the_environment_sets_the_bound():
    def run(value):
        return subprocess.run(
            [
                sys.executable,
                "-c",
                "import sktransfer; print(sktransfer.feature_store.max_bytes)",
            ],
            env=os.environ | {"SKTRANSFER_FEATURE_STORE_BYTES": value},
            capture_output=True,
            text=True,
        )

    assert run("12345").stdout.strip() == "12345"
    assert "SKTRANSFER_FEATURE_STORE_BYTES='much'" in run("much").stderr


def test_threads_compute_each_row_once():
    store, errors = FeatureStore(), []
    rows = [Rows(store) for _ in range(8)]

    def work(i):
        try:
            order = np.random.default_rng(i).permutation(300)
            for start in range(0, 300, 50):
                rows[i](order[start : start + 50].tolist())
        except BaseException as error:
            errors.append(error)

    in_threads(work, len(rows))
    assert not errors
    assert sorted(x for r in rows for x in r.computed) == list(range(300))
    assert (store.hits, store.misses) == (8 * 300 - 300, 300)


def in_threads(work, n):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- estimators


def test_folds_candidates_estimators_and_predictions_share_rows(
    make, source, target, computed
):
    X, y = target
    probe = make_pipeline(BackboneFeatures(source), LogisticRegression(max_iter=1000))
    grid = {"logisticregression__C": [0.01, 0.1, 1, 10]}
    GridSearchCV(probe, grid, cv=3).fit(X, y)
    assert sum(computed) == feature_store.misses == len(np.unique(X, axis=0))
    computed.clear()
    # Another number of classes, and a head to be trained, on the same features.
    for classes in (y, y > 2):
        cross_val_score(make(recipe="linear_probe"), X, classes, cv=3)
    fitted = make(frozen_depth="all", head_learning_rate=0.1).fit(X, y)
    for method in (fitted.predict, fitted.predict_proba, fitted.decision_function):
        method(X)
    BackboneFeatures(source).fit_transform(X[::-1])
    TransferClassifier(fitted.backbone_, recipe="linear_probe", random_state=0).fit(
        X, y
    )
    assert not computed


def test_the_trained_part_is_never_taken_for_the_frozen_one(
    make, source, target, computed
):
    X, y = target
    fitted = make(frozen_depth=2).fit(X, y)
    computed.clear()
    expected = make(frozen_depth=2, learning_rate=0.01).fit(X, y)
    # The probe and the prefix were there.
    assert not computed
    assert not same_bits(fitted.weights_[4:], expected.weights_[4:])
    features = BackboneFeatures(fitted.backbone_).fit_transform(X)
    assert sum(computed) == len(np.unique(X, axis=0))
    plain = fitted.backbone_.build()(X).numpy()
    np.testing.assert_allclose(features, plain, rtol=1e-5, atol=1e-5)


def test_what_differs_does_not_mix(make, source, target, computed):
    X = target[0][:20]
    other = source.replace(weights=[2 * array for array in source.weights])

    def counts(backbone, X, dtype="float32"):
        computed.clear()
        features = BackboneFeatures(backbone, dtype=dtype).fit_transform(X)
        np.testing.assert_allclose(
            features, backbone.build(dtype=dtype)(X).numpy(), rtol=1e-4, atol=1e-4
        )
        return sum(computed)

    assert counts(source, X) == 20
    assert counts(source, X) == 0
    assert counts(other, X) == 20
    assert counts(source, X, "float64") == 20
    assert counts(source, X.astype("float64")) == 20
    assert counts(source, X + np.float32(1e-3)) == 20
    assert counts(source, X) == 0
    # The same bytes, of another type.
    whole = (16 * X).astype("int32")
    assert counts(source, whole) == 20
    assert counts(source, whole.view("float32")) == 20
    computed.clear()
    for depth in (1, 2):
        make(recipe="full", frozen_depth=depth).fit(*target)
        assert sum(computed) == len(np.unique(target[0], axis=0))
        computed.clear()


_NETWORKS = {
    "dense": networks.source_network,
    "convolutional": networks.convolutional,
    "batch normalization": networks.with_batch_normalization,
    "random layers": networks.with_random_layers,
    "augmentation": networks.with_augmentation,
}


@pytest.mark.parametrize("network", _NETWORKS)
def test_weights_and_scores_have_the_same_bits_with_and_without(
    network, digits, tmp_path, max_bytes
):
    X, y, X_test = digits[2][:60], digits[3][:60], digits[2][60:90]
    backbone = Backbone.from_model(_NETWORKS[network]())

    def results(**parameters):
        found = []
        for depth, recipe in ((1, "lp_ft"), (-1, "full"), ("all", "gradual")):
            fitted = TransferClassifier(
                backbone,
                frozen_depth=depth,
                recipe=recipe,
                epochs=2,
                early_stopping=depth == 1,
                random_state=0,
                **parameters,
            ).fit(X, y)
            found += [*fitted.weights_, fitted.decision_function(X_test)]
        return found

    max_bytes(0)
    expected = results()
    on_disk = results(memory=str(tmp_path))
    feature_store.max_bytes = 1 << 30
    assert same_bits(on_disk, expected)
    for _ in range(2):
        assert same_bits(results(), expected)
    feature_store.clear()
    assert same_bits(results(memory=str(tmp_path)), expected)


@pytest.mark.parametrize("network", ["random layers", "augmentation"])
def test_random_layers_stay_random(network, digits, computed):
    X, y = digits[2][:40], digits[3][:40]
    estimator = TransferClassifier(
        _NETWORKS[network](), recipe="full", frozen_depth=1, epochs=4, random_state=0
    )
    first = estimator.fit(X, y).weights_
    assert same_bits(clone(estimator).fit(X, y).weights_, first)
    other = clone(estimator).set_params(random_state=1)
    assert not same_bits(other.fit(X, y).weights_, first)
    # Nothing behind the first active random layer was kept.
    assert sum(computed) == feature_store.misses == 0
    assert same_bits([estimator.predict_proba(X)], [estimator.predict_proba(X)])


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_a_row_has_the_same_bits_wherever_it_comes_from(network, digits, max_bytes):
    X, y = digits[2][:100], digits[3][:100]
    fitted = TransferClassifier(
        _NETWORKS[network](), frozen_depth=1, epochs=1, random_state=0
    ).fit(X[:40], y[:40])
    max_bytes(0)
    expected = fitted.decision_function(X)
    feature_store.max_bytes = 1 << 30
    order = np.random.default_rng(0).permutation(100)
    for chosen in (order[:1], order[:30], order, slice(0, 100, 3), order.repeat(2)):
        assert same_bits([fitted.decision_function(X[chosen])], [expected[chosen]])


def test_rows_are_looked_up_in_parts(make, target, monkeypatch):
    from sktransfer.training.store import samples as rows

    X, y = (np.concatenate([array, array[:30]]) for array in target)
    expected = make(frozen_depth=2).fit(X, y).weights_
    feature_store.clear()
    monkeypatch.setattr(rows, "_LOOK_UP_SAMPLES", 16)
    assert same_bits(make(frozen_depth=2).fit(X, y).weights_, expected)
    # Once for the probe, once for the prefix.
    assert feature_store.misses == 2 * len(np.unique(X, axis=0))


def test_rows_that_do_not_fit_leave_the_store_alone(
    make, source, target, max_bytes, computed
):
    X, y = target
    BackboneFeatures(source).fit_transform(X[:10])
    max_bytes(feature_store.bytes * 2)
    expected = feature_store.bytes
    probe = make(recipe="linear_probe").fit(X, y)
    probe.predict(X)
    assert feature_store.bytes == expected
    computed.clear()
    BackboneFeatures(source).fit_transform(X[:10])
    assert not computed


def test_layers_without_weights_are_not_worth_keeping(digits, computed):
    X, y = digits[2][:40], digits[3][:40]
    estimator = TransferClassifier(
        networks.convolutional(), recipe="full", epochs=1, random_state=0
    )
    estimator.fit(X, y).predict(X)
    assert computed
    assert feature_store.bytes == feature_store.misses == 0


def test_what_stands_before_a_trained_network_is_not_worth_keeping(target):
    """The built-in network scales its columns first."""
    TransferClassifier("mlp", epochs=1).fit(*target).predict(target[0])
    assert feature_store.misses == feature_store.bytes == 0


def test_sizes_of_images_that_are_not_known_beforehand(computed):
    backbone = Backbone.from_model(networks.convolutional((None, None, 1)))
    for shape in ((8, 8), (12, 12), (4, 16), (8, 8)):
        X = np.arange(6 * np.prod(shape), dtype="float32").reshape(6, *shape, 1) % 251
        features = [BackboneFeatures(backbone).fit_transform(X) for _ in range(2)]
        assert same_bits(*[[array] for array in features])
        np.testing.assert_allclose(features[0], backbone.build()(X), rtol=1e-4)
    assert computed == [6, 6, 6]


def test_fits_in_threads_share_rows(make, target):
    X, y = target
    expected = [make(frozen_depth=1, random_state=i).fit(X, y).weights_ for i in (0, 1)]
    feature_store.clear()
    found = {}

    def work(i):
        labels = y if i < 4 else y > 2
        found[i] = make(frozen_depth=1, random_state=i % 2).fit(X, labels).weights_

    in_threads(work, 8)
    assert all(same_bits(found[i], expected[i % 2]) for i in range(4))
    # Once for the probe, once for the prefix.
    assert feature_store.misses == 2 * len(np.unique(X, axis=0))


# ---- on disk


def test_another_process_finds_rows(tmp_path):
    rows = Rows(FeatureStore(), open_folder(str(tmp_path), ("space",)))
    rows(range(25))
    new = Rows(FeatureStore(), FeatureFolder(rows.folder._path))
    new([30, *range(5, 20), 7], page_rows=4)
    assert new.computed == [30]
    assert (new.store.hits, new.store.misses) == (16, 1)
    rows([30, 1])
    assert len(rows.computed) == 25
    # What was read from disk is in memory now, unless it is not to be kept.
    rows.folder = new.folder = None
    new(range(5, 20))
    assert new.computed == [30]


def test_the_disk_takes_what_memory_cannot_hold(make, target, tmp_path, max_bytes):
    from sktransfer.training.store import samples as rows

    X, y = target
    estimator = make(frozen_depth=2, memory=str(tmp_path), batch_size=8)
    expected = clone(estimator).fit(X, y).weights_
    max_bytes(0)
    for name in ("_KEEP_BYTES", "_CHUNK_BYTES"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rows, "_KEEP_BYTES", 0)
            patch.setattr(rows, name, 0)
            feature_store.clear()
            assert same_bits(clone(estimator).fit(X, y).weights_, expected)
            assert feature_store.misses == feature_store.bytes == 0
            assert feature_store.hits > 0


@pytest.mark.parametrize("kind", [str, Path, "memory"])
def test_memory_is_shared_between_runs(kind, make, source, target, tmp_path, computed):
    X, y = target

    def memory():
        if kind == "memory":
            return joblib.Memory(tmp_path, verbose=0)
        return kind(tmp_path)

    make(frozen_depth=2, memory=memory()).fit(X, y)
    feature_store.clear()
    computed.clear()
    fitted = make(frozen_depth=2, memory=memory(), learning_rate=0.01).fit(X[::-1], y)
    fitted.predict(X)
    BackboneFeatures(source, memory=memory()).fit_transform(X[5:])
    assert not computed
    # Another path of the same kind means the same folder.
    joblib.Memory(tmp_path, verbose=0).clear(warn=False)
    feature_store.clear()
    fitted.predict(X)
    assert sum(computed) == len(np.unique(X, axis=0))


def test_joblib_can_bound_the_folder(make, target, tmp_path):
    make(recipe="linear_probe", memory=str(tmp_path)).fit(*target)
    assert list(tmp_path.rglob("*.features"))
    joblib.Memory(tmp_path, verbose=0).reduce_size(bytes_limit=0)
    assert not list(tmp_path.rglob("*.features"))


def test_memory_without_a_folder(make, target):
    estimator = make(recipe="linear_probe", memory=joblib.Memory(None))
    plain = make(recipe="linear_probe").fit(*target)
    assert same_bits(estimator.fit(*target).weights_, plain.weights_)


def test_predicting_makes_no_folder_for_nothing(make, target, tmp_path):
    folder = tmp_path / "features"
    estimator = make(recipe="full", memory=str(folder)).fit(*target)
    estimator.predict(target[0])
    assert not folder.exists()


def test_predicting_where_nothing_can_be_written(make, target, tmp_path):
    estimator = make(recipe="linear_probe").fit(*target)
    expected = estimator.predict(target[0])
    (tmp_path / "file").write_text("")
    estimator.memory = tmp_path / "file" / "features"
    feature_store.clear()
    with pytest.warns(UserWarning, match="folder of the parameter memory"):
        assert np.array_equal(estimator.predict(target[0]), expected)


def test_a_folder_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    rows = Rows(FeatureStore(), open_folder(str(blocked), ("space",)))
    with pytest.warns(
        UserWarning, match="folder of the parameter memory.*compute them again"
    ) as caught:
        rows(range(25))
    assert len(caught) == 1


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign", "remove"])
@pytest.mark.parametrize("known", [False, True])
def test_damaged_files_are_passed_over(damage, known, tmp_path):
    rows = Rows(FeatureStore(), open_folder(str(tmp_path), ("space",)))
    rows(range(30))
    files = sorted(tmp_path.rglob("*.features"))
    assert len(files) == 3
    if known:
        list(rows.folder.read(sample_digests(np.array([[99]]), np.arange(1)), 10))
    data = files[0].read_bytes()
    if damage == "truncate":
        files[0].write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        files[0].write_bytes(bytes([*data[:200], data[200] ^ 1, *data[201:]]))
    elif damage == "empty":
        files[0].write_bytes(b"")
    elif damage == "remove":
        files[0].unlink()
    else:
        files[0].rename(files[0].parent / f"{'0' * 32}-10.features")
        (files[0].parent / "notes.features").write_text("mine")
        (files[0].parent / f"{'1' * 32}-1.features").mkdir()
    folder = rows.folder if known else FeatureFolder(rows.folder._path)
    new = Rows(FeatureStore(), folder)
    new(range(30))
    assert len(new.computed) == 10


_WRITE = """
import sys, os
import numpy as np
from sktransfer.training.store.digests import sample_digests
from sktransfer.training.store.feature_folder import open_folder
from sktransfer.training.store.feature_store import FeatureStore

location, seed, crash = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "crash"
folder = open_folder(location, ("space",))
if crash:
    os.replace = lambda *_: os._exit(3)
for k in range(30):
    X = ((np.arange(20) + 7 * (k + seed)) % 200)[:, None]
    result = FeatureStore().gather(
        "space", sample_digests(X, np.arange(20)), lambda p: [2.0 * X[p]], page_rows=7,
        folder=folder,
    ).take()
    assert (result[0] == 2.0 * X).all()
"""


def writer(location, seed, mode="finish"):
    return subprocess.Popen(
        [sys.executable, "-c", _WRITE, str(location), str(seed), mode]
    )


def test_processes_write_at_once(tmp_path):
    # They write the same rows, in the same and in other files.
    writers = [writer(tmp_path, seed) for seed in (0, 15, 0)]
    assert [process.wait() for process in writers] == [0, 0, 0]
    assert not list(tmp_path.rglob("*.features-tmp"))
    X = np.arange(200)[:, None]

    def compute(positions):
        raise AssertionError(f"{len(positions)} rows are not on disk.")

    gathered = FeatureStore().gather(
        "space",
        sample_digests(X, np.arange(200)),
        compute,
        page_rows=50,
        folder=open_folder(str(tmp_path), ("space",)),
    )
    assert same_bits(gathered.take(), [2.0 * X])


def test_a_crash_in_the_middle_of_a_write(tmp_path):
    assert writer(tmp_path, 0, "crash").wait() == 3
    (left,) = tmp_path.rglob("*.features-tmp")
    assert writer(tmp_path, 0).wait() == 0
    assert left.exists()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left, (two_days_ago, two_days_ago))
    assert writer(tmp_path, 0).wait() == 0
    assert not left.exists()


def test_the_name_of_a_space_is_the_same_in_every_process(make, target, tmp_path):
    make(recipe="linear_probe", memory=str(tmp_path)).fit(*target)
    (file,) = tmp_path.rglob("*.features")
    code = (
        "import sys, joblib\n"
        "estimator, X, y = joblib.load(sys.argv[1])\n"
        "estimator.fit(X, y)\n"
        "from sktransfer import feature_store\n"
        "print(feature_store.misses)"
    )
    estimator = make(recipe="linear_probe", memory=str(tmp_path))
    joblib.dump((estimator, *target), tmp_path / "task")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "task"],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "0"
    assert list(tmp_path.rglob("*.features")) == [file]


def test_an_edited_activation_is_another_space(digits):
    """Keras keeps the name of a registered function only."""
    X, y = digits[2][:40], digits[3][:40]
    found = []
    for factor in (1.0, 2.0):

        @keras.saving.register_keras_serializable("tests", name="scaled")
        def scaled(x, factor=factor):
            return keras.ops.tanh(factor * x)

        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(8, activation=scaled)]
        )
        backbone = Backbone.from_model(model, feature_layer="output")
        found.append(BackboneFeatures(backbone).fit_transform(X))
        np.testing.assert_allclose(found[-1], model.predict(X, verbose=0), rtol=1e-5)
        TransferClassifier(backbone, epochs=1).fit(X, y)
    assert not np.allclose(*found)


def test_an_edited_class_is_another_space(tmp_path, monkeypatch):
    from sktransfer.training.store import feature_folder as module

    class Layer:
        pass

    first = open_folder(str(tmp_path), ("space", Layer))._path
    assert open_folder(str(tmp_path), ("space", Layer))._path == first
    monkeypatch.setattr(module.inspect, "getsource", lambda _: "edited")
    assert open_folder(str(tmp_path), ("space", Layer))._path != first
