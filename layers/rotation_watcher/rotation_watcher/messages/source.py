"""Alerts about a source: what Genesys presents, will present, and what of it cannot be trusted."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts import Alert, Kind, Severity, alert_id
from rotation_watcher.assessment import Finding
from rotation_watcher.errors import SourceReason
from rotation_watcher.facts import CertificateFacts
from rotation_watcher.messages.wording import certificate, count, days, plain, short, when

PERMISSION = "integrations:actionCertificate:view"
"""The permission that the OAuth client's role needs (Genesys SDK)."""


class SourceName(msgspec.Struct, frozen=True):
    """A source as alerts name it."""

    id: str
    region: str


def upcoming_published(
    *, source: SourceName, authority: str, upcoming: CertificateFacts, current: CertificateFacts | None, now: datetime
) -> Alert:
    """Genesys announces the next client certificate."""
    ends = f" The current one ends on {when(current.not_after)} ({days(current.not_after, now)})." if current else ""
    return Alert(
        id=alert_id(Kind.UPCOMING_PUBLISHED, f"{source.id}:{authority}", upcoming.fingerprint),
        kind=Kind.UPCOMING_PUBLISHED,
        severity=Severity.INFO,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: the next {plain(authority, 20)} client certificate is published",
        what_happened=(
            f"Genesys Cloud {source.region} shows an upcoming client certificate of the {plain(authority, 20)}"
            f" authority.{ends}"
        ),
        what_it_means=(
            "Data actions will present it after the rotation; nobody says exactly when."
            " It verified to your anchors. Targets that this stack keeps in apply mode are widened now, so both work."
        ),
        what_to_do=(
            "Nothing for the watched targets: a second message says when each of them takes it."
            " If other systems check this certificate, give them the new pins before the rotation."
        ),
        facts=certificate(upcoming, now, "upcoming") | (certificate(current, now, "current") if current else {}),
    )


def rotated(
    *,
    source: SourceName,
    authority: str,
    new: CertificateFacts,
    old: CertificateFacts,
    retire_after: datetime,
    now: datetime,
) -> Alert:
    """Genesys presents another client certificate from now on."""
    return Alert(
        id=alert_id(Kind.ROTATED, f"{source.id}:{authority}", new.fingerprint),
        kind=Kind.ROTATED,
        severity=Severity.INFO,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: the {plain(authority, 20)} client certificate has rotated",
        what_happened=(
            f"Genesys Cloud {source.region} presents a new client certificate of the {plain(authority, 20)} authority."
        ),
        what_it_means=(
            "The new certificate verified to your anchors and is trusted."
            f" The old one stays trusted until {when(retire_after)}, since answers of the API flap during a rotation."
        ),
        what_to_do="Nothing for the watched targets. Systems that pin the leaf elsewhere need the new pin now.",
        facts=certificate(new, now, "new") | certificate(old, now, "old"),
    )


def issuer_changed(
    *,
    source: SourceName,
    authority: str,
    status: str,
    new: CertificateFacts,
    old: CertificateFacts,
    now: datetime,
) -> Alert:
    """A certificate comes from other CAs than the one before: no routine rotation."""
    return Alert(
        id=alert_id(Kind.ISSUER_CHANGED, f"{source.id}:{authority}", new.fingerprint),
        kind=Kind.ISSUER_CHANGED,
        severity=Severity.CRITICAL,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: the {status} {plain(authority, 20)} certificate has another issuer",
        what_happened=(
            f"The {status} client certificate of Genesys Cloud {source.region} stands under other CA certificates than"
            " the one before."
        ),
        what_it_means=(
            "This is more than a yearly renewal: a truststore that holds only the former CA certificates refuses it."
            " It verified to your anchors, so the targets kept in apply mode take the new CA certificates."
        ),
        what_to_do=(
            "Check that the change is meant (Genesys release notes, or a support case)."
            " Give the new CA certificates to every truststore that this stack does not keep."
        ),
        facts=certificate(new, now, "new") | certificate(old, now, "old"),
    )


def name_learned(*, source: SourceName, authority: str, leaf: CertificateFacts, name: str, now: datetime) -> Alert:
    """The first accepted current leaf teaches the name that is enforced from now on."""
    return Alert(
        id=alert_id(Kind.NAME_LEARNED, f"{source.id}:{authority}", leaf.fingerprint),
        kind=Kind.NAME_LEARNED,
        severity=Severity.INFO,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: {plain(authority, 20)} certificates must bear a learned name",
        what_happened=f"The first accepted current certificate bears the name {plain(name)}.",
        what_it_means=(
            "No proven name is known for this authority and region, so this one is enforced from now on:"
            " a certificate with another name will be quarantined."
        ),
        what_to_do=(
            "Check that this is the data-actions service of your region."
            " If it is not, set client_name for the source in the watch file."
        ),
        facts={"name": plain(name)} | certificate(leaf, now),
    )


