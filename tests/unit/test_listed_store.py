"""A run goes by a listing where that spares reads, and never by what only the container remembers."""

import zlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation_watcher import listed_store, remembered
from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.listed_store import KNOWN_FOR, ListedStore, Memory
from rotation_watcher.ports import ObjectStore
from tests.support.fakes import NOON, EncryptedStore, InMemoryStore

ANCHORS, HISTORY = "anchors/a.pem", "sources/a/history.json"
LISTINGS = [("list", "anchors/"), ("list", "sources/")]
JSON = "application/json"


class World:
    def __init__(self, store: InMemoryStore | None = None) -> None:
        self.store, self.memory = store or InMemoryStore(), Memory()
        self.now = NOON
        for key in (ANCHORS, HISTORY):
            self.store.seed(key, b"1")

    def run(self, *, worth: int = 1) -> ListedStore:
        """A run of the container, which has just begun."""
        self.store.calls.clear()
        store = ListedStore(self.store, self.memory, {ANCHORS, HISTORY})
        store.begin(self.now, worth)
        return store

    def read(self) -> tuple[bytes | None, bytes | None]:
        """What the next run finds."""
        run = self.run()
        return body(run, ANCHORS), body(run, HISTORY)


@pytest.fixture(params=[InMemoryStore, EncryptedStore])
def world(request: pytest.FixtureRequest) -> World:
    found = World(request.param())
    found.read()
    return found


def body(store: ObjectStore, key: str) -> bytes | None:
    found = store.get(key)
    return found.body if found else None


def test_the_first_run_of_a_container_reads_and_lists_nothing() -> None:
    world = World()
    assert world.read() == (b"1", b"1")
    assert world.store.calls == [("get", ANCHORS), ("get", HISTORY)]


def test_the_next_one_reads_nothing_that_is_as_it_was(world: World) -> None:
    assert world.read() == (b"1", b"1")
    assert world.store.calls == LISTINGS


@pytest.mark.parametrize("key", [ANCHORS, HISTORY])
@pytest.mark.parametrize("content", [b"2", b""])
def test_what_somebody_has_written_since_is_read(world: World, key: str, content: bytes) -> None:
    world.store.seed(key, content)
    found = world.read()
    assert found == ((content, b"1") if key == ANCHORS else (b"1", content))
    assert world.store.calls == [*LISTINGS, ("get", key)]
    assert world.read() == found
    assert world.store.calls == LISTINGS


@pytest.mark.parametrize("remove", [InMemoryStore.remove, InMemoryStore.mark_deleted])
@pytest.mark.parametrize("key", [ANCHORS, HISTORY])
def test_what_somebody_took_out_is_gone(world: World, key: str, remove: Callable[[InMemoryStore, str], None]) -> None:
    remove(world.store, key)
    for _ in range(2):
        assert world.read() == ((None, b"1") if key == ANCHORS else (b"1", None))
    world.store.seed(key, b"3")
    assert world.read() == ((b"3", b"1") if key == ANCHORS else (b"1", b"3"))


def test_what_somebody_restored_is_the_earlier_one_and_not_what_was_read_last(world: World) -> None:
    world.store.seed(HISTORY, b"2")
    world.read()
    world.store.seed(HISTORY, b"1")
    assert world.read() == (b"1", b"1")


def test_a_history_is_read_past_the_listing_by_who_asks_again(world: World) -> None:
    run = world.run()
    known = run.get(HISTORY)
    assert known is not None
    world.store.seed(HISTORY, b"2")
    with pytest.raises(Conflict):
        run.put_if(HISTORY, b"3", etag=known.etag, content_type=JSON)
    assert body(run, HISTORY) == b"2"


def test_who_asks_twice_is_told_of_what_was_written_between(world: World) -> None:
    run = world.run()
    assert body(run, HISTORY) == b"1"
    world.store.seed(HISTORY, b"2")
    assert body(run, HISTORY) == b"2"


@pytest.mark.parametrize("conditional", [True, False])
def test_what_is_written_without_being_read_is_there_for_who_reads_it(world: World, *, conditional: bool) -> None:
    world.store.remove(HISTORY)
    run = world.run()
    if conditional:
        run.put_if(HISTORY, b"2", etag=None, content_type=JSON)
    else:
        run.put(HISTORY, b"2", content_type=JSON)
    assert body(run, HISTORY) == b"2"


def test_so_it_is_by_who_was_told_that_there_is_none(world: World) -> None:
    world.store.remove(HISTORY)
    run = world.run()
    assert run.get(HISTORY) is None
    world.store.seed(HISTORY, b"2")
    with pytest.raises(Conflict):
        run.put_if(HISTORY, b"3", etag=None, content_type=JSON)
    assert body(run, HISTORY) == b"2"


@pytest.mark.parametrize("conditional", [True, False])
def test_what_a_run_wrote_it_reads_and_the_next_one_knows(world: World, *, conditional: bool) -> None:
    run = world.run()
    if conditional:
        known = run.get(HISTORY)
        assert known is not None
        run.put_if(HISTORY, b"2", etag=known.etag, content_type=JSON)
    else:
        run.put(HISTORY, b"2", content_type=JSON)
    assert body(run, HISTORY) == b"2"
    assert world.read() == (b"1", b"2")
    assert world.store.calls == LISTINGS


