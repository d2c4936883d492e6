"""What a reading of a target shows that people must know: drift, open doors, limits, what leaves, what is stuck.

Pure: what one run observed. ``conditions`` keeps it, and ``obstacles`` has what stands beside or before a target.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from rotation_watcher import arns, keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import AT_ONCE, Lasting, Observed
from rotation_watcher.alerts.model import Alert, Kind, TargetName
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.config import Mode, Target
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.targets import contention
from rotation_watcher.targets.plan import Blocker, Snapshot
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.facts import CertificateFacts

AHEAD = timedelta(days=3)
"""How long before it leaves a certificate is announced to leave, or half its grace before, if that is shorter."""

PASSING = timedelta(minutes=30)
"""How long a failure that may pass unaided lasts before it is alerted."""

_NEAR = 0.8
"""The share of a target's certificate limit from which the quota counts as near."""


def observed(snapshot: Snapshot, record: Record, mode: Mode, now: datetime) -> list[Observed]:
    """All of it. ``record``: the snapshot's, with this run counted among those that others undo (``contention``)."""
    return [
        *_drift(snapshot, record, mode, now),
        *_contended(snapshot, record, now),
        *_open_doors(snapshot, mode, now),
        *_limits(snapshot, now),
        *_leaving(snapshot, now),
        *_lingering(snapshot, mode, now),
        *_stuck(snapshot, now),
        *(_planned(snapshot, now) if mode is Mode.OBSERVE else ()),
    ]


def target_name(target: Target) -> TargetName:
    """The target as alerts name it."""
    return TargetName(target.id, target.arn, target.label, target.reach.account)


def facts_of(snapshot: Snapshot, fingerprints: Iterable[str]) -> list[CertificateFacts]:
    """What is known of these certificates, wherever the snapshot has them from."""
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


def contended(
    record: Record,
    target: Target,
    *,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    refused: Iterable[Need],
    now: datetime,
) -> list[Observed]:
    """Another tool undoes every update: one condition instead of an alert for each update."""
    rounds = record.rounds
    if rounds is None or not contention.goes_on(record, now):
        return []
    return [
        Observed(
            "contended",
            Kind.CONTENDED,
            lambda since: builders.contended(
                target=target_name(target),
                times=rounds.count,
                added=added,
                removed=removed,
                refused=[need.certificate.facts for need in refused],
                call=arns.parse_target(target.arn).kind.changed_by,
                started=rounds.since,
                since=since,
                now=now,
            ),
        )
    ]


def leaving(snapshot: Snapshot) -> dict[str, tuple[datetime, datetime]]:
    """What the watcher put into the target and will take out, by fingerprint; when its grace began and when it ends."""
    ends, withdrawn = snapshot.plan.graces.ends, snapshot.plan.graces.withdrawn
    return {key: grace for key, grace in ends.items() if key not in withdrawn}


