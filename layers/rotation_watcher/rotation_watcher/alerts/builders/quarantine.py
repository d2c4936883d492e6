"""Alerts about what nothing vouches for: quarantine, the approval that lifts it, and the anchor that is missing."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source
from rotation_watcher.alerts.builders.templates import Template, command, joined, uri
from rotation_watcher.alerts.builders.wording import certificate, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName
from rotation_watcher.config import Authority
from rotation_watcher.keys import Place
from rotation_watcher.trust import digicert
from rotation_watcher.trust.approvals import APPROVABLE, YOUR_NAME, YOUR_REASON
from rotation_watcher.trust.findings import CHAIN_REASONS, Finding, Reason
from rotation_watcher.x509.facts import CertificateFacts

_CASE = "Open a case with Genesys support and send them this message"
_FOR_GOOD = {
    Reason.MALFORMED: (
        f"{_CASE}: what the API gives is no sound certificate (see the reason below), so it has to be put there again."
        " Nothing on your side can mend it."
    ),
    Reason.NO_LEAF: (
        f"{_CASE}: the API gives no client certificate where one should be. Nothing on your side can mend it."
    ),
    Reason.SEVERAL_LEAVES: (
        f"{_CASE}: the API gives several client certificates where one should be, and they have to say which one data"
        " actions present. None of them can be approved."
    ),
    Reason.LEAF_IS_CA: (
        f"{_CASE}: a CA certificate stands where the client certificate should be. Do not add it to your roots."
    ),
    Reason.UNKNOWN_AUTHORITY: (
        "Deploy the newest release of the watcher: this one does not know the signing authority that the API names. If"
        " it is the newest, open an issue with the project. Your integrations are not affected unless they use that"
        " authority."
    ),
    Reason.WEAK_KEY: (
        f"{_CASE}: AWS takes RSA keys of 2048 to 8192 bits and the curves P-256, P-384 and P-521 only, so Genesys"
        " has to have it issued anew with such a key. No approval can lift this."
    ),
    Reason.WEAK_SIGNATURE: (
        f"{_CASE}: AWS takes signatures with SHA-256, SHA-384 and SHA-512 only, so Genesys has to have it issued anew."
        " No approval can lift this."
    ),
    Reason.EXPIRED: (
        "Open an urgent case with Genesys support and send them this message: it has run out, every target refuses it,"
        " and they have to present another one. No approval can lift this."
    ),
}
"""By the reason that no approval lifts. Where there are several, the first of this order that applies."""
_OTHERWISE = f"{_CASE}. No approval can lift this reason: they have to present another certificate."
_ALONE = {
    Reason.NO_CLIENT_AUTH: (
        "Ask Genesys support whether data actions present this certificate although it is not made for clients (see the"
        " reason below), and wait for the answer. Only if they do, put in your name and reason, and run:"
    ),
    Reason.NAME_MISMATCH: (
        "See that region and api_url of the source are your organisation's. If they are, ask Genesys support whether"
        " the client of your region bears this name now, and wait for the answer. Only if it does, put in your name and"
        " reason, and run this; set client_name in the watch file too if the name is to stay:"
    ),
    Reason.NO_NAME: (
        "Ask Genesys support whether this certificate without a name is theirs, and wait for the answer: it could be"
        " anybody's. Only if it is, put in your name and reason, and run:"
    ),
    Reason.NAME_UNCERTAIN: (
        "Ask Genesys support which name the client of your region bears, and wait for the answer. Only if this"
        " certificate bears it, put in your name and reason, and run this; its name is known then:"
    ),
}
"""By the reason that an approval lifts, where the chain is good: the first of this order that applies."""
ARTICLE = "the Genesys help article 'mTLS support for data actions'"
_NO_ROOT = (
    f"Download the zip of your region from {ARTICLE}, save the root in it as root.pem and run this in that folder:"
)
_NO_DIGICERT_ROOT = (
    "Take DigiCert's roots for clients from its own site, compare their fingerprints with its list, save them as"
    " digicert.pem and run this in that folder:"
)
_NEW_ROOT = (
    "Has your region's root changed? Download the region's zip again from " + ARTICLE + ". Only if it holds {known},"
    " save that root as root.pem and run the first command: it adds it to the roots that you trust, and keeps the old"
    " one."
)
_FIRST_ROOT = (
    "No certificate was ever accepted here, so {file} probably holds another region's root. Download the zip of"
    " {region} again from " + ARTICLE + ". Only if it holds {known}, save that root as root.pem and run the first"
    " command: it replaces the one that is there."
)
_UNLISTED = (
    "The root above this certificate is not among the DigiCert roots that this release knows (those for clients, and"
    " those without a purpose in their name). Compare its SHA-256 with DigiCert's own list of roots; only if it is"
    " there, write it together with the roots you still need to anchors/digicert.pem, which replaces the built-in list"
    " (first command)."
)
_LEFT_OUT = (
    "This release knows the root above it, but {file}, which replaces the built-in list, lacks it. Was a new one only"
    " to be added? Save this one from DigiCert's site as root.pem and run the first command: it adds it."
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
    accepted_before: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """The API shows a certificate that nothing vouches for.

    ``root`` is the root, no anchor, to which what was presented leads; None where it leads to an anchor, or nowhere.
    ``anchors`` is the operator's file of roots for this authority. ``accepted_before``: a leaf of this authority was
    ever accepted at this source, so its root was right once.
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
        do=_first(_FOR_GOOD, reasons) or _OTHERWISE,
    )
    if leaf is not None and approvable:
        lifted = [code for code in dict.fromkeys(reason.code for reason in reasons) if code in APPROVABLE]
        approve = _approve(leaf, root, lifted, anchors.bucket, now)
        if Reason.ANCHOR_MISSING in lifted:
            words = msgspec.structs.replace(words, **_anchor(authority, anchors))
        elif CHAIN_REASONS.isdisjoint(lifted):
            words = msgspec.structs.replace(
                words, do=_first(_ALONE, reasons) or _ALONE[Reason.NO_CLIENT_AUTH], commands=(approve,)
            )
        else:
            under = "this root" if root else "the root in chain.pem (the root, then intermediates)"
            first = _chain(source, authority, leaf, root, anchors, accepted_before=accepted_before)
            trust = _trust(authority, root, anchors, accepted_before=accepted_before)
            words = msgspec.structs.replace(
                words, do=f"{first} {_THIS_ONE.format(under=under)}", commands=(trust, approve)
            )
    facts = {f"reason {reason.code}": plain(reason.detail) or reason.code for reason in reasons[:_MOST_REASONS]}
    facts |= {"what is shown": plain(entity)} if leaf is None else certificate(leaf, now)
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


