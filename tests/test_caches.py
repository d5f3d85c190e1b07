"""Caches of the process: bounds, eviction, info."""

import gc
import threading

import pytest

import sktransfer
from sktransfer._caches import Cache, cache_info, cached, clear_caches


@pytest.fixture
def cache(monkeypatch):
    from sktransfer import _caches

    monkeypatch.setattr(_caches, "_caches", {})
    return Cache("numbers", 100)


def size(value):
    return value


def test_a_value_is_made_once(cache):
    made = []

    def make():
        made.append(1)
        return 40

    assert [cache.get("a", make, size) for _ in range(3)] == [40, 40, 40]
    assert made == [1]
    assert cache_info() == [("numbers", 1, 40, 100)]


def test_the_least_recently_used_entries_make_way(cache):
    for key in "ab":
        cache.put(key, key, 40)
    assert cache.find("a") == "a"
    cache.put("c", "c", 40)
    assert [cache.find(key) for key in "abc"] == ["a", None, "c"]
    assert cache.bytes == 80


def test_a_value_larger_than_the_bound_is_not_kept(cache):
    assert cache.get("large", lambda: 101, size) == 101
    assert (len(cache), cache.bytes) == (0, 0)


def test_an_entry_that_grows_makes_others_leave(cache):
    left = []
    cache = Cache("others", 100, on_evict=lambda key, value: left.append(key))
    cache.put("a", 1, 30)
    cache.put("b", 2, 30)
    cache.resize("b", 80)
    assert (left, cache.bytes) == (["a"], 80)
    cache.max_bytes = 10
    assert (left, cache.bytes) == (["a", "b"], 0)


def test_the_same_key_again_replaces_the_value(cache):
    cache.put("a", 1, 30)
    cache.put("a", 2, 50)
    assert (cache.find("a"), cache.bytes) == (2, 50)
    cache.discard("a")
    assert (cache.find("a"), cache.bytes) == (None, 0)


def test_threads_share_one_value(cache):
    made, values = [], []

    def make():
        made.append(1)
        return object()

    threads = [
        threading.Thread(
            target=lambda: values.append(cache.get("a", make, lambda _: 1))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(value) for value in values}) == 1


def test_a_call_after_eviction_may_wait_for_another_thread():
    """Which needs the cache: the lock is free by then."""
    seen = []

    def evicted(key, value):
        thread = threading.Thread(
            target=lambda: seen.append(cache.find("b")), daemon=True
        )
        thread.start()
        thread.join(10)

    cache = Cache("waiting", 100, on_evict=evicted)
    cache.put("a", 1, 60)
    cache.put("b", 2, 60)
    assert seen == [2]


def test_decorated_function(monkeypatch):
    from sktransfer import _caches

    monkeypatch.setattr(_caches, "_caches", {})
    calls = []

    @cached("squares", 100, lambda value: 8)
    def square(x, *, plus=0):
        """Square."""
        calls.append(x)
        return x * x + plus

    assert [square(3), square(3), square(3, plus=1)] == [9, 9, 10]
    assert calls == [3, 3]
    assert square.__doc__ == "Square."
    clear_caches()
    assert square(3) == 9
    assert calls == [3, 3, 3]


def test_all_caches_of_a_fit_are_listed_and_emptied(make, target):
    make(recipe="lp_ft").fit(*target)
    infos = {info.name: info for info in sktransfer.cache_info()}
    assert infos["programs"].entries >= 1
    assert infos["feature store"].bytes == sktransfer.feature_store.bytes
    assert all(0 <= info.bytes <= info.max_bytes for info in infos.values())
    sktransfer.clear_caches()
    gc.collect()
    assert all(info[1:3] == (0, 0) for info in sktransfer.cache_info())
    assert make(recipe="lp_ft").fit(*target).score(*target) > 0.5
