"""Publish is killed and run again. Every point of every call comes later; these five are the ones that matter most."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from local.environment import Environment
from rotation_watcher import keys, publish
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.errors import RequestRefused
from rotation_watcher.ports import BundleObject, ForwardingStore, Live, ObjectStore, TrustTarget, Written
from rotation_watcher.targets.record import Record, decode
from rotation_watcher.targets.requests import Reconcile
from tests.support.words import word

TARGET = "alb"


class Killed(BaseException):
    """The process dies: nothing of ours catches it, nothing is cleaned up."""


class Trap:
    """Dies at one point of a publish run."""

    def __init__(self, point: str) -> None:
        self.point = point

    def at(self, point: str) -> None:
        if point == self.point:
            raise Killed(point)


class TrappedStore(ForwardingStore):
    def __init__(self, store: ObjectStore, trap: Trap) -> None:
        super().__init__(store)
        self._trap = trap

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        written = self._store.put(key, body, content_type=content_type)
        if key.startswith("targets/") and key.endswith("/bundle.pem"):
            self._trap.at("after the put")
        return written

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        record = decode(body) if key.startswith("targets/") and key.endswith("/record.json") else None
        if record is not None and record.applied is not None and record.claim is None:
            self._trap.at("before the record")
        written = self._store.put_if(key, body, etag=etag, content_type=content_type)
        if record is not None and record.claim is not None:  # with what is asked for, in the same write
            self._trap.at("after the claim")
        return written


class TrappedTarget:
    def __init__(self, target: TrustTarget, trap: Trap) -> None:
        self._target, self._trap = target, trap

    def read(self, arn: str, known_endpoints: Any = ()) -> Live:
        return self._target.read(arn, known_endpoints)

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        self._target.update(arn, bundle, expected=expected)
        self._trap.at("after the update")


class TrappedSink:
    def __init__(self, sink: AlertSink, trap: Trap) -> None:
        self._sink, self._trap = sink, trap

    def deliver(self, alert: Alert) -> None:
        self._trap.at("before the alert")
        self._sink.deliver(alert)


def trapped(ports: publish.Ports, point: str) -> publish.Ports:
    trap = Trap(point)
    return msgspec.structs.replace(
        ports,
        store=TrappedStore(ports.store, trap),
        targets={kind: TrappedTarget(target, trap) for kind, target in ports.targets.items()},
        sink=TrappedSink(ports.sink, trap),
        owner="the run that dies",
    )


def final_state(environment: Environment) -> tuple[set[str], dict[str, Any], set[str]]:
    """What the target holds, what its record says of it (versions and moments aside), and the kinds of alerts."""
    record: Record = decode(environment.read(keys.record(environment.folder(TARGET))))
    applied = record.applied
    assert applied is not None
    said = {
        "fingerprints": applied.fingerprints,
        "ours": tuple(sorted(record.ours)),
        "proof": applied.proof,
        "claim": record.claim,
        "pending": record.pending,
        "hold": record.hold,
        "conditions": dict(record.conditions),
        "outbox": record.outbox,
    }
    environment.new_alerts()
    return set(environment.live(TARGET)), said, {word(alert) for alert in environment.alerts if alert.target == TARGET}


@pytest.fixture
def ready(make_environment: Callable[..., Environment]) -> Callable[[], Environment]:
    def make() -> Environment:
        environment = make_environment()
        environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_trust_store(TARGET, "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        environment.collect()
        return environment

    return make


@pytest.mark.parametrize(
    "point",
    ["after the claim", "after the put", "after the update", "before the record", "before the alert"],
)
def test_a_publish_that_is_killed_and_run_again_ends_as_if_nothing_had_happened(
    ready: Callable[[], Environment], point: str
) -> None:
    environment = ready()
    expected = {environment.world.region(region).root_pem() for region in ("us-east-1", "sa-east-1")}
    watch, request = environment.watcher.watch(), Reconcile(targets=(TARGET,))
    with pytest.raises(Killed, match=point):
        publish.publish(watch, request, trapped(environment.watcher.publish, point))
    environment.watcher = environment.build()  # a new container
    meanwhile = environment.publish(TARGET).targets[TARGET].outcome
    environment.clock.advance(timedelta(minutes=7))  # longer than the claim of the dead run
    environment.publish(TARGET)
    live, said, kinds = final_state(environment)
    assert meanwhile == ("updated" if point == "after the put" else "claimed-by-another")
    assert {block.pem for block in environment.live(TARGET).values()} == expected
    assert set(said["fingerprints"]) == live
    assert len(said["ours"]) == 1
    assert said["proof"] == "bytes"
    assert (said["claim"], said["pending"], said["hold"], said["conditions"], said["outbox"]) == (
        None,
        None,
        None,
        {},
        (),
    )
    assert kinds == {"truststore-updated"}
    updates = [alert.id for alert in environment.alerts if word(alert) == "truststore-updated"]
    assert len(set(updates)) == 1


def test_an_alert_that_the_sink_refuses_stays_and_is_delivered_by_the_next_run(
    ready: Callable[[], Environment],
) -> None:
    environment = ready()
    environment.watch["bundles"][0]["extra"] = ["extra/none.pem"]
    environment.configure()
    environment.aws.fail_next("sns", "Publish", "InternalError", status=500, times=4)
    first = environment.publish(TARGET).targets[TARGET]
    assert first.outcome == "updated"
    assert len(first.undelivered) == 1
    assert [word(alert) for alert in environment.new_alerts() if alert.target] == ["truststore-updated"], "it waits"
    second = environment.publish(TARGET).targets[TARGET]
    assert (second.outcome, second.undelivered) == ("unchanged", [])
    assert [word(alert) for alert in environment.new_alerts() if alert.target] == ["file-damaged"]


def test_an_update_whose_answer_is_lost_is_found_and_proved(ready: Callable[[], Environment]) -> None:
    environment = ready()
    environment.aws.fail_next("elbv2", "ModifyTrustStore", "InternalFailure", status=500, times=4, after=True)
    first = environment.publish(TARGET).targets[TARGET].outcome
    environment.clock.advance(timedelta(minutes=5))
    second = environment.publish(TARGET).targets[TARGET].outcome
    assert (first, second) == ("failed", "updated")
    record: Record = msgspec.json.decode(environment.read(keys.record(environment.folder(TARGET))), type=Record)
    assert record.pending is None
    assert len(record.ours) == 1


def test_a_rollback_asked_for_again_by_whoever_got_no_answer_does_not_bring_back_what_was_left(
    ready: Callable[[], Environment],
) -> None:
    environment = ready()
    environment.publish(TARGET)
    environment.put("extra/more.pem", environment.world.region("ca-central-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.configure()
    environment.publish(TARGET)
    new = set(environment.live(TARGET))
    assert environment.publish(rollback=TARGET).targets[TARGET].outcome == "rolled-back"
    old = set(environment.live(TARGET))
    assert old < new
    with pytest.raises(RequestRefused, match="already rolled back"):
        environment.publish(rollback=TARGET)
    assert set(environment.live(TARGET)) == old
    record = decode(environment.read(keys.record(environment.folder(TARGET))))
    versions = record.versions
    assert record.applied is not None
    again = environment.publish(rollback=TARGET, to=record.applied.version).targets[TARGET]
    assert (again.outcome, set(environment.live(TARGET))) == ("held", old)
    assert decode(environment.read(keys.record(environment.folder(TARGET)))) == record
    assert environment.publish(rollback=TARGET, to=versions[0].version).targets[TARGET].outcome == "rolled-back"
    assert set(environment.live(TARGET)) == new
