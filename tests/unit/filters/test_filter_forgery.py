"""Whatever somebody writes where only functions may: no stranger's filter gets to a listener, and no one's is lost."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused
from rotation_watcher.filters.entries import digest, encode, key_of
from rotation_watcher.ports import Filter
from rotation_watcher.targets.record import Applied, HoldReason, Pending, Record
from rotation_watcher.targets.record import encode as encode_record
from tests.support.listener_world import ARN, OTHERS, ListenerWorld, ours

QUARTER = timedelta(minutes=15)
ROGUE = Filter("san-dns", "prefix", "rogue")


@pytest.fixture
def world() -> ListenerWorld:
    world = ListenerWorld(OTHERS)
    world.run()
    world.clock.advance(QUARTER)
    return world


def forge(world: ListenerWorld, **changes: object) -> None:
    record: Record = msgspec.structs.replace(world.kept, **changes)
    world.store.seed(keys.record(keys.target(ARN)), encode_record(record))


def object_of(world: ListenerWorld, *filters: Filter) -> tuple[str, str]:
    """A version of the listener's file that somebody else wrote, and its SHA-256."""
    return world.store.seed(keys.deployed_filters(keys.target(ARN)), encode(filters)), digest(encode(filters))


def waiting(world: ListenerWorld, *filters: Filter, hold: HoldReason | None) -> Pending:
    version, sha256 = object_of(world, *filters)
    fingerprints = tuple(sorted(map(key_of, filters)))
    added = tuple(sorted({*fingerprints} - {*map(key_of, world.filters)}))
    removed = tuple(sorted({*map(key_of, world.filters)} - {*fingerprints}))
    return Pending(
        version=version,
        sha256=sha256,
        fingerprints=fingerprints,
        ours=fingerprints,
        added=added,
        removed=removed,
        at=world.clock(),
        hold=hold,
    )


def test_a_going_back_that_nobody_began_lets_no_stranger_in(world: ListenerWorld) -> None:
    forge(world, pending=waiting(world, OTHERS, ours(), ROGUE, hold=HoldReason.BY_HAND))

    assert world.run().outcome == "state-forged"
    assert world.filters == (OTHERS, ours())
    assert len(world.told("state-forged")) == 1


@pytest.mark.parametrize("left", [(ours(),), (OTHERS,), ()], ids=["others out", "ours out", "empty"])
def test_a_going_back_that_nobody_began_takes_nobody_out(left: tuple[Filter, ...], world: ListenerWorld) -> None:
    forge(world, pending=waiting(world, *left, hold=HoldReason.BY_HAND))

    assert world.run().outcome == "state-forged"
    assert world.filters == (OTHERS, ours())


def test_a_going_back_that_nobody_began_never_empties_a_list_that_is_all_ours() -> None:
    world = ListenerWorld(empty_filters="fill")
    world.run()
    world.clock.advance(QUARTER)
    forge(world, pending=waiting(world, hold=HoldReason.BY_HAND))

    assert world.run().outcome == "state-forged"
    assert world.filters == (ours(),)


def test_an_update_that_nobody_asked_for_is_planned_anew(world: ListenerWorld) -> None:
    forge(world, pending=waiting(world, OTHERS, ours(), ROGUE, hold=None))
    world.run()

    assert world.filters == (OTHERS, ours())


def test_a_version_that_somebody_else_wrote_is_no_version_to_go_back_to(world: ListenerWorld) -> None:
    version, sha256 = object_of(world, OTHERS, ours(), ROGUE)
    listed = tuple(sorted(map(key_of, (OTHERS, ours(), ROGUE))))
    rogue = Applied(version=version, sha256=sha256, fingerprints=listed, ours=listed, at=world.clock(), proof="bytes")
    forge(world, versions=(rogue,))
    world.run(rollback="door", to=version)
    assert world.filters == (OTHERS, ours()), "only what the watcher has added by proof comes back"

    forge(world, hold=None, versions=(msgspec.structs.replace(rogue, sha256="00" * 32),))
    with pytest.raises(RequestRefused, match="does not hold what the record says"):
        world.run(rollback="door", to=version)


def test_an_emptied_listener_gets_nothing_that_a_forged_note_says_it_had(world: ListenerWorld) -> None:
    world.doors.put(ARN)
    world.store.seed(keys.shown_filters(ARN), encode([OTHERS, ours(), ROGUE]))

    assert world.run().outcome == "filters-empty"
    assert not world.filters


def test_an_emptied_listener_gets_nothing_that_a_forged_record_says_it_had(world: ListenerWorld) -> None:
    world.doors.put(ARN)
    forge(world, shown=digest(encode([OTHERS, ours(), ROGUE])))

    assert world.run().outcome == "filters-empty"
    assert not world.filters


def test_a_lost_record_loses_nobody_and_the_name_counts_as_others_from_then_on(world: ListenerWorld) -> None:
    world.store.remove(keys.record(keys.target(ARN)))

    assert world.run().outcome == "unchanged"
    assert world.filters == (OTHERS, ours())
    assert world.kept.ours == {}