def short(*parts: object) -> str:
    """A key of these parts, 16 hex digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _drift(snapshot: Snapshot, record: Record, mode: Mode, now: datetime) -> list[Observed]:
    """What others changed. Once it is known that they undo every update, that stands for each time they do."""
    drift = snapshot.plan.drift
    if drift is None or (contention.goes_on(record, now) and contention.undone(snapshot.plan)):
        return []
    applied = snapshot.record.applied
    heals = (
        mode is Mode.APPLY
        and snapshot.target.on_drift == "heal"
        and snapshot.plan.changes
        and snapshot.plan.blocked_by is None
        and snapshot.record.hold is None
    )
    return [
        Observed(
            f"drift:{short(drift)}",
            Kind.DRIFT_FOUND,
            lambda since: builders.drift_found(
                target=target_name(snapshot.target),
                added=facts_of(snapshot, drift.added),
                removed=facts_of(snapshot, drift.removed),
                moved_from=f"version {applied.version}" if applied and drift.moved_to else None,
                moved_to=drift.moved_to,
                refused=[need.certificate.facts for need in snapshot.plan.refused],
                will_heal=heals,
                call=arns.parse_target(snapshot.target.arn).kind.changed_by,
                proved=applied.at if applied else None,
                since=since,
                now=now,
            ),
        )
    ]


def _contended(snapshot: Snapshot, record: Record, now: datetime) -> list[Observed]:
    drift = snapshot.plan.drift
    return contended(
        record,
        snapshot.target,
        added=facts_of(snapshot, drift.added if drift else ()),
        removed=facts_of(snapshot, drift.removed if drift else ()),
        refused=snapshot.plan.refused,
        now=now,
    )


def _open_doors(snapshot: Snapshot, mode: Mode, now: datetime) -> list[Observed]:
    """MTLS off at the domain, a listener that does not verify, a default endpoint that goes past it."""
    target, applied = arns.parse_target(snapshot.target.arn), snapshot.record.applied
    doors: list[tuple[str | None, str, Door]] = []
    if snapshot.live.bundle is None:
        off = target.kind.off or "It has no truststore at all."
        if snapshot.plan.blocked_by is Blocker.BUCKET_UNUSABLE:
            off += f" The watcher cannot turn it on again, because {snapshot.plan.why}"
        doors.append((None, off, Door(DoorKind.DOMAIN, target.name)))
    doors += [(one.name, one.detail, one.door) for one in snapshot.live.known_endpoints if not one.verifies]
    blocked = snapshot.plan.blocked_by is Blocker.BUCKET_UNUSABLE
    heals = mode is Mode.APPLY and snapshot.target.on_drift == "heal" and applied is not None and not blocked

    def observed(name: str | None, detail: str, door: Door) -> Observed:
        return Observed(
            f"mtls-off:{name or 'domain'}",
            Kind.MTLS_OFF,
            lambda since: builders.mtls_off(
                target=target_name(snapshot.target),
                endpoint=name,
                detail=detail,
                door=door,
                truststore=keys.deployed(keys.target(snapshot.target.arn))
                if applied
                else keys.wanted(snapshot.target.bundle),
                version=applied.version if applied else None,
                bucket=(applied.bucket or snapshot.buckets.bundles) if applied else None,
                will_heal=heals and name is None,
                since=since,
                now=now,
            ),
        )

    return [observed(*one) for one in doors]


def _limits(snapshot: Snapshot, now: datetime) -> list[Observed]:
    plan, observed = snapshot.plan, []
    if plan.held:
        held = Observed(
            f"removal-held:{short(plan.held)}",
            Kind.REMOVAL_HELD,
            lambda since: builders.removal_held(
                target=target_name(snapshot.target),
                candidates=facts_of(snapshot, plan.held),
                limit=plan.limit,
                since=since,
                now=now,
            ),
        )
        observed.append(held)
    if len(plan.desired) >= _NEAR * snapshot.target.limit:
        near = Observed(
            "quota-near",
            Kind.QUOTA_NEAR,
            lambda since: builders.quota_near(
                target=target_name(snapshot.target),
                count=len(plan.desired),
                limit=snapshot.target.limit,
                since=since,
                now=now,
            ),
        )
        observed.append(near)
    return observed


def _leaving(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What leaves: alerted late in its grace, when no flapping can bring it back into use.

    A root that nothing wants any more, though no rotation replaced it, was taken out by a person, perhaps by mistake:
    that is alerted at once, and late in its grace again. Intermediates come and go by themselves, and a root that has
    ended lets nobody in.
    """
    ends = {key: grace for key, grace in leaving(snapshot).items() if grace[1] > now}
    soon = {key for key, (begin, end) in ends.items() if now >= end - min(AHEAD, (end - begin) / 2)}
    unwanted = {key for key in ends if key not in snapshot.view.wanted.certificates}
    begun = unwanted & snapshot.plan.graces.unwanted.keys()
    known = {key: snapshot.blocks[key].certificate for key in begun}
    if all(one is not None and (not one.self_signed or one.facts.not_after < now) for one in known.values()):
        unwanted, begun = set(), set()
    name = target_name(snapshot.target)

    def observed(keys: set[str], prefix: str, build: Callable[..., Alert]) -> list[Observed]:
        listed, until = facts_of(snapshot, sorted(keys)), min((ends[key][1] for key in keys), default=now)
        one = Observed(
            f"leaving:{prefix}{short(*sorted(keys))}",
            Kind.REMOVAL_PLANNED,
            lambda since: build(target=name, leaving=listed, until=until, since=since, now=now),
        )
        return [one] if keys else []

    return [
        *observed(soon - unwanted, "", builders.removal_planned),
        *observed(begun - soon, "unwanted:", partial(builders.unwanted, soon=False)),
        *observed(begun & soon, "unwanted-soon:", partial(builders.unwanted, soon=True)),
    ]


