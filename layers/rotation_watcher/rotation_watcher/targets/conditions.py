"""Turn what a survey found into alerts, each trouble once: open episodes live in the target's record.

Pure. ``notice`` gives the record with its episodes brought up to date and new alerts in its outbox; a survey that finds
what was found before gives back an equal record.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import TargetName
from rotation_watcher.alerts.model import Alert
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.config import Authority, Mode, Target
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.targets.record import Pending, Record
from rotation_watcher.x509.facts import CertificateFacts

_NEAR = 0.8
"""The share of a target's certificate limit from which the quota counts as near."""

AHEAD = timedelta(days=3)
"""How long before it leaves a certificate is announced to leave, or half its grace before, if that is shorter."""

PASSING = timedelta(minutes=30)
"""How long a trouble that may pass by itself is met with patience."""

UNPROVEN_AFTER = timedelta(minutes=30)
"""How long an update may stay unproved before people are told."""

UNREADABLE = "unreadable:"
"""Episodes of this prefix end when the target can be read again."""
UNCHANGEABLE = "unchangeable:"
"""Episodes of this prefix end when nothing is left to change, or a change has been proved."""


class _Condition(NamedTuple):
    """A trouble found now: the name of its episode, and its alert if it is new."""

    episode: str
    alert: Alert


def target_name(target: Target) -> TargetName:
    """The target as alerts name it."""
    return TargetName(target.id, target.arn, arns.parse_target(target.arn).label)


def notice(snapshot: Snapshot, mode: Mode, now: datetime) -> Record:
    """The survey's record with every trouble told that has not been told."""
    record = snapshot.record
    troubles = [
        *_drift(snapshot, mode, now),
        *_open_doors(snapshot, mode, now),
        *_limits(snapshot, now),
        *_leaving(snapshot, now),
        *_stuck(snapshot, now),
        *(_planned(snapshot, now) if mode is Mode.OBSERVE else ()),
    ]
    episodes = {one.episode: record.episodes.get(one.episode, now) for one in troubles}
    new = [one.alert for one in troubles if one.episode not in record.episodes]
    if snapshot.plan.changes or record.pending:
        episodes |= {name: since for name, since in record.episodes.items() if name.startswith(UNCHANGEABLE)}
    verifying = {endpoint.name for endpoint in snapshot.live.endpoints if endpoint.verifies}
    endpoints = tuple(sorted({*record.endpoints, *verifying}))
    return msgspec.structs.replace(record, episodes=episodes, endpoints=endpoints).told(*new)


def failed(
    record: Record,
    target: Target,
    error: TargetError,
    *,
    prefix: str,
    content: str,
    missing: Iterable[CertificateFacts],
    now: datetime,
) -> Record:
    """The record after the target could not be read or changed; told once an episode.

    What may pass by itself (throttling, a network error) is told when it has lasted for ``PASSING``; what cannot, or
    what keeps out a leaf that is needed, at once.
    """
    episode = f"{prefix}{error.reason}"
    told = f"{episode}:told"
    if told in record.episodes:
        return record
    since, missing = record.episodes.get(episode, now), tuple(missing)
    urgent = bool(missing) and not isinstance(error, TargetBusy)
    lasting = urgent or isinstance(error, TargetNotFound | TargetDenied | BundleRejected)
    if not lasting and now - since < PASSING:
        return msgspec.structs.replace(record, episodes={**record.episodes, episode: since})
    alert = builders.truststore_update_failed(
        target=target_name(target),
        reason=error.reason,
        message=str(error),
        missing=missing,
        content=content,
        since=since,
        now=now,
    )
    return msgspec.structs.replace(record, episodes={**record.episodes, episode: since, told: now}).told(alert)


def update_failed(record: Record, snapshot: Snapshot, error: TargetError, content: str, now: datetime) -> Record:
    """The record after the target did not take an update."""
    return failed(
        record,
        snapshot.target,
        error,
        prefix=UNCHANGEABLE,
        content=content,
        missing=[need.certificate.facts for need in snapshot.plan.refused],
        now=now,
    )


