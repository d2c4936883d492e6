"""Another tool puts its bundle back after each update: one condition, and no more updates than are needed."""

from collections import Counter
from datetime import timedelta

import pytest

from rotation_watcher import keys
from tests.support.small_world import ARNS, SmallWorld, issued, root

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
        self.versions = len(self.world.store.versions[keys.record("alb")])
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
        return Counter(alert.kind.value for alert in self.world.sink.delivered)

    def written(self) -> int:
        return len(self.world.store.versions[keys.record("alb")]) - self.versions

    def updated(self) -> int:
        return self._updates() - self.updates

    def _updates(self) -> int:
        return sum(call[0] == "update" for call in self.world.adapter("alb").calls)


def test_a_war_that_shuts_nobody_out_is_one_condition_and_one_update_an_hour() -> None:
    war = War("Other", "Root 0")
    war.rage(SIX_HOURS)

    assert war.told() == {"drift-found": 1, "truststore-updated": 2, "contended": 1}
    assert war.updated() <= 3 + 6
    assert war.written() <= 4 * 9


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
    (alert,) = [one for one in war.world.sink.delivered if one.kind == "contended"]
    assert alert.severity == ("warning" if "Root 0" in theirs else "critical")
    assert "After 3 updates" in alert.what_happened
    command = alert.what_to_do.splitlines()[-1]
    assert command.startswith("aws cloudtrail lookup-events --region us-east-1 --start-time 2026-03-02T09:05:00Z")
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
    assert not [key for key in war.world.record("alb").conditions if key.startswith(("contended:", "drift:"))]
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
