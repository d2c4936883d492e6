"""The calls of publish that run into each other, each with the moment of the world in which it has something to do."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

from rotation_watcher.errors import RequestRefused, TargetDenied
from rotation_watcher.publish import Summary
from tests.support.events import queue_event
from tests.support.small_world import ARNS, SmallWorld, issued

type Answer = Summary | RequestRefused | None


class Call(NamedTuple):
    """One call for a target. ``by_hand``: a person waits for its answer, and it would change something."""

    run: Callable[[SmallWorld, str], Summary]
    by_hand: bool = False


def _reconcile(world: SmallWorld, target: str) -> Summary:
    return world.publish(**queue_event(target))


def _unreadable(world: SmallWorld, target: str) -> Summary:
    """A run that cannot read its target: everybody else can."""
    adapter, owner = world.adapter(target), f"run-{world.runs + 1}"
    before = adapter.before

    def refuse(operation: str, subject: str) -> None:
        before(operation, subject)
        if operation == "read" and world.running[-1] == owner:
            raise TargetDenied("the role may not read it")

    adapter.before = refuse
    try:
        return world.publish(**queue_event(target))
    finally:
        adapter.before = before


def _observe(world: SmallWorld, target: str) -> Summary:
    """A run whose watch file says observe."""
    mode, world.mode = world.mode, "observe"
    try:
        return world.publish(targets=[target])
    finally:
        world.mode = mode


class Killed(BaseException):
    """The function died; nothing in it may catch this."""


def _killed(world: SmallWorld, target: str) -> Summary:
    """A run that dies before the service has heard of its update, and leaves its claim."""
    adapter, owner = world.adapter(target), f"run-{world.runs + 1}"
    before = adapter.before

    def die(operation: str, subject: str) -> None:
        before(operation, subject)
        if operation == "update" and world.running[-1] == owner:
            raise Killed

    adapter.before = die
    try:
        return world.publish(**queue_event(target))
    finally:
        adapter.before = before


CALLS = {
    "reconcile": Call(_reconcile),
    "everything": Call(lambda world, _: world.publish()),
    "unreadable": Call(_unreadable),
    "killed": Call(_killed),
    "observe": Call(_observe),
    "dry run": Call(lambda world, target: world.publish(targets=[target], dry_run=True)),
    "enqueue": Call(lambda world, _: world.publish(sweep=True)),
    "rollback": Call(lambda world, target: world.publish(rollback=target), by_hand=True),
    "release": Call(lambda world, target: world.publish(release=target), by_hand=True),
}


def answer(call: Call, world: SmallWorld, target: str) -> Answer:
    """What the caller gets."""
    try:
        return call.run(world, target)
    except RequestRefused as refused:
        return refused
    except Killed:
        return None


def first(_world: SmallWorld, _target: str) -> None:
    """The watcher meets the target."""


def widened(world: SmallWorld, _target: str) -> None:
    """It was deployed once, and something is to be added."""
    _later(world)
    world.publish()
    world.widen("Extra 1")
    _later(world)


def untold(world: SmallWorld, target: str) -> None:
    """As ``widened``, and an alert waits in the record, and that the target could not be read has been noted."""
    _later(world)
    world.publish()
    _later(world)
    world.sink.closed = True
    _unreadable(world, target)
    world.sink.closed = False
    world.widen("Extra 1")
    _later(world)


def twice(world: SmallWorld, target: str) -> None:
    """It was deployed twice, so that one can go back."""
    widened(world, target)
    world.publish()
    _later(world)


def foreign(world: SmallWorld, target: str) -> None:
    """It was deployed twice, and then somebody else added a root of his own, which stays."""
    twice(world, target)
    body = (world.adapter(target).held[ARNS[target]].bundle or b"") + issued("Stranger").pem
    world.store.seed("theirs.pem", body)
    world.adapter(target).held[ARNS[target]].bundle = body


def held(world: SmallWorld, target: str) -> None:
    """It was rolled back, and is held until somebody releases it."""
    twice(world, target)
    with suppress(RequestRefused):
        world.publish(rollback=target)
    _later(world)


def asked(world: SmallWorld, target: str) -> None:
    """An update was asked for by a run that died before it could prove it."""
    widened(world, target)
    adapter = world.adapter(target)

    def die(operation: str, _subject: str) -> None:
        if operation == "update":
            raise Killed

    adapter.after = die
    answer(CALLS["reconcile"], world, target)
    adapter.after = lambda *_: None
    world.clock.advance(timedelta(minutes=10))


def _later(world: SmallWorld) -> None:
    world.clock.advance(timedelta(minutes=15))


MOMENTS = {one.__name__: one for one in (first, widened, untold, twice, foreign, held, asked)}
