"""Compare the predicted probabilities of two commits on one machine, bit by bit.

Bits depend on the type of the processor and on the number of threads, so no result is
stored in the repository. Run from the checkout::

    python tests/benchmarks/same_bits.py COMMIT [OTHER]

COMMIT and OTHER are anything that ``git worktree add`` accepts; OTHER is by default the
working tree. Each case is fitted once with each in a process of its own, and the
table says which cases differ and by how much. The exit status is 1 when any does.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
METHODS = [
    "auto", "source_only", "deep_coral", "dan", "jan", "dann", "cdan", "mdd", "mcd",
    "deep_jdot", "mcc", "shot", "adabn", "tent", "mme", "reweight", "label_shift",
    "domain_standardize",
]  # fmt: skip
# Options that were spelled otherwise in earlier commits.
OLD_SPELLING = {
    "linear_probe": "linear-probe",
    "lp_ft": "lp-ft",
    "in_context": "in-context",
    "domain_standardize": "domain_standardise",
}


def spelled(option):
    """Spell an option as the commit that is being run does."""
    from sktransfer import recipe

    return option if "lp_ft" in recipe.ORDERS else OLD_SPELLING.get(option, option)


def by_accuracy():
    """Let early stopping watch the accuracy, as earlier commits do."""
    import inspect

    from sktransfer import TransferClassifier

    has_scoring = "scoring" in inspect.signature(TransferClassifier).parameters
    return {"early_stopping": True, **({"scoring": None} if has_scoring else {})}


def digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X[:150] / 16).astype("float32"), y[:150], 1 - X[150:250] / 16


def network(images=False, normalized=False):
    """Make a small network with fixed weights."""
    import keras

    def initializer(seed):
        return keras.initializers.HeNormal(seed=seed)

    layers = keras.layers
    if images:
        parts = [
            keras.Input((8, 8, 1)),
            layers.RandomTranslation(0.1, 0.1, seed=1),
            layers.Conv2D(8, 3, activation="relu", kernel_initializer=initializer(1)),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, activation="relu", kernel_initializer=initializer(2)),
        ]
    else:
        parts = [
            keras.Input((64,)),
            layers.Dense(48, activation="relu", kernel_initializer=initializer(1)),
            *[layers.BatchNormalization() for _ in range(normalized)],
            layers.Dropout(0.2, seed=1),
            layers.Dense(32, activation="relu", kernel_initializer=initializer(2)),
        ]
    return keras.Sequential(parts, name="reference")


def proba(backbone, **parameters):
    """Fit a TransferClassifier on digits; return its probabilities for others."""
    from sktransfer import TransferClassifier

    X, y, X_new = digits()
    options = {"epochs": 4, "random_state": 0, **parameters}
    return TransferClassifier(backbone, **options).fit(X, y).predict_proba(X_new)


def from_file(suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"network{suffix}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network().save(path)
        return proba(path, recipe=spelled("lp_ft"))


def with_weights(**parameters):
    from sktransfer import TransferClassifier

    X, y, X_new = digits()
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    clf = TransferClassifier(network(), epochs=4, random_state=0, **parameters)
    return clf.fit(X, y, sample_weight=weight).predict_proba(X_new)


def warm_start():
    from sktransfer import TransferClassifier

    X, y, X_new = digits()
    clf = TransferClassifier(network(), epochs=3, random_state=0, warm_start=True)
    return clf.fit(X, y).fit(X[:80], y[:80]).predict_proba(X_new)


def partial_fit():
    from sktransfer import TransferClassifier

    X, y, X_new = digits()
    clf = TransferClassifier(network(), random_state=0)
    for part in (slice(0, 64), slice(64, 128), slice(20, 90)):
        clf.partial_fit(X[part], y[part], classes=np.arange(10))
    return clf.predict_proba(X_new)


def second_fit():
    from sktransfer import TransferClassifier

    X, y, X_new = digits()
    source = TransferClassifier("mlp", epochs=5, random_state=0).fit(X, y)
    clf = TransferClassifier(source.backbone_, frozen_depth=1, random_state=1, epochs=4)
    return clf.fit(1 - X, y).predict_proba(X_new)


def features():
    from sktransfer import BackboneFeatures

    X, _, X_new = digits()
    return BackboneFeatures(network(images=True)).fit(X).transform(X_new)


def interpolated():
    from sktransfer import TransferClassifier, soup

    X, y, X_new = digits()
    fits = [
        TransferClassifier(network(), epochs=3, learning_rate=r, random_state=0)
        for r in (1e-3, 3e-3)
    ]
    averaged = soup([clf.fit(X, y) for clf in fits], 1 - X, y)
    return averaged.interpolate(0.5).predict_proba(X_new)


def table(n_classes=3, frame=False, **parameters):
    import pandas as pd
    from sklearn.datasets import make_classification

    from sktransfer import TransferClassifier

    X, y = make_classification(
        150, 7, n_informative=6, n_redundant=0, n_classes=n_classes, random_state=0
    )
    if frame:
        X[::5, 1] = np.nan
        X = pd.DataFrame(X).rename(columns=str)
        X["town"] = np.array(list("abcd"))[np.digitize(X["0"], [-1, 0, 1])]
    options = {"random_state": 0, **parameters}
    weight = np.where(np.arange(100) % 3 == 0, 2.0, 1.0)
    clf = TransferClassifier("tabular", **options)
    return clf.fit(X[:100], y[:100], sample_weight=weight).predict_proba(X[100:])


def domains(method, backbone=None, **parameters):
    from sktransfer import DomainAdaptedClassifier
    from sktransfer.datasets import make_shifted_classification

    X, y, sample_domain = make_shifted_classification(random_state=0)
    some = np.random.default_rng(0).permutation(len(X))[:240]
    X, y, sample_domain = X[some], y[some].astype(float), sample_domain[some]
    of_target = np.flatnonzero(sample_domain < 0)
    y[of_target[10:]] = np.nan
    if backbone is None:
        import keras

        layers = keras.layers
        seeded = keras.initializers.HeNormal
        backbone = keras.Sequential(
            [
                keras.Input(X.shape[1:]),
                layers.Dense(16, activation="relu", kernel_initializer=seeded(seed=1)),
                layers.BatchNormalization(),
                layers.Dense(8, activation="relu", kernel_initializer=seeded(seed=2)),
            ],
            name="reference",
        )
    options = {"epochs": 5, "random_state": 0, "target_labels": "use", **parameters}
    clf = DomainAdaptedClassifier(backbone, method=spelled(method), **options)
    return clf.fit(X, y, sample_domain=sample_domain).predict_proba(X)


def recipe(**parameters):
    from sktransfer import Recipe

    order = spelled(parameters.pop("order", "lp_ft"))
    return proba(network(normalized=True), recipe=Recipe(order, **parameters))


CASES = {
    "mlp": lambda: proba("mlp"),
    "mlp float64": lambda: proba("mlp", dtype="float64"),
    "model": lambda: proba(network()),
    "model float64": lambda: proba(network(), dtype="float64"),
    "images": lambda: proba(network(images=True)),
    "images, 1 frozen": lambda: proba(network(images=True), frozen_depth=1),
    "images, fresh weights": lambda: proba(network(images=True), weights=None),
    "callable": lambda: proba(network),
    ".keras": lambda: from_file(".keras"),
    ".h5": lambda: from_file(".h5"),
    "fitted backbone": second_fit,
    "features": features,
    "linear_probe": lambda: proba(network(), recipe=spelled("linear_probe")),
    "full": lambda: proba(network(), recipe="full"),
    "gradual": lambda: proba(network(), recipe="gradual"),
    "tune bias": lambda: recipe(tune="bias"),
    "tune norm": lambda: recipe(tune="norm"),
    "tune lora": lambda: recipe(tune="lora", order="full"),
    "mixup": lambda: recipe(mixup_alpha=0.2),
    "cosine": lambda: recipe(schedule="cosine", warm_up=0.1),
    "sample_weight": with_weights,
    "class_weight": lambda: with_weights(class_weight="balanced"),
    "early stopping": lambda: proba(network(), epochs=8, **by_accuracy()),
    "layer decay, l2_sp": lambda: proba(network(), layer_decay=0.5, l2_sp=0.01),
    "smoothing, sgd": lambda: proba(network(), optimizer="sgd", label_smoothing=0.1),
    "warm_start": warm_start,
    "partial_fit": partial_fit,
    "soup, interpolation": interpolated,
    "tabular": table,
    "tabular, frame": lambda: table(frame=True),
    "tabular float64": lambda: table(dtype="float64"),
    "tabular, 14 classes": lambda: table(14),
    "tabular, full": lambda: table(recipe="full", epochs=2),
    "tabular, domains": lambda: domains("source_only", "tabular"),
    "domains, mlp": lambda: domains("auto", "mlp"),
    "domains, early stopping": lambda: domains("dann", **by_accuracy()),
    **{f"method {m}": (lambda m=m: domains(m)) for m in METHODS},
}


def record(path, names):
    """Run the cases with the package that is imported; store what they give."""
    found = {}
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[name] = np.asarray(CASES[name](), dtype=np.float64)
            except Exception as error:
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    np.savez(path, **found)


@contextlib.contextmanager
def checkout(commit, folder):
    """Give the folder of a commit, or of the working tree for None."""
    if commit is None:
        yield ROOT
        return
    path = os.path.join(folder, "checkout")
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", "--quiet", path, commit], check=True)
    try:
        yield Path(path)
    finally:
        subprocess.run([*git, "remove", "--force", path], check=True)


def run(commit, names):
    """Record a commit in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, checkout(commit, folder) as root:
        path = os.path.join(folder, "found.npz")
        subprocess.run(
            [sys.executable, __file__, "--record", path, "--cases", *names],
            env={**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=folder,
            check=True,
        )
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}


