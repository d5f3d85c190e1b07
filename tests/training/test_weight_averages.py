"""Moving averages of weights are what is validated and kept."""

import keras
import numpy as np
from steps import RATE, assert_close, by_hand, data, examples, keras_network, train

MOMENTUM = 0.75


def averaging():
    return keras.optimizers.SGD(use_ema=True, ema_momentum=MOMENTUM)


def averages(epochs, rates=(RATE,) * 6):
    """Averages after each epoch of three steps, by the formula."""
    average, after_epoch, step = None, [], 0

    def update(weights):
        nonlocal average, step
        if average is None:
            average = weights
        else:
            average = [
                MOMENTUM * a + (1 - MOMENTUM) * w
                for a, w in zip(average, weights, strict=True)
            ]
        step += 1
        if step % 3 == 0:
            after_epoch.append(average)

    by_hand(list(rates), epochs=epochs, after_step=update)
    return after_epoch


def loss(weights):
    X, y, weight = data()
    model = keras_network("float64")
    model.set_weights(weights)
    logits = model.predict(X, verbose=0)
    log_proba = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.average(log_proba[np.arange(len(y)), y], weights=weight)


def test_averages_are_kept():
    assert_close(train(optimizer=averaging()), averages(2)[-1])


def test_averages_of_layers_with_rates_of_their_own():
    fitted = train(optimizer=averaging(), layer_decay=0.5, depth=1)
    rates = [0.0] * 2 + [RATE / 2] * 2 + [RATE] * 2
    assert_close(fitted, averages(2, rates)[-1])


def test_averages_are_validated_and_training_goes_on_without_them():
    fitted = train(optimizer=averaging(), epochs=3, validation=examples(*data()))
    expected = averages(3)
    losses = [entry["val_loss"] for entry in fitted.history]
    np.testing.assert_allclose(losses, [loss(w) for w in expected], rtol=1e-10)
    scores = [entry["val_score"] for entry in fitted.history]
    assert_close(fitted, expected[int(np.argmax(scores))])


def test_weights_that_no_step_changes_have_no_average():
    from sktransfer.training.step.grouped_optimizer import GroupedOptimizer
    from sktransfer.training.step.optimizers import serialize_optimizer

    variables = [keras.Variable(np.ones(2), name=name) for name in "ab"]
    optimizer = GroupedOptimizer(
        serialize_optimizer(averaging()), [[v] for v in variables], "float32"
    )
    optimizer.start(weight_decay=0.0)
    optimizer.set_rates(np.float32([RATE, RATE]))
    optimizer.apply([np.ones(2, "float32")] * 2, chosen={id(variables[0])})
    optimizer.finalize()
    np.testing.assert_array_equal(variables[0], [1 - RATE] * 2)
    np.testing.assert_array_equal(variables[1], [1, 1])


def test_of_low_rank_updates_the_factors_are_averaged():
    fitted = train(optimizer=averaging(), tune="lora", lora_rank=1, epochs=3)
    update = fitted.weights[2] - keras_network("float64").get_weights()[2]
    assert np.linalg.matrix_rank(update, tol=1e-8) == 1
