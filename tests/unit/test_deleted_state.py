"""Somebody deletes what a function keeps of a source or a target: that is told, for the next run begins anew."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Kind, Severity, Status
from rotation_watcher.errors import SourceError, SourceReason, StoreError
from rotation_watcher.targets.record import encode
from tests.support.fakes import InMemoryStore
from tests.support.listener_world import ARN as LISTENER
from tests.support.listener_world import OTHERS, ListenerWorld
from tests.support.small_collect import SmallCollect
from tests.support.small_world import ARNS, SmallWorld, folder
from tests.support.words import word

QUARTER = timedelta(minutes=15)
HISTORY = keys.history("one")


def asked(store: InMemoryStore) -> list[str]:
    """The keys of which it was asked whether they were deleted."""
    return [key for operation, key in store.calls if operation == "deleted"]


@pytest.mark.parametrize("mode", ["apply", "observe"])
@pytest.mark.parametrize("event", [{"targets": ["alb"]}, {"sweep": True}], ids=str)
def test_a_record_that_was_deleted_is_told_once(event: dict[str, object], mode: str) -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    world.publish(targets=["api"])
    world.mode = mode
    world.store.mark_deleted(key := keys.record(folder("alb")))
    before = len(world.sink.delivered)
    for _ in range(4):
        world.clock.advance(QUARTER)
        world.publish(**event)
    (alert,) = [one for one in world.sink.delivered[before:] if one.kind == Kind.STATE_FORGED]
    assert (alert.target, alert.severity, alert.status) == ("alb", Severity.CRITICAL, Status.EVENT)
    assert alert.facts["object"].endswith(key)
    assert "was deleted" in alert.what_happened
    assert "others'" in alert.what_it_means
    assert f"--prefix {key}" in alert.what_to_do


def test_a_dry_run_says_that_a_record_was_deleted_and_writes_nothing() -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    world.store.mark_deleted(keys.record(folder("alb")))
    before = world.writes()
    summary = world.publish(targets=["alb"], dry_run=True)
    assert [one for one in summary.targets["alb"].alerts if one.startswith(Kind.STATE_FORGED)]
    assert world.writes() == before


def test_a_record_that_was_deleted_is_told_of_a_target_that_cannot_be_read() -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    world.store.mark_deleted(keys.record(folder("alb")))
    del world.adapter("alb").held[ARNS["alb"]]
    world.clock.advance(QUARTER)
    world.publish(targets=["alb"])
    assert Kind.STATE_FORGED in {one.kind for one in world.sink.delivered}


def test_a_record_of_a_listener_that_was_deleted_is_told() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    world.store.mark_deleted(keys.record(keys.target(LISTENER)))
    for _ in range(2):
        world.clock.advance(QUARTER)
        world.run()
    assert [alert.target for alert in world.sink.delivered if alert.kind == Kind.STATE_FORGED] == ["door"]


@pytest.mark.parametrize("event", [{"targets": ["alb"]}, {"sweep": True}], ids=str)
def test_a_record_that_was_deleted_is_told_where_a_former_release_left_one(event: dict[str, object]) -> None:
    """The watcher goes on from that one, which is as old as the update of the stack."""
    world = SmallWorld()
    world.publish(targets=["alb"])
    left = msgspec.structs.replace(world.record("alb"), former="alb")
    world.store.seed(keys.record(keys.former_target("alb")), encode(left))
    world.store.mark_deleted(keys.record(folder("alb")))
    before = len(world.sink.delivered)
    for _ in range(3):
        world.clock.advance(QUARTER)
        world.publish(**event)
    (alert,) = [one for one in world.sink.delivered[before:] if one.kind == Kind.STATE_FORGED]
    assert "former release" in alert.what_happened
    assert world.record("alb").ours == left.ours


def test_a_record_that_is_taken_over_from_a_former_release_is_no_deleted_one() -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    body = world.store.body(key := keys.record(folder("alb")))
    world.store.seed(keys.record(keys.former_target("alb")), body)
    del world.store.versions[key]
    world.clock.advance(QUARTER)
    world.publish(targets=["alb"])
    assert Kind.STATE_FORGED not in {one.kind for one in world.sink.delivered}


def test_a_new_target_is_asked_about_once_and_nothing_is_told() -> None:
    world = SmallWorld()
    for _ in range(3):
        world.clock.advance(QUARTER)
        world.publish(targets=["alb"])
    assert asked(world.store) == [keys.record(folder("alb"))]
    assert Kind.STATE_FORGED not in {one.kind for one in world.sink.delivered}


def test_an_earlier_record_that_is_put_back_counts_again() -> None:
    world = SmallWorld()
    world.publish(targets=["alb"])
    former = world.record("alb")
    body = world.store.body(key := keys.record(folder("alb")))
    world.store.mark_deleted(key)
    world.clock.advance(QUARTER)
    world.publish(targets=["alb"])
    assert not world.record("alb").ours
    world.store.seed(key, body)
    world.clock.advance(QUARTER)
    world.publish(targets=["alb"])
    assert world.record("alb").ours == former.ours


@pytest.mark.parametrize("fails", [False, True])
def test_a_history_that_was_deleted_is_told_once(*, fails: bool) -> None:
    world = SmallCollect("one", "two")
    world.look()
    world.store.mark_deleted(HISTORY)
    if fails:
        world.answers["one"] = SourceError(SourceReason.UNREACHABLE, "no answer")
    before = len(world.sink.delivered)
    for _ in range(3):
        world.look()
    (alert,) = [one for one in world.sink.delivered[before:] if one.kind == Kind.STATE_FORGED]
    assert (alert.source, alert.severity, alert.status) == ("one", Severity.CRITICAL, Status.EVENT)
    assert alert.facts["object"].endswith(HISTORY)
    assert f"--prefix {HISTORY}" in alert.what_to_do


def test_a_dry_run_says_that_a_history_was_deleted_and_writes_nothing() -> None:
    world = SmallCollect()
    world.look()
    world.store.mark_deleted(HISTORY)
    before = [*world.store.writes]
    summary = world.look(dry_run=True)
    assert [one for one in summary.sources["one"].alerts if one.startswith(Kind.STATE_FORGED)]
    assert world.store.writes == before


def test_a_new_source_is_asked_about_once_and_nothing_is_told() -> None:
    world = SmallCollect()
    for _ in range(3):
        world.look()
    assert asked(world.store) == [HISTORY]
    assert Kind.STATE_FORGED not in {word(one) for one in world.sink.delivered}


def test_of_two_runs_that_find_it_deleted_one_tells() -> None:
    world = SmallCollect()
    world.look()
    world.store.mark_deleted(HISTORY)
    inside: list[str] = []

    def other_run(operation: str, key: str) -> None:
        if (operation, key) == ("deleted", HISTORY) and not inside:
            inside.append(key)
            world.look()

    world.store.after = other_run
    world.look()
    assert [one.kind for one in world.sink.delivered].count(Kind.STATE_FORGED) == 1


def test_what_cannot_be_asked_breaks_no_other_source() -> None:
    world = SmallCollect("one", "two")

    def fail(operation: str, key: str) -> None:
        if (operation, key) == ("deleted", HISTORY):
            raise StoreError("no answer")

    world.store.before = fail
    summary = world.look()
    assert summary.broken == ["one"]
    assert summary.sources["two"].outcome == "read"
