"""Model files: what loads, what is refused, and what the messages say."""

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from sktransfer.backbones.files import load_weights, read_model
from sktransfer.exceptions import (
    BackboneError,
    BackboneFileError,
    UnsafeFileError,
    WeightsMismatchError,
)

layers = keras.layers


@keras.saving.register_keras_serializable(package="sktransfer-tests")
class Doubled(layers.Layer):
    def call(self, inputs):
        return inputs * 2


class Unregistered(layers.Layer):
    def call(self, inputs):
        return inputs * 2


def sequential():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Normalization(name="scale"),
            layers.Dense(5, activation="relu", kernel_regularizer="l2", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.2),
            layers.Dense(3, activation=keras.activations.softmax, name="last"),
        ],
        name="small",
    )


def skip_connections():
    inputs = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    a = layers.LeakyReLU()(layers.BatchNormalization()(a))
    b = layers.SeparableConv2D(4, 3, padding="same")(a)
    total = layers.Add()([a, b])
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(total), name="skip")


def nested():
    body = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()], name="body"
    )
    # Frozen layers come last in the weights of a legacy file.
    body.layers[0].trainable = False
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    outputs = layers.Concatenate()([shared(body(inputs)), shared(inputs)])
    return keras.Model(inputs, layers.Dense(2, name="out")(outputs), name="nested")


def attention():
    inputs = keras.Input((5, 4))
    embedded = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    state = layers.Bidirectional(layers.LSTM(3))(layers.LayerNormalization()(embedded))
    return keras.Model(inputs, layers.Dense(2)(state), name="attention")


def operations():
    inputs = keras.Input((4,))
    hidden = layers.Dense(6, activation=keras.ops.silu, dtype="mixed_bfloat16")(inputs)
    return keras.Model(inputs, keras.ops.sin(hidden + 1.0)[:, :2], name="operations")


ARCHITECTURES = [sequential, skip_connections, nested, attention]


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "float" in variable.dtype:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


def assert_same_weights(model, other):
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        )


def assert_same(model, other):
    assert_same_weights(model, other)
    x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:]))
    x = x.astype("float32")
    np.testing.assert_array_equal(model(x), other(x))


def save_legacy_weights(model, path, *, swap_names=False, layer_names=None):
    """Write the weights as Keras 2 did."""
    weighted = [layer for layer in model.layers if layer.weights]
    names = layer_names or [layer.name for layer in weighted]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["keras_version"] = b"2.2.4"
        file.attrs["backend"] = b"tensorflow"
        for layer, name in zip(weighted, names, strict=True):
            variables = layer.trainable_weights + layer.non_trainable_weights
            labels = [f"{name}/{variable.path}:0" for variable in variables]
            if swap_names:
                labels[:2] = labels[1::-1]
            group = file.create_group(name)
            group.attrs["weight_names"] = [label.encode() for label in labels]
            for label, variable in zip(labels, variables, strict=True):
                group[label] = keras.ops.convert_to_numpy(variable)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """One trained-looking model in every kind of file."""
    folder = tmp_path_factory.mktemp("saved")
    model = randomize(sequential())
    model.compile("adam", "mse")
    model.fit(np.ones((4, 6)), np.ones((4, 3)), verbose=0)
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    save_legacy_weights(model, folder / "legacy.h5")
    return folder, model


WHOLE = ["model.keras", "model.h5"]
WEIGHTS = ["model.weights.h5", "legacy.h5"]


@pytest.fixture
def copy(saved, tmp_path):
    """Copy one of the saved files to where it may be damaged."""
    return lambda name: shutil.copy(saved[0] / name, tmp_path / name)


