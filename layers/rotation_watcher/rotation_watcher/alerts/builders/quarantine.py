"""Alerts about what nothing vouches for: quarantine, the approval that lifts it, and the anchor that is missing."""

import json
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import AUTHORITY, SourceName, Words, about_source
from rotation_watcher.alerts.builders.wording import certificate, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.config import Authority
from rotation_watcher.keys import Place
from rotation_watcher.trust.approvals import APPROVABLE
from rotation_watcher.trust.findings import CHAIN_REASONS, Finding
from rotation_watcher.x509.facts import CertificateFacts

_ASK = "Ask Genesys support whether the certificate below is theirs, and wait for the answer."
_FOR_GOOD = (
    "Open a case with Genesys support and send them this message. No approval can lift these reasons: Genesys has to"
    " present another certificate."
)
_NEW_ROOT = (
    "Most likely the root of this region changed. Download the region's zip again from the Genesys help article 'mTLS"
    " support for data actions'. Only if it holds {known}, save that root as root.pem and run the first command: it"
    " adds it to the roots that you trust."
)
_UNLISTED = (
    "The root above this certificate is not among the DigiCert roots that this release knows (those for clients, and"
    " those without a purpose in their name). Compare its SHA-256 with DigiCert's own list of roots; only if it is"
    " there, write it together with the roots you still need to anchors/digicert.pem, which replaces the built-in list"
    " (first command)."
)
_NO_CHAIN = (
    "What the API shows does not lead to a root that this release knows; the issuer is {known}. Only if DigiCert's own"
    " list of roots has one for it, write that together with the roots you still need to anchors/digicert.pem, which"
    " replaces the built-in list (first command)."
)
_THIS_ONE = (
    "If not, ask Genesys support whether the certificate is theirs; only if it is, run the second command with your"
    " name and reason: it lets this one certificate pass, under {under} alone."
)
_FINGERPRINT_OF = "openssl x509 -noout -fingerprint -sha256 -in"
APPROVAL_LASTS = timedelta(days=397)
"""How long an approval is proposed for: the life of one leaf."""
_MOST_REASONS = 8


def quarantined(
    *,
    source: SourceName,
    authority: str,
    status: str,
    entity: str,
    leaf: CertificateFacts | None,
    root: CertificateFacts | None,
    reasons: Sequence[Finding],
    approvable: bool,
    anchors: Place,
    since: datetime,
    now: datetime,
) -> Alert:
    """The API shows a certificate that nothing vouches for.

    ``root`` is the root, no anchor, to which what was presented leads; None where it leads to an anchor, or nowhere.
    ``anchors`` is the operator's file of roots for this authority.
    """
    current = status == "current"
    codes = ", ".join(dict.fromkeys(plain(reason.code, 40) for reason in reasons)) or "no reason given"
    article = "an" if status[:1] in "aeiou" else "a"
    kind_of = f"{article} {status} {plain(authority, AUTHORITY)} certificate"
    words = Words(
        title=f"{kind_of} is in quarantine",
        happened=f"The API shows {kind_of} that is not trusted: {codes}.",
        means=(
            "If Genesys really presents it, the watched targets may refuse it and data actions fail."
            " If it is not theirs, somebody may be trying to get in."
            if current
            else "If Genesys rotates to it, the watched targets may refuse it and data actions will fail."
            " Nothing fails yet."
        ),
        do=_FOR_GOOD,
    )
    if leaf is not None and approvable:
        words = words._replace(**_remedies(authority, leaf, root, reasons, anchors, now))
    facts = {f"reason {reason.code}": plain(reason.detail) or reason.code for reason in reasons[:_MOST_REASONS]}
    facts |= {"entity": plain(entity)} if leaf is None else certificate(leaf, now)
    facts |= {} if root is None else _root(root, now)
    return about_source(
        Kind.QUARANTINED,
        Severity.CRITICAL if current else Severity.WARNING,
        source,
        authority,
        f"{entity}:{root.fingerprint[:16]}:{stamp(since)}" if root else f"{entity}:{stamp(since)}",
        words,
        facts | {"since": when(since)},
        now,
    )


def _root(root: CertificateFacts, now: datetime) -> dict[str, str]:
    """What people compare: no issuer, no names."""
    facts = certificate(root, now, "root")
    return {label: value for label, value in facts.items() if label not in {"root issuer", "root names"}}


def _remedies(
    authority: str,
    leaf: CertificateFacts,
    root: CertificateFacts | None,
    reasons: Sequence[Finding],
    anchors: Place,
    now: datetime,
) -> dict[str, Any]:
    """What to do and the commands: first what makes the chain trusted, last what lets this one leaf pass."""
    codes = [code for code in dict.fromkeys(reason.code for reason in reasons) if code in APPROVABLE]
    approve = _approve(leaf, root, codes, anchors.bucket, now)
    if CHAIN_REASONS.isdisjoint(codes):
        return {"do": f"{_ASK} Only if it is: put in your name and your reason, and run:", "commands": (approve,)}
    if authority == Authority.GENESYS:
        known = (
            f"a root named {_issuer(leaf)}, or the root of an intermediate of that name"
            if root is None
            else f"the root with the SHA-256 {root.fingerprint}"
        )
        first, command = _NEW_ROOT.format(known=known), _append(root, anchors)
    else:
        first = _UNLISTED if root else _NO_CHAIN.format(known=_issuer(leaf))
        command = f"aws s3 cp digicert.pem {_uri(anchors.key, anchors.bucket)}"
    second = _THIS_ONE.format(under="this root" if root else "the root in chain.pem (the root, then intermediates)")
    return {"do": f"{first} {second}", "commands": (command, approve)}


