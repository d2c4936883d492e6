"""What reading a target, or trying to change it, says about its conditions.

Pure. Each function gives the record with its conditions brought up to date and the alerts that are due in its outbox;
a run that finds what was found before gives back an equal record.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Evaluation, Lasting, Observed, evaluate, strange, unjudged
from rotation_watcher.alerts.model import Kind, TargetName
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.config import Mode, RemindDays, Target
from rotation_watcher.errors import (
    BucketUnusable,
    BundleRejected,
    ContentUnknown,
    SdkTooOld,
    TargetBusy,
    TargetDefect,
    TargetDenied,
    TargetError,
    TargetNotFound,
    TargetUnproven,
)
from rotation_watcher.targets import contention, findings, obstacles, shared_authority, stacks
from rotation_watcher.targets.findings import PASSING, short, target_name
from rotation_watcher.targets.plan import Snapshot, digest, shown_last
from rotation_watcher.targets.record import Pending, Record
from rotation_watcher.x509.facts import CertificateFacts

replace = msgspec.structs.replace

DAILY = RemindDays()
"""How often people are reminded where no policy is at hand."""

UNPROVEN_AFTER = timedelta(minutes=30)
"""How long an update may stay unproved before it is alerted."""

CLEAR = Lasting(2, timedelta(minutes=10))
"""How long a condition of a target must be absent to be over. Runs may follow each other within seconds."""

UNREADABLE = "unreadable:"
"""Conditions of this prefix are absent when the target can be read."""
UNCHANGEABLE = "unchangeable:"
"""Conditions of this prefix are absent when nothing is left to change, or a change has been proved."""
FORGED = "forged:"
"""Conditions of this prefix: what lies in the bucket is not what the watcher wrote."""
_SEEN = (
    "drift:",
    "contended",
    "mtls-off:",
    "removal-held:",
    "quota-near",
    "leaving:",
    "lingering:",
    "stuck:",
    "planned:",
    UNREADABLE,
    stacks.PREFIX,
    FORGED,
    shared_authority.PREFIX,
    *obstacles.PREFIXES,
)
"""The keys of what a run finds at the target, or finds no more. A newer release may know others: they stay."""


def judged(
    record: Record,
    observed: Iterable[Observed],
    name: TargetName,
    seen: tuple[str, ...],
    *,
    changing: bool,
    remind: RemindDays,
    now: datetime,
) -> Evaluation:
    """What becomes of a target's conditions after it was read.

    ``seen`` begins the keys of what a run finds or finds no more; while it is not ``changing``, nothing keeps it from a
    change.
    """
    shown = seen if changing else (*seen, UNCHANGEABLE)
    return evaluate(
        record.conditions,
        observed,
        now,
        resolves=lambda key: CLEAR if key.startswith(shown) else None,
        about=lambda _: name,
        remind=remind,
    )


def notice(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The snapshot's record with the conditions that it shows."""
    record = contention.counted(snapshot, mode, now)
    observed = [
        *findings.observed(snapshot, record, mode, now),
        *obstacles.observed(snapshot, now),
        *_forged(snapshot, now),
        *stacks.observed(snapshot.live, snapshot.record, snapshot.buckets, target_name(snapshot.target), now),
        *shared_authority.observed(snapshot, target_name(snapshot.target), now),
    ]
    changing = snapshot.plan.changes or record.pending is not None
    unsaid = () if stacks.told(snapshot.live) else (stacks.PREFIX,)
    seen = tuple(prefix for prefix in _SEEN if prefix not in unsaid)
    conditions, alerts, _ = judged(
        record, observed, target_name(snapshot.target), seen, changing=changing, remind=snapshot.remind, now=now
    )
    verifying = {one.name for one in snapshot.live.known_endpoints if one.verifies and one.name.startswith("arn:")}
    endpoints = tuple(sorted({*record.endpoints, *verifying}))
    graces = snapshot.plan.graces
    before = digest(snapshot.last.contents.data) if snapshot.last.contents is not None else record.shown
    noted = replace(
        record,
        conditions=conditions,
        endpoints=endpoints,
        unwanted=graces.unwanted,
        approved=graces.approved,
        shown=shown_last(snapshot.target, snapshot.live, before),
    )
    return noted.with_alerts(*alerts)


