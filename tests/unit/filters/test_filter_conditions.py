"""Every condition of a listener is alerted once, and ends; another occurrence is alerted again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation_watcher import filters
from rotation_watcher.filters import conditions
from rotation_watcher.ports import Filter
from rotation_watcher.targets.conditions import UNCHANGEABLE
from tests.support.listener_world import ARN, OTHERS, SECOND, ListenerWorld, ours
from tests.support.observed_conditions import places
from tests.support.words import word
from tests.unit.targets.test_every_condition_ends import prefixes

QUARTER = timedelta(minutes=15)
FULL = tuple(Filter("subject-cn", "exact", f"partner {number}") for number in range(100))

type Step = Callable[[ListenerWorld], object]


def off(world: ListenerWorld) -> None:
    world.doors.turn_off(ARN)


def on(world: ListenerWorld) -> None:
    world.doors.add(ARN, OTHERS)


def emptied(world: ListenerWorld) -> None:
    world.on_drift = "report"
    world.doors.put(ARN)


def written_again(world: ListenerWorld) -> None:
    world.on_drift = "heal"
    world.doors.put(ARN, OTHERS)


def taken_out(world: ListenerWorld) -> None:
    world.on_drift = "report"
    world.doors.put(ARN, OTHERS)


def put_back(world: ListenerWorld) -> None:
    world.doors.put(ARN, OTHERS, ours(), ours(SECOND))


def filled_up(world: ListenerWorld) -> None:
    world.doors.put(ARN, *FULL)


def observing(world: ListenerWorld) -> None:
    world.mode = "observe"
    world.doors.put(ARN, OTHERS)


def applying(world: ListenerWorld) -> None:
    world.mode = "apply"


def without_a_source(world: ListenerWorld) -> None:
    world.sources = ("use1",)


def with_it(world: ListenerWorld) -> None:
    world.sources = ("use1", "second")


ROWS: dict[str, tuple[str, Step, Step]] = {
    "drift": ("drift-found", taken_out, put_back),
    "mtls-off": ("mtls-off", off, on),
    "filters-empty": ("filters-empty", emptied, written_again),
    "quota-near": ("quota-near", filled_up, written_again),
    "too many": ("truststore-update-failed", filled_up, written_again),
    "planned": ("change-planned", observing, applying),
    "leaving": ("removal-planned", without_a_source, with_it),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_flaps_is_alerted_once_and_again_after_it_was_over(row: str) -> None:
    kind, begin, end = ROWS[row]
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    told = len(world.told(kind))
    for occurrence in (1, 2):
        begin(world)
        for _ in range(3):
            world.let_pass(QUARTER)
            world.run()
        assert len(world.told(kind)) == told + occurrence, f"occurrence {occurrence}"
        end(world)
        for _ in range(4):
            world.let_pass(QUARTER)
            world.run()
        assert len(world.told(kind)) == told + occurrence
    ids = [alert.id for alert in world.sink.delivered if word(alert) == kind]
    assert len(ids) == len({*ids}), "each occurrence has an id of its own"
    assert SECOND in {one.value for one in world.filters}


@pytest.mark.parametrize("place", places(filters), ids=str)
def test_every_key_is_judged(place: object) -> None:
    for key in prefixes(place):  # type: ignore[arg-type]  # the other test's own type
        assert key.startswith((*conditions._SEEN, UNCHANGEABLE)), f"{key}: add it to _SEEN in filters/conditions.py"


def test_the_places_are_found() -> None:
    found = {key for place in places(filters) for key in prefixes(place)}
    assert {"drift:", "mtls-off:listener", "filters-empty", "unnamed:", "stuck:", "planned:"} <= found
