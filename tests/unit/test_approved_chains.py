"""An approval covers what the operator saw, and nothing later: attacks on collect and publish together, in memory."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.presenting import NAME, YEAR, PresentingWorld, intermediate, leaf, root
from tests.support.small_world import START
from tests.support.words import word

CHAIN = {"reasons": ["chain-untrusted"]}


class Partner:
    """A leaf below an intermediate and a root that nobody trusts, and the same intermediate signed by a rogue root."""

    def __init__(self) -> None:
        self.root, self.rogue = root("Partner root"), root("Rogue root")
        self.issuing = intermediate("Issuing", self.root)
        self.crossed = intermediate("Issuing", self.rogue, key=self.issuing.key)
        self.leaf = leaf(self.issuing)
        self.honest = (self.leaf, self.issuing, self.root)
        self.smuggled = (self.leaf, self.crossed, self.rogue)

    @property
    def word(self) -> dict[str, Any]:
        """What the operator approved."""
        return {**CHAIN, "root": self.root.read.fingerprint}


@pytest.fixture
def world() -> PresentingWorld:
    world = PresentingWorld()
    world.look(2)
    return world


@pytest.fixture
def partner() -> Partner:
    return Partner()


def approved(world: PresentingWorld, partner: Partner) -> None:
    """The operator has approved the partner's leaf as it was shown, and it works."""
    world.shown(partner.honest)
    world.look(2)
    world.approve(partner.leaf, **partner.word)
    world.look(2)
    assert world.alive(partner.root)
    assert world.pinned(partner.leaf)


def kinds(alerts: list[Any]) -> list[str]:
    return [word(alert) for alert in alerts]


def changes(world: PresentingWorld) -> int:
    """How often a target was changed."""
    return sum(call[0] == "update" for call in world.writes())


# Another root


