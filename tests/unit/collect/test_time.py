"""One run ends in its time, whatever hangs, and what hangs holds up nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from rotation_watcher import collect, keys
from rotation_watcher.deadline import CALL_TAKES
from rotation_watcher.errors import DeliveryTimedOut, SourceError, SourceReason, StoreError
from tests.support.small_collect import ARN, SECRET, SmallCollect, junk, leaf, renewed

LIMIT = 120.0
"""Seconds: the function's time-out."""


@pytest.fixture
def released() -> Iterator[Event]:
    """What a hanging call waits for: the end of the test."""
    event = Event()
    yield event
    event.set()


class Hurried(SmallCollect):
    """The run has LIMIT seconds of the injected clock; each step may say how many it takes."""

    def __init__(self, *sources: str) -> None:
        super().__init__(*sources)
        self.spent = 0.0
        self.remaining = lambda: LIMIT - self.spent

    def takes(self, seconds: float) -> None:
        """Something takes that long."""
        assert self.spent <= LIMIT, "Lambda has killed the run by now"
        self.spent += seconds


def test_a_hanging_secret_holds_up_no_other_source_nor_the_run(released: Event) -> None:
    world = SmallCollect("one", "two")
    asked: list[str] = []

    def secret(arn: str) -> str:
        asked.append(arn)
        if arn == ARN.format("one"):
            released.wait()
        return SECRET

    world.secret = secret
    world.remaining = lambda: collect.KEEPING  # a second is left for fetching, the least
    committed: list[bool] = []
    world.store.after = lambda operation, key: (
        committed.append(released.is_set()) if (operation, key) == ("put_if", keys.history("two")) else None
    )
    summary = world.look()
    assert committed == [False], "the good source is kept before anything is known of the other"
    assert (summary.sources["two"].outcome, summary.sources["one"].reason) == ("read", "unreachable")
    assert "secret" in (summary.sources["one"].message or "")


