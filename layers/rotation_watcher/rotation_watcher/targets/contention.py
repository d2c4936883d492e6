"""Two tools on one target: the other one puts its bundle back after each update of ours.

Pure. The same change, found again after a proved update, is a round. From ``ROUNDS`` in a row on it is one condition
(``conditions``) instead of an alert for each update, and the watcher heals at most once in ``REST``; what keeps a
needed leaf out, and whatever else is to be deployed, is deployed at once all the same.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.config import Mode
from rotation_watcher.targets.plan import Drift, Snapshot
from rotation_watcher.targets.record import Pending, Record, Rounds

ROUNDS = 3
"""So many rounds in a row are no accident."""

REST = timedelta(hours=1)
"""How long an update that was undone so often is not repeated, if no leaf is refused meanwhile."""

OVER = timedelta(hours=6)
"""An update that stood for so long ends the row: what undoes it then is a new condition."""


def counted(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The snapshot's record with the round that it shows, if it shows a new one."""
    record, drift = snapshot.record, snapshot.plan.drift
    heals = mode is Mode.APPLY and snapshot.target.on_drift == "heal"
    if drift is None or record.applied is None or not record.applied.version or not heals:
        return record
    proved, change, known = record.applied.at, _named(drift), record.rounds
    if known is not None and known.change == change:
        if known.proved == proved:
            return record
        if now - proved < OVER:
            return msgspec.structs.replace(
                record, rounds=msgspec.structs.replace(known, count=known.count + 1, proved=proved)
            )
    return msgspec.structs.replace(record, rounds=Rounds(change=change, count=1, since=now, proved=proved))


def lasts(record: Record) -> bool:
    """Whether the row is long enough for the condition."""
    return record.rounds is not None and record.rounds.count >= ROUNDS


def rests_until(snapshot: Snapshot) -> datetime | None:
    """When the plan, which only repeats an update that was undone, is to be deployed; None: now."""
    plan, rounds = snapshot.plan, snapshot.record.rounds
    if rounds is None or not lasts(snapshot.record) or plan.drift is None or plan.refused or plan.removed:
        return None
    if _named(plan.drift) != rounds.change or not {*plan.added} <= {*plan.drift.removed}:
        return None
    return rounds.proved + REST


def repeats(record: Record, pending: Pending) -> bool:
    """Whether an update only repeats the last one in a row that people know of."""
    return lasts(record) and record.applied is not None and record.applied.sha256 == pending.sha256


def _named(drift: Drift) -> str:
    """What was undone; not what came instead, which may differ each time."""
    undone = (drift.removed, drift.moved_to is not None)
    return hashlib.sha256(repr(undone).encode()).hexdigest()[:16]