def unproven(
    record: Record, snapshot: Snapshot, pending: Pending, reason: str, broken: Iterable[Need], now: datetime
) -> Record:
    """The record while an update does not show; told once when it has lasted for ``UNPROVEN_AFTER``."""
    episode = f"{UNCHANGEABLE}{reason}"
    if now - pending.at < UNPROVEN_AFTER or episode in record.episodes:
        return record
    told = builders.truststore_update_failed(
        target=target_name(snapshot.target),
        reason=reason,
        message=f"The update of {pending.at:%Y-%m-%d %H:%M} UTC to version {pending.version} does not show.",
        missing=[need.certificate.facts for need in broken],
        content=pending.sha256,
        since=pending.at,
        now=now,
    )
    return msgspec.structs.replace(record, episodes={**record.episodes, episode: now}).told(told)


def without_unchangeable(record: Record) -> dict[str, datetime]:
    """The open episodes after a change has been proved."""
    return {name: since for name, since in record.episodes.items() if not name.startswith(UNCHANGEABLE)}


def shared_authority(record: Record, snapshot: Snapshot, bucket: str, now: datetime) -> Record:
    """The DigiCert trap: its CA signs for many customers, so the truststore alone is an open door (DESIGN.md)."""
    shared = snapshot.view.wanted.shared_roots(Authority.DIGICERT)
    if not shared or {root.fingerprint for root in shared} <= {*record.shared_told}:
        return record
    warning = builders.shared_authority_deployed(
        target=target_name(snapshot.target),
        authorities_subjects=[root.facts.subject for root in shared],
        pins_uri=f"s3://{bucket}/{keys.pins(snapshot.view.bundle.id)}",
        now=now,
    )
    told = tuple(sorted({*record.shared_told, *(root.fingerprint for root in shared)}))
    return msgspec.structs.replace(record, shared_told=told).told(warning)


def facts_of(snapshot: Snapshot, fingerprints: Iterable[str]) -> list[CertificateFacts]:
    """What can be told of these certificates, wherever the survey knows them from."""
    known: dict[str, CertificateFacts] = {key: item.facts for key, item in snapshot.view.wanted.certificates.items()}
    for blocks in (snapshot.former, snapshot.blocks):
        known |= {key: block.certificate.facts for key, block in blocks.items() if block.certificate}
    unknown = datetime.min.replace(tzinfo=UTC)
    return [
        known.get(key)
        or CertificateFacts(
            fingerprint=key,
            spki_sha256="",
            subject="(not at hand any more)",
            issuer="",
            serial="",
            names=(),
            not_before=unknown,
            not_after=unknown,
        )
        for key in fingerprints
    ]


