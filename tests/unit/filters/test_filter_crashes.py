"""A run at a listener may die before or after any of its calls: later runs converge, and nothing of others is lost."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from rotation_watcher.filters.entries import key_of
from rotation_watcher.ports import Filter
from tests.support.listener_world import ARN, OTHERS, SECOND, ListenerWorld, ours
from tests.support.words import word

QUARTER = timedelta(minutes=15)


class Killed(BaseException):
    """The process is gone: nothing that the watcher does can catch it."""


def widening(world: ListenerWorld) -> None:
    world.run()
    world.sources = ("use1", "second")
    world.clock.advance(QUARTER)


def healing(world: ListenerWorld) -> None:
    world.run()
    world.doors.put(ARN)
    world.clock.advance(QUARTER)


STORIES: dict[str, tuple[Callable[[ListenerWorld], object], set[Filter]]] = {
    "first": (lambda _: None, {OTHERS, ours()}),
    "widening": (widening, {OTHERS, ours(), ours(SECOND)}),
    "healing": (healing, {OTHERS, ours()}),
}


def play(story: str, at: int | None, *, after: bool) -> tuple[ListenerWorld, int]:
    """The story, with its last run killed at its call number ``at``; the world then, and the calls of that run."""
    world = ListenerWorld(OTHERS)
    STORIES[story][0](world)
    count = 0

    def step(_operation: str, _subject: str) -> None:
        nonlocal count
        count += 1
        if count - 1 == at:
            raise Killed

    hook = "after" if after else "before"
    for port in (world.store, world.doors):
        setattr(port, hook, step)
    with suppress(Killed):
        world.run()
    for port in (world.store, world.doors):
        setattr(port, hook, lambda *_: None)
    return world, count


def calls(story: str) -> int:
    return play(story, None, after=False)[1]


CASES = [(story, at, after) for story in STORIES for at in range(calls(story)) for after in (False, True)]


def test_there_is_something_to_kill() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize(("story", "at", "after"), CASES)
def test_whatever_call_it_dies_at_later_runs_converge(story: str, at: int, *, after: bool) -> None:
    world, _ = play(story, at, after=after)
    emptied = not world.filters
    assert emptied or {OTHERS} <= {*world.filters}
    for _ in range(2):
        world.clock.advance(QUARTER)
        world.run()

    expected = STORIES[story][1]
    assert {*world.filters} == expected
    assert len(world.filters) == len(expected)
    assert {*world.kept.ours} == {key_of(one) for one in expected - {OTHERS}}, "whose is whose is known"
    assert (world.kept.pending, world.kept.claim) == (None, None)
    ids = [alert.id for alert in world.sink.delivered if word(alert) == "filters-updated"]
    assert ids, "the update is told, once or more, always with the same id"
    assert world.run().outcome == "unchanged"
