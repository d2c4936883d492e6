"""What to do at a listener, from what was found there: pure, with the actions of ``targets.decide``.

A listener takes a change at once or not at all, so there is nothing to wait for; and turning its mutual TLS on is never
the watcher's to do.
"""

from datetime import datetime

import msgspec

from rotation_watcher.config import Mode
from rotation_watcher.filters import contention
from rotation_watcher.filters.plan import Blocker, Snapshot
from rotation_watcher.targets import decide as targets
from rotation_watcher.targets.decide import (
    AdoptBaseline,
    ClaimedElsewhere,
    Deploy,
    DropPending,
    Held,
    NoChange,
    Observe,
    Outcome,
    Prove,
    PutOff,
    Resume,
    Waiting,
)


class Blocked(msgspec.Struct, frozen=True):
    """Something is to be done and cannot be."""

    code: Blocker


type Rest = NoChange | AdoptBaseline | Blocked | Held | Waiting
type Act = Deploy | Prove | Resume | DropPending
type Action = Rest | Act | PutOff | ClaimedElsewhere | Observe


def decide(snapshot: Snapshot, mode: Mode, owner: str, now: datetime) -> Action:
    """What the run ``owner`` does next at the listener of which ``snapshot`` was taken."""
    action = _at_the_listener(snapshot)
    return targets.in_turn(action, snapshot.record, contention.rests_until(snapshot), mode, owner, now)


def outcome_of(action: Action) -> Outcome:
    """The word for a decision after which nothing is done at the listener. Raises KeyError for one that acts."""
    return Outcome(action.code) if isinstance(action, Blocked) else targets.outcome_of(action)


def _at_the_listener(snapshot: Snapshot) -> Rest | Act:
    pending, plan = snapshot.record.pending, snapshot.plan
    if pending is None:
        return Deploy() if _may_deploy(snapshot) else _rest(snapshot)
    if plan.blocked_by is Blocker.MTLS_OFF:
        return DropPending()
    if snapshot.keys == {*pending.fingerprints}:
        return Prove()
    if pending.hold is not None:
        return Resume()
    return Deploy() if _may_deploy(snapshot) else DropPending()


def _may_deploy(snapshot: Snapshot) -> bool:
    plan, hold = snapshot.plan, snapshot.record.hold
    return plan.changes and plan.blocked_by is None and (hold is None or not hold.stops(plan.content))


def _rest(snapshot: Snapshot) -> Rest:
    plan, record = snapshot.plan, snapshot.record
    if plan.blocked_by is not None:
        return Blocked(plan.blocked_by)
    if record.hold is not None:
        return Held() if plan.changes else Waiting()
    known = record.applied is not None and {*record.applied.fingerprints} == snapshot.keys
    return NoChange() if known or snapshot.target.on_drift == "report" else AdoptBaseline()
