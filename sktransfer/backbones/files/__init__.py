"""Reading `.keras`, `.h5` and `.weights.h5` files without running what they hold."""

import keras

from sktransfer._random import preserve_random_state
from sktransfer.backbones.files._content import (
    checked_path,
    damage_reported,
    has_architecture,
    open_content,
    short_message,
)
from sktransfer.backbones.files._safe_config import check_config
from sktransfer.exceptions import BackboneFileError, WeightsMismatchError


def read_model(path, *, safe_mode=True):
    """Load a whole model from a `.keras` or legacy `.h5` file.

    Parameters
    ----------
    path : str or path-like
        The file. It is only read.
    safe_mode : bool, default=True
        Build layers only of classes that Keras ships, except those that run
        code (Lambda, TFSMLayer, ...), and of classes that were registered in
        this process with `keras.saving.register_keras_serializable`. With
        False, whatever code the file holds is run.

    Returns
    -------
    model : keras.Model
        A fresh model, not compiled, with the weights of the file.

    Raises
    ------
    TypeError
        If `path` is neither a string nor path-like.
    BackboneFileError
        If the file is missing, damaged, of another kind or has no architecture.
    UnsafeFileError
        If the file needs `safe_mode=False`.
    WeightsMismatchError
        If the weights do not fit the architecture beside them, or one is NaN
        or infinite.
    """
    path = checked_path(path)
    with open_content(path) as content:
        if content.config is None:
            raise BackboneFileError(
                f"{path} holds weights but no architecture. Give it as weights, "
                "with a backbone that they fit."
            )
        with preserve_random_state(), damage_reported(path):
            if safe_mode:
                check_config(content.config, path)
            model = _build(content, path, safe_mode)
            content.weights.check_fit(model)
            content.weights.check_finite(model)
    return model


def load_weights(model, path):
    """Load the weights in a file into a model, if they fit it exactly.

    Parameters
    ----------
    model : keras.Model
        A built model. Its weights are replaced; after an error they may be a
        mixture of old and new ones, so pass a copy that nobody else holds.
    path : str or path-like
        A `.weights.h5` file, a legacy `.h5` weights file, or a whole `.keras`
        or `.h5` model, of which only the weights are used.

    Raises
    ------
    TypeError
        If `path` is neither a string nor path-like.
    BackboneFileError
        If the file is missing, damaged or of another kind.
    WeightsMismatchError
        If a layer is missing, left over, of another shape or swapped with
        another one, or if a weight is NaN or infinite.
    """
    path = checked_path(path)
    with open_content(path) as content:
        weights = content.weights
        with damage_reported(path):
            weights.check_fit(model)
        try:
            model.load_weights(weights.file)
        except Exception as error:
            raise WeightsMismatchError(
                f"The weights in {path} do not fit the model: {short_message(error)}"
            ) from error
        weights.check_finite(model)


def is_weights_only(path):
    """Say whether a file holds weights without an architecture.

    Parameters
    ----------
    path : str or path-like
        A file that `read_model` or `load_weights` accepts.

    Returns
    -------
    weights_only : bool
        False for a whole model.

    Raises
    ------
    TypeError
        If `path` is neither a string nor path-like.
    BackboneFileError
        If the file is missing, damaged or of another kind.
    """
    path = checked_path(path)
    return not has_architecture(path)


def _build(content, path, safe_mode):
    try:
        model = keras.saving.load_model(
            content.model, compile=False, safe_mode=safe_mode
        )
    except Exception as error:
        _explain(content, path, safe_mode)
        is_mismatch = content.weights.legacy and "mismatch" in str(error)
        kind = WeightsMismatchError if is_mismatch else BackboneFileError
        raise kind(
            f"The model in {path} cannot be rebuilt: {short_message(error)}"
        ) from error
    _check_is_model(model, path)
    if not model.built:
        raise BackboneFileError(
            f"The model in {path} was saved before it was built, so it has no "
            "weights. Give it an Input layer, or call it once, and save it again."
        )
    return model


def _explain(content, path, safe_mode):
    """Name the layer and the shapes if it is the weights that do not fit."""
    if content.weights.legacy:
        return
    try:
        model = keras.saving.deserialize_keras_object(
            content.config, safe_mode=safe_mode
        )
    except Exception:
        return
    _check_is_model(model, path)
    content.weights.check_fit(model)


def _check_is_model(model, path):
    if not isinstance(model, keras.Model):
        raise BackboneFileError(
            f"{path} holds a {type(model).__name__}; expected a keras.Model."
        )
