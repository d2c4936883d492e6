"""Change one target and prove it: claim, put, pin the version, update, wait, read back, record; or go back.

Contract of ``deploy``. It is called with the claim written and the survey made after it. When it returns, the record
in the store says what became of the update: proved (``applied``), still to be proved (``pending``: the next run
proves it), refused or rolled back (``hold``), or put off (``not_before``); the claim is gone. A crash at any point
leaves a claim that expires, at most one object version that nothing uses, and a ``pending`` that the next run takes
up: what the watcher added is known before the target can hold it, so it is never mistaken for somebody else's.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.config import Target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError
from rotation_watcher.ports import Clock, Live, ObjectStore, TrustTarget, Wait
from rotation_watcher.sources.history import Status
from rotation_watcher.targets import conditions
from rotation_watcher.targets.record import KEPT_VERSIONS, Applied, Hold, HoldReason, Pending, Record, encode
from rotation_watcher.targets.snapshot import Snapshot, deployed
from rotation_watcher.x509.certificates import Block, Certificate, blocks_of

replace = msgspec.structs.replace

PACE = timedelta(seconds=31)
"""API Gateway takes one UpdateDomainName in 30 seconds per account (AWS quota, not raisable)."""
READBACK_SECONDS = 3.0
"""Seconds between two read-backs."""
READBACKS = 20
"""How many read-backs one run makes before it leaves the proof to the next one."""


class Tools(NamedTuple):
    """What a deployment needs of the world."""

    store: ObjectStore
    adapter: TrustTarget
    clock: Clock
    wait: Wait


class Outcome(NamedTuple):
    """What became of it, in one word for the summary and with the record as written."""

    word: str
    record: Record
    etag: str


def write(store: ObjectStore, record: Record, etag: str | None) -> str:
    """Write a record if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = encode(record)
    return store.put_if(keys.record(record.target), body, etag=etag, content_type=keys.JSON_TYPE).etag


def deploy(snapshot: Snapshot, tools: Tools) -> Outcome:
    """Deploy the survey's plan. ``found.record`` carries this run's claim and is what the store holds."""
    now = tools.clock()
    body, content = conditions.content_of(snapshot.plan.desired.values())
    record, etag = snapshot.record, snapshot.etag
    if record.applied is None and snapshot.blocks:
        record = replace(record, versions=as_found(snapshot, tools.store, now))
    version = _put(tools.store, snapshot.target, body)
    asked_before = record.pending is not None and record.pending.sha256 == content
    pending = Pending(
        version=version,
        sha256=content,
        fingerprints=tuple(sorted(snapshot.plan.desired)),
        ours=tuple(sorted({*record.ours, *snapshot.plan.added} & {*snapshot.plan.desired})),
        added=snapshot.plan.added,
        removed=snapshot.plan.removed,
        at=record.pending.at if record.pending and asked_before else now,
    )
    return _carry_out(snapshot, replace(record, pending=pending), etag, tools)


def go_back(snapshot: Snapshot, to: Applied, held: Mapping[str, Block], tools: Tools) -> Outcome:
    """Deploy an earlier version again, by hand. The caller saw to it that ``held``, its content, refuses no one."""
    gone = snapshot.record.applied
    to = _with_others(snapshot, to, held, tools)
    pending = Pending(
        version=to.version,
        sha256=to.sha256,
        fingerprints=to.fingerprints,
        ours=to.ours,
        added=tuple(sorted({*to.fingerprints} - {*snapshot.blocks})),
        removed=tuple(sorted({*snapshot.blocks} - {*to.fingerprints})),
        at=tools.clock(),
        hold=HoldReason.BY_HAND,
        why="A person asked for it.",
        rolled_back_from=(gone.version, gone.sha256) if gone else ("", ""),
    )
    return _carry_out(snapshot, replace(snapshot.record, pending=pending), snapshot.etag, tools)


def _with_others(snapshot: Snapshot, to: Applied, held: Mapping[str, Block], tools: Tools) -> Applied:
    """The earlier version as it can be deployed: with what others have put there since, which is theirs alone."""
    others = {
        key: block for key, block in snapshot.blocks.items() if key not in held and key not in snapshot.record.ours
    }
    if not others:
        return replace(to, fingerprints=tuple(sorted(held)))
    body, content = conditions.content_of([*held.values(), *others.values()])
    version = _put(tools.store, snapshot.target, body)
    return replace(to, version=version, sha256=content, fingerprints=tuple(sorted({*held, *others})))


def prove(snapshot: Snapshot, tools: Tools) -> Outcome:
    """Take up an update that an earlier run asked for: it may have been proved since, or failed, or never arrived."""
    return _settle(snapshot, snapshot.record, snapshot.etag, tools, patience=READBACKS)


