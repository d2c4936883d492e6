"""A root that was issued again with the same name and key stands where every engine finds it once the former ends.

Engines that take the first of a name, valid or not (``x509.selection``), refuse everybody below it otherwise, from the
second on in which the former ends; the renewal would be a delayed outage.
"""

from datetime import timedelta
from functools import lru_cache

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Kind
from rotation_watcher.targets.record import encode
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs
from tests.support.small_world import ARNS, NAME, START, SmallWorld, certificate, folder

DAY = timedelta(days=1)
ENDS = START + 20 * DAY
"""When the former root ends."""


@lru_cache
def former() -> certs.Issued:
    """The root that ends soon."""
    return certs.self_signed_ca("Renewed Root", not_before=START - 900 * DAY, not_after=ENDS)


@lru_cache
def renewed(begins: int = -9) -> certs.Issued:
    """The same root with another validity, which begins so many days from the start."""
    while True:  # one that an order by fingerprints would put behind the former
        made = certs.self_signed_ca("Renewed Root", key=former().key, not_before=START + begins * DAY)
        if made.fingerprint > former().fingerprint:
            return made


@lru_cache
def leaf() -> certs.Issued:
    """A leaf that is valid for longer than the former root."""
    return certs.issue(former(), NAME, not_before=START - 9 * DAY, not_after=START + 300 * DAY)


def order(world: SmallWorld, target: str = "alb") -> list[str]:
    """The fingerprints that a target holds, in its order."""
    return [*blocks_of(world.adapter(target).held[ARNS[target]].bundle)]


def world_with(*anchors: certs.Issued) -> SmallWorld:
    """The source presents the leaf, and the operator trusts these roots."""
    world = SmallWorld()
    world.present_read(certificate(anchors[0]), certificate(leaf()))
    world.store.seed("anchors/us-east-1.pem", b"".join(one.pem for one in anchors))
    return world


def after_the_end(world: SmallWorld) -> list[str]:
    """What is told from the day before the former root ends until three days later."""
    before = len(world.sink.delivered)
    for days in (19, 21, 22, 23):
        world.clock.advance(START + days * DAY - world.clock())
        for target in ARNS:
            world.publish(targets=[target])
    return [alert.kind for alert in world.sink.delivered[before:]]


def test_the_renewed_root_goes_before_the_former_one_that_a_target_held_already() -> None:
    world = world_with(former())
    for target in ARNS:
        world.adapter(target).add(ARNS[target], certs_of(former()))
        world.publish(targets=[target])
    world.store.seed("anchors/us-east-1.pem", former().pem + renewed().pem)
    for target in ARNS:
        world.publish(targets=[target])
        assert order(world, target) == [renewed().fingerprint, former().fingerprint]
    assert Kind.TRUSTSTORE_UPDATE_FAILED not in after_the_end(world)


@pytest.mark.parametrize("turn", [1, -1])
def test_two_roots_of_one_name_that_come_together_are_put_in_the_order_that_lasts(turn: int) -> None:
    world = world_with(*[former(), renewed()][::turn])
    for target in ARNS:
        world.publish(targets=[target])
        ours = [one for one in order(world, target) if one in {former().fingerprint, renewed().fingerprint}]
        assert ours == [renewed().fingerprint, former().fingerprint]
    assert Kind.TRUSTSTORE_UPDATE_FAILED not in after_the_end(world)


def test_a_renewed_root_that_is_not_valid_yet_does_not_shut_anybody_out_today() -> None:
    world = world_with(former(), renewed(begins=5))
    for target in ARNS:
        world.publish(targets=[target])
        ours = [one for one in order(world, target) if one in {former().fingerprint, renewed(begins=5).fingerprint}]
        assert ours == [former().fingerprint, renewed(begins=5).fingerprint]


@pytest.mark.parametrize("theirs", [False, True])
def test_a_renewed_root_that_was_not_valid_yet_goes_before_the_former_one_when_that_has_ended(*, theirs: bool) -> None:
    world = world_with(former(), renewed(begins=5))
    for target in ARNS:
        if theirs:
            world.adapter(target).add(ARNS[target], certs_of(former()))
        world.publish(targets=[target])
    after_the_end(world)  # API Gateway warns of the CA that has ended
    assert not [alert.title for alert in world.sink.delivered if "would-refuse" in alert.title]
    for target in ARNS:
        ours = [one for one in order(world, target) if one in {former().fingerprint, renewed(begins=5).fingerprint}]
        assert ours == [renewed(begins=5).fingerprint, former().fingerprint]
        assert world.publish(targets=[target]).targets[target].outcome == "unchanged"


def test_what_is_only_moved_is_told_as_moved() -> None:
    world = world_with(former(), renewed(begins=5))
    for target in ARNS:
        world.adapter(target).add(ARNS[target], certs_of(former()))
        world.publish(targets=[target])
    before = len(world.sink.delivered)
    after_the_end(world)
    told = [one for one in world.sink.delivered[before:] if one.kind == Kind.TRUSTSTORE_UPDATED]
    assert len(told) == len(ARNS)
    for alert in told:
        assert "None was added" in alert.what_happened
        assert "another place" in alert.what_happened
        assert renewed(begins=5).fingerprint[:16] in alert.facts["moved"]
        assert not [label for label in alert.facts if label.startswith("added")]


def test_what_is_to_be_moved_is_planned_as_moved() -> None:
    world = world_with(former(), renewed(begins=5))
    for target in ARNS:
        world.adapter(target).add(ARNS[target], certs_of(former()))
        world.publish(targets=[target])
    world.clock.advance(21 * DAY)
    for target in ARNS:
        found = world.publish(targets=[target], dry_run=True).targets[target]
        assert (found.outcome, found.added, found.moved) == ("would-update", [], [renewed(begins=5).fingerprint[:16]])
        assert found.plan is not None
        assert not found.plan.add
        assert [note for note in found.plan.notes if "another place" in note]
    world.mode = "observe"
    for target in ARNS:
        world.publish(targets=[target])
    planned = [one for one in world.sink.delivered if one.kind == Kind.CHANGE_PLANNED]
    assert len(planned) == len(ARNS)
    for alert in planned:
        assert "another place" in alert.what_happened
        assert "would move" in alert.facts
        assert "would add" not in alert.facts


def test_what_a_forged_record_calls_ours_is_not_moved() -> None:
    """Others hold both, and the order is theirs: it is told that a leaf is refused."""
    world = world_with(former(), renewed(begins=5))
    held = certs_of(former(), renewed(begins=5))
    for target in ARNS:
        world.adapter(target).add(ARNS[target], held)
        world.publish(targets=[target])
        record = msgspec.structs.replace(world.record(target), ours={renewed(begins=5).fingerprint: START})
        world.store.seed(keys.record(folder(target)), encode(record))
    assert Kind.TRUSTSTORE_UPDATE_FAILED in after_the_end(world)
    for target in ARNS:
        assert order(world, target) == [former().fingerprint, renewed(begins=5).fingerprint]


def certs_of(*held: certs.Issued) -> bytes:
    """What a target holds."""
    return b"".join(one.pem for one in held)
