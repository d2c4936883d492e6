"""A run asks for what has changed since the last one, and never sees anything old."""

import pytest

from rotation_watcher.adapters.remembering_store import Lately, Memory, RememberingStore
from rotation_watcher.errors import Conflict
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


def test_what_a_run_wrote_itself_it_knows_and_so_does_the_next_one() -> None:
    world = World()
    run = world.run()
    assert run.get("targets/a") is None
    written = run.put_if("targets/a", b"1", etag=None, content_type="text/plain")
    run.put("targets/b", b"2", content_type="text/plain")
    assert (body(run, "targets/a"), body(run, "targets/b")) == (b"1", b"2")
    assert run.put_if("targets/a", b"3", etag=written.etag, content_type="text/plain").etag != written.etag
    assert body(run, "targets/a") == b"3"
    assert [one for one in world.store.calls if one[0] == "get"] == []
    assert body(world.run(), "targets/a") == b"3"
    assert world.store.calls == [LISTED]


def test_what_somebody_else_was_faster_to_write_is_read_past_the_listing() -> None:
    world = World()
    world.store.seed("targets/a", b"1")
    run = world.run()
    read = run.get("targets/a")
    assert read is not None
    world.store.seed("targets/a", b"2")
    with pytest.raises(Conflict):
        run.put_if("targets/a", b"3", etag=read.etag, content_type="text/plain")
    newest = run.get("targets/a")
    assert newest is not None
    assert newest.body == b"2"
    run.put_if("targets/a", b"3", etag=newest.etag, content_type="text/plain")
    assert body(run, "targets/a") == b"3"


def test_a_listing_from_behind_the_first_folder_costs_no_call_of_its_own() -> None:
    world = World()
    for key in ("anchors/a", "sources/a", "status/a", "targets/a"):
        world.store.seed(key, b"1")
    run = world.run()
    assert [*run.listed("targets/")] == ["targets/a"]
    assert [*run.listed("status/")] == ["status/a"]
    assert world.store.calls == [LISTED]
    assert [*run.listed("anchors/")] == ["anchors/a"], "before the first folder"


def test_what_lies_before_the_listed_part_of_a_long_folder_can_be_read_all_the_same() -> None:
    world = World()
    for number in range(1200):
        world.store.seed(f"sources/{number:04}", b"1")
    world.store.seed("targets/a", b"1")
    run = RememberingStore(world.store, world.memory, FOLDERS, lately=Lately("sources/", ["sources/1100"], 50))
    assert run.list("sources/") == [f"sources/{number:04}" for number in range(1101, 1200)]
    assert run.list("targets/") == ["targets/a"]
    assert body(run, "sources/0007") == b"1"
    assert run.get("sources/1300") is None
