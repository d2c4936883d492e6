"""Two tools on one listener: the rounds of ``targets.contention``, counted over names.

Pure. What keeps a needed leaf out, or leaves the list empty, is put right at every run all the same.
"""

from datetime import datetime

from rotation_watcher.config import Mode
from rotation_watcher.filters.plan import Plan, Snapshot
from rotation_watcher.targets import contention
from rotation_watcher.targets.record import Record


def undone(plan: Plan) -> bool:
    """Whether others have undone something of ours that is wanted still."""
    return plan.drift is not None and not {*plan.added}.isdisjoint(plan.drift.removed)


def counted(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The snapshot's record with the round that it shows, if it shows a new one."""
    record = snapshot.record
    return contention.with_round(record, snapshot.target, mode, now) if undone(snapshot.plan) else record


def rests_until(snapshot: Snapshot) -> datetime | None:
    """When the plan, which only repeats an update that was undone, is to be deployed; None: now."""
    plan, rounds = snapshot.plan, snapshot.record.rounds
    if rounds is None or not contention.lasts(snapshot.record) or plan.drift is None:
        return None
    if plan.refused or plan.removed or not snapshot.live.filters or not {*plan.added} <= {*plan.drift.removed}:
        return None
    return rounds.proved + contention.REST
