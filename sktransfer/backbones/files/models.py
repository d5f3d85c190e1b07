"""Read whole models, or weights for a model, from files."""

import keras

from sktransfer._random import preserve_random_state
from sktransfer.backbones.files.content import (
    open_content,
    report_damage,
    short_message,
)
from sktransfer.backbones.files.old_heads import replace_head
from sktransfer.backbones.files.safe_config import check_config
from sktransfer.exceptions import BackboneFileError, WeightsMismatchError


def read_model(path, *, safe_mode=True):
    """Load a whole model from a `.keras` or legacy `.h5` file.

    Parameters
    ----------
    path : str or path-like
        The file. It is not changed.
    safe_mode : bool, default=True
        True accepts only classes that are part of Keras and do not run code (Lambda
        and TFSMLayer do), and classes that this process has registered with
        `keras.saving.register_keras_serializable`. False runs the code in the file.

    Returns
    -------
    keras.Model
        A new model, not compiled, with the weights of the file.

    Raises
    ------
    TypeError
        If `path` is neither a string nor path-like.
    BackboneError
        If the model is quantized.
    BackboneFileError
        If the file is missing, damaged, not a model file or has no architecture.
    UnsafeFileError
        If the file can be loaded only with `safe_mode=False`.
    WeightsMismatchError
        If the weights do not fit the architecture, or one is NaN or infinite.
    """
    with open_content(path) as content:
        path = content.weights.path
        if content.config is None:
            raise BackboneFileError(
                f"{path} holds weights and no architecture. Give the architecture as "
                "`backbone` (a name, a callable or a keras.Model) and the file as "
                f"`weights={str(path)!r}`."
            )
        with preserve_random_state(), report_damage(path):
            # Networks for tables have layers of this package.
            import sktransfer.tables.layers  # noqa: F401

            if safe_mode:
                check_config(content.config, path)
            model = _build(content, path, safe_mode)
            content.weights.check_fit(model)
            content.weights.check_finite(model)
    return model


def load_weights(model, path, find_head=None):
    """Load the weights in a file into a model, if they fit it exactly.

    Parameters
    ----------
    model : keras.Model
        A built model. Its weights are replaced. After an error, some of them may be
        replaced and others not, so pass a copy that nothing else uses.
    path : str or path-like
        A `.weights.h5` file, a legacy `.h5` weights file, or a whole `.keras`
        or `.h5` model, of which only the weights are used.
    find_head : callable or None, default=None
        Returns the OldHead that is cut off the model. Its weights in the file may be
        missing or others; the model then keeps its own. It is called only if the file
        does not fit the model exactly. None: all weights are needed.

    Returns
    -------
    bool
        Whether all weights were loaded, with those of the classification layer.

    Raises
    ------
    TypeError
        If `path` is neither a string nor path-like.
    BackboneFileError
        If the file is missing, damaged or not a model or weights file.
    WeightsMismatchError
        If a layer is missing, has another shape, is not in the model or is swapped
        with another one, or if a weight is NaN or infinite.
    """
    with open_content(path) as content:
        weights, path = content.weights, content.weights.path
        with report_damage(path):
            fits = weights.fits(model)
            if not fits:
                if find_head is not None:
                    replace_head(weights, model, find_head())
                weights.check_fit(model)
        try:
            model.load_weights(weights.file)
        except Exception as error:
            raise WeightsMismatchError(
                f"The weights in {path} do not fit the model: {short_message(error)}"
            ) from error
        weights.check_finite(model)
    return fits


def _build(content, path, safe_mode):
    try:
        model = keras.saving.load_model(
            content.model, compile=False, safe_mode=safe_mode
        )
    except Exception as error:
        _check_tree_weights(content, path, safe_mode)
        is_mismatch = content.weights.legacy and "mismatch" in str(error)
        kind = WeightsMismatchError if is_mismatch else BackboneFileError
        raise kind(
            f"The model in {path} cannot be rebuilt: {short_message(error)}"
        ) from error
    _check_is_model(model, path)
    if not model.built:
        raise BackboneFileError(
            f"The model in {path} was saved before it was built, so it has no "
            "weights. Add an Input layer or call the model once, and save it again."
        )
    return model


def _check_tree_weights(content, path, safe_mode):
    """Raise an error with layer and shapes if the weights are why loading failed."""
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
            f"{path} contains a {type(model).__name__}; expected a keras.Model."
        )
