"""What may wait is told together, what comes in numbers too, and once a week how all stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import digests, keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders.digest import more_alike
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.alerts.recording import FEW, Recording
from rotation_watcher.alerts.stamping import Stamping
from rotation_watcher.config import Policy
from rotation_watcher.deadline import unhurried
from rotation_watcher.digests import AT_MOST, KEPT, LED_BY_NOTHING, SETTLED, SOON, SOON_AT_MOST, UNTIL_TOLD
from rotation_watcher.errors import DeliveryError, NobodyListens
from rotation_watcher.policy_times import quiet
from rotation_watcher.status.gather import gather
from tests.support.alert_examples import CURRENT, SOURCE, STACK, UPCOMING
from tests.support.fakes import Mailbox, ManualClock
from tests.support.kept_state import NOW, KeptState

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEVER = {"weekly_digest": {"day": "never"}}


class World:
    """A stack whose functions tell things, and whose report function runs."""

    def __init__(self, start: datetime = NOW, **policy: Any) -> None:
        self.kept, self.clock, self.mailbox = KeptState(), ManualClock(start), Mailbox()
        self.policy = msgspec.convert(NEVER | policy, Policy)
        self.events: list[Alert] = []
        self.store = self.kept.store
        kept = Recording(self.mailbox, self.store, lambda: self.store, self.clock, self.events.append)
        self.sink = Stamping(kept, STACK)
        self.remaining = unhurried

    def announce(self) -> None:
        """Genesys announces a certificate."""
        self.sink.deliver(
            builders.upcoming_published(
                source=SOURCE, authority="DigiCert", upcoming=UPCOMING, current=CURRENT, now=self.clock()
            )
        )

    def update(self, *numbers: int) -> None:
        """Targets take a change."""
        for number in numbers:
            self.sink.deliver(updated(number, self.clock()))

    def fail(self, *numbers: int) -> None:
        """Targets could not be updated, and refuse a leaf."""
        for number in numbers:
            self.sink.deliver(failed(number, self.clock()))

    def run(self) -> digests.Sent:
        """Report runs."""
        status = gather(self.kept.watch, self.store, self.clock())
        return digests.send(status, self.policy, digests.Ports(self.store, self.sink, self.clock(), self.remaining))

    def pass_time(self, span: timedelta, step: timedelta = 5 * MINUTE) -> None:
        """Report runs every five minutes; ``step``: or as often as it matters."""
        for _ in range(span // step):
            self.clock.advance(step)
            self.run()

    @property
    def mails(self) -> list[Alert]:
        return self.mailbox.delivered


def own_id(mail: Alert) -> str:
    """The id without the stack's name."""
    return mail.id.rpartition("/")[2]


def target(number: int) -> TargetName:
    arn = f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/t{number}/{number:016x}"
    return TargetName(f"t{number}", arn, f"ALB trust store t{number}")


def updated(number: int, now: datetime) -> Alert:
    return builders.truststore_updated(
        target=target(number),
        added=[UPCOMING],
        removed=[],
        kept_foreign=1,
        bucket="b",
        key=f"targets/t{number}/bundle.pem",
        version="1",
        proof="bytes",
        content="5e" * 32,
        since=now,
        now=now,
    )


def failed(number: int, now: datetime) -> Alert:
    return builders.truststore_update_failed(
        target=target(number),
        reason="target-busy",
        message="…",
        missing=[CURRENT],
        content="5e" * 32,
        since=now,
        now=now,
    )


def test_one_event_is_one_message_however_many_targets_it_has() -> None:
    world = World()
    world.announce()
    world.clock.advance(MINUTE)
    world.update(*range(500))
    assert world.mails == []
    assert len(world.events) == 501, "machines get each at once"
    world.pass_time(30 * MINUTE)
    (mail,) = world.mails
    assert mail.kind == "digest"
    assert mail.severity is Severity.INFO
    assert mail.title == "us-east-1: the next DigiCert client certificate is published; 500 targets updated"
    assert "500 targets (t0, t1, t10, t100, t101, t102 and 494 more): updated and proved" in mail.what_happened
    assert mail.facts["upcoming SHA-256"] == UPCOMING.fingerprint
    assert mail.what_to_do.split("\n")[1].startswith("aws s3 cp s3://"), "the command to carry it elsewhere"
    world.pass_time(AT_MOST, HOUR)
    assert len(world.mails) == 1


