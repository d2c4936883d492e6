"""Change one listener and prove it: put, write down what is asked for, update, read back, record.

Contract, as ``targets.deploy``: called with the claim held and with the snapshot taken under it. When a function here
returns, the record says what became of the update: proved (``applied``), still to be proved (``pending``) or put off
(``not_before``); the claim is gone. A crash at any point leaves a claim that expires, at most one object version that
nothing uses, and a ``pending`` that the next run takes up.

There is no going back by itself: a list read back that differs is somebody else's, and the next run judges it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetError, TargetUnproven
from rotation_watcher.filters import kept, lawful
from rotation_watcher.filters.entries import by_key, digest, encode, key_of, words
from rotation_watcher.filters.plan import Snapshot, closed
from rotation_watcher.ports import Filter, Listener
from rotation_watcher.targets import conditions, contention, findings, stacks
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.proof import READBACKS, RECORDING
from rotation_watcher.targets.record import Applied, Hold, HoldReason, Pending, Record
from rotation_watcher.targets.repository import put_version
from rotation_watcher.targets.session import Change, Session, unclaimed
from rotation_watcher.targets.snapshot import READBACK_SECONDS

replace = msgspec.structs.replace

_BY_HAND = "A person asked for it."


def deploy(snapshot: Snapshot, session: Session) -> Outcome:
    """Deploy the snapshot's plan."""
    record, plan, now = session.record, snapshot.plan, session.ports.clock()
    versions = record.versions
    if record.applied is None and snapshot.live.filters:
        versions = (as_found(snapshot, session),)
    before = record.pending if record.pending and record.pending.sha256 == plan.content else None
    fingerprints = by_key(plan.filters).keys()
    brought = {*plan.added} & snapshot.names.filters.keys()
    ours = {*record.forgetting(snapshot.keys, now).ours, *brought} - {*plan.removed}
    pending = Pending(
        version=_put(plan.filters, session),
        sha256=plan.content,
        fingerprints=tuple(sorted(fingerprints)),
        ours=tuple(sorted(ours & fingerprints)),
        added=plan.added,
        removed=plan.removed,
        at=before.at if before else now,
    )
    kept.note_added(session.ports.store, session.target.arn, [snapshot.names.filters[key] for key in sorted(brought)])
    session.save(lambda record: replace(record.forgetting(snapshot.keys, now), pending=pending, versions=versions))
    return request_update(snapshot, pending, session)


def go_back(
    snapshot: Snapshot, to: Applied, filters: Sequence[Filter], ours: Collection[str], session: Session
) -> Outcome:
    """Put ``filters`` there, which go back to the version ``to``; a person asked for it. ``ours``: which are ours."""
    gone, content, sha256 = session.record.applied, by_key(filters), digest(encode(filters))
    back = Pending(
        version=to.version if sha256 == to.sha256 else _put(filters, session),
        sha256=sha256,
        fingerprints=tuple(sorted(content)),
        ours=tuple(sorted({*ours} & content.keys())),
        added=tuple(sorted(content.keys() - snapshot.keys)),
        removed=tuple(sorted(snapshot.keys - content.keys())),
        at=session.ports.clock(),
        hold=HoldReason.BY_HAND,
        why=_BY_HAND,
        rolled_back_from=(gone.version, gone.sha256) if gone else ("", ""),
    )
    session.save(lambda record: replace(record.forgetting(snapshot.keys, back.at), pending=back))
    return request_update(snapshot, back, session)


