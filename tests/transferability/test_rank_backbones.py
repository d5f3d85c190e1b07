import numpy as np
import pandas as pd
import pytest

from sktransfer import (
    BackboneFeatures,
    ResultsTable,
    TransferClassifier,
    rank_backbones,
)
from sktransfer.transferability import knn_score, logme

COLUMNS = ["candidate", "score", "n_features", "n_parameters", "seconds", "note"]


@pytest.fixture
def rows(digits):
    return digits[0][:120], digits[1][:120]


def by_name(table):
    return table.to_pandas().set_index("candidate")


def test_scores_are_those_of_the_features(source, rows):
    X, y = rows
    table = rank_backbones({"digits": source}, X, y)
    assert isinstance(table, ResultsTable)
    assert table.columns == COLUMNS
    assert list(table["score"]) == sorted(table["score"], reverse=True)
    found = by_name(table)
    features = BackboneFeatures(source).fit_transform(X)
    assert found.loc["digits", "score"] == logme(features, y)
    assert found.loc["digits", "n_features"] == features.shape[1]
    n_parameters = sum(weights.size for weights in source.weights)
    assert found.loc["digits", "n_parameters"] == n_parameters
    assert found.loc["digits", "seconds"] >= 0
    assert found.loc["digits", "note"] == ""


def test_controls(source, rows):
    X, y = rows
    found = by_name(rank_backbones([source], X, y))
    assert found.loc["raw inputs", "score"] == logme(X, y)
    assert found.loc["raw inputs", "n_features"] == 64
    assert found.loc["raw inputs", "n_parameters"] == 0
    fresh = BackboneFeatures(source, weights=None, random_state=0).fit_transform(X)
    assert found.loc["random weights", "score"] == logme(fresh, y)
    assert found.loc["random weights", "note"].endswith(source.name)
    assert found.loc[source.name, "score"] > found.loc["random weights", "score"]


def test_controls_beside_candidates_of_the_same_name(source, rows):
    found = by_name(rank_backbones({"raw inputs": source}, *rows))
    assert "raw inputs (control)" in found.index
    assert len(found) == 3


def test_anything_that_is_a_backbone(source, source_model, rows, tmp_path):
    path = tmp_path / "model.keras"
    source_model.save(path)
    layer = source_model.layers[0].name

    def build():
        return source_model

    candidates = [source, source_model, path, str(path), build, (source_model, layer)]
    found = by_name(rank_backbones(candidates, *rows))
    assert len(found) == 8
    name = source_model.name
    whole = [name, f"{name} (2)", str(path), f"{path} (2)", "build"]
    assert found.loc[whole, "score"].nunique() == 1
    cut = BackboneFeatures(source_model, feature_layer=layer).fit_transform(rows[0])
    assert found.loc[f"{name} at {layer}", "score"] == logme(cut, rows[1])
    assert (found["n_features"] > 0).all()


def test_what_cannot_take_X_is_told_in_its_row(source, rows):
    from networks import convolutional

    X, y = rows
    candidates = {
        "wide": convolutional((32, 32, 3)),
        "typo": "MobileNetV9",
        "absent": "no/such/file.keras",
        "mlp": "mlp",
        "number": 3,
        "no such layer": (source, "attic"),
        "good": source,
    }
    table = rank_backbones(candidates, X, y)
    found = by_name(table)
    failed = [name for name in candidates if name != "good"]
    assert list(table["candidate"][-6:]) == failed
    assert found.loc[failed, "score"].isna().all()
    assert found.loc["wide", "note"].startswith("BackboneError: X has samples of shape")
    assert "MobileNetV9" in found.loc["typo", "note"]
    assert "file.keras" in found.loc["absent", "note"]
    assert "'mlp' and 'mlp_ensemble' are not pretrained" in found.loc["mlp", "note"]
    assert "TypeError: backbone is of type int" in found.loc["number", "note"]
    assert "attic" in found.loc["no such layer", "note"]
    others = found.loc[["good", "raw inputs", "random weights"]]
    assert others["score"].notna().all()
    assert found["n_features"].dtype == "Int64"


def test_no_candidate_takes_X(rows):
    table = rank_backbones(["MobileNetV9"], *rows)
    assert list(table["candidate"]) == ["raw inputs", "MobileNetV9"]


@pytest.mark.parametrize("score", ["knn_score", knn_score])
def test_score_by_name_or_function(score, source, rows):
    found = by_name(rank_backbones({"a": source}, *rows, score=score))
    features = BackboneFeatures(source).fit_transform(rows[0])
    assert found.loc["a", "score"] == knn_score(features, rows[1])


