"""Where the weights of the tabular network are read from, and how often."""

import os

import keras
import numpy as np
import pytest

from sktransfer.exceptions import BackboneFileError
from sktransfer.tables.in_context import pretrained
from sktransfer.tables.in_context.network import make_network


@pytest.fixture
def path(tmp_path):
    return tmp_path / "own.weights.h5"


def save(path, seed):
    keras.utils.set_random_seed(seed)
    network = make_network(**pretrained.SIZES)
    network.save_weights(path)
    return {variable.path: variable.numpy() for variable in network.weights}


def same(found, expected):
    return all(np.array_equal(found[key], value) for key, value in expected.items())


def test_a_file_is_read_once_and_again_when_it_changes(path, monkeypatch):
    first = save(path, 1)
    calls = []
    load = pretrained.load_weights
    monkeypatch.setattr(
        pretrained, "load_weights", lambda *args: (calls.append(args), load(*args))
    )
    for _ in range(3):
        assert same(pretrained.network_weights(path, 0), first)
    assert len(calls) == 1
    second = save(path, 2)
    os.utime(path, ns=(1, 1))
    assert same(pretrained.network_weights(str(path), 0), second)
    assert len(calls) == 2


def test_a_file_that_comes_later_is_found(path):
    with pytest.raises(BackboneFileError, match=r"own\.weights\.h5"):
        pretrained.network_weights(path, 0)
    expected = save(path, 1)
    assert same(pretrained.network_weights(path, 0), expected)