def _lingering(snapshot: Snapshot, mode: Mode, now: datetime) -> list[Observed]:
    """What only a withdrawn approval wanted, and what is still let in by it."""
    plan, hold = snapshot.plan, snapshot.record.hold
    why, remedy, held = "", "Take it out of the target by hand.", False
    if plan.lingering:
        lingering, why = (
            plan.lingering,
            (
                "It cannot be taken out: an accepted leaf is let in by it, nothing else is in the target, or nothing"
                " proves that the watcher has put it in."
            ),
        )
    else:
        lingering = tuple(sorted(plan.graces.withdrawn))
        if mode is Mode.OBSERVE:
            why = "In observe mode the watcher takes nothing out."
            remedy = f"Take it out of the target by hand, or {builders.APPLY}."
        elif plan.blocked_by is not None:
            why = f"The target cannot be changed: {plan.why}."
            remedy = "Mend that, or take it out of the target by hand."
        elif hold is not None and hold.stops(plan.content):
            why = f"The target is held since {hold.since:%Y-%m-%d %H:%M} UTC ({hold.reason})."
            remedy, held = "It leaves once the target is released.", True
    if not lingering or not why:
        return []
    return [
        Observed(
            f"lingering:{short(*lingering)}",
            Kind.TRUSTSTORE_UPDATE_FAILED,
            lambda since: builders.still_trusted(
                target=target_name(snapshot.target),
                lingering=facts_of(snapshot, lingering),
                why=why,
                remedy=remedy,
                held=held,
                since=since,
                now=now,
            ),
            reason="withdrawn",
        )
    ]


def _stuck(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """What should be deployed and cannot, or may not."""
    plan, hold = snapshot.plan, snapshot.record.hold
    content = plan.content
    missing = [need.certificate.facts for need in plan.refused]
    reason, message = (plan.blocked_by and plan.blocked_by.value), plan.why
    if reason is None and hold is not None and hold.stops(content) and missing:
        reason, message = "held", f"Nothing has been deployed since {hold.since:%Y-%m-%d %H:%M} UTC ({hold.reason})."
    unusable = reason == Blocker.BUCKET_UNUSABLE.value
    stuck = reason if unusable else f"{reason}:{content[:16]}"  # whatever is to be deployed, it is one bucket
    if reason is None and plan.shut_out:
        missing = [need.certificate.facts for need in plan.shut_out]
        reason, message = Blocker.WOULD_REFUSE.value, plan.why
        stuck = f"{reason}:{short(*sorted(facts.fingerprint for facts in missing))}"
    if reason is None or reason == "nothing-known":
        return []
    return [
        Observed(
            f"stuck:{stuck}",
            Kind.TRUSTSTORE_UPDATE_FAILED,
            lambda since: builders.truststore_update_failed(
                target=target_name(snapshot.target),
                reason=reason,
                message=message,
                missing=missing,
                content="" if unusable else content,
                off=snapshot.live.bundle is None,
                since=since,
                now=now,
            ),
            Lasting(duration=PASSING) if snapshot.passes and not missing else AT_ONCE,
            reason,
        )
    ]


def _planned(snapshot: Snapshot, now: datetime) -> list[Observed]:
    """In observe mode: what would be done, also where the bucket would have to be mended first."""
    plan = snapshot.plan
    if not plan.changes or (plan.blocked_by and not plan.but_for_bucket):
        return []
    content = snapshot.plan.content
    return [
        Observed(
            f"planned:{content[:16]}",
            Kind.CHANGE_PLANNED,
            lambda since: builders.change_planned(
                target=target_name(snapshot.target),
                bundle=snapshot.target.bundle,
                added=facts_of(snapshot, snapshot.plan.added),
                removed=facts_of(snapshot, snapshot.plan.removed),
                moved=facts_of(snapshot, snapshot.plan.moved),
                kept=len(snapshot.plan.desired) - len(snapshot.plan.added),
                refused=[need.certificate.facts for need in plan.refused],
                presented=any(need.presented for need in plan.refused),
                content=content,
                since=since,
                now=now,
            ),
        )
    ]
