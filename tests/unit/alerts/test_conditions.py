"""The mechanism of conditions alone: both thresholds, what is not judged, and quiet runs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.alerts.conditions import AT_ONCE, Condition, Evaluation, Lasting, Observed, evaluate
from rotation_watcher.alerts.model import Alert, Severity, Status
from rotation_watcher.config import RemindDays
from tests.support.alert_examples import ALB, DOMAIN, EXAMPLES

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)


class Watch:
    """One condition, ``one``, evaluated every five minutes."""

    def __init__(self, after: Lasting = AT_ONCE, clear: Lasting | None = AT_ONCE) -> None:
        self.after, self.clear = after, clear
        self.conditions: dict[str, Condition] = {}
        self.now = NOW
        self.severity = Severity.WARNING
        self.again = False
        self.remind = RemindDays()
        self.messages: list[Alert] = []
        self.resolved = 0

    @property
    def told(self) -> list[datetime]:
        """Since when what was opened lasts."""
        return [datetime.strptime(one.id[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for one in self.of(Status.OPEN)]

    def of(self, status: Status) -> list[Alert]:
        """The messages of one status."""
        return [one for one in self.messages if one.status is status]

    def look(self, *, found: bool, reason: str | None = None, later: timedelta = STEP) -> Evaluation:
        """One run."""
        self.now += later
        again = lambda told: self.again and told != reason  # noqa: E731  # as the callers write it
        one = Observed("one", "drift-found", self._alert, self.after, reason, again=again)
        evaluation = evaluate(
            self.conditions,
            [one] if found else [],
            self.now,
            resolves=lambda _: self.clear,
            about=lambda _: ALB,
            remind=self.remind,
        )
        self.conditions = evaluation.conditions
        self.messages += evaluation.alerts
        self.resolved += len(evaluation.resolved)
        return evaluation

    def looks(self, pattern: Iterable[str]) -> "Watch":
        """``x``: found, ``.``: not."""
        for sign in pattern:
            self.look(found=sign == "x")
        return self

    def _alert(self, since: datetime) -> Alert:
        alert = EXAMPLES["drift_found"]
        known = f"drift-found:alb:{since:%Y%m%dT%H%M%SZ}"
        return msgspec.structs.replace(alert, id=known, severity=self.severity, at=self.now)


@pytest.mark.parametrize(
    ("after", "pattern", "told"),
    [
        (Lasting(), "x", 1),
        (Lasting(2), "x", 0),
        (Lasting(2), "xx", 1),
        (Lasting(1, timedelta(minutes=10)), "xx", 0),
        (Lasting(1, timedelta(minutes=10)), "xxx", 1),
        (Lasting(4, timedelta(minutes=10)), "xxx", 0),
    ],
)
def test_it_is_alerted_when_it_was_found_often_and_long_enough(after: Lasting, pattern: str, told: int) -> None:
    watch = Watch(after).looks(pattern)
    assert watch.told == [NOW + STEP] * told
    assert len(watch.looks("xxxx").told) == 1


@pytest.mark.parametrize(
    ("clear", "pattern", "resolved"),
    [
        (Lasting(), "x.", 1),
        (Lasting(2), "x.", 0),
        (Lasting(2), "x.x.", 0),
        (Lasting(2), "x..", 1),
        (Lasting(2, timedelta(minutes=10)), "x..", 0),
        (Lasting(2, timedelta(minutes=10)), "x...", 1),
        (None, "x" + "." * 50, 0),
    ],
)
def test_it_is_over_when_it_was_absent_often_and_long_enough(
    clear: Lasting | None, pattern: str, resolved: int
) -> None:
    watch = Watch(clear=clear).looks(pattern)
    assert (1 - len(watch.conditions), watch.resolved) == (resolved, resolved)


def test_one_that_was_never_alerted_goes_without_an_alert() -> None:
    watch = Watch(Lasting(3)).looks("xx.")
    assert (watch.conditions, watch.told, watch.resolved) == ({}, [], 0)


def test_runs_that_wait_for_a_duration_to_pass_change_nothing() -> None:
    waiting = Watch(Lasting(1, timedelta(hours=1)), Lasting(1, timedelta(hours=1))).looks("x")
    kept = waiting.conditions
    assert waiting.looks("xxxx").conditions == kept
    gone = waiting.looks(".").conditions
    assert waiting.looks("....").conditions == gone != kept


def test_absences_that_are_too_short_do_not_start_the_count_again() -> None:
    assert len(Watch(Lasting(3), Lasting(2)).looks("x.x.x").told) == 1


def test_the_reason_is_the_last_one_before_the_alert() -> None:
    watch = Watch(Lasting(2))
    for reason in ("first", "second", "third"):
        watch.look(found=True, reason=reason)
    assert watch.conditions["one"].reason == "second"


def test_it_counts_how_often_it_came_back() -> None:
    assert Watch(clear=Lasting(2)).looks("xxx.x.x.xx").conditions["one"].observations == 4


@given(st.text("x.", max_size=40))
def test_runs_that_find_the_same_again_change_nothing_once_it_is_alerted(before: str) -> None:
    watch = Watch(Lasting(2, timedelta(minutes=10)), Lasting(3)).looks(before).looks("xxx")
    kept = watch.conditions
    watch.looks("xx")
    assert (watch.conditions, kept["one"].alerted is not None) == (kept, True)


@given(st.text("x.", max_size=60))
def test_two_alerts_never_lie_closer_than_the_absence_that_ends_a_condition(pattern: str) -> None:
    watch = Watch(clear=Lasting(3)).looks(pattern)
    assert len(watch.told) == len([part for part in pattern.split("...") if "x" in part])


def ids(messages: Iterable[Alert]) -> set[str]:
    return {one.id for one in messages}


def statuses(watch: Watch) -> list[str]:
    return [one.status.value for one in watch.messages]


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("severity", "days", "reminders"),
    [("critical", 3, 3), ("warning", 6, 0), ("warning", 15, 2), ("info", 400, 0)],
)
def test_a_critical_is_reminded_of_daily_a_warning_weekly_and_information_never(
    severity: str, days: int, reminders: int
) -> None:
    watch = Watch()
    watch.severity = Severity(severity)
    for _ in range(days + 1):
        watch.look(found=True, later=DAY)
    assert statuses(watch) == ["open", *["reminder"] * reminders]
    assert len(ids(watch.messages)) == 1
    assert len({one.key for one in watch.messages}) == 1 + reminders


def test_a_reminder_is_the_alert_as_it_stands_now_and_says_since_when_and_how_often() -> None:
    watch = Watch()
    watch.severity = Severity.CRITICAL
    for _ in range(3):
        watch.look(found=True, later=DAY)
    last = watch.messages[-1]
    assert (last.status, last.at, last.severity) == (Status.REMINDER, watch.now, Severity.CRITICAL)
    assert last.title.startswith("Still: ")
    assert (last.facts["open since"], last.facts["reminder"]) == ("2026-03-03 09:00 UTC", "2")
    assert last.what_happened.startswith("Open since 2026-03-03 09:00 UTC; this is reminder 2.")


def test_the_policy_says_how_often_and_nought_is_never() -> None:
    watch = Watch()
    watch.remind, watch.severity = RemindDays(critical=0, warning=2), Severity.CRITICAL
    for _ in range(9):
        watch.look(found=True, later=DAY)
    assert statuses(watch) == ["open"]
    watch.severity = Severity.WARNING
    watch.look(found=True, later=DAY)
    assert statuses(watch) == ["open", "reminder"]


def test_runs_between_two_reminders_change_nothing() -> None:
    watch = Watch().looks("x")
    for _ in range(3):
        watch.look(found=True, later=7 * DAY)
        kept = watch.conditions
        watch.looks("xxxxx")
        assert watch.conditions == kept
    assert statuses(watch) == ["open", *["reminder"] * 3]


def test_what_gets_worse_is_told_at_once_with_the_same_id_and_what_gets_better_with_the_next_reminder() -> None:
    watch = Watch().looks("x")
    watch.severity = Severity.CRITICAL
    watch.looks("xxx")
    assert [(one.status.value, one.severity.value) for one in watch.messages] == [
        ("open", "warning"),
        ("open", "critical"),
    ]
    watch.severity = Severity.INFO
    watch.looks("xxx")
    assert len(watch.messages) == 2
    watch.look(found=True, later=DAY)
    assert (watch.messages[-1].status, watch.messages[-1].severity) == (Status.REMINDER, Severity.INFO)
    for _ in range(20):
        watch.look(found=True, later=DAY)
    assert len(watch.messages) == 3
    assert len(ids(watch.messages)) == 1


def test_what_is_worse_in_one_answer_alone_is_debounced_as_its_opening_was() -> None:
    watch = Watch(Lasting(2)).looks("xx")
    for _ in range(5):
        watch.severity = Severity.CRITICAL
        watch.look(found=True)
        watch.severity = Severity.WARNING
        watch.look(found=True)
    assert statuses(watch) == ["open"]
    watch.severity = Severity.CRITICAL
    watch.looks("xxx")
    assert statuses(watch) == ["open", "open"]


def test_another_reason_that_is_told_again_is_the_same_life_and_its_end_names_it() -> None:
    watch = Watch()
    watch.again = True
    watch.look(found=True, reason="passing")
    watch.look(found=True, reason="lasting")
    watch.look(found=True, reason="lasting")
    watch.looks(".")
    assert statuses(watch) == ["open", "open", "resolved"]
    assert len(ids(watch.messages)) == 1
    assert "(lasting)" in watch.messages[-1].title


def test_its_end_is_told_once_with_the_same_id_by_the_builder_of_all_ends() -> None:
    watch = Watch().looks("x")
    watch.severity = Severity.CRITICAL
    watch.look(found=True, later=DAY)
    watch.looks("...")
    assert statuses(watch) == ["open", "open", "resolved"]
    over = watch.messages[-1]
    assert len(ids(watch.messages)) == 1
    assert (over.kind, over.severity, over.target) == ("drift-found", Severity.INFO, "alb")
    assert over.title.startswith("Over: ")
    assert (over.facts["lasted"], over.facts["last told as"]) == ("24 hours", "critical")


@pytest.mark.parametrize(
    "told",
    [
        {"alerted": NOW + 900 * DAY},
        {"alerted": NOW + 900 * DAY, "reminded": NOW + 900 * DAY},
        {"alerted": NOW - 9 * DAY, "reminded": NOW + 900 * DAY},
        {"since": NOW + 900 * DAY, "alerted": NOW + 900 * DAY},
        {"observations": -(10**9)},
        {"alerted": NOW - 9 * DAY, "reminders": -(10**9), "worse": -(10**9)},
    ],
)
def test_no_time_or_count_that_somebody_wrote_silences_it(told: dict[str, Any]) -> None:
    watch = Watch()
    watch.severity = Severity.CRITICAL
    watch.conditions = {"one": msgspec.convert({"kind": "drift-found", "since": NOW} | told, Condition)}
    watch.looks("x")
    assert len(watch.messages) == 1
    for _ in range(3):
        watch.look(found=True, later=DAY)
    assert len(watch.messages) == 4


@given(st.sampled_from(["", "mtls-off:api:1", "drift-found:other:1", "drift-found:alb: run this", "x" * 999]))
def test_nobodys_id_is_told_but_one_of_this_kind_and_subject(stored: str) -> None:
    watch = Watch().looks("x")
    watch.conditions = {"one": msgspec.structs.replace(watch.conditions["one"], alert=stored, title="Run: curl evil")}
    watch.look(found=True, later=7 * DAY)
    watch.looks(".")
    assert statuses(watch) == ["open", "reminder", "resolved"]
    assert len(ids(watch.messages)) == 1
    assert "curl" not in str(watch.messages)


def test_the_end_of_one_that_bears_the_id_of_another_is_not_told() -> None:
    watch = Watch().looks("x")
    known = watch.conditions["one"]
    watch.conditions = {"two": known, "one": known}
    watch.looks("x")
    assert statuses(watch) == ["open"]
    assert {*watch.conditions} == {"one"}


def test_one_that_a_former_release_alerted_is_taken_on_without_another_alert_and_reminded_of_in_time() -> None:
    watch = Watch()
    watch.conditions = {"one": Condition(kind="drift-found", since=NOW, alerted=NOW)}
    watch.looks("x")
    assert watch.messages == []
    assert watch.conditions["one"].alert == f"drift-found:alb:{NOW:%Y%m%dT%H%M%SZ}"
    watch.look(found=True, later=7 * DAY)
    assert statuses(watch) == ["reminder"]


def test_an_end_says_what_goes_on_in_another_way() -> None:
    watch = Watch().looks("x")
    other = Observed("two", "drift-found", lambda _: EXAMPLES["drift_found"])
    evaluation = evaluate(
        watch.conditions, [other], watch.now + STEP, resolves=lambda _: AT_ONCE, about=lambda _: DOMAIN
    )
    over, opened = evaluation.alerts
    assert (over.status, opened.status) == (Status.RESOLVED, Status.OPEN)
    assert opened.id in over.what_it_means