@pytest.mark.parametrize("kind", [int, "splits"])
def test_cv(kind, source, rows):
    from sklearn.model_selection import StratifiedKFold

    X, y = rows
    splits = list(StratifiedKFold(3).split(X, y))
    cv = 3 if kind is int else iter(splits)
    found = by_name(rank_backbones({"a": source}, X, y, cv=cv))
    features = BackboneFeatures(source).fit_transform(X)
    scores = [logme(features[train], y[train]) for train, _ in splits]
    assert found.loc["a", "score"] == pytest.approx(np.mean(scores))
    assert found.loc["a", "score_std"] == pytest.approx(np.std(scores))
    assert found["score_std"].notna().all()


def test_features_come_from_the_store(source, rows, monkeypatch):
    from sktransfer.training.step.program import Program

    computed = []
    features = Program.features
    monkeypatch.setattr(
        Program,
        "features",
        lambda self, X: computed.append(len(X)) or features(self, X),
    )
    first = rank_backbones([source], *rows)
    n_calls = len(computed)
    assert n_calls > 0
    second = rank_backbones([source], *rows, score="logme")
    assert len(computed) == n_calls
    assert set(first["candidate"]) == set(second["candidate"])


def test_labels_and_rows_of_other_kinds(source, rows):
    X, y = rows
    expected = rank_backbones([source], X, y)["score"]
    names = pd.Series(np.array(list("abcde"))[y], index=y)
    np.testing.assert_array_equal(rank_backbones([source], X, names)["score"], expected)
    # Axes are never merged, because their order could be another one.
    images = by_name(rank_backbones([source], X.reshape(-1, 8, 8), y))
    assert images.loc["raw inputs", "score"] == logme(X, y)
    assert "(8, 8)" in images.loc[source.name, "note"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, -1])
def test_unlabeled_samples_are_left_out(missing, source, rows):
    X, y = rows
    candidates = [source.replace(classes=np.arange(5))]
    masked = y.astype(object)
    masked[:50] = missing
    expected = rank_backbones(candidates, X[50:], y[50:])["score"]
    assert rank_backbones(candidates, X, masked)["score"] == expected
    splits = [(np.arange(n, n + 60), [0]) for n in (30, 50)]
    table = rank_backbones(candidates, X, masked, cv=splits)
    splits = [(np.arange(n), [0]) for n in (40, 60)]
    expected = rank_backbones(candidates, X[50:], y[50:], cv=splits)
    assert table["score"] == expected["score"]


def test_minus_one_is_a_class_without_a_source(source, rows):
    X, y = rows
    expected = rank_backbones([source], X, y)["score"]
    assert rank_backbones([source], X, y - 1)["score"] == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": []}, "candidates is empty"),
        ({"candidates": "VGG16"}, "candidates is of type str; expected a dict"),
        ({"candidates": [("a", "b", "c")]}, "candidates has the tuple"),
        ({"candidates": {"a": ("a", 3)}}, "candidates has the tuple"),
        (
            {"score": "logmee"},
            "score='logmee'; expected .*Did you mean 'logme'",
        ),
        ({"score": None}, "score=None"),
        ({"X": np.full((120, 64), np.nan)}, "Input X contains NaN"),
        ({"y": np.zeros(120)}, "y has one class"),
        ({"y": np.full(120, np.nan)}, "y has no labels"),
        ({"y": np.arange(119) % 2}, "y has 119 labels for 120 samples"),
        ({"y": np.arange(120)}, "y has 120 classes in 120 samples"),
    ],
)
def test_bad_input(changes, message, source, rows):
    arguments = {"candidates": [source], "X": rows[0], "y": rows[1]} | changes
    with pytest.raises(ValueError, match=message):
        rank_backbones(**arguments)


def test_networks_that_were_fitted_on_frames():
    # Persons have their own probabilities of the classes; the ranked rows of the target
    # begin with another person than the source, and have gaps.
    own = np.random.default_rng(0).normal(size=40)
    rng = np.random.default_rng(1)

    def draw(n):
        person = rng.integers(0, 40, n)
        y = (2 * own[person] + rng.logistic(size=n) > 0).astype(float)
        number = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
        return pd.DataFrame({"id": [f"p{i}" for i in person], "x": number}), y

    source = TransferClassifier("mlp_ensemble", random_state=0).fit(*draw(1500))
    frame, y = draw(200)
    y[:20] = np.nan
    table = rank_backbones(
        {"persons": source.backbone_, "images": "MobileNetV2"}, frame, y
    )
    assert table["candidate"][0] == "persons"
    notes = dict(zip(table["candidate"], table["note"], strict=True))
    assert "has categories" in notes["images"]
    sizes = dict(zip(table["candidate"], table["n_features"], strict=True))
    # A number, its gaps, and the 32 most frequent persons.
    assert sizes["raw inputs"] == 34
    assert sizes["random weights"] == sizes["persons"] == 128
