"""What reading a listener says about its conditions: the record with them, and the alerts that are due in its outbox.

Pure; the mechanism is that of trust stores (``targets.conditions``), and so are the alerts about what cannot be read or
changed.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Observed
from rotation_watcher.alerts.model import Kind
from rotation_watcher.config import Mode
from rotation_watcher.filters import contention
from rotation_watcher.filters.entries import digest, encode, words
from rotation_watcher.filters.plan import Blocker, Snapshot, closed, named
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.ports import UNKNOWN
from rotation_watcher.targets import contention as rounds
from rotation_watcher.targets import stacks
from rotation_watcher.targets.conditions import FORGED, UNREADABLE, forgery, judged
from rotation_watcher.targets.findings import AHEAD, contended, target_name
from rotation_watcher.targets.record import Record

replace = msgspec.structs.replace

_NEAR = 0.8
"""The share of a listener's limit from which it counts as nearly full."""
_ITS_OWN_ALERT = {Blocker.NOTHING_KNOWN, Blocker.MTLS_OFF, Blocker.FILTERS_EMPTY}
"""Blockers that have an alert of another kind, or one about a source."""
_SEEN = (
    "contended",
    "drift:",
    "mtls-off:",
    "filters-empty",
    "unnamed:",
    "removal-held:",
    "quota-near",
    "leaving:",
    "stuck:",
    "planned:",
    UNREADABLE,
    FORGED,
)


