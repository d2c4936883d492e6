"""What to do at a target, from what was found there: pure, and the whole of it.

``decide`` is asked before the claim and again under it, since only what was read after claiming may be acted upon. The
table of its answers is in ``tests/unit/targets/test_decide.py``.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from rotation_watcher.config import Mode
from rotation_watcher.targets import contention, places
from rotation_watcher.targets.plan import Blocker, Snapshot
from rotation_watcher.targets.record import Record


class Outcome(StrEnum):
    """What became of a target in one run. Stable: summaries, log and runbook speak of them."""

    UNCHANGED = "unchanged"
    """It is as it should be; in ``observe`` mode and in a dry run: nothing would be done."""
    WOULD_UPDATE = "would-update"
    WOULD_ROLL_BACK = "would-roll-back"
    UPDATED = "updated"
    """Deployed and proved."""
    ROLLED_BACK = "rolled-back"
    HELD = "held"
    """It was rolled back or rejected: nothing is deployed until the content changes or a person releases it."""
    WAITING = "waiting"
    """The service is at work at it, or it is held and nothing is to be done."""
    PUT_OFF = "put-off"
    """The service asked to come back later; the next run does."""
    ENQUEUED = "enqueued"
    """A sweep found something to do: the queue asks for it."""
    MTLS_OFF = "mtls-off"
    """Mutual TLS is off, and turning it on is not the watcher's to do."""
    CLAIMED_BY_ANOTHER = "claimed-by-another"
    STILL_UPDATING = "still-updating"
    UNPROVEN = "unproven"
    REJECTED = "rejected"
    FAILED = "failed"
    STATE_FORGED = "state-forged"
    """What was to be deployed is not what may be: nothing was, and it is forgotten (``lawful``)."""
    BROKEN = "broken"
    """The bucket could not be read or written."""
    INTERNAL_ERROR = "internal-error"
    """The watcher itself failed, in a way that nobody thought of (``defects``)."""
    NOTHING_KNOWN = "nothing-known"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    WOULD_REFUSE = "would-refuse"
    FOREIGN_UNREADABLE = "foreign-unreadable"
    FILTERS_EMPTY = "filters-empty"
    """A listener admits everybody whom its trust store admits, and filling it is not the watcher's to do."""
    TOO_MANY_FILTERS = "too-many-filters"
    WOULD_OPEN = "would-open"
    TARGET_FAILED = "target-failed"
    TARGET_NOT_FOUND = "target-not-found"
    TARGET_DENIED = "target-denied"
    TARGET_BUSY = "target-busy"
    BUNDLE_REJECTED = "bundle-rejected"
    BUCKET_UNUSABLE = "bucket-unusable"
    SDK_TOO_OLD = "sdk-too-old"
    ROLE_REFUSED = "role-refused"
    ROLE_UNANSWERED = "role-unanswered"
    CONTENT_UNKNOWN = "content-unknown"
    """Its service does not give back what it holds, and nobody has said it: it is not touched."""


class _Action(msgspec.Struct, frozen=True):
    """A decision; equal only to one of its own kind."""


class NoChange(_Action, frozen=True):
    """It is as it should be."""


class AdoptBaseline(_Action, frozen=True):
    """It is as it should be, and what others added or took away is part of what is expected from now on."""


class Blocked(_Action, frozen=True):
    """Something is to be deployed and cannot be."""

    code: Blocker


class Held(_Action, frozen=True):
    """Something is to be deployed and may not be, after a rollback or a rejection."""


class MtlsOff(_Action, frozen=True):
    """Mutual TLS is off, and stays off."""


class Waiting(_Action, frozen=True):
    """The service is at work at it; or it is held, and nothing differs."""


class PutOff(_Action, frozen=True):
    """There is something to do, but not before ``until``."""

    until: datetime


class ClaimedElsewhere(_Action, frozen=True):
    """Another run holds the target."""

    owner: str
    until: datetime


class Observe(_Action, frozen=True):
    """Only say whether something would be done."""

    would_change: bool


class Deploy(_Action, frozen=True):
    """Deploy the plan."""


class Prove(_Action, frozen=True):
    """Read back what an earlier run asked for: it is there, or the service is still at work."""


class Resume(_Action, frozen=True):
    """Ask again for a going back that was written down, and does not show."""


