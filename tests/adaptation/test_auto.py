"""Auto: what it chooses under which shift, and that this is then the network."""

import keras
import numpy as np
import pytest
from domain_methods import (
    assert_off_is_source_only,
    assert_reads_no_target_label_and_changes_no_input,
    assert_same_network,
    fit,
    mean_accuracies,
    target_accuracy,
    toy,
)

from sktransfer import DomainAdaptedClassifier
from sktransfer._label_shift import LabelShiftEstimate
from sktransfer.adaptation import (
    DAN,
    MCC,
    SHOT,
    Auto,
    DomainStandardize,
    Ensemble,
    LabelShift,
    SourceOnly,
    default,
)
from sktransfer.datasets import load_shifted_digits


def alike(n=300):
    """Rows of both domains from the same distribution."""
    rng = np.random.default_rng(0)
    y = np.arange(2 * n) % 2
    return rng.normal(size=(2 * n, 4)) + y[:, None], y, np.repeat([0, -1], n)


def images():
    """Digits 0 to 4, rotated in the target."""
    X, y, sample_domain = load_shifted_digits("rotated", random_state=0)
    few = y < 5
    return X[few], y[few], sample_domain[few]


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        (toy("subspace"), DAN()),
        (toy("concept"), DomainStandardize(guard=False)),
        (toy("label"), LabelShift(guard=False)),
        (toy("moons"), SourceOnly()),
        (images(), Ensemble()),
    ],
    ids=["subspace", "concept", "label", "moons", "images"],
)
def test_chooses_by_the_shift(domains, expected):
    model = fit("auto", domains, random_state=0)
    assert repr(model.method_) == repr(expected)
    assert_same_network(model, fit(expected, domains, random_state=0))
    assert model.decision_.columns == ["evidence", "value", "condition", "holds"]
    if isinstance(model.method_, LabelShift):
        assert model.decision_["holds"] == [True] * 4
    elif isinstance(model.method_, SourceOnly):
        assert model.decision_["holds"][-2:] == [True, False]


def test_the_ensemble_is_better_on_images():
    domains = images()
    plain, adapted = (
        target_accuracy(fit(m, domains, random_state=0), domains)
        for m in ("source_only", "auto")
    )
    assert adapted > plain + 0.15


def test_classes_of_unequal_size():
    """The members would pull predictions towards equal classes."""
    X, y, sample_domain = images()
    kept = (y == 0) | (np.arange(len(y)) % 4 == 0)
    model = fit("auto", (X[kept], y[kept], sample_domain[kept]), random_state=0)
    evidence = dict(
        zip(model.decision_["evidence"], model.decision_["holds"], strict=True)
    )
    assert evidence["total variation of the source from equal classes"] is False
    assert not any("uncertainty" in name for name in evidence)


def balanced_label_shift():
    """Classes of equal size in the source; 85 % of class 1 in the target."""
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(400) % 2, rng.random(300) < 0.85]).astype(int)
    X = rng.normal(size=(700, 5))
    X[:, 0] += 1.5 * y
    return X, y, np.repeat([0, -1], [400, 300])


def test_a_label_shift_from_equal_classes():
    domains = balanced_label_shift()
    model = fit("auto", domains, random_state=0)
    assert not isinstance(model.method_, Ensemble)
    plain = fit("source_only", domains, random_state=0)
    assert target_accuracy(model, domains) >= target_accuracy(plain, domains)


def held_out_evidence(**changes):
    """An estimate in which the source network is certain on the source."""
    prior = np.full(10, 0.1)
    values = {
        "source_prior": prior,
        "target_prior": prior,
        "slope": 1.0,
        "bias": np.zeros(10),
        "distance": 0.5,
        "unexplained": 1.0,
        "source_confidence": 0.998,
        "target_confidence": 0.998,
    }
    return LabelShiftEstimate(**values | changes)


OTHER_PRIOR = np.r_[0.5, np.full(9, 0.5 / 9)]


@pytest.mark.parametrize(
    ("evidence", "chosen"),
    [
        ({"target_confidence": 0.97}, Ensemble),
        # A small fall, of networks that are hardly ever uncertain.
        ({"target_confidence": 0.99}, SourceOnly),
        # A large fall, but the network was uncertain before.
        ({"source_confidence": 0.7, "target_confidence": 0.5}, SourceOnly),
        # Another class prior explains it, but the images look otherwise.
        (
            {
                "target_confidence": 0.9,
                "unexplained": 0.2,
                "target_prior": OTHER_PRIOR,
            },
            Ensemble,
        ),
    ],
    ids=["fails", "small", "uncertain", "separable"],
)
def test_when_the_source_network_fails(evidence, chosen, monkeypatch):
    estimate = held_out_evidence(**evidence)
    monkeypatch.setattr(default, "estimate_label_shift", lambda *_, **__: estimate)
    monkeypatch.setattr(default, "_MIN_EXCESS_AGREEMENT", 2.0)
    auto = Auto(candidates=[], members=[DAN(), SHOT()])
    model = fit(auto, images(), epochs=2, random_state=0)
    assert isinstance(model.method_, chosen)