def edit_archive(path, config=None, weights=None):
    """Change the configuration, or the HDF5 file, inside a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if config is not None:
        parsed = json.loads(members["config.json"])
        members["config.json"] = json.dumps(config(parsed) or parsed).encode()
    if weights is not None:
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            weights(file)
        members["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def edit_hdf5(path, change):
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def edit_legacy_config(path, change):
    def edit(file):
        config = json.loads(file.attrs["model_config"])
        change(config)
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)

    return edit_hdf5(path, edit)


# Loading ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", ARCHITECTURES)
def test_round_trip(make, suffix, tmp_path):
    model = randomize(make())
    model.save(tmp_path / f"model{suffix}")
    loaded = read_model(tmp_path / f"model{suffix}")
    assert_same(model, loaded)
    assert loaded is not model
    trainable = [v.name for v in loaded.trainable_weights]
    assert trainable == [v.name for v in model.trainable_weights]


def test_operations_and_mixed_precision_round_trip(tmp_path):
    model = randomize(operations())
    model.save(tmp_path / "model.keras")
    assert_same(model, read_model(str(tmp_path / "model.keras")))


def test_layers_that_only_an_application_has_are_accepted(tmp_path):
    inputs = keras.Input((4,))
    scale = sys.modules["keras.src.applications.convnext"].LayerScale(0.5, 4)
    model = keras.Model(inputs, scale(inputs))
    model.save(tmp_path / "model.keras")
    assert_same(model, read_model(tmp_path / "model.keras"))


@pytest.mark.parametrize("name", WHOLE)
def test_the_model_is_fresh_and_not_compiled(saved, name):
    folder, model = saved
    first, second = read_model(folder / name), read_model(folder / name)
    assert_same(model, first)
    assert not first.compiled
    assert first.weights[0] is not second.weights[0]


def test_models_inside_are_not_compiled_either(tmp_path):
    model = nested()
    model.get_layer("body").compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    assert not read_model(tmp_path / "model.keras").get_layer("body").compiled


@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_load_weights(saved, name):
    folder, model = saved
    target = randomize(sequential(), seed=5)
    load_weights(target, folder / name)
    assert_same(model, target)


@pytest.mark.parametrize("make", ARCHITECTURES)
def test_load_weights_into_every_architecture(make, tmp_path):
    # The second model has other automatic names, as in a later session.
    model, target = randomize(make()), make()
    model.save_weights(tmp_path / "new.weights.h5")
    save_legacy_weights(model, tmp_path / "old.weights.h5")
    for name in ("new.weights.h5", "old.weights.h5"):
        randomize(target, seed=3)
        load_weights(target, tmp_path / name)
        assert_same_weights(model, target)


def test_legacy_weights_of_an_application_without_top(tmp_path):
    def build():
        return keras.applications.MobileNetV2(
            weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
        )

    model, target = randomize(build()), build()
    path = tmp_path / "mobilenet_v2_no_top.h5"
    save_legacy_weights(model, path)
    load_weights(target, path)
    assert_same_weights(model, target)


def test_the_content_counts_not_the_extension(saved, tmp_path):
    folder, model = saved
    shutil.copy(folder / "model.h5", tmp_path / "model.keras")
    shutil.copy(folder / "model.keras", tmp_path / "model.H5")
    assert_same(model, read_model(tmp_path / "model.keras"))
    assert_same(model, read_model(tmp_path / "model.H5"))


@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_random_state_file_and_handles_are_left_alone(saved, name):
    path = saved[0] / name
    target = sequential()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    handles = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else 0
    load_weights(target, path)
    if name in WHOLE:
        read_model(path)
    assert random.getstate() == python
    np.testing.assert_equal(np.random.get_state(), legacy)  # noqa: NPY002
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    if handles:
        assert len(os.listdir("/proc/self/fd")) == handles


# Files that are no models ---------------------------------------------------------


@pytest.mark.parametrize("path", [3, None, b"model.keras", ["model.keras"]])
def test_no_path(path):
    with pytest.raises(TypeError, match="path must be a str or a path-like object"):
        read_model(path)


def _missing(folder):
    return folder / "none.keras", "does not exist; expected a .keras file, a legacy"


def _directory(folder):
    (folder / "saved.keras").mkdir()
    return folder / "saved.keras", "is a directory; expected a .keras file"


def _empty(folder):
    (folder / "empty.h5").touch()
    return folder / "empty.h5", "is empty"


def _text(folder):
    (folder / "text.h5").write_text("epoch,loss\n1,0.3\n")
    return folder / "text.h5", r"neither a \.keras archive nor an HDF5 .*epoch,loss"


def _text_archive(folder):
    (folder / "text.keras").write_text("x" * 5000)
    return folder / "text.keras", r"neither a \.keras archive nor an HDF5 file"


def _extension(folder):
    (folder / "model.pt").write_bytes(b"PK")
    return folder / "model.pt", r"the extension '\.pt'; expected a \.keras file"


def _other_zip(folder):
    with zipfile.ZipFile(folder / "a.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    return folder / "a.keras", r"it has no config\.json and no model\.weights\.h5"


def _other_hdf5(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = np.arange(3)
    return folder / "a.h5", "an HDF5 file, but not one of Keras"


def _archive_of(config, weights=b""):
    def make(folder):
        with zipfile.ZipFile(folder / "a.keras", "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", weights)
        return folder / "a.keras"

    return make


def _json_garbage(folder):
    return _archive_of(b"{'not': json")(folder), "damaged, .*JSONDecodeError"


def _json_binary(folder):
    return _archive_of(b"\xff\xfe\xff\x80\x81")(folder), "damaged, .*UnicodeDecodeError"


def _json_list(folder):
    return _archive_of(b"[1, 2]")(folder), "no architecture: .* is a list"


def _json_deep(folder):
    return _archive_of(b"[" * 100_000)(folder), "damaged, .*RecursionError"


def _no_weights(folder):
    return _archive_of(b"{}", b"PK nothing")(folder), "damaged, .*OSError"


@pytest.mark.parametrize(
    "make",
    [
        _missing,
        _directory,
        _empty,
        _text,
        _text_archive,
        _extension,
        _other_zip,
        _other_hdf5,
        _json_garbage,
        _json_binary,
        _json_list,
        _json_deep,
        _no_weights,
    ],
    ids=lambda make: make.__name__,
)
def test_no_model(make, tmp_path):
    path, message = make(tmp_path)
    with pytest.raises(BackboneFileError, match=message) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    with pytest.raises(BackboneFileError, match=message):
        load_weights(sequential(), path)


def test_weights_are_no_model(saved):
    for name in WEIGHTS:
        with pytest.raises(
            BackboneFileError, match=rf"{name} holds weights and no arc"
        ):
            read_model(saved[0] / name)


@pytest.mark.parametrize("part", [3, 100, 0.3, 0.6, 0.95, -1])
@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_truncated(copy, name, part):
    path = copy(name)
    size = os.path.getsize(path)
    length = int(size * part) if isinstance(part, float) else part % size
    os.truncate(path, length)
    with pytest.raises(BackboneFileError) as caught:
        load_weights(sequential(), path)
    assert str(path) in str(caught.value)
    with pytest.raises(BackboneFileError):
        read_model(path)


def test_a_flipped_bit_in_an_archive(copy, saved):
    path = copy("model.keras")
    kernel = keras.ops.convert_to_numpy(saved[1].get_layer("last").kernel).tobytes()
    data = bytearray(path.read_bytes())
    data[data.index(kernel)] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackboneFileError, match="Bad CRC"):
        read_model(path)


@pytest.mark.parametrize("part", range(1, 20))
def test_damaged_anywhere(copy, part):
    # Whatever the bytes, the outcome is a model or one of our own errors.
    for name in ("model.keras", "model.h5"):
        path = copy(name)
        data = bytearray(path.read_bytes())
        start = len(data) * part // 20
        data[start : start + 40] = bytes(range(40))
        path.write_bytes(data)
        with contextlib.suppress(BackboneError):
            assert isinstance(read_model(path), keras.Model)


def test_no_keras_model_inside(tmp_path):
    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).save(tmp_path / "a.keras")
    path = edit_archive(
        tmp_path / "a.keras", config=lambda config: config["config"]["layers"][1]
    )
    with pytest.raises(BackboneFileError, match="contains a Dense; expected a "):
        read_model(path)


def test_a_model_saved_before_it_was_built(tmp_path):
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([layers.Dense(3)]).save(tmp_path / "a.keras")
    with pytest.raises(BackboneFileError, match="saved before it was built"):
        read_model(tmp_path / "a.keras")


def test_inconsistent_architecture(copy):
    def change(config):
        config["config"]["layers"][2]["config"]["units"] = "many"

    for path in (
        edit_archive(copy("model.keras"), config=change),
        edit_legacy_config(copy("model.h5"), change),
    ):
        with pytest.raises(BackboneFileError, match="cannot be rebuilt: ") as caught:
            read_model(path)
        assert len(str(caught.value)) < 700


# Weights that do not fit ----------------------------------------------------------


def narrow():
    model = sequential()
    return keras.Sequential(
        [keras.Input((6,)), *model.layers[:-1], layers.Dense(4, name="last")]
    )


def shallow():
    return keras.Sequential([keras.Input((6,)), *sequential().layers[:-1]])


def deep():
    return keras.Sequential(
        [keras.Input((6,)), *sequential().layers, layers.Dense(3, name="more")]
    )


def renamed():
    model = sequential()
    return keras.Sequential(
        [keras.Input((6,)), *model.layers[:-1], layers.Dense(3, name="other")]
    )


@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_other_shapes(saved, name):
    message = r"'last'.* has shape \(5, 3\) in the file and \(5, 4\) in the model"
    with pytest.raises(WeightsMismatchError, match=message) as caught:
        load_weights(narrow(), saved[0] / name)
    assert str(saved[0] / name) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "new_message", "legacy_message"),
    [
        (
            shallow,
            r"layer 'last' \(.*\) with shape .* is not in the model",
            "4 layers with weights and the model has 3; .* only in the file: last",
        ),
        (
            deep,
            r"layer 'more' \(.*\) is missing; the model needs shape \(3, 3\)",
            "4 layers with weights and the model has 5; only in the model: more",
        ),
    ],
)
def test_missing_and_extra_layers(saved, make, new_message, legacy_message):
    for name in ("model.weights.h5", "model.keras"):
        with pytest.raises(WeightsMismatchError, match=new_message):
            load_weights(make(), saved[0] / name)
    for name in ("legacy.h5", "model.h5"):
        with pytest.raises(WeightsMismatchError, match=legacy_message):
            load_weights(make(), saved[0] / name)


@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_another_name_alone_is_no_mismatch(saved, name):
    load_weights(renamed(), saved[0] / name)


def twins(*names):
    return randomize(
        keras.Sequential(
            [keras.Input((3,)), *(layers.Dense(3, name=name) for name in names)]
        )
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_swapped_layers(tmp_path, legacy):
    path = tmp_path / "a.weights.h5"
    if legacy:
        save_legacy_weights(twins("a", "b", "c"), path, layer_names=["a", "c", "b"])
    else:
        twins("a", "c", "b").save_weights(path)
    with pytest.raises(WeightsMismatchError, match="layers 'b' and 'c' are swapped"):
        load_weights(twins("a", "b", "c"), path)


def test_automatic_names_that_moved_on(tmp_path):
    path = tmp_path / "a.weights.h5"
    twins("dense_1", "dense_2", "dense_3").save_weights(path)
    load_weights(twins("dense", "dense_1", "dense_2"), path)


def test_swapped_weights_of_a_layer(tmp_path):
    def build():
        return keras.Sequential([keras.Input((3,)), layers.BatchNormalization()])

    save_legacy_weights(randomize(build()), tmp_path / "a.h5", swap_names=True)
    with pytest.raises(WeightsMismatchError, match=r"gamma' and .*beta' are swapped"):
        load_weights(build(), tmp_path / "a.h5")


def test_a_whole_file_at_odds_with_itself(copy):
    def change(config):
        config["config"]["layers"][-1]["config"]["units"] = 4

    message = r"'last'.* shape \(5, 3\) in the file and \(5, 4\) in the model"
    with pytest.raises(WeightsMismatchError, match=message):
        read_model(edit_archive(copy("model.keras"), config=change))
    with pytest.raises(WeightsMismatchError, match=r"named last.*\(5, 4\).*\(5, 3\)"):
        read_model(edit_legacy_config(copy("model.h5"), change))


def test_extra_and_swapped_layers_in_a_whole_file(tmp_path):
    def extra(file):
        file["layers/dense_9/vars/0"] = np.ones(3)

    twins("a", "b").save(tmp_path / "a.keras")
    path = edit_archive(tmp_path / "a.keras", weights=extra)
    with pytest.raises(WeightsMismatchError, match=r"layers/dense_9.* not in the mode"):
        read_model(path)
    twins("a", "b").save(tmp_path / "a.h5")

    def swap(file):
        file["model_weights"].attrs["layer_names"] = [b"b", b"a"]

    with pytest.raises(WeightsMismatchError, match="layers 'a' and 'b' are swapped"):
        read_model(edit_hdf5(tmp_path / "a.h5", swap))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_weights_that_are_not_finite(tmp_path, saved, name, value):
    model = sequential()
    kernel = np.ones((5, 3))
    kernel[2, 1] = value
    model.get_layer("last").kernel.assign(kernel)
    path = tmp_path / name
    if name == "legacy.h5":
        save_legacy_weights(model, path)
    else:
        (model.save if name in WHOLE else model.save_weights)(path)
    message = r"'.*last/kernel' in .* has 1 NaN or infinite values, of 15"
    with pytest.raises(WeightsMismatchError, match=message):
        load_weights(sequential(), path)
    if name in WHOLE:
        with pytest.raises(WeightsMismatchError, match=message):
            read_model(path)


def test_a_model_that_is_not_built(saved):
    model = keras.Sequential([layers.Dense(3)])
    with pytest.raises(WeightsMismatchError, match="has not been built yet"):
        load_weights(model, saved[0] / "model.weights.h5")


# Data that is not there -----------------------------------------------------------


def _replace_kernel(file, make):
    kernels = []
    file.visititems(
        lambda name, item: (
            kernels.append(name) if getattr(item, "shape", 0) == (5, 3) else None
        )
    )
    for name in kernels:
        del file[name]
        make(file, name)


def _absent(file, name):
    # 400 GB that were declared and never written.
    file.create_dataset(name, shape=(10**9, 100), dtype="f4")


def _absent_compressed(file, name):
    file.create_dataset(
        name, shape=(10**6, 10**5), dtype="f4", chunks=(1000, 1000), compression="gzip"
    )


def _external_data(file, name):
    external = [("/etc/passwd", 0, 60)]
    file.create_dataset(name, shape=(5, 3), dtype="f4", external=external)


def _virtual(file, name):
    layout = h5py.VirtualLayout((5, 3), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (5, 3))
    file.create_virtual_dataset(name, layout)


def _external_link(file, name):
    file[name] = h5py.ExternalLink("elsewhere.h5", "/x")


def _soft_link(file, name):
    file[name] = h5py.SoftLink("/elsewhere")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (_absent, BackboneFileError, "declares 400000000000 bytes, which are not in"),
        (_absent_compressed, BackboneFileError, "declares 400000000000 bytes"),
        (_external_data, UnsafeFileError, "are in another file"),
        (_virtual, UnsafeFileError, "are in another file"),
        (_external_link, UnsafeFileError, r"a link to another place \(ExternalLink\)"),
        (_soft_link, UnsafeFileError, r"a link to another place \(SoftLink\)"),
    ],
)
@pytest.mark.parametrize("name", WHOLE + WEIGHTS)
def test_data_that_are_not_in_the_file(copy, name, make, error, message):
    def change(file):
        _replace_kernel(file, make)

    path = copy(name)
    if name == "model.keras":
        edit_archive(path, weights=change)
    else:
        edit_hdf5(path, change)
    with pytest.raises(error, match=message):
        load_weights(sequential(), path)
    with pytest.raises(error, match=message):
        read_model(path)


def test_compressed_weights_are_accepted(copy, saved):
    def compress(file):
        _replace_kernel(
            file,
            lambda file, name: file.create_dataset(
                name, data=np.zeros((5, 3), "f4"), compression="gzip"
            ),
        )

    target = sequential()
    load_weights(target, edit_hdf5(copy("model.weights.h5"), compress))
    np.testing.assert_array_equal(target.get_layer("last").kernel, np.zeros((5, 3)))


def test_a_zip_bomb(copy):
    path = copy("model.keras")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(1 << 27))
    with pytest.raises(BackboneFileError, match=r"'assets/zeros' declares 134217728"):
        read_model(path)


# Files that would run code --------------------------------------------------------


def with_layer(path, entry):
    """Put a crafted layer into a saved Sequential, before its last layer."""

    def change(config):
        layer_configs = config["config"]["layers"]
        layer_configs.insert(-1, entry)

    if path.suffix == ".h5":
        return edit_legacy_config(path, change)
    return edit_archive(path, config=change)


def keras_function(name, module="keras.utils"):
    return {
        "class_name": "function",
        "config": name,
        "module": module,
        "registered_name": name,
    }


@pytest.mark.filterwarnings("ignore:.*lambda:UserWarning")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_python_lambda(tmp_path, suffix):
    marker = tmp_path / "was-run"
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    target = str(marker)
    function = lambda x: (open(target, "w").close(), x * 3)[1]  # noqa: E731
    model.add(layers.Lambda(function, name="shady"))
    marker.unlink()
    path = tmp_path / f"model{suffix}"
    model.save(path)
    message = r"layer 'shady' is or uses .*Lambda.*Backbone\.from_file\(path, safe_mod"
    with pytest.raises(UnsafeFileError, match=message) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    assert not marker.exists()
    loaded = read_model(path, safe_mode=False)
    assert marker.exists()
    assert_same(model, loaded)


@pytest.mark.parametrize("name", WHOLE)
def test_lambda_that_names_a_function_of_keras(copy, name, monkeypatch):
    called = []
    monkeypatch.setattr(keras.utils, "get_file", lambda *a, **k: called.append(a))
    entry = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "shady", "function": keras_function("get_file")},
        "registered_name": None,
    }
    path = with_layer(copy(name), entry)
    with pytest.raises(UnsafeFileError, match=r"layer 'shady' is or uses .*Lambda"):
        read_model(path)
    assert not called


@pytest.mark.parametrize(
    "entry",
    [
        {"module": "os", "class_name": "system"},
        {"module": "subprocess", "class_name": "Popen"},
        {"module": "subprocess", "class_name": "Dense"},
        {"module": "builtins", "class_name": "eval"},
        {"module": "keras.src.utils.file_utils", "class_name": "get_file"},
        {"module": "keras", "class_name": "layers.Lambda"},
        {"module": "keras.layers", "class_name": "deserialize"},
        {"module": "keras.layers", "class_name": "TFSMLayer"},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper"},
        {"module": "keras.layers", "class_name": "JaxLayer"},
        {"module": "keras.layers", "class_name": "FlaxLayer"},
        {"module": "keras.callbacks", "class_name": "LambdaCallback"},
        {"module": None, "class_name": "Mystery"},
        {"module": "keras.layers", "class_name": ["Dense"]},
        {"class_name": "__lambda__"},
        {"class_name": "__typespec__", "spec_name": "TensorSpec"},
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "registered_name": "sktransfer-tests>Doubled",
        },
    ],
    ids=lambda entry: f"{entry.get('module')}.{entry['class_name']}",
)
@pytest.mark.parametrize("name", WHOLE)
def test_classes_that_are_not_layers(copy, name, entry, monkeypatch):
    monkeypatch.setattr(os, "system", pytest.fail)
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    entry = {**entry, "config": {"name": "shady", "command": "true"}}
    path = with_layer(copy(name), entry)
    with pytest.raises(UnsafeFileError, match="was not loaded: layer 'shady' "):
        read_model(path)


@pytest.mark.parametrize(
    "function",
    [
        keras_function("get_file"),
        keras_function("deserialize", "keras.activations"),
        keras_function("system", "os"),
        keras_function("load_model", "keras.saving"),
        keras_function("relu", "os"),
        {**keras_function("relu", "builtins"), "registered_name": "get_file"},
    ],
    ids=lambda function: f"{function['module']}.{function['config']}",
)
def test_functions_that_are_no_activations(copy, function):
    def change(config):
        config["config"]["layers"][2]["config"]["activation"] = function

    path = edit_archive(copy("model.keras"), config=change)
    with pytest.raises(UnsafeFileError, match="layer 'first' calls the function "):
        read_model(path)


def test_attacks_from_the_side(copy, monkeypatch):
    # A shady class anywhere in the file is found: initializers, call arguments,
    # build and compile configurations of models inside.
    shady = {"module": "os", "class_name": "system", "config": {}}

    def in_initializer(config):
        config["config"]["layers"][2]["config"]["kernel_initializer"] = shady

    def in_build_config(config):
        config["config"]["layers"][2]["build_config"] = {"input_shape": shady}

    def in_compile_config(config):
        config["config"]["layers"][2]["compile_config"] = {"loss": shady}

    for change in (in_initializer, in_build_config):
        for path in (
            edit_archive(copy("model.keras"), config=change),
            edit_legacy_config(copy("model.h5"), change),
        ):
            with pytest.raises(UnsafeFileError, match=r"os\.system"):
                read_model(path)
    # Compile configurations are dropped unread.
    monkeypatch.setattr(os, "system", pytest.fail)
    read_model(edit_archive(copy("model.keras"), config=in_compile_config))
    read_model(edit_legacy_config(copy("model.h5"), in_compile_config))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_registered_layers_are_accepted(tmp_path, suffix):
    model = keras.Sequential([keras.Input((2,)), Doubled(), layers.Dense(2)])
    model.save(tmp_path / f"a{suffix}")
    assert_same(model, read_model(tmp_path / f"a{suffix}"))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_unregistered_layers_are_refused(tmp_path, suffix):
    model = keras.Sequential([keras.Input((2,)), Unregistered(name="mine")])
    model.save(tmp_path / f"a{suffix}")
    message = "layer 'mine' .*Unregistered, which is neither .* nor registered.*"
    message += r"register_keras_serializable\(\)"
    with pytest.raises(UnsafeFileError, match=message):
        read_model(tmp_path / f"a{suffix}")
    with keras.saving.custom_object_scope({"Unregistered": Unregistered}):
        assert_same(model, read_model(tmp_path / f"a{suffix}"))
