"""A run asks for what has changed since the last one, and never sees anything old."""

from rotation_watcher.adapters.remembering_store import Memory, RememberingStore
from tests.support.fakes import InMemoryStore

FOLDERS = ("targets/", "sources/")
LISTED = ("list", "sources/")
"""One listing, from the first folder on."""


class World:
    def __init__(self) -> None:
        self.store, self.memory = InMemoryStore(), Memory()

    def run(self) -> RememberingStore:
        self.store.calls.clear()
        return RememberingStore(self.store, self.memory, FOLDERS)


def body(store: RememberingStore, key: str) -> bytes | None:
    found = store.get(key)
    return found.body if found else None


def test_what_is_the_same_is_asked_for_once() -> None:
    world = World()
    world.store.seed("sources/a", b"1")
    assert body(world.run(), "sources/a") == b"1"
    assert body(world.run(), "sources/a") == b"1"
    assert world.store.calls == [LISTED]


def test_what_has_changed_is_asked_for_again() -> None:
    world = World()
    world.store.seed("sources/a", b"1")
    world.run().get("sources/a")
    world.store.seed("sources/a", b"2")
    assert body(world.run(), "sources/a") == b"2"


def test_what_is_not_listed_is_not_there_and_costs_no_call() -> None:
    world = World()
    run = world.run()
    assert run.get("targets/a") is run.get("targets/b") is None
    assert world.store.calls == [LISTED]
    world.store.seed("targets/a", b"1")
    assert body(world.run(), "targets/a") == b"1"


def test_other_folders_and_exact_versions_go_straight_to_the_bucket() -> None:
    world = World()
    version = world.store.seed("sources/a", b"1")
    world.store.seed("anchors/a", b"2")
    run = world.run()
    assert body(run, "anchors/a") == b"2"
    assert run.get("sources/a", version=version)
    assert run.list("anchors/") == ["anchors/a"]
    assert LISTED not in world.store.calls


def test_keys_are_listed_from_what_was_listed() -> None:
    world = World()
    for key in ("sources/b/2", "sources/a/1", "sources/b/1"):
        world.store.seed(key, b"")
    run = world.run()
    assert run.list("sources/b/") == ["sources/b/1", "sources/b/2"]
    assert run.list("sources/") == ["sources/a/1", "sources/b/1", "sources/b/2"]
    assert world.store.calls == [LISTED]


def test_all_folders_are_listed_at_once_and_what_lies_between_them_is_none_of_theirs() -> None:
    world = World()
    for key in ("anchors/a", "sources/a", "status/a", "targets/a"):
        world.store.seed(key, b"1")
    run = world.run()
    assert [body(run, key) for key in ("targets/a", "sources/a", "status/a")] == [b"1"] * 3
    assert run.list("targets/") == ["targets/a"]
    assert [one for one in world.store.calls if one[0] == "list"] == [LISTED]
    world.store.seed("status/a", b"2")
    assert body(run, "status/a") == b"2", "what a run writes is not what it remembers"


def test_what_a_run_did_not_ask_for_is_forgotten() -> None:
    world = World()
    for key in ("sources/a", "sources/b"):
        world.store.seed(key, b"1")
    run = world.run()
    run.get("sources/a")
    run.get("sources/b")
    world.run().get("sources/a")
    world.run()
    assert {*world.memory.known} == {"sources/a"}
