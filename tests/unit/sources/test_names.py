"""Whose certificate it is, before and after names are known: nobody is let in who may be another customer of the CA."""

import pytest

from rotation_watcher.alerts.model import Severity
from tests.support.pki import Pair
from tests.support.small_region import NAME, SmallRegion, client, fingerprints, issuing, shown
from tests.support.words import word


def current(one: Pair) -> dict[str, str]:
    return shown(one, issuing())


def upcoming(one: Pair) -> dict[str, str]:
    return shown(one, issuing(), status="Upcoming")


FOREIGN = [client(number, f"tenant{number}.example") for number in range(30)]
OURS = client(40, NAME)


def test_thirty_foreign_leaves_in_a_first_observation_pin_nobody_and_are_one_alert() -> None:
    region = SmallRegion()
    region.step(*map(current, FOREIGN))
    for _ in range(3):
        region.step()
    assert (region.pinned(), region.known.leaves, region.known.names) == (set(), {}, ())
    assert [word(alert) for alert in region.sink.delivered] == ["names-uncertain"]
    alert = region.sink.delivered[0]
    assert "30 certificates that verify bear no name in common" in alert.what_happened
    assert alert.facts["more"] == "and 25 more"
    assert alert.facts["name in the catalogue"] == NAME


def test_among_thirty_foreign_leaves_the_one_with_the_name_of_the_catalogue_is_certain() -> None:
    region = SmallRegion()
    region.step(*map(current, FOREIGN), current(OURS))
    assert region.pinned() == fingerprints(OURS)
    assert region.known.names == (NAME,)


def test_two_current_leaves_teach_when_they_agree_and_the_doubt_must_be_over_first() -> None:
    region = SmallRegion()
    a, b = client(1, "a.example"), client(2, "b.example")
    region.step(current(a), current(b))
    region.step(current(b))
    assert region.pinned() == set(), "one answer without the contradiction settles nothing"
    region.step()
    region.step()
    assert region.pinned() == fingerprints(b)
    region = SmallRegion()
    both = client(3, "a.example", "b.example")
    region.step(current(a), current(both))
    assert region.pinned() == fingerprints(a, both)
    assert region.known.names == ("a.example", "b.example")


def test_a_contradiction_that_comes_and_goes_lets_nobody_in_and_is_one_alert() -> None:
    region = SmallRegion()
    a, b = client(1, "a.example"), client(2, "b.example")
    for _ in range(10):
        region.step(current(a), current(b))
        region.step(current(b))
    assert region.pinned() == set()
    assert len(region.told("names-uncertain")) == 1


def test_an_upcoming_leaf_without_a_current_one_teaches_and_pins_nothing_whatever_its_name() -> None:
    for leaf in (client(1, "a.example"), OURS):
        region = SmallRegion()
        region.step(upcoming(leaf))
        assert (region.pinned(), region.known.leaves, region.known.names) == (set(), {}, ())
        assert not region.told("names-uncertain"), "the current one may be missing in one answer"
        region.step()
        assert len(region.told("names-uncertain")) == 1
        region.step(current(OURS), upcoming(OURS))
        assert region.pinned() == fingerprints(OURS)


def test_an_upcoming_leaf_of_another_name_is_no_company_for_a_current_one() -> None:
    region = SmallRegion()
    a, x = client(1, "a.example"), client(2, "x.example")
    region.step(current(a), upcoming(x))
    assert region.pinned() == set()
    region = SmallRegion()
    region.step(current(OURS), upcoming(x))
    assert region.pinned() == fingerprints(OURS)


@pytest.mark.parametrize("signer", ["Genesys", "DigiCert"])
def test_the_operators_name_is_enforced_for_every_authority(signer: str) -> None:
    region = SmallRegion(signer, client_name="OWN.example.")
    own, other = client(1, "own.example"), client(2, NAME)
    region.step(*(shown(one, issuing(), signer=signer) for one in (own, other)))
    assert region.pinned() == fingerprints(own)
    assert not region.told("name-learned")


