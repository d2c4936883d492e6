"""What publish does to a listener's identity filters, from first sight to narrowing: whole runs in memory."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Severity
from rotation_watcher.errors import RequestRefused, SdkTooOld, TargetDenied, TargetError
from rotation_watcher.filters.entries import key_of
from rotation_watcher.ports import UNKNOWN, Filter
from rotation_watcher.sources.history import Status
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.record import encode
from tests.support.listener_world import ARN, OTHERS, SECOND, ListenerWorld, ours
from tests.support.words import word

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


def test_the_name_is_added_behind_the_filters_of_others_and_proved() -> None:
    world = ListenerWorld(OTHERS)

    summary = world.run()

    assert summary.outcome == "updated"
    assert world.filters == (OTHERS, ours())
    applied = world.kept.applied
    assert applied is not None
    assert {*applied.fingerprints} == {key_of(OTHERS), key_of(ours())}
    assert applied.ours == (key_of(ours()),)
    assert len(world.told("filters-updated")) == 1
    assert world.kept.claim is None
    assert (world.kept.unwanted, summary.leaving) == ({}, {}), "what a presented leaf bears has no end"


def test_after_its_first_update_the_listener_bears_the_mark_of_the_stack_and_nobody_writes_over_it() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    assert world.doors.held[ARN].mark == world.store.bucket
    world.clock.advance(QUARTER)
    world.run()
    assert world.told("two-stacks") == []

    world.doors.mark(ARN, "their-bucket")
    world.sources = ("use1", "second")
    world.clock.advance(QUARTER)
    assert world.run().outcome == "updated"
    assert world.doors.held[ARN].mark == "their-bucket"
    [told] = [alert for alert in world.sink.delivered if word(alert) == "two-stacks"]
    assert (told.severity, dict(told.facts)["bucket of the other"]) == (Severity.WARNING, "their-bucket")


def test_another_stack_is_told_of_until_its_mark_is_seen_to_be_gone() -> None:
    world = ListenerWorld(OTHERS)
    for mark in ("their-bucket", UNKNOWN, UNKNOWN, "their-bucket"):
        world.doors.held[ARN] = msgspec.structs.replace(world.doors.held[ARN], mark=mark)
        world.run()
        world.clock.advance(QUARTER)
    assert len(world.told("two-stacks")) == 1

    world.doors.held[ARN] = msgspec.structs.replace(world.doors.held[ARN], mark=None)
    world.run()
    world.clock.advance(QUARTER)
    world.run()
    assert len(world.told("over: two-stacks")) == 1


@pytest.mark.parametrize("mark", ["", "Some text of a person's", "ab"])
def test_a_tag_that_names_no_bucket_is_nobodys_mark(mark: str) -> None:
    world = ListenerWorld(OTHERS)
    world.doors.mark(ARN, mark)
    world.run()
    assert world.told("two-stacks") == []
    assert world.doors.held[ARN].mark == mark


def test_a_listener_that_cannot_be_marked_is_kept_up_to_date_all_the_same() -> None:
    world = ListenerWorld(OTHERS)

    def refuse(operation: str, _: str) -> None:
        if operation == "mark":
            raise TargetDenied("AddTags")

    world.doors.before = refuse
    assert world.run().outcome == "updated"
    assert (world.doors.held[ARN].mark, world.filters) == (None, (OTHERS, ours()))


def test_a_quiet_run_writes_nothing() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    world.clock.advance(QUARTER)
    world.run()
    before = [*world.writes(), *world.doors.calls]

    world.clock.advance(QUARTER)
    summary = world.run()

    assert (summary.outcome, summary.leaving, world.kept.unwanted) == ("unchanged", {}, {})
    after = [*world.writes(), *world.doors.calls]
    assert [one for one in after if one[0] != "read"] == [one for one in before if one[0] != "read"]


def test_observing_plans_aloud_and_changes_nothing() -> None:
    world = ListenerWorld(OTHERS)
    world.mode = "observe"

    assert world.run().outcome == "would-update"
    assert world.filters == (OTHERS,)
    [planned] = [alert for alert in world.sink.delivered if word(alert) == "change-planned"]
    assert planned.severity is Severity.CRITICAL, "the leaf that is presented passes no filter"
    assert [call for call in world.doors.calls if call[0] == "update"] == []


def test_a_dry_run_says_what_would_be_added_and_writes_nothing() -> None:
    world = ListenerWorld(OTHERS)
    before = len(world.writes())

    summary = world.run(targets=["door"], dry_run=True)

    assert (summary.outcome, summary.added) == ("would-update", [ours().text])
    assert len(world.writes()) == before


def test_a_listener_without_filters_is_left_open_and_alerted_until_the_watch_file_allows_to_fill_it() -> None:
    world = ListenerWorld()

    assert world.run().outcome == "filters-empty"
    assert not world.filters
    assert len(world.told("filters-empty")) == 1

    world.target = {"empty_filters": "fill"}
    world.clock.advance(QUARTER)
    assert world.run().outcome == "updated"
    assert world.filters == (ours(),)


def test_a_second_name_widens_at_once_and_narrows_after_its_grace_alone() -> None:
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    assert {*world.filters} == {OTHERS, ours(), ours(SECOND)}

    world.sources = ("use1",)
    world.let_pass(QUARTER)
    assert world.run().outcome == "unchanged"
    assert len(world.told("removal-planned")) == 1
    for _ in range(29):
        world.let_pass(DAY)
        assert world.run().outcome == "unchanged"
    assert {*world.filters} == {OTHERS, ours(), ours(SECOND)}

    outcomes = []
    for _ in range(5):
        world.let_pass(DAY)
        outcomes.append(world.run().outcome)
    assert "updated" in outcomes
    assert world.filters == (OTHERS, ours())


def test_nothing_is_narrowed_while_a_source_is_not_read() -> None:
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    world.sources = ("use1",)
    for _ in range(90):  # use1 is stale all the time
        world.clock.advance(DAY)
        world.run()

    assert {*world.filters} == {OTHERS, ours(), ours(SECOND)}


def test_what_somebody_took_out_is_put_back_and_what_somebody_put_in_stays() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    stranger = Filter("san-uri", "prefix", "spiffe://partner/")
    world.doors.put(ARN, stranger, OTHERS)
    world.clock.advance(QUARTER)

    assert world.run().outcome == "updated"
    assert world.filters == (stranger, OTHERS, ours())
    assert len(world.told("drift-found")) == 1


def test_reported_drift_is_not_healed() -> None:
    world = ListenerWorld(OTHERS)
    world.on_drift = "report"
    world.run()
    world.doors.put(ARN, OTHERS)
    world.clock.advance(QUARTER)

    world.run()

    assert world.filters == (OTHERS,)
    assert len(world.told("drift-found")) == 1


def test_an_emptied_list_gets_back_what_others_had_there_too() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    world.doors.put(ARN)
    world.clock.advance(QUARTER)

    assert world.run().outcome == "updated"
    assert world.filters == (OTHERS, ours())


def test_an_emptied_list_gets_back_what_others_had_put_there_since_the_last_update() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    late = Filter("subject-cn", "exact", "late")
    world.doors.put(ARN, OTHERS, ours(), late)
    world.clock.advance(QUARTER)
    world.run()
    world.doors.put(ARN)
    world.clock.advance(QUARTER)

    assert world.run().outcome == "updated"
    assert world.filters == (OTHERS, ours(), late)


def test_a_name_in_its_grace_is_put_back_too() -> None:
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    world.sources = ("use1",)
    world.let_pass(DAY)
    world.run()
    world.doors.put(ARN, OTHERS, ours())
    world.let_pass(DAY)
    world.run()

    assert {*world.filters} == {OTHERS, ours(), ours(SECOND)}


def test_an_emptied_list_is_left_so_where_nobody_can_say_what_others_had_there() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    world.doors.put(ARN)
    world.store.seed(keys.shown_filters(ARN), b'{"format":1,"filters":[]}')
    world.clock.advance(QUARTER)

    assert world.run().outcome == "filters-empty"
    assert world.filters == ()


@pytest.mark.parametrize("how", ["off", "removed", "TCP"])
def test_a_listener_that_does_not_verify_is_alerted_and_gets_no_filter(how: str) -> None:
    world = ListenerWorld(OTHERS)
    listener = world.doors.held[ARN]
    if how == "off":
        world.doors.turn_off(ARN)
    else:
        changed = {"shared": how} if how == "removed" else {"protocol": how}
        world.doors.held[ARN] = msgspec.structs.replace(listener, **changed)

    assert world.run().outcome == "mtls-off"
    assert len(world.told("mtls-off")) == 1
    assert [call for call in world.doors.calls if call[0] == "update"] == []


def test_a_listener_that_is_gone_is_alerted() -> None:
    world = ListenerWorld(OTHERS)
    world.doors.held.clear()

    assert world.run().outcome == "target-not-found"
    assert len(world.told("truststore-update-failed")) == 1


def test_an_sdk_that_drops_the_filters_is_alerted_at_once_with_the_version_that_is_needed() -> None:
    world = ListenerWorld(OTHERS)

    def old(operation: str, subject: str) -> None:
        raise SdkTooOld(f"cannot {operation} {subject}: it needs boto3 1.44.8 or newer")

    world.doors.before = old

    assert world.run().outcome == "sdk-too-old"
    (alert,) = [one for one in world.sink.delivered if word(one) == "truststore-update-failed"]
    assert "1.44.8" in alert.what_happened


def test_more_filters_of_others_than_there_is_room_stop_the_update_aloud_and_nothing_is_lost() -> None:
    others = [Filter("subject-cn", "exact", f"partner {number}") for number in range(100)]
    world = ListenerWorld(*others)

    assert world.run().outcome == "too-many-filters"
    assert world.filters == tuple(others)
    assert len(world.told("truststore-update-failed")) == 1
    assert len(world.told("quota-near")) == 1


def test_a_filter_that_others_have_already_is_not_ours_in_whatever_case() -> None:
    theirs = Filter("san-dns", "exact", ours().value.upper())
    world = ListenerWorld(theirs)

    assert world.run().outcome == "unchanged"
    assert world.filters == (theirs,)
    assert world.kept.ours == {}


def with_a_leaf_that_no_filter_can_name(world: ListenerWorld) -> None:
    world.second_name, world.second_region = " blank.example.com", "eusc-de-east-1"
    world.sources = ("use1", "second")
    world.second(world.second_name)


def test_a_leaf_that_no_filter_can_name_is_alerted_and_stands_against_removals() -> None:
    world = ListenerWorld(OTHERS)
    with_a_leaf_that_no_filter_can_name(world)
    world.run()
    world.let_pass(QUARTER)
    summary = world.run()

    assert world.filters == (OTHERS, ours())
    assert any("no filter can name" in why for why in summary.removal_waits_for)
    (alert,) = [one for one in world.sink.delivered if word(one) == "left-out"]
    assert alert.severity == "critical"


def test_a_name_that_the_operator_takes_back_leaves_at_once() -> None:
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    world.second_name = "renamed.example.com"
    world.let_pass(QUARTER)
    world.run()

    assert {*world.filters} == {OTHERS, ours(), ours("renamed.example.com")}


def test_an_empty_list_is_not_filled_where_it_would_shut_out_a_leaf_that_no_filter_can_name() -> None:
    world = ListenerWorld(empty_filters="fill")
    with_a_leaf_that_no_filter_can_name(world)

    assert world.run().outcome == "filters-empty"
    assert not world.filters


def test_a_release_takes_out_a_named_filter_without_waiting_for_its_grace() -> None:
    world = ListenerWorld(OTHERS)
    world.sources = ("use1", "second")
    world.run()
    world.sources = ("use1",)
    world.store.remove(keys.pins("main"))  # nothing is in its grace there
    world.let_pass(QUARTER)
    world.run()
    with pytest.raises(RequestRefused, match="wanted, or is not the watcher's"):
        world.run(release="door", leave=[OTHERS.text])
    with pytest.raises(RequestRefused, match="wanted, or is not the watcher's"):
        world.run(release="door", leave=[ours().text])

    assert world.run(release="door", leave=[ours(SECOND).text]).outcome == "updated"
    assert world.filters == (OTHERS, ours())


def test_a_person_goes_back_releases_and_goes_on() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    before = world.kept.applied
    assert before is not None
    world.sources = ("use1", "second")
    world.second(SECOND, status=Status.UPCOMING)
    world.clock.advance(QUARTER)
    world.run()

    assert world.run(rollback="door", to=before.version).outcome == "rolled-back"
    assert world.filters == (OTHERS, ours())
    assert len(world.told("rolled-back")) == 1
    world.clock.advance(QUARTER)
    assert world.run().outcome == "held"
    assert world.filters == (OTHERS, ours())

    assert world.run(release="door").outcome == "updated"
    assert {*world.filters} == {OTHERS, ours(), ours(SECOND)}


def test_a_going_back_that_would_shut_out_a_current_leaf_is_refused() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    (found,) = world.kept.versions

    with pytest.raises(RequestRefused, match="current leaf"):
        world.run(rollback="door", to=found.version)
    assert world.filters == (OTHERS, ours())


def test_what_the_record_calls_ours_without_proof_stays_and_is_alerted() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    record = world.kept
    forged = msgspec.structs.replace(
        record,
        ours={**record.ours, key_of(OTHERS): world.clock() - 90 * DAY},
        unwanted={key_of(OTHERS): world.clock() - 90 * DAY},
    )
    world.store.seed(keys.record(keys.target(ARN)), encode(forged))
    world.clock.advance(QUARTER)
    world.run()

    assert world.filters == (OTHERS, ours())
    assert len(world.told("state-forged")) == 1


def test_an_update_that_somebody_else_came_before_is_put_off_and_loses_nothing() -> None:
    world = ListenerWorld(OTHERS)
    late = Filter("subject-cn", "exact", "late")

    def come_between(operation: str, _: str) -> None:
        if operation == "update" and late not in world.filters:
            world.doors.put(ARN, OTHERS, late)

    world.doors.before = come_between

    assert world.run().outcome == "put-off"
    world.clock.advance(QUARTER)
    assert world.run().outcome == "updated"
    assert world.filters == (OTHERS, late, ours())


@pytest.mark.parametrize("arrived", [True, False])
def test_a_run_that_dies_at_the_update_is_completed_by_a_later_one(*, arrived: bool) -> None:
    world = ListenerWorld(OTHERS)

    def die(operation: str, _: str) -> None:
        if operation == "update":
            raise KeyboardInterrupt

    if arrived:
        world.doors.after = die
    else:
        world.doors.before = die
    with pytest.raises(KeyboardInterrupt):
        world.run()
    world.doors.after = world.doors.before = lambda *_: None

    assert world.run().outcome == "claimed-by-another"
    world.clock.advance(QUARTER)
    assert world.run().outcome == "updated"
    assert world.filters == (OTHERS, ours())
    assert [*world.kept.ours] == [key_of(ours())]
    assert len(world.told("filters-updated")) == 1


def test_an_answer_that_is_lost_leaves_the_update_to_be_proved_by_the_next_run() -> None:
    world = ListenerWorld(OTHERS)

    def lose(operation: str, _: str) -> None:
        if operation == "update":
            raise TargetError("no answer came")

    world.doors.after = lose
    assert world.run().outcome == "target-failed"
    world.doors.after = lambda *_: None
    world.clock.advance(QUARTER)

    assert world.run().outcome == "updated"
    assert len([call for call in world.doors.calls if call[0] == "update"]) == 1


def test_a_tool_that_puts_its_list_back_each_time_is_told_once_and_never_keeps_genesys_out() -> None:
    world = ListenerWorld(OTHERS)
    world.run()
    for _ in range(12):
        world.doors.put(ARN, OTHERS)
        world.clock.advance(QUARTER)
        assert world.run().outcome == "updated"
        assert ours() in world.filters

    assert len(world.told("contended")) == 1
    assert len(world.told("filters-updated")) <= 4
    assert len(world.told("drift-found")) <= 3


def test_what_refuses_nobody_is_repeated_at_most_once_an_hour() -> None:
    prefix = Filter("san-dns", "prefix", ours().value[:9])  # others admit Genesys too
    world = ListenerWorld(prefix)
    world.run()
    outcomes = []
    for _ in range(16):
        world.doors.put(ARN, prefix)
        world.clock.advance(QUARTER)
        outcomes.append(world.run().outcome)

    assert {*outcomes} == {Outcome.UPDATED, Outcome.PUT_OFF}
    assert outcomes[:2] == [Outcome.UPDATED] * 2
    assert 4 <= outcomes.count(Outcome.UPDATED) <= 6
