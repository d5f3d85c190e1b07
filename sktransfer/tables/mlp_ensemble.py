"""An ensemble of small networks for tables, which share most of their weights."""

import keras
import numpy as np

from sktransfer._caches import cached
from sktransfer._inputs.encoding import robust_scale
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


@cached("architectures of ensembles", 1 << 25, lambda pair: pair[0].nbytes)
def _architecture(n_numbers, n_others, n_rare, n_members):
    with preserve_random_state():
        n_inputs = n_numbers + n_others + n_rare
        inputs = keras.Input((n_inputs,))
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
        x = MemberScale(n_members, name="members")(x)
        for i in (1, 2):
            x = keras.layers.Dense(_WIDTH, name=f"dense_{i}")(x)
            if i == 1 and n_rare:
                rare = InputRange(n_inputs - n_rare, n_inputs, name="rare")(inputs)
                # All members share it, as there may be many inputs.
                embed = keras.layers.Dense(_WIDTH, use_bias=False, name="embed_rare")
                shared = keras.layers.Reshape((1, _WIDTH), name="shared")
                x = keras.layers.Add(name="sum")([x, shared(embed(rare))])
            x = keras.layers.ReLU(name=f"hidden_{i}")(x)
            x = keras.layers.Dropout(_DROPOUT, seed=i, name=f"dropout_{i}")(x)
        x = MemberScale(n_members, name="member_features")(x)
        x = MemberMean(name="mean")(x)
        model = keras.Model(inputs, x, name="mlp_ensemble")
        backbone = Backbone.from_flat_model(model, pretrained=False)
        return backbone, [variable.path for variable in model.weights]


def make_ensemble(encoding, samples, rng, n_members=None):
    """Make an untrained ensemble for a table.

    Parameters
    ----------
    encoding : TableEncoding
        Encoding of the columns, also of rare categories.
    samples : Samples
        Training set; X has shape (n_samples, n_columns).
    rng : numpy.random.Generator
        Source of the initial weights.
    n_members : int or None, default=None
        Number of members. None is 8.

    Returns
    -------
    Backbone
    """
    n_inputs = encoding.n_numbers, encoding.n_others, encoding.n_rare
    backbone, paths = _architecture(*n_inputs, n_members or _N_MEMBERS)
    weights = dict(zip(paths, backbone.weights, strict=True))
    weights = _draw(weights, encoding, len(samples), rng)
    scale = robust_scale(
        samples.X, samples.index, samples.sample_weight, encoding.numbers
    )
    for name, array in zip(("center", "scale"), scale, strict=True):
        weights[f"robust_scale/{name}"][: len(array)] = array
    return backbone.replace(weights=list(weights.values()))


def count_members(backbone):
    """Return the number of members of an ensemble."""
    # The last weights are the factors of the features of each member.
    return len(backbone.weights[-1])


def _first_frequency(n_samples):
    """Return the standard deviation of the first frequencies.

    It is in periods for each unit of a number. With higher frequencies the network
    learns smaller ranges of values, which needs more samples: 0.1 for 200 and 1 for
    5,000 samples.
    """
    return float(np.clip(0.1 * (n_samples / 200) ** 0.715, 0.1, 1))


def _draw(weights, encoding, n_samples, rng):
    """Draw the initial weights, by name; those of padded inputs are 0, and stay 0.

    Those of rare categories start at 0, and are trained.
    """
    fixed = ("standardize", "robust_scale")
    weights = {
        name: array.copy() if name.startswith(fixed) else np.zeros(array.shape)
        for name, array in weights.items()
    }
    n, width = len(encoding.numbers.columns), 1
    if "embedding/kernel" in weights:
        frequencies, phases, sums = (
            weights[f"embedding/{name}"][:n]
            for name in ("frequencies", "phases", "kernel")
        )
        scale = 2 * np.pi * _first_frequency(n_samples)
        frequencies[:] = rng.normal(0, scale, frequencies.shape)
        phases[:] = rng.uniform(-np.pi, np.pi, phases.shape)
        sums[:] = rng.uniform(-1, 1, sums.shape) / np.sqrt(_N_FREQUENCIES)
        width += _EMBEDDING_WIDTH
    first_other = encoding.n_numbers * width
    n_others = len(encoding.gaps) + len(encoding.categories)
    used = np.r_[: n * width, first_other : first_other + n_others]
    members, features = weights["members/gamma"], weights["member_features/gamma"]
    members[:, used] = rng.choice([-1.0, 1.0], (len(members), len(used)))
    # He uniform.
    limits = np.sqrt(6 / max(1, len(used))), np.sqrt(6 / _WIDTH)
    kernel_1, kernel_2 = (weights[f"dense_{i}/kernel"] for i in (1, 2))
    kernel_1[used] = rng.uniform(-limits[0], limits[0], (len(used), _WIDTH))
    kernel_2[:] = rng.uniform(-limits[1], limits[1], kernel_2.shape)
    features[:] = _FIRST_OUTPUT * rng.choice([-1.0, 1.0], features.shape)
    return weights