@pytest.mark.parametrize(("moment", "there"), [("before", b"1"), ("after", b"2")])
def test_of_a_write_that_failed_the_bucket_says_what_came_of_it(world: World, moment: str, there: bytes) -> None:
    def lose(operation: str, _key: str) -> None:
        if operation == "put_if":
            raise StoreError("no answer")

    run = world.run()
    known = run.get(HISTORY)
    assert known is not None
    setattr(world.store, moment, lose)
    with pytest.raises(StoreError):
        run.put_if(HISTORY, b"2", etag=known.etag, content_type=JSON)
    setattr(world.store, moment, lambda *_: None)
    assert world.read() == (b"1", there)
    assert body(run, HISTORY) == there


def test_anchors_that_several_sources_have_are_read_once(world: World) -> None:
    run = world.run()
    assert [body(run, ANCHORS) for _ in range(3)] == [b"1"] * 3
    assert world.store.calls == LISTINGS


@pytest.mark.parametrize("folder", ["anchors/", "sources/"])
@pytest.mark.parametrize("error", [StoreError("denied"), KeyError("ETag")])
def test_where_a_listing_fails_everything_is_read(world: World, folder: str, error: Exception) -> None:
    def fail(operation: str, key: str) -> None:
        if (operation, key) == ("list", folder):
            raise error

    world.store.seed(ANCHORS, b"2")
    world.store.before = fail
    assert world.read() == (b"2", b"1")
    assert [key for operation, key in world.store.calls if operation == "get"] == [ANCHORS, HISTORY]
    world.store.before = lambda *_: None
    assert world.read() == (b"2", b"1")
    assert world.store.calls == LISTINGS


def test_a_folder_with_too_much_in_it_is_not_listed_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_store, "_MOST", 2)
    for number in range(2):
        world.store.seed(f"sources/a/seen/{number}.pem", b"")
    assert world.read() == (b"1", b"1")
    assert world.store.calls == [*LISTINGS, ("get", ANCHORS), ("get", HISTORY)]


def test_no_listing_is_made_that_spares_too_little(world: World) -> None:
    run = world.run(worth=3)
    assert (body(run, ANCHORS), body(run, HISTORY)) == (b"1", b"1")
    assert world.store.calls == [("get", ANCHORS), ("get", HISTORY)]


def test_the_other_keys_and_exact_versions_go_straight_to_the_bucket(world: World) -> None:
    keys = ("approvals/a.json", "sources/a/seen/1.pem", "sources/configuration.json", "targets/a/record.json")
    for key in keys:
        world.store.seed(key, b"1")
    for content in (b"1", b"2", b"2"):
        run = world.run()
        assert [body(run, key) for key in keys] == [content] * 4
        assert world.store.calls == [*LISTINGS, *(("get", key) for key in keys)]
        for key in keys:
            world.store.seed(key, b"2")
    run = world.run()
    assert run.get(HISTORY, version="version-0001") is None
    assert world.store.calls == [*LISTINGS, ("get", HISTORY)]


def test_what_lies_in_no_listed_folder_is_read_although_it_was_asked_for() -> None:
    world = World()
    world.store.seed("roots/a.pem", b"1")
    for content in (b"1", b"2"):
        run = ListedStore(world.store, world.memory, {ANCHORS, HISTORY, "roots/a.pem"})
        run.begin(world.now, 1)
        assert (body(run, "roots/a.pem"), body(run, ANCHORS)) == (content, b"1")
        world.store.seed("roots/a.pem", b"2")


def test_what_is_known_of_one_bucket_says_nothing_of_another() -> None:
    world = World(EncryptedStore("one"))
    world.read()
    world.store = EncryptedStore("two")  # its ETags are those of the first
    for key in (ANCHORS, HISTORY):
        world.store.seed(key, b"2")
    for _ in range(2):
        assert world.read() == (b"2", b"2")


def test_after_an_hour_everything_is_read_anew(world: World) -> None:
    for minutes, calls in ((59, LISTINGS), (60, [("get", ANCHORS), ("get", HISTORY)]), (75, LISTINGS)):
        world.now = NOON + timedelta(minutes=minutes)
        world.read()
        assert world.store.calls == calls
    assert timedelta(hours=1) == KNOWN_FOR


def test_a_clock_that_goes_back_makes_nothing_last_longer(world: World) -> None:
    world.now = NOON - timedelta(seconds=1)
    world.read()
    assert world.store.calls == [("get", ANCHORS), ("get", HISTORY)]


def test_what_is_remembered_has_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", len(zlib.compress(b"12345", 1)))
    world.memory = Memory()
    world.store.seed(HISTORY, b"12345")
    assert world.read() == (b"1", b"12345")
    assert world.read() == (b"1", b"12345")
    assert ("get", ANCHORS) in world.store.calls, "what had no room beside it is read"


def test_what_is_written_again_and_again_takes_the_room_of_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2 * len(zlib.compress(b"1", 1)))
    world.memory = Memory()
    world.read()
    run = world.run()
    for number in range(9):
        run.put(HISTORY, b"%d" % number, content_type=JSON)
    assert world.read() == (b"1", b"8")
    assert world.store.calls == LISTINGS
