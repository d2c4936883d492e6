"""Publish ends in its time: no target is begun, and no alert handed over, for which too little is left."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher import publish as publishing
from rotation_watcher.deadline import CALL_TAKES
from rotation_watcher.errors import DeliveryTimedOut
from rotation_watcher.kinds import API_GATEWAY_DOMAIN
from rotation_watcher.targets.record import encode
from rotation_watcher.targets.requests import decode_request
from tests.support.alert_examples import EXAMPLES
from tests.support.fake_targets import FakeTrustTarget
from tests.support.small_world import ARNS, SmallWorld, folder, issued
from tests.support.words import word


class Timed(SmallWorld):
    """A world whose runs have ``left`` seconds; whoever takes time takes it from there."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 300.0

    def run(self, **event: object) -> publishing.Summary:
        ports = publishing.Ports(
            store=self.store,
            targets=self.adapters,
            sink=self.sink,
            queue=self.queue,
            clock=self.clock,
            wait=self.wait,
            owner=f"run-{self.runs}",
            claim_for=timedelta(minutes=6),
            remaining=lambda: self.left,
        )
        self.runs += 1
        return publishing.publish(self.watch, decode_request(dict(event)), ports)


def test_no_target_is_begun_for_which_no_time_is_left_and_it_is_named() -> None:
    world = Timed()
    first = next(iter(ARNS))

    def slow(_operation: str, subject: str) -> None:
        if subject == ARNS[first]:
            world.left = publishing.TARGET_TAKES - 1

    world.adapter(first).before = slow
    summary = world.run()
    assert summary.broken
    assert "the time of this run is up" in (summary.targets["api"].message or "")
    assert not [call for call in world.adapter("api").calls if call[0] == "update"]
    world.left = 300.0
    world.adapter(first).before = lambda *_: None
    assert not world.run().broken


def test_a_dry_run_tells_what_it_had_time_for_and_names_the_rest_to_be_asked_for() -> None:
    world = Timed()
    first, *others = ARNS

    def slow(_operation: str, subject: str) -> None:
        if subject == ARNS[first]:
            world.left = publishing.TARGET_TAKES - 1

    world.adapter(first).before = slow
    summary = world.run(dry_run=True)
    assert [*summary.targets] == [first]
    assert summary.left == others
    assert summary.failures() == [], "what was found is the answer, no error"
    assert f'"targets":["{others[0]}"' in summary.text[-1]
    world.left = 300.0
    assert [*world.run(dry_run=True, targets=summary.left).targets] == others


def test_a_dry_run_names_no_more_than_an_answer_of_lambda_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Timed()
    monkeypatch.setattr(publishing, "NAMED", 0)
    first, *others = ARNS
    summary = world.run(dry_run=True)
    assert summary.targets[first].added
    assert summary.left == others


def test_a_sink_that_hangs_costs_one_time_out_and_the_alerts_come_at_the_next_run() -> None:
    world = Timed()
    world.sink.before = lambda *_: _hang(world)
    summary = world.run(targets=["alb"])
    assert world.left == 300.0 - 25
    assert summary.targets["alb"].undelivered
    waiting = {alert.id for alert in world.record("alb").outbox}
    assert waiting
    world.sink.before = lambda *_: None
    world.run(targets=["alb"])
    assert waiting <= {alert.id for alert in world.sink.delivered}
    assert not world.record("alb").outbox


def _hang(world: Timed) -> None:
    world.left -= 25
    raise DeliveryTimedOut("no answer")


def test_thousands_of_alerts_that_somebody_else_put_there_are_not_delivered_and_cost_no_thousands_of_reads() -> None:
    world = Timed()
    world.run(targets=["alb"])
    many = tuple(msgspec.structs.replace(EXAMPLES["drift_found"], id=f"drift-found:alb:{n}") for n in range(3000))
    world.store.seed(keys.record(folder("alb")), encode(msgspec.structs.replace(world.record("alb"), outbox=many)))
    world.sink.delivered.clear()
    world.store.calls.clear()
    world.run(targets=["alb"])
    assert [word(alert) for alert in world.sink.delivered] == ["state-forged"]
    assert len(world.store.calls) < 200
    assert not world.record("alb").outbox


def test_a_proof_that_takes_too_long_is_left_to_the_next_run_and_nothing_is_rolled_back() -> None:
    world = Timed()
    adapter = FakeTrustTarget(API_GATEWAY_DOMAIN, world.store, world.clock, settle=timedelta(minutes=3))
    adapter.add(ARNS["api"], issued("Other").pem)
    world.adapters[API_GATEWAY_DOMAIN] = adapter
    world.run(targets=["api"])
    world.clock.advance(timedelta(minutes=10))
    assert world.run(targets=["api"]).targets["api"].outcome == "updated"
    world.widen("Root 1")
    world.clock.advance(timedelta(minutes=10))

    def slow(operation: str, _subject: str) -> None:
        if operation == "read":
            world.left -= 40

    adapter.before = slow
    assert world.run(targets=["api"]).targets["api"].outcome == "still-updating"
    assert world.left >= 2 * CALL_TAKES, "time to record and to tell"
    assert world.record("api").pending
    world.left, adapter.before = 300.0, lambda *_: None
    world.clock.advance(timedelta(minutes=10))
    assert world.run(targets=["api"]).targets["api"].outcome == "updated"
    assert [call[0] for call in adapter.calls].count("update") == 2


def test_the_store_is_asked_for_nothing_that_could_outlast_the_run() -> None:
    world = Timed()
    world.left = publishing.TARGET_TAKES

    def slow(_operation: str, _subject: str) -> None:
        assert world.left >= CALL_TAKES, "Lambda may kill the run in this call"
        world.left -= 10

    world.store.before = slow
    assert world.run(targets=["alb"]).broken == ["alb"]
