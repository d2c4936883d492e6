"""Two tools on one target: the other one puts its bundle back after each update of ours.

Pure. Something of ours that was undone after a proved update is a round, whatever else has changed with it: the other
tool may write a comment, a new CA or another of its bundles each time. From ``ROUNDS`` in a row on it is one condition
(``conditions``) instead of an alert for each drift and each update, until an update has stood for ``OVER``; and the
watcher heals at most once in ``REST``. What keeps a needed leaf out, and whatever else is to be deployed, is deployed
at once all the same.
"""

from datetime import datetime, timedelta

import msgspec

from rotation_watcher.config import Mode, Target
from rotation_watcher.targets.plan import Plan, Snapshot
from rotation_watcher.targets.record import Pending, Record, Rounds

ROUNDS = 3
"""So many rounds in a row are no accident."""

REST = timedelta(hours=1)
"""How long an update that was undone so often is not repeated, if no leaf is refused meanwhile."""

OVER = timedelta(hours=6)
"""An update that stood for so long ends the row: what undoes it then is a new condition."""


def undone(plan: Plan) -> bool:
    """Whether others have undone something of ours that is wanted still."""
    return plan.drift is not None and (plan.repoint or not {*plan.added}.isdisjoint(plan.drift.removed))


def counted(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The snapshot's record with the round that it shows, if it shows a new one."""
    record = snapshot.record
    return with_round(record, snapshot.target, mode, now) if undone(snapshot.plan) else record


def with_round(record: Record, target: Target, mode: Mode, now: datetime) -> Record:
    """The record with the round after its last proof, if that is not counted yet, where the watcher heals it."""
    heals = mode is Mode.APPLY and target.on_drift == "heal"
    if record.applied is None or not record.applied.version or not heals:
        return record
    known, proved = record.rounds, record.applied.at
    if known is not None and known.proved == proved:
        return record
    if known is not None and now - proved < OVER:
        rounds = msgspec.structs.replace(known, count=known.count + 1, proved=proved)
    else:
        rounds = Rounds(count=1, since=now, proved=proved)
    return msgspec.structs.replace(record, rounds=rounds)


def lasts(record: Record) -> bool:
    """Whether the row is long enough for the condition."""
    return record.rounds is not None and record.rounds.count >= ROUNDS


def goes_on(record: Record, now: datetime) -> bool:
    """Whether the condition is there: no update has stood for long since the row became long enough for it."""
    return lasts(record) and record.applied is not None and now - record.applied.at < OVER


def rests_until(snapshot: Snapshot) -> datetime | None:
    """When the plan, which only repeats an update that was undone, is to be deployed; None: now."""
    plan, rounds = snapshot.plan, snapshot.record.rounds
    if rounds is None or not lasts(snapshot.record) or plan.drift is None or plan.refused or plan.removed or plan.moved:
        return None
    if not undone(plan) or not {*plan.added} <= {*plan.drift.removed}:
        return None
    return rounds.proved + REST


def repeats(record: Record, pending: Pending) -> bool:
    """Whether an update brings nothing that had not been deployed before in a row that people know of."""
    if not lasts(record) or record.applied is None or pending.removed:
        return False
    return {*pending.added} <= {*record.applied.fingerprints}
