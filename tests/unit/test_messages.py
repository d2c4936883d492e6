"""The queue's messages: one bad target never makes another wait, and what came in vain is gone at once."""

from datetime import timedelta
from typing import Any

import pytest

from rotation_watcher import keys, messages
from rotation_watcher.errors import StoreError
from rotation_watcher.publish import Summary
from rotation_watcher.targets.proof import AT_WORK
from rotation_watcher.targets.requests import Message, Queued, decode_request
from rotation_watcher.targets.snapshot import READBACK_SECONDS
from tests.support.fakes import ManualClock
from tests.support.fifo import Fifo
from tests.support.queue_world import PERIOD, QueueWorld, arn
from tests.support.words import word

MALFORMED = [
    "garbage",
    "[]",
    "",
    "{}",
    '{"target": 7}',
    '{"target": null}',
    "[" * 9999,
    '{"target": "one", "until": 5}',
]


def broken_record(world: QueueWorld, target: str) -> None:
    """From now on S3 does not give this target's record."""

    def refuse(operation: str, key: str) -> None:
        if operation == "get" and key == keys.record(keys.target(arn(target))):
            raise StoreError("it cannot be read")

    world.store.before = refuse


def test_a_target_whose_runs_fail_makes_no_other_wait() -> None:
    world = QueueWorld(["bad", "one", "two"])
    broken_record(world, "bad")

    world.let_pass(timedelta(hours=4))

    assert world.longest_gap("one") <= PERIOD + timedelta(minutes=1)
    assert world.longest_gap("two") <= PERIOD + timedelta(minutes=1)
    assert not world.fifo.waiting
    assert not world.fifo.dead


def test_every_run_that_fails_is_counted_so_that_there_is_an_alarm() -> None:
    world = QueueWorld(["bad", "one"])
    broken_record(world, "bad")

    world.let_pass(timedelta(hours=1))

    assert world.poller.failed == timedelta(hours=1) // PERIOD


def test_a_bucket_that_was_out_of_reach_is_worked_with_in_the_next_run() -> None:
    world = QueueWorld(["one"])
    broken_record(world, "one")
    world.let_pass(timedelta(minutes=30))
    assert world.poller.failed == 6

    world.store.before = lambda *_: None
    world.let_pass(PERIOD)

    assert world.done() == {"one"}


def test_nine_domains_of_an_account_are_updated_as_fast_as_the_service_lets_them() -> None:
    world = QueueWorld([f"d{number}" for number in range(9)])

    world.let_pass(timedelta(minutes=4, seconds=45))

    assert world.done() == {*world.names}
    assert not world.fifo.waiting
    assert world.poller.runs <= 2 * 9


def test_a_change_of_twenty_domains_goes_on_at_the_next_schedule_and_no_failure_is_alerted() -> None:
    world = QueueWorld([f"d{number}" for number in range(20)])

    world.let_pass(timedelta(minutes=11))

    assert world.done() == {*world.names}
    assert {word(alert) for alert in world.sink.delivered} == {"truststore-updated"}
    assert not world.fifo.dead


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_message_is_reported_and_dropped_and_stops_nothing(body: str) -> None:
    world = QueueWorld(["one"])
    world.fifo.put(body, "domainnames-one.example.com", "whatever")

    world.let_pass(PERIOD)

    assert world.poller.failed == 0
    assert len(world.passed_over) == 1
    assert "not understood" in world.passed_over[0]
    assert not world.fifo.waiting
    assert world.done() == {"one"}


def test_after_a_standstill_only_the_newest_requests_are_served() -> None:
    world = QueueWorld(["one", "two"])
    for _ in range(288):
        world.call(decode_request({"sweep": True}))
        world.clock.advance(PERIOD)
    world.call(decode_request({"sweep": True}))
    assert len(world.fifo.waiting) == 2 * 289

    world.poller.drain()

    assert len(world.passed_over) == 2 * 288
    assert all("outdated request" in words for words in world.passed_over)
    assert world.looks["one"]
    assert world.looks["two"]


def test_no_run_waits_for_a_service_that_takes_minutes_and_a_later_message_proves_the_update() -> None:
    world = QueueWorld(["one"])
    world.domains.settle = timedelta(seconds=100)
    world.sweep()
    waits: list[float] = []
    while world.clock() - world.start < timedelta(minutes=4):
        begun = len(world.clock.waited)
        world.poller.drain()
        waits.append(sum(world.clock.waited[begun:]))
        world.clock.advance(timedelta(seconds=5))

    record = world.record("one")
    assert record.applied is not None
    assert record.pending is None
    assert world.done() == {"one"}
    assert not world.fifo.waiting
    assert max(waits) <= READBACK_SECONDS * AT_WORK
    assert sum(waits) > 0


def test_a_message_for_a_target_that_is_no_longer_watched_is_dropped() -> None:
    world = QueueWorld(["one"])
    world.fifo.put('{"target": "gone"}', "gone", "1")
    world.poller.drain()
    assert world.passed_over == ["no target gone in the watch file (any more)"]
    assert not world.fifo.waiting


class Refusing(Fifo):
    """A queue of which nothing can be taken."""

    def acknowledge(self, receipt: str) -> None:
        raise StoreError(receipt)

    def postpone(self, receipt: str, seconds: int) -> None:
        del seconds
        raise StoreError(receipt)


def queued(receives: int = 1) -> Queued:
    return Queued(messages=(Message(id="m", receipt="r", receives=receives, target="one"),))


def test_a_queue_out_of_reach_does_not_hide_why_the_run_failed() -> None:
    def fail(_: Queued) -> Summary:
        raise ValueError("the run's own error")

    with pytest.raises(ValueError, match="the run's own error"):
        messages.serve(queued(), fail, Refusing(ManualClock()), ManualClock())


def put_off(world: QueueWorld, seconds: int) -> Any:
    """A run whose target's turn is in so many seconds."""
    summary = Summary(mode=world.watch.mode)
    found = world.call(decode_request({"targets": ["one"], "dry_run": True})).targets["one"]
    found.again = world.clock() + timedelta(seconds=seconds)
    summary.targets["one"] = found
    return lambda _: summary


@pytest.mark.parametrize(
    ("seconds", "receives", "back"),
    [(31, 1, ["m"]), (-5, 1, ["m"]), (31, 2, ["m"]), (31, 3, []), (301, 1, []), (300, 1, ["m"])],
)
def test_a_target_that_waits_for_its_turn_comes_back_soon_and_not_for_ever(
    seconds: int, receives: int, back: list[str]
) -> None:
    world = QueueWorld(["one"])
    assert messages.serve(queued(receives), put_off(world, seconds), world.fifo, world.clock) == back


def test_a_message_that_cannot_be_postponed_is_done_and_left_to_the_schedule() -> None:
    world = QueueWorld(["one"])
    assert messages.serve(queued(), put_off(world, 31), Refusing(world.clock), world.clock) == []
