"""Methods of the package SKADA: those on PyTorch, and those on scikit-learn."""

import os

# POT would import TensorFlow, which PyTorch does not bear in the same process.
os.environ["POT_BACKEND_DISABLE_TENSORFLOW"] = "1"

import numpy as np
import skada
import torch
from skada import deep
from skada.deep.modules import GradientReversalLayer

from adaptation_cases.inputs import (
    DISCRIMINATOR,
    hidden_width,
    shallow_classifier,
    standardized,
)

# Method on PyTorch -> what it has to be told of the network.
_NETWORKS = {
    "CAN": (),
    "CDAN": ("num_features", "n_classes"),
    "DAN": (),
    "DANN": ("num_features",),
    "DeepCoral": (),
    "DeepJDOT": (),
    "MCC": (),
    "MDD": ("num_features", "n_classes"),
    "SPA": ("num_features",),
    "SourceOnly": (),
}
_SOURCE, _TARGET = 1, -2


def fit(job):
    """Fit by the method of a job; see :func:`adaptation_cases.ours.fit`."""
    X_source, X_target = standardized(job)
    if job.method in _NETWORKS:
        model = _network(job)
        X_source, X_target = X_source.astype("float32"), X_target.astype("float32")
    else:
        model = _pipeline(job)
    model.fit(
        np.concatenate([X_source, X_target]),
        # -1 stands for no label.
        np.concatenate([job.y_source, np.full(len(X_target), -1)]),
        sample_domain=np.repeat([_SOURCE, _TARGET], [len(X_source), len(X_target)]),
    )
    domain = np.full(len(X_target), _TARGET)
    return lambda: model.predict_proba(X_target, sample_domain=domain)


def _network(job):
    torch.manual_seed(job.seed)
    module = _Module(job.X_source.shape[1], job.n_classes)
    sizes = {"num_features": module.head.in_features, "n_classes": job.n_classes}
    parameters = {name: sizes[name] for name in _NETWORKS[job.method]}
    if job.same_work:
        parameters = {"domain_classifier": _Discriminator(module.head.in_features)}
    return getattr(deep, job.method)(
        module,
        layer_name="features",
        **parameters,
        max_epochs=job.epochs,
        batch_size=job.batch_size,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        train_split=None,
        verbose=0,
    )


def _pipeline(job):
    classifier = shallow_classifier(job).set_fit_request(sample_weight=True)
    return getattr(skada, job.method)(base_estimator=classifier)


class _Module(torch.nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        width = hidden_width(n_features)
        self.features = _dense(n_features, [width, width])
        self.head = torch.nn.Linear(width, n_classes)

    def forward(self, x, sample_weight=None):
        return self.head(self.features(x))


class _Discriminator(torch.nn.Module):
    """Domain discriminator behind a reversal of gradients."""

    def __init__(self, n_features):
        super().__init__()
        self.hidden = _dense(n_features, DISCRIMINATOR)
        self.head = torch.nn.Linear(DISCRIMINATOR[-1], 1)

    def forward(self, x, sample_weight=None):
        x = GradientReversalLayer.apply(x, 1)
        return torch.sigmoid(self.head(self.hidden(x))).squeeze()


def _dense(n_inputs, units):
    layers = []
    for n_units in units:
        layers += [torch.nn.Linear(n_inputs, n_units), torch.nn.ReLU()]
        torch.nn.init.kaiming_uniform_(layers[-2].weight, nonlinearity="relu")
        torch.nn.init.zeros_(layers[-2].bias)
        n_inputs = n_units
    return torch.nn.Sequential(*layers)
