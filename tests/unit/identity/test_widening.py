"""A leaf that is accepted is pinned before its target is looked at, in whatever state that rests (decision 0035)."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import config, errors, formats, keys
from rotation_watcher.bundles import pins
from rotation_watcher.bundles.pins import Pin, Pins
from rotation_watcher.identity.decision import decide
from rotation_watcher.identity.policy import read_policy
from rotation_watcher.sources import history
from rotation_watcher.sources.history import Status
from rotation_watcher.targets.record import Claim, Hold, HoldReason, Record
from rotation_watcher.targets.record import encode as record_encode
from rotation_watcher.x509.certificates import blocks_of
from tests.support import certs
from tests.support.certs import Issued
from tests.support.small_refresh import DAY, SmallRefresh, intermediate, leaf
from tests.support.small_world import NAME, START, folder, issued

replace = msgspec.structs.replace


class Strict(SmallRefresh):
    """The bundle goes by pins alone."""

    mode = config.Mode.APPLY

    @property
    def watch(self) -> config.Watch:
        """See ``SmallWorld``."""
        watch = super().watch
        return replace(watch, mode=self.mode, bundles=tuple(replace(one, identity="pinned") for one in watch.bundles))


@pytest.fixture
def world() -> Strict:
    world = Strict()
    world.refresh()
    assert world.publish() == "updated"
    world.publish()
    return world


def renewed() -> Issued:
    """Under a root that the target does not hold."""
    return certs.issue(issued("Root 1"), NAME, not_before=START - DAY)


def rotate(world: Strict) -> Issued:
    new = renewed()
    world.store.seed("anchors/us-east-1.pem", issued("Root 0").pem + issued("Root 1").pem)
    world.present((leaf(), (intermediate(),)), (new, ()))
    return new


def reason(world: Strict, one: Issued) -> str:
    return decide(one.pem.decode(), read_policy(world.store.body(keys.identity("main"))), world.clock()).reason


def held_pins(world: Strict) -> Pins:
    return pins.decode(world.store.body(keys.pins("main")))


def change_record(world: Strict, change: Callable[[Record], Record]) -> None:
    world.store.seed(keys.record(folder("alb")), record_encode(change(world.record)))


def hold(world: Strict) -> None:
    by_hand = Hold(reason=HoldReason.BY_HAND, sha256="", since=world.clock())
    change_record(world, lambda record: replace(record, hold=by_hand))


def put_off(world: Strict) -> None:
    change_record(world, lambda record: replace(record, not_before=world.clock() + timedelta(minutes=1)))


def claim(world: Strict) -> None:
    other = Claim(owner="another", until=world.clock() + timedelta(minutes=1))
    change_record(world, lambda record: replace(record, claim=other))


def damage_record(world: Strict) -> None:
    world.store.seed(keys.record(folder("alb")), b'{"format": "999"}')


def refusing(operation: str, error: Exception) -> Callable[[Strict], None]:
    def refuse(asked: str, _arn: str) -> None:
        if asked == operation:
            raise error

    def arrange(world: Strict) -> None:
        world.target.before = refuse

    return arrange


def observe(world: Strict) -> None:
    world.mode = config.Mode.OBSERVE
    refusing("read", errors.TargetDenied("no"))(world)


RESTS = {
    "held": (hold, "held"),
    "put off": (put_off, "put-off"),
    "claimed": (claim, "claimed-by-another"),
    "record of a newer release": (damage_record, "broken"),
    "read denied": (refusing("read", errors.TargetDenied("no")), "target-denied"),
    "read throttled": (refusing("read", errors.TargetBusy("no")), "target-busy"),
    "not found": (refusing("read", errors.TargetNotFound("no")), "target-not-found"),
    "defect": (refusing("read", ValueError("no")), "internal-error"),
    "update denied": (refusing("update", errors.TargetDenied("no")), "failed"),
    "update busy": (refusing("update", errors.TargetBusy("no")), "put-off"),
    "observe, and denied": (observe, "target-denied"),
}


@pytest.mark.parametrize(("arrange", "outcome"), RESTS.values(), ids=RESTS)
def test_a_rotated_leaf_comes_in_whatever_its_target_rests_in(
    world: Strict, arrange: Callable[[Strict], None], outcome: str
) -> None:
    new = rotate(world)
    assert reason(world, new) != "pinned"
    arrange(world)
    assert world.publish() == outcome
    assert (reason(world, new), reason(world, leaf())) == ("pinned", "pinned")
    assert issued("Root 1").fingerprint in blocks_of(world.store.body(keys.wanted("main")))
    before = len(world.store.writes)
    world.publish()
    mine = {keys.pins("main"), keys.identity("main"), keys.wanted("main"), keys.manifest("main")}
    assert not mine & {*world.store.writes[before:]}, "the next run has nothing to widen"


def test_nothing_narrows_while_the_target_is_held(world: Strict) -> None:
    new = renewed()
    world.store.seed("anchors/us-east-1.pem", issued("Root 0").pem + issued("Root 1").pem)
    world.present((new, ()))  # the former leaf is shown no longer
    hold(world)
    former = {pin.certificate.fingerprint: pin for pin in held_pins(world).pins}
    assert world.publish() == "held"
    after = {pin.certificate.fingerprint: pin for pin in held_pins(world).pins}
    assert after.keys() == {leaf().fingerprint, new.fingerprint}
    assert after[leaf().fingerprint] == former[leaf().fingerprint]
    assert issued("Root 0").fingerprint in blocks_of(world.store.body(keys.wanted("main")))


def test_a_leaf_that_nobody_vouches_for_is_never_pinned(world: Strict) -> None:
    new = rotate(world)
    world.store.seed("anchors/us-east-1.pem", issued("Root 0").pem)  # nobody vouches for its root
    hold(world)
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    assert reason(world, new) != "pinned"


def test_a_dry_run_pins_nothing(world: Strict) -> None:
    rotate(world)
    hold(world)
    before = len(world.store.writes)
    world.publish(dry_run=True)
    assert world.store.writes[before:] == []


def test_a_hold_takes_no_pin(world: Strict) -> None:
    """A hold is about what a target holds; who may come in is said below ``anchors/`` and ``approvals/``."""
    new = rotate(world)
    assert world.publish() == "updated"
    hold(world)
    world.publish()
    assert reason(world, new) == "pinned"


def test_a_history_cannot_bring_an_end_forward_while_the_target_is_held(world: Strict) -> None:
    rotate(world)
    state = history.decode(world.store.body(keys.history("use1")))
    known = dict(state.authorities["Genesys"].leaves)
    soon = world.clock() + timedelta(minutes=1)
    known[leaf().fingerprint] = replace(known[leaf().fingerprint], status=Status.RETIRING, retire_after=soon)
    authorities = {"Genesys": replace(state.authorities["Genesys"], leaves=known)}
    world.store.seed(keys.history("use1"), history.encode(replace(state, authorities=authorities)))
    hold(world)
    world.publish()
    ends = {pin.certificate.fingerprint: pin.until for pin in held_pins(world).pins}
    assert ends[leaf().fingerprint] is None


def test_a_leaf_that_is_current_again_loses_its_end_while_the_target_is_held(world: Strict) -> None:
    (pin,) = held_pins(world).pins
    ended: Pin = replace(pin, status=Status.RETIRING, until=world.clock() - DAY)
    world.store.seed(keys.pins("main"), formats.encode(replace(held_pins(world), pins=(ended,))))
    hold(world)
    world.publish()
    assert [one.until for one in held_pins(world).pins] == [None]
    assert reason(world, leaf()) == "pinned"