def test_one_member_does_not_agree_with_itself():
    model = fit(Auto(members=[MCC()], candidates=[]), toy("moons"), random_state=0)
    assert not any("agreement" in name for name in model.decision_["evidence"])


def test_without_members():
    """The fast setting: no ensemble."""
    auto = Auto(members=[], candidates=[])
    model = fit(auto, images(), random_state=0)
    assert isinstance(model.method_, SourceOnly)
    names = model.decision_["evidence"]
    assert not any(
        "ensemble" in n or "members" in n or "uncertainty" in n for n in names
    )


def test_an_unstable_class_prior_is_not_used(monkeypatch):
    for module in ("default", "methods.label_shift"):
        name = f"sktransfer.adaptation.{module}.MAX_AMPLIFICATION"
        monkeypatch.setattr(name, 0.5)
    domains = toy("label")
    model = fit(Auto(members=[], candidates=[]), domains, random_state=0)
    assert isinstance(model.method_, SourceOnly)
    rows = {row["evidence"]: row["holds"] for row in model.decision_}
    assert rows["amplification of the class prior"] is False
    with pytest.warns(UserWarning, match=r"not stable.*expected at most 0\.5"):
        fit("label_shift", domains, random_state=0)


def test_a_line_says_what_was_chosen(capsys):
    X, y, sample_domain = toy("label")
    for method, line in (
        (
            "auto",
            "method=Auto() chose LabelShift(guard=False); see decision_.",
        ),
        ("source_only", ""),
    ):
        clf = DomainAdaptedClassifier(method=method, epochs=20, verbose=1)
        clf.set_params(random_state=0).fit(X, y, sample_domain=sample_domain)
        output = capsys.readouterr().out
        assert ("chose" in output) == bool(line)
        assert line in output
    assert clf.decision_ is None


def test_each_training_has_a_progress_bar(capsys):
    auto = Auto(candidates=[DAN()], members=[])
    fit(auto, toy("subspace"), epochs=3, verbose=1, random_state=0)
    output = capsys.readouterr().out
    assert output.count("Training on the source\n") == 4
    assert output.count("Training with DAN() on source and target\n") == 1
    # No bar goes on with the epochs of the one before, and each ends once.
    assert output.count("3/3") == output.count("Training")
    assert "4/3" not in output


def test_callbacks_begin_anew_with_each_training():
    calls = []

    class Record(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            calls.append(self.params["epochs"])

        def on_epoch_begin(self, epoch, logs=None):
            calls.append(epoch)

    fit(SHOT(epochs=2), toy("moons"), epochs=3, callbacks=[Record], random_state=0)
    # Numbers of epochs go on, so that no file of a ModelCheckpoint is overwritten.
    assert calls == [3, 0, 1, 2, 2, 3, 4]


def test_chooses_among_candidates():
    domains = toy("subspace")
    auto = Auto(candidates=[SourceOnly(), MCC()], members=[])
    assert isinstance(fit(auto, domains, random_state=0).method_, MCC | SourceOnly)
    auto = Auto(candidates=[DAN(0.5)], members=[], margin=0)
    model = fit(auto, domains, random_state=0)
    assert repr(model.method_) == "DAN(trade_off=0.5)"


def test_margin_keeps_the_source_network():
    domains = toy("subspace")
    model = fit(Auto(margin=1.0, members=[]), domains, random_state=0)
    assert_same_network(model, fit("source_only", domains, random_state=0))


def test_frozen_features_cannot_be_aligned():
    backbone = fit("source_only", toy("subspace"), random_state=0).backbone_
    parameters = {"backbone": backbone, "frozen_depth": "all", "random_state": 0}
    model = fit("auto", toy("concept"), **parameters)
    assert not isinstance(model.method_, DAN)


def test_the_same_distribution_does_no_harm():
    domains = alike()
    plain, adapted = (
        target_accuracy(fit(m, domains, random_state=0), domains)
        for m in ("source_only", "auto")
    )
    assert adapted > plain - 0.01


def test_recovers_and_does_not_harm():
    """Over several seeds: the gain where there is one, and nothing lost on moons."""
    plain, adapted = mean_accuracies(
        ["source_only", "auto"], lambda seed: toy("subspace", seed)
    )
    assert plain < 0.7
    # On some draws it takes another method, or none.
    assert adapted > plain + 0.3
    for seed in range(3):
        domains = toy("moons", seed)
        models = [fit(m, domains, random_state=seed) for m in ("source_only", "auto")]
        plain, adapted = (target_accuracy(model, domains) for model in models)
        assert adapted >= plain - 0.02


def test_off_is_source_only():
    assert_off_is_source_only(Auto(), toy("subspace"))


def test_reads_no_target_label_and_changes_no_input():
    assert_reads_no_target_label_and_changes_no_input(
        Auto(), toy("subspace", n_samples=60)
    )
