import keras
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sktransfer import Backbone, BackboneFeatures, TransferClassifier
from sktransfer.exceptions import (
    BackboneError,
    BackboneFileError,
    NonFiniteLossError,
    WeightsMismatchError,
)


def refuses(estimator, data, error, *parts, method="fit", **kwargs):
    """Check that a call raises an error whose message holds all of some parts."""
    with pytest.raises(error) as raised:
        getattr(estimator, method)(*data, **kwargs)
    message = str(raised.value)
    for part in parts:
        assert part in message, message


def with_value(X, value):
    X = X.copy()
    X[3, 5] = value
    return X


# ---- rows


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_values_that_are_not_finite(make, target, value, said):
    X, y = target
    refuses(make(), (with_value(X, value), y), ValueError, said)
    estimator = make(epochs=1).fit(X, y)
    for method in ("predict", "predict_proba", "decision_function"):
        refuses(estimator, [with_value(X, value)], ValueError, said, method=method)


def test_no_samples_at_all(make, target):
    estimator = make(epochs=1).fit(*target)
    for method in ("predict", "predict_proba", "decision_function"):
        refuses(estimator, [None], ValueError, "array", method=method)


def test_features_of_a_failed_fit(source, target):
    features = BackboneFeatures(source)
    refuses(features, [target[0][:, :60]], BackboneError, "(60,)")
    assert not [name for name in vars(features) if name.endswith("_")]
    refuses(features, [target[0]], NotFittedError, method="transform")
    # A failed fit keeps what an earlier one has set.
    features.fit(target[0])
    refuses(features, [target[0][:, :60]], BackboneError, "(60,)")
    assert features.n_features_in_ == 64
    assert features.transform(target[0]).shape == (100, 24)


def test_values_too_large_for_float32(make, target):
    X, y = target
    large = with_value(X.astype(np.float64), 1e300)
    refuses(make(), (large, y), ValueError, "too large", "float64")


def test_one_class(make, target):
    X, _ = target
    refuses(make(), (X, np.ones(100)), ValueError, "one class", "2")


def test_one_class_with_a_weight(make, target):
    X, y = target
    weight = (y == 2).astype(float)
    refuses(make(), (X, y), ValueError, "one class", sample_weight=weight)


def test_zero_weights_only(make, target):
    with pytest.raises(ValueError, match=r"(?i)sample.weight.* (zero|non-zero)"):
        make().fit(*target, sample_weight=np.zeros(100))


def test_negative_weights(make, target):
    weight = np.linspace(-1, 1, 100)
    refuses(make(), target, ValueError, "sample_weight", sample_weight=weight)


def test_zero_class_weights_only(make, target):
    """Every row would have weight 0."""
    zero = dict.fromkeys(range(5), 0.0)
    refuses(make(class_weight=zero), target, ValueError, "class_weight")


def test_negative_class_weights(make, target):
    refuses(make(class_weight={0: -1.0}), target, ValueError, "class_weight")


def test_class_weight_of_one_class_is_zero(make, target):
    """As good as leaving the class out; not an error in other classifiers."""
    for recipe in ("full", "lp_ft"):
        estimator = make(class_weight={0: 0.0}, recipe=recipe).fit(*target)
        assert np.isfinite(estimator.loss_)
        assert estimator.classes_.tolist() == [0, 1, 2, 3, 4]


def test_wrong_lengths(make, target):
    X, y = target
    refuses(make(), (X, y[:-1]), ValueError, "inconsistent numbers of samples")
    refuses(make(), (X, y), ValueError, "sample_weight", sample_weight=np.ones(99))


def test_no_rows(make, target):
    X, y = target
    refuses(make(), (X[:0], y[:0]), ValueError, "0 sample")


def test_a_single_row_flat(make, target):
    X, y = target
    refuses(make(), (X[0], y[:64]), ValueError, "Expected 2D array")
    refuses(make().fit(X, y), [X[0]], ValueError, "Expected 2D array", method="predict")


def test_regression_targets(make, target):
    X, _ = target
    y = np.linspace(0, 1, 100)
    refuses(make(), (X, y), ValueError, "Unknown label type: continuous")


def test_labels_in_columns_that_are_no_indicators(make, target):
    X, y = target
    refuses(make(), (X, 2 * np.eye(5)[y]), ValueError, "(100, 5)", "0 and 1")