def failed(
    record: Record,
    target: Target,
    error: TargetError,
    *,
    prefix: str,
    content: str,
    missing: Iterable[CertificateFacts],
    remind: RemindDays = DAILY,
    now: datetime,
) -> Record:
    """The record after the target could not be read or changed.

    What may pass unaided (throttling, a network error) is alerted when it has lasted for ``PASSING``; what cannot, or
    what keeps out a leaf that is needed, at once.
    """
    missing = tuple(missing)
    urgent = bool(missing) and not isinstance(error, TargetBusy)
    lasting = urgent or isinstance(
        error,
        TargetNotFound
        | TargetDenied
        | BundleRejected
        | ContentUnknown
        | TargetDefect
        | SdkTooOld
        | TargetUnproven
        | BucketUnusable,
    )
    adopt = error.adopt if isinstance(error, ContentUnknown) else ""
    observed = Observed(
        # Another content that is not known is another condition: what was said of the one before does not count for it.
        f"{prefix}{error.reason}{f'#{short(adopt)}' if adopt else ''}",
        Kind.TRUSTSTORE_UPDATE_FAILED,
        lambda since: builders.truststore_update_failed(
            target=target_name(target),
            reason=error.reason,
            message=str(error),
            missing=missing,
            content=content,
            unread=prefix == UNREADABLE,
            adopt=adopt,
            since=since,
            now=now,
        ),
        AT_ONCE if lasting else Lasting(duration=PASSING),
        error.reason,
    )
    return _with(record, [observed], now, remind)


def _with(record: Record, observed: Iterable[Observed], now: datetime, remind: RemindDays = DAILY) -> Record:
    """The record after something that says nothing about its other conditions."""
    conditions, alerts, _ = evaluate(record.conditions, observed, now, resolves=unjudged, remind=remind)
    return replace(record, conditions=conditions).with_alerts(*alerts)


def update_failed(record: Record, snapshot: Snapshot, error: TargetError, content: str, now: datetime) -> Record:
    """The record after the target did not take an update."""
    return failed(
        record,
        snapshot.target,
        error,
        prefix=UNCHANGEABLE,
        content=content,
        missing=[need.certificate.facts for need in snapshot.plan.refused],
        remind=snapshot.remind,
        now=now,
    )


def unproven(
    record: Record, snapshot: Snapshot, pending: Pending, reason: str, broken: Iterable[Need], now: datetime
) -> Record:
    """The record while an update does not show; alerted when it has lasted for ``UNPROVEN_AFTER``."""
    if timedelta(0) <= now - pending.at < UNPROVEN_AFTER:  # one that was asked for in the future is alerted too
        return record
    observed = Observed(
        f"{UNCHANGEABLE}{reason}",
        Kind.TRUSTSTORE_UPDATE_FAILED,
        lambda _: builders.truststore_update_failed(
            target=target_name(snapshot.target),
            reason=reason,
            message=f"The update of {pending.at:%Y-%m-%d %H:%M} UTC to version {pending.version} does not show.",
            missing=[need.certificate.facts for need in broken],
            content=pending.sha256,
            since=pending.at,
            now=now,
        ),
        reason=reason,
    )
    return _with(record, [observed], now, snapshot.remind)


def forged(record: Record, target: Target, what: str, now: datetime) -> Record:
    """The record after what was to be deployed turned out to be unlawful."""
    return _with(record, [forgery(target, f"Nothing was deployed at {target.id}: {what}.", now)], now)


def implausible(record: Record, target: Target, wrong: Iterable[str], now: datetime) -> Record:
    """The record after times were found in it that no run of the watcher writes."""
    what = f"The record of {target.id} {', and '.join(wrong)}: that is passed over (or a function's clock was ahead)."
    return _with(record, [forgery(target, what, now)], now)


def strange_alerts(record: Record, target: Target, now: datetime) -> Record:
    """The record after alerts that the watcher had not written were taken out of its outbox."""
    return _with(
        record, [strange(f"{FORGED}alerts", target_name(target), keys.record(keys.target(target.arn)), now)], now
    )


def forgery(target: Target, what: str, now: datetime) -> Observed:
    """What lies in the bucket and nothing bears out, in words."""
    return Observed(
        f"{FORGED}{short(what)}",
        Kind.STATE_FORGED,
        lambda since: builders.state_forged(target=target_name(target), what=what, since=since, now=now),
    )


def _forged(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What the bucket says, and nothing bears out."""
    found = [*snapshot.view.forged]
    if snapshot.plan.disputed:
        names = ", ".join(key[:16] for key in snapshot.plan.disputed[:3])
        count = len(snapshot.plan.disputed)
        found.append(f"The record calls {count} of others' certificates the watcher's own ({names}); they stay.")
    return [forgery(snapshot.target, what, now) for what in found]


def proved(record: Record, target: Target, now: datetime) -> Record:
    """The record after a change has been proved: what kept it from being changed is absent.

    What was never alerted is over at once: the change was only put off, by the pace of the service as a rule.
    """

    def resolves(key: str) -> Lasting | None:
        if not key.startswith(UNCHANGEABLE):
            return None
        return AT_ONCE if record.conditions[key].alerted is None else CLEAR

    conditions, alerts, _ = evaluate(record.conditions, (), now, resolves=resolves, about=lambda _: target_name(target))
    return replace(record, conditions=conditions).with_alerts(*alerts)


def deployed(record: Record, snapshot: Snapshot, now: datetime) -> Record:
    """The record after an update was proved: what it brought does not wait for the next run to be told."""
    found = shared_authority.observed(snapshot, target_name(snapshot.target), now, deployed=True)
    return _with(record, found, now, snapshot.remind)
