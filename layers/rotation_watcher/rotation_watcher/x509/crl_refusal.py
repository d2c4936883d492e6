"""Whether a revocation list may be used (RFC 5280 6.3.3), held to the strictest engine that will load it.

A list that OpenSSL refuses makes nginx refuse every client, so what OpenSSL does not process is refused here although
RFC 5280 would allow it: critical extensions of entries, and critical extensions of the list other than the two below.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rotation_watcher.x509 import certificates
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.crl import Crl, extension
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.engine_rules import HASHES, signature_hash
from rotation_watcher.x509.names import canonical_of
from rotation_watcher.x509.signatures import is_signature

SKEW = timedelta(minutes=5)
"""How far thisUpdate may lie in the future: clocks differ."""

_CRITICAL = frozenset({x509.IssuingDistributionPoint.oid, x509.AuthorityKeyIdentifier.oid})
"""The extensions that may be critical; a delta CRL is refused before."""


class CrlReason(StrEnum):
    """Why a list is refused. Stable: alerts and the runbook use these codes."""

    WRONG_ISSUER = "wrong-issuer"
    ISSUER_CANNOT_SIGN = "issuer-cannot-sign"
    WEAK_SIGNATURE = "weak-signature"
    BAD_SIGNATURE = "bad-signature"
    DELTA = "delta"
    INDIRECT = "indirect"
    UNKNOWN_CRITICAL = "unknown-critical"
    WRONG_DISTRIBUTION_POINT = "wrong-distribution-point"
    OUT_OF_SCOPE = "out-of-scope"
    SOME_REASONS = "some-reasons"
    NOT_YET_VALID = "not-yet-valid"
    NO_NEXT_UPDATE = "no-next-update"
    EXPIRED = "expired"
    OLDER = "older"


class CrlRefusal(msgspec.Struct, frozen=True):
    """Why a list is not used: the code, and a detail for people; it may quote hostile text: neutralise it."""

    code: CrlReason
    detail: str


def refusal(
    crl: Crl,
    *,
    issuer: Certificate,
    distribution_point: str,
    at: datetime,
    before: CrlFacts | None,
    other_names: Collection[str] = (),
    covers_cas: bool = False,
    covers_leaves: bool = True,
    may_have_ended: bool = False,
) -> CrlRefusal | None:
    """Why this list may not be used for the certificates of ``issuer``, or None if it may. Never raises.

    ``distribution_point`` is the URL that the certificates name, and ``other_names`` are the further names of that
    point. ``covers_leaves`` and ``covers_cas`` say what the certificates are. ``before`` are the facts of the list of
    this point that is in force, None if there was none. ``at`` is aware UTC. ``may_have_ended``: a list that was in
    force revokes until the next one is there, whatever its ``nextUpdate``. The first reason is given, and what depends
    on the issuer's word only after its signature.
    """
    return (
        _origin(crl, issuer)
        or _kind(crl)
        or _scope(crl, {distribution_point, *other_names}, covers_cas=covers_cas, covers_leaves=covers_leaves)
        or _time(crl, at, may_have_ended=may_have_ended)
        or (_older(crl.facts, before, at) if before else None)
    )


def _origin(crl: Crl, issuer: Certificate) -> CrlRefusal | None:
    """Whether the issuer made it. The signature comes last: it is what costs."""
    if crl.issuer != issuer.names.subject:
        return CrlRefusal(CrlReason.WRONG_ISSUER, f"it is issued by {crl.facts.issuer}")
    if not _identifier_fits(extension(crl, x509.AuthorityKeyIdentifier), issuer):
        return CrlRefusal(CrlReason.WRONG_ISSUER, "its authority key identifier is another key's")
    usage = certificates.extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return CrlRefusal(CrlReason.ISSUER_CANNOT_SIGN, "the keyUsage of its issuer lacks cRLSign")
    return _signature(crl, issuer)


def _signature(crl: Crl, issuer: Certificate) -> CrlRefusal | None:
    signed_hash = signature_hash(crl.raw)
    if signed_hash not in HASHES:
        return CrlRefusal(CrlReason.WEAK_SIGNATURE, f"it is signed with the hash {signed_hash}")
    if not isinstance(issuer.key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return CrlRefusal(CrlReason.WEAK_SIGNATURE, "the key of its issuer is of an unsupported kind")
    if not is_signature(crl.raw, crl.signed, issuer.key):
        return CrlRefusal(CrlReason.BAD_SIGNATURE, "its issuer's key did not sign it")
    return None


def _identifier_fits(wanted: x509.AuthorityKeyIdentifier | None, issuer: Certificate) -> bool:
    """Whether the authority key identifier allows this issuer, as OpenSSL compares it."""
    if wanted is None:
        return True
    own = certificates.extension(issuer, x509.SubjectKeyIdentifier)
    if wanted.key_identifier is not None and own is not None and own.digest != wanted.key_identifier:
        return False
    serial = wanted.authority_cert_serial_number
    if serial is not None and serial != issuer.raw.serial_number:
        return False
    names = [name.value for name in wanted.authority_cert_issuer or () if isinstance(name, x509.DirectoryName)]
    return not names or canonical_of(names[0]) == issuer.names.issuer


def _kind(crl: Crl) -> CrlRefusal | None:
    """Whether it is a complete list of one issuer, with nothing critical in it that nobody processes."""
    if extension(crl, x509.DeltaCRLIndicator) is not None:
        return CrlRefusal(CrlReason.DELTA, "it only holds the changes to another list")
    point = extension(crl, x509.IssuingDistributionPoint)
    if crl.indirect_entry or (point is not None and point.indirect_crl):
        return CrlRefusal(CrlReason.INDIRECT, "it revokes certificates of other issuers")
    for each in crl.raw.extensions:
        if each.critical and each.oid not in _CRITICAL:
            oid = each.oid.dotted_string[:100]
            return CrlRefusal(CrlReason.UNKNOWN_CRITICAL, f"it has the critical extension {oid}")
    if crl.critical_entry:
        return CrlRefusal(CrlReason.UNKNOWN_CRITICAL, "an entry has a critical extension")
    return None


def _scope(crl: Crl, names: set[str], *, covers_cas: bool, covers_leaves: bool) -> CrlRefusal | None:
    """Whether its issuing distribution point (RFC 5280 5.2.5) is ours, and our certificates are in its scope."""
    point = extension(crl, x509.IssuingDistributionPoint)
    if point is None:
        return None
    own = {name.value for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)}
    if (point.full_name or point.relative_name) and not own & names:
        named = ", ".join(sorted(own))[:200] or "by another kind of name"
        return CrlRefusal(CrlReason.WRONG_DISTRIBUTION_POINT, f"it is the list of another place: {named}")
    excluded = (
        point.only_contains_attribute_certs
        or (point.only_contains_user_certs and covers_cas)
        or (point.only_contains_ca_certs and covers_leaves)
    )
    if excluded:
        return CrlRefusal(CrlReason.OUT_OF_SCOPE, "it says nothing of certificates of this kind")
    if point.only_some_reasons is not None:
        return CrlRefusal(CrlReason.SOME_REASONS, "it covers a part of the reasons for revocation")
    return None


def _time(crl: Crl, at: datetime, *, may_have_ended: bool) -> CrlRefusal | None:
    begin, end = crl.facts.this_update, crl.facts.next_update
    if begin > at + SKEW:
        return CrlRefusal(CrlReason.NOT_YET_VALID, f"it was made on {begin:%Y-%m-%d %H:%M} UTC, which is to come")
    if end is None:
        return CrlRefusal(CrlReason.NO_NEXT_UPDATE, "it does not say until when it holds")
    if end <= at and not may_have_ended:
        return CrlRefusal(CrlReason.EXPIRED, f"the next one was due on {end:%Y-%m-%d %H:%M} UTC")
    return None


def _older(facts: CrlFacts, before: CrlFacts, at: datetime) -> CrlRefusal | None:
    """Whether it goes back behind the list that is in force: a replay would make revoked certificates good again.

    A CA that was set up anew counts from the beginning. Once the list in force has run out, a later ``thisUpdate``,
    which the CA signed, is enough, or no list of that CA would be used again.
    """
    if facts.this_update < before.this_update:
        return CrlRefusal(CrlReason.OLDER, f"it was made before the one of {before.this_update:%Y-%m-%d %H:%M} UTC")
    begun_anew = facts.this_update > before.this_update and before.next_update is not None and before.next_update <= at
    if (
        before.number is not None
        and not begun_anew
        and (facts.number is None or int(facts.number, 16) < int(before.number, 16))
    ):
        return CrlRefusal(CrlReason.OLDER, f"its number {facts.number or '(none)'} is lower than {before.number}")
    return None
