"""What a person asks of a target: to go back to an earlier version, and to release what is held."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import admits
from rotation_watcher.config import Mode, Watch
from rotation_watcher.errors import Conflict, RequestRefused
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import conditions, deploy
from rotation_watcher.targets.record import Applied, HoldReason, Record
from rotation_watcher.targets.session import Ports, claim, finish
from rotation_watcher.targets.snapshot import Snapshot, deployed, take_snapshot
from rotation_watcher.targets.summary import TargetSummary
from rotation_watcher.x509.certificates import Block

replace = msgspec.structs.replace


def roll_back(watch: Watch, snapshot: Snapshot, to: str | None, ports: Ports) -> TargetSummary:
    """Go back to the earlier version ``to`` (None: the one before). What others have put there since stays.

    Raises RequestRefused where there is none, where it would refuse a current leaf, or where somebody else is at work.
    """
    now, record, target = ports.clock(), snapshot.record, snapshot.target
    version = _version(snapshot, to)
    held = deployed(ports.store, target, version.version)
    if held is None:
        where = f"{keys.deployed(target.id)} version {version.version}"
        raise RequestRefused(f"{target.id}: {where} is gone from the bucket")
    others = snapshot.blocks.keys() - record.ours.keys()
    if _is_back(record) and {*held} <= {*snapshot.blocks} <= {*held} | others:
        return finish(snapshot, conditions.notice(snapshot, Mode.APPLY, now), "held", ports)
    _refuse_harm(snapshot, version, held, now)
    if record.claimed(ports.owner, now):
        raise RequestRefused(f"{target.id}: another run is at work until {record.claim and record.claim.until}")
    try:
        claimed = claim(watch, snapshot, conditions.notice(snapshot, Mode.APPLY, now), ports)
    except Conflict as error:
        raise RequestRefused(f"{target.id}: another run is at work; try again in a few minutes") from error
    outcome = deploy.go_back(claimed, version, held, ports.tools(target))
    acted = claimed._replace(etag=outcome.etag, record=outcome.record)
    return finish(acted, outcome.record, outcome.word, ports)


def _is_back(record: Record) -> bool:
    """Whether a person has rolled it back, and nobody has released it since."""
    return record.pending is None and record.hold is not None and record.hold.reason is HoldReason.BY_HAND


def _version(snapshot: Snapshot, to: str | None) -> Applied:
    """The version that is meant. Raises RequestRefused."""
    record, target = snapshot.record, snapshot.target
    known = {one.version: one for one in record.versions}
    if _is_back(record):
        # Whoever got no answer asks again: the same version is no news, "the one before" is now the one that was left.
        if to is None and record.hold:
            raise RequestRefused(
                f"{target.id}: already rolled back by hand, at {record.hold.since:%Y-%m-%d %H:%M} UTC: release it,"
                ' or name the version to go to with "to"'
            )
        known |= {record.applied.version: record.applied} if record.applied else {}
    version = to or next(iter(known), None)
    if version is None or version not in known:
        listed = ", ".join(known) or "none"
        raise RequestRefused(f"{target.id}: no such earlier version {version or ''}; known: {listed}")
    return known[version]


def _refuse_harm(snapshot: Snapshot, version: Applied, held: Mapping[str, Block], now: datetime) -> None:
    """Raise RequestRefused where the version would refuse a current leaf."""
    certificates = [block.certificate for block in held.values() if block.certificate]
    for need in snapshot.view.wanted.needs:
        current = need.required(now) and need.state.status is Status.CURRENT
        if current and not admits(certificates, need, now):
            raise RequestRefused(
                f"{snapshot.target.id}: version {version.version} would refuse the current leaf"
                f" {need.certificate.fingerprint[:16]} ({need.certificate.facts.subject}) of source {need.source}:"
                " data actions would fail"
            )


def release(watch: Watch, snapshot: Snapshot, ports: Ports) -> Snapshot:
    """End a hold and let held removals pass, by a person's word; then the ordinary look follows."""
    record = replace(snapshot.record, hold=None, released=snapshot.plan.held)
    if record != snapshot.record:
        deploy.write(ports.store, record, snapshot.etag)
    return take_snapshot(
        watch, snapshot.target, snapshot.view, ports.store, ports.adapter(snapshot.target), ports.clock()
    )
