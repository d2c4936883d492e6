"""A clock that was ahead once: what it left behind counts as unknown, is alerted, and nobody is dropped for it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.clocks import SKEW
from rotation_watcher.errors import SourceReason
from rotation_watcher.sources import history, update
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import AuthorityHistory, Chain, History, Leaf, Quarantined, Status
from rotation_watcher.trust.findings import Reason
from tests.support.small_region import NAME, SmallRegion, client, fingerprints, issuing, shown
from tests.support.words import word
from tests.unit.sources.test_update import NOW, SOURCE, UPCOMING, Teller, entity, key, look, view

replace = msgspec.structs.replace

OLD, NEW = client(1, NAME), client(2, NAME)
AHEAD = timedelta(days=60)


def rotated() -> SmallRegion:
    """A region that replaced OLD by NEW just now."""
    region = SmallRegion()
    region.step(shown(OLD, issuing()))
    region.step(shown(NEW, issuing()))
    region.step()
    return region


def turn(region: SmallRegion, step: timedelta) -> None:
    """Somebody sets the clock."""
    region.clock._now += step


def test_one_run_and_one_publish_with_a_clock_ahead_drop_no_pin_and_are_alerted() -> None:
    region = rotated()
    turn(region, AHEAD)
    region.step()
    region.publish(targets=["alb"])
    assert region.pinned() == fingerprints(OLD, NEW)
    turn(region, -AHEAD)
    assert region.state.stale(region.clock(), region.watch.policy), "a look in the future is no look"
    region.step()
    region.publish(targets=["alb"])
    assert region.pinned() == fingerprints(OLD, NEW)
    assert not region.state.stale(region.clock(), region.watch.policy)
    (alert,) = region.told("clock-ahead")
    assert "last read" in alert.facts
    for _ in range(3):
        region.step()
    assert len(region.told("clock-ahead")) == 1
    assert not region.state.conditions


def test_a_publish_alone_whose_clock_is_ahead_drops_no_pin() -> None:
    region = rotated()
    turn(region, AHEAD)
    region.publish(targets=["alb"])
    assert region.pinned() == fingerprints(OLD, NEW)


def test_a_grace_that_is_over_at_two_runs_a_day_apart_is_over() -> None:
    region = rotated()
    for _ in range(32):
        region.step(minutes=24 * 60)
    assert region.known.leaves.keys() == fingerprints(NEW)


def settled(state: History) -> Teller:
    """A teller who takes this state over and runs once."""
    teller = Teller()
    teller.state, teller.now = state, NOW + timedelta(hours=1)
    return teller.see(view("B"))


def rotation() -> History:
    """B replaced A; X is in quarantine and gone."""
    bad = look(entity("A"), entity("X", UPCOMING, Reason.CHAIN_UNTRUSTED))
    return Teller().see(bad, view("B"), view("B")).state


LATER = NOW + timedelta(days=90)


def with_leaf(state: History, name: str, **changes: Any) -> History:
    known = state.authorities["Genesys"]
    leaves = {**known.leaves, key(name): replace(known.leaves[key(name)], **changes)}
    return replace(state, authorities={"Genesys": replace(known, leaves=leaves)})


def with_held(state: History, **changes: Any) -> History:
    known = state.authorities["Genesys"]
    held = {one: replace(held, **changes) for one, held in known.quarantine.items()}
    return replace(state, authorities={"Genesys": replace(known, quarantine=held)})


def with_condition(state: History, **times: datetime) -> History:
    condition = Condition(kind="source-failing", since=NOW, alerted=NOW, reason="throttled")
    return replace(state, conditions={"source": replace(condition, **times)})


FUTURES: dict[str, Callable[[History], History]] = {
    "fresh_at": lambda state: replace(state, fresh_at=LATER),
    "first_seen of a leaf": lambda state: with_leaf(state, "B", first_seen=LATER),
    "since of a leaf": lambda state: with_leaf(state, "B", since=LATER),
    "since of a retiring leaf": lambda state: with_leaf(
        state, "A", since=LATER, retire_after=LATER + timedelta(days=30)
    ),
    "retire_after of a leaf": lambda state: with_leaf(state, "A", retire_after=NOW + timedelta(days=9000)),
    "since of a chain": lambda state: with_leaf(
        state, "B", chains=(Chain(above=("a",), since=LATER, retire_after=LATER),)
    ),
    "retire_after of a chain": lambda state: with_leaf(
        state, "B", chains=(Chain(above=("a",), since=NOW, retire_after=NOW + timedelta(days=9000)),)
    ),
    "first_seen in quarantine": lambda state: with_held(state, first_seen=LATER),
    "gone_since in quarantine": lambda state: with_held(state, gone_since=LATER),
    "since of a condition": lambda state: with_condition(state, since=LATER),
    "reminded of a condition": lambda state: with_condition(state, reminded=LATER),
    "alerted of a condition": lambda state: with_condition(state, alerted=LATER),
    "ended before": lambda state: replace(state, ended={"source": LATER}),
    "clear_since of a condition": lambda state: with_condition(state, clear_since=LATER),
}


def moments(part: object) -> list[datetime]:
    """Every time in some state but those of certificates."""
    if isinstance(part, datetime):
        return [part]
    if isinstance(part, dict):
        return [one for name, each in part.items() if name not in {"facts", "outbox"} for one in moments(each)]
    return [one for each in part for one in moments(each)] if isinstance(part, list | tuple) else []


@pytest.mark.parametrize("name", FUTURES)
def test_every_time_of_a_history_that_lies_in_the_future_is_corrected_and_alerted_once(name: str) -> None:
    state = FUTURES[name](rotation())
    teller = settled(state)
    assert teller.kinds.count("clock-ahead") == 1
    assert max(moments(msgspec.to_builtins(teller.state, builtin_types=(datetime,)))) <= teller.now + timedelta(days=31)
    known = teller.state.authorities["Genesys"].leaves
    assert {one.status for one in known.values()} == {Status.CURRENT, Status.RETIRING}
    assert known.keys() == {key("A"), key("B")}
    teller.see(view("B"), view("B"), view("B"))
    assert teller.kinds.count("clock-ahead") == 1


def test_the_examples_name_every_time_of_a_history() -> None:
    """A new field that holds a time needs its example above, or a reason here."""
    told = {name.split()[0] for name in FUTURES}
    ours: tuple[type, ...] = (History, AuthorityHistory, Leaf, Chain, Quarantined, Condition)
    fields = {field.name for model in ours for field in msgspec.structs.fields(model) if "Instant" in str(field.type)}
    assert fields == told


def test_clocks_that_differ_by_minutes_are_not_alerted() -> None:
    state = replace(rotation(), fresh_at=NOW + timedelta(hours=1) + SKEW - timedelta(minutes=1))
    assert "clock-ahead" not in settled(state).kinds


def test_a_failed_observation_does_not_speak_of_a_last_good_observation_in_the_future() -> None:
    context = Context(SOURCE, Teller().policy, "bucket", {}, {}, NOW + timedelta(hours=2))
    state = replace(rotation(), fresh_at=LATER)
    after = update.apply_failure(state, SourceReason.PERMISSION_MISSING, "403", context)
    assert [word(alert) for alert in after.outbox] == ["clock-ahead", "source-failing"]
    assert after.fresh_at is None
    assert "last read" not in after.outbox[1].facts


def test_publish_removes_nothing_on_an_observation_in_the_future() -> None:
    region = rotated()
    state = region.state
    region.store.seed(keys.history("use1"), history.encode(replace(state, fresh_at=region.clock() + AHEAD)))
    summary = region.publish(targets=["alb"], dry_run=True)
    assert "was last read" in str(msgspec.to_builtins(summary))