def resume(snapshot: Snapshot, tools: Tools) -> Outcome:
    """Ask again for a going back that an earlier run wrote down but may never have asked for."""
    return _carry_out(snapshot, snapshot.record, snapshot.etag, tools)


def as_found(snapshot: Snapshot, store: ObjectStore, now: datetime) -> tuple[Applied, ...]:
    """What a target held when the watcher met it, as a version of its own.

    One can go back to it, and if mutual TLS is turned off it tells what others had there.
    """
    body, content = conditions.content_of(snapshot.blocks.values())
    original = Applied(
        version=_put(store, snapshot.target, body),
        sha256=content,
        fingerprints=tuple(sorted(snapshot.blocks)),
        at=now,
        proof="as-found",
    )
    return (original,)


def _put(store: ObjectStore, target: Target, body: bytes) -> str:
    """Put the bundle; its exact version. The newest one is used again if a crashed run left the same bytes."""
    key = keys.deployed(target.id)
    newest = store.get(key)
    if newest is not None and newest.body == body and newest.version:
        return newest.version
    version = store.put(key, body, content_type=keys.PEM_TYPE).version
    if not version:
        raise TargetError(f"the bucket {store.bucket} is not versioned: turn versioning on, as the template does")
    return version


def _carry_out(snapshot: Snapshot, record: Record, etag: str | None, tools: Tools) -> Outcome:
    pending = record.pending
    if pending is None:
        raise TargetError("nothing to carry out")
    etag = write(tools.store, record, etag)
    key = keys.deployed(snapshot.target.id)
    try:
        tools.adapter.update(snapshot.target.arn, bucket=tools.store.bucket, key=key, version=pending.version)
    except TargetBusy as error:
        # The answer to a request that did arrive may have been lost before this one: pending stays.
        now = tools.clock()
        put_off = replace(record, claim=None, not_before=now + PACE)
        return _done("put-off", conditions.update_failed(put_off, snapshot, error, pending.sha256, now), etag, tools)
    except BundleRejected as error:
        now = tools.clock()
        hold = Hold(reason=HoldReason.REJECTED, sha256=pending.sha256, since=now)
        held = replace(record, pending=None, claim=None, hold=hold)
        return _done("rejected", conditions.update_failed(held, snapshot, error, pending.sha256, now), etag, tools)
    except TargetError as error:
        # It may have arrived all the same (a lost answer): pending stays, and the next run looks before it acts.
        asked = replace(record, claim=None)
        return _done(
            "failed", conditions.update_failed(asked, snapshot, error, pending.sha256, tools.clock()), etag, tools
        )
    return _settle(snapshot, record, etag, tools, patience=READBACKS)


def _settle(snapshot: Snapshot, record: Record, etag: str | None, tools: Tools, *, patience: int) -> Outcome:
    """Read back until the target shows what was meant; a read-back that shows the state before is merely stale."""
    pending = record.pending
    if pending is None:
        raise TargetError("nothing to prove")
    live, blocks = snapshot.live, snapshot.blocks
    for attempt in range(patience):
        try:
            live = tools.adapter.read(snapshot.target.arn, record.endpoints)
        except TargetError:
            live = snapshot.live  # it was asked to change, and may well have: the claim must not be left behind now
        blocks = blocks_of(live.bundle)
        if live.settled and _shows(live, blocks, pending, tools.store, snapshot.target):
            return _done(*_proved(snapshot, record, live, tools), etag, tools)
        if attempt + 1 < patience:
            tools.wait(READBACK_SECONDS)
    now = tools.clock()
    broken = [need for need in _required(snapshot, now) if not admits(_certificates(blocks), need, now)]
    if live.settled and {*blocks} != {*snapshot.blocks} and broken and pending.hold is None:
        return _roll_back(snapshot, record, pending, etag, broken, tools)
    reason = "still-updating" if not live.settled else "unproven"
    after = conditions.unproven(replace(record, claim=None), snapshot, pending, reason, broken, now)
    return _done(reason, after, etag, tools)


def _shows(live: Live, blocks: Mapping[str, Block], pending: Pending, store: ObjectStore, target: Target) -> bool:
    if {*blocks} != {*pending.fingerprints}:
        return False
    ours = (f"s3://{store.bucket}/{keys.deployed(target.id)}", pending.version)
    return live.location is None or (live.location, live.version) == ours


def _required(snapshot: Snapshot, now: datetime) -> list[Need]:
    return [need for need in snapshot.view.wanted.needs if need.required(now)]


