"""One headline out of everything: all good, look at it, or act now, with how many reasons there are and the first.

Pure. What an open alert says already is not said a second time in other words: the rules below add only what no alert
speaks of, because its alert is not due yet, nobody evaluates it, or a run that should have told it does not take place.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rotation_watcher.alerts.builders import Role
from rotation_watcher.alerts.builders.wording import count
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.status.expiry import near_days, now_days
from rotation_watcher.status.model import (
    Level,
    ListStatus,
    NextExpiry,
    OpenCondition,
    SourceStatus,
    TargetState,
    TargetStatus,
    Unreadable,
    Verdict,
)

SLOW = timedelta(hours=1)
"""How long an update may be without proof, or a target behind, before it is to be looked at."""
MOST = 20
"""Reasons that are listed."""
_LEVELS = {Severity.CRITICAL: Level.ACT, Severity.WARNING: Level.LOOK, Severity.INFO: Level.GOOD}
_WORDS = {Level.GOOD: "All good", Level.LOOK: "Look at it", Level.ACT: "Act now"}
_ORDER = {Level.ACT: 0, Level.LOOK: 1, Level.GOOD: 2}

type Reason = tuple[Level, str]


def level_of(severity: Severity) -> Level:
    """How an open alert of this severity counts."""
    return _LEVELS[severity]


def worst(levels: Iterable[Level]) -> Level:
    """The worst of several; GOOD where there is none."""
    return min(levels, key=_ORDER.__getitem__, default=Level.GOOD)


def verdict(
    *,
    conditions: Iterable[OpenCondition],
    sources: Iterable[SourceStatus],
    targets: Iterable[TargetStatus],
    lists: Iterable[ListStatus],
    unreadable: Iterable[Unreadable],
    expiry: NextExpiry | None,
    now: datetime,
) -> Verdict:
    """The headline. ``expiry`` is the next end of something that nothing replaces yet."""
    told = [*conditions]
    spoken = {(one.of, one.about) for one in told if level_of(one.severity) is not Level.GOOD}
    reasons: list[Reason] = [(level_of(one.severity), one.title) for one in told]
    reasons += [(Level.LOOK, f"{one.place} cannot be read: {one.why}") for one in unreadable]
    for source in sources:
        if ("source", source.id) not in spoken:
            reasons += _of_source(source)
        reasons += _not_valid_yet(source, now)
    for target in targets:
        if ("target", target.id) not in spoken:
            reasons += _of_target(target, now)
    loud = {one.kind for one in told if level_of(one.severity) is not Level.GOOD}
    if Kind.CRL_STALE not in loud:
        reasons += [(Level.LOOK, overdue(one)) for one in lists if one.overdue]
    if Kind.EXPIRING not in loud:
        reasons += _of_expiry(expiry, now)
    return _headline(reasons)


def overdue(one: ListStatus) -> str:
    """What is said of a list that should have been replaced."""
    if one.next_update is None:
        return f"the revocation list {one.url} names no next update"
    return f"the revocation list {one.url} was due to be replaced at {one.next_update:%Y-%m-%d %H:%M} UTC"


def _of_source(source: SourceStatus) -> list[Reason]:
    if source.problem:
        return []  # it is among the unreadable
    if source.read is None:
        return [(Level.LOOK, f"{source.region}: it has not been read yet")]
    if source.stale:
        return [(Level.LOOK, f"{source.region}: it was last read at {source.read:%Y-%m-%d %H:%M} UTC")]
    if not any(one.state == "current" for one in source.certificates):
        return [(Level.LOOK, f"{source.region}: no current certificate is accepted")]
    return []


def _not_valid_yet(source: SourceStatus, now: datetime) -> list[Reason]:
    """Its alert is an event, and lasts in no condition."""
    begins = [one.not_before for one in source.certificates if one.state == "current" and one.not_before > now]
    words = f"{source.region}: the current certificate is not valid before"
    return [(Level.ACT, f"{words} {max(begins):%Y-%m-%d %H:%M} UTC")] if begins else []


def _of_target(target: TargetStatus, now: datetime) -> list[Reason]:
    if target.open_doors:
        return [(Level.ACT, f"{target.label}: clients come in unverified ({target.open_doors[0]})")]
    match target.state:
        case TargetState.HELD:
            return [(Level.LOOK, f"{target.label}: it is held ({target.hold.reason if target.hold else 'by hand'})")]
        case TargetState.BEHIND:
            return [(Level.LOOK, f"{target.label}: it lacks {count(len(target.missing))} that its bundle wants")]
        case TargetState.UPDATING if target.updating and now - target.updating > SLOW:
            return [(Level.LOOK, f"{target.label}: an update is unproved since {target.updating:%Y-%m-%d %H:%M} UTC")]
        case TargetState.NEW:
            return [(Level.LOOK, f"{target.label}: nothing was deployed to it yet")]
    return []


def _of_expiry(expiry: NextExpiry | None, now: datetime) -> list[Reason]:
    if expiry is None or expiry.at - now > timedelta(days=near_days(expiry)):
        return []
    urgent = expiry.at - now <= timedelta(days=now_days(expiry)) and expiry.role != "extra"
    level = Level.ACT if urgent else Level.LOOK
    ends = "ended" if expiry.at < now else "ends"
    return [
        (level, f"{expiry.of}: {Role(expiry.role).words} {ends} at {expiry.at:%Y-%m-%d} and nothing replaces it yet")
    ]


def _headline(found: Iterable[Reason]) -> Verdict:
    reasons = sorted((one for one in found if one[0] is not Level.GOOD), key=lambda one: _ORDER[one[0]])
    act = sum(level is Level.ACT for level, _ in reasons)
    if not reasons:
        return Verdict(level=Level.GOOD, text=f"{_WORDS[Level.GOOD]}.")
    level = reasons[0][0]
    number = act or len(reasons)
    more = f" (1 of {number})" if number > 1 else ""
    return Verdict(
        level=level,
        text=f"{_WORDS[level]}: {reasons[0][1]}{more}",
        act=act,
        look=len(reasons) - act,
        reasons=tuple(text for _, text in reasons[:MOST]),
    )
