"""Faults of stores, sinks and clocks around digests: nothing is told for ever, nothing holds up what is urgent."""

from datetime import UTC, datetime

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.mail import subject
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.alerts.recording import FEW, Recording
from rotation_watcher.digests import LED_BY_NOTHING, SETTLED, SOON
from rotation_watcher.errors import StoreError
from tests.support.fakes import ManualClock
from tests.support.kept_state import NOW
from tests.unit.test_digests import DAY, HOUR, MINUTE, World, failed, is_over, own_id, updated


def kept(world: World, waits: str) -> list[str]:
    """The keys of the log of what waits in that way, the oldest first."""
    return [key for key in world.store.list(keys.ALERT_LOG) if key.endswith(f"{waits}.json")]


def test_one_message_that_the_store_does_not_give_holds_up_no_other_and_repeats_none() -> None:
    world = World()
    world.announce()
    world.fail(*range(5))
    refused = kept(world, ".more")[0]

    def refuse(operation: str, key: str) -> None:
        if (operation, key) == ("get", refused):
            raise StoreError("InvalidObjectState")

    world.store.before = refuse
    world.clock.advance(SETTLED)
    first = world.run()
    assert len(first.told) == 2
    assert first.waiting == 1
    assert "InvalidObjectState" in first.undelivered[0]
    assert world.run().told == []
    world.store.before = lambda *_: None
    assert len(world.run().told) == 1


def test_whatever_the_sink_raises_repeats_nothing_and_keeps_no_other_waiting() -> None:
    world = World()
    world.announce()
    world.fail(*range(5))

    def choke(_: str, subject: str) -> None:
        if "/digest:" in subject:
            raise ValueError("nobody thought of it")

    world.mailbox.before = choke
    world.clock.advance(SETTLED)
    for _ in range(3):
        (words,) = world.run().undelivered
        assert "ValueError" in words
    assert len(world.mails) == 4


def test_what_was_added_since_the_run_began_is_not_torn_from_what_follows() -> None:
    world = World()
    ahead = ManualClock(NOW + MINUTE / 60)
    Recording(world.mailbox, world.store, lambda: world.store, ahead).deliver(updated(1, NOW))
    assert world.run().told == [], "report took its time before it listed the log"
    world.clock.advance(MINUTE / 30)
    world.update(2)
    world.pass_time(LED_BY_NOTHING + 5 * MINUTE)
    (mail,) = world.mails
    assert mail.title.startswith("2 targets ")


def test_each_message_about_several_has_an_id_of_its_own() -> None:
    world = World()
    world.fail(*range(7))
    world.clock.advance(SOON)
    left = iter([100.0, 100.0, 0.0])
    world.remaining = lambda: next(left)
    world.run()
    world.remaining = lambda: 100.0
    world.run()
    first, second = world.mails[-2:]
    assert first.what_happened != second.what_happened
    assert first.id != second.id


def test_the_worst_is_told_first() -> None:
    world = World()
    for number in range(4):
        world.sink.deliver(
            msgspec.structs.replace(failed(number, world.clock()), id=f"x:{number}:y", severity="warning")
        )
    world.fail(*range(4))
    world.clock.advance(SOON)
    world.run()
    assert [mail.severity for mail in world.mails[-2:]] == ["critical", "warning"]


def test_a_time_that_comes_twice_when_summer_ends_is_told_once() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    world = World(start, time_zone="Europe/Zurich", weekly_digest={"day": "sunday", "at": "02:30"})
    world.run()
    world.pass_time(6 * HOUR, 15 * MINUTE)
    assert [own_id(mail) for mail in world.mails] == ["weekly-digest:stack:2026-10-25"]


def test_a_weekly_digest_that_is_moved_to_a_later_time_is_not_told_again_that_day() -> None:
    world = World(datetime(2026, 11, 29, 12, tzinfo=UTC), weekly_digest={"day": "monday", "at": "08:00"})
    world.run()
    world.pass_time(DAY, HOUR)
    world.policy = World(weekly_digest={"day": "monday", "at": "18:00"}).policy
    world.pass_time(DAY, HOUR)
    assert [own_id(mail) for mail in world.mails] == ["weekly-digest:stack:2026-11-30"]


def test_many_ends_are_an_end_so_that_who_was_told_of_the_openings_hears_it() -> None:
    world = World()
    for number in range(5):
        world.sink.deliver(mended(number, world.clock()))
    world.clock.advance(SOON)
    world.run()
    *single, summary = world.mails
    assert {one.status for one in single} == {"resolved"}
    assert (summary.status, summary.told_as) == ("resolved", "critical"), "filters keep ends by their status"
    assert subject(summary).count("ver: ") == 1
    assert subject(summary).endswith("Over: 2 targets (t3, t4): it could not be updated")


def test_what_is_about_the_stack_keeps_its_facts_and_advice_beside_others() -> None:
    world = World()
    ends = builders.Ending(
        role=builders.Role.LEAF,
        of="us-east-1",
        subject="CN=x",
        fingerprint="0a" * 32,
        at=NOW + 60 * DAY,
        severity=Severity.INFO,
    )
    world.sink.deliver(builders.expiring(ends=[ends], since=NOW, now=NOW))
    world.announce()
    world.update(1)
    world.pass_time(SETTLED)
    (mail,) = world.mails
    assert mail.facts["expiring: 1"].startswith("client certificate of us-east-1: ends 2027-01-25")
    assert "nearer to the end ask Genesys support" in mail.what_to_do
    assert next(iter(mail.facts)) == "us-east-1 DigiCert: upcoming SHA-256", "what is spoken of first comes first"


def test_of_two_runs_at_once_none_forgets_what_the_other_has_told() -> None:
    world = World()
    world.announce()
    world.clock.advance(SETTLED)

    def other(*_: str) -> None:
        world.mailbox.after = lambda *_: None
        world.fail(*range(5))
        world.clock.advance(SOON)
        world.run()

    world.mailbox.after = other
    world.run()
    world.run()
    assert sum(mail.kind == "truststore-update-failed" for mail in world.mails) == 4


@pytest.mark.parametrize("many", [4, 6])
def test_what_is_over_before_it_is_told_with_others_is_not_told_as_open_after_its_end(many: int) -> None:
    world = World()
    world.fail(*range(many))
    world.clock.advance(2 * MINUTE)
    world.sink.deliver(mended(3, world.clock(), opened=failed(3, NOW).id))
    world.pass_time(10 * MINUTE)
    assert world.mails[FEW].title.startswith("Over: ALB trust store t3: ")
    assert [mail.title.partition(": ")[0] for mail in world.mails[FEW + 1 :]] == ["2 targets (t4, t5)"] * (many > 4)
    world.fail(3)
    world.pass_time(5 * MINUTE)
    assert world.mails[-1].title.startswith("target t3: "), "it has begun again"


def mended(number: int, now: datetime, opened: str | None = None) -> Alert:
    """The end of a failure that was told as critical."""
    return is_over(number, now, Kind.TRUSTSTORE_UPDATE_FAILED, Severity.CRITICAL, opened)