class DropPending(_Action, frozen=True):
    """Forget what an earlier run asked for: it never arrived, and may not be deployed (any more)."""


type Rest = NoChange | AdoptBaseline | Blocked | Held | MtlsOff | Waiting
"""Nothing to do at the target."""
Act = Deploy | Prove | Resume | DropPending
"""Something that needs the claim."""
type Action = Rest | Act | PutOff | ClaimedElsewhere | Observe


def decide(snapshot: Snapshot, mode: Mode, owner: str, now: datetime) -> Action:
    """What the run ``owner`` does next at the target of which ``snapshot`` was taken.

    Its record has been read by a session, which passes over times that no run of the watcher writes.
    """
    action = _at_the_target(snapshot)
    return in_turn(action, snapshot.record, contention.rests_until(snapshot), mode, owner, now)


def in_turn[A](
    action: A, record: Record, rests_until: datetime | None, mode: Mode, owner: str, now: datetime
) -> A | PutOff | ClaimedElsewhere | Observe:
    """The same action where it is this run's turn to act; ``rests_until``: when what others undo is deployed again."""
    acts = isinstance(action, Act)
    if mode is Mode.OBSERVE:
        return Observe(acts)
    if record.claim is not None and record.claimed(owner, now):
        return ClaimedElsewhere(record.claim.owner, record.claim.until)
    if acts and record.not_before is not None and now < record.not_before:
        return PutOff(record.not_before)
    if isinstance(action, Deploy) and rests_until is not None and now < rests_until:
        return PutOff(rests_until)
    return action


def _at_the_target(snapshot: Snapshot) -> Rest | Act:
    pending = snapshot.record.pending
    if pending is None:
        return Deploy() if _may_deploy(snapshot) else _rest(snapshot)
    # Where mutual TLS is off the blocks are what was there once; elsewhere others may keep the same certificates.
    arrived = snapshot.live.bundle is not None and {*snapshot.blocks} == {*pending.fingerprints}
    arrived = arrived and places.loads(snapshot.live, pending.version, snapshot.buckets.bundles, snapshot.record)
    if not snapshot.live.settled or arrived:
        return Prove()
    if pending.hold is not None:
        return Resume()
    return Deploy() if _may_deploy(snapshot) else DropPending()


def _may_deploy(snapshot: Snapshot) -> bool:
    plan, hold = snapshot.plan, snapshot.record.hold
    if not plan.changes or plan.blocked_by is not None or not snapshot.live.settled or _stays_off(snapshot):
        return False
    return hold is None or not hold.stops(plan.content)


def _stays_off(snapshot: Snapshot) -> bool:
    """Turning mutual TLS on is the operator's decision: it shuts out every client without a certificate.

    The watcher only brings back what it has deployed itself, and only where drift is to be healed.
    """
    off = snapshot.live.bundle is None
    return off and (snapshot.record.applied is None or snapshot.target.on_drift == "report")


def _rest(snapshot: Snapshot) -> Rest:
    plan, record = snapshot.plan, snapshot.record
    if plan.blocked_by is not None:
        return Blocked(plan.blocked_by)
    if record.hold is not None and plan.changes:
        return Held()
    if record.hold is None and not plan.changes:
        known = record.applied is not None and {*record.applied.fingerprints} == {*snapshot.blocks}
        heals = snapshot.live.bundle is not None and snapshot.target.on_drift == "heal"
        return AdoptBaseline() if heals and not known else NoChange()
    return MtlsOff() if snapshot.live.bundle is None else Waiting()


_WORDS: Mapping[type, Outcome] = {
    NoChange: Outcome.UNCHANGED,
    AdoptBaseline: Outcome.UNCHANGED,
    Held: Outcome.HELD,
    MtlsOff: Outcome.MTLS_OFF,
    Waiting: Outcome.WAITING,
    PutOff: Outcome.PUT_OFF,
    ClaimedElsewhere: Outcome.CLAIMED_BY_ANOTHER,
}


def outcome_of(action: Action) -> Outcome:
    """The word for a decision after which nothing is done at the target. Raises KeyError for one that acts."""
    if isinstance(action, Blocked):
        return Outcome(action.code)
    if isinstance(action, Observe):
        return Outcome.WOULD_UPDATE if action.would_change else Outcome.UNCHANGED
    return _WORDS[type(action)]
