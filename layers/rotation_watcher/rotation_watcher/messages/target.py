"""Alerts about a target: what was changed and proved, what stands in the way, what others did to it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from rotation_watcher.alerts import Alert, Kind, Severity, alert_id
from rotation_watcher.facts import CertificateFacts
from rotation_watcher.messages.wording import count, listed, plain, when


class TargetName(msgspec.Struct, frozen=True):
    """A target as alerts name it. ``label`` says what it is, in words."""

    id: str
    arn: str
    label: str


def change_planned(
    *,
    target: TargetName,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    kept: int,
    content: str,
    now: datetime,
) -> Alert:
    """In observe mode: what would be done."""
    return Alert(
        id=alert_id(Kind.CHANGE_PLANNED, target.id, content),
        kind=Kind.CHANGE_PLANNED,
        severity=Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: a change is due, and the mode is observe",
        what_happened=f"The watcher would add {count(len(added))}, remove {len(removed)} and keep {kept}.",
        what_it_means=(
            "Nothing was changed. Data actions may fail once Genesys presents a certificate under what is missing."
        ),
        what_to_do=(
            "Deploy the stack with Mode=apply, or load the bundle yourself: wanted.pem of the bundle holds what is"
            " wanted, without the certificates of others that the target holds."
        ),
        facts=_target(target) | listed("would add", added, now) | listed("would remove", removed, now),
    )


def truststore_updated(
    *,
    target: TargetName,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    kept_foreign: int,
    bucket: str,
    key: str,
    version: str,
    proof: str,
    content: str,
    now: datetime,
) -> Alert:
    """A target was changed, and the change was read back."""
    proofs = {
        "bytes": "the deployed bundle was read back and holds exactly what was meant",
        "version": "the service reports exactly this object version, without updating any more",
    }
    others = f" {count(kept_foreign, 'certificate')} of others stayed." if kept_foreign else ""
    return Alert(
        id=alert_id(Kind.TRUSTSTORE_UPDATED, target.id, f"{content}:{version}"),
        kind=Kind.TRUSTSTORE_UPDATED,
        severity=Severity.INFO,
        at=now,
        target=target.id,
        title=f"{target.label}: truststore updated and proved",
        what_happened=f"Added {count(len(added))}, removed {len(removed)}.{others}",
        what_it_means=(
            f"Every accepted current and upcoming certificate verifies against it; {proofs.get(proof, proof)}."
        ),
        what_to_do="Nothing. To go back to the version before, call publish with the rollback event of this target.",
        facts=_target(target)
        | listed("added", added, now)
        | listed("removed", removed, now)
        | {"object": f"s3://{bucket}/{key}", "version": version, "proof": proof},
    )


def shared_authority_deployed(
    *, target: TargetName, authorities_subjects: Sequence[str], pins_uri: str, now: datetime
) -> Alert:
    """The DigiCert trap: the CA signs for many customers."""
    return Alert(
        id=alert_id(Kind.SHARED_AUTHORITY_DEPLOYED, target.id, f"{now:%Y%m%dT%H%M%SZ}"),
        kind=Kind.SHARED_AUTHORITY_DEPLOYED,
        severity=Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: its truststore lets in other customers of a public CA",
        what_happened="A bundle with DigiCert's CA certificates was deployed, as the watch file asks.",
        what_it_means=(
            "That CA signs client certificates for many customers. The truststore alone lets every one of them in,"
            " not only Genesys."
        ),
        what_to_do=(
            "Check who comes: compare the client certificate with the pins. Behind an ALB the backend finds it in the"
            " header X-Amzn-Mtls-Clientcert-Leaf; API Gateway gives it to an authorizer."
            " Or choose the Genesys authority in the integration."
        ),
        facts=_target(target)
        | {f"root {place}": plain(subject) for place, subject in enumerate(authorities_subjects, start=1)}
        | {"pins": pins_uri},
    )


_FAILURES = {
    "target-not-found": "Check the ARN in TargetArns: the target is gone or was made anew.",
    "target-denied": "Give the publish function's role what the message names; TargetArns must list this target.",
    "target-busy": "Nothing yet: the next scheduled run tries again.",
    "target-failed": "Read the message; the next scheduled run tries again.",
    "bundle-rejected": (
        "Read the service's words: one bad certificate rejects the whole bundle. Look at extra/ files and at the"
        " certificates of others first. Nothing is tried again until the content changes or you release the target."
    ),
    "still-updating": "Look at the domain in the API Gateway console; AWS support can end an update that hangs.",
    "unproven": "Look who else changes this target; the next scheduled run tries again.",
    "held": "Release the target when it may go on: call publish with its release event.",
    "would-refuse": "Look at the certificates of others in the target: something there stands in the way.",
    "too-many-certificates": (
        "Remove certificates of others that are no longer needed, or raise the quota at AWS and max_certificates here."
    ),
}


def truststore_update_failed(
    *,
    target: TargetName,
    reason: str,
    message: str,
    missing: Sequence[CertificateFacts],
    content: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """A target could not be brought to what is wanted. ``missing`` are leaves that it does not admit now."""
    if missing:
        means = (
            f"{count(len(missing), 'accepted certificate')} of Genesys would be refused as the target stands:"
            " data actions fail as soon as one of them is presented."
        )
    else:
        means = "The target goes on with what it holds. Nothing is known to fail now."
    return Alert(
        id=alert_id(Kind.TRUSTSTORE_UPDATE_FAILED, target.id, f"{reason}:{content[:16]}:{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.TRUSTSTORE_UPDATE_FAILED,
        severity=Severity.CRITICAL if missing else Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: the truststore could not be updated",
        what_happened=plain(message, 500),
        what_it_means=means,
        what_to_do=_FAILURES.get(reason, _FAILURES["target-failed"]),
        facts=_target(target) | {"reason": reason} | listed("refused", missing, now) | {"since": when(since)},
    )


def rolled_back(
    *, target: TargetName, from_version: str, to_version: str, why: str, by_hand: bool, now: datetime
) -> Alert:
    """An earlier version is deployed again, and held."""
    ends = "until you release it" if by_hand else "until its content changes or you release it"
    return Alert(
        id=alert_id(Kind.ROLLED_BACK, target.id, f"{from_version}:{to_version}:{now:%Y%m%dT%H%M%SZ}"),
        kind=Kind.ROLLED_BACK,
        severity=Severity.WARNING if by_hand else Severity.CRITICAL,
        at=now,
        target=target.id,
        title=f"{target.label}: rolled back to an earlier truststore",
        what_happened=plain(why, 400),
        what_it_means=f"The earlier version is deployed and proved. The target is held {ends}: new certificates wait.",
        what_to_do=(
            "Find out what was wrong. Then release the target:\n"
            f'sam remote invoke PublishFunction --event \'{{"release": "{target.id}"}}\''
        ),
        facts=_target(target) | {"from version": from_version, "to version": to_version},
    )


def drift_found(
    *,
    target: TargetName,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    moved_from: str | None,
    moved_to: str | None,
    refused: Sequence[CertificateFacts],
    will_heal: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """Somebody else changed the target since it was proved."""
    changes = [f"{count(len(added))} came"] if added else []
    changes += [f"{count(len(removed))} went"] if removed else []
    changes += [f"it now points at {plain(moved_to)}"] if moved_to else []
    means = "Every certificate that Genesys presents is still let in."
    if refused:
        means = f"As it stands it refuses {count(len(refused), 'accepted certificate')} of Genesys: data actions fail."
    return Alert(
        id=alert_id(Kind.DRIFT_FOUND, target.id, f"{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.DRIFT_FOUND,
        severity=Severity.CRITICAL if refused else Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: somebody else changed its truststore",
        what_happened=f"Since it was last proved, {' and '.join(changes)}.",
        what_it_means=f"{means} Certificates that others added stay.",
        what_to_do=(
            "The watcher puts back what is missing now."
            if will_heal
            else "The watcher leaves it as it is. If it was not meant, set on_drift to heal, or mend it by hand."
        )
        + " Find out who changed it (CloudTrail), and let one tool alone manage this truststore.",
        facts=_target(target)
        | listed("came", added, now)
        | listed("went", removed, now)
        | listed("refused", refused, now)
        | ({"was": moved_from} if moved_from else {})
        | ({"is": plain(moved_to)} if moved_to else {}),
    )


def mtls_off(
    *, target: TargetName, endpoint: str | None, detail: str, will_heal: bool, since: datetime, now: datetime
) -> Alert:
    """Clients come in without being asked for a certificate."""
    where = plain(endpoint) if endpoint else target.label
    return Alert(
        id=alert_id(Kind.MTLS_OFF, target.id, f"{plain(endpoint or 'domain')}:{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.MTLS_OFF,
        severity=Severity.CRITICAL,
        at=now,
        target=target.id,
        title=f"{target.label}: clients can come in without a certificate",
        what_happened=plain(detail, 400),
        what_it_means=f"Through {where} anybody reaches the backend without a client certificate.",
        what_to_do=(
            "The watcher turns mutual TLS on again with the last truststore. Find out who turned it off (CloudTrail)."
            if will_heal
            else "Turn verification on (listener: mode verify with this trust store; domain: a truststore), and disable"
            " the default execute-api endpoint. The watcher does not do it by itself: it would shut out other clients."
        ),
        facts=_target(target) | ({"endpoint": plain(endpoint)} if endpoint else {}) | {"since": when(since)},
    )


def removal_held(
    *, target: TargetName, candidates: Sequence[CertificateFacts], limit: str, since: datetime, now: datetime
) -> Alert:
    """More would leave at once than is plausible."""
    return Alert(
        id=alert_id(Kind.REMOVAL_HELD, target.id, f"{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.REMOVAL_HELD,
        severity=Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: removing {count(len(candidates))} waits for your word",
        what_happened=f"{limit}.",
        what_it_means="They stay trusted until you decide. Additions go on as usual.",
        what_to_do=(
            f'If they may go, release them:\nsam remote invoke PublishFunction --event \'{{"release": "{target.id}"}}\''
        ),
        facts=_target(target) | listed("would leave", candidates, now) | {"since": when(since)},
    )


def quota_near(*, target: TargetName, count: int, limit: int, now: datetime) -> Alert:
    """The target is nearly full."""
    return Alert(
        id=alert_id(Kind.QUOTA_NEAR, target.id, f"{count}/{limit}"),
        kind=Kind.QUOTA_NEAR,
        severity=Severity.WARNING,
        at=now,
        target=target.id,
        title=f"{target.label}: {count} of {limit} certificates used",
        what_happened=f"The truststore needs {count} certificates; {limit} are allowed.",
        what_it_means="A rotation that brings new CA certificates may not fit, and the update would be refused.",
        what_to_do=(
            "Remove certificates of others that are no longer needed, or have the quota raised at AWS and set"
            " max_certificates for this target."
        ),
        facts=_target(target) | {"certificates": f"{count} of {limit}"},
    )


def _target(target: TargetName) -> dict[str, str]:
    return {"target": f"{target.id} ({target.arn})"}