def _issuer(leaf: CertificateFacts) -> str:
    return plain(leaf.issuer, 160) or "(empty)"


def _approve(
    leaf: CertificateFacts, root: CertificateFacts | None, codes: list[str], bucket: str, now: datetime
) -> str:
    """The exact command, on one line: it writes down what is approved, and no more."""
    document: dict[str, Any] = {
        "by": "YOUR NAME",
        "why": "YOUR REASON",
        "until": f"{now + APPROVAL_LASTS:%Y-%m-%dT00:00:00Z}",
    }
    document["reasons"] = codes
    file = f"aws s3 cp - {_uri(keys.approval(leaf.fingerprint), bucket)}"
    if CHAIN_REASONS.isdisjoint(codes):
        return f"echo {shlex.quote(json.dumps(document))} | {file}"
    if root is not None:
        return f"echo {shlex.quote(json.dumps(document | {'root': root.fingerprint}))} | {file}"
    beside = f"aws s3 cp chain.pem {_uri(keys.approved_chain(leaf.fingerprint), bucket)}"
    opening = shlex.quote(f'{json.dumps(document)[:-1]}, "root": "')
    return f"{beside} && echo {opening}$({_FINGERPRINT_OF} chain.pem | cut -d= -f2)'\"}}' | {file}"


def _append(root: CertificateFacts | None, anchors: Place) -> str:
    """Appends root.pem to the operator's file; where its fingerprint is known, only if it is that root."""
    place = _uri(anchors.key, anchors.bucket)
    check = f"{_FINGERPRINT_OF} root.pem | tr -d : | grep -i {root.fingerprint} && " if root else ""
    return (
        f"{check}aws s3 cp {place} anchors.pem && (echo; openssl x509 -in root.pem) >> anchors.pem"
        f" && aws s3 cp anchors.pem {place}"
    )


def _uri(key: str, bucket: str) -> str:
    return shlex.quote(f"s3://{bucket}/{key}")


def approved(
    *,
    source: SourceName,
    authority: str,
    leaf: CertificateFacts,
    by: str,
    why: str,
    until: datetime | None,
    lifted: Sequence[Finding],
    root: CertificateFacts | None,
    now: datetime,
) -> Alert:
    """An operator's approval lets a quarantined certificate pass; ``root`` is the one that it vouches for, if any."""
    end = f"until {when(until)}" if until else "without an end"
    means = "It is trusted now, although the watcher found reasons against it: they are listed below."
    if root:
        means += (
            f" The root {plain(root.subject, 120) or '(empty)'} goes into the truststores with it: whoever that root"
            " signs for gets through them, and only the pins distinguish this certificate from the others."
        )
    words = Words(
        title=f"a quarantined {plain(authority, AUTHORITY)} certificate was approved",
        happened=sentence(f"{plain(by, 80)} approved it {end}: {plain(why)}", 400),
        means=means,
        do=(
            "Nothing, if this was meant. If not, delete the approval (the file named below): at the next run the"
            " certificate is back in quarantine."
        ),
    )
    facts = {f"lifted {finding.code}": plain(finding.detail) or finding.code for finding in lifted}
    facts |= certificate(leaf, now) | (_root(root, now) if root else {}) | {"approval": keys.approval(leaf.fingerprint)}
    distinction = f"{leaf.fingerprint}:{stamp(now)}"
    return about_source(Kind.APPROVED, Severity.WARNING, source, authority, distinction, words, facts, now)


def anchor_missing(
    *, source: SourceName, authority: str, problem: str, bucket: str, key: str, since: datetime, now: datetime
) -> Alert:
    """Nothing can be verified without the root that the operator trusts."""
    where = (
        "Download the zip of your region from the Genesys help article 'mTLS support for data actions'"
        if authority == "Genesys"
        else "Take the roots from the authority's own site and compare their fingerprints"
    )
    place = f"s3://{bucket}/{key}"
    words = Words(
        title=f"the {plain(authority, AUTHORITY)} root to trust is missing",
        happened=sentence(problem, 400),
        means=(
            "Without it no certificate of this authority can be verified, so no new one is trusted and the next"
            " rotation may fail. What the targets hold already stays as it is."
        ),
        do=f"{where}, and upload the root as PEM:",
        command=f"aws s3 cp root.pem {shlex.quote(place)}",
    )
    facts = {"file": plain(place), "since": when(since)}
    return about_source(Kind.ANCHOR_MISSING, Severity.CRITICAL, source, authority, stamp(since), words, facts, now)
