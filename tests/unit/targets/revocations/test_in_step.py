"""The revocation lists of a trust store are kept in step: added, proved, then the old one removed; others' stay."""

from rotation_watcher import keys
from rotation_watcher.errors import FetchCode
from tests.support import certs
from tests.support.loaded_lists import ALB, assert_quiet, loaded, news, revoke, serials, state
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, intermediate, leaf, named
from tests.support.small_world import NAME, START, folder, issued


def test_the_lists_in_force_are_loaded_beside_those_of_others(world: SmallRefresh) -> None:
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": set(), "CN=Root 0": set()}


def test_a_quiet_run_changes_and_writes_nothing(world: SmallRefresh) -> None:
    writes, calls = len(world.store.writes), len(world.target.calls)
    world.publish()
    assert world.store.writes[writes:] == []
    assert [call for call, _ in world.target.calls[calls:]] == ["read", "revocations"]


def test_a_new_list_is_added_and_proved_before_the_old_one_is_removed(world: SmallRefresh) -> None:
    seen: list[tuple[str, int]] = []
    world.target.before = lambda call, arn: seen.append((call, len(world.target.held[arn].lists)))
    revoke(world)
    world.publish()
    changes = [(call, count) for call, count in seen if call in {"add", "remove"}]
    assert changes == [("add", 3), ("remove", 4)]
    assert loaded(world)["CN=CA 1"] == serials(leaf())
    assert state(world).leaving == ()


def test_publish_is_asked_to_follow_when_a_list_is_replaced(world: SmallRefresh) -> None:
    world.list_leaves()
    assert world.refresh().enqueued == ["alb"]
    assert world.refresh().enqueued == []


def test_in_observe_mode_and_dry_runs_nothing_is_changed(world: SmallRefresh) -> None:
    revoke(world)
    before = dict(world.target.held[ALB].lists)
    world.publish(dry_run=True)
    assert world.target.held[ALB].lists == before


def test_a_dry_run_says_what_would_be_done(world: SmallRefresh) -> None:
    revoke(world)
    assert world.summary(dry_run=True).revocations == [f"would add {LEAVES}"]
    assert world.summary().revocations[0] == f"added {LEAVES}: 1 entries"


def test_off_takes_the_watchers_lists_out_and_leaves_others(world: SmallRefresh) -> None:
    world.target_options = {"revocation": "off"}
    world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}}
    assert news(world) == []


def test_off_from_the_start_touches_nothing() -> None:
    world = SmallRefresh()
    world.target_options = {"revocation": "off"}
    world.refresh()
    world.publish()
    assert world.target.held[ALB].lists == {}
    assert keys.target_revocations(folder("alb")) not in world.store.versions


def test_a_list_that_somebody_removed_is_alerted_once_and_added_again(world: SmallRefresh) -> None:
    number = next(one.id for one in state(world).loaded.values() if one.url == LEAVES)
    del world.target.held[ALB].lists[number]
    world.publish()
    (alert,) = news(world)
    assert (alert.kind, alert.severity, alert.facts["reason"]) == ("revocations-behind", "warning", "lost")
    assert "CN=CA 1" in loaded(world)
    world.clock.advance(HOUR)
    world.publish()
    assert news(world) == []


def test_where_drift_is_only_reported_it_is_not_added_again(world: SmallRefresh) -> None:
    world.target_options = {"on_drift": "report"}
    number = next(one.id for one in state(world).loaded.values() if one.url == LEAVES)
    del world.target.held[ALB].lists[number]
    for _ in range(3):
        world.publish()
    assert [one.facts["reason"] for one in news(world)] == ["lost"]
    assert "CN=CA 1" not in loaded(world)
    revoke(world)
    world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf()), "a newer list is no drift"


def test_a_list_that_leaves_and_cas_name_is_loaded_for_each_and_stays() -> None:
    world = SmallRefresh()
    direct = certs.issue(issued("Root 0"), NAME, not_before=START - DAY, extensions=[named(CAS)])
    world.present((leaf(), (intermediate(),)), (direct, ()))
    world.refresh()
    for _ in range(2):
        world.publish()
    assert len(state(world).loaded) == len(world.target.held[ALB].lists) == 3
    assert_quiet(world)


def test_a_list_of_the_same_number_and_time_replaces_the_one_that_it_revokes_more_than(world: SmallRefresh) -> None:
    made = world.clock()
    for revoked in ([], [leaf()]):
        world.list_leaves(*revoked, made=made, number=50)
        world.refresh()
        world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf())
    assert [one.kind for one in news(world)] == ["revoked"]


def test_a_target_that_is_moved_away_and_back_has_its_lists_once(world: SmallRefresh) -> None:
    elsewhere = f"{ALB[:-1]}{'2' if ALB[-1] == '1' else '1'}"
    world.target.add(elsewhere, issued("Other").pem)
    world.target_options = {"arn": elsewhere}
    world.publish()
    assert len(world.target.held[elsewhere].lists) == 2
    revoke(world)
    world.publish()
    world.target_options = {}
    for _ in range(2):
        world.publish()
    assert loaded(world) == {"CN=Other": {7, 8, 9}, "CN=CA 1": serials(leaf()), "CN=Root 0": set()}


def test_the_list_of_a_leaf_that_it_revokes_stays_loaded(world: SmallRefresh) -> None:
    revoke(world)
    for _ in range(3):
        world.publish()
        world.clock.advance(DAY)
    assert loaded(world)["CN=CA 1"] == serials(leaf())


def test_a_list_whose_server_is_down_stays_loaded_after_it_ran_out(world: SmallRefresh) -> None:
    world.points.fail(LEAVES, FetchCode.TIMED_OUT)
    world.clock.advance(30 * DAY)
    world.refresh()
    world.publish()
    assert loaded(world)["CN=CA 1"] == set()


def test_going_back_by_hand_brings_no_earlier_list_back(world: SmallRefresh) -> None:
    revoke(world)
    world.publish()
    before = loaded(world)
    assert world.clock() > START
    world.call(rollback="alb")
    assert loaded(world) == before


def test_a_list_stays_while_its_ca_is_in_the_trust_store_though_no_leaf_needs_it(world: SmallRefresh) -> None:
    revoke(world)
    world.publish()
    other = certs.issue(issued("Root 0"), NAME, not_before=START - DAY)
    world.present((other, ()))
    for _ in range(3):
        world.refresh()
        world.publish()
    assert loaded(world)["CN=CA 1"] == serials(leaf()), "CA 1 is in its grace: its list is what refuses the leaf"
    calls, writes = len(world.target.calls), len(world.store.writes)
    world.publish()
    assert {"add", "remove"}.isdisjoint(call for call, _ in world.target.calls[calls:])
    assert world.store.writes[writes:] == []
