"""What is accepted is trusted at first sight and kept, a change is alerted once, and a quiet run writes nothing.

Over every shape of answer that a seed can think of.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.alerts.builders.wording import when
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.config import Authority, Policy, Source
from rotation_watcher.errors import UNDECODABLE, SourceReason
from rotation_watcher.sources import history, update
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History, Status
from rotation_watcher.sources.observation import Entity, Observation, Presence
from rotation_watcher.trust.assessment import Verdict
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.x509.certificates import Certificate, parse_text
from tests.support import certs
from tests.support.words import word

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOURCE = Source(id="use1", region="us-east-1", credentials="arn", authorities=(Authority.GENESYS,))
CURRENT, UPCOMING = Presence.CURRENT, Presence.UPCOMING


@lru_cache
def leaf(name: str) -> Certificate:
    root = certs.self_signed_ca("Root")
    issued = certs.issue(
        root, f"{name}.example.com", not_before=NOW - timedelta(days=30), not_after=NOW + timedelta(days=400)
    )
    return parse_text(issued.pem.decode()).certificates[0]


def key(name: str) -> str:
    return leaf(name).fingerprint


def entity(name: str, presence: Presence = CURRENT, *reasons: Reason, lifted: Iterable[Reason] = ()) -> Entity:
    verdict = Verdict(
        accepted=not reasons,
        reasons=tuple(Finding(reason, "…") for reason in reasons),
        lifted=tuple(Finding(reason, "…") for reason in lifted),
    )
    return Entity(key(name), "Genesys", presence, leaf(name), (leaf(name),), verdict)


def look(*entities: Entity, learned: Mapping[str, tuple[str, ...]] | None = None) -> Observation:
    return Observation(entities, learned or {}, ())


def view(current: str = "", upcoming: str = "") -> Observation:
    return look(*(entity(name) for name in current), *(entity(name, UPCOMING) for name in upcoming))


class Teller:
    """Applies observation after observation, a quarter of an hour apart, and keeps the alerts."""

    def __init__(self) -> None:
        self.policy = Policy()
        self.source = SOURCE
        self.state = history.empty("use1", "us-east-1")
        self.now = NOW
        self.told: list[Alert] = []

    def context(self) -> Context:
        return Context(self.source, self.policy, "bucket", {}, {}, self.now)

    def see(self, *observations: Observation, step: timedelta = timedelta(minutes=15)) -> "Teller":
        for observation in observations:
            self.now += step
            self.keep(update.apply_observation(self.state, observation, self.context()))
        return self

    def miss(self, reason: SourceReason = SourceReason.UNREACHABLE) -> "Teller":
        self.now += timedelta(minutes=15)
        self.keep(update.apply_failure(self.state, reason, "no answer", self.context()))
        return self

    def keep(self, after: History) -> None:
        self.told += after.outbox
        self.state = after.delivered(frozenset(alert.key for alert in after.outbox))
        assert history.decode(history.encode(self.state)) == self.state

    @property
    def kinds(self) -> list[str]:
        return [word(alert) for alert in self.told]

    def status(self, name: str) -> Status | None:
        known = self.state.authorities["Genesys"].leaves.get(key(name))
        return known.status if known else None


def test_the_first_observation_is_a_baseline_and_alerts_no_rotation() -> None:
    teller = Teller().see(view("A"))
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, [])


def test_a_leaf_that_is_not_valid_yet_is_told_at_the_first_sight_of_a_source_too() -> None:
    root = certs.self_signed_ca("Root")
    begins = NOW + timedelta(days=3)
    issued = certs.issue(root, "E.example.com", not_before=begins, not_after=NOW + timedelta(days=400))
    early = parse_text(issued.pem.decode()).certificates[0]
    seen = look(Entity(early.fingerprint, "Genesys", CURRENT, early, (early,), Verdict(accepted=True, reasons=())))
    teller = Teller().see(seen, seen, seen)
    (alert,) = teller.told
    assert (alert.kind, alert.severity) == (Kind.ROTATED, Severity.CRITICAL)
    assert alert.title.endswith("the Genesys client certificate is not valid yet")
    assert "new client certificate" not in alert.what_happened, "nothing rotated"
    assert "2026-03-05 09:00 UTC" in alert.what_it_means
    assert teller.see(seen, step=timedelta(days=3)).told == [alert], "from then on it is valid"


def test_a_quiet_observation_gives_back_an_equal_history() -> None:
    teller = Teller().see(view("A", "B"))
    before = teller.state
    teller.see(view("A", "B"))
    assert teller.state == before


def test_the_freshness_mark_moves_after_a_third_of_the_limit() -> None:
    teller = Teller().see(view("A"))
    first = teller.state.fresh_at
    teller.see(view("A"), step=timedelta(hours=1, minutes=59))
    assert teller.state.fresh_at == first
    teller.see(view("A"), step=timedelta(minutes=1))
    assert teller.state.fresh_at == teller.now


def test_an_upcoming_leaf_is_trusted_at_first_sight_and_alerted_when_two_observations_agree() -> None:
    teller = Teller().see(view("A"), view("A", "B"))
    assert (teller.status("B"), teller.kinds) == (Status.UPCOMING, [])
    assert teller.see(view("A", "B"), view("A", "B")).kinds == ["upcoming-published"]


def test_a_rotation_that_flaps_is_alerted_once_and_retires_nothing_before_it_is_confirmed() -> None:
    teller = Teller().see(view("A", "B"), *[view("B"), view("A", "B")] * 5)
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, ["upcoming-published"])
    teller.see(view("B"), view("B"), view("B"))
    assert (teller.status("A"), teller.status("B")) == (Status.RETIRING, Status.CURRENT)
    assert teller.kinds == ["upcoming-published", "rotated"]


def test_old_answers_after_a_confirmed_rotation_are_alerted_once_and_the_grace_starts_anew() -> None:
    teller = Teller().see(view("A"), view("B"), view("B"))
    first = teller.state.authorities["Genesys"].leaves[key("A")].retire_after
    teller.see(view("A"), view("A"), view("B"), view("B"))
    again = teller.state.authorities["Genesys"].leaves[key("A")].retire_after
    assert teller.kinds == ["rotated", "went-back"]
    assert first is not None
    assert again is not None
    assert again > first


def test_a_retired_leaf_is_needed_through_its_grace_and_forgotten_after() -> None:
    teller = Teller().see(view("A"), view("B"), view("B"))
    teller.see(view("B"), step=timedelta(days=30) - timedelta(minutes=1))
    assert teller.status("A") is Status.RETIRING
    teller.see(view("B"), step=timedelta(minutes=2))
    assert teller.status("A") is None


def test_what_is_known_of_an_authority_that_is_watched_no_more_is_kept_for_its_grace() -> None:
    both, alone = (Authority.GENESYS, Authority.DIGICERT), (Authority.DIGICERT,)
    other = msgspec.structs.replace(entity("D"), authority="DigiCert")
    teller = Teller()
    teller.source = msgspec.structs.replace(SOURCE, authorities=both)
    teller.see(*[look(entity("A"), entity("B", UPCOMING), entity("C", CURRENT, Reason.WEAK_KEY), other)] * 3)
    teller.told.clear()
    teller.source = msgspec.structs.replace(SOURCE, authorities=alone)
    teller.see(look(other))
    before = teller.state.authorities["Genesys"]
    assert {one.status for one in before.leaves.values()} == {Status.RETIRING}
    assert {one.retire_after for one in before.leaves.values()} == {teller.now + timedelta(days=30)}
    assert before.quarantine == {}
    assert {*before.leaves} == {key("A"), key("B")}
    teller.see(look(other))
    assert teller.state.authorities["Genesys"] == before
    teller.see(look(other), step=timedelta(days=30)).see(look(other))
    assert teller.state.authorities.keys() == {"DigiCert"}
    assert teller.kinds == ["over: quarantined"]


def test_an_authority_that_is_watched_again_within_the_grace_goes_on() -> None:
    teller = Teller().see(*[look(entity("A"), learned={"Genesys": ("A",)})] * 2)
    teller.source = msgspec.structs.replace(SOURCE, authorities=(Authority.DIGICERT,))
    teller.see(look())
    teller.source = SOURCE
    teller.told.clear()
    teller.see(*[look(entity("A"))] * 3)
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, [])
    assert teller.state.authorities["Genesys"].leaves[key("A")].retire_after is None


LOST = {
    "in the answer that shows its successor": [],
    "in answers before": [look(entity("A", CURRENT, Reason.WEAK_KEY))] * 3,
}


@pytest.mark.parametrize("meanwhile", LOST.values(), ids=LOST)
def test_what_follows_a_leaf_that_lost_its_acceptance_is_told_as_its_successor(meanwhile: list[Observation]) -> None:
    other = msgspec.structs.replace(entity("B"), chain=(leaf("B"), leaf("another CA")))
    teller = Teller().see(view("A"), view("A"), *meanwhile)
    retires = teller.state.authorities["Genesys"].leaves[key("A")].retire_after or teller.now + timedelta(
        days=30, minutes=15
    )
    teller.see(*[look(entity("A", CURRENT, Reason.WEAK_KEY), other)] * 3)
    (rotated,) = [alert for alert in teller.told if word(alert) == "rotated"]
    assert (rotated.facts["old SHA-256"], rotated.facts["new SHA-256"]) == (key("A"), key("B"))
    assert when(retires) in rotated.what_it_means
    (changed,) = [alert for alert in teller.told if word(alert) == "issuer-changed"]
    assert (changed.facts["old SHA-256"], changed.severity) == (key("A"), "critical")


def test_what_follows_a_leaf_that_is_known_no_more_is_told_without_it() -> None:
    approved = look(entity("A", lifted=[Reason.CHAIN_UNTRUSTED]))
    withdrawn = look(entity("A", CURRENT, Reason.CHAIN_UNTRUSTED))
    teller = Teller().see(approved, approved, withdrawn, withdrawn)
    assert teller.status("A") is None
    teller.see(*[view("B")] * 3)
    (rotated,) = [alert for alert in teller.told if word(alert) == "rotated"]
    assert rotated.facts["new SHA-256"] == key("B")
    assert "old SHA-256" not in rotated.facts
    assert "old one" not in rotated.what_it_means


def test_an_answer_without_an_accepted_current_leaf_retires_nothing() -> None:
    teller = Teller().see(view("A", "B"), *[view()] * 4, *[view("", "B")] * 4)
    assert (teller.status("A"), teller.status("B")) == (Status.CURRENT, Status.UPCOMING)
    assert teller.kinds.count("source-failing") == 1


def test_an_answer_without_an_accepted_current_leaf_does_not_retire_what_was_seen_only_once() -> None:
    teller = Teller().see(view("A"), view("A"), view("B", "C"), view())
    assert [teller.status(name) for name in "ABC"] == [Status.CURRENT, Status.CURRENT, Status.UPCOMING]
    teller.see(view("A"))
    assert [teller.status(name) for name in "ABC"] == [Status.CURRENT, Status.RETIRING, Status.RETIRING]


def test_a_withdrawn_upcoming_leaf_retires_with_its_grace() -> None:
    teller = Teller().see(view("A", "B"), view("A"), view("A"))
    assert teller.status("B") is Status.RETIRING


def test_a_quarantined_leaf_is_alerted_once_at_its_second_sighting_and_never_enters_the_leaves() -> None:
    bad = look(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED))
    teller = Teller().see(view("A"), bad)
    assert teller.kinds == []
    teller.see(bad, bad, view("A"), bad)
    assert (teller.kinds, teller.status("X")) == (["quarantined"], None)


def test_a_quarantined_leaf_whose_reasons_change_is_alerted_again() -> None:
    first = look(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED))
    second = look(entity("A"), entity("X", UPCOMING, Reason.NAME_MISMATCH))
    assert Teller().see(first, first, second, second, second).kinds == ["quarantined", "quarantined"]


def test_what_is_in_quarantine_as_a_current_one_and_an_upcoming_one_is_told_as_current() -> None:
    refused = [entity("B", presence, Reason.CHAIN_UNTRUSTED) for presence in Presence]
    for entities in (refused, refused[::-1]):
        teller = Teller().see(*[look(entity("A"), *entities)] * 3)
        assert [(alert.kind, alert.severity) for alert in teller.told] == [("quarantined", "critical")]
        assert teller.state.authorities["Genesys"].quarantine[key("B")].presence is CURRENT


def test_an_upcoming_one_in_quarantine_that_becomes_current_is_told_again_and_kept_as_such() -> None:
    shown = [look(entity("A"), entity("B", presence, Reason.CHAIN_UNTRUSTED)) for presence in (UPCOMING, CURRENT)]
    teller = Teller().see(*[shown[0]] * 3, *[shown[1]] * 3)
    assert [(alert.kind, alert.severity) for alert in teller.told] == [
        ("quarantined", "warning"),
        ("quarantined", "critical"),
    ]
    assert teller.state.authorities["Genesys"].quarantine[key("B")].presence is CURRENT


def test_a_leaf_that_lived_by_an_approval_leaves_at_once_and_any_other_with_its_grace() -> None:
    approved = look(entity("A"), entity("X", UPCOMING, lifted=[Reason.NAME_MISMATCH]))
    teller = Teller().see(approved, look(entity("A"), entity("X", UPCOMING, Reason.NAME_MISMATCH)))
    assert teller.status("X") is None
    plain = Teller().see(view("A", "X"), look(entity("A"), entity("X", UPCOMING, Reason.NAME_MISMATCH)))
    assert plain.status("X") is Status.RETIRING


def test_a_current_leaf_that_expires_keeps_its_place_and_is_alerted_once() -> None:
    teller = Teller().see(view("A"))
    late = look(entity("A", CURRENT, Reason.EXPIRED))
    teller.see(late, step=timedelta(days=401)).see(late, late)
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, ["expired"])


def test_an_expired_leaf_that_the_answer_shows_no_more_is_not_told_as_presented_still() -> None:
    teller = Teller().see(view("A"))
    other = certs.issue(certs.self_signed_ca("Root"), "B.example.com", not_before=NOW, not_after=NOW + timedelta(999))
    later = parse_text(other.pem.decode()).certificates[0]
    shown = Entity(later.fingerprint, "Genesys", CURRENT, later, (later,), Verdict(accepted=True))
    teller.see(look(shown), step=timedelta(days=401))  # one answer, which confirms nothing yet
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, [])
    teller.see(look(), look(entity("A", CURRENT, Reason.EXPIRED)))
    assert "expired" in teller.kinds


def test_a_missing_anchor_is_alerted_once_a_condition_and_says_nothing_about_the_leaf() -> None:
    teller = Teller().see(view("A"))
    lost = look(entity("A", CURRENT, Reason.ANCHOR_MISSING))
    teller.see(lost, lost, lost)
    assert (teller.status("A"), teller.kinds) == (Status.CURRENT, ["anchor-missing"])
    teller.see(view("A"), lost)
    assert teller.kinds == ["anchor-missing"]
    teller.see(view("A"), view("A"), lost)
    assert teller.kinds == ["anchor-missing", "over: anchor-missing", "anchor-missing"]
    assert len({alert.id for alert in teller.told}) == 2


def test_a_passing_failure_is_alerted_at_the_second_observation_a_lasting_one_at_once() -> None:
    assert Teller().miss().kinds == []
    assert Teller().miss().miss().miss().kinds == ["source-failing"]
    assert Teller().miss(SourceReason.PERMISSION_MISSING).kinds == ["source-failing"]


def test_recovery_is_alerted_only_where_the_failure_was() -> None:
    assert Teller().see(view("A")).miss().see(view("A")).kinds == []
    teller = Teller().see(view("A")).miss().miss().see(view("A"))
    assert teller.kinds == ["source-failing"]
    assert teller.see(view("A")).kinds == ["source-failing", "over: source-failing"]


def test_the_first_accepted_current_leaf_teaches_its_name_once() -> None:
    teller = Teller()
    teller.source = msgspec.structs.replace(SOURCE, region="mx-central-1")
    taught = {"Genesys": leaf("A").facts.names}
    teller.see(look(entity("A"), learned=taught), look(entity("A"), learned=taught))
    assert teller.state.authorities["Genesys"].names == leaf("A").facts.names
    assert teller.kinds == ["name-learned"]


VIEWS = st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), st.sampled_from(["", "B", "C"])), max_size=25)


@given(VIEWS)
@settings(max_examples=200)
def test_whatever_is_shown_what_was_seen_last_is_trusted_and_nothing_is_alerted_twice(
    views: list[tuple[str, str]],
) -> None:
    teller = Teller()
    for current, upcoming in views:
        before = teller.state.authorities.get("Genesys")
        teller.see(view(current, "" if upcoming == current else upcoming))
        for name in {*current, *upcoming}:
            assert teller.status(name) in {Status.CURRENT, Status.UPCOMING}
        if not current and before is not None:
            after = teller.state.authorities["Genesys"].leaves
            retired = {key for key, one in after.items() if one.status is Status.RETIRING}
            assert retired <= {key for key, one in before.leaves.items() if one.status is Status.RETIRING} | {
                key
                for key, one in before.leaves.items()
                if key not in (before.current.confirmed or ()) and key not in (before.upcoming.confirmed or ())
            }
    ids = [
        alert.id for alert in teller.told if word(alert) in {Kind.ROTATED, Kind.UPCOMING_PUBLISHED, Kind.ISSUER_CHANGED}
    ]
    assert len(ids) == len(set(ids))


@given(st.binary(max_size=200))
def test_a_history_that_is_none_is_refused_by_an_error_that_can_be_caught(data: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        history.decode(data)
