"""Read a target back after an update, and say what its record becomes when it shows what was meant.

A read-back that shows the state before is merely stale: it is read again, not acted upon.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.bundles.wanted import Need, admits
from rotation_watcher.errors import ContentUnknown, TargetError
from rotation_watcher.expressions import Expression
from rotation_watcher.ports import Live, ThriftyTarget
from rotation_watcher.targets import conditions, contention, findings, loaded, places, shown
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.plan import Snapshot, digest, shown_last
from rotation_watcher.targets.record import Hold, HoldReason, Pending, Record
from rotation_watcher.targets.session import Session
from rotation_watcher.targets.snapshot import READBACK_SECONDS, contents_of
from rotation_watcher.x509.certificates import Block

replace = msgspec.structs.replace

RECORDING = 150.0
"""Seconds of a run that must be left for one more read-back: it may take 90 with all its tries, recording and
delivering alerts 30 each."""
READBACKS = 20
"""How many read-backs one run makes before it leaves the proof to the next one."""
AT_WORK = 5
"""How many it makes while the service is at work, which may take it minutes: nobody waits for that in a paid run."""


class ReadBack(msgspec.Struct, frozen=True):
    """What the last read-back showed. ``shown``: what was meant, settled. ``refused``: needs it does not let in.

    ``rejected``: why the service did not load what it was asked to load, in its words (empty: it did, or may yet).
    """

    live: Live
    blocks: Mapping[str, Block]
    shown: bool
    refused: tuple[Need, ...]
    rejected: str = ""


def read_back(snapshot: Snapshot, pending: Pending, session: Session) -> ReadBack:
    """Read until the target shows ``pending``, ``READBACKS`` times at most, and while there is time in this run.

    While the service is at work, ``AT_WORK`` times at most: a later message of the queue proves it.

    Where the time ends first nothing is said to be refused: too few reads prove no failure, and the next run goes on.
    """
    live, blocks = snapshot.live, snapshot.blocks
    for attempt in range(READBACKS):
        if attempt and session.ports.remaining() < RECORDING:
            return ReadBack(live, blocks, shown=False, refused=())
        if attempt:
            session.ports.wait(READBACK_SECONDS)
        try:
            live = _read(session, brief=not attempt)
            blocks = contents_of(live).blocks
        except ContentUnknown:  # somebody else was here, and no further read will show what
            live, blocks = snapshot.live, snapshot.blocks
            break
        except TargetError:
            live = snapshot.live  # it was asked to change, and may well have: the claim must not be left behind now
            blocks = contents_of(live).blocks
        if live.refused and _is_ours(live, pending, session):
            return ReadBack(live, blocks, shown=False, refused=(), rejected=live.refused)
        if live.settled and _shows(live, blocks, pending, session):
            shown.note(session.ports.store, session.target, live)
            return ReadBack(live, blocks, shown=True, refused=())
        if not live.settled and attempt + 1 >= AT_WORK:
            break
    now = session.ports.clock()
    refused = tuple(need for need in required(snapshot, now) if not admits(blocks.values(), need, now))
    return ReadBack(live, blocks, False, refused)


def _read(session: Session, *, brief: bool) -> Live:
    """What is live: at first only what proves an update, and all of it where that shows something else."""
    adapter, arn = session.adapter, session.target.arn
    if brief and isinstance(adapter, ThriftyTarget):
        live = adapter.read_back(arn)
    else:
        live = adapter.read(arn, session.record.endpoints)
    return loaded.resolved(session.ports.store, session.target, session.record, live)


def _shows(live: Live, blocks: Mapping[str, Block], pending: Pending, session: Session) -> bool:
    alike = {*blocks} == {*pending.fingerprints}
    return alike and places.loads(live, pending.version, session.bundles.bucket, session.record)


def _is_ours(live: Live, pending: Pending, session: Session) -> bool:
    """Whether this state follows from the update ``pending``: a read may still show one before it."""
    content = loaded.asked(session.ports.store, session.target.arn, live.etag)
    return content is not None and digest(content) == pending.sha256


def required(snapshot: Snapshot, now: datetime) -> list[Need]:
    """The leaves that the target must let in."""
    return [need for need in snapshot.view.wanted.needs if need.required(now)]


def proved(record: Record, pending: Pending, snapshot: Snapshot, live: Live, bucket: str, now: datetime) -> Record:
    """The record of an update that has been read back, with its alerts, and without its claim."""
    after = replace(record.with_proof(pending, live.proof, now), shown=shown_last(snapshot.target, live, record.shown))
    after = conditions.proved(after, snapshot.target, now)
    if pending.hold is not None:
        return _rolled_back(after, pending, pending.hold, snapshot, live, now)
    after = replace(after, hold=None)  # what was held was another content, or this one would not have been deployed
    updated = builders.truststore_updated(
        target=findings.target_name(snapshot.target),
        added=findings.facts_of(snapshot, pending.added),
        removed=findings.facts_of(snapshot, pending.removed),
        moved=findings.facts_of(snapshot, snapshot.plan.moved),
        kept_foreign=len({*pending.fingerprints} - {*snapshot.view.wanted.certificates}),
        bucket=bucket,
        key=keys.deployed(keys.target(snapshot.target.arn)),
        version=pending.version,
        proof=live.proof,
        content=pending.sha256,
        since=pending.at,
        now=now,
    )
    if not contention.repeats(record, pending):
        after = _with_warnings(after.with_alerts(updated), snapshot, live, pending.sha256, now)
    return conditions.deployed(after, snapshot, now)


def outcome(pending: Pending) -> Outcome:
    """The word for an update that has been proved."""
    return Outcome.UPDATED if pending.hold is None else Outcome.ROLLED_BACK


def _rolled_back(
    record: Record, pending: Pending, reason: HoldReason, snapshot: Snapshot, live: Live, now: datetime
) -> Record:
    from_version, content = pending.rolled_back_from
    known = replace(snapshot, former={**snapshot.former, **contents_of(live).blocks})
    alert = builders.rolled_back(
        target=findings.target_name(snapshot.target),
        from_version=from_version or "(not deployed by the watcher)",
        to_version=pending.version,
        why=_why(pending),
        by_hand=reason is HoldReason.BY_HAND,
        returned=findings.facts_of(known, pending.added),
        left=findings.facts_of(known, pending.removed),
        now=now,
    )
    return replace(record, hold=Hold(reason=reason, sha256=content, since=now)).with_alerts(alert)


_WHY = Expression(
    r"(A person asked for it\.|What was read back after the update refuses the accepted leaf [0-9a-f, ]{16,2000}\.)"
    r"( It was interrupted, and [0-9a-f, ]{16,200}(and [0-9]+ more )?did not come back: name the version again\.)?"
)
"""What the watcher writes into a record as the reason for going back."""


def _why(pending: Pending) -> str:
    """Why it goes back, in the watcher's own words: what the record says may be somebody else's."""
    if _WHY.fullmatch(pending.why):
        return pending.why
    by_hand = pending.hold is HoldReason.BY_HAND
    return "A person asked for it." if by_hand else "What was read back after the update refused a leaf."


def _with_warnings(record: Record, snapshot: Snapshot, live: Live, content: str, now: datetime) -> Record:
    """API Gateway takes bad certificates and only warns of them, while mutual TLS stays on (truststoreWarnings)."""
    if not live.warnings:
        return record
    alert = builders.truststore_update_failed(
        target=findings.target_name(snapshot.target),
        reason="warnings",
        message=f"The service took the truststore, with warnings: {'; '.join(live.warnings)}",
        missing=(),
        content=content,
        since=now,
        now=now,
    )
    return record.with_alerts(alert)
