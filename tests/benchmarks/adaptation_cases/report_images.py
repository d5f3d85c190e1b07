"""Images for the report: no constant of a method was chosen by them."""

from functools import cache, partial

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

from adaptation_cases.case import Case, Rows
from sktransfer.datasets import load_shifted_digits

# Fonts that matplotlib brings.
_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral"),
    *("STIXGeneralBol", "STIXGeneralItalic", "cmb10", "cmr10", "cmss10", "cmtt10"),
)
_PRINTS = 7  # of a digit in a font


@cache
def _handwritten():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def _print_digit(digit, font, rng):
    """Draw a digit as the handwritten ones are: 32 x 32 bits, counted in blocks."""
    image = Image.new("L", (96, 96))
    draw = ImageDraw.Draw(image)
    draw.text((48, 48), str(digit), fill=255, font=font, anchor="mm")
    image = image.rotate(rng.uniform(-8, 8), resample=Image.Resampling.BILINEAR)
    box = image.getbbox()
    width = rng.uniform(0.5, 0.9) * 32
    image = image.crop(box).resize((round(width), 32), Image.Resampling.BILINEAR)
    bits = np.zeros((32, 32))
    left = (32 - image.width) // 2
    bits[:, left : left + image.width] = np.asarray(image) > 127
    return bits.reshape(8, 4, 8, 4).mean(axis=(1, 3)).ravel()


@cache
def _printed(seed):
    rng = np.random.default_rng(seed)
    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    fonts = [ImageFont.truetype(f"{folder}/{name}.ttf", 48) for name in _FONTS]
    y = np.tile(np.arange(10), len(fonts) * _PRINTS)
    which = np.repeat(np.arange(len(fonts)), 10 * _PRINTS)
    X = [_print_digit(d, fonts[f], rng) for d, f in zip(y, which, strict=True)]
    return np.array(X), y


def printed_to_handwritten(seed):
    """Digits of several fonts, and handwritten ones."""
    X, y = _handwritten()
    return Rows(*_printed(seed), X, y)


def writers(seed):
    """The first and the last half of the digits, which have other writers."""
    X, y = _handwritten()
    rng = np.random.default_rng(seed)
    source, target = np.split(np.arange(len(y)), 2 * [len(y) // 2])[::2]
    source = rng.permutation(source)[:600]
    return Rows(X[source], y[source], X[target], y[target])


def partial_digits(kind, seed):
    """All digits, and changed ones of which there are only 0 to 4."""
    rows = Rows.from_domains(*load_shifted_digits(kind, random_state=seed))
    few = rows.y_target < 5
    return Rows(rows.X_source, rows.y_source, rows.X_target[few], rows.y_target[few])


REPORT_IMAGES = {
    "printed": Case("report", "digits, printed to handwritten", printed_to_handwritten),
    "convolution-printed": Case(
        "report",
        "digits, printed to handwritten",
        printed_to_handwritten,
        backbone="convolution",
        held_out=True,
    ),
    "convolution-writers": Case(
        "report",
        "digits, first to last writers",
        writers,
        backbone="convolution",
        held_out=True,
    ),
    "partial-translated": Case(
        "report",
        "digits 0 to 4, moved and dimmed",
        partial(partial_digits, "translated"),
    ),
    "partial-thickened": Case(
        "report",
        "digits 0 to 4, thickened",
        partial(partial_digits, "thickened"),
        held_out=True,
    ),
}
