"""The attacks that were seen, one by one: each comes to nothing, and is alerted."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Kind
from rotation_watcher.bundles import pins
from rotation_watcher.errors import RequestRefused
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, Debounced
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Applied, Claim, HoldReason, Pending, Record
from tests.forgery.nasty import FAR
from tests.forgery.world import CUSTOMER, OTHERS, OURS, ROGUE, ROGUE_LEAF, ForgeryWorld, fresh, known, under
from tests.support.small_world import ARNS, START, folder, issued, leaf_of, root
from tests.support.words import word

replace = msgspec.structs.replace


def write(world: ForgeryWorld, target: str, forged: Record) -> None:
    world.store.seed(keys.record(folder(target)), record.encode(forged))


def rogue(world: ForgeryWorld, target: str) -> Applied:
    fingerprints = tuple(
        sorted({root("Root 0"), root("Shared CA"), ROGUE.fingerprint, *(root(name) for name in OTHERS)})
    )
    return Applied(
        version=world.rogue_version[target],
        sha256=world.rogue_sha256,
        fingerprints=fingerprints,
        at=world.clock(),
        proof="bytes",
    )


def pending(world: ForgeryWorld, target: str, hold: HoldReason | None) -> Pending:
    to = rogue(world, target)
    return Pending(
        version=to.version,
        sha256=to.sha256,
        fingerprints=to.fingerprints,
        ours=(),
        at=to.at,
        hold=hold,
        why="because",
        rolled_back_from=("v", "0"),
    )


@pytest.mark.parametrize("target", ARNS)
@pytest.mark.parametrize("hold", [HoldReason.BY_HAND, HoldReason.ROLLED_BACK])
@pytest.mark.parametrize("also_version", [False, True])
def test_a_going_back_that_nobody_began_deploys_nothing(target: str, hold: HoldReason, *, also_version: bool) -> None:
    world = fresh()
    world.lure()
    before, live = world.record(target), world.live(target)
    versions = (rogue(world, target), *before.versions) if also_version else before.versions
    write(world, target, replace(before, pending=pending(world, target, hold), versions=versions))
    summary = world.publish()
    assert summary.targets[target].outcome == "state-forged"
    assert world.live(target) == live
    assert world.record(target).pending is None
    assert [alert.target for alert in world.sink.delivered if word(alert) == "state-forged"] == [target]
    world.live_out()
    assert not world.breaches()


@pytest.mark.parametrize("target", ARNS)
def test_the_version_before_is_not_what_a_forged_record_says(target: str) -> None:
    world = fresh()
    world.lure()
    before = world.record(target)
    forged = replace(rogue(world, target), ours=(ROGUE.fingerprint,))
    write(world, target, replace(before, versions=(forged, *before.versions)))
    with pytest.raises(RequestRefused, match="neither the bundle nor the target knows"):
        world.publish(rollback=target)
    assert not world.breaches()


@pytest.mark.parametrize("target", ARNS)
def test_a_root_in_a_forged_version_that_is_not_ours_does_not_come_back_even_if_it_is_named(target: str) -> None:
    world = fresh()
    world.lure()
    before = world.record(target)
    write(world, target, replace(before, versions=(rogue(world, target), *before.versions)))
    world.publish(rollback=target, to=world.rogue_version[target])
    assert not world.breaches()
    world.live_out()
    assert not world.breaches()


@pytest.mark.parametrize("target", ARNS)
def test_a_version_that_a_person_names_must_be_what_the_record_says(target: str) -> None:
    world = fresh()
    world.lure()
    before = world.record(target)
    swapped = replace(before.versions[0], version=world.rogue_version[target])
    write(world, target, replace(before, versions=(swapped,)))
    with pytest.raises(RequestRefused, match="does not hold what the record says"):
        world.publish(rollback=target, to=swapped.version)
    assert not world.breaches()


@pytest.mark.parametrize("target", ARNS)
def test_others_certificates_stay_when_the_record_calls_them_ours_and_released(target: str) -> None:
    world = fresh()
    others = {root(name): START for name in OTHERS}
    before = world.record(target)
    write(world, target, replace(before, ours={**before.ours, **others}, released=tuple(others)))
    assert world.publish().targets[target].removed == []
    assert not world.breaches()
    (alert,) = [alert for alert in world.sink.delivered if word(alert) == "state-forged"]
    assert "6 of others' certificates" in alert.what_happened
    world.live_out()
    assert not world.breaches()


@pytest.mark.parametrize("target", ARNS)
@pytest.mark.parametrize("field", ["claim", "not_before"])
def test_a_claim_until_2099_stops_nothing_and_is_alerted(target: str, field: str) -> None:
    world = fresh()
    value = Claim("somebody", FAR) if field == "claim" else FAR
    write(world, target, replace(world.record(target), **{field: value}))
    world.widen("Needed now")
    assert world.publish().targets[target].outcome == "updated"
    assert root("Needed now") in world.live(target)
    assert "state-forged" in world.told()
    assert world.record(target).claim is None
    world.publish()
    assert len([alert for alert in world.sink.delivered if word(alert) == Kind.STATE_FORGED]) == 1


def test_another_customers_leaf_is_neither_pinned_nor_wanted_and_that_is_alerted() -> None:
    world = fresh()
    world.lure(sources=True)
    state = history.decode(world.store.body(keys.history("use1")))
    digicert = state.authorities["DigiCert"]
    leaves = {**digicert.leaves, CUSTOMER.fingerprint: known(CUSTOMER, issued("Shared CA"))}
    forged = replace(digicert, names=("client.another.example",), leaves=leaves)
    world.store.seed(
        keys.history("use1"), history.encode(replace(state, authorities={**state.authorities, "DigiCert": forged}))
    )
    world.publish()
    assert not world.breaches()
    assert "state-forged" in world.told()
    world.live_out()
    assert not world.breaches()


def test_a_leaf_of_another_name_is_not_pinned_for_genesys_even_under_the_regions_root() -> None:
    world = fresh()
    stranger = leaf_of("Root 0")
    state = history.decode(world.store.body(keys.history("use1")))
    other = under("Root 0", "somebody.example.com")
    world.store.seed(keys.seen("use1", other.fingerprint), other.pem)
    leaves = {
        stranger.fingerprint: known(stranger, issued("Root 0")),
        other.fingerprint: known(other, issued("Root 0")),
    }
    forged = replace(state, authorities={**state.authorities, "Genesys": AuthorityHistory(leaves=leaves)})
    world.store.seed(keys.history("use1"), history.encode(forged))
    world.publish()
    pinned = {pin.certificate.fingerprint for pin in pins.decode(world.store.body(keys.pins("main"))).pins}
    assert pinned == {stranger.fingerprint, OURS.fingerprint}
    assert "state-forged" in world.told()


def test_an_emptied_history_takes_nothing_out() -> None:
    world = fresh()
    state = history.decode(world.store.body(keys.history("use1")))
    emptied = replace(state, authorities={name: AuthorityHistory(current=Debounced(())) for name in state.authorities})
    world.store.seed(keys.history("use1"), history.encode(emptied))
    world.clock.advance(timedelta(minutes=30))
    summary = world.publish()
    assert "source use1: no current leaf of Genesys is proved" in summary.targets["alb"].removal_waits_for
    world.live_out()
    assert not world.breaches()


def test_a_pin_that_somebody_wrote_does_not_outlive_the_next_run_even_while_nothing_may_be_removed() -> None:
    world = fresh()
    world.store.remove(keys.seen("use1", OURS.fingerprint))  # an obstacle to every removal
    world.publish()
    written = pins.decode(world.store.body(keys.pins("main")))
    pin = replace(written.pins[0], certificate=known(ROGUE_LEAF, ROGUE).facts)
    world.store.seed(keys.pins("main"), msgspec.json.encode(replace(written, pins=(*written.pins, pin))))
    world.publish()
    assert not world.breaches()


def test_a_seen_certificate_that_was_overwritten_vouches_for_nothing_and_is_alerted() -> None:
    world = fresh()
    world.store.seed(keys.seen("use1", root("Shared CA")), ROGUE.pem)
    world.live_out()
    assert not world.breaches()
    assert "state-forged" in world.told()
