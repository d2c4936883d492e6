"""Delivered alerts are kept for the status page; whatever becomes of that, the delivery is not touched."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.recording import FEW, PAUSE, SPAN, Recording
from rotation_watcher.errors import DeliveryError, StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.status.reading import Reader
from tests.support.fakes import InMemoryStore, Mailbox, ManualClock
from tests.support.kept_state import NOW, alert


class World:
    def __init__(self) -> None:
        self.store, self.mailbox, self.clock = InMemoryStore(), Mailbox(), ManualClock(NOW)
        self.asked = 0
        self.events: list[Alert] = []
        self.sink = Recording(self.mailbox, self.store, self.open, self.clock, self.events.append)

    def open(self) -> ObjectStore:
        self.asked += 1
        return self.store


def test_what_was_delivered_is_kept_as_it_was_delivered_by_the_moment() -> None:
    world = World()
    world.sink.deliver(alert(1))
    world.clock.advance(timedelta(seconds=1))
    world.sink.deliver(alert(2))
    kept = [key for key in world.store.versions if key.startswith(keys.ALERT_LOG)]
    assert kept == sorted(kept)
    assert kept[0].startswith("alerts/log/2026-11-26/140500000000-")
    assert [msgspec.json.decode(world.store.body(key), type=Alert) for key in kept] == [alert(1), alert(2)]
    assert [one.id for _, one in Reader(world.store).delivered(10)] == [alert(2).id, alert(1).id]


def test_nothing_is_opened_before_something_was_delivered() -> None:
    world = World()
    assert world.asked == 0


def test_what_the_sink_refuses_is_not_kept() -> None:
    world = World()

    def refuse(*_: str) -> None:
        raise DeliveryError("closed")

    world.mailbox.before = refuse
    with pytest.raises(DeliveryError):
        world.sink.deliver(alert())
    assert world.store.versions == {}


@pytest.mark.parametrize("error", [StoreError("denied"), RuntimeError("nobody thought of it")])
def test_a_failure_is_no_failure_of_the_delivery_and_is_not_tried_again_at_once(error: Exception) -> None:
    world = World()

    def fail(*_: str) -> None:
        raise error

    world.store.before = fail
    for number in range(5):
        world.sink.deliver(alert(number))
    assert len(world.mailbox.delivered) == 5
    assert len(world.store.calls) == 1, "a store that hangs holds up one delivery, once"
    world.store.before = lambda *_: None
    world.clock.advance(PAUSE)
    world.sink.deliver(alert(6))
    assert len(world.store.versions) == 1


def test_two_alerts_of_one_moment_are_both_kept() -> None:
    world = World()
    world.sink.deliver(alert(1))
    world.sink.deliver(alert(2))
    assert len(world.store.versions) == 2


def test_a_fleet_that_fails_as_one_asks_the_log_a_few_times_and_not_for_each_target() -> None:
    world = World()
    for number in range(200):
        world.sink.deliver(alert(number))
        world.clock.advance(timedelta(seconds=1))
    assert len(world.mailbox.delivered) == FEW
    asked = [call for call in world.store.calls if call[0] == "list"]
    assert len(asked) == FEW + 1
    world.clock.advance(SPAN)
    world.sink.deliver(alert(200))
    assert len(world.mailbox.delivered) == FEW + 1, "an hour later one is told by itself again"