def test_missing_y(make, target):
    refuses(make(), (target[0], None), ValueError, "requires y to be passed")


def test_other_number_of_columns_at_predict(make, target):
    X, y = target
    refuses(
        make(epochs=1).fit(X, y), [X[:, :60]], ValueError, "60", "64", method="predict"
    )


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_before_fit(make, target, method):
    refuses(make(), [target[0]], NotFittedError, "not fitted", method=method)


def test_features_before_fit(source, target):
    refuses(
        BackboneFeatures(source), [target[0]], NotFittedError, "not", method="transform"
    )


def test_rows_that_do_not_fit_the_backbone(make, target, source):
    X, y = target
    parts = "(60,)", "(64,)"
    refuses(make(), (X[:, :60], y), BackboneError, *parts)
    refuses(BackboneFeatures(source), [X[:, :60]], BackboneError, *parts)


def test_images_that_do_not_fit_the_backbone(target):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    refuses(
        TransferClassifier(model), target, BackboneError, "(64,)", "(8, 8, 3)", "64"
    )


def test_early_stopping_with_too_few_rows(make, target):
    X = target[0]
    refuses(
        make(early_stopping=True),
        (X[:12], np.arange(12) % 4),
        ValueError,
        "early_stopping",
        "validation_fraction=0.1",
    )


# ---- going on


def test_partial_fit_without_classes(make, target):
    refuses(make(), target, ValueError, "classes", "first", method="partial_fit")


def test_one_class_in_partial_fit(make, target):
    X, y = target[0][:4], np.zeros(4, int)
    refuses(
        make(),
        (X, y, [0]),
        ValueError,
        "classes=[0]",
        "2 classes",
        method="partial_fit",
    )


def test_balanced_class_weights_in_partial_fit(make, target):
    refuses(
        make(class_weight="balanced"),
        (*target, np.arange(5)),
        ValueError,
        "class_weight='balanced'",
        "compute_class_weight",
        method="partial_fit",
    )


def test_new_classes_in_partial_fit(make, target):
    X, y = target
    estimator = make().partial_fit(X, y, classes=np.arange(5))
    refuses(estimator, (X, y + 3), ValueError, "5, 6, 7", method="partial_fit")
    refuses(
        estimator,
        (X, y),
        ValueError,
        "classes",
        "first call",
        method="partial_fit",
        classes=np.arange(6),
    )


def test_new_classes_in_a_warm_start(make, target):
    X, y = target
    estimator = make(warm_start=True).fit(X, y)
    refuses(estimator, (X, y + 1), ValueError, "warm_start", "[0, 1, 2, 3, 4]")


def test_other_columns_in_partial_fit(make, target):
    X, y = target
    estimator = make().partial_fit(X, y, classes=np.arange(5))
    refuses(estimator, (X[:, :60], y), ValueError, "60", "64", method="partial_fit")


def test_head_keep_with_other_classes(make, target):
    X, y = target
    few = X[y < 4], y[y < 4] + 3
    refuses(make(head="keep"), few, ValueError, "head='keep'", "5 classes", "'new'")
    named = make(epochs=1).fit(X, np.array(list("abcde"))[y]).backbone_
    estimator = make(backbone=named, head="keep")
    refuses(estimator, target, ValueError, "head='keep'", "['a', 'b', 'c', 'd', 'e']")


def test_head_keep_without_a_head(target):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, "relu")])
    refuses(TransferClassifier(model, head="keep"), target, ValueError, "head='keep'")

    refuses(
        TransferClassifier(model, head="keep"),
        target,
        ValueError,
        "head='keep'",
        method="partial_fit",
        classes=np.arange(5),
    )


def test_partial_fit_of_a_kept_head_with_other_classes(make, target):
    X, y = target
    refuses(
        make(head="keep"),
        (X, y),
        ValueError,
        "head='keep'",
        method="partial_fit",
        classes=np.arange(6),
    )
    named = make(epochs=1).fit(X, np.array(list("abcde"))[y]).backbone_
    refuses(
        make(backbone=named, head="keep"),
        (X, y),
        ValueError,
        "head='keep'",
        method="partial_fit",
        classes=np.arange(5),
    )


# ---- parameters