def resume(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Ask again for a going back that an earlier run wrote down; given up where others changed the list meanwhile."""
    if (snapshot.keys - {*pending.removed}) | {*pending.added} == {*pending.fingerprints}:
        return request_update(snapshot, pending, session)
    message = f"The going back that was begun at {pending.at:%Y-%m-%d %H:%M} UTC was given up: others changed the list."
    alert = builders.truststore_update_failed(
        target=findings.target_name(snapshot.target),
        reason=Outcome.UNPROVEN.value,
        message=message,
        missing=(),
        content=pending.sha256,
        since=pending.at,
        now=session.ports.clock(),
    )
    now = session.ports.clock()
    session.save(lambda record: unclaimed(record).forgetting(snapshot.keys, now).with_alerts(alert))
    return Outcome.UNPROVEN


def request_update(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Ask the service for what ``pending`` says, and await its proof. Nothing else changes a listener."""
    filters = kept.deployed(session.ports.store, session.record, pending.version, pending.sha256)
    now = session.ports.clock()
    why = lawful.unlawful(filters, pending, snapshot, session)
    if why is not None or filters is None:
        what = why or "its object is gone"
        session.save(
            lambda record: conditions.forged(replace(unclaimed(record), pending=None), session.target, what, now)
        )
        return Outcome.STATE_FORGED
    try:
        session.ports.listener(session.target).update(session.target.arn, filters, expected=snapshot.live)
    except TargetBusy as error:
        # The answer to a request that did arrive may have been lost before this one: pending stays.
        not_before = session.ports.clock() + arns.parse_target(session.target.arn).kind.back_off
        _save_failed(lambda record: replace(record, not_before=not_before), snapshot, pending, error, session)
        return Outcome.PUT_OFF
    except BundleRejected as error:
        hold = Hold(reason=HoldReason.REJECTED, sha256=pending.sha256, since=now)
        _save_failed(lambda record: replace(record, pending=None, hold=hold), snapshot, pending, error, session)
        return Outcome.REJECTED
    except TargetError as error:  # it may have arrived all the same: pending stays, and the next run proves it
        _save_failed(lambda record: record, snapshot, pending, error, session)
        return Outcome(error.reason)
    return await_proof(snapshot, pending, session)


def await_proof(snapshot: Snapshot, pending: Pending, session: Session) -> Outcome:
    """Read the listener back until it shows ``pending``, and record what became of it."""
    live = _read_back(pending, session)
    now = session.ports.clock()
    if live is None:
        session.save(lambda record: _unproven(unclaimed(record), snapshot, pending, now))
        return Outcome.UNPROVEN
    kept.note_shown(session.ports.store, session.target, live)
    shown = digest(encode(live.filters))
    session.save(lambda record: _proved(replace(record, shown=shown), pending, snapshot, session, now))
    if snapshot.live.mark is None:
        stacks.mark(session.ports.listener(session.target), session.target.arn, session.ports.store.bucket)
    return Outcome.UPDATED if pending.hold is None else Outcome.ROLLED_BACK


def _read_back(pending: Pending, session: Session) -> Listener | None:
    """The listener as it shows ``pending``; None where it does not, as long as there is time in this run."""
    for attempt in range(READBACKS):
        if attempt and session.ports.remaining() < RECORDING:
            break
        if attempt:
            session.ports.wait(READBACK_SECONDS)
        try:
            live = session.ports.listener(session.target).read(session.target.arn)
        except TargetError:
            continue  # it was asked to change, and may well have: the next read, or the next run, tells
        if closed(live) is None and {*map(key_of, live.filters)} == {*pending.fingerprints}:
            return live
    return None


def as_found(snapshot: Snapshot, session: Session) -> Applied:
    """What a listener had when the watcher met it, as a version of its own: one can go back to it."""
    return Applied(
        version=_put(snapshot.live.filters, session),
        sha256=digest(encode(snapshot.live.filters)),
        fingerprints=tuple(sorted(snapshot.keys)),
        at=session.ports.clock(),
        proof="as-found",
    )


def adopt_baseline(snapshot: Snapshot, session: Session) -> Change:
    """Others' additions and removals that need no healing are part of what is expected from now on."""
    fingerprints = tuple(sorted(snapshot.keys))
    applied = snapshot.record.applied
    if applied is not None and applied.version:
        adopted, versions = replace(applied, fingerprints=fingerprints), snapshot.record.versions
    else:
        original = as_found(snapshot, session)
        adopted, versions = replace(original, version="", proof="as-found"), (original,)

    def adopt(record: Record) -> Record:
        ours = {key: since for key, since in record.ours.items() if key in snapshot.keys}
        return replace(record, applied=adopted, versions=versions, ours=ours)

    return adopt


def _proved(record: Record, pending: Pending, snapshot: Snapshot, session: Session, now: datetime) -> Record:
    """The record of an update that has been read back, with its alert, and without its claim."""
    target, known = findings.target_name(snapshot.target), {*pending.fingerprints}
    proof = arns.parse_target(snapshot.target.arn).kind.proof
    after = replace(record.with_proof(pending, proof, now), hold=None)
    after = conditions.proved(after, snapshot.target, now)
    if pending.hold is not None:
        gone, content = pending.rolled_back_from
        alert = builders.filters_rolled_back(
            target=target,
            from_version=gone or "(not deployed by the watcher)",
            to_version=pending.version,
            returned=[words(key) for key in pending.added],
            left=[words(key) for key in pending.removed],
            now=now,
        )
        return replace(after, hold=Hold(reason=pending.hold, sha256=content, since=now)).with_alerts(alert)
    updated = builders.filters_updated(
        target=target,
        added=[words(key) for key in pending.added],
        removed=[words(key) for key in pending.removed],
        others=len(known - {*pending.ours}),
        bucket=session.ports.store.bucket,
        key=keys.deployed_filters(keys.target(snapshot.target.arn)),
        version=pending.version,
        content=pending.sha256,
        since=pending.at,
        now=now,
    )
    return after if contention.repeats(record, pending) else after.with_alerts(updated)


def _unproven(record: Record, snapshot: Snapshot, pending: Pending, now: datetime) -> Record:
    """The record while an update does not show; alerted when that has lasted."""
    if timedelta(0) <= now - pending.at < conditions.UNPROVEN_AFTER:
        return record
    message = f"The update of {pending.at:%Y-%m-%d %H:%M} UTC to version {pending.version} does not show."
    return conditions.failed(
        record,
        snapshot.target,
        TargetUnproven(message),
        prefix=conditions.UNCHANGEABLE,
        content=pending.sha256,
        missing=[need.certificate.facts for need in snapshot.plan.refused],
        remind=snapshot.remind,
        now=now,
    )


def _save_failed(change: Change, snapshot: Snapshot, pending: Pending, error: TargetError, session: Session) -> None:
    now = session.ports.clock()
    missing = [need.certificate.facts for need in snapshot.plan.refused]

    def failed(record: Record) -> Record:
        return conditions.failed(
            change(unclaimed(record)),
            snapshot.target,
            error,
            prefix=conditions.UNCHANGEABLE,
            content=pending.sha256,
            missing=missing,
            remind=snapshot.remind,
            now=now,
        )

    session.save(failed)


def _put(filters: Sequence[Filter], session: Session) -> str:
    """Put the list; its exact version."""
    key = keys.deployed_filters(session.folder)
    return put_version(session.ports.store, key, encode(filters), content_type=keys.JSON_TYPE)
