"""An update that arrived unproved, beneath another change by now: what it brought is the watcher's all the same.

The run died, or its answer was lost, and somebody else changed the target before the next run: then the target shows
neither what was asked for nor what was there before.
"""

from contextlib import suppress
from datetime import timedelta

import pytest

from rotation_watcher.filters.entries import key_of
from rotation_watcher.ports import Filter
from tests.support.listener_world import ARN, OTHERS, SECOND, ListenerWorld, ours
from tests.support.small_world import ARNS, SmallWorld, issued, root
from tests.support.words import word

LATER = Filter("subject-ou", "exact", "Later")
TARGETS = pytest.mark.parametrize("target", ["alb", "api"])


class Killed(BaseException):
    """The process is gone: nothing that the watcher does can catch it."""


def die(operation: str, _subject: str) -> None:
    if operation == "update":
        raise Killed


def added_by_somebody_else(world: SmallWorld, target: str) -> None:
    held = world.adapter(target).held[ARNS[target]]
    assert held.bundle is not None
    held.bundle += issued("Later").pem
    if target == "api":
        held.version = world.store.seed("elsewhere.pem", held.bundle)
        held.location = f"s3://{world.store.bucket}/elsewhere.pem"


def interrupted(target: str) -> SmallWorld:
    """The first update arrives, its run dies, somebody else adds a CA, and a claim's time goes by."""
    world = SmallWorld()
    world.adapter(target).after = die
    with suppress(Killed):
        world.publish(targets=[target])
    world.adapter(target).after = lambda *_: None
    assert root("Root 0") in world.live(target)
    added_by_somebody_else(world, target)
    world.wait(600)
    return world


def rotated(world: SmallWorld, target: str) -> None:
    """The source presents a leaf of another root, and the grace of the former one goes by."""
    for _ in range(34):
        world.wait(timedelta(days=1).total_seconds())
        world.present("Root 1")
        world.publish(targets=[target])


@TARGETS
def test_what_it_added_is_ours_and_leaves_after_its_grace(target: str) -> None:
    world = interrupted(target)
    world.publish(targets=[target])
    assert root("Root 0") in world.record(target).ours
    rotated(world, target)
    assert root("Root 0") not in world.live(target)
    assert {root("Other"), root("Later"), root("Root 1")} <= world.live(target)


@TARGETS
def test_another_update_in_its_place_does_not_forget_it(target: str) -> None:
    world = interrupted(target)
    world.widen("Extra")
    world.publish(targets=[target])
    assert {*world.record(target).ours} == {root("Root 0"), root("Extra")}


@TARGETS
def test_what_did_not_arrive_is_not_ours(target: str) -> None:
    world = SmallWorld()
    world.adapter(target).before = die
    with suppress(Killed):
        world.publish(targets=[target])
    world.adapter(target).before = lambda *_: None
    added_by_somebody_else(world, target)
    world.mode = "observe"  # nothing is asked for again
    world.wait(600)
    world.publish(targets=[target])
    world.mode = "apply"
    world.present("Root 1")
    world.publish(targets=[target])
    assert {*world.record(target).ours} == {root("Root 1")}


@TARGETS
def test_what_it_added_and_took_out_is_not_told_as_others_work(target: str) -> None:
    world = SmallWorld()
    world.publish(targets=[target])
    world.wait(600)
    world.widen("Extra")
    world.adapter(target).after = die
    with suppress(Killed):
        world.publish(targets=[target])
    world.adapter(target).after = lambda *_: None
    added_by_somebody_else(world, target)
    world.wait(600)
    world.publish(targets=[target])
    told = [one for one in world.sink.delivered if word(one) == "drift-found"]
    assert [one for one in told if issued("Later").fingerprint[:16] in str(one)]
    assert not [one for one in told if issued("Extra").fingerprint in str(one)]
    assert {*world.record(target).ours} == {root("Root 0"), root("Extra")}


@pytest.mark.parametrize("on_drift", ["heal", "report"])
def test_a_domain_that_loads_the_same_certificates_from_elsewhere_waits_for_no_proof(on_drift: str) -> None:
    world = SmallWorld()
    world.publish(targets=["api"])
    world.wait(600)
    world.on_drift = on_drift
    world.widen("Extra")
    world.adapter("api").before = die
    with suppress(Killed):
        world.publish(targets=["api"])
    world.adapter("api").before = lambda *_: None
    held = world.adapter("api").held[ARNS["api"]]
    held.bundle = (held.bundle or b"") + issued("Extra").pem  # an operator could not wait
    held.version = world.store.seed("elsewhere.pem", held.bundle)
    held.location = f"s3://{world.store.bucket}/elsewhere.pem"
    outcomes = []
    for _ in range(3):
        world.wait(3700)
        world.present("Root 1")  # what comes next must not wait either
        outcomes.append(world.publish(targets=["api"]).targets["api"].outcome.value)
    assert outcomes == ["updated", "unchanged", "unchanged"]
    assert {root("Root 1"), root("Extra"), root("Other")} <= world.live("api")
    assert world.record("api").pending is None


def interrupted_listener() -> ListenerWorld:
    world = ListenerWorld(OTHERS)
    world.run()
    world.sources = ("use1", "second")
    world.clock.advance(timedelta(minutes=15))
    world.doors.after = die
    with suppress(Killed):
        world.run()
    world.doors.after = lambda *_: None
    assert ours(SECOND) in world.filters
    world.doors.put(ARN, *world.filters, LATER)
    world.clock.advance(timedelta(minutes=15))
    return world


def test_a_name_that_it_added_to_a_listener_is_ours_and_leaves_after_its_grace() -> None:
    world = interrupted_listener()
    world.run()
    assert {*world.kept.ours} == {key_of(ours()), key_of(ours(SECOND))}
    assert not [one for one in world.told("drift-found") if SECOND in one]
    world.sources = ("use1",)
    for _ in range(34):
        world.let_pass(timedelta(days=1))
        world.run()
    assert world.filters == (OTHERS, ours(), LATER)


def test_another_update_of_a_listener_does_not_forget_it() -> None:
    world = interrupted_listener()
    world.doors.put(ARN, OTHERS, ours(SECOND), LATER)
    world.run()
    assert {*world.kept.ours} == {key_of(ours()), key_of(ours(SECOND))}
