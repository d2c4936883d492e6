"""Alerts about what nothing vouches for: quarantine, the approval that lifts it, and the anchor that is missing."""

import json
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

from rotation_watcher.alerts.builders.subjects import AUTHORITY, SourceName, Words, about_source
from rotation_watcher.alerts.builders.wording import certificate, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts

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
    reasons: Sequence[Finding],
    approvable: bool,
    bucket: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """The API shows a certificate that nothing vouches for."""
    current = status == "current"
    codes = ", ".join(dict.fromkeys(plain(reason.code, 40) for reason in reasons)) or "no reason given"
    article = "an" if status[:1] in "aeiou" else "a"
    kind_of = f"{article} {status} {plain(authority, AUTHORITY)} certificate"
    if approvable:
        do = (
            "Ask Genesys support whether the certificate below is theirs, and wait for the answer. Only if it is:"
            " put in your name and your reason, and run:"
        )
    else:
        do = (
            "Open a case with Genesys support and send them this message. No approval can lift these reasons: Genesys"
            " has to present another certificate."
        )
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
        do=do,
        command=_approve(bucket, entity, now) if approvable else "",
    )
    facts = {f"reason {reason.code}": plain(reason.detail) or reason.code for reason in reasons[:_MOST_REASONS]}
    facts |= {"entity": plain(entity)} if leaf is None else certificate(leaf, now)
    return about_source(
        Kind.QUARANTINED,
        Severity.CRITICAL if current else Severity.WARNING,
        source,
        authority,
        f"{entity}:{stamp(since)}",
        words,
        facts | {"since": when(since)},
        now,
    )


def _approve(bucket: str, entity: str, now: datetime) -> str:
    """The exact command, on one line."""
    word = {"by": "YOUR NAME", "why": "YOUR REASON", "until": f"{now + APPROVAL_LASTS:%Y-%m-%dT00:00:00Z}"}
    return f"echo {shlex.quote(json.dumps(word))} | aws s3 cp - {shlex.quote(f's3://{bucket}/approvals/{entity}.json')}"


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
    end = f"until {when(until)}" if until else "without an end"
    words = Words(
        title=f"a quarantined {plain(authority, AUTHORITY)} certificate was approved",
        happened=sentence(f"{plain(by, 80)} approved it {end}: {plain(why)}", 400),
        means="It is trusted now, although the watcher found reasons against it: they are listed below.",
        do=(
            "Nothing, if this was meant. If not, delete the approval (the file named below): at the next look the"
            " certificate is back in quarantine."
        ),
    )
    facts = {f"lifted {finding.code}": plain(finding.detail) or finding.code for finding in lifted}
    facts |= certificate(leaf, now) | {"approval": f"approvals/{leaf.fingerprint}.json"}
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
