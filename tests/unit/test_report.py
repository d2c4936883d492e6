"""report writes the page and the JSON when something changed, once a day, and otherwise nothing."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.adapters.remembering_store import Memory, RememberingStore
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.bootstrap import told_lately
from rotation_watcher.config import Mode
from rotation_watcher.deadline import CALL_TAKES
from rotation_watcher.errors import DeliveryError, StoreError
from rotation_watcher.report import AT_LEAST, Ports, Request, Summary, report
from rotation_watcher.sources.history import Status
from rotation_watcher.status.model import Level, decode
from rotation_watcher.targets.record import Hold, HoldReason
from tests.support.fakes import FakeFileEvents, Mailbox, ManualClock
from tests.support.kept_state import NOW, KeptState, alert, folder

FOLDERS = (keys.ALERT_LOG, *keys.DECIDING, "bundles/", "crls/", "sources/", "status/", "targets/")
BOTH = [keys.STATUS_PAGE, keys.STATUS]


class Reported:
    """A stack whose report function runs, each time in the same container."""

    def __init__(self, sources: int = 1, targets: int = 2) -> None:
        self.kept = KeptState(sources, targets)
        self.clock = ManualClock(NOW)
        self.memory = Memory()
        self.remaining = 120.0
        self.figures: dict[str, float] = {}
        self.subscribers: int | DeliveryError = 1
        self.sink = Mailbox()
        self.events = FakeFileEvents()

    def run(self, **request: Any) -> Summary:
        self.kept.store.calls.clear()
        store = RememberingStore(self.kept.store, self.memory, FOLDERS, lately=told_lately(self.clock()))
        self.figures.clear()
        ports = Ports(
            store,
            self.clock,
            self,
            self,
            self.sink,
            stack="watcher",
            account="111122223333",
            remaining=lambda: self.remaining,
            events=self.events,
        )
        return report(self.kept.watch, msgspec.convert(request, Request), ports)

    def count(self, name: str, value: float = 1) -> None:
        """See ``ports.Metrics``."""
        self.figures[name] = value

    def confirmed(self) -> int:
        """See ``ports.Subscribers``."""
        if isinstance(self.subscribers, DeliveryError):
            raise self.subscribers
        return self.subscribers

    @property
    def status(self) -> Any:
        return decode(self.kept.store.body(keys.STATUS))


def test_a_queue_of_file_events_that_does_not_answer_fails_no_run_and_stands_on_the_page_as_long_as_it_lasts() -> None:
    stack = Reported()

    def refuse(operation: str, _: str) -> None:
        raise StoreError(f"{operation}: KMS.DisabledException")

    stack.events.before = refuse
    first, second = stack.run(), stack.run()
    for summary in (first, second):
        assert summary.files_unsaid == ["receive: KMS.DisabledException"]
        assert summary.undelivered == []
    assert [one.place for one in stack.status.unreadable] == ["FileEventsQueue"]
    assert (first.written, second.written) == (BOTH, []), "the page says it already"
    stack.events.before = lambda _operation, _subject: None
    assert stack.run().files_unsaid == []
    assert stack.status.unreadable == ()


@pytest.mark.parametrize("error", [StoreError("AccessDenied"), RuntimeError("nobody thought of it")])
def test_a_page_that_cannot_be_written_keeps_nobody_from_being_told(error: Exception) -> None:
    stack = Reported()
    kept = [
        keys.told(NOW, str(number), "drift-found.event.critical", keys.Waits.MORE if number else keys.Waits.NOT)
        for number in range(3)
    ]
    for number, key in enumerate(kept):
        stack.kept.store.seed(key, msgspec.json.encode(alert(number, severity=Severity.CRITICAL)))
    stack.clock.advance(timedelta(minutes=5))

    def refuse(operation: str, key: str) -> None:
        if (operation, key) == ("put", keys.STATUS_PAGE):
            raise error

    stack.kept.store.before = refuse
    for _ in range(2):
        with pytest.raises(type(error)):
            stack.run()
    assert [one.severity for one in stack.sink.delivered] == ["critical"]
    assert stack.figures == {}, "nothing else is wrong, and that the run failed is heard of by its error"


def test_the_first_run_writes_both_the_page_first() -> None:
    stack = Reported()
    assert stack.run().written == BOTH
    assert stack.kept.store.writes == [keys.OPERATOR_FILES, *BOTH, keys.DIGESTS]
    assert stack.status.at == NOW
    assert stack.status.place.stack == "watcher"
    assert stack.kept.store.body(keys.STATUS_PAGE).startswith(b"<!doctype html>")
    assert stack.kept.store.versions[keys.STATUS_PAGE][-1].content_type == "text/html; charset=utf-8"
    assert stack.kept.store.versions[keys.STATUS][-1].content_type == "application/json"


def test_a_run_in_which_nothing_is_new_writes_nothing() -> None:
    stack = Reported()
    stack.run()
    stack.clock.advance(timedelta(minutes=5))
    assert stack.run().written == []
    assert stack.kept.store.writes == []


def test_a_change_is_written_at_the_next_run() -> None:
    stack = Reported()
    stack.run()
    stack.clock.advance(timedelta(minutes=5))
    stack.kept.disturb_target("t0", "mtls-off:domain", Kind.MTLS_OFF)
    summary = stack.run()
    assert summary.written == BOTH
    assert (summary.level, summary.open) == ("act", 1)
    assert stack.status.verdict.level == "act"


def test_a_day_without_a_change_writes_too_so_that_an_old_page_means_that_nothing_runs() -> None:
    stack = Reported()
    policy = msgspec.structs.replace(stack.kept.watch.policy, stale_after_hours=720)
    stack.kept.watch = msgspec.structs.replace(stack.kept.watch, policy=policy)
    stack.run()
    stack.clock.advance(AT_LEAST - timedelta(minutes=5))
    assert stack.run().written == []
    stack.clock.advance(timedelta(minutes=5))
    assert stack.run().written == BOTH
    assert stack.status.at == NOW + AT_LEAST


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 99}', b"\xff"])
def test_a_status_that_cannot_be_read_or_is_a_newer_releases_is_made_anew(content: bytes) -> None:
    stack = Reported()
    stack.run()
    stack.kept.store.seed(keys.STATUS, content)
    assert stack.run().written == BOTH


def test_a_status_of_the_future_is_written_again() -> None:
    stack = Reported()
    stack.clock.advance(timedelta(days=3))
    stack.run()
    stack.clock = ManualClock(NOW)
    stack.run()
    assert stack.status.at == NOW


def test_a_dry_run_writes_nothing_and_again_writes_always() -> None:
    stack = Reported()
    assert stack.run(dry_run=True).written == []
    assert stack.kept.store.writes == []
    stack.run()
    assert stack.run(again=True).written == BOTH


def test_what_cannot_be_read_is_in_the_answer_and_does_not_fail_the_run() -> None:
    stack = Reported()
    stack.kept.store.seed(keys.record(folder("t0")), b"{")
    summary = stack.run()
    assert summary.written == BOTH
    assert [one.partition(": ")[0] for one in summary.unreadable] == [
        f"s3://{stack.kept.store.bucket}/{keys.record(folder('t0'))}"
    ]


def test_a_page_that_cannot_be_written_fails_the_run_and_is_written_by_the_next() -> None:
    stack = Reported()

    def fail(operation: str, key: str) -> None:
        if operation == "put" and key == keys.STATUS:
            raise StoreError("SlowDown")

    stack.kept.store.before = fail
    with pytest.raises(StoreError):
        stack.run()
    stack.kept.store.before = lambda *_: None
    assert stack.run().written == BOTH


def test_a_run_without_time_writes_nothing_rather_than_a_page_that_says_that_nothing_is_there() -> None:
    stack = Reported()
    stack.run()
    stack.remaining = 5.0
    with pytest.raises(StoreError):
        stack.run()
    assert stack.kept.store.writes == []


@pytest.mark.parametrize(("sources", "targets"), [(1, 1), (18, 500)])
def test_a_quiet_run_costs_few_calls_however_much_there_is(sources: int, targets: int) -> None:
    stack = Reported(sources, targets)
    stack.run()
    first = len(stack.kept.store.calls)
    stack.run()
    calls = stack.kept.store.calls
    assert [subject for operation, subject in calls if operation == "list"] == ["alerts/log/"]
    assert len(calls) == 1 + 1, "one listing, and what was told in digests"
    assert first >= len(calls) + targets
    stack.kept.disturb_target("t0", "mtls-off:domain", Kind.MTLS_OFF)
    stack.run()
    record = keys.record(folder("t0"))
    assert [subject for _, subject in stack.kept.store.calls if subject == record] == [record]


def test_while_all_is_well_no_metric_is_written_since_one_costs_in_the_hours_in_which_it_is() -> None:
    stack = Reported()
    for _ in range(2):  # the second writes no page either
        stack.run()
        assert stack.figures == {}


def test_a_run_that_cannot_write_its_page_says_what_is_wrong_all_the_same() -> None:
    stack = Reported()
    stack.subscribers = 0

    def refuse(operation: str, _: str) -> None:
        if operation == "put":
            raise StoreError("AccessDenied")

    stack.kept.store.before = refuse
    with pytest.raises(StoreError):
        stack.run()
    assert stack.figures == {"NobodyListens": 1}


def test_a_run_without_time_says_of_no_source_that_it_is_old() -> None:
    stack = Reported()
    stack.clock.advance(timedelta(days=2))
    stack.remaining = 5.0
    with pytest.raises(StoreError):
        stack.run()
    assert "OldestSourceHours" not in stack.figures


@pytest.mark.parametrize("answer", [0, DeliveryError("AccessDenied")], ids=["nobody", "SNS does not say"])
def test_it_is_counted_that_nobody_is_known_to_listen(answer: int | DeliveryError) -> None:
    stack = Reported()
    stack.subscribers = answer
    summary = stack.run()
    told = (None, "AccessDenied") if isinstance(answer, DeliveryError) else (0, None)
    assert (summary.written, summary.subscribers, summary.unheard) == (BOTH, *told)
    assert stack.figures == {"NobodyListens": 1}
    stack.run(dry_run=True)
    assert stack.figures == {}, "a dry run counts nothing"


def test_a_source_that_collect_has_not_read_for_too_long_is_counted_by_report_too() -> None:
    """Where collect is dead, or its log leads nowhere, its own figure is not heard: two watchers, each of the other."""
    stack = Reported(sources=2)
    stack.run()
    read = min(one.read for one in stack.status.sources)
    stack.clock.advance(read + timedelta(hours=5.75) - stack.clock())
    stack.run()
    assert stack.figures == {}, "collect notes that it was read once in two hours, and six make it stale"
    stack.clock.advance(timedelta(hours=2))
    stack.run()
    assert stack.figures == {"OldestSourceHours": 7.75}
    stack.kept.store.seed(keys.history(stack.kept.watch.sources[0].id), b"{")
    stack.kept.store.seed(keys.history(stack.kept.watch.sources[1].id), b"{")
    stack.run()
    assert "OldestSourceHours" not in stack.figures, "its age is not known; collect fails"


def test_a_topic_is_not_asked_where_its_answer_could_outlast_the_run() -> None:
    stack = Reported()

    def slow(operation: str, key: str) -> None:
        if (operation, key) == ("get", keys.history(stack.kept.watch.sources[0].id)):
            stack.remaining = CALL_TAKES - 1

    stack.kept.store.before = slow
    summary = stack.run(dry_run=True)
    assert (summary.subscribers, summary.unheard) == (None, "the time of this run is up")


def _never_served(stack: Reported) -> None:
    del stack.kept.store.versions[keys.record(folder("t0"))]


def _held(stack: Reported) -> None:
    record = stack.kept.records["t0"]
    stack.kept.keep_record(
        msgspec.structs.replace(record, hold=Hold(reason=HoldReason.BY_HAND, sha256="0a" * 32, since=stack.clock()))
    )


def _lacking(stack: Reported) -> None:
    record = stack.kept.records["t0"]
    assert record.applied
    applied = msgspec.structs.replace(record.applied, fingerprints=())
    stack.kept.keep_record(msgspec.structs.replace(record, applied=applied))


def _drifted(stack: Reported) -> None:
    stack.kept.disturb_target("t0", "drift", Kind.DRIFT_FOUND, since=stack.clock())


def _unreadable(stack: Reported) -> None:
    stack.kept.store.seed(keys.record(folder("t0")), b"{")


OUT = [_never_served, _held, _lacking, _drifted, _unreadable]


@pytest.mark.parametrize("happens", OUT)
def test_a_target_out_of_step_counts_after_an_hour_and_no_longer_than_it_lasts(
    happens: Callable[[Reported], None],
) -> None:
    stack = Reported()
    record = stack.kept.records["t0"]
    stack.run()
    happens(stack)
    began = stack.clock()
    for _ in range(12):
        assert stack.run().out_of_step == ([] if stack.clock() - began < timedelta(hours=1) else ["t0"])
        stack.memory = Memory()  # another container
        stack.clock.advance(timedelta(minutes=5))
    assert stack.run().out_of_step == ["t0"]
    assert stack.figures["TargetsOutOfStep"] == 1
    stack.kept.keep_record(record)
    assert stack.run().out_of_step == []
    assert {one.out_of_step for one in stack.status.targets} == {None}
    happens(stack)
    assert stack.run().out_of_step == [], "it begins anew"


def test_in_mode_observe_no_target_is_out_of_step() -> None:
    stack = Reported()
    stack.kept.watch = msgspec.structs.replace(stack.kept.watch, mode=Mode.OBSERVE)
    _lacking(stack)
    stack.run()
    stack.clock.advance(timedelta(hours=2))
    assert stack.run().out_of_step == []


def test_the_soonest_expiry_is_the_first_end_that_nothing_replaces() -> None:
    stack = Reported()
    source = stack.kept.watch.sources[0].id
    history = stack.kept.histories[source]
    leaves = history.authorities["Genesys"].leaves
    current = {key: leaf for key, leaf in leaves.items() if leaf.status is Status.CURRENT}
    alone = msgspec.structs.replace(history.authorities["Genesys"], leaves=current)
    stack.kept.keep_history(msgspec.structs.replace(history, authorities={"Genesys": alone}))
    assert stack.run().soonest_expiry_days == 40
    assert "SoonestExpiryDays" not in stack.figures
    stack.clock.advance(timedelta(days=40, hours=12))
    assert stack.run().soonest_expiry_days < -0.5, "a revocation list has been overdue for longer"


def test_a_list_that_was_not_replaced_in_time_has_ended() -> None:
    stack = Reported()
    assert stack.run().soonest_expiry_days == 360
    assert stack.figures == {}
    due = stack.status.lists[0].next_update
    stack.clock.advance(due + timedelta(hours=6) - stack.clock())
    stack.run()
    assert stack.figures["SoonestExpiryDays"] == -0.25
    assert stack.status.verdict.level is Level.LOOK, "the alarm sends people to the headline"
    assert any("crl.example.com" in one for one in stack.status.verdict.reasons)


def with_log(ages: Sequence[timedelta]) -> Reported:
    """A stack whose log holds alerts of these ages, each with a title of its own."""
    stack = Reported()
    for number, age in enumerate(ages):
        key = keys.told(NOW - age, str(number))
        stack.kept.store.seed(key, msgspec.json.encode(alert(number)))
    return stack


def listings(stack: Reported) -> int:
    return len([one for one in stack.kept.store.calls if one[0] == "list" and one[1] != "anchors/"])


A_YEAR_OF_ALERTS = [timedelta(minutes=20) * number for number in range(1, 28_000)]


def test_of_a_long_log_only_the_last_weeks_are_listed() -> None:
    stack = with_log(A_YEAR_OF_ALERTS)
    stack.run()
    # The page at which it shows to be long, two of the last 14 days, and what lies behind the log.
    assert listings(stack) <= 4
    assert [one.at for one in stack.status.alerts] == [NOW - age for age in A_YEAR_OF_ALERTS[:50]]


@pytest.mark.parametrize("quiet_for", [20, 100, 300])
def test_after_months_without_an_alert_those_before_are_shown(quiet_for: int) -> None:
    ages = [timedelta(hours=1), *(timedelta(days=quiet_for) + age for age in A_YEAR_OF_ALERTS[:5_000])]
    stack = with_log(ages)
    stack.run()
    assert [one.at for one in stack.status.alerts] == [NOW - age for age in ages[:50]]


def test_of_a_short_log_all_is_listed_by_one_call() -> None:
    stack = with_log([timedelta(days=9) * number for number in range(1, 44)])
    stack.run()
    assert listings(stack) == 1
    assert len(stack.status.alerts) == 43
