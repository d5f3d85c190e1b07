"""
Fine-tune a pretrained .h5 file
===============================

``pre_trained_model.h5`` holds a network for images of 28 x 28 pixels: Dense 256, then a
softmax over 10 digits. It is loaded first, with its weights, and then trained further
on new rows: its own classification layer is kept (``head="keep"``). The first epoch
shows that training starts from the pretrained weights, and a second fit that they are
not overwritten.
"""

# %%
# The data
# --------
# MNIST where Keras has stored it before, otherwise scikit-learn's digits, enlarged.
# Nothing is downloaded.

import hashlib
import logging
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sktransfer import Backbone, TransferClassifier

mnist = Path("~/.keras/datasets/mnist.npz").expanduser()
if mnist.is_file():
    with np.load(mnist) as arrays:
        X, y = arrays["x_train"][:5000] / 255, arrays["y_train"][:5000]
else:
    X, y = load_digits(return_X_y=True)
    X = zoom(X.reshape(-1, 8, 8) / 16, (1, 3.5, 3.5), order=1)
X = X.reshape(-1, 784)
X_old, X_rest, y_old, y_rest = train_test_split(X, y, train_size=0.3, random_state=0)
X_new, X_test, y_new, y_test = train_test_split(
    X_rest, y_rest, train_size=200, random_state=0
)
print(
    f"{'MNIST' if mnist.is_file() else 'digits, enlarged to 28 x 28'}: "
    f"{len(y_old)} old rows, {len(y_new)} new ones, {len(y_test)} to test on",
    flush=True,
)

# %%
# The file
# --------
# You have one already. This one is trained on the old rows.


def network():
    """Build the article's network."""
    return keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(256, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )


pretraining = TransferClassifier(network, weights=None, epochs=5, random_state=0)
pretraining.fit(X_old, y_old)
model = network()
model.set_weights(pretraining.weights_)
path = Path(tempfile.mkdtemp(prefix="sktransfer_")) / "pre_trained_model.h5"
logging.getLogger("absl").setLevel("ERROR")  # Keras calls .h5 a legacy format
model.save(path)

# %%
# Load, then fine-tune
# --------------------
# ``Backbone.from_file`` is not needed for training, only for looking at the file.

before = hashlib.sha256(path.read_bytes()).hexdigest()
print(f"file: {path}")
print(Backbone.from_file(path).layers_table())

settings = {"recipe": "full", "epochs": 10, "random_state": 0}
clf = TransferClassifier(path, head="keep", **settings).fit(X_new, y_new)
scratch = TransferClassifier(path, weights=None, **settings).fit(X_new, y_new)
print("                       fine-tuned    from scratch")
for name, epoch in ("first", 0), ("last", -1):
    losses = clf.loss_curve_[epoch], scratch.loss_curve_[epoch]
    print(f"{f'loss of {name} epoch':21}{losses[0]:12.3f}{losses[1]:16.3f}")
accuracy = [model.score(X_test, y_test) for model in (pretraining, clf, scratch)]
print(f"test accuracy        {accuracy[1]:12.3f}{accuracy[2]:16.3f}")
print(f"test accuracy of the file as it is: {accuracy[0]:.3f}")

# %%
# What is left of the pretrained weights
# --------------------------------------
# The file is the same as before, bit for bit. A second fit starts from it again, not
# from where the first one ended, and so gives the same probabilities.

after = hashlib.sha256(path.read_bytes()).hexdigest()
again = TransferClassifier(path, head="keep", **settings)
again.fit(X_new[:100], y_new[:100])  # something else in between
again.fit(X_new, y_new)
same = np.array_equal(again.predict_proba(X_test), clf.predict_proba(X_test))
print(f"file unchanged: {before == after}; second fit equals the first: {same}")

# %%
# The curves
# ----------

try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print('no plot: matplotlib is missing; pip install ".[plotting]" brings it')

if plt is not None:
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    epochs = range(1, settings["epochs"] + 1)
    for name, fitted, style in (
        ("from scratch", scratch, {"color": "#d55e00", "marker": "D", "ls": ":"}),
        ("from pre_trained_model.h5", clf, {"color": "#000000", "marker": "o"}),
    ):
        axes.plot(epochs[: fitted.n_iter_], fitted.loss_curve_, label=name, **style)
    axes.set(xlabel="epoch", ylabel="training loss", yscale="log", xticks=epochs)
    axes.grid(alpha=0.3)
    axes.legend()
    plot_file = path.with_name("finetune_h5.png")
    figure.savefig(plot_file, dpi=150)
    print(f"plot saved to {plot_file}")
