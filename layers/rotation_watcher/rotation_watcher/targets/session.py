"""One run at one target: the claim, the record and its outbox, and the summary that a person reads."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.config import Target, Watch
from rotation_watcher.errors import Conflict, StoreError, TargetError
from rotation_watcher.kinds import Kind
from rotation_watcher.ports import Clock, ObjectStore, PublishQueue, TrustTarget, Wait
from rotation_watcher.targets import deploy
from rotation_watcher.targets.record import Claim, Record
from rotation_watcher.targets.repository import load_record
from rotation_watcher.targets.snapshot import Snapshot, take_snapshot
from rotation_watcher.targets.summary import TargetSummary, describe

replace = msgspec.structs.replace

_TRIES = 4


class Ports(NamedTuple):
    """What publish needs of the world. ``claim_for`` outlasts the function's timeout; ``owner`` names this run."""

    store: ObjectStore
    targets: Mapping[Kind, TrustTarget]
    sink: AlertSink
    queue: PublishQueue
    clock: Clock
    wait: Wait
    owner: str
    claim_for: timedelta

    def adapter(self, target: Target) -> TrustTarget:
        """Who speaks to this kind of target."""
        return self.targets[arns.parse_target(target.arn).kind]

    def tools(self, target: Target) -> deploy.Tools:
        """What changing this target needs."""
        return deploy.Tools(self.store, self.adapter(target), self.clock, self.wait)


def claim(watch: Watch, snapshot: Snapshot, record: Record, ports: Ports) -> Snapshot:
    """Write the claim, then look again: only what is read after claiming may be acted upon. Raises Conflict."""
    now = ports.clock()
    mine = Claim(ports.owner, now + ports.claim_for)
    etag = deploy.write(ports.store, replace(record, claim=mine), snapshot.etag)
    try:
        return take_snapshot(watch, snapshot.target, snapshot.view, ports.store, ports.adapter(snapshot.target), now)
    except TargetError:
        deploy.write(ports.store, replace(record, claim=None), etag)
        raise


def overtaken(snapshot: Snapshot, ports: Ports) -> TargetSummary:
    """Somebody else wrote the record meanwhile, and is at work. Raises StoreError where nobody did.

    A bucket that refuses every conditional write must not look like a busy colleague for ever.
    """
    _, etag = load_record(ports.store, snapshot.target)
    if etag == snapshot.etag:
        raise StoreError(f"{keys.record(snapshot.target.id)} cannot be written: S3 speaks of a conflict that is none")
    return describe(snapshot, "claimed-by-another")


def finish(snapshot: Snapshot, record: Record, outcome: str, ports: Ports) -> TargetSummary:
    """Write the record if it changed, then hand over what waits in its outbox."""
    summary = describe(snapshot._replace(record=record), outcome)
    etag = snapshot.etag
    if record != snapshot.record:
        try:
            etag = deploy.write(ports.store, record, etag)
        except Conflict:
            return overtaken(snapshot, ports)
    summary.undelivered = list(deliver(record, etag, snapshot.target, ports))
    return summary


def deliver(record: Record, etag: str | None, target: Target, ports: Ports) -> tuple[str, ...]:
    """Deliver the outbox and take out what was delivered. Raises StoreError."""
    if not record.outbox:
        return ()
    taken, errors = outbox.deliver(record.outbox, ports.sink)
    for _ in range(_TRIES if taken else 0):
        try:
            deploy.write(ports.store, record.delivered(taken), etag)
        except Conflict:
            record, etag = load_record(ports.store, target)
        else:
            return errors
    if taken:
        raise StoreError(f"{keys.record(target.id)} was written by somebody else {_TRIES} times in a row")
    return errors
