"""Another tool puts its bundle back after each update: one condition, and no more updates than are needed."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.model import Status
from tests.support import certs
from tests.support.small_world import ARNS, SmallWorld, folder, issued, root
from tests.support.words import word

PERIOD = timedelta(minutes=5)
SIX_HOURS = timedelta(hours=6) // PERIOD


class War:
    """Every five minutes the other tool puts ``theirs`` back, and publish runs twenty seconds later."""

    def __init__(self, *theirs: str) -> None:
        self.world = SmallWorld()
        self.world.widen("Extra")
        self.world.publish(targets=["alb"])
        self.theirs = b"".join(issued(name).pem for name in theirs)
        self.world.sink.delivered.clear()
        self.versions = len(self.world.store.versions[keys.record(folder("alb"))])
        self.updates = self._updates()

    def rage(self, rounds: int, *, peace: bool = False) -> list[str]:
        """So many periods; what became of each run."""
        outcomes = []
        for _ in range(rounds):
            self.world.clock.advance(PERIOD - timedelta(seconds=20))
            if not peace:
                self.world.adapter("alb").held[ARNS["alb"]].bundle = self.theirs
            self.world.clock.advance(timedelta(seconds=20))
            outcomes.append(self.world.publish(targets=["alb"]).targets["alb"].outcome.value)
        return outcomes

    def told(self) -> Counter[str]:
        return Counter(word(one) for one in self.world.sink.delivered if one.status is not Status.RESOLVED)

    def written(self) -> int:
        return len(self.world.store.versions[keys.record(folder("alb"))]) - self.versions

    def updated(self) -> int:
        return self._updates() - self.updates

    def _updates(self) -> int:
        return sum(call[0] == "update" for call in self.world.adapter("alb").calls)


def test_a_war_that_shuts_nobody_out_is_one_condition_and_one_update_an_hour() -> None:
    war = War("Other", "Root 0")
    war.rage(SIX_HOURS)

    assert war.told() == {"drift-found": 1, "truststore-updated": 2, "contended": 1}
    assert war.updated() <= 3 + 6
    assert war.written() <= 4 * 9 + 2, "the last two: the drift for which the condition stands is over"


def test_a_war_that_shuts_genesys_out_is_one_condition_and_is_fought_at_every_run() -> None:
    war = War("Other")
    war.rage(SIX_HOURS)

    assert war.told() == {"drift-found": 1, "truststore-updated": 2, "contended": 1}
    assert war.updated() == SIX_HOURS
    assert root("Root 0") in war.world.live("alb")


@pytest.mark.parametrize("theirs", [("Other",), ("Other", "Root 0")])
def test_the_alert_says_how_often_and_how_to_find_the_other_tool(theirs: tuple[str, ...]) -> None:
    war = War(*theirs)
    war.rage(3)
    (alert,) = [one for one in war.world.sink.delivered if word(one) == "contended"]
    assert alert.severity == ("warning" if "Root 0" in theirs else "critical")
    assert "After 3 updates" in alert.what_happened
    command = alert.what_to_do.splitlines()[-1]
    assert command.startswith("aws cloudtrail lookup-events --region")
    assert "--start-time 2026-03-02T09:05:00Z" in command
    assert "AttributeKey=EventName,AttributeValue=ModifyTrustStore" in command
    assert "0123456789abcdef" in command
    assert not command.endswith("…")


def test_something_new_is_deployed_at_once_in_the_middle_of_a_war_and_alerted() -> None:
    war = War("Other", "Root 0")
    war.rage(6)
    war.world.sink.delivered.clear()
    war.world.widen("Another")
    assert war.rage(1) == ["updated"]
    assert root("Another") in war.world.live("alb")
    assert war.told()["truststore-updated"] == 1


def test_a_leaf_that_is_refused_in_the_middle_of_a_war_is_let_in_at_once() -> None:
    war = War("Other", "Root 0")
    war.rage(6)
    war.theirs = issued("Other").pem
    assert war.rage(1) == ["updated"]


def test_a_war_that_is_over_is_over_and_the_next_one_is_alerted_again() -> None:
    war = War("Other", "Root 0")
    war.rage(6)
    war.rage(SIX_HOURS + 20, peace=True)
    assert not [key for key in war.world.record("alb").conditions if key.startswith(("contended", "drift:"))]
    war.world.sink.delivered.clear()

    war.rage(1)
    assert war.told() == {"drift-found": 1, "truststore-updated": 1}
    war.rage(3)
    assert war.told()["contended"] == 1


def test_a_run_in_a_pause_of_the_war_writes_nothing() -> None:
    war = War("Other", "Root 0")
    war.rage(5)
    before = war.written()
    assert war.rage(3) == ["put-off"] * 3
    assert war.written() == before


def by_comment(number: int) -> bytes:
    return f"# written by the other tool, run {number}\n".encode() + issued("Other").pem


def by_new_authority(number: int) -> bytes:
    return issued("Other").pem + certs.self_signed_ca(f"Partner {number}").pem


def by_two_bundles(number: int) -> bytes:
    return issued("Other" if number % 2 else "Other 2").pem


def by_what_it_leaves_of_ours(number: int) -> bytes:
    return issued("Other").pem + issued("Root 0" if number % 2 else "Extra").pem


def by_order(number: int) -> bytes:
    both = [issued("Other").pem, issued("Other 2").pem]
    return b"".join(both if number % 2 else both[::-1])


def by_nothing(_: int) -> bytes:
    return issued("Other").pem


WARS = [by_comment, by_new_authority, by_two_bundles, by_what_it_leaves_of_ours, by_order, by_nothing]


def fought(bundle: Callable[[int], bytes], target: str, period: timedelta, lasting: timedelta) -> Counter[str]:
    """The alerts of a war in which the other tool writes another bundle each time; publish runs every five minutes."""
    world = SmallWorld()
    world.widen("Extra")
    world.publish(targets=[target])
    world.sink.delivered.clear()
    for number in range(lasting // PERIOD):
        world.clock.advance(PERIOD)
        held = world.adapter(target).held[ARNS[target]]
        if not number * PERIOD % period:
            held.bundle = bundle(number * PERIOD // period)
            if target == "api":
                held.location, held.version = "s3://theirs/bundle.pem", f"theirs-{number}"
        world.publish(targets=[target])
    return Counter(word(one) for one in world.sink.delivered if one.status is not Status.RESOLVED)


@pytest.mark.parametrize("target", ARNS)
@pytest.mark.parametrize("bundle", WARS)
def test_a_war_is_one_condition_whatever_else_the_other_tool_changes(
    bundle: Callable[[int], bytes], target: str
) -> None:
    told = fought(bundle, target, PERIOD, timedelta(hours=6))
    assert told["contended"] == 1
    assert told.total() <= 5, told


@pytest.mark.parametrize("minutes", [10, 15, 20, 60, 180])
def test_a_war_of_a_slower_tool_is_one_condition_too(minutes: int) -> None:
    told = fought(by_new_authority, "alb", timedelta(minutes=minutes), timedelta(days=1))
    assert told["contended"] == 1
    assert told.total() <= 5, told


def test_what_others_only_add_in_the_middle_of_a_war_is_alerted() -> None:
    war = War("Other", "Root 0")
    war.rage(6)
    war.rage(13, peace=True)
    war.world.sink.delivered.clear()
    war.world.adapter("alb").held[ARNS["alb"]].bundle += issued("Stranger").pem  # type: ignore[operator]  # it holds one
    war.rage(1, peace=True)
    assert war.told() == {"drift-found": 1}


def test_the_alert_names_what_the_other_tool_puts_in() -> None:
    war = War("Other", "Stranger")
    war.rage(3)
    (alert,) = [one for one in war.world.sink.delivered if word(one) == "contended"]
    assert "may let others in" in alert.what_it_means


def test_a_war_that_people_turned_to_observe_hides_no_drift_for_ever() -> None:
    war = War("Other", "Root 0")
    war.rage(6)
    war.world.mode = "observe"
    war.rage(SIX_HOURS + 6)
    assert war.told()["drift-found"] == 2