def _short(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _drift(snapshot: Snapshot, mode: Mode, now: datetime) -> list[_Condition]:
    drift = snapshot.plan.drift
    if drift is None:
        return []
    episode = f"drift:{_short(drift)}"
    applied = snapshot.record.applied
    heals = (
        mode is Mode.APPLY
        and snapshot.target.on_drift == "heal"
        and snapshot.plan.changes
        and snapshot.record.hold is None
    )
    alert = builders.drift_found(
        target=target_name(snapshot.target),
        added=facts_of(snapshot, drift.added),
        removed=facts_of(snapshot, drift.removed),
        moved_from=f"version {applied.version}" if applied and drift.moved_to else None,
        moved_to=drift.moved_to,
        refused=[need.certificate.facts for need in snapshot.plan.refused],
        will_heal=heals,
        since=snapshot.record.episodes.get(episode, now),
        now=now,
    )
    return [_Condition(episode, alert)]


def _open_doors(snapshot: Snapshot, mode: Mode, now: datetime) -> list[_Condition]:
    """MTLS off at the domain, a listener that does not verify, a default endpoint that goes past it."""
    doors: list[tuple[str | None, str]] = []
    if snapshot.live.bundle is None:
        doors.append((None, "The domain has no truststore: mutual TLS is off."))
    doors += [(endpoint.name, endpoint.detail) for endpoint in snapshot.live.endpoints if not endpoint.verifies]
    heals = mode is Mode.APPLY and snapshot.target.on_drift == "heal" and snapshot.record.applied is not None
    results = []
    for name, detail in doors:
        episode = f"mtls-off:{name or 'domain'}"
        alert = builders.mtls_off(
            target=target_name(snapshot.target),
            endpoint=name,
            detail=detail,
            will_heal=heals and name is None,
            since=snapshot.record.episodes.get(episode, now),
            now=now,
        )
        results.append(_Condition(episode, alert))
    return results


def _limits(snapshot: Snapshot, now: datetime) -> list[_Condition]:
    results = []
    if snapshot.plan.held:
        episode = f"removal-held:{_short(snapshot.plan.held)}"
        alert = builders.removal_held(
            target=target_name(snapshot.target),
            candidates=facts_of(snapshot, snapshot.plan.held),
            limit=snapshot.plan.limit,
            since=snapshot.record.episodes.get(episode, now),
            now=now,
        )
        results.append(_Condition(episode, alert))
    if len(snapshot.plan.desired) >= _NEAR * snapshot.target.limit:
        near = builders.quota_near(
            target=target_name(snapshot.target), count=len(snapshot.plan.desired), limit=snapshot.target.limit, now=now
        )
        results.append(_Condition("quota-near", near))
    return results


def leaving(snapshot: Snapshot) -> dict[str, tuple[datetime, datetime]]:
    """What the watcher put into the target and will take out, by fingerprint; when its grace began and when it ends."""
    ours = snapshot.blocks.keys() & snapshot.record.ours.keys()
    return {key: grace for key, grace in snapshot.view.wanted.graces().items() if key in ours}


def _leaving(snapshot: Snapshot, now: datetime) -> list[_Condition]:
    """What leaves soon: told late in its grace, when no flapping can bring it back into use."""
    soon = {key: end for key, (begin, end) in leaving(snapshot).items() if now >= end - min(AHEAD, (end - begin) / 2)}
    if not soon:
        return []
    episode = f"leaving:{_short(*sorted(soon))}"
    alert = builders.removal_planned(
        target=target_name(snapshot.target),
        leaving=facts_of(snapshot, sorted(soon)),
        until=min(soon.values()),
        since=snapshot.record.episodes.get(episode, now),
        now=now,
    )
    return [_Condition(episode, alert)]


def _stuck(snapshot: Snapshot, now: datetime) -> list[_Condition]:
    """What should be deployed and cannot, or may not."""
    plan, hold = snapshot.plan, snapshot.record.hold
    content = plan.content
    missing = [need.certificate.facts for need in plan.refused]
    reason: str | None = plan.blocked_by
    message = plan.why
    if reason is None and hold is not None and hold.stops(content) and missing:
        reason, message = "held", f"Nothing is deployed since {hold.since:%Y-%m-%d %H:%M} UTC ({hold.reason})."
    if reason is None or reason == "nothing-known":
        return []
    episode = f"stuck:{reason}:{content[:16]}"
    alert = builders.truststore_update_failed(
        target=target_name(snapshot.target),
        reason=reason,
        message=message,
        missing=missing,
        content=content,
        since=snapshot.record.episodes.get(episode, now),
        now=now,
    )
    return [_Condition(episode, alert)]


def _planned(snapshot: Snapshot, now: datetime) -> list[_Condition]:
    """In observe mode: what would be done."""
    if not snapshot.plan.changes or snapshot.plan.blocked_by:
        return []
    content = snapshot.plan.content
    alert = builders.change_planned(
        target=target_name(snapshot.target),
        added=facts_of(snapshot, snapshot.plan.added),
        removed=facts_of(snapshot, snapshot.plan.removed),
        kept=len(snapshot.plan.desired) - len(snapshot.plan.added),
        content=content,
        now=now,
    )
    return [_Condition(f"planned:{content[:16]}", alert)]
