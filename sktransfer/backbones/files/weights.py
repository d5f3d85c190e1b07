"""Load the weights in a file into a model."""

from sktransfer.backbones.files.content import (
    checked_path,
    open_content,
    report_damage,
    short_message,
)
from sktransfer.backbones.files.old_heads import replace_head
from sktransfer.exceptions import WeightsMismatchError


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
    path = checked_path(path)
    with open_content(path) as content:
        weights = content.weights
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
