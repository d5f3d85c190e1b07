"""One decision how a backbone learns: sources are read without data."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import source_network, two_layers

from sktransfer import Backbone, TransferClassifier
from sktransfer.backbones.sources import (
    ApplicationSource,
    BackboneSource,
    CallableSource,
    FileSource,
    HubSource,
    ModelSource,
)
from sktransfer.learners.by_steps import BySteps
from sktransfer.learners.choose import choose_learner, read_source
from sktransfer.learners.in_context import InContext
from sktransfer.tables.sources import (
    AutoSource,
    InContextSource,
    MLPEnsembleSource,
    MLPSource,
)


@pytest.mark.parametrize(
    ("backbone", "kind"),
    [
        ("auto", AutoSource),
        ("tabular", InContextSource),
        ("mlp", MLPSource),
        ("mlp_ensemble", MLPEnsembleSource),
        ("MobileNetV2", ApplicationSource),
        ("hub:resnet", HubSource),
        ("model.keras", FileSource),
        ("folder/model", FileSource),
        ("./MobileNetV2", FileSource),
        ("model.pb", FileSource),
        ("hub:folder/resnet.v1", HubSource),
        (Path("model"), FileSource),
        (two_layers, CallableSource),
        (lambda: None, CallableSource),
    ],
)
def test_kinds(backbone, kind):
    source = read_source(backbone)
    assert type(source) is kind
    in_context = kind is InContextSource
    assert isinstance(choose_learner(source), InContext if in_context else BySteps)
    assert source.learns_in_context == in_context
    assert source.is_chosen_by_fit == (kind is AutoSource)
    tables = (AutoSource, InContextSource, MLPSource, MLPEnsembleSource)
    assert source.accepts_tables == (kind in tables)


def test_validation_set_of_few_samples():
    y = np.arange(10) % 2
    X = np.random.default_rng(0).normal(size=(10, 2)) + y[:, None]
    y[:2] = 2, 3
    # Without early stopping no sample is set aside.
    tuned = TransferClassifier("tabular", recipe="full", epochs=1).fit(X, y)
    assert "val_loss" not in tuned.history_
    for backbone, recipe in [("tabular", "full"), ("mlp", "auto")]:
        clf = TransferClassifier(backbone, recipe=recipe, early_stopping=True)
        message = r"^early_stopping=True .*4 classes, which 10 samples .*=False\.$"
        with pytest.raises(ValueError, match=message):
            clf.fit(X, y)


def test_live_models_and_values():
    model = source_network()
    assert type(read_source(model)) is ModelSource
    assert type(read_source(Backbone.from_model(model))) is BackboneSource


def test_other_types():
    with pytest.raises(TypeError, match="backbone is of type int"):
        read_source(3)


def test_a_source_is_read_without_tensorflow():
    code = (
        "import sys\n"
        "from sktransfer.learners.choose import choose_learner, read_source\n"
        "for backbone in ('tabular', 'mlp', 'MobileNetV2', 'a.keras', print):\n"
        "    choose_learner(read_source(backbone))\n"
        "from sktransfer import TransferClassifier\n"
        "TransferClassifier('tabular').__sklearn_tags__()\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
