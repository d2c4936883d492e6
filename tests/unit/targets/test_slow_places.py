"""Where a service gives no answer each look waits in vain: what it has of targets keeps no sweep from all the rest."""

from datetime import timedelta
from typing import override

import pytest

from rotation_watcher import config
from rotation_watcher import publish as publishing
from rotation_watcher.errors import TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.run_store import Memory
from rotation_watcher.targets.requests import decode_request
from tests.support.fake_targets import FakeTrustTarget
from tests.support.queue_world import SECRET, QueueWorld
from tests.support.small_world import issued
from tests.support.watch_files import watch_file

SWEEP = decode_request({"sweep": True})
EVERY = timedelta(minutes=15)
TIMEOUT = timedelta(seconds=300)


def store(number: int) -> str:
    return f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/s{number}/{number:016x}"


class HalfSilent(QueueWorld):
    """Domains that answer, behind ``stores`` of which the ``silent`` ones cost ``wait_for`` each."""

    def __init__(self, domains: int, stores: int, wait_for: timedelta) -> None:
        self.stores = stores
        self.silent = {*range(stores)}
        super().__init__([f"d{number}" for number in range(domains)])
        self.memory = Memory()
        self.wait_for = wait_for
        self.error: type[TargetError] = TargetError
        self.asked: list[int] = []
        self.trust_stores = FakeTrustTarget(ALB_TRUST_STORE, self.store, self.clock)
        self.adapters[ALB_TRUST_STORE] = self.trust_stores
        for number in range(stores):
            self.trust_stores.add(store(number), issued("Other").pem)
        self.trust_stores.before = self._hang

    @property
    @override
    def watch(self) -> config.Watch:
        document = {
            "mode": "observe",
            "sources": [{"id": "use1", "region": "us-east-1", "credentials": SECRET}],
        }
        domains = [{"id": one.id, "arn": one.arn, "bundle": "main"} for one in super().watch.targets]
        stores = [{"id": f"s{number}", "arn": store(number), "bundle": "main"} for number in range(self.stores)]
        return watch_file(document | {"bundles": [{"id": "main", "sources": ["use1"]}], "targets": [*stores, *domains]})

    def sweep_in_time(self) -> publishing.Summary:
        """The Scheduler's run, with the function's time-out."""
        self.asked.clear()
        for looks in self.looks.values():
            looks.clear()
        end = self.clock() + TIMEOUT
        self.remaining = lambda: (end - self.clock()).total_seconds()  # noqa: PLW0108  # the clock goes on
        summary = self.call(SWEEP)
        self.clock.advance(EVERY)
        return summary

    @property
    def seen(self) -> set[str]:
        return {name for name, looks in self.looks.items() if looks}

    def _hang(self, operation: str, subject: str) -> None:
        number = int(subject.rpartition("/")[2], 16)
        if operation == "read":
            self.asked.append(number)
        if number in self.silent:
            self.clock.advance(self.wait_for)
            raise self.error(f"cannot read {subject}: Read timeout on endpoint URL")


@pytest.mark.parametrize("seconds", [5, 27, 67])
def test_a_service_that_gives_no_answer_keeps_no_sweep_from_the_targets_of_another(seconds: int) -> None:
    world = HalfSilent(5, 100, timedelta(seconds=seconds))
    for _ in range(2):
        world.sweep_in_time()
    for _ in range(3):
        summary = world.sweep_in_time()
        assert world.seen == {*world.names}
        assert {summary.targets[f"s{number}"].outcome for number in range(100)} == {"target-failed"}
        assert len(world.asked) == 1


def test_who_is_not_asked_for_it_is_told_with_why() -> None:
    world = HalfSilent(1, 9, timedelta(seconds=27))
    for _ in range(3):
        world.sweep_in_time()
    summary = world.sweep_in_time()
    assert "not asked in this run" in str(summary.targets["s8"].message)
    assert "cannot read arn:aws:elasticloadbalancing" in str(summary.targets["s8"].message)
    told = {alert.target for alert in world.sink.delivered if alert.kind == "truststore-update-failed"}
    assert {f"s{number}" for number in range(9)} <= told


def test_one_target_alone_that_gives_no_answer_keeps_no_other_of_its_service_from_being_looked_at() -> None:
    world = HalfSilent(3, 9, timedelta(seconds=27))
    world.silent = {4}
    for _ in range(3):
        world.sweep_in_time()
        assert world.asked == [*range(9)]
        assert world.seen == {*world.names}


def test_when_it_answers_again_all_are_looked_at() -> None:
    world = HalfSilent(3, 9, timedelta(seconds=27))
    for _ in range(3):
        world.sweep_in_time()
    world.silent = set()
    world.sweep_in_time()
    assert sorted(world.asked) == [*range(9)]


def test_what_is_refused_at_once_is_no_reason_to_ask_no_further() -> None:
    world = HalfSilent(3, 9, timedelta(seconds=1))
    for _ in range(3):
        world.sweep_in_time()
        assert world.asked == [*range(9)]


@pytest.mark.parametrize("error", [TargetBusy, TargetDenied, TargetNotFound])
def test_a_late_answer_is_an_answer(error: type[TargetError]) -> None:
    """Such as one that throttles, after each try of the SDK: those behind would never have their turn."""
    world = HalfSilent(3, 9, timedelta(seconds=8))
    world.error = error
    for _ in range(3):
        world.sweep_in_time()
        assert world.asked == [*range(9)]
