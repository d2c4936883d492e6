"""A store that asks once: absence too, and no failure."""

import pytest

from rotation_watcher import once_store
from rotation_watcher.errors import StoreError
from rotation_watcher.once_store import OnceStore
from tests.support.fakes import InMemoryStore


def test_each_object_and_absence_is_asked_for_once() -> None:
    store = InMemoryStore()
    store.seed("a", b"1")
    once = OnceStore(store)
    for _ in range(3):
        found = once.get("a")
        assert (found and found.body, once.get("b")) == (b"1", None)
    assert store.calls == [("get", "a"), ("get", "b")]


def test_what_is_large_is_asked_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once_store, "_LARGE", 1)
    store = InMemoryStore()
    store.seed("a", b"12")
    once = OnceStore(store)
    once.get("a")
    once.get("a")
    assert store.calls == [("get", "a")] * 2


def test_what_could_not_be_read_is_asked_for_again() -> None:
    store = InMemoryStore()
    store.seed("a", b"1")
    once = OnceStore(store)

    def fail(_operation: str, _key: str) -> None:
        raise StoreError("the connection was reset")

    usual, store.before = store.before, fail
    with pytest.raises(StoreError):
        once.get("a")
    store.before = usual
    assert once.get("a") is not None
