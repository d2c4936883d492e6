"""``shared-authority-deployed`` stands while nothing that compares identities is known at every way in."""

import msgspec
import pytest

from rotation_watcher.alerts.model import Kind
from rotation_watcher.bundles.wanted import compose
from rotation_watcher.config import Mode
from rotation_watcher.ports import Endpoint
from rotation_watcher.targets import conditions
from rotation_watcher.targets.plan import Snapshot
from tests.support.words import word
from tests.unit.targets.test_conditions import Desk
from tests.unit.targets.test_plan import NOW, need, root

FILTERED = Endpoint("listener", True, "", ("san-dns exact data.example.com",))
OPEN = Endpoint("listener", True, "")
UNKNOWN = Endpoint("listener", True, "", ("what its identity filters accept (this SDK does not show them)",))
UNVERIFIED = Endpoint("other", False, "", ())
REASON = "The backend compares the leaf with the pins."


def shared(desk: Desk, *endpoints: Endpoint, reason: str | None = None) -> Snapshot:
    wanted = compose([msgspec.structs.replace(need(number), authority="DigiCert") for number in (0, 1)], {}, NOW)
    snapshot = desk.snapshot(wanted=wanted, live={0, 1}, endpoints=endpoints)
    return msgspec.structs.replace(snapshot, target=msgspec.structs.replace(snapshot.target, shared_authority=reason))


def heard(desk: Desk, *endpoints: Endpoint, reason: str | None = None, runs: int = 4) -> list[str]:
    before = len(desk.told)
    for _ in range(runs):
        desk.keep(conditions.notice(shared(desk, *endpoints, reason=reason), Mode.APPLY, desk.now))
        desk.now += 2 * conditions.CLEAR.duration
    return [word(alert) for alert in desk.told[before:] if word(alert) == Kind.SHARED_AUTHORITY_DEPLOYED]


def test_two_shared_roots_have_one_alert_and_it_is_not_repeated() -> None:
    desk = Desk()
    assert heard(desk, OPEN) == ["shared-authority-deployed"]
    (alert,) = [one for one in desk.told if word(one) == Kind.SHARED_AUTHORITY_DEPLOYED]
    assert root(0).facts.subject in alert.what_happened + str(alert.facts)


def test_it_is_told_as_soon_as_a_root_was_deployed_and_only_once() -> None:
    desk = Desk()
    desk.keep(conditions.deployed(desk.record, shared(desk, OPEN), desk.now))
    assert [word(alert) for alert in desk.told] == ["shared-authority-deployed"]
    assert heard(desk, OPEN) == []


@pytest.mark.parametrize("ways", [(), (OPEN,), (UNKNOWN,), (FILTERED, OPEN), (FILTERED, UNVERIFIED)])
def test_one_way_in_that_is_not_known_to_compare_identities_is_enough(ways: tuple[Endpoint, ...]) -> None:
    assert heard(Desk(), *ways) == ["shared-authority-deployed"]


def test_where_every_listener_has_identity_filters_nothing_is_told() -> None:
    assert heard(Desk(), FILTERED) == []
    desk = Desk()
    desk.keep(conditions.deployed(desk.record, shared(desk, FILTERED), desk.now))
    assert desk.told == []


def test_it_ends_when_filters_are_there_and_comes_back_with_an_id_of_its_own_when_they_go() -> None:
    desk = Desk()
    assert heard(desk, OPEN) == ["shared-authority-deployed"]
    assert heard(desk, FILTERED) == []
    assert heard(desk, OPEN) == ["shared-authority-deployed"]
    told = [alert.id for alert in desk.told if word(alert) == Kind.SHARED_AUTHORITY_DEPLOYED]
    assert len({*told}) == 2


def test_an_operator_who_says_why_it_is_all_right_is_not_told() -> None:
    desk = Desk()
    assert heard(desk, OPEN, reason=REASON) == []
    assert heard(desk, OPEN) == ["shared-authority-deployed"]


def test_it_stays_while_the_root_is_in_the_target_though_the_bundle_wants_it_no_more() -> None:
    desk = Desk()
    assert heard(desk, OPEN) == ["shared-authority-deployed"]
    before = len(desk.told)
    for _ in range(4):
        desk.keep(conditions.notice(desk.snapshot(wanted=compose([], {}, NOW), live={0, 1}), Mode.APPLY, desk.now))
        desk.now += 2 * conditions.CLEAR.duration
    assert [one for one in desk.told[before:] if one.kind == Kind.SHARED_AUTHORITY_DEPLOYED] == []
    for _ in range(4):
        desk.keep(conditions.notice(desk.snapshot(wanted=compose([], {}, NOW), live={2}), Mode.APPLY, desk.now))
        desk.now += 2 * conditions.CLEAR.duration
    (over,) = [one for one in desk.told[before:] if one.kind == Kind.SHARED_AUTHORITY_DEPLOYED]
    assert word(over) == "over: shared-authority-deployed"