def compare(first, second, names):
    """Print which cases differ; return how many do."""
    n_different = 0
    for name in names:
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            result = "failed"
        elif one.shape != other.shape:
            result = f"shapes {one.shape} and {other.shape}"
        elif np.array_equal(one, other):
            result = "same"
        else:
            result = f"differ by {np.abs(one - other).max():.3g}"
        n_different += result != "same"
        print(f"{name:28} {result}")
    print(f"{len(names) - n_different} of {len(names)} cases have the same bits.")
    return n_different


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs="*", help="one or two commits")
    parser.add_argument("--cases", nargs="+", default=[*CASES], choices=[*CASES])
    parser.add_argument("--record", metavar="FILE", help="store the imported package's")
    parser.add_argument("--reference", metavar="FILE", help="stored earlier")
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.record, arguments.cases)
        return 0
    if arguments.reference:
        with np.load(arguments.reference) as arrays:
            first = {name: arrays[name] for name in arrays.files}
        others = arguments.commits
    else:
        if not arguments.commits:
            parser.error("give a commit, or --reference FILE")
        first = run(arguments.commits[0], arguments.cases)
        others = arguments.commits[1:]
    second = run(others[0] if others else None, arguments.cases)
    return int(compare(first, second, arguments.cases) > 0)


if __name__ == "__main__":
    sys.exit(main())
