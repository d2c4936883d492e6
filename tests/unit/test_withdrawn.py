"""A withdrawn approval ends: its pin, and what it alone let in, leave at once (docs/decisions/0031)."""

import json
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.config import Policy, Target
from rotation_watcher.targets import plan
from rotation_watcher.targets.record import Hold, HoldReason, encode
from rotation_watcher.x509.certificates import blocks_of
from rotation_watcher.x509.truststore import of_blocks
from tests.support.pki import Pair
from tests.support.presenting import PresentingWorld, intermediate, leaf, root
from tests.support.small_world import ARNS, folder
from tests.support.words import word
from tests.unit.targets.test_plan import NOW, STORE, key, live, need, record, wanted
from tests.unit.targets.test_plan import keys as roots

DAY = timedelta(days=1)


class Approving(PresentingWorld):
    """Genesys presents one leaf, whose root nobody trusts, and a person has approved it."""

    def __init__(self, *, genuine_before: bool, depth: int = 0) -> None:
        super().__init__()
        if genuine_before:
            self.look(2)
        self.rogue = root("Rogue root")
        self.above = [self.rogue]
        for number in range(depth):
            self.above.insert(0, intermediate(f"Rogue {number}", self.above[0]))
        self.approved = leaf(self.above[0])
        self.entities = [presented(self.approved, *self.above)]
        self.look(2)
        self.approve(self.approved, reasons=["chain-untrusted"], root=self.rogue.read.fingerprint)
        self.look(3)
        self.publish()  # the bundle that no target loads too
        assert self.alive(self.rogue)
        assert self.pinned(self.approved)

    def still(self) -> list[str]:
        """The severities of what was said of CAs that are still trusted, at the trust store."""
        said = [one for one in self.sink.delivered if "approval is withdrawn" in one.title and one.target == "alb"]
        return [one.severity.value for one in said]


def presented(*chain: Pair) -> bytes:
    text = "".join(one.read.pem for one in chain)
    wire = {"signingAuthority": "Genesys", "certificate": text, "status": "Current", "type": "Client"}
    return json.dumps(wire).encode()


@pytest.mark.parametrize("collected", [False, True], ids=["publish first", "collect first"])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("genuine_before", [False, True])
def test_what_a_withdrawn_approval_alone_let_in_leaves_at_the_next_publish(
    *, genuine_before: bool, depth: int, collected: bool
) -> None:
    world = Approving(genuine_before=genuine_before, depth=depth)
    world.withdraw(world.approved)
    if collected:
        world.collect()
    before = len(world.sink.delivered)
    world.publish_all()
    changed = [one.target for one in world.sink.delivered[before:] if word(one) == "truststore-updated"]
    assert changed == ["alb", "api"]
    assert not any(world.alive(one) for one in world.above)
    assert not world.pinned(world.approved)
    assert world.alive(world.anchor)  # the operator trusts it by a file
    assert world.still() == []
    for bundle in ("main", "carried"):
        world.publish()
        assert world.rogue.read.fingerprint not in blocks_of(world.store.body(keys.wanted(bundle)))
        assert world.anchor.read.fingerprint in blocks_of(world.store.body(keys.wanted(bundle)))
    outcomes = {one.outcome.value for one in world.publish(dry_run=True).targets.values()}
    assert outcomes == {"unchanged"}
    assert not [one for one in world.sink.delivered if word(one) == "removal-held"]
    assert world.record("alb").pending is None


def test_a_file_that_held_nothing_else_carries_it_on_no_longer_than_something_else_is_known() -> None:
    world = Approving(genuine_before=False)
    world.store.remove("anchors/us-east-1.pem")
    world.look(2)
    world.withdraw(world.approved)
    world.publish()
    assert {*blocks_of(world.store.body(keys.wanted("main")))} == {world.rogue.read.fingerprint}
    world.trust(world.anchor)
    world.shown()
    world.extra = ("extra/missing.pem",)
    world.look(2)
    assert {*blocks_of(world.store.body(keys.wanted("main")))} == {world.anchor.read.fingerprint}


def test_one_that_ended_or_names_another_root_now_is_withdrawn_too() -> None:
    world = Approving(genuine_before=True)
    word = {"reasons": ["chain-untrusted"], "root": world.rogue.read.fingerprint}
    world.approve(world.approved, **word, until=f"{world.clock() + DAY:%Y-%m-%dT00:00:00Z}")
    world.look()
    assert world.alive(world.rogue)
    world.clock.advance(DAY)
    world.publish_all()
    assert not world.alive(world.rogue)
    world.approve(world.approved, **word)
    world.look(3)
    assert world.alive(world.rogue)
    world.approve(world.approved, **{**word, "root": world.anchor.read.fingerprint})
    world.look(3)
    assert not world.alive(world.rogue)


def test_a_history_that_lost_a_leaf_whose_approval_is_in_force_takes_nothing_out_at_once() -> None:
    world = Approving(genuine_before=True)
    state = json.loads(world.store.body(keys.history("use1")))
    del state["authorities"]["Genesys"]["leaves"][world.approved.read.fingerprint]
    world.store.seed(keys.history("use1"), json.dumps(state).encode())
    world.publish_all()
    assert world.alive(world.rogue)


def test_while_the_target_is_held_it_is_alerted_as_still_trusted_and_the_pin_is_gone() -> None:
    world = Approving(genuine_before=True)
    hold = Hold(reason=HoldReason.BY_HAND, sha256="", since=world.clock())
    world.store.seed(keys.record(folder("alb")), encode(msgspec.structs.replace(world.record("alb"), hold=hold)))
    world.withdraw(world.approved)
    world.look(3)
    assert world.rogue.read.fingerprint in world.live("alb")
    assert world.rogue.read.fingerprint not in world.live("api")
    assert not world.pinned(world.approved)
    assert world.still() == ["critical"]
    world.publish(release="alb")
    assert not world.alive(world.rogue)


def test_where_nothing_else_is_in_the_target_it_stays_and_that_is_critical() -> None:
    world = Approving(genuine_before=False)
    held = world.adapter("alb").held[ARNS["alb"]]
    held.bundle = world.rogue.read.pem.encode()
    world.withdraw(world.approved)
    world.look(3)
    assert world.live("alb") == {world.rogue.read.fingerprint}
    assert world.still() == ["critical"]
    assert not world.pinned(world.approved)


def test_nobody_who_is_let_in_honestly_is_shut_out_by_a_withdrawal() -> None:
    unproven = msgspec.structs.replace(wanted(set()), unproven=((need(0), "its anchor is gone"),))
    known = msgspec.structs.replace(record({0, 1}), approved={key(0): ("leaf",), key(1): ("leaf",)})
    made = plan.make(
        of_blocks(live({0, 1, 5})),
        unproven,
        known,
        Target(id="alb", arn=STORE, bundle="main"),
        Policy(),
        ours=known.ours,
        moved_to=None,
        may_remove=False,
        withdrawn=roots({0, 1}),
        now=NOW,
    )
    assert (made.removed, made.lingering, made.blocked_by) == ((key(1),), (key(0),), None)


def test_what_others_hold_themselves_stays_whatever_is_withdrawn() -> None:
    made = plan.make(
        of_blocks(live({0, 1})),
        wanted({0}),
        record(set()),
        Target(id="alb", arn=STORE, bundle="main"),
        Policy(),
        ours=(),
        moved_to=None,
        may_remove=True,
        withdrawn=roots({1}),
        now=NOW,
    )
    assert (made.removed, made.lingering) == ((), ())