def test_a_hanging_secret_does_not_hold_the_interpreter_at_its_end() -> None:
    code = """
import threading
from tests.support.small_collect import SmallCollect
world = SmallCollect()
world.remaining = lambda: 55.0
world.secret = lambda arn: threading.Event().wait() and ""
print(world.look().sources["one"].reason)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "unreachable", done.stderr


def test_a_source_is_kept_before_another_has_answered() -> None:
    world = SmallCollect("one", "two")
    kept = Event()
    world.store.after = lambda operation, key: (
        kept.set() if (operation, key) == ("put_if", keys.history("two")) else None
    )

    def secret(arn: str) -> str:
        if arn == ARN.format("one"):
            assert kept.wait(timeout=30)
        return SECRET

    world.secret = secret
    assert [one.outcome for one in world.look().sources.values()] == ["read", "read"]


def test_alerts_are_delivered_when_every_history_is_written() -> None:
    world = SmallCollect("one", "two", "three")
    world.answers = dict.fromkeys(world.answers, junk(50))
    world.look()
    written: list[str] = []
    world.store.after = lambda operation, key: written.append(key) if operation == "put_if" else None
    before: list[int] = []
    world.sink.before = lambda *_: before.append(len({*written}))
    world.look()
    assert before == [3, 3, 3]


def test_a_sink_that_hangs_ends_delivery_at_its_first_time_out_and_the_alerts_come_at_the_next_run() -> None:
    world = Hurried("one", "two", "three")
    world.answers = dict.fromkeys(world.answers, junk(50))
    world.look()

    def hang(_operation: str, _subject: str) -> None:
        world.takes(25)
        raise DeliveryTimedOut("no answer")

    world.sink.before = hang
    summary = world.look()
    assert world.spent == 25
    assert all(len(source.undelivered) == 1 for source in summary.sources.values())
    assert all(world.state(name).outbox for name in world.answers)
    world.spent, world.sink.before = 0, lambda *_: None
    world.look()
    assert world.kinds == ["flood"] * 3


def test_a_slow_sink_is_given_no_alert_for_which_no_time_is_left() -> None:
    world = Hurried("one", "two", "three")
    world.answers = dict.fromkeys(world.answers, junk(50))
    world.look()
    world.spent, world.sink.before = 50, lambda *_: world.takes(CALL_TAKES)
    world.look()
    assert (world.spent, len(world.sink.delivered)) == (110, 2)
    world.spent = 0
    world.look()
    assert len({alert.id for alert in world.sink.delivered}) == 3


def test_a_store_that_hangs_ends_the_run_in_its_time_with_every_source_named() -> None:
    world = Hurried("one", "two", "three")
    calls = 0

    def hang(_operation: str, _key: str) -> None:
        nonlocal calls
        calls += 1
        world.takes(CALL_TAKES)
        raise StoreError("no answer")

    world.store.before = hang
    summary = world.look()
    assert (summary.broken, calls) == (["one", "two", "three"], 3)
    assert world.spent <= LIMIT


def test_a_store_that_is_slow_is_asked_for_nothing_that_could_outlast_the_run() -> None:
    world = Hurried("one", "two", "three")
    world.store.before = lambda *_: world.takes(CALL_TAKES)
    summary = world.look()
    assert "the time of this run is up" in (summary.sources["three"].message or "")
    assert world.spent <= LIMIT


def test_a_source_that_was_asked_for_too_little_time_has_a_second_all_the_same() -> None:
    world = SmallCollect()
    world.remaining = lambda: CALL_TAKES + 1
    assert world.look().sources["one"].outcome == "read"


def test_what_kills_a_fetch_is_no_answer_of_a_source() -> None:
    class Ended(BaseException):
        pass

    world = SmallCollect()

    def secret(_arn: str) -> str:
        raise Ended

    world.secret = secret
    with pytest.raises((Ended, BaseExceptionGroup)):
        world.look()
    assert keys.history("one") not in world.store.versions


def test_two_sources_of_a_region_are_compared_in_the_order_of_the_watch_file_whoever_answers_first() -> None:
    world = SmallCollect("one", "two", regions=("us-east-1", "us-east-1"))
    world.answers["two"] = [renewed("Root 1")]
    for number in range(8):
        late, kept = ("one", "two")[number % 2], Event()

        def secret(arn: str, late: str = late, kept: Event = kept) -> str:
            if arn == ARN.format(late):
                kept.wait(timeout=0.1)
            return SECRET

        world.secret = secret
        world.look()
    assert world.kinds == ["sources-disagree"]
    assert any(key.startswith("disagree:") for key in world.state("two").conditions)


def test_the_metric_is_the_age_of_the_source_that_was_not_read_for_longest_whatever_the_others_do() -> None:
    world = SmallCollect("one", "two", "three")
    world.look()
    assert world.metrics.values == {}, "nothing is written, and nothing billed, while all is well"
    world.answers["two"] = SourceError(SourceReason.THROTTLED, "too many")
    for _ in range(5):
        world.look()
    assert world.metrics.values == {"OldestSourceHours": 1}, "since the first look that failed"
    world.answers["three"] = SourceError(SourceReason.THROTTLED, "too many")
    for _ in range(4):
        world.look()
    assert world.metrics.values == {"OldestSourceHours": 2}, "a second source that fails is no news"
    world.answers["two"] = [leaf()]
    world.look()
    assert world.metrics.values == {"OldestSourceHours": 1}, "the one that is left"
    world.answers["three"] = [leaf()]
    world.look()
    assert world.metrics.values == {"OldestSourceHours": 0}, "at once, before the condition is over"
    for _ in range(4):
        world.look()
    assert world.metrics.values == {}


def test_a_source_that_fails_at_every_second_look_is_as_old_as_that() -> None:
    world = SmallCollect("one")
    world.look()
    for _ in range(30):
        world.answers["one"] = SourceError(SourceReason.THROTTLED, "too many")
        world.look()
        assert world.metrics.values["OldestSourceHours"] <= 0.25
        world.answers["one"] = [leaf()]
        world.look()
        assert world.metrics.values["OldestSourceHours"] == 0, "said, so that the hour's least figure is none"


def test_an_answer_that_proves_nothing_counts_from_when_it_began_once_the_source_is_stale() -> None:
    world = SmallCollect("one", "two")
    world.look()
    world.answers["two"] = []
    world.look()
    world.clock.advance(timedelta(hours=5))
    world.look()
    assert world.metrics.values == {}
    world.clock.advance(timedelta(hours=1))
    world.look()
    assert world.metrics.values == {"OldestSourceHours": 6.5}


def test_a_source_that_was_never_read_counts_from_its_first_failure() -> None:
    world = SmallCollect("one", "two")
    world.answers["two"] = SourceError(SourceReason.THROTTLED, "too many")
    world.look()
    assert world.metrics.values == {"OldestSourceHours": 0}
    world.clock.advance(timedelta(hours=3))
    world.look()
    assert world.metrics.values == {"OldestSourceHours": 3.25}


def test_a_source_whose_history_cannot_be_read_fails_the_run_and_hides_no_other() -> None:
    """Every run that fails is heard of, and that none ends well too; its age is not known."""
    world = SmallCollect("one", "two", "three")
    world.look()
    world.store.seed(keys.history("two"), b"{")
    world.answers["three"] = SourceError(SourceReason.THROTTLED, "too many")
    for _ in range(5):
        assert world.look().broken == ["two"]
    assert world.metrics.values == {"OldestSourceHours": 1}


def test_a_call_for_some_sources_or_a_dry_run_counts_nothing() -> None:
    world = SmallCollect("one", "two")
    world.look("one")
    world.look(dry_run=True)
    assert world.metrics.values == {}
