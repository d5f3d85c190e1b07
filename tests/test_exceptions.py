"""Messages of errors are one short line, whatever a file holds."""

import pickle

import keras
import numpy as np
import pytest
from keras import layers

from sktransfer import Backbone, TransferClassifier
from sktransfer.exceptions import BackboneError, WeightsMismatchError


def test_escape_sequences_and_lines_are_removed():
    error = BackboneError(
        "a \x1b[31mred\x1b[0m \x1b]0;title\x07word\r\n\tand\x00 b\u202e"
    )
    assert str(error) == "a red word and b"


def test_long_names_are_shortened_in_their_middle():
    error = BackboneError(
        f"layer {'x' * 5000!r} in {'/tmp/' + 'y' * 50} is {'z ' * 9}!"
    )
    assert str(error).endswith(f"in /tmp/{'y' * 50} is z z z z z z z z z !")
    assert len(str(error)) < 320
    with_spaces = BackboneError(f"layer {'x y ' * 5000!r} is bad")
    assert len(str(with_spaces)) < 250
    assert str(with_spaces).endswith("is bad")


def test_a_long_message_keeps_its_beginning_and_end():
    error = BackboneError(f"begin {'word ' * 1000} end.")
    assert len(str(error)) < 1050
    assert str(error).startswith("begin word")
    assert str(error).endswith("end.")


def test_a_short_message_is_kept():
    message = "backbone='a b' has feature_layer=\"it's\": (None, 3)."
    error = WeightsMismatchError(message)
    assert str(error) == message
    assert str(pickle.loads(pickle.dumps(error))) == message


@pytest.mark.parametrize(
    "name", ["\x1b[31mred\x1b[0m", "x" * 5000], ids=["red", "long"]
)
@pytest.mark.parametrize("suffix", ["weights.h5", "keras", "h5"])
def test_names_of_layers_in_files(tmp_path, name, suffix):
    def network(width, name):
        return keras.Sequential(
            [keras.Input((5,)), layers.Dense(width, name=name), layers.Dense(3)]
        )

    path = tmp_path / f"model.{suffix}"
    model = network(4, name)
    if suffix == "weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    X, y = np.ones((4, 5)), [0, 1, 0, 1]
    with pytest.raises(BackboneError) as raised:
        TransferClassifier(network(6, "other"), weights=path).fit(X, y)
    message = str(raised.value)
    assert message.isprintable()
    assert len(message) < 1100
    if suffix != "weights.h5":
        with pytest.raises(BackboneError) as raised:
            Backbone.from_file(path, feature_layer="missing")
        assert str(raised.value).isprintable()
        assert len(str(raised.value)) < 1100
