"""What early stopping should watch: the log loss or the accuracy of a validation set.

    python tests/benchmarks/early_stopping.py --seeds 5

Networks for tables are trained on a few samples of tables of scikit-learn, with
``early_stopping=True``, and tested on the others. The rows of the table are means over
tables and seeds of the accuracy and the log loss on the test set.
"""

import argparse

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sktransfer import TransferClassifier

TABLES = {
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": load_digits(return_X_y=True),
    "iris": load_iris(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "synthetic": make_classification(2000, 20, n_informative=8, random_state=0),
    "noisy": make_classification(
        2000, 20, n_informative=5, n_classes=3, flip_y=0.2, random_state=0
    ),
}
SIZES = (60, 100, 300)
SCORINGS = {"log loss": "loss", "accuracy": None}


def run(seeds):
    """Return accuracy and log loss by size and scoring."""
    results = {}
    for X, y in TABLES.values():
        for n in SIZES:
            # Enough for a test set, and for a validation set with all classes.
            if n > 0.7 * len(X) or 0.1 * n < len(np.unique(y)):
                continue
            for seed in range(seeds):
                train, test = train_test_split(
                    np.arange(len(X)), train_size=n, stratify=y, random_state=seed
                )
                for name, scoring in SCORINGS.items():
                    clf = TransferClassifier(
                        "mlp", early_stopping=True, scoring=scoring, random_state=seed
                    ).fit(X[train], y[train])
                    proba = clf.predict_proba(X[test])
                    accuracy = (clf.classes_[proba.argmax(axis=1)] == y[test]).mean()
                    loss = log_loss(y[test], proba, labels=clf.classes_)
                    results.setdefault((n, name), []).append((accuracy, loss))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    results = run(parser.parse_args().seeds)
    print("samples  stopped by  accuracy  log loss")
    for (n, name), values in results.items():
        accuracy, loss = np.mean(values, axis=0)
        print(f"{n:7}  {name:10}  {accuracy:8.4f}  {loss:8.4f}")


if __name__ == "__main__":
    main()
