"""An ensemble of small networks for tables, which share most of their weights."""

from operator import attrgetter

import keras
import numpy as np

from sktransfer._caches import cached
from sktransfer._inputs.encoding import TableEncoding, robust_scale
from sktransfer._random import preserve_random_state
from sktransfer.backbones.backbone import Backbone
from sktransfer.tables.layers import (
    FixedScale,
    InputRange,
    MemberMean,
    MemberScale,
    PeriodicEmbedding,
    SmoothClip,
)

# All constants were chosen by tables of the benchmark that are only for this.
_CLIP = 3.0
_N_FREQUENCIES, _EMBEDDING_WIDTH = 32, 8
# Numbers of wider tables, such as pixels of images, are not embedded, for memory.
_MOST_EMBEDDED = 1024
_N_MEMBERS = 8
_WIDTH = 128
_DROPOUT = 0.2
# Factor of the features at the start: probabilities begin near those of the classes.
_FIRST_OUTPUT = 0.4


@cached("architectures of ensembles", 1 << 25, attrgetter("nbytes"))
def _architecture(n_numbers, n_others):
    with preserve_random_state():
        inputs = keras.Input((n_numbers + n_others,))
        x = InputRange(0, n_numbers, name="numbers")(inputs)
        # Its statistics are 0 and 1, as the columns are standardized before. Adaptation
        # methods may give it those of a target.
        x = keras.layers.BatchNormalization(
            center=False, scale=False, epsilon=1e-12, name="standardize"
        )(x, training=False)
        # Medians and quartiles, which outliers hardly change.
        x = FixedScale(name="robust_scale")(x)
        x = SmoothClip(_CLIP, name="clip")(x)
        if n_numbers <= _MOST_EMBEDDED:
            embed = PeriodicEmbedding(
                _N_FREQUENCIES, _EMBEDDING_WIDTH, name="embedding"
            )
            x = embed(x)
        if n_others:
            others = InputRange(n_numbers, n_numbers + n_others, name="others")(inputs)
            x = keras.layers.Concatenate(name="columns")([x, others])
        x = MemberScale(_N_MEMBERS, name="members")(x)
        for i in (1, 2):
            x = keras.layers.Dense(_WIDTH, activation="relu", name=f"hidden_{i}")(x)
            x = keras.layers.Dropout(_DROPOUT, seed=i, name=f"dropout_{i}")(x)
        x = MemberScale(_N_MEMBERS, name="member_features")(x)
        x = MemberMean(name="mean")(x)
        model = keras.Model(inputs, x, name="mlp_ensemble")
        return Backbone.from_model(model, feature_layer="output", pretrained=False)


def make_ensemble(X, index, sample_weight, rng, columns=None):
    """Make an untrained ensemble for a table.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        All samples; may be a np.memmap. Several axes are flattened.
    index : ndarray of shape (n_train,), int
        Positions of the training samples, by which the columns are encoded.
    sample_weight : ndarray of shape (n_train,)
        Weights of the training samples.
    rng : numpy.random.Generator
        Source of the initial weights.
    columns : TableColumns or None, default=None
        Conversion of the columns of X to numbers.

    Returns
    -------
    Backbone
    """
    input_shape, X = X.shape[1:], X.reshape(len(X), -1)
    encoding = TableEncoding.fit(X, index, sample_weight, columns)
    backbone = _architecture(encoding.n_numbers, encoding.n_others)
    frequency = _first_frequency(len(index))
    drawn = _draw(backbone.weights[4:], encoding, frequency, rng)
    median, distance = (array.copy() for array in backbone.weights[2:4])
    n_numbers = len(encoding.numbers.columns)
    median[:n_numbers], distance[:n_numbers] = robust_scale(
        X, index, sample_weight, encoding.numbers
    )
    return backbone.replace(
        weights=[*backbone.weights[:2], median, distance, *drawn],
        head=None,
        classes=None,
        input_shape=input_shape,
        standardization=encoding,
    )


def _first_frequency(n_samples):
    """Return the standard deviation of the first frequencies.

    It is in periods for each unit of a number. With higher frequencies the network
    learns smaller ranges of values, which needs more samples: 0.1 for 200 and 1 for
    5,000 samples.
    """
    return float(np.clip(0.1 * (n_samples / 200) ** 0.715, 0.1, 1))


def _draw(weights, encoding, frequency, rng):
    """Draw the initial weights; those of padded inputs are 0, and stay 0."""
    weights = [np.zeros(array.shape) for array in weights]
    *embedding, members, kernel_1, _, kernel_2, _, features = weights
    n, width = len(encoding.numbers.columns), 1
    if embedding:
        frequencies, phases, sums, _ = (array[:n] for array in embedding)
        frequencies[:] = rng.normal(0, 2 * np.pi * frequency, frequencies.shape)
        phases[:] = rng.uniform(-np.pi, np.pi, phases.shape)
        sums[:] = rng.uniform(-1, 1, sums.shape) / np.sqrt(_N_FREQUENCIES)
        width += _EMBEDDING_WIDTH
    first_other = encoding.n_numbers * width
    n_others = len(encoding.gaps) + len(encoding.categories)
    used = np.r_[: n * width, first_other : first_other + n_others]
    members[:, used] = rng.choice([-1.0, 1.0], (_N_MEMBERS, len(used)))
    # He uniform.
    limits = np.sqrt(6 / max(1, len(used))), np.sqrt(6 / _WIDTH)
    kernel_1[used] = rng.uniform(-limits[0], limits[0], (len(used), _WIDTH))
    kernel_2[:] = rng.uniform(-limits[1], limits[1], kernel_2.shape)
    features[:] = _FIRST_OUTPUT * rng.choice([-1.0, 1.0], features.shape)
    return weights
