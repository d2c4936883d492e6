"""What a target's record says, for people: where it stands, what it was proved to hold, what is wrong there."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rotation_watcher.alerts.builders.templates import invoke
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.fills import Fill, filled
from rotation_watcher.alerts.model import Kind
from rotation_watcher.arns import TargetArn
from rotation_watcher.config import Mode, Target
from rotation_watcher.status.model import (
    Certificate,
    Deployed,
    Hold,
    Level,
    OpenCondition,
    TargetState,
    TargetStatus,
)
from rotation_watcher.status.verdict import level_of, worst
from rotation_watcher.targets.record import Record

_DOORS = "mtls-off:"
_UNEASY = {TargetState.BEHIND, TargetState.HELD, TargetState.NEW, TargetState.UNKNOWN}
_DRIFT = {Kind.DRIFT_FOUND, Kind.CONTENDED}


class Has(msgspec.Struct, frozen=True):
    """All that is known of a target."""

    target: Target
    arn: TargetArn
    mode: Mode
    record: Record
    missing: tuple[str, ...]
    lists: int | None
    problem: str | None


def missing(record: Record, wanted: Sequence[Certificate]) -> tuple[str, ...]:
    """Subjects of what is wanted, not retiring, and not in what was proved last; nothing before the first proof."""
    if record.applied is None:
        return ()
    held = {*record.applied.fingerprints}
    return tuple(one.subject for one in wanted if one.fingerprint not in held and one.state != "retiring")


def status(has: Has, conditions: Iterable[OpenCondition], fills: Mapping[Fill, str]) -> TargetStatus:
    """The target's part of the status. ``conditions`` are those that are open there; ``fills`` is for its commands."""
    record, told = has.record, [*conditions]
    state = _state(has)
    doors = tuple(plain(key.removeprefix(_DOORS)) for key in sorted(record.conditions) if key.startswith(_DOORS))
    levels = [level_of(one.severity) for one in told]
    drift = [one.since for one in record.conditions.values() if one.kind in _DRIFT and one.alerted]
    return TargetStatus(
        id=has.target.id,
        arn=has.target.arn,
        kind=has.arn.kind.name,
        label=has.target.label,
        bundle=has.target.bundle,
        level=worst([*levels, Level.ACT if doors else Level.LOOK if state in _UNEASY else Level.GOOD]),
        state=state,
        on_drift=has.target.on_drift,
        deployed=_deployed(record),
        updating=record.pending.at if record.pending else None,
        missing=has.missing,
        drift=min(drift, default=None),
        open_doors=doors,
        hold=_hold(has, fills),
        lists=has.lists,
        alerts=len(told),
        problem=has.problem,
    )


def _state(has: Has) -> TargetState:
    record = has.record
    if has.problem:
        return TargetState.UNKNOWN
    if record.hold is not None:
        return TargetState.HELD
    if record.pending is not None:
        return TargetState.UPDATING
    if has.mode is Mode.OBSERVE:
        return TargetState.WATCHED
    if record.applied is None:
        return TargetState.NEW
    return TargetState.BEHIND if has.missing else TargetState.IN_STEP


def _deployed(record: Record) -> Deployed | None:
    applied = record.applied
    if applied is None:
        return None
    return Deployed(
        since=applied.at,
        proof=plain(applied.proof, 40),
        version=plain(applied.version),
        certificates=len(applied.fingerprints),
        ours=len(applied.ours),
    )


def _hold(has: Has, fills: Mapping[Fill, str]) -> Hold | None:
    hold = has.record.hold
    if hold is None:
        return None
    release = invoke(Fill.PUBLISH, {"release": has.target.id})
    return Hold(reason=hold.reason.value, since=hold.since, command=filled(release, fills))
