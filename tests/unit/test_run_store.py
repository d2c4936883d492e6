"""A run reads once what its targets share, and of the state only what a listing does not answer."""

import zlib

import pytest

from rotation_watcher import keys, once_store, remembered
from rotation_watcher.errors import Conflict
from rotation_watcher.ports import ObjectStore
from rotation_watcher.run_store import Memory, RunStore, holds
from rotation_watcher.targets.repository import put_version
from tests.support.fakes import EncryptedStore, InMemoryStore

RECORD, LOADED = "targets/alb/record.json", "targets/alb/bundle.pem"
JSON, PEM = "application/json", "application/x-pem-file"


class World:
    def __init__(self) -> None:
        self.store, self.memory = InMemoryStore(), Memory()

    def run(self, *, listed: bool = True) -> RunStore:
        store = RunStore(self.store, self.memory)
        if listed:
            store.list_state()
        self.store.calls.clear()
        return store


def body(store: ObjectStore, key: str) -> bytes | None:
    found = store.get(key)
    return found.body if found else None


@pytest.mark.parametrize("key", ["sources/a", "anchors/a", "approvals/a", "extra/a", "crls/a"])
def test_what_the_targets_share_is_read_once_a_run_and_anew_in_the_next(key: str) -> None:
    world = World()
    world.store.seed(key, b"1")
    run = world.run()
    assert body(run, key) == body(run, key) == b"1"
    assert world.store.calls == [("get", key)]
    world.store.seed(key, b"2")
    assert body(run, key) == b"1"
    assert body(world.run(), key) == b"2"


def test_what_is_shared_and_not_there_is_asked_for_once_too() -> None:
    world = World()
    run = world.run()
    assert run.get("approvals/a") is run.get("approvals/a") is None
    assert world.store.calls == [("get", "approvals/a")]


def test_after_a_while_all_of_it_is_read_anew() -> None:
    world = World()
    world.store.seed("anchors/a", b"1")
    run = world.run()
    run.get("anchors/a")
    world.store.seed("anchors/a", b"2")
    world.store.seed(RECORD, b"{}")
    run.forget()
    assert body(run, "anchors/a") == b"2"
    assert body(run, RECORD) == b"{}"  # the listing is a new one as well


def test_what_is_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once_store, "_LARGE", 3)
    world = World()
    world.store.seed("crls/a", b"1234")
    run = world.run()
    assert body(run, "crls/a") == body(run, "crls/a") == b"1234"
    assert world.store.calls == [("get", "crls/a")] * 2


def test_state_that_is_as_the_container_knows_it_costs_no_call() -> None:
    world = World()
    world.store.seed(RECORD, b"{}")
    assert body(world.run(), RECORD) == b"{}"
    run = world.run()
    assert body(run, RECORD) == b"{}"
    assert run.get("bundles/.added/a/b.pem") is None
    assert world.store.calls == []


def test_state_that_somebody_else_has_written_is_read() -> None:
    world = World()
    world.store.seed(RECORD, b"{}")
    world.run().get(RECORD)
    world.store.seed(RECORD, b"[]")
    assert body(world.run(), RECORD) == b"[]"


def test_the_listing_answers_the_first_time_and_no_later_one() -> None:
    world = World()
    world.store.seed(RECORD, b"{}")
    world.run().get(RECORD)
    run = world.run()
    run.get(RECORD)
    world.store.seed(RECORD, b"[]")
    assert body(run, RECORD) == b"[]"


def test_without_a_listing_everything_of_the_state_is_read() -> None:
    world = World()
    world.store.seed(RECORD, b"{}")
    world.run().get(RECORD)
    run = world.run(listed=False)
    assert body(run, RECORD) == b"{}"
    assert world.store.calls == [("get", RECORD)]


def test_a_listing_that_is_over_lets_nobody_write_over_anything() -> None:
    world = World()
    world.store.seed(RECORD, b"{}")
    world.run().get(RECORD)
    run = world.run()
    known = run.get(RECORD)
    assert known is not None
    world.store.seed(RECORD, b"[]")
    with pytest.raises(Conflict):
        run.put_if(RECORD, b'{"a":1}', etag=known.etag, content_type=JSON)
    assert body(run, RECORD) == b"[]"


def test_what_a_run_wrote_is_what_the_next_one_knows() -> None:
    world = World()
    run = world.run()
    run.put_if(RECORD, b"{}", etag=None, content_type=JSON)
    assert body(world.run(), RECORD) == b"{}"
    assert world.store.calls == []


def test_a_version_that_the_run_has_put_is_not_read_and_another_one_is() -> None:
    world = World()
    earlier = world.store.seed(LOADED, b"1")
    run = world.run()
    written = run.put(LOADED, b"2", content_type=PEM)
    world.store.calls.clear()
    for version, expected in ((written.version, b"2"), (earlier, b"1")):
        found = run.get(LOADED, version=version)
        assert found is not None
        assert found.body == expected
    assert world.store.calls == [("get", LOADED)]


def test_what_is_deployed_by_version_is_never_one_that_only_the_container_knows() -> None:
    world = World()
    filters = keys.deployed_filters("targets/nlb/")
    first = put_version(world.run(), filters, b"[]", content_type=JSON)
    world.store.seed(filters, b"[1]")
    newest = world.store.seed(filters, b"[]")
    world.store.versions[filters] = [one for one in world.store.versions[filters] if one.version != first]
    assert put_version(world.run(), filters, b"[]", content_type=JSON) == newest


def test_the_listing_says_whether_an_object_holds_these_bytes() -> None:
    world = World()
    world.store.seed(LOADED, b"1")
    run = world.run()
    assert (holds(run, LOADED, b"1"), holds(run, LOADED, b"2"), holds(run, "bundles/.shown/a", b"1")) == (
        True,
        False,
        False,
    )
    assert world.store.calls == []


@pytest.mark.parametrize("shown_by", ["a read", "a write", "what the container knows"])
def test_where_etags_are_no_digests_a_difference_says_nothing(shown_by: str) -> None:
    world = World()
    world.store = EncryptedStore()
    world.store.seed(LOADED, b"1")
    world.store.seed(RECORD, b"1")
    if shown_by == "what the container knows":
        world.run().get(RECORD)
    run = world.run()
    assert holds(run, LOADED, b"1") is False, "nothing has been seen yet: it is put once more"
    if shown_by == "a write":
        run.put(RECORD, b"2", content_type=JSON)
    else:
        run.get(RECORD)
    assert holds(run, LOADED, b"1") is None
    assert holds(run, "targets/other/bundle.pem", b"1") is False, "what is not listed is not there"


@pytest.mark.parametrize("unknown", ["no listing", "another folder", "asked since", "written since", "another store"])
def test_where_the_listing_says_nothing_of_it_nobody_knows(unknown: str) -> None:
    world = World()
    world.store.seed(LOADED, b"1")
    run = world.run(listed=unknown != "no listing")
    if unknown == "asked since":
        run.get(LOADED)
    if unknown == "written since":
        run.put(LOADED, b"2", content_type=PEM)
    key = "bundles/main/wanted.pem" if unknown == "another folder" else LOADED
    assert holds(world.store if unknown == "another store" else run, key, b"1") is None


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2 * len(zlib.compress(b"{ }", 1)) - 1)
    world = World()
    keys = [f"targets/{name}/record.json" for name in "abc"]
    for key in keys:
        world.store.seed(key, b"{ }")
        world.run().get(key)
    run = world.run()
    assert [body(run, key) for key in reversed(keys)] == [b"{ }"] * 3
    assert world.store.calls == [("get", keys[1]), ("get", keys[0])]