@pytest.mark.parametrize("depth", [4, -4, 1.5, -0.1, "most", float("nan")])
def test_frozen_depth_out_of_range(make, target, depth):
    refuses(
        make(frozen_depth=depth),
        target,
        ValueError,
        f"frozen_depth={depth!r}",
        "[-3, 3]",
        "'all'",
    )


@pytest.mark.parametrize("depth", [True, [1]])
def test_frozen_depth_of_the_wrong_type(make, target, depth):
    refuses(
        make(frozen_depth=depth), target, TypeError, f"frozen_depth={depth!r}", "int"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipe", "lpft"),
        ("head", "old"),
        ("layer_decay", 0.0),
        ("weight_decay", -1.0),
        ("label_smoothing", 1.0),
        ("batch_size", 0),
        ("epochs", 0),
        ("epochs", 2.5),
        ("validation_fraction", 1.0),
        ("dtype", "float16"),
        ("class_weight", "even"),
        ("early_stopping", "yes"),
        ("head_learning_rate", 0.0),
        ("feature_layer", 3),
        ("memory", 3),
        ("random_state", "seed"),
    ],
)
def test_parameters(make, target, name, value):
    refuses(
        make(**{name: value}), target, ValueError, f"'{name}' parameter", repr(value)
    )


@pytest.mark.parametrize("rate", [0, -0.1, float("nan"), float("inf")])
def test_learning_rate_out_of_range(make, target, rate):
    refuses(
        make(learning_rate=rate), target, ValueError, f"learning_rate={rate!r}", "0"
    )


@pytest.mark.parametrize("rate", ["fast", [0.1], True])
def test_learning_rate_of_the_wrong_type(make, target, rate):
    parts = f"learning_rate={rate!r}", "float"
    refuses(make(learning_rate=rate), target, TypeError, *parts)


def test_parameters_are_checked_before_any_training(make, target, monkeypatch):
    from sktransfer.learners import by_steps

    monkeypatch.setattr(by_steps.BySteps, "fit", None)
    refuses(make(learning_rate=-1), target, ValueError, "learning_rate")
    refuses(make(optimizer="adaw"), target, ValueError, "optimizer")
    refuses(make(callbacks=["Histor"]), target, ValueError, "callbacks")


def test_unknown_optimizer(make, target):
    refuses(
        make(optimizer="adaw"), target, ValueError, "optimizer='adaw'", "'adamw'", "sgd"
    )
    refuses(make(optimizer=3), target, TypeError, "optimizer", "int")


def test_unknown_callback(make, target):
    refuses(make(callbacks=["Histor"]), target, ValueError, "'Histor'", "'History'")
    refuses(make(callbacks=[3]), target, TypeError, "callbacks", "3")
    refuses(make(callbacks=[dict]), target, TypeError, "callbacks", "dict")


def test_a_huge_learning_rate(make, target):
    estimator = make(learning_rate=1e30, recipe="full", optimizer="sgd")
    refuses(
        estimator, target, NonFiniteLossError, "learning_rate=1e+30", "smaller", "nan"
    )
    assert not hasattr(estimator, "backbone_")


def test_a_huge_learning_rate_that_ends_in_the_last_step(make, target):
    """The loss of each step was finite, what the network then computes is not."""
    estimator = make(
        learning_rate=3e38, head="keep", optimizer="sgd", epochs=1, batch_size=100
    )
    # Features that the step does not change, so that none of them dies.
    estimator.set_params(recipe="linear_probe")
    refuses(estimator, target, NonFiniteLossError, "learning_rate=3e+38")


def test_a_huge_learning_rate_in_partial_fit(make, target):
    estimator = make(learning_rate=1e30, optimizer="sgd", recipe="full")
    estimator.set_params(batch_size=10)
    refuses(
        estimator,
        target,
        NonFiniteLossError,
        "learning_rate",
        method="partial_fit",
        classes=np.arange(5),
    )


# ---- backbones


@pytest.mark.parametrize("value", [None, 3, object(), ["mlp"]])
def test_backbone_of_the_wrong_type(target, value):
    parts = "backbone", type(value).__name__, "keras.Model"
    refuses(TransferClassifier(value), target, TypeError, *parts)


def test_unknown_application(target):
    refuses(TransferClassifier("MobileNetV22"), target, ValueError, "'MobileNetV2'")


