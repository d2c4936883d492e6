"""A sweep looks at every target in one run, changes none, and loses nothing when it ends early."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from rotation_watcher import keys
from rotation_watcher.deadline import unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.publish import TARGET_TAKES
from rotation_watcher.run_store import Memory
from rotation_watcher.targets.requests import decode_request
from rotation_watcher.targets.sweep import NOTED_EVERY
from tests.support.queue_world import QueueWorld, arn
from tests.support.small_world import ARNS, SmallWorld, root

SWEEP = decode_request({"sweep": True})


class Killed(BaseException):
    """Lambda ends the process, wherever it is."""


def settled(names: int, *, slow: timedelta = timedelta(0)) -> QueueWorld:
    """That many domains which hold what they should; each look at one takes ``slow``."""
    world = QueueWorld([f"d{number}" for number in range(names)])
    world.domains.settle = timedelta(0)
    world.memory = Memory()
    while world.done() != {*world.names} or world.fifo.waiting:
        world.let_pass(timedelta(minutes=5))
    world.let_pass(timedelta(hours=1))
    forget(world)
    note = world.domains.before

    def look(operation: str, subject: str) -> None:
        note(operation, subject)
        world.clock.advance(slow)

    world.domains.before = look
    return world


def forget(world: QueueWorld) -> None:
    for looks in world.looks.values():
        looks.clear()
    world.store.calls.clear()
    world.domains.calls.clear()


def seen(world: QueueWorld) -> list[str]:
    """The domains that were looked at, in their order."""
    moments = [(moment, name) for name, looks in world.looks.items() for moment in looks]
    return [name for _, name in sorted(moments, key=lambda one: one[0])]


def killed_at(world: QueueWorld, name: str) -> None:
    """From now on whoever looks at this domain is killed."""
    look = world.domains.before

    def die(operation: str, subject: str) -> None:
        look(operation, subject)
        if subject == arn(name):
            raise Killed

    world.domains.before = die


def swept(world: QueueWorld) -> bool:
    """Whether one more sweep comes to its end."""
    try:
        world.call(SWEEP)
    except Killed:
        world.memory = Memory()  # the container is gone
        return False
    return True


def test_a_sweep_of_what_is_as_it_should_be_writes_and_sends_nothing() -> None:
    world = settled(5)
    before = world.writes()

    summary = world.call(SWEEP)

    assert {one.outcome for one in summary.targets.values()} == {"unchanged"}
    assert all(len(looks) == 1 for looks in world.looks.values())
    assert world.writes() == before
    assert not world.fifo.waiting


@pytest.mark.parametrize("target", ARNS)
def test_what_is_to_be_done_at_a_target_is_left_to_the_queue(target: str) -> None:
    there = SmallWorld()
    before = {name: there.live(name) for name in ARNS}

    summary = there.publish(sweep=True)

    assert {name: one.outcome for name, one in summary.targets.items()} == dict.fromkeys(ARNS, "enqueued")
    assert [one.target for one in there.queue.sent] == [*ARNS]
    assert {name: there.live(name) for name in ARNS} == before
    assert not any(operation == "update" for adapter in there.adapters.values() for operation, _ in adapter.calls)
    assert not [key for key in there.store.writes if key.startswith(("targets/a", "bundles/.added/"))]
    assert there.publish(targets=[target]).targets[target].outcome == "updated"
    assert root("Root 0") in there.live(target)


def test_in_observe_mode_it_asks_for_nothing() -> None:
    there = SmallWorld()
    there.mode = "observe"

    assert {one.outcome for one in there.publish(sweep=True).targets.values()} == {"would-update"}
    assert there.queue.sent == []


def test_what_somebody_changed_is_found_and_asked_for() -> None:
    there = SmallWorld()
    there.publish()
    there.clock.advance(timedelta(hours=1))
    there.publish()
    there.adapter("alb").held[ARNS["alb"]].bundle = b""

    assert there.publish(sweep=True).targets["alb"].outcome == "enqueued"
    there.publish(targets=["alb"])
    assert root("Root 0") in there.live("alb")


def test_it_waits_for_no_replica() -> None:
    there = SmallWorld()
    there.publish(targets=["alb"])
    there.adapter("alb").held[ARNS["alb"]].stale_reads = 9
    there.adapter("alb").held[ARNS["alb"]].previous = there.store.versions["before.pem"][-1].body
    now = there.clock()

    assert there.publish(sweep=True).targets["alb"].outcome == "enqueued"
    assert there.clock() == now


def test_a_target_that_another_run_holds_is_left_to_it() -> None:
    there = SmallWorld()
    outcomes: list[Any] = []
    there.wait_hook = lambda: outcomes.append(there.publish(sweep=True).targets["api"].outcome)

    there.publish(targets=["api"])

    assert outcomes
    assert {*outcomes} == {"claimed-by-another"}
    assert [one.target for one in there.queue.sent if one.target == "api"] == []


def test_who_kills_a_sweep_holds_nobody_up() -> None:
    """It is looked at last from the second run on, however often it kills."""
    world = settled(9, slow=timedelta(seconds=3))
    killed_at(world, "d4")

    for _ in range(2):
        forget(world)
        assert not swept(world)
        assert seen(world)[-1] == "d4"
    for _ in range(3):
        forget(world)
        assert not swept(world)
    assert {*seen(world)} == {*world.names}
    assert seen(world)[-1] == "d4"


def test_two_that_kill_sweeps_hold_nobody_up_for_longer_than_a_run_each() -> None:
    world = settled(9, slow=timedelta(seconds=3))
    killed_at(world, "d2")
    killed_at(world, "d6")
    for _ in range(3):
        swept(world)
    forget(world)

    for _ in range(2):
        assert not swept(world)

    assert {*seen(world)} == {*world.names}


def test_after_whoever_killed_it_is_well_a_sweep_is_done_and_writes_nothing_again() -> None:
    world = settled(5)
    killed_at(world, "d3")
    swept(world)
    world.domains.before = lambda *_: None

    assert swept(world)
    forget(world)
    assert swept(world)

    assert world.store.writes == []


def test_a_sweep_whose_time_is_up_goes_on_in_the_next() -> None:
    world = settled(9, slow=timedelta(seconds=10))
    end = world.clock() + timedelta(seconds=TARGET_TAKES + 35)
    world.remaining = lambda: (end - world.clock()).total_seconds()  # noqa: PLW0108  # the clock goes on

    world.call(SWEEP)
    assert seen(world) == ["d0", "d1", "d2", "d3"]
    assert world.passed_over == ["the time of this sweep is up before 5 targets: the next one begins there"]

    world.remaining = unhurried
    forget(world)
    world.call(SWEEP)
    assert seen(world) == ["d4", "d5", "d6", "d7", "d8", "d0", "d1", "d2", "d3"]
    forget(world)
    world.call(SWEEP)
    assert seen(world) == [*world.names]


def test_a_sweep_notes_where_it_is_now_and_then() -> None:
    slow = timedelta(seconds=3)
    world = settled(20, slow=slow)

    world.call(SWEEP)

    notes = world.store.writes.count(keys.SWEEP)
    assert notes == 20 * slow // (NOTED_EVERY + slow) + 1  # and that it is done


@pytest.mark.parametrize("body", [b"", b"[]", b'{"target": "gone"}', b'{"target": 5}', b"\xff", b"{" * 9999])
def test_what_somebody_writes_there_costs_no_look(body: bytes) -> None:
    world = settled(4)
    world.store.seed(keys.SWEEP, body)

    world.call(SWEEP)

    assert sorted(seen(world)) == [*world.names]


@pytest.mark.parametrize("operation", ["get", "put"])
def test_where_its_place_cannot_be_read_or_written_every_target_is_looked_at(operation: str) -> None:
    world = settled(9, slow=timedelta(seconds=9))

    def refuse(called: str, key: str) -> None:
        if (called, key) == (operation, keys.SWEEP):
            raise StoreError("it cannot be reached")

    world.store.before = refuse

    world.call(SWEEP)

    assert sorted(seen(world)) == [*world.names]


def test_a_target_that_waits_for_its_turn_is_asked_for() -> None:
    world = QueueWorld([f"d{number}" for number in range(4)])
    for _ in range(2):
        world.call(SWEEP)
        for message in itertools.takewhile(bool, iter(world.fifo.receive, None)):
            world.fifo.acknowledge(str(message.number))
            world.call(decode_request({"targets": [str(message.body).split('"')[3]]}))
        world.clock.advance(timedelta(seconds=31))

    outcomes = {name: one.outcome for name, one in world.call(SWEEP).targets.items()}
    assert {outcomes[name] for name in {*world.names} - world.done()} == {"enqueued"}