def is_over(
    number: int, now: datetime, kind: Kind, severity: Severity = Severity.INFO, opened: str | None = None
) -> Alert:
    """The end of what was told of a target with that severity."""
    return builders.resolved(
        subject=target(number),
        kind=kind,
        opened=opened,
        reason=None,
        since=now,
        severity=severity,
        reminders=0,
        why="",
        goes_on=None,
        now=now,
    )


def has_left(number: int, now: datetime) -> Alert:
    """The end of the announcement that something will leave."""
    return is_over(number, now, Kind.REMOVAL_PLANNED)


def test_that_a_removal_took_place_as_announced_is_told_by_the_weekly_digest() -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.run()  # the week has begun
    world.update(1)
    world.sink.deliver(has_left(1, world.clock()))
    world.pass_time(7 * DAY, HOUR)
    (mail,) = world.mails
    assert mail.kind == "weekly-digest"
    assert "target t1: updated and proved" in mail.facts["as announced"]
    world.pass_time(3 * DAY, HOUR)
    assert len(world.mails) == 1


def test_where_no_weekly_digest_is_wanted_it_is_told_after_a_week() -> None:
    world = World()
    world.update(1)
    world.sink.deliver(has_left(1, world.clock()))
    world.pass_time(UNTIL_TOLD - HOUR, HOUR)
    assert world.mails == []
    world.pass_time(HOUR, HOUR)
    (mail,) = world.mails
    assert mail.kind == "digest"


def test_what_else_happens_tells_it_along_and_is_not_torn_apart_by_it() -> None:
    world = World()
    world.update(1)
    world.sink.deliver(has_left(1, world.clock()))
    world.clock.advance(DAY)
    world.announce()
    world.run()
    world.clock.advance(SETTLED / 2)
    world.update(2)
    world.pass_time(SETTLED, MINUTE)
    (mail,) = world.mails
    assert mail.title.endswith("2 targets updated")
    assert "over:" in mail.what_happened


def test_updates_wait_for_what_led_to_them() -> None:
    world = World()
    world.update(1, 2)
    world.pass_time(LED_BY_NOTHING / 2)
    world.announce()
    world.pass_time(SETTLED)
    (mail,) = world.mails
    assert mail.title.endswith("2 targets updated")


def test_it_waits_until_nothing_is_added_and_not_for_ever() -> None:
    world = World()
    for _ in range(1000):
        world.announce()
        world.clock.advance(5 * MINUTE)
        sent = world.run()
        if sent.told:
            break
    assert world.clock() - NOW == AT_MOST
    assert len(world.mails) == 1
    world.clock.advance(SETTLED - MINUTE)
    assert world.run().told == []
    world.announce()
    world.clock.advance(SETTLED - MINUTE)
    assert world.run().waiting == 1
    world.clock.advance(MINUTE)
    assert len(world.run().told) == 1


def test_one_message_alone_says_all_that_it_says_by_itself() -> None:
    world = World()
    world.announce()
    world.pass_time(SETTLED)
    (mail,), (event,) = world.mails, world.events
    assert (mail.title, mail.what_happened, mail.what_it_means) == (
        event.title,
        event.what_happened,
        event.what_it_means,
    )
    assert mail.facts == event.facts
    assert mail.what_to_do == event.what_to_do
    assert (mail.source, mail.region, mail.authority) == (event.source, event.region, event.authority)


def test_what_comes_in_numbers_is_told_one_by_one_thrice_and_then_as_one() -> None:
    world = World()
    world.fail(*range(500))
    assert len(world.mails) == FEW
    assert len(world.events) == 500 - FEW
    world.clock.advance(SOON)
    assert len(world.run().told) == 1
    more = world.mails[-1]
    assert (more.kind, more.severity) == ("truststore-update-failed", Severity.CRITICAL)
    assert more.title.startswith("497 targets (t10, t100, ")
    assert more.title.endswith(": it could not be updated (target-busy)")
    assert more.facts["1"].startswith("ALB trust store t1")
    assert more.facts["and more"] == "491"
    world.clock.advance(HOUR)
    assert world.run().told == []
    world.fail(1)
    assert world.mails[-1].title.startswith("ALB trust store t1: "), "an hour later it comes by itself again"


def test_where_each_means_something_of_its_own_it_is_said_of_whom_it_is_told() -> None:
    alike = [failed(number, NOW) for number in (1, 2)]
    other = msgspec.structs.replace(alike[1], what_it_means="Nothing fails yet.")
    assert more_alike(alike, NOW).what_it_means == alike[0].what_it_means
    assert more_alike([alike[0], other], NOW).what_it_means == f"Of t1: {alike[0].what_it_means}"