def quarantined(
    *,
    source: SourceName,
    authority: str,
    status: str,
    entity: str,
    leaf: CertificateFacts | None,
    reasons: Sequence[Finding],
    approvable: bool,
    bucket: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """The API shows a certificate that nothing vouches for."""
    current = status == "current"
    codes = ", ".join(dict.fromkeys(reason.code for reason in reasons))
    why = {f"reason {reason.code}": plain(reason.detail) for reason in reasons[:8]}
    do = "Ask Genesys support whether this certificate is theirs. Nothing trusts it meanwhile."
    if approvable:
        do += f" If it is, approve this one certificate:\n{_approve(bucket, entity, now)}"
    else:
        do += " No approval can lift these reasons."
    return Alert(
        id=alert_id(Kind.QUARANTINED, f"{source.id}:{plain(authority, 20)}", f"{entity}:{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.QUARANTINED,
        severity=Severity.CRITICAL if current else Severity.WARNING,
        at=now,
        source=source.id,
        region=source.region,
        authority=plain(authority, 20),
        title=f"{source.region}: a {status} {plain(authority, 20)} certificate is in quarantine",
        what_happened=f"The API shows a {status} certificate that is not trusted: {codes}.",
        what_it_means=(
            "If Genesys presents it, the watched targets refuse it and data actions fail."
            if current
            else "If Genesys rotates to it, the watched targets will refuse it and data actions will fail."
        ),
        what_to_do=do,
        facts=why | ({"entity": entity} if leaf is None else certificate(leaf, now)),
    )


def _approve(bucket: str, entity: str, now: datetime) -> str:
    """The exact command; a year is long enough for one leaf."""
    until = now + timedelta(days=397)
    word = json.dumps({"by": "YOUR NAME", "why": "WHY", "until": f"{until:%Y-%m-%dT00:00:00Z}"})
    return f"echo '{word}' | aws s3 cp - s3://{bucket}/approvals/{entity}.json"


def approved(
    *,
    source: SourceName,
    authority: str,
    leaf: CertificateFacts,
    by: str,
    why: str,
    until: datetime | None,
    lifted: Sequence[Finding],
    now: datetime,
) -> Alert:
    """An operator's approval lets a quarantined certificate pass."""
    end = f" until {when(until)}" if until else ", without an end"
    return Alert(
        id=alert_id(Kind.APPROVED, f"{source.id}:{authority}", f"{leaf.fingerprint}:{now:%Y%m%dT%H%M%SZ}"),
        kind=Kind.APPROVED,
        severity=Severity.WARNING,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: a quarantined {plain(authority, 20)} certificate was approved",
        what_happened=f"{plain(by, 80)} approved it{end}: {plain(why)}",
        what_it_means="It is trusted although the watcher found reasons against it; they are listed below.",
        what_to_do=(
            "If this was not meant, delete the object below approvals/: the certificate returns to quarantine at the"
            " next look."
        ),
        facts={f"lifted {finding.code}": plain(finding.detail) for finding in lifted} | certificate(leaf, now),
    )


def anchor_missing(
    *, source: SourceName, authority: str, problem: str, bucket: str, key: str, since: datetime, now: datetime
) -> Alert:
    """Nothing can be verified without the root that the operator trusts."""
    return Alert(
        id=alert_id(Kind.ANCHOR_MISSING, f"{source.id}:{authority}", f"{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.ANCHOR_MISSING,
        severity=Severity.CRITICAL,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: the root certificate to trust for {authority} is missing",
        what_happened=plain(problem, 400),
        what_it_means=(
            "No certificate of this authority can be verified, so no new one will be trusted."
            " What the targets hold already stays as it is."
        ),
        what_to_do=(
            "Download the root of your region (for the Genesys authority: the zip in the help article"
            " 'mTLS support for data actions') and upload it:\n"
            f"aws s3 cp root.pem s3://{bucket}/{key}"
        ),
        facts={"file": f"s3://{bucket}/{key}", "since": when(since)},
    )


def sources_disagree(
    *,
    source: SourceName,
    other: SourceName,
    authority: str,
    mine: Sequence[str],
    theirs: Sequence[str],
    since: datetime,
    now: datetime,
) -> Alert:
    """Two organisations of one region are shown different current certificates."""
    return Alert(
        id=alert_id(Kind.SOURCES_DISAGREE, f"{source.id}:{other.id}:{authority}", f"{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.SOURCES_DISAGREE,
        severity=Severity.WARNING,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: two sources are shown different {authority} certificates",
        what_happened=f"{source.id} and {other.id} have seen different current certificates since {when(since)}.",
        what_it_means=(
            "Certificates belong to the region, so both should see the same."
            " Each one verified to your anchors, and both are trusted where a bundle uses both sources."
        ),
        what_to_do="Check that both OAuth clients belong to the region in the watch file; then ask Genesys support.",
        facts={f"{source.id} sees": short(mine), f"{other.id} sees": short(theirs)},
    )


def expired(*, source: SourceName, authority: str, leaf: CertificateFacts, now: datetime) -> Alert:
    """A leaf that Genesys still shows has run out."""
    return Alert(
        id=alert_id(Kind.EXPIRED, f"{source.id}:{authority}", leaf.fingerprint),
        kind=Kind.EXPIRED,
        severity=Severity.CRITICAL,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: a {authority} certificate expired and is still presented",
        what_happened=f"The client certificate ended on {when(leaf.not_after)}, and the API still shows it.",
        what_it_means="Every verifying target refuses it: data actions fail until Genesys presents another one.",
        what_to_do="Open a case with Genesys support. A listener that may ignore expiry is a stopgap at your own risk.",
        facts=certificate(leaf, now),
    )


_REMEDIES = {
    SourceReason.CREDENTIALS_MISSING: (
        "Check that the secret named above exists, holds client_id and client_secret, and that CredentialArns lists it."
    ),
    SourceReason.CREDENTIALS_REFUSED: (
        "Check the OAuth client (Client Credentials grant) in Genesys Cloud; if its secret was reset, store the new."
    ),
    SourceReason.PERMISSION_MISSING: f"Give the OAuth client a role with the permission {PERMISSION}.",
    SourceReason.THROTTLED: "Find out what else uses this OAuth client; give the watcher a client of its own.",
    SourceReason.UNAVAILABLE: "Look at the Genesys Cloud status page. The watcher tries again at every run.",
    SourceReason.UNREACHABLE: "Check name resolution and the way out of the network (VPC, proxy, allow list).",
    SourceReason.TLS_FAILED: (
        "Something else answers in Genesys' place, or TLS is inspected on the way: add that CA only if it is yours."
    ),
    SourceReason.REDIRECTED: "Check api_url and login_url of the source: the API never redirects.",
    SourceReason.ANSWER_TOO_LARGE: "Check api_url of the source; if it is right, open a case with Genesys support.",
    SourceReason.ANSWER_INVALID: "Check api_url of the source; if it is right, open a case with Genesys support.",
    SourceReason.AUTHORITY_ABSENT: (
        "If your organisation does not use this authority, take it out of Authorities; else ask Genesys support."
    ),
    SourceReason.ENDPOINT_MISSING: "Check region, api_url and login_url of the source.",
}


def source_failing(
    *,
    source: SourceName,
    reason: SourceReason,
    message: str,
    authority: str | None,
    since: datetime,
    last_good: datetime | None,
    now: datetime,
) -> Alert:
    """The watcher cannot look any more."""
    last = f"The last good look was at {when(last_good)}." if last_good else "There has been no good look yet."
    return Alert(
        id=alert_id(Kind.SOURCE_FAILING, _with(source.id, authority), f"{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.SOURCE_FAILING,
        severity=Severity.CRITICAL if reason.lasting else Severity.WARNING,
        at=now,
        source=source.id,
        region=source.region,
        authority=authority,
        title=f"{source.region}: Genesys Cloud cannot be read ({reason})",
        what_happened=plain(message, 500),
        what_it_means=(
            f"A rotation may go unnoticed while this lasts. {last if authority is None else ''}"
            " What the targets hold stays as it is: nothing is removed on an old word."
        ).replace("  ", " "),
        what_to_do=_REMEDIES[reason],
        facts={"reason": reason, "since": when(since)} | ({"last good look": when(last_good)} if last_good else {}),
    )


def source_recovered(*, source: SourceName, reason: SourceReason, since: datetime, now: datetime) -> Alert:
    """The watcher can look again."""
    hours = max(1, round((now - since).total_seconds() / 3600))
    return Alert(
        id=alert_id(Kind.SOURCE_RECOVERED, source.id, f"{reason}:{since:%Y%m%dT%H%M%SZ}"),
        kind=Kind.SOURCE_RECOVERED,
        severity=Severity.INFO,
        at=now,
        source=source.id,
        region=source.region,
        title=f"{source.region}: Genesys Cloud can be read again",
        what_happened=f"After about {count(hours, 'hour')} ({reason}) the certificates could be read again.",
        what_it_means="The watch goes on. What changed meanwhile is told in messages of its own.",
        what_to_do="Nothing.",
        facts={"reason": reason, "since": when(since)},
    )


def _with(source: str, authority: str | None) -> str:
    return f"{source}:{authority}" if authority else source
