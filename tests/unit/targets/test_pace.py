"""Turns at a service that counts an account's updates: one at a time, in order, and no written word stops them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotation_watcher import keys
from rotation_watcher.targets.pace import HORIZON, PATIENCE, Turns, ask
from tests.support.fakes import NOON
from tests.support.queue_world import QueueWorld

PACE = timedelta(seconds=31)


def test_who_asks_first_is_served_now_and_the_others_in_their_order() -> None:
    turns, found = Turns(), []
    for name in ("a", "b", "c"):
        turns, turn = ask(turns, name, PACE, NOON)
        found.append(turn)
    assert found == [(NOON, True), (NOON + PACE, False), (NOON + 2 * PACE, False)]


def test_who_was_promised_a_turn_has_it_then_even_a_little_late() -> None:
    turns, _ = ask(Turns(), "a", PACE, NOON)
    turns, promised = ask(turns, "b", PACE, NOON)
    assert promised.at is not None
    turns, turn = ask(turns, "b", PACE, promised.at + timedelta(seconds=3))
    assert turn.now
    assert turns == Turns(last=turn.at)


def test_asking_again_before_the_turn_changes_nothing() -> None:
    turns, _ = ask(Turns(), "a", PACE, NOON)
    turns, promised = ask(turns, "b", PACE, NOON)
    assert ask(turns, "b", PACE, NOON + timedelta(seconds=9)) == (turns, promised)


def test_a_promise_that_nobody_took_up_holds_nobody_up_for_longer_than_a_pace() -> None:
    turns, _ = ask(Turns(), "a", PACE, NOON)
    turns, promised = ask(turns, "b", PACE, NOON)
    assert promised.at is not None
    _, turn = ask(turns, "c", PACE, promised.at + PACE)
    assert turn.now


def test_no_more_is_promised_than_fits_before_the_horizon() -> None:
    turns = Turns()
    for number in range(100):
        turns, _ = ask(turns, f"t{number}", PACE, NOON)
    assert len(turns.promised) == HORIZON // PACE


@pytest.mark.parametrize("far", [timedelta(minutes=6), timedelta(days=9999)])
def test_a_time_that_no_run_writes_is_void(far: timedelta) -> None:
    forged = Turns(last=NOON + far, promised={"b": NOON + far})
    assert ask(forged, "a", PACE, NOON)[1] == (NOON, True)
    assert ask(forged, "b", PACE, NOON)[1] == (NOON, True)


MOMENTS = st.timedeltas(-timedelta(days=1), timedelta(days=1)).map(lambda offset: NOON + offset)
ANY = st.builds(Turns, last=st.none() | MOMENTS, promised=st.dictionaries(st.sampled_from("abcdef"), MOMENTS))


@given(ANY)
def test_whatever_is_written_a_target_has_its_turn_within_the_horizon(turns: Turns) -> None:
    now, asked = NOON, 0
    while not (found := ask(turns, "a", PACE, now))[1].now:
        turns, turn = found
        now = max(turn.at or now, now + PACE)
        asked += 1
        assert asked < 30
    assert now - NOON <= HORIZON + 2 * PACE


@given(ANY, MOMENTS)
@example(Turns(promised={"a": NOON, "b": NOON + PATIENCE + timedelta(microseconds=1)}), NOON)
def test_two_turns_are_never_closer_than_the_pace(turns: Turns, now: datetime) -> None:
    after, turn = ask(turns, "a", PACE, now)
    if turn.now:
        assert turn.at is not None
        assert now <= turn.at <= now + PATIENCE
        _, other = ask(after, "b", PACE, now)
        assert other.at is None or other.at - turn.at >= PACE


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b'{"last": "tomorrow"}', b'{"last": "2026-03-02T09:00:00"}'])
def test_an_object_that_is_broken_is_written_anew(body: bytes) -> None:
    world = QueueWorld(["one"])
    world.store.seed(keys.pace("api-gateway-domain"), body)
    assert world.publish(targets=["one"]).targets["one"].outcome == "updated"
    assert b"last" in world.store.body(keys.pace("api-gateway-domain"))


def outcomes(world: QueueWorld, **event: Any) -> list[str]:
    return [target.outcome for target in world.publish(**event).targets.values()]


def test_one_run_over_many_targets_updates_one_and_puts_the_others_off_without_asking_the_service() -> None:
    world = QueueWorld(["one", "two", "three"])
    assert outcomes(world) == ["updated", "put-off", "put-off"]
    assert len([call for call in world.domains.calls if call[0] == "update"]) == 1


def test_a_run_that_has_nothing_to_change_asks_for_no_turn() -> None:
    world = QueueWorld(["one"])
    world.publish()
    world.clock.advance(PACE)
    before = len(world.store.writes)
    assert outcomes(world) == ["unchanged"]
    assert len(world.store.writes) == before
