"""A source that shows nothing that is accepted is blind, and says so, whatever it shows instead."""

import msgspec
import pytest

from rotation_watcher.config import Authority
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources.observation import Entity, Presence, observe
from rotation_watcher.trust.assessment import Verdict
from rotation_watcher.trust.findings import Finding, Reason
from tests.support import pki
from tests.support.words import word
from tests.unit.sources.test_update import CURRENT, UPCOMING, Teller, entity, look, view

DAY = 24 * 4
"""Runs a day."""


def odd(number: int, presence: Presence = CURRENT) -> Entity:
    """An entity in which no leaf can be read, another for each number."""
    refused = Verdict(accepted=False, reasons=(Finding(Reason.MALFORMED, "…"),))
    return Entity(f"text-{number}", "Genesys", presence, None, (), refused)


def reasons(teller: Teller, kind: str) -> list[str]:
    return [alert.facts["reason"] for alert in teller.told if word(alert) == kind]


def test_a_current_entity_that_is_malformed_in_another_way_at_each_run_is_alerted_and_keeps_nothing_fresh() -> None:
    teller = Teller().see(view("A"))
    fresh = teller.state.fresh_at
    teller.see(*(look(odd(number)) for number in range(6 * DAY)))
    assert (teller.kinds, reasons(teller, "source-failing")) == (["source-failing"], ["authority-absent"])
    assert "others than in the answer before" in teller.told[0].what_happened
    assert teller.state.fresh_at == fresh
    assert teller.state.stale(teller.now, teller.policy)
    assert len(teller.state.conditions) < 10, "what was never alerted does not pile up"
    teller.see(view("A"), view("A"))
    assert teller.kinds[-1] == "over: source-failing"


@pytest.mark.parametrize("presence", Presence)
def test_another_one_at_each_look_beside_what_is_accepted_is_told_once_as_a_flood(presence: Presence) -> None:
    known = odd(0, UPCOMING)
    good = look(entity("A"), known)
    teller = Teller().see(*[good] * 4)
    teller.see(*(look(entity("A"), known, odd(number, presence)) for number in range(1, 6 * DAY)))
    assert [kind for kind in teller.kinds if not kind.startswith("still")] == ["quarantined", "flood"]
    assert len(teller.state.conditions) < 10, "what was never alerted does not pile up"
    teller.see(*[good] * (DAY + 2))
    assert teller.kinds[-1] == "over: flood"


def test_two_that_follow_one_another_and_stay_are_told_one_by_one() -> None:
    first, second = odd(1, UPCOMING), odd(2, UPCOMING)
    teller = Teller().see(view("A"), look(entity("A"), first), *[look(entity("A"), second)] * DAY)
    assert teller.kinds == ["quarantined"]


@pytest.mark.parametrize("presence", Presence)
@pytest.mark.parametrize("said", ["Another", None])
@pytest.mark.parametrize("alone", [False, True])
def test_a_sound_certificate_of_an_authority_that_nobody_knows_is_in_quarantine_and_told(
    said: str | None, presence: Presence, *, alone: bool
) -> None:
    ours, other = pki.root(), pki.root("Another")
    strange = pki.leaf(other).pem + ("" if alone else other.pem)
    texts = {"Genesys": (pki.leaf(ours).pem, "Current"), said: (strange, presence)}
    raw = [
        msgspec.json.encode({"signingAuthority": name, "certificate": text, "status": status, "type": "Client"})
        for name, (text, status) in texts.items()
    ]
    anchors = {Authority.GENESYS: [ours.read]}
    answer = observe(raw, authorities=[Authority.GENESYS], anchors=anchors, names={}, approvals={}, now=pki.NOW)
    teller = Teller()
    teller.now = pki.NOW
    teller.see(*[answer] * 3)
    assert teller.kinds == ["quarantined"]
    (alert,) = teller.told
    assert {key for key in alert.facts if key.startswith("reason ")} == {"reason unknown-authority"}
    assert alert.what_to_do.startswith("Deploy the newest release")
    assert "approvals/" not in alert.what_to_do


@pytest.mark.parametrize("turns", range(2, 12))
def test_malformed_entities_that_take_turns_are_alerted_one_way_or_the_other(turns: int) -> None:
    teller = Teller().see(view("A"), *(look(odd(number % turns)) for number in range(2 * DAY)))
    assert teller.told
    assert len([kind for kind in teller.kinds if not kind.startswith("still")]) <= turns + 1
    assert "over: source-failing" not in teller.kinds


def test_one_that_stays_is_alerted_as_in_quarantine_and_not_as_absent_too() -> None:
    assert Teller().see(view("A"), *[look(odd(1))] * DAY).kinds == ["quarantined"]


BLIND = {
    "nothing": look(),
    "upcoming alone": view("", "A"),
    "a stranger's": look(entity("B", CURRENT, Reason.CHAIN_UNTRUSTED)),
    "one that lost its acceptance": look(entity("A", CURRENT, Reason.WEAK_KEY)),
}


@pytest.mark.parametrize("name", BLIND)
def test_only_an_accepted_current_leaf_keeps_a_source_fresh(name: str) -> None:
    teller = Teller().see(view("A"))
    fresh = teller.state.fresh_at
    teller.see(*[BLIND[name]] * 40)
    assert (teller.state.fresh_at, teller.state.stale(teller.now, teller.policy)) == (fresh, True)


@pytest.mark.parametrize("excuse", [Reason.EXPIRED, Reason.ANCHOR_MISSING])
def test_a_known_leaf_that_lost_only_what_says_nothing_about_it_keeps_the_source_fresh(excuse: Reason) -> None:
    teller = Teller().see(view("A"), *[look(entity("A", CURRENT, excuse))] * 40)
    assert not teller.state.stale(teller.now, teller.policy)


def test_a_failure_that_may_pass_and_becomes_one_that_lasts_is_alerted_again_and_its_recovery_names_it() -> None:
    teller = Teller().see(view("A"))
    for reason in (SourceReason.THROTTLED, SourceReason.CREDENTIALS_REFUSED):
        for _ in range(5):
            teller.miss(reason)
    assert reasons(teller, "source-failing") == ["throttled", "credentials-refused"]
    assert len({alert.id for alert in teller.told}) == 1
    assert [alert.severity for alert in teller.told] == ["warning", "critical"]
    teller.see(view("A"), view("A"))
    assert reasons(teller, "over: source-failing") == ["credentials-refused"]


def test_a_failure_that_takes_turns_between_passing_and_lasting_is_alerted_twice_at_the_most() -> None:
    teller = Teller().see(view("A"))
    for _ in range(DAY):
        teller.miss(SourceReason.THROTTLED).miss(SourceReason.CREDENTIALS_REFUSED)
    assert len(teller.told) <= 2


def test_one_passing_failure_after_another_is_not_alerted_again() -> None:
    teller = Teller().see(view("A"))
    for reason in (SourceReason.THROTTLED, SourceReason.UNAVAILABLE, SourceReason.UNREACHABLE):
        teller.miss(reason).miss(reason)
    assert teller.kinds == ["source-failing"]


def test_an_upcoming_stranger_beside_a_good_leaf_costs_no_freshness() -> None:
    stranger = look(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED))
    teller = Teller().see(*[stranger] * DAY)
    assert not teller.state.stale(teller.now, teller.policy)
