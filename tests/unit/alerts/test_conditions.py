"""The mechanism of conditions alone: both thresholds, what is not judged, and quiet runs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.alerts.conditions import AT_ONCE, Condition, Evaluation, Lasting, Observed, evaluate
from rotation_watcher.alerts.model import Alert
from tests.support.alert_examples import EXAMPLES

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)


class Watch:
    """One condition, ``one``, evaluated every five minutes."""

    def __init__(self, after: Lasting = AT_ONCE, clear: Lasting | None = AT_ONCE) -> None:
        self.after, self.clear = after, clear
        self.conditions: dict[str, Condition] = {}
        self.now = NOW
        self.told: list[datetime] = []
        self.resolved = 0

    def look(self, *, found: bool, reason: str | None = None) -> Evaluation:
        """One run."""
        self.now += STEP
        observed = [Observed("one", "drift-found", self._alert, self.after, reason)] if found else []
        evaluation = evaluate(self.conditions, observed, self.now, resolves=lambda _: self.clear)
        self.conditions = evaluation.conditions
        self.resolved += len(evaluation.resolved)
        return evaluation

    def looks(self, pattern: Iterable[str]) -> "Watch":
        """``x``: found, ``.``: not."""
        for sign in pattern:
            self.look(found=sign == "x")
        return self

    def _alert(self, since: datetime) -> Alert:
        self.told.append(since)
        return EXAMPLES["drift_found"]


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
