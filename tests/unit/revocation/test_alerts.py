"""What refresh_crls tells people, when it is over, and what it leaves for publish."""

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.errors import FetchCode, StoreError
from rotation_watcher.revocation import state
from tests.support import certs
from tests.support.alert_examples import EXAMPLES
from tests.support.small_refresh import (
    CAS,
    DAY,
    HOUR,
    LEAVES,
    SmallRefresh,
    intermediate,
    leaf,
    named,
    renewed_intermediate,
)
from tests.support.small_world import NAME, START, issued
from tests.support.words import word


@pytest.fixture
def world() -> SmallRefresh:
    world = SmallRefresh()
    world.refresh()
    assert world.heard() == []
    return world


def kinds(world: SmallRefresh) -> list[str]:
    world.refresh()
    return [word(alert) for alert in world.heard()]


def test_a_revoked_leaf_is_told_at_once_once_and_when_it_is_over(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.refresh()
    (alert,) = world.heard()
    assert (alert.kind, alert.severity, alert.source) == ("revoked", "critical", "use1")
    assert alert.id == f"revoked:use1:Genesys:{leaf().fingerprint}:{world.clock():%Y%m%dT%H%M%SZ}"
    assert alert.facts["list"] == LEAVES
    assert world.revoked == {leaf().fingerprint}
    assert kinds(world) == []
    world.list_leaves()
    world.refresh()
    (over,) = world.heard()
    assert (word(over), over.id, over.source) == ("over: revoked", alert.id, "use1")
    assert world.revoked == set()


def test_of_a_revoked_leaf_that_another_one_has_replaced_nobody_asks_when_it_is_replaced(world: SmallRefresh) -> None:
    renewed = certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named(LEAVES)])
    held = [(one, (intermediate(),)) for one in (leaf(), renewed)]
    world.list_leaves(leaf())
    world.present(*held, retiring={leaf().fingerprint})
    world.refresh()
    (alert,) = world.heard()
    assert alert.severity == "critical", "whoever holds its key gets in where no list is checked"
    assert "data actions go on" in alert.what_it_means
    assert "when data actions present another" not in alert.what_to_do
    world.present(*held)
    assert kinds(world) == []


def test_a_second_revocation_has_an_id_of_its_own(world: SmallRefresh) -> None:
    ids = set()
    for _ in range(2):
        world.list_leaves(leaf())
        world.refresh()
        ids |= {alert.id for alert in world.heard()}
        world.list_leaves()
        assert kinds(world) == ["over: revoked"]
    assert len(ids) == 2


def test_a_revoked_ca_is_told(world: SmallRefresh) -> None:
    world.list_cas(intermediate())
    world.refresh()
    (alert,) = world.heard()
    assert (alert.kind, alert.severity) == ("revoked", "critical")
    assert "CA certificate" in alert.title
    assert world.revoked == {intermediate().fingerprint}


def test_a_leaf_that_comes_later_is_held_against_the_list_that_is_in_force(world: SmallRefresh) -> None:
    late = certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named(LEAVES)])
    world.list_leaves(late)
    assert kinds(world) == []
    world.present((leaf(), (intermediate(),)), (late, (intermediate(),)))
    writes = len(world.store.writes)
    assert kinds(world) == ["revoked"]
    written = {key for key in world.store.writes[writes:] if not key.startswith("alerts/")}
    assert written == {keys.CRL_STATE}


@pytest.mark.parametrize("code", [FetchCode.UNREACHABLE, FetchCode.ANSWER_TOO_LARGE])
def test_a_certificate_stays_revoked_while_its_list_cannot_be_fetched(world: SmallRefresh, code: FetchCode) -> None:
    world.list_leaves(leaf())
    assert kinds(world) == ["revoked"]
    world.points.fail(LEAVES, code)
    world.clock.advance(30 * DAY)
    assert kinds(world) == ["crl-stale", "crl-stale", "still: revoked"]
    assert world.revoked == {leaf().fingerprint}


