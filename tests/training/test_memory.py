"""Programs and trainers that make way in the caches leave no memory behind."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from graphs import same_bits
from networks import convolutional, two_layers
from tensorflow.python.framework.func_graph import FuncGraph

from sktransfer import TransferClassifier
from sktransfer._caches import Cache
from sktransfer.training.step import program_cache
from sktransfer.training.step.xla_code import XLA_CODE

ROWS = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
IMAGES = np.random.default_rng(0).normal(size=(12, 8, 8, 1)).astype("float32")


def with_swish(input_shape):
    layer = keras.layers.Dense(4, activation="swish")
    return keras.Sequential([keras.Input(input_shape), layer])


@pytest.fixture
def caches(monkeypatch):
    """Empty caches of programs and trainers, with the bounds of the package."""
    own = []
    for name in ("_programs", "_trainers"):
        cache = getattr(program_cache, name)
        own.append(Cache(f"{name} of a test", cache.max_bytes))
        monkeypatch.setattr(program_cache, name, own[-1])
    return own


def fit(X=ROWS, backbone=two_layers, **parameters):
    y = np.resize([0, 1, 2], len(X))
    parameters = {"recipe": "full", "epochs": 1, "random_state": 0} | parameters
    return TransferClassifier(backbone, **parameters).fit(X, y)


def graphs():
    gc.collect()
    return [graph for graph in gc.get_objects() if isinstance(graph, FuncGraph)]


@pytest.mark.parametrize(
    ("X", "backbone", "optimizer"),
    [
        (ROWS, two_layers, "adamw"),
        (ROWS, two_layers, "nadam"),
        (ROWS, two_layers, keras.optimizers.Adam(use_ema=True)),
        (ROWS, with_swish, "adam"),
        # Without XLA.
        (IMAGES, convolutional, "adam"),
    ],
)
def test_no_graph_is_kept(caches, X, backbone, optimizer):
    before = {id(graph) for graph in graphs()}
    fit(X, backbone, optimizer=optimizer).predict(X)
    made = [weakref.ref(graph) for graph in graphs() if id(graph) not in before]
    assert made
    for cache in caches:
        cache.max_bytes = 0
        assert len(cache) == cache.bytes == 0
    gc.collect()
    assert not any(graph() for graph in made)


def test_bounds_are_kept_and_the_last_used_entries(caches):
    programs, trainers = caches
    fit(), fit(optimizer="sgd")
    assert len(programs) == 1
    assert len(trainers) == 2
    trainers.max_bytes = trainers.bytes - 1
    assert len(trainers) == 1
    fit(optimizer="sgd")
    assert len(trainers) == 1
    fit()
    assert len(trainers) == 1
    assert 0 < trainers.bytes <= trainers.max_bytes


def test_trainers_are_dropped_with_their_program(caches):
    _, trainers = caches
    fit(), fit(frozen_depth=1)
    (program, *_), *_ = trainers._entries
    program_cache.drop_trainers(program)
    assert len(trainers) == 1


# ---- machine code of XLA


@pytest.fixture
def strict(monkeypatch):
    """Raise an error where there is no code to be dropped."""
    destroy = tf.raw_ops.DestroyResourceOp

    def destroy_or_raise(**kwargs):
        destroy(**kwargs | {"ignore_lookup_error": False})

    monkeypatch.setattr(tf.raw_ops, "DestroyResourceOp", destroy_or_raise)


@pytest.mark.usefixtures("strict")
def test_code_is_dropped_and_compiled_again():
    expected = fit().predict_proba(ROWS)
    XLA_CODE.drop()
    with pytest.raises(tf.errors.NotFoundError):
        XLA_CODE.drop()
    assert same_bits(fit().predict_proba(ROWS), expected)
    XLA_CODE.drop()


@pytest.mark.usefixtures("strict")
def test_code_that_runs_is_not_dropped():
    fit()
    with XLA_CODE.used():
        XLA_CODE.drop()
    XLA_CODE.drop()