def test_misspelt_mlp(target):
    refuses(TransferClassifier("mpl"), target, ValueError, "'mpl'", "'mlp'")


def test_unknown_feature_layer(make, target, source):
    refuses(
        make(feature_layer="secnd"),
        target,
        BackboneError,
        "feature_layer='secnd'",
        "'second'",
        "'auto'",
    )
    refuses(
        BackboneFeatures(source, feature_layer="secnd"),
        [target[0]],
        BackboneError,
        "'second'",
    )


def test_mlp_has_no_features(target):
    refuses(BackboneFeatures("mlp"), [target[0]], ValueError, "'mlp'", "backbone_")


def test_subclassed_model(target):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    model = Mine()
    model(np.zeros((1, 64)))
    refuses(
        TransferClassifier(model), target, BackboneError, "subclassed", "functional"
    )


def test_unbuilt_sequential(target):
    model = keras.Sequential([keras.layers.Dense(3)])
    refuses(TransferClassifier(model), target, BackboneError, "keras.Input")


def test_models_of_several_inputs_and_outputs(target):
    a, b = keras.Input((64,)), keras.Input((64,))
    two_inputs = keras.Model([a, b], keras.layers.Add()([a, b]))
    refuses(TransferClassifier(two_inputs), target, BackboneError, "2 inputs")
    two_outputs = keras.Model(a, [keras.layers.Dense(2)(a), keras.layers.Dense(2)(a)])
    refuses(TransferClassifier(two_outputs), target, BackboneError, "2 outputs")


def test_callable_that_returns_something_else(target):
    def no_model():
        return 3

    refuses(TransferClassifier(no_model), target, BackboneError, "no_model", "int")


def test_missing_files(target, tmp_path):
    for backbone in (tmp_path / "none.keras", str(tmp_path / "none.h5")):
        refuses(TransferClassifier(backbone), target, BackboneFileError, str(backbone))
    refuses(TransferClassifier(tmp_path), target, BackboneFileError, "directory")
    refuses(
        TransferClassifier(
            keras.Sequential([keras.Input((64,)), keras.layers.Dense(3)]),
            weights=tmp_path / "none.weights.h5",
        ),
        target,
        BackboneFileError,
        "none.weights.h5",
    )


def test_files_that_are_no_models(target, tmp_path):
    text, empty = tmp_path / "text.h5", tmp_path / "empty.keras"
    text.write_text("not a model")
    empty.touch()
    refuses(TransferClassifier(text), target, BackboneFileError, "text.h5")
    refuses(TransferClassifier(empty), target, BackboneFileError, "empty")


def test_weights_without_an_architecture(source_model, target, tmp_path):
    path = tmp_path / "source.weights.h5"
    source_model.save_weights(path)
    refuses(TransferClassifier(path), target, BackboneError, "weights=", "architecture")


def test_weights_that_do_not_fit(source_model, target, tmp_path):
    path = tmp_path / "source.weights.h5"
    source_model.save_weights(path)
    other = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(48, name="first"),
            keras.layers.Dense(30, name="second"),
            keras.layers.Dense(24, name="third"),
            keras.layers.Dense(5, name="classes"),
        ]
    )
    refuses(
        TransferClassifier(other, weights=path),
        target,
        WeightsMismatchError,
        "second",
        "(48, 32)",
        "(48, 30)",
    )


def test_weights_that_go_with_something_else(make, target):
    refuses(
        make(weights="imagenet"), target, BackboneError, "weights='imagenet'", "path"
    )
    refuses(
        TransferClassifier("mlp", weights="imagenet"), target, BackboneError, "'mlp'"
    )


def test_backbones_are_made_by_their_functions():
    with pytest.raises(TypeError, match="from_model"):
        Backbone()


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "model"])
@pytest.mark.parametrize("parameter", ["backbone", "weights"])
def test_a_url(make, target, name, parameter):
    url = f"https://example.com/a/{name}"
    refuses(
        make(**{parameter: url}),
        target,
        BackboneFileError,
        f"{url} is a URL",
        "ownload",
    )


@pytest.mark.parametrize("callbacks", [{}, {"a": "CSVLogger"}], ids=str)
def test_callbacks_in_a_dict(make, target, callbacks):
    estimator = make(callbacks=callbacks)
    refuses(estimator, target, TypeError, "callbacks", "dict", "a list", "None")
