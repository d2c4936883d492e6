"""An outbox is bounded, nothing in it starves, and no number of alerts is lost in the counting."""

from collections import Counter
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.alerts.model import Alert, Kind, Severity, Status
from rotation_watcher.alerts.waiting import FIRST_FEW, MOST, SAME_KIND, bounded, in_order, with_alerts
from tests.support.alert_examples import NOW

KINDS = [*Kind]


def alert(number: int, kind: Kind = Kind.QUARANTINED, severity: Severity = Severity.WARNING) -> Alert:
    return Alert(
        id=f"{kind}:one:{number}",
        kind=kind,
        severity=severity,
        at=NOW + timedelta(minutes=number),
        source="one",
        title=f"alert {number}",
        what_happened="It happened.",
        what_it_means="It means.",
        what_to_do="Do.",
    )


def stands_for(alerts: tuple[Alert, ...]) -> int:
    return sum(int(one.facts.get("summarised", "1")) for one in alerts)


def test_more_of_a_kind_than_somebody_reads_are_one_with_a_count_and_examples() -> None:
    kept = bounded([alert(number) for number in range(4000)])
    assert len(kept) == SAME_KIND + 1
    assert kept[-1].facts["summarised"] == str(4000 - SAME_KIND)
    assert kept[-1].facts["example 1"] == f"alert {SAME_KIND}"
    assert kept[-1].what_happened.startswith(f"{4000 - SAME_KIND} alerts more")


def test_the_examples_of_a_hundred_ways_into_one_target_say_which_way() -> None:
    many = [
        msgspec.structs.replace(
            alert(number), title="alb: clients get in", facts={"since": "today", "endpoint": f"l{number}"}
        )
        for number in range(100)
    ]
    *_, summary = bounded(many)
    assert summary.facts["example 1"] == f"alb: clients get in: l{SAME_KIND}"
    assert len({*summary.facts.values()}) == len(summary.facts)


def test_more_of_several_regions_and_kinds_are_not_told_as_if_they_were_of_the_first() -> None:
    # The revocation lists of all regions share one outbox, and so do kinds of which there are few each.
    regions = [f"region-{number}" for number in range(9)]
    many = [
        msgspec.structs.replace(alert(number, Kind.CRL_STALE), source=region, region=region, what_it_means=f"{region}.")
        for number, region in enumerate(regions)
    ]
    *_, summary = bounded(many)
    assert (summary.source, summary.region, summary.target) == (None, None, None), "who filters by one gets all or none"
    assert summary.title == "the watcher: 5 more like 'crl-stale'"
    assert "region-" not in summary.what_it_means
    assert bounded([one for one in many if one.region == "region-0"] * 9)[-1].region == "region-0"
    *_, summary = bounded([alert(number, kind) for number, kind in enumerate(KINDS[:30])])
    assert summary.facts["summarised"] == "7"
    assert summary.title == "one: 7 more alerts"


def test_the_most_severe_of_a_kind_stay_as_they_are() -> None:
    many = [alert(number) for number in range(50)]
    grave = alert(99, severity=Severity.CRITICAL)
    assert grave in bounded([*many, grave])


def test_an_outbox_that_is_small_enough_stays_as_it_is() -> None:
    few = tuple(alert(number, kind) for kind in KINDS[:5] for number in range(SAME_KIND))
    assert bounded(few) == few
    assert with_alerts(few, few) == few


PORTION = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([*Severity])), max_size=60)


@given(st.lists(PORTION, max_size=5))
@settings(max_examples=60)
def test_in_whatever_portions_alerts_come_they_are_bounded_and_each_is_counted_once(
    portions: list[list[tuple[Kind, Severity]]],
) -> None:
    waiting: tuple[Alert, ...] = ()
    came = 0
    for portion in portions:
        waiting = with_alerts(waiting, (alert(came + place, *one) for place, one in enumerate(portion)))
        came += len(portion)
        assert bounded(waiting) == waiting
    assert len(waiting) <= MOST
    assert stands_for(waiting) == came
    assert len({one.id for one in waiting}) == len(waiting)
    assert sorted(one.id for one in in_order(waiting)) == sorted(one.id for one in waiting)


def test_the_most_severe_is_delivered_first() -> None:
    order = in_order([alert(1, Kind.ROTATED, Severity.INFO), alert(2), alert(3, Kind.EXPIRED, Severity.CRITICAL)])
    assert [one.severity for one in order] == ["critical", "warning", "info"]


def test_no_kind_has_more_than_a_few_before_every_other_kind_has_had_its_turn() -> None:
    many = [alert(number, severity=Severity.CRITICAL) for number in range(20)]
    rotated = alert(99, Kind.ROTATED, Severity.INFO)
    order = in_order([*many, rotated])
    assert order.index(rotated) == FIRST_FEW
    assert Counter(one.kind for one in order) == {Kind.QUARANTINED: 20, Kind.ROTATED: 1}


def message(number: int, status: Status, later: int = 0, severity: Severity = Severity.WARNING) -> Alert:
    one = alert(number, severity=severity)
    return msgspec.structs.replace(one, status=status, at=one.at + timedelta(days=later))


def test_of_one_condition_the_newest_message_waits_alone() -> None:
    waiting = with_alerts((), [message(1, Status.OPEN), message(2, Status.OPEN)])
    for later in range(1, 400):
        waiting = with_alerts(waiting, [message(1, Status.REMINDER, later)])
    assert [one.key for one in waiting] == [message(2, Status.OPEN).key, message(1, Status.REMINDER, 399).key]
    waiting = with_alerts(waiting, [message(1, Status.RESOLVED, 400)])
    assert [one.status for one in waiting] == [Status.OPEN, Status.RESOLVED]


def test_no_event_waits_twice() -> None:
    assert with_alerts((alert(1),), [alert(1)]) == (alert(1),)


def test_every_end_stays_by_itself_so_that_who_opened_by_id_closes_by_it() -> None:
    ends = [message(number, Status.RESOLVED, severity=Severity.INFO) for number in range(12)]
    opened = [message(number, Status.OPEN) for number in range(100, 130)]
    kept = bounded([*opened, *ends])
    assert {one.key for one in ends} <= {one.key for one in kept}
    assert len(kept) <= MOST
    assert len(bounded([message(number, Status.RESOLVED) for number in range(400)])) <= MOST