def _first(remedies: Mapping[Reason, str], reasons: Sequence[Finding]) -> str:
    """The remedy of the first reason that has one, in the order of the remedies; empty where none has."""
    codes = {reason.code for reason in reasons}
    return next((words for reason, words in remedies.items() if reason in codes), "")


def _anchor(authority: str, anchors: Place) -> dict[str, Any]:
    """What to do where no root is there at all."""
    if authority == Authority.GENESYS:
        return {"do": _NO_ROOT, "commands": (_put("root.pem", anchors),)}
    return {"do": _NO_DIGICERT_ROOT, "commands": (_put("digicert.pem", anchors),)}


def _chain(
    source: SourceName,
    authority: str,
    leaf: CertificateFacts,
    root: CertificateFacts | None,
    anchors: Place,
    *,
    accepted_before: bool,
) -> str:
    """The sentences about a leaf under a root that is not among those that are there."""
    if authority != Authority.GENESYS:
        if root is None:
            return _NO_CHAIN.format(known=_issuer(leaf))
        return _LEFT_OUT.format(file=plain(anchors.key, 60)) if _is_built_in(root) else _UNLISTED
    known = (
        f"a root named {_issuer(leaf)}, or the root of an intermediate of that name"
        if root is None
        else f"the root with the SHA-256 {root.fingerprint}"
    )
    if accepted_before:
        return _NEW_ROOT.format(known=known)
    return _FIRST_ROOT.format(known=known, file=plain(anchors.key, 60), region=source.region)