def test_a_name_against_the_catalogue_is_learned_with_a_remark_and_a_warning() -> None:
    region = SmallRegion()
    a = client(1, "a.example")
    region.step(current(a))
    (alert,) = region.told("name-learned")
    assert alert.severity is Severity.WARNING
    assert NAME in alert.what_happened
    assert "unexpected-name" in [one.code for one in region.known.leaves[a.read.fingerprint].remarks]
    region = SmallRegion()
    region.step(current(OURS))
    assert region.told("name-learned")[0].severity is Severity.INFO
    assert region.known.leaves[OURS.read.fingerprint].remarks == ()


def test_a_renewal_is_the_same_client_while_any_of_the_names_stays() -> None:
    region = SmallRegion()
    region.step(current(client(1, "a.example", "b.example")))
    assert region.known.names == client(1, "a.example", "b.example").read.facts.names
    (alert,) = region.told("name-learned")
    assert [alert.facts["name 1"], alert.facts["name 2"]] == ["a.example", "b.example"]
    renewed, again, stranger = client(2, "B.example.", "c.example"), client(3, "c.example"), client(4, "x.example")
    region.step(current(renewed))
    region.step()
    assert region.known.names == ("a.example", "b.example", "c.example")
    assert len(region.told("name-learned")) == 2
    region.step(current(again))
    region.step()
    assert fingerprints(renewed, again) <= region.pinned()
    region.step(current(again), current(stranger))
    region.step()
    assert fingerprints(stranger).isdisjoint(region.pinned())
    assert [alert.authority for alert in region.told("quarantined")] == ["DigiCert"]


def test_the_common_name_counts_where_there_is_no_san() -> None:
    region = SmallRegion()
    bare = client(1, common="Dataactions.example.")
    region.step(current(bare))
    assert region.known.names == ("dataactions.example",)
    renewed = client(2, "dataactions.example")
    region.step(current(renewed))
    assert fingerprints(bare, renewed) <= region.pinned()


def test_a_leaf_without_any_name_is_quarantined_and_alerted() -> None:
    region = SmallRegion()
    nameless = client(1)
    for _ in range(2):
        region.step(current(nameless))
    assert region.pinned() == set()
    (alert,) = region.told("quarantined")
    assert alert.facts["reason no-name"] == "it bears no DNS name"
    region.approve(nameless)
    region.step()
    assert region.pinned() == fingerprints(nameless)
    assert region.known.names == ()


def test_a_nameless_leaf_that_was_approved_does_not_let_the_next_stranger_teach() -> None:
    region = SmallRegion()
    nameless = client(1)
    region.approve(nameless)
    region.step(current(nameless))
    region.step(current(nameless), current(client(2, "x.example")))
    assert region.pinned() == fingerprints(nameless)


def test_an_approval_settles_a_doubt_and_its_leaf_teaches() -> None:
    region = SmallRegion()
    a, b = client(1, "a.example"), client(2, "b.example")
    region.step(current(a), current(b))
    region.approve(b)
    region.step()
    assert region.pinned() == fingerprints(b)
    assert region.known.names == ("b.example",)
    region.step()
    assert region.pinned() == fingerprints(b)
    assert [alert.facts["SHA-256"] for alert in region.told("approved")] == [b.read.fingerprint]


def test_a_doubt_takes_away_nobody_who_was_accepted_and_a_withdrawn_approval_does() -> None:
    region = SmallRegion()
    a, b = client(1, "a.example"), client(2, "b.example")
    region.step(current(a), current(b))
    region.approve(a)
    region.approve(b)
    region.step()
    assert region.pinned() == fingerprints(a, b)


def test_a_certificate_of_thousands_of_names_teaches_a_hundred() -> None:
    region = SmallRegion()
    many = client(1, *(f"n{number:04}.example" for number in range(600)))
    region.step(current(many))
    assert len(region.known.names) == 100
    before = region.state
    region.step()
    assert region.state == before
    assert region.pinned() == fingerprints(many)
