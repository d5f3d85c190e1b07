"""Training on the prior: its batches, and its continuation after an interruption."""

import numpy as np
import pytest

from sktransfer.tables.in_context import pretrain as module
from sktransfer.tables.in_context.network import make_network
from sktransfer.tables.in_context.pretrain import (
    Budget,
    TableBatches,
    WarmUpThenFall,
    hide_classes,
)
from sktransfer.tables.in_context.prior import draw_tables


def test_context():
    rng = np.random.default_rng(0)
    tables = draw_tables(rng, 30, 64, 6)
    inputs, y, weight = hide_classes(tables, rng)
    assert inputs["y"].shape == inputs["log_weight"].shape == (30, 57)
    shown = np.zeros(y.shape, dtype=bool)
    shown[:, :57] = inputs["y"] >= 0
    np.testing.assert_array_equal(inputs["y"][inputs["y"] >= 0], y[shown])
    n_context = shown.sum(axis=1)
    assert 8 <= n_context.min() < n_context.max() <= 57
    assert (weight[shown] == 0).all()
    for of_table, known, w in zip(y, shown, weight, strict=True):
        lacking = ~np.isin(of_table, of_table[known])
        assert (w[lacking] == 0).all()
        assert w.sum() == pytest.approx(64, rel=1e-5)


def test_contexts_of_a_batch_are_of_similar_sizes():
    rng = np.random.default_rng(0)
    y = hide_classes(draw_tables(rng, 30, 64, 6), rng, (0.5, 0.75))[0]["y"]
    assert y.shape == (30, 35)
    assert (y[:, :21] >= 0).all()


def test_the_rate_rises_and_falls():
    rate = WarmUpThenFall(0.1, 2000)
    rates = [float(rate(step)) for step in (0, 299, 1400, 1700, 2000)]
    np.testing.assert_allclose(rates, [0.1 / 300, 0.1, 0.1, 0.05, 0], rtol=1e-5)


def test_a_batch_depends_on_its_step_alone():
    one, other = (TableBatches(0, 8, warm_up=100, n_epochs=1) for _ in range(2))
    other[0]
    np.testing.assert_array_equal(one[5][1], other[5][1])
    one.epoch = 1
    assert not np.array_equal(one[5][1], other[5][1])


def test_shapes_of_batches():
    batches = TableBatches(0, 8, warm_up=100, n_epochs=1)
    shapes = {batches[i][0]["x"].shape for i in range(40)}
    assert shapes == {(8, 128, 9), (4, 128, 18), (6, 64, 30), (2, 384, 9)}


def test_the_first_two_batches_differ_in_every_size():
    batches = TableBatches(0, 8, warm_up=100, n_epochs=1)
    one, other = (batches[i][0] for i in range(2))
    for name in ("x", "y"):
        sizes = zip(one[name].shape, other[name].shape, strict=True)
        assert all(a != b for a, b in sizes)


def test_noise_grows_in_the_second_part(monkeypatch):
    drawn = []
    draw = module.draw_tables
    monkeypatch.setattr(
        module,
        "draw_tables",
        lambda *args, **kwargs: (drawn.append(kwargs), draw(*args, **kwargs))[1],
    )
    batches = TableBatches(0, 8, warm_up=500, n_epochs=2)
    for batches.epoch in (0, 1, 2):
        batches[0]
    assert [kwargs["hardness"] for kwargs in drawn] == [0, 0.5, 1]
    assert [kwargs["max_noise"] for kwargs in drawn] == [1.5, 1.5, 3]


@pytest.fixture(scope="module")
def train():
    """Train a small network; without tracing, which takes most of the time."""
    compile_in_graph_mode = module._compile

    def compile_eagerly(model, *args):
        compile_in_graph_mode(model, *args)
        model.run_eagerly = True

    budget = Budget(8, 1, 2, 3, 2, n_tables=2, learning_rate=0.2)

    def train(folder, eagerly=True):
        with pytest.MonkeyPatch.context() as patch:
            if eagerly:
                patch.setattr(module, "_compile", compile_eagerly)
            return module.pretrain(folder, budget, jit_compile=False, verbose=0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEPS_AN_EPOCH", 1)
        patch.setattr(module, "_SHAPES", ((1.0, 32, 6, 1.0),))
        patch.setattr(module.validation_tables, "__defaults__", (4,))
        yield train


@pytest.fixture(scope="module")
def uninterrupted(train, tmp_path_factory):
    """The weights, and the folder, of a training in one go."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return train(folder).get_weights(), folder


def losses(folder):
    return np.genfromtxt(folder / "losses.csv", delimiter=",", names=True)


def test_an_interrupted_training_is_continued(
    train, uninterrupted, tmp_path, monkeypatch
):
    expected, folder = uninterrupted
    set_epoch = TableBatches.set_epoch
    for last in (2, 4):

        def until_last(self, epoch, logs=None, last=last):
            if epoch == last:
                raise KeyboardInterrupt
            set_epoch(self, epoch, logs)

        with monkeypatch.context() as context:
            context.setattr(TableBatches, "set_epoch", until_last)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path)
    for one, other in zip(train(tmp_path).get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    for part in ("first", "noisy_0", "noisy_1"):
        epochs = [0, 1, 2] if part == "first" else [3, 4]
        found = losses(tmp_path / part)
        np.testing.assert_array_equal(found["epoch"], epochs)
        val_loss = losses(folder / part)["val_loss"]
        np.testing.assert_allclose(found["val_loss"], val_loss, rtol=1e-4)
    assert (tmp_path / "tabular.weights.h5").exists()


def saved_weights(path):
    network = make_network(width=8, n_blocks=1, n_heads=2)
    network.load_weights(path)
    return network.get_weights()


def test_weights_are_the_mean_of_the_noisy_parts(uninterrupted):
    mean, folder = uninterrupted
    ends = [
        saved_weights(folder / part / "tabular.weights.h5")
        for part in ("noisy_0", "noisy_1")
    ]
    for averaged, one, other in zip(mean, *ends, strict=True):
        np.testing.assert_allclose(averaged, (one + other) / 2, atol=1e-6)
    assert not np.allclose(ends[0][-1], ends[1][-1])
    saved = saved_weights(folder / "tabular.weights.h5")
    np.testing.assert_array_equal(saved[-1], mean[-1])


@pytest.mark.slow
def test_traced_steps_give_the_same_weights(train, uninterrupted, tmp_path):
    traced = train(tmp_path, eagerly=False).get_weights()
    for one, other in zip(traced, uninterrupted[0], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