def _trust(authority: str, root: CertificateFacts | None, anchors: Place, *, accepted_before: bool) -> Template:
    """Puts a root among those that are trusted; where its fingerprint is known, only if it is that one."""
    if authority != Authority.GENESYS:
        if root is None or not _is_built_in(root):
            return _put("digicert.pem", anchors)
        accepted_before = True  # the file is there: without one this root would be trusted
    then = (
        command(
            "aws s3 cp {place} anchors.pem --region {region} && (echo; openssl x509 -in root.pem) >> anchors.pem"
            " && aws s3 cp anchors.pem {place} --region {region}",
            place=_uri(anchors.key, anchors.bucket),
        )
        if accepted_before
        else _put("root.pem", anchors)
    )
    if root is None:
        return then
    check = command(f"{_FINGERPRINT_OF} root.pem | tr -d : | grep -i {{digest}}", digest=root.fingerprint)
    return joined("{check} && {then}", check=check, then=then)


def _is_built_in(root: CertificateFacts) -> bool:
    return root.fingerprint in digicert.FINGERPRINTS.values()


def _put(file: str, place: Place) -> Template:
    """Uploads a file of this folder."""
    return command("aws s3 cp {file} {place} --region {region}", file=file, place=_uri(place.key, place.bucket))


def _issuer(leaf: CertificateFacts) -> str:
    return plain(leaf.issuer, 160) or "(empty)"


def _approve(
    leaf: CertificateFacts, root: CertificateFacts | None, codes: list[str], bucket: str, now: datetime
) -> Template:
    """The exact command, on one line: it writes down what is approved, and no more."""
    document: dict[str, Any] = {
        "by": YOUR_NAME,
        "why": YOUR_REASON,
        "until": f"{now + APPROVAL_LASTS:%Y-%m-%dT00:00:00Z}",
    }
    document["reasons"] = codes
    file = command("aws s3 cp - {place} --region {region}", place=_uri(keys.approval(leaf.fingerprint), bucket))
    if CHAIN_REASONS.isdisjoint(codes):
        return joined("{echo} | {file}", echo=command("echo {text}", text=json.dumps(document)), file=file)
    if root is not None:
        text = json.dumps(document | {"root": root.fingerprint})
        return joined("{echo} | {file}", echo=command("echo {text}", text=text), file=file)
    beside = _put("chain.pem", Place(bucket, keys.approved_chain(leaf.fingerprint)))
    opening = command("echo {text}", text=f'{json.dumps(document)[:-1]}, "root": "')
    digest = command(f"$({_FINGERPRINT_OF} chain.pem | cut -d= -f2)'\"}}}}'")
    return joined("{beside} && {opening}{digest} | {file}", beside=beside, opening=opening, digest=digest, file=file)


def _uri(key: str, bucket: str) -> str:
    return f"s3://{bucket}/{key}"


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
            "Nothing, if this was meant. If not, this takes the approval back, and at the next run the certificate is"
            " in quarantine again:"
        ),
        command=command("aws s3 rm s3://{bucket}/{key} --region {region}", key=keys.approval(leaf.fingerprint)),
    )
    facts = {f"lifted {finding.code}": plain(finding.detail) or finding.code for finding in lifted}
    facts |= (
        certificate(leaf, now) | (_root(root, now) if root else {}) | {"approval": uri(keys.approval(leaf.fingerprint))}
    )
    distinction = f"{leaf.fingerprint}:{stamp(now)}"
    severity = Severity.CRITICAL if root else Severity.WARNING
    return about_source(Kind.APPROVED, severity, source, authority, distinction, words, facts, now)


def anchor_missing(
    *, source: SourceName, authority: str, problem: str, bucket: str, key: str, since: datetime, now: datetime
) -> Alert:
    """Nothing can be verified without the root that the operator trusts."""
    where = (
        f"Download the zip of your region from {ARTICLE}"
        if authority == Authority.GENESYS
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
        command=_put("root.pem" if authority == Authority.GENESYS else "digicert.pem", Place(bucket, key)),
    )
    facts = {"file": plain(place), "since": when(since)}
    return about_source(Kind.ANCHOR_MISSING, Severity.CRITICAL, source, authority, stamp(since), words, facts, now)
