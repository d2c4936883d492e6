"""An update is told before its record says that it is proved: nothing is lost by that, and nothing told as another."""

from datetime import timedelta

import pytest

from rotation_watcher import keys
from rotation_watcher.errors import StoreError
from rotation_watcher.targets.record import decode
from tests.support.small_world import CLAIM, SmallWorld, folder

RECORD = keys.record(folder("alb"))


@pytest.fixture
def world() -> SmallWorld:
    """The trust store is at rest; the next run has a root to add."""
    world = SmallWorld()
    world.publish(targets=["alb"])
    world.widen("Extra")
    world.sink.delivered.clear()
    world.store.calls.clear()
    world.clock.advance(timedelta(minutes=5))
    return world


def told(world: SmallWorld) -> list[str]:
    return [alert.key for alert in world.sink.delivered]


def test_an_update_costs_two_writes_of_the_record_and_no_note_of_its_alert(world: SmallWorld) -> None:
    summary = world.publish(targets=["alb"]).targets["alb"]
    assert summary.outcome == "updated"
    assert summary.alerts == [alert.id for alert in world.sink.delivered]
    assert [alert.kind for alert in world.sink.delivered] == ["truststore-updated"]
    assert world.store.writes.count(RECORD) == 2
    assert not [key for key in world.store.writes if key.startswith("alerts/")]
    assert world.record("alb").outbox == ()


def test_what_the_sink_refuses_waits_and_is_tried_once_a_run(world: SmallWorld) -> None:
    tries: list[str] = []
    world.sink.before = lambda _, alert: tries.append(alert)
    world.sink.closed = True
    summary = world.publish(targets=["alb"]).targets["alb"]
    assert summary.outcome == "updated"
    assert len(summary.undelivered) == len(tries) == 1
    assert [alert.id for alert in world.record("alb").outbox] == summary.alerts == tries
    world.sink.closed = False
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "unchanged"
    assert [alert.id for alert in world.sink.delivered] == summary.alerts
    assert world.record("alb").outbox == ()


def test_what_waits_already_is_told_first(world: SmallWorld) -> None:
    world.sink.closed = True
    world.publish(targets=["alb"])
    first = world.record("alb").outbox
    world.sink.closed = False
    world.widen("More")
    world.clock.advance(timedelta(minutes=5))
    world.publish(targets=["alb"])
    assert told(world)[0] == first[0].key
    assert len({*told(world)}) == len(told(world)) == 2
    assert world.record("alb").outbox == ()


def test_a_run_that_dies_between_telling_and_recording_is_followed_by_one_that_tells_the_same(
    world: SmallWorld,
) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "put_if" and key == RECORD and world.sink.delivered:
            raise StoreError("the bucket is gone")

    world.store.before = fail
    assert world.publish(targets=["alb"]).broken == ["alb"]
    left = decode(world.store.body(RECORD))
    assert left.pending is not None
    assert left.claim is not None
    world.store.before = lambda *_: None
    assert world.publish(targets=["alb"]).targets["alb"].outcome == "claimed-by-another"
    world.clock.advance(CLAIM + timedelta(minutes=1))
    world.publish(targets=["alb"])
    assert len(told(world)) == 2
    assert len({*told(world)}) == 1
    assert (world.record("alb").pending, world.record("alb").claim, world.record("alb").outbox) == (None, None, ())
