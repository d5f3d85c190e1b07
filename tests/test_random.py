"""Python's random state around code that builds Keras objects."""

import contextlib
import random
import threading

import keras
import numpy as np

from sktransfer._random import preserve_random_state


def test_the_state_is_put_back_even_after_an_error():
    state = random.getstate()
    with preserve_random_state():
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    assert random.getstate() == state
    with contextlib.suppress(RuntimeError), preserve_random_state():
        random.random()
        raise RuntimeError
    assert random.getstate() == state


def test_what_is_built_does_not_depend_on_the_state():
    kernels = []
    for seed in (1, 2):
        random.seed(seed)
        with preserve_random_state():
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        kernels.append(keras.ops.convert_to_numpy(model.weights[0]))
    np.testing.assert_array_equal(*kernels)


def test_threads_do_not_mix_their_states():
    def work():
        for _ in range(200):
            with preserve_random_state(), preserve_random_state():
                random.random()

    state = random.getstate()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert random.getstate() == state