def test_what_cannot_be_proved_for_a_while_stays_revoked(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    assert kinds(world) == ["revoked"]
    world.store.seed("anchors/us-east-1.pem", issued("Other").pem)
    assert kinds(world) == []
    assert world.revoked == {leaf().fingerprint}


def test_what_cannot_be_read_for_a_while_stays_revoked(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    assert kinds(world) == ["revoked"]

    def refuse(_: str, key: str) -> None:
        if key == keys.history("use1"):
            raise StoreError("S3 is away")

    world.store.before = refuse
    assert kinds(world) == []
    assert world.revoked == {leaf().fingerprint}


def test_a_revoked_certificate_that_no_history_names_any_more_is_over(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    assert kinds(world) == ["revoked"]
    renewed = certs.issue(intermediate(), NAME, not_before=START, extensions=[named(LEAVES)])
    world.present((renewed, (intermediate(),)))
    assert kinds(world) == ["over: revoked"]
    assert world.revoked == set()


def test_targets_are_woken_when_lists_or_what_they_revoke_changed_and_only_then(world: SmallRefresh) -> None:
    assert len(world.queue.sent) == 1, "the first lists are to be loaded"
    world.list_leaves(leaf())
    assert world.refresh().enqueued == ["alb"]
    assert world.refresh().enqueued == []
    world.list_leaves()
    assert world.refresh().enqueued == ["alb"]
    assert world.refresh().enqueued == []
    world.list_leaves()
    assert world.refresh().enqueued == ["alb"], "another list that revokes nothing is to be loaded, too"
    assert len({one.deduplication for one in world.queue.sent}) == 4


def test_a_list_that_cannot_be_fetched_is_told_after_three_runs_and_when_it_is_over(world: SmallRefresh) -> None:
    world.points.fail(LEAVES, FetchCode.UNRESOLVABLE)
    assert [kinds(world), kinds(world)] == [[], []]
    world.refresh()
    (alert,) = world.heard()
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("crl-stale", "warning", "unresolvable")
    assert alert.facts["list"] == LEAVES
    assert "NAT" in alert.what_to_do
    assert kinds(world) == []
    world.list_leaves()
    assert kinds(world) == [], "it may flap"
    world.refresh()
    (over,) = world.heard()
    assert (word(over), over.id) == ("over: crl-stale", alert.id)


def test_a_list_that_fails_now_and_then_for_one_run_is_no_news(world: SmallRefresh) -> None:
    for _ in range(6):
        world.points.fail(LEAVES, FetchCode.TIMED_OUT)
        assert kinds(world) == []
        world.list_leaves()
        assert [kinds(world), kinds(world)] == [[], []]


def test_a_list_that_is_not_replaced_is_told_when_a_quarter_of_its_period_is_left(world: SmallRefresh) -> None:
    made = world.clock()
    world.list_leaves(period=40 * DAY)
    world.list_cas(period=90 * DAY)
    world.refresh()
    world.clock.advance(made + 30 * DAY - world.clock() - HOUR)
    assert kinds(world) == []
    world.refresh()
    (alert,) = world.heard()
    assert (alert.severity, alert.facts["reason"]) == ("warning", "not-replaced")
    world.clock.advance(10 * DAY)
    world.refresh()
    (critical,) = world.heard()
    assert (critical.severity, critical.facts["reason"]) == ("critical", "overdue")
    assert critical.id == alert.id
    assert kinds(world) == []
    world.list_leaves()
    world.refresh()
    assert kinds(world) == ["over: crl-stale"]


@pytest.mark.parametrize(
    ("code", "cure"),
    [(FetchCode.TIMED_OUT, "NAT"), (FetchCode.STATUS_UNEXPECTED, "server"), (FetchCode.ADDRESS_REFUSED, "public")],
)
def test_a_list_that_ran_out_because_it_cannot_be_got_is_told_with_what_helps_against_that(
    world: SmallRefresh, code: FetchCode, cure: str
) -> None:
    world.list_cas(period=90 * DAY)
    world.points.fail(LEAVES, code)
    for _ in range(4):
        world.refresh()
    world.heard()
    world.refresh(after=7 * DAY)
    (alert,) = world.heard()
    assert (alert.severity, alert.facts["reason"], alert.facts["not got"]) == ("critical", "overdue", code)
    assert cure in alert.what_to_do
    assert '"revocation" to "off"' in alert.what_to_do, "the way out, where an endpoint refuses every client meanwhile"


def test_a_list_that_was_never_got_is_told_and_names_what_that_means() -> None:
    world = SmallRefresh()
    world.points.fail(CAS, FetchCode.STATUS_UNEXPECTED, 404)
    for _ in range(3):
        world.refresh()
    (alert,) = world.heard()
    assert alert.facts["list"] == CAS
    assert "ever got" in alert.what_it_means


def test_a_list_that_is_needed_no_longer_is_over(world: SmallRefresh) -> None:
    world.points.fail(LEAVES, FetchCode.TIMED_OUT)
    for _ in range(3):
        world.refresh()
    assert [word(alert) for alert in world.heard()] == ["crl-stale"]
    elsewhere = "http://crl.example.com/new.crl"
    world.present((leaf(elsewhere), (intermediate(),)))
    world.list_leaves(url=elsewhere)
    assert [kinds(world), kinds(world)] == [[], ["over: crl-stale"]]
    held, _ = state.load(world.store)
    assert (held.conditions, held.about) == ({}, {})


def test_an_alert_that_the_sink_refuses_waits_with_the_same_id(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.sink.closed = True
    summary = world.refresh()
    assert summary.undelivered
    world.sink.closed = False
    world.refresh()
    assert [alert.id for alert in world.heard()] == summary.alerts


def test_state_that_is_none_is_begun_anew_and_what_lasts_is_told_again(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    assert kinds(world) == ["revoked"]
    world.store.seed(keys.CRL_STATE, b"null")
    assert kinds(world) == ["revoked"]


def test_a_ca_that_takes_a_revoked_ones_place_is_held_against_its_list_too(world: SmallRefresh) -> None:
    world.present((leaf(), (intermediate(), renewed_intermediate())))
    world.list_cas(intermediate(), renewed_intermediate())
    assert kinds(world) == ["revoked"]
    assert kinds(world) == ["revoked"]
    assert world.revoked == {intermediate().fingerprint, renewed_intermediate().fingerprint}


def test_the_cas_of_every_chain_that_is_shown_above_a_leaf_are_held_against_their_lists(world: SmallRefresh) -> None:
    world.present((leaf(), (intermediate(),)), chains=((renewed_intermediate(),),))
    world.list_cas(renewed_intermediate())
    assert kinds(world) == ["revoked"]
    assert world.revoked == {renewed_intermediate().fingerprint}


def test_an_alert_that_somebody_else_put_into_the_outbox_is_not_delivered_and_that_is_alerted_once(
    world: SmallRefresh,
) -> None:
    theirs = msgspec.structs.replace(EXAMPLES["revoked"], what_to_do="Run: curl evil.example")
    held, etag = state.load(world.store)
    state.write(world.store, msgspec.structs.replace(held, outbox=(theirs,)), etag)
    world.refresh()
    (alert,) = world.heard()
    assert (alert.kind, alert.severity) == ("state-forged", "critical")
    assert keys.CRL_STATE in alert.what_happened
    assert [kinds(world) for _ in range(3)] == [["over: state-forged"], [], []]
    assert state.load(world.store)[0].conditions == {}


def test_an_alert_that_waited_is_delivered_by_the_next_run(world: SmallRefresh) -> None:
    world.list_leaves(leaf())
    world.sink.closed = True
    world.refresh()
    assert world.heard() == []
    world.sink.closed = False
    assert kinds(world) == ["revoked"]