def notice(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The snapshot's record with the conditions that it shows."""
    record, plan = contention.counted(snapshot, mode, now), snapshot.plan
    observed = [
        *_drift(snapshot, record, mode, now),
        *contended(record, snapshot.target, added=(), removed=(), refused=plan.refused, now=now),
        *_doors(snapshot, now),
        *_unnamed(snapshot, now),
        *_limits(snapshot, now),
        *_leaving(snapshot, now),
        *_stuck(snapshot, now),
        *_forged(snapshot, now),
        *stacks.at_listener(snapshot.live.mark, snapshot.bucket, target_name(snapshot.target), now),
        *(_planned(snapshot, now) if mode is Mode.OBSERVE else ()),
    ]
    changing = plan.changes or record.pending is not None
    seen = _SEEN if snapshot.live.mark is UNKNOWN else (*_SEEN, stacks.PREFIX)
    conditions, alerts, _ = judged(
        record, observed, target_name(snapshot.target), seen, changing=changing, remind=snapshot.remind, now=now
    )
    graces = plan.graces
    noted = replace(
        record,
        conditions=conditions,
        # Where nothing is shown nothing is noted: the notes still speak of what was there.
        unwanted=graces.unwanted if snapshot.live.filters else record.unwanted,
        approved=graces.approved if snapshot.live.filters else record.approved,
        shown=digest(encode(snapshot.live.filters)) if snapshot.live.filters else record.shown,
    )
    return noted.with_alerts(*alerts)


def _drift(snapshot: Snapshot, record: Record, mode: Mode, now: datetime) -> list[Observed]:
    """What others changed. Once it is known that they undo every update, that stands for each time they do."""
    plan, target = snapshot.plan, snapshot.target
    if plan.drift is None or (rounds.goes_on(record, now) and contention.undone(plan)):
        return []
    drift = plan.drift
    able = plan.changes and plan.blocked_by is None and snapshot.record.hold is None
    return [
        Observed(
            f"drift:{digest(repr(drift))[:16]}",
            Kind.DRIFT_FOUND,
            lambda since: builders.filters_drifted(
                target=target_name(target),
                added=_words(drift.added),
                removed=_words(drift.removed),
                refused=[need.certificate.facts for need in plan.refused],
                emptied=not snapshot.live.filters,
                will_heal=mode is Mode.APPLY and target.on_drift == "heal" and able,
                proved=applied.at if (applied := snapshot.record.applied) else None,
                since=since,
                now=now,
            ),
        )
    ]


def _doors(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """A listener that asks nobody for a certificate, or that admits everybody whom its trust store admits."""
    plan, target = snapshot.plan, target_name(snapshot.target)
    if detail := closed(snapshot.live):
        return [
            Observed(
                "mtls-off:listener",
                Kind.MTLS_OFF,
                lambda since: builders.mtls_off(
                    target=target,
                    endpoint=None,
                    detail=detail,
                    door=_door(snapshot),
                    truststore="",
                    version=None,
                    will_heal=False,
                    since=since,
                    now=now,
                ),
            )
        ]
    if plan.blocked_by is not Blocker.FILTERS_EMPTY:
        return []
    return [
        Observed(
            "filters-empty",
            Kind.FILTERS_EMPTY,
            lambda since: builders.filters_empty(
                target=target, why=plan.why, names=_words(snapshot.names.filters), since=since, now=now
            ),
        )
    ]


def _door(snapshot: Snapshot) -> Door:
    live, arn = snapshot.live, snapshot.target.arn
    if live.protocol != "TLS":
        return Door(DoorKind.NOT_TLS, arn)
    return Door(DoorKind.UNSHARED if live.shared == "removed" else DoorKind.LISTENER_TARGET, arn)


def _unnamed(snapshot: Snapshot, now: datetime) -> list[Observed]:
    leaves = [need.certificate.facts for need in snapshot.names.unnamed]
    if not leaves:
        return []
    return [
        Observed(
            f"unnamed:{digest(repr(sorted(one.fingerprint for one in leaves)))[:16]}",
            Kind.LEFT_OUT,
            lambda since: builders.filters_unnamed(
                target=target_name(snapshot.target), leaves=leaves, since=since, now=now
            ),
        )
    ]


def _limits(snapshot: Snapshot, now: datetime) -> list[Observed]:
    plan, target, observed = snapshot.plan, snapshot.target, []
    if plan.held:
        held = Observed(
            f"removal-held:{digest(repr(plan.held))[:16]}",
            Kind.REMOVAL_HELD,
            lambda since: builders.filters_held(
                target=target_name(target), candidates=_words(plan.held), limit=plan.limit, since=since, now=now
            ),
        )
        observed.append(held)
    if len(plan.filters) >= _NEAR * target.limit:
        near = Observed(
            "quota-near",
            Kind.QUOTA_NEAR,
            lambda since: builders.filters_near(
                target=target_name(target), count=len(plan.filters), limit=target.limit, since=since, now=now
            ),
        )
        observed.append(near)
    return observed


def _leaving(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What leaves soon; at once where no leaf at all bears the name: a person took something out of the bundle."""
    graces, wanted = snapshot.plan.graces, snapshot.names.filters.keys() - snapshot.names.former
    begun = {key: end for key, end in graces.ends.items() if key in graces.unwanted and end > now}
    leaving = {key for key, end in begun.items() if key not in wanted or now >= end - AHEAD}
    if not leaving:
        return []
    until = min(begun[key] for key in leaving)
    return [
        Observed(
            f"leaving:{digest(repr(sorted(leaving)))[:16]}",
            Kind.REMOVAL_PLANNED,
            lambda since: builders.filters_leaving(
                target=target_name(snapshot.target), leaving=_words(leaving), until=until, since=since, now=now
            ),
        )
    ]


def _stuck(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What should be deployed and cannot, or may not; what should leave at once and cannot."""
    plan, hold = snapshot.plan, snapshot.record.hold
    reason: str | None = None
    message = ""
    if plan.blocked_by is not None and plan.blocked_by not in _ITS_OWN_ALERT:
        reason, message = plan.blocked_by.value, plan.why
    elif plan.lingering:
        reason = "withdrawn"
        message = f"{named(plan.lingering)} stood for leaves that nothing vouches for any more, and is the last filter"
    elif hold is not None and hold.stops(plan.content) and plan.refused:
        reason, message = "held", f"Nothing is changed since {hold.since:%Y-%m-%d %H:%M} UTC ({hold.reason})."
    if reason is None:
        return []
    stable = reason
    return [
        Observed(
            f"stuck:{stable}:{plan.content[:16]}",
            Kind.TRUSTSTORE_UPDATE_FAILED,
            lambda since: builders.truststore_update_failed(
                target=target_name(snapshot.target),
                reason=stable,
                message=message,
                missing=[need.certificate.facts for need in plan.refused],
                content=plan.content,
                since=since,
                now=now,
            ),
            reason=stable,
        )
    ]


def _forged(snapshot: Snapshot, now: datetime) -> list[Observed]:
    found = [*snapshot.view.forged]
    if snapshot.plan.disputed:
        found.append(
            f"The record calls filters of others the watcher's own ({named(snapshot.plan.disputed)}); they stay."
        )
    return [forgery(snapshot.target, what, now) for what in found]


def _planned(snapshot: Snapshot, now: datetime) -> list[Observed]:
    plan = snapshot.plan
    if not plan.changes or plan.blocked_by:
        return []
    return [
        Observed(
            f"planned:{plan.content[:16]}",
            Kind.CHANGE_PLANNED,
            lambda since: builders.filters_planned(
                target=target_name(snapshot.target),
                added=_words(plan.added),
                removed=_words(plan.removed),
                refused=[need.certificate.facts for need in plan.refused],
                presented=any(need.presented for need in plan.refused),
                content=plan.content,
                since=since,
                now=now,
            ),
        )
    ]


def leaving_soon(snapshot: Snapshot) -> dict[str, str]:
    """For the summary: what will leave, and when."""
    return {words(key): f"{end:%Y-%m-%dT%H:%MZ}" for key, end in snapshot.plan.graces.ends.items()}


def shorten(keys: Iterable[str]) -> list[str]:
    """For the summary: keys as people read them."""
    return [words(key)[:100] for key in sorted(keys)]


def _words(keys: Iterable[str]) -> list[str]:
    return [words(key) for key in sorted(keys)]
