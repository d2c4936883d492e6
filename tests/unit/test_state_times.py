"""A time in state has its zone, or its object cannot be read: no other source and no other target goes without.

A time without a zone cannot be compared with the clock's. The test finds every field by its type, so that one that is
added later is held to it too.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import inspect as mi

from rotation_watcher import keys
from rotation_watcher.targets.pace import Turns
from tests.state.schemas import STATES
from tests.support.small_collect import SmallCollect
from tests.support.small_world import SmallWorld, folder

NAIVE = "2026-03-02T09:00:00"


def without_zone(kind: mi.Type, path: str = "", above: tuple[type, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Every time below a type, and whether it may lack its zone."""
    match kind:
        case mi.DateTimeType():
            yield path, kind.tz is not True
        case mi.Metadata():
            yield from without_zone(kind.type, path, above)
        case mi.UnionType():
            for each in kind.types:
                yield from without_zone(each, path, above)
        case mi.StructType() if kind.cls not in above:
            for field in kind.fields:
                yield from without_zone(field.type, f"{path}.{field.encode_name}", (*above, kind.cls))
        case mi.VarTupleType() | mi.ListType():
            yield from without_zone(kind.item_type, f"{path}[]", above)
        case mi.DictType():
            yield from without_zone(kind.value_type, f"{path}{{}}", above)
        case _:
            pass


READ = {name: state for name, (state, _) in STATES.items()} | {"pace": Turns}


@pytest.mark.parametrize("name", READ)
def test_no_time_in_state_may_lack_its_zone(name: str) -> None:
    times = dict(without_zone(mi.type_info(READ[name])))
    assert bool(times) == (name not in {"accepted", "digests", "loaded", "revocations"}), "digests and versions"
    assert [path for path, naive in times.items() if naive] == []


def test_the_times_are_found() -> None:
    times = dict(without_zone(mi.type_info(STATES["history"][0])))
    assert {".fresh_at", ".authorities{}.leaves{}.facts.not_after", ".conditions{}.clear_since", ".outbox[].at"} <= {
        *times
    }


def edit(world: SmallCollect | SmallWorld, key: str, path: tuple[str, ...], value: object) -> None:
    document: Any = json.loads(world.store.body(key))
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    world.store.seed(key, json.dumps(document).encode())


WRONG = (NAIVE, 1772442000, True, ["x"], "", "yesterday")


@pytest.mark.parametrize("value", WRONG)
def test_a_history_with_such_a_time_is_the_one_that_cannot_be_read(value: object) -> None:
    world = SmallCollect("one", "two")
    for _ in range(2):
        world.look()
    edit(world, keys.history("one"), ("fresh_at",), value)
    summary = world.look()
    assert summary.broken == ["one"]
    assert "history.json cannot be read" in (summary.sources["one"].message or "")
    assert summary.sources["two"].outcome == "read"


@pytest.mark.parametrize("value", WRONG)
def test_a_record_with_such_a_time_is_the_one_that_cannot_be_read(value: object) -> None:
    world = SmallWorld()
    world.publish()
    edit(world, keys.record(folder("alb")), ("applied", "at"), value)
    summary = world.publish()
    assert summary.broken == ["alb"]
    assert "record.json cannot be read" in (summary.targets["alb"].message or "")
    assert summary.targets["api"].outcome == "unchanged"