def _certificates(blocks: Mapping[str, Block]) -> list[Certificate]:
    return [block.certificate for block in blocks.values() if block.certificate]


def _proved(snapshot: Snapshot, record: Record, live: Live, tools: Tools) -> tuple[str, Record]:
    """The record of an update that has been read back, with what people are told of it."""
    now, pending = tools.clock(), record.pending
    if pending is None:
        raise TargetError("nothing was proved")
    applied = Applied(
        version=pending.version,
        sha256=pending.sha256,
        fingerprints=pending.fingerprints,
        ours=pending.ours,
        at=now,
        proof=live.proof,
    )
    earlier = (record.applied, *record.versions) if record.applied else record.versions
    versions = tuple(one for one in earlier if one.version and one.version != applied.version)[:KEPT_VERSIONS]
    ours = {key: record.ours.get(key, now) for key in pending.ours}
    after = replace(
        record,
        claim=None,
        pending=None,
        applied=applied,
        versions=versions,
        ours=ours,
        released=(),
        not_before=None,
    )
    after = conditions.proved(after, now)
    name = conditions.target_name(snapshot.target)
    if pending.hold is not None:
        from_version, rolled_back_from = pending.rolled_back_from
        after = replace(after, hold=Hold(reason=pending.hold, sha256=rolled_back_from, since=now))
        told = builders.rolled_back(
            target=name,
            from_version=from_version or "(not deployed by the watcher)",
            to_version=applied.version,
            why=pending.why,
            by_hand=pending.hold is HoldReason.BY_HAND,
            now=now,
        )
        return "rolled-back", after.told(told)
    after = replace(after, hold=None)  # what was held was another content, or this one would not have been deployed
    updated = builders.truststore_updated(
        target=name,
        added=conditions.facts_of(snapshot, pending.added),
        removed=conditions.facts_of(snapshot, pending.removed),
        kept_foreign=len({*pending.fingerprints} - {*snapshot.view.wanted.certificates}),
        bucket=tools.store.bucket,
        key=keys.deployed(snapshot.target.id),
        version=applied.version,
        proof=applied.proof,
        content=applied.sha256,
        since=pending.at,
        now=now,
    )
    after = _warn_of_warnings(snapshot, after.told(updated), live, now)
    return "updated", conditions.shared_authority(after, snapshot, tools.store.bucket, now)


def _warn_of_warnings(snapshot: Snapshot, record: Record, live: Live, now: datetime) -> Record:
    """API Gateway takes bad certificates and only warns of them, while mutual TLS stays on (DOMAIN.md)."""
    if not live.warnings or record.applied is None:
        return record
    told = builders.truststore_update_failed(
        target=conditions.target_name(snapshot.target),
        reason="warnings",
        message=f"The service took the truststore, with warnings: {'; '.join(live.warnings)}",
        missing=(),
        content=record.applied.sha256,
        since=now,
        now=now,
    )
    return record.told(told)


def _roll_back(
    snapshot: Snapshot, record: Record, pending: Pending, etag: str | None, broken: list[Need], tools: Tools
) -> Outcome:
    """What is live refuses a leaf: go back to the last version that was proved, if that one admits what is current."""
    now, previous = tools.clock(), record.applied
    names = ", ".join(need.certificate.fingerprint[:16] for need in broken)
    why = f"What was read back after the update refuses the accepted leaf {names}."
    held = deployed(tools.store, snapshot.target, previous.version) if previous else None
    certificates = _certificates(held or {})
    helps = any(admits(certificates, need, now) for need in broken)
    current = [need for need in _required(snapshot, now) if need.state.status is Status.CURRENT]
    if previous is None or not helps or not all(admits(certificates, need, now) for need in current):
        told = builders.truststore_update_failed(
            target=conditions.target_name(snapshot.target),
            reason="would-refuse",
            message=f"{why} No earlier version admits every current leaf, so nothing was rolled back.",
            missing=[need.certificate.facts for need in broken],
            content=pending.sha256,
            since=pending.at,
            now=now,
        )
        return _done("would-refuse", replace(record, claim=None, pending=None).told(told), etag, tools)
    previous = _with_others(snapshot, previous, held or {}, tools)
    back = Pending(
        version=previous.version,
        sha256=previous.sha256,
        fingerprints=previous.fingerprints,
        ours=previous.ours,
        at=now,
        hold=HoldReason.ROLLED_BACK,
        why=why,
        rolled_back_from=(pending.version, pending.sha256),
    )
    return _carry_out(snapshot, replace(record, pending=back), etag, tools)


def _done(word: str, record: Record, etag: str | None, tools: Tools) -> Outcome:
    return Outcome(word, record, write(tools.store, record, etag))
