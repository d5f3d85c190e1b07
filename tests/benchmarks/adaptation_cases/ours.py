"""Our estimators: what adaptation has to beat and to reach, and the methods."""

import os
from pathlib import Path

import joblib
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from adaptation_cases.methods import MAPPED
from sktransfer import TransferClassifier
from sktransfer.preprocessing import CORAL, OTMapping, density_ratio_weights


def fit(job):
    """Fit by the method of a job.

    Parameters
    ----------
    job : Job
        What to fit on.

    Returns
    -------
    callable
        Gives the probabilities of the rows to predict, of shape (n_rows, n_classes).
    """
    parameters = {
        "backbone": _backbone(job),
        "epochs": job.epochs,
        "batch_size": job.batch_size,
        "learning_rate": job.learning_rate,
        "random_state": job.seed,
    }
    if job.same_work:
        parameters["n_iter_no_change"] = job.epochs
    fit_method = _REFERENCES.get(job.method, _fit_adapted)
    return fit_method(job, parameters)


def _fit_source(job, parameters):
    model = TransferClassifier(**parameters).fit(job.X_source, job.y_source)
    return lambda: model.predict_proba(job.X_scored)


def _fit_target(job, parameters):
    """Fit on either half of the target; each row is of the model without it."""
    if not np.array_equal(job.X_scored, job.X_target):
        model = TransferClassifier(**parameters).fit(job.X_target, job.y_target)
        columns = np.zeros((len(job.X_scored), job.n_classes))
        columns[:, model.classes_] = model.predict_proba(job.X_scored)
        return lambda: columns
    proba = np.zeros((len(job.X_target), job.n_classes))
    halves = StratifiedKFold(2, shuffle=True, random_state=job.seed)
    for train, test in halves.split(job.X_target, job.y_target):
        model = TransferClassifier(**parameters)
        model.fit(job.X_target[train], job.y_target[train])
        columns = np.ix_(test, model.classes_)
        proba[columns] = model.predict_proba(job.X_target[test])
    return lambda: proba


def _fit_labeled(job, parameters):
    """Fit on the source's rows and the labeled ones of the target."""
    known = job.y_target >= 0
    model = TransferClassifier(**parameters).fit(
        np.concatenate([job.X_source, job.X_target[known]]),
        np.concatenate([job.y_source, job.y_target[known]]),
    )
    return lambda: model.predict_proba(job.X_scored)


def _fit_logistic(job, parameters):
    """Fit a logistic regression, alone or after a mapping or with weights."""
    tool = job.method.partition("-")[2]
    steps = [*_MAPPINGS.get(tool, ()), LogisticRegression(max_iter=1000)]
    scale = StandardScaler().fit(job.X_source)
    X, X_target = scale.transform(job.X_source), scale.transform(job.X_target)
    fit_parameters = {}
    if tool in _WEIGHTS:
        weights = density_ratio_weights(X, (X_target,), method=_WEIGHTS[tool])
        fit_parameters["logisticregression__sample_weight"] = weights
    elif tool:
        fit_parameters[f"{type(steps[0]).__name__.lower()}__X_target"] = (X_target,)
    model = make_pipeline(*steps).fit(X, job.y_source, **fit_parameters)
    return lambda: model.predict_proba(scale.transform(job.X_scored))


_MAPPINGS = {"coral": (CORAL(),), "ot": (OTMapping(),)}
_WEIGHTS = {"weights": "logistic", "kmm": "kmm", "ulsif": "ulsif"}
_REFERENCES = dict.fromkeys(MAPPED, _fit_logistic) | {
    "source-trained": _fit_source,
    "target_trained": _fit_target,
    "source-and-labeled": _fit_labeled,
}


def _fit_adapted(job, parameters):
    from sktransfer import DomainAdaptedClassifier

    parameters = parameters | {"method": job.method}
    labels = np.zeros(len(job.X_target), dtype=int)
    if job.y_target is not None:
        parameters["target_labels"] = "use"
        labels = np.where(job.y_target >= 0, job.y_target.astype(object), None)
    model = DomainAdaptedClassifier(**parameters).fit(
        np.concatenate([job.X_source, job.X_target]),
        np.concatenate([job.y_source, labels]),
        sample_domain=np.repeat([0, -1], [len(job.X_source), len(job.X_target)]),
    )
    return lambda: model.predict_proba(job.X_scored)


def _backbone(job):
    if job.backbone == "mlp":
        return "mlp"
    file = Path(job.rows_file).with_suffix(".backbone")
    if not file.exists():
        source = TransferClassifier(
            convolutional_network,
            weights=None,
            recipe="full",
            epochs=job.epochs,
            batch_size=job.batch_size,
            random_state=job.seed,
        ).fit(job.X_source, job.y_source)
        # Another process may be writing it too; they write the same.
        own = file.with_suffix(f".{os.getpid()}")
        joblib.dump(source.backbone_, own)
        own.replace(file)
    return joblib.load(file)


def convolutional_network():
    """Three convolutions with BatchNormalization, for images of 8 x 8."""
    layers = [keras.Input((8, 8, 1))]
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        layers += [
            keras.layers.Conv2D(width, 3, stride, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("relu"),
        ]
    return keras.Sequential([*layers, keras.layers.Flatten()])
