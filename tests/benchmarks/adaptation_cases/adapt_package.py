"""Methods of the package ADAPT.

It needs Keras 2, which TensorFlow takes from the package tf-keras when it is asked to
before it is imported.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from adapt import feature_based, instance_based

from adaptation_cases.inputs import (
    DISCRIMINATOR,
    hidden_width,
    shallow_classifier,
    standardized,
)

_NETWORKS = ("ADDA", "CDAN", "DANN", "DeepCORAL", "MCD", "MDD", "WDGRL")


def fit(job):
    """Fit by the method of a job; see :func:`adaptation_cases.ours.fit`."""
    X_source, X_target = standardized(job)
    if job.method in _NETWORKS:
        X_source, X_target = X_source.astype("float32"), X_target.astype("float32")
        model = _fit_network(job, X_source, X_target)
        return lambda: model.predict(X_target, verbose=0)
    package = feature_based if hasattr(feature_based, job.method) else instance_based
    model = getattr(package, job.method)(
        shallow_classifier(job), Xt=X_target, verbose=0, random_state=job.seed
    )
    model.fit(X_source, job.y_source)
    return lambda: model.estimator_.predict_proba(_transformed(model, X_target))


def _fit_network(job, X_source, X_target):
    width = hidden_width(X_source.shape[1])
    networks = {
        "encoder": _network([(width, "relu"), (width, "relu")], job.seed),
        "task": _network([(job.n_classes, "softmax")], job.seed + 2),
    }
    if job.same_work:
        units = [(n, "relu") for n in DISCRIMINATOR]
        networks["discriminator"] = _network([*units, (1, "sigmoid")], job.seed + 3)
    model = getattr(feature_based, job.method)(
        **networks,
        Xt=X_target,
        loss="categorical_crossentropy",
        optimizer="adam",
        random_state=job.seed,
    )
    labels = np.eye(job.n_classes, dtype="float32")[job.y_source]
    return model.fit(
        X_source, labels, epochs=job.epochs, batch_size=job.batch_size, verbose=0
    )


def _network(layers, seed):
    return tf.keras.Sequential(
        [
            tf.keras.layers.Dense(
                units,
                activation,
                kernel_initializer=tf.keras.initializers.HeUniform(seed + i),
            )
            for i, (units, activation) in enumerate(layers)
        ]
    )


def _transformed(model, X):
    """Rows as the classifier was fitted on them."""
    return model.transform(X, domain="tgt") if hasattr(model, "transform") else X