def test_a_cross_certificate_under_another_root_brings_that_root_nowhere_and_the_approved_one_stays(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.shown(partner.smuggled)
    alerts = world.look(4)
    assert not world.alive(partner.rogue)
    assert not world.alive(partner.crossed)
    assert world.alive(partner.root)
    assert world.alive(partner.issuing)
    assert world.pinned(partner.leaf)
    assert kinds(alerts) == ["quarantined"]
    assert partner.rogue.read.fingerprint in alerts[0].what_to_do
    assert world.known.leaves[partner.leaf.read.fingerprint].status == "current"
    world.clock.advance(timedelta(days=40))  # longer than any grace
    world.look(2)
    assert world.alive(partner.root)
    assert world.pinned(partner.leaf)


def test_the_other_root_is_a_new_quarantine_with_an_id_of_its_own(world: PresentingWorld, partner: Partner) -> None:
    world.shown(partner.honest)
    (first,) = world.look(2)
    world.shown(partner.smuggled)
    (second,) = world.look(3)
    assert (first.kind, second.kind) == ("quarantined", "quarantined")
    assert first.id != second.id
    assert partner.root.read.fingerprint in first.facts.values()
    assert partner.rogue.read.fingerprint in second.facts.values()


def test_chains_that_take_turns_are_alerted_once_and_change_no_target(world: PresentingWorld, partner: Partner) -> None:
    approved(world, partner)
    updates = changes(world)
    alerts = []
    for _ in range(6):
        world.shown(partner.smuggled)
        alerts += world.look(2)
        world.shown(partner.honest)
        alerts += world.look(2)
    assert kinds(alerts) == ["quarantined"]
    assert changes(world) == updates
    assert not world.alive(partner.rogue)


def test_both_chains_in_one_text_lead_to_the_approved_root(world: PresentingWorld, partner: Partner) -> None:
    approved(world, partner)
    world.shown((*partner.smuggled, partner.issuing, partner.root))
    assert kinds(world.look(3)) == []
    assert world.alive(partner.root)
    assert not world.alive(partner.rogue)


def test_a_new_approval_for_the_other_root_is_alerted_and_moves_the_leaf_there(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.shown(partner.smuggled)
    world.look(2)
    world.approve(partner.leaf, **CHAIN, root=partner.rogue.read.fingerprint)
    alerts = world.look(2)
    assert "approved" in kinds(alerts)
    assert world.alive(partner.rogue)
    assert world.pinned(partner.leaf)


def test_the_root_of_an_approved_leaf_vouches_for_no_other_leaf(world: PresentingWorld, partner: Partner) -> None:
    approved(world, partner)
    other = leaf(partner.issuing)
    world.shown(partner.honest, (other, partner.issuing, partner.root))
    assert kinds(world.look(3)) == ["quarantined"]
    assert not world.pinned(other)


def test_another_intermediate_under_the_approved_root_is_covered(world: PresentingWorld, partner: Partner) -> None:
    approved(world, partner)
    renewed = intermediate("Issuing", partner.root, key=partner.issuing.key)
    world.shown((partner.leaf, renewed, partner.root))
    assert kinds(world.look(3)) in ([], ["truststore-updated"], ["truststore-updated", "truststore-updated"])
    assert world.pinned(partner.leaf)
    assert world.alive(renewed)
    assert world.alive(partner.root)


# Another reason


def test_an_approval_of_a_name_lifts_no_chain(world: PresentingWorld, partner: Partner) -> None:
    other = leaf(world.anchor, names=("other.example.com",))
    rogue = root("Anchor", key=None)
    forged = leaf(rogue, names=("other.example.com",), key=other.key)
    world.shown((other,))
    world.look(2)
    world.approve(other, reasons=["name-mismatch"])
    world.look(2)
    assert world.pinned(other)
    stranger = leaf(partner.issuing, names=("other.example.com",))
    world.approve(stranger, reasons=["name-mismatch"])
    world.shown((other,), (stranger, partner.issuing, partner.root), (forged, rogue))
    alerts = world.look(3)
    assert "quarantined" in kinds(alerts)
    assert world.pinned(other)
    assert not world.pinned(stranger)
    assert not world.alive(partner.root)


def test_the_anchor_that_leaves_takes_an_approval_of_a_name_along_to_no_other_root(world: PresentingWorld) -> None:
    """The leaf verified to an anchor; then its root is no anchor any more, and comes along in the answer."""
    old, other_anchor = root("Old anchor"), world.anchor
    named = leaf(old, names=("other.example.com",))
    world.trust(other_anchor, old)
    world.shown((named, old))
    world.look(2)
    world.approve(named, reasons=["name-mismatch"])
    world.look(2)
    assert world.pinned(named)
    world.trust(other_anchor)
    alerts = world.look(3)
    assert "quarantined" in kinds(alerts)
    codes = {code for alert in alerts for code in alert.facts if code.startswith("reason")}
    assert {"reason chain-untrusted", "reason approval-insufficient"} <= codes
    assert not any(leaf.lifted and leaf.approved_root for leaf in world.known.leaves.values())


def test_an_approval_that_does_not_cover_is_alerted_with_what_is_lacking(
    world: PresentingWorld, partner: Partner
) -> None:
    world.approve(partner.leaf, reasons=["name-mismatch"])
    world.shown(partner.honest)
    (alert,) = world.look(2)
    assert "chain-untrusted" in alert.facts["reason approval-insufficient"]
    world.approve(partner.leaf, **CHAIN, root=partner.rogue.read.fingerprint)
    (again,) = world.look(3)
    assert partner.rogue.read.fingerprint[:16] in again.facts["reason approval-other-root"]
    assert again.id != alert.id


def test_while_there_is_no_anchor_approved_leaves_stay_as_they_were(world: PresentingWorld, partner: Partner) -> None:
    named = leaf(world.anchor, names=("other.example.com",))
    approved(world, partner)
    world.shown(partner.honest, (named,))
    world.look(2)
    world.approve(named, reasons=["name-mismatch"])
    world.look(2)
    world.store.remove("anchors/us-east-1.pem")
    world.shown(partner.smuggled, (named,))
    assert kinds(world.look(4)) == ["anchor-missing"]
    assert [leaf.status.value for leaf in world.known.leaves.values()] == ["current"] * 3
    assert all(world.pinned(one) for one in (named, partner.leaf, world.genuine))
    assert world.alive(partner.root)
    assert not world.alive(partner.rogue)


def test_an_approved_leaf_that_expires_is_alerted_as_expired_and_not_as_quarantined(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.clock.advance(partner.leaf.read.facts.not_after - world.clock())
    renewed = leaf(world.anchor, end=START + YEAR)
    world.genuine = renewed
    world.shown(partner.honest)
    alerts = world.look(3)
    assert "quarantined" not in kinds(alerts)
    assert "expired" in kinds(alerts)
    assert partner.leaf.read.fingerprint in world.known.leaves


def test_an_approved_leaf_that_loses_its_anchor_retires_with_its_grace(world: PresentingWorld) -> None:
    """Its approval is in force, and says nothing about the chain: it is treated as any leaf is."""
    rogue = root("Rogue root")
    issuing = intermediate("Issuing", world.anchor)
    named = leaf(issuing, names=("other.example.com",))
    world.shown((named, issuing))
    world.look(2)
    world.approve(named, reasons=["name-mismatch"])
    world.look(2)
    world.shown((named, intermediate("Issuing", rogue, key=issuing.key), rogue))
    assert kinds(world.look(3)) == ["quarantined"]
    assert world.pinned(named)
    assert world.known.leaves[named.read.fingerprint].status == "retiring"
    assert not world.alive(rogue)
    world.withdraw(named)
    world.look()
    assert not world.pinned(named)


# A forged history


def test_a_chain_that_somebody_wrote_into_the_history_smuggles_no_root(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.shown(partner.smuggled)
    world.look(2)  # so that its certificates are kept
    rogue = partner.rogue.read.fingerprint
    world.forge(partner.leaf, chain=[partner.crossed.read.fingerprint, rogue], approved_root=rogue)
    world.publish_all()
    assert not world.alive(partner.rogue)
    assert not world.alive(partner.crossed)
    assert world.alive(partner.root)
    assert world.pinned(partner.leaf)


def test_a_chain_reason_in_a_forged_history_needs_an_approval_of_the_chain(world: PresentingWorld) -> None:
    named = leaf(world.anchor, names=("other.example.com",))
    rogue = root("Anchor", key=root("Rogue").key)
    world.shown((named, rogue))
    world.look(2)
    world.approve(named, reasons=["name-mismatch"])
    world.look(2)
    assert world.pinned(named)
    lifted = [{"code": code, "detail": "x"} for code in ("chain-untrusted", "name-mismatch")]
    world.forge(named, lifted=lifted, approved_root=rogue.read.fingerprint, chain=[rogue.read.fingerprint])
    world.publish_all()
    assert not world.alive(rogue)
    assert world.pinned(named), "the operator's approval holds: a history's word alone takes no pin"


# Its end


@pytest.mark.parametrize("end", ["withdrawn", "past", "unreadable"])
def test_an_approval_that_ended_takes_its_pin_at_the_next_publish(
    world: PresentingWorld, partner: Partner, end: str
) -> None:
    approved(world, partner)
    if end == "withdrawn":
        world.withdraw(partner.leaf)
    elif end == "past":
        world.approve(partner.leaf, **partner.word, until=f"{world.clock():%Y-%m-%dT00:00:00Z}")
    else:
        world.approve(partner.leaf, **partner.word, until="soon")
    world.publish_all()
    assert not world.pinned(partner.leaf)
    assert world.pinned(world.genuine)
    assert "quarantined" in kinds(world.look(2))
    assert not world.alive(partner.root)


def test_a_leaf_that_verifies_to_an_anchor_unaided_needs_its_approval_no_more(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.trust(world.anchor, partner.root)
    world.look(2)
    world.withdraw(partner.leaf)
    assert "quarantined" not in kinds(world.look(3))
    assert world.pinned(partner.leaf)
    assert world.known.leaves[partner.leaf.read.fingerprint].approved_root is None


# A leaf alone


def test_a_leaf_alone_is_approved_with_its_root_beside_the_approval(world: PresentingWorld, partner: Partner) -> None:
    alone = leaf(partner.root)
    world.shown((alone,))
    (alert,) = world.look(2)
    assert f"approvals/{alone.read.fingerprint}.pem" in alert.what_to_do
    world.store.seed(f"approvals/{alone.read.fingerprint}.pem", partner.root.read.pem.encode())
    assert kinds(world.look(2)) == []  # the certificates alone approve nothing
    shouted = ":".join(partner.root.read.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    world.approve(alone, **CHAIN, root=shouted)  # as openssl prints it
    assert "approved" in kinds(world.look(2))
    assert world.pinned(alone)
    assert world.alive(partner.root)


def test_the_certificates_beside_an_approval_vouch_only_if_the_approval_names_their_root(
    world: PresentingWorld, partner: Partner
) -> None:
    alone = leaf(partner.rogue)
    world.shown((alone,))
    world.store.seed(f"approvals/{alone.read.fingerprint}.pem", partner.rogue.read.pem.encode())
    world.approve(alone, **partner.word)
    assert kinds(world.look(2)) == ["quarantined"]
    assert not world.pinned(alone)
    assert not world.alive(partner.rogue)


# Approvals of the former form


def test_an_approval_that_names_no_reasons_and_was_never_honoured_covers_nothing(
    world: PresentingWorld, partner: Partner
) -> None:
    world.approve(partner.leaf)
    world.shown(partner.honest)
    (alert,) = world.look(2)
    assert "reasons" in alert.facts["reason approval-invalid"]
    assert not world.pinned(partner.leaf)


def test_an_approval_of_the_former_form_keeps_what_was_honoured_and_nothing_later(
    world: PresentingWorld, partner: Partner
) -> None:
    approved(world, partner)
    world.approve(partner.leaf)  # as a former release took it
    assert kinds(world.look(2)) == []
    assert world.pinned(partner.leaf)
    world.shown(partner.smuggled)
    assert kinds(world.look(3)) == ["quarantined"]
    assert world.pinned(partner.leaf)
    assert world.alive(partner.root)
    assert not world.alive(partner.rogue)


def test_the_name_of_the_region_is_what_the_world_enforces() -> None:
    assert NAME in PresentingWorld().genuine.read.facts.names