def test_a_critical_is_not_counted_with_warnings_of_its_kind() -> None:
    world = World()
    for number in range(FEW + 1):
        world.sink.deliver(
            builders.truststore_update_failed(
                target=target(number),
                reason="target-busy",
                message="…",
                missing=[],
                content="5e" * 32,
                since=NOW,
                now=NOW,
            )
        )
    assert len(world.mails) == FEW
    world.fail(9)
    assert world.mails[-1].severity is Severity.CRITICAL


def test_numbers_that_keep_coming_are_told_every_five_minutes() -> None:
    world = World(quiet_hours={"start": "00:00", "end": "23:59"})
    for number in range(60):
        world.fail(number)
        world.clock.advance(MINUTE / 2)
        world.run()
    assert FEW + 30 * MINUTE / SOON_AT_MOST - 1 <= len(world.mails) <= FEW + 30 * MINUTE / SOON_AT_MOST + 1


def test_a_log_that_cannot_be_asked_or_written_silences_nothing() -> None:
    world = World()
    world.fail(*range(FEW))

    def refuse(*_: str) -> None:
        raise DeliveryError("closed")

    world.store.before = refuse
    world.fail(8, 9)
    assert len(world.mails) == FEW + 2


@pytest.mark.parametrize(
    ("at", "waits"),
    [("2026-11-26T17:59", True), ("2026-11-26T18:30", True), ("2026-11-27T04:59", True), ("2026-11-27T06:15", False)],
)
def test_information_waits_in_quiet_hours_of_the_operators_time_zone(at: str, waits: bool) -> None:  # noqa: FBT001  # a row
    start = datetime.fromisoformat(at).replace(tzinfo=UTC)
    world = World(start, time_zone="Europe/Zurich", quiet_hours={"start": "19:05", "end": "07:00"})
    world.announce()
    world.clock.advance(SETTLED)
    assert (world.run().told == []) is waits
    world.fail(1)
    assert world.mails[-1].severity is Severity.CRITICAL, "what is urgent waits for nothing"
    world.pass_time(14 * HOUR)
    assert "digest" in [mail.kind for mail in world.mails]


def test_quiet_hours_follow_the_clocks_of_summer_and_winter() -> None:
    hours = {"time_zone": "Europe/Zurich", "quiet_hours": {"start": "19:00", "end": "07:00"}}
    policy = msgspec.convert(hours, Policy)
    assert not quiet(policy, datetime(2026, 7, 1, 5, 0, tzinfo=UTC))
    assert quiet(policy, datetime(2026, 12, 1, 5, 59, tzinfo=UTC))
    assert not quiet(policy, datetime(2026, 12, 1, 6, 0, tzinfo=UTC))


def test_weekends_may_be_quiet_and_then_the_week_is_told_on_monday() -> None:
    friday = datetime(2026, 11, 27, 12, tzinfo=UTC)
    quiet = {"start": "20:00", "end": "07:00", "weekends": True}
    world = World(friday, quiet_hours=quiet, weekly_digest={"day": "saturday", "at": "08:00"})
    world.run()
    world.pass_time(3 * DAY, HOUR)
    (mail,) = world.mails
    assert mail.kind == "weekly-digest"
    assert mail.at == datetime(2026, 11, 30, 7, 0, tzinfo=UTC)


def test_the_week_is_told_once_also_when_all_is_well_and_not_when_the_stack_is_new() -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.pass_time(14 * DAY, HOUR)
    assert [mail.kind for mail in world.mails] == ["weekly-digest", "weekly-digest"]
    assert [f"{mail.at:%a %H:%M}" for mail in world.mails] == ["Mon 08:05", "Mon 08:05"]
    assert own_id(world.mails[0]) == "weekly-digest:stack:2026-11-30"


def test_a_week_in_which_nothing_ran_is_told_when_something_runs_again() -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.run()
    world.clock.advance(10 * DAY)
    world.run()
    assert [own_id(mail) for mail in world.mails] == ["weekly-digest:stack:2026-11-30"]
    world.run()
    assert len(world.mails) == 1


def test_a_week_that_was_noted_by_a_clock_that_was_ahead_stops_no_later_one() -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.store.seed(keys.DIGESTS, b'{"format": 1, "week": "2099-01-05"}')
    world.pass_time(7 * DAY, HOUR)
    assert [own_id(mail) for mail in world.mails] == ["weekly-digest:stack:2026-11-30"]


