"""Alerts about the leaves that Genesys presents, or says that it will: all of them verified to an anchor."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source
from rotation_watcher.alerts.builders.templates import Template, command, uri
from rotation_watcher.alerts.builders.wording import certificate, days, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName
from rotation_watcher.x509.facts import CertificateFacts

_MOST = 5
"""How many CA certificates are listed: more than any chain has."""
_STRICT_AGAIN = "If you set a listener to ignore expiry meanwhile (IgnoreClientCertificateExpiry), take that back."


def fetch(source: SourceName, leaf: CertificateFacts) -> Template:
    """Gets a certificate from the bucket, to be carried elsewhere."""
    key = keys.seen(source.id, leaf.fingerprint)
    return command("aws s3 cp s3://{bucket}/{key} new.pem --region {region}", key=key)


class Reach(StrEnum):
    """Which targets let a leaf in that stands under other CAs than the one before."""

    ADMITTED = "admitted"
    """Every target holds its CAs already."""
    COMING = "coming"
    """The watcher adds them."""
    NOT_KEPT = "not-kept"
    """There is no target, or none that may be changed."""


def upcoming_published(
    *, source: SourceName, authority: str, upcoming: CertificateFacts, current: CertificateFacts | None, now: datetime
) -> Alert:
    """Genesys announces the next client certificate."""
    ends = f" The current one ends on {when(current.not_after)} ({days(current.not_after, now)})." if current else ""
    starts = f" It is valid from {when(upcoming.not_before)}." if upcoming.not_before > now else ""
    words = Words(
        title=f"the next {plain(authority, AUTHORITY)} client certificate is published",
        happened=(
            f"Genesys Cloud {source.region} shows an upcoming client certificate of the"
            f" {plain(authority, AUTHORITY)} authority.{starts}{ends}"
        ),
        means=(
            "After the rotation data actions present the new certificate; Genesys does not say when that is."
            " It verifies under a root that you trust. Targets kept in apply mode let in both, before and after."
        ),
        do=(
            "Nothing for targets in apply mode: a later message says when they have taken it."
            " In observe mode, or where another system checks this certificate, add the new one now and keep the old:"
        ),
        command=fetch(source, upcoming),
    )
    facts = certificate(upcoming, now, "upcoming") | (certificate(current, now, "current") if current else {})
    return about_source(
        Kind.UPCOMING_PUBLISHED, Severity.INFO, source, authority, upcoming.fingerprint, words, facts, now
    )


def rotated(
    *,
    source: SourceName,
    authority: str,
    new: CertificateFacts,
    old: CertificateFacts | None,
    retire_after: datetime,
    first: bool = False,
    now: datetime,
) -> Alert:
    """Genesys presents another client certificate from now on. ``old`` None: the one before is known no more.

    ``first``: it is the first one that was seen of the source, which is told where it is not valid yet.
    """
    early = new.not_before > now
    kept = ""
    if old and old.not_after <= now:
        kept = " The old one has expired."
    elif old:
        end = f"it ends on {when(old.not_after)}" if old.not_after < retire_after else f"{when(retire_after)} at least"
        kept = f" The old one stays trusted until {end}, unless it is revoked: the API may answer either way meanwhile."
    words = Words(
        title=f"the {plain(authority, AUTHORITY)} client certificate"
        + ("" if first else " has rotated to one that" if early else " has rotated")
        + (" is not valid yet" if early else ""),
        happened=(
            f"Genesys Cloud {source.region} presents a {'' if first else 'new '}client certificate of the"
            f" {plain(authority, AUTHORITY)} authority, valid until {when(new.not_after)}."
        ),
        means=(
            f"It is valid from {when(new.not_before)}: until then servers refuse it, and data actions fail where it is"
            " presented already. No truststore can change that."
            if early
            else "The new certificate verifies under a root that you trust."
        )
        + kept,
        do=(
            "Open an urgent case with Genesys support: ask whether data actions present it already. Nothing else for"
            " targets in apply mode."
            if early
            else "Nothing for targets in apply mode."
        )
        + (f" {_STRICT_AGAIN}" if old and old.not_after <= now else "")
        + " A system that compares the certificate itself (a pin) needs the new one now:",
        command=fetch(source, new),
    )
    facts = certificate(new, now, "new") | (certificate(old, now, "old") if old else {})
    severity = Severity.CRITICAL if early else Severity.INFO
    return about_source(Kind.ROTATED, severity, source, authority, new.fingerprint, words, facts, now)


def issuer_changed(
    *,
    source: SourceName,
    authority: str,
    status: str,
    new: CertificateFacts,
    old: CertificateFacts,
    authorities: Sequence[str],
    reach: Reach,
    now: datetime,
) -> Alert:
    """A certificate comes from other CAs than the one before: no routine rotation.

    ``authorities``: the SHA-256 of the CA certificates above the new one, which the bucket keeps. ``reach``: who lets
    it in so far.
    """
    soon = status != "current"
    severity, here = {
        Reach.ADMITTED: (Severity.INFO, "Every target of this stack holds the new CA certificates already."),
        Reach.COMING: (
            Severity.INFO if soon else Severity.CRITICAL,
            "Not every target holds the new CA certificates yet: the watcher adds them now, and says if it cannot.",
        ),
        Reach.NOT_KEPT: (Severity.CRITICAL, "No target in apply mode takes them: this stack does not add them."),
    }[reach]
    words = Words(
        title=f"the {status} {plain(authority, AUTHORITY)} certificate has another issuer",
        happened=(
            f"The {status} client certificate of Genesys Cloud {source.region} stands under other CA certificates than"
            " the one before. It verifies under a root that you trust."
        ),
        means=(
            "This is no routine rotation: a truststore that holds only the former CA certificates"
            f" {'will refuse it, and data actions will fail' if soon else 'refuses it, and data actions fail'}."
            f" {here}"
        ),
        do=(
            "Give the new CA certificates (CA files below) to every truststore that this stack does not keep, and to"
            " targets in observe mode. Then check that Genesys means it: release notes, or a support case."
        ),
    )
    facts: dict[str, str] = {
        f"CA file {place}": uri(keys.seen(source.id, one)) for place, one in enumerate(authorities[:_MOST], start=1)
    }
    facts |= certificate(new, now, "new") | certificate(old, now, "old")
    return about_source(Kind.ISSUER_CHANGED, severity, source, authority, new.fingerprint, words, facts, now)


def went_back(
    *,
    source: SourceName,
    authority: str,
    leaf: CertificateFacts,
    newer: CertificateFacts | None,
    until: datetime | None,
    since: datetime,
    now: datetime,
) -> Alert:
    """Genesys presents a certificate again that another one had replaced. ``until``: how long the newer is kept."""
    end = f" until {when(until)} at least" if until else ""
    kept = (
        f" The newer one stays trusted{end}, so targets let in both." if newer else " The newer one is known no more."
    )
    words = Words(
        title=f"an old {plain(authority, AUTHORITY)} certificate is presented again",
        happened=(
            f"The API shows a client certificate of Genesys Cloud {source.region} as current that another one had"
            " replaced."
        ),
        means=(
            "It verified, so it is trusted. While a rotation is in progress the API may answer either way; some time"
            f" after it, Genesys has gone back, or somebody uses a key that was given up.{kept}"
        ),
        do=(
            "Within a day of the rotation: wait. Later: ask Genesys support whether they went back on purpose. If they"
            " did, nothing is to do: the newer certificate leaves by itself. If not, treat the old key as stolen."
        ),
    )
    facts = certificate(leaf, now, "old") | (certificate(newer, now, "newer") if newer else {})
    facts |= {"since": when(since)}
    distinction = f"{leaf.fingerprint}:{stamp(since)}"
    return about_source(Kind.WENT_BACK, Severity.WARNING, source, authority, distinction, words, facts, now)


def expired(*, source: SourceName, authority: str, leaf: CertificateFacts, now: datetime) -> Alert:
    """A leaf that Genesys still shows has run out."""
    words = Words(
        title=f"a {plain(authority, AUTHORITY)} certificate has expired and is still presented",
        happened=f"The client certificate ended on {when(leaf.not_after)}, and the API still shows it.",
        means=(
            "Targets that verify refuse an expired certificate: data actions fail until Genesys presents another one."
            " No truststore can change that."
        ),
        do=(
            "Open an urgent case with Genesys support. An ALB listener can be set to ignore expiry"
            " (IgnoreClientCertificateExpiry): a stopgap, at your own risk, to be taken back afterwards."
        ),
    )
    return about_source(
        Kind.EXPIRED, Severity.CRITICAL, source, authority, leaf.fingerprint, words, certificate(leaf, now), now
    )