def test_a_run_that_dies_after_the_sink_took_it_tells_it_again_with_the_same_id() -> None:
    world = World()
    world.announce()
    world.clock.advance(SETTLED)

    def die(*_: str) -> None:
        raise KeyboardInterrupt

    world.mailbox.after = die
    with pytest.raises(KeyboardInterrupt):
        world.run()
    world.mailbox.after = lambda *_: None
    world.run()
    world.run()
    assert len(world.mails) == 2
    assert len({mail.id for mail in world.mails}) == 1


@pytest.mark.parametrize("error", [NobodyListens("nobody"), DeliveryError("closed")])
def test_what_the_sink_does_not_take_waits(error: DeliveryError) -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.announce()
    world.run()
    world.clock.advance(7 * DAY)

    def refuse(*_: str) -> None:
        raise error

    world.mailbox.before = refuse
    sent = world.run()
    assert (sent.told, sent.waiting) == ([], 1)
    assert len(sent.undelivered) == (0 if isinstance(error, NobodyListens) else 2)
    world.mailbox.before = lambda *_: None
    assert len(world.run().told) == 2


def test_what_nobody_heard_for_two_weeks_is_old_news_and_the_state_stays_small() -> None:
    world = World()
    world.announce()
    world.clock.advance(KEPT + MINUTE)
    assert world.run() == digests.Sent()
    world.announce()
    world.pass_time(SETTLED)
    assert len(msgspec.json.decode(world.store.body(keys.DIGESTS))["told"]) == 1
    world.clock.advance(KEPT + MINUTE)
    world.run()
    assert msgspec.json.decode(world.store.body(keys.DIGESTS))["told"] == []


def test_an_alert_that_was_kept_twice_is_told_once() -> None:
    world = World()
    one = updated(1, NOW)
    world.sink.deliver(one)
    world.clock.advance(MINUTE)
    world.sink.deliver(one)
    world.pass_time(LED_BY_NOTHING)
    (mail,) = world.mails
    assert mail.title == one.title


def test_an_object_that_is_none_silences_nothing_else() -> None:
    world = World()
    world.announce()
    broken = keys.told(world.clock(), "x", waits=keys.Waits.ROUTINE)
    world.store.seed(broken, b"{")
    world.store.seed(f"{keys.ALERT_LOG}nonsense.routine.json", b"{")
    world.pass_time(SETTLED)
    assert len(world.mails) == 1
    assert world.run() == digests.Sent()


def test_one_that_a_clock_ahead_has_dated_is_told_and_holds_up_nobody() -> None:
    world = World()
    world.clock.advance(DAY)
    world.update(1)
    world.clock = ManualClock(NOW)
    world.sink = Stamping(Recording(world.mailbox, world.store, lambda: world.store, world.clock), STACK)
    world.announce()
    world.pass_time(SETTLED)
    assert len(world.mails) == 1
    assert "1 target updated" in world.mails[0].title


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 0}', b"\xff"])
def test_notes_that_cannot_be_read_count_as_none(content: bytes) -> None:
    world = World()
    world.announce()
    world.store.seed(keys.DIGESTS, content)
    world.pass_time(SETTLED)
    assert len(world.mails) == 1


def test_notes_of_a_newer_release_are_left_alone_and_said() -> None:
    world = World()
    world.announce()
    world.store.seed(keys.DIGESTS, b'{"format": 99}')
    world.clock.advance(SETTLED)
    (words,) = world.run().undelivered
    assert "written by a newer release" in words
    assert world.store.body(keys.DIGESTS) == b'{"format": 99}'
    assert world.mails == []


def test_a_run_without_time_tells_what_it_could_read_and_the_next_one_the_rest() -> None:
    world = World()
    world.update(*range(4))
    world.clock.advance(LED_BY_NOTHING)
    left = iter([100.0, 100.0, 0.0])
    world.remaining = lambda: next(left)
    assert world.run().waiting == 2
    world.remaining = unhurried
    assert world.run().waiting == 0
    assert len(world.mails) == 2
    assert all(mail.title.startswith("2 targets (t") for mail in world.mails)


def test_a_quiet_run_writes_nothing() -> None:
    world = World(weekly_digest={"day": "monday", "at": "08:00"})
    world.announce()
    world.pass_time(HOUR)
    world.store.calls.clear()
    world.run()
    assert world.store.writes == []
