"""Which issuer a TLS engine selects if a truststore has several of one name: the order in the file decides.

OpenSSL and BoringSSL do not try several candidates: they select one by name, key identifier and type of key, and if
that key did not sign, the client is refused (OpenSSL's issue 26667). They differ in details that may change: OpenSSL
prefers a candidate that is valid now, BoringSSL takes the first; some versions skip a CA whose keyUsage lacks
keyCertSign. ``chain_taken`` answers for all of them, so that "admitted" means admitted by every known engine, in the
order of the truststore.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import product

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rotation_watcher.x509.certificates import Block, Certificate, certificate_block, extension, signed
from rotation_watcher.x509.engine_rules import MAX_INTERMEDIATES
from rotation_watcher.x509.names import Name, names_of, words
from rotation_watcher.x509.openssl_pem import refuses_clients
from rotation_watcher.x509.paths import NoPath, Path, find_path, key_identifier_fits
from rotation_watcher.x509.pem import der_length, der_of

_RSA, _ECDSA = "1.2.840.113549.1.1.", "1.2.840.10045.4."
"""Object identifiers of the signature algorithms (RFC 8017, RFC 5758)."""


class Misled(msgspec.Struct, frozen=True):
    """An engine would select another certificate of the truststore than the issuer: its fingerprint, and why."""

    fingerprint: str
    detail: str


class _Candidate(msgspec.Struct, frozen=True):
    """A certificate of the truststore.

    ``certificate`` is None if it cannot be parsed here, but an engine may parse it. ``certain``: every engine reads it;
    a block in an unusual form exists for some engines only. ``shuts_out``: what is said with it keeps an engine that
    reads it from using it for client certificates, though the certificate is the same (TRUSTED CERTIFICATE).
    """

    fingerprint: str
    subject: Name
    certificate: Certificate | None
    certain: bool
    shuts_out: bool = False


def candidates_in_order(items: Sequence[Certificate | Block]) -> tuple[_Candidate, ...]:
    """The certificates that an engine may read in a truststore, in its order."""
    contents = []
    for item in items:
        certificate = item if isinstance(item, Certificate) else item.certificate
        if certificate is not None:
            contents.append(_Candidate(item.fingerprint, certificate.names.subject, certificate, certain=True))
            continue
        der = der_of(item.pem)
        names = names_of(der)
        if names is not None:
            read = certificate_block(der[: der_length(der)]).certificate  # TRUSTED CERTIFICATE has more behind it
            shuts_out = "TRUSTED" in item.pem.partition("\n")[0] and refuses_clients(der)
            contents.append(_Candidate(item.fingerprint, names.subject, read, certain=False, shuts_out=shuts_out))
    return tuple(contents)


def chain_taken(
    leaf: Certificate, contents: tuple[_Candidate, ...], *, at: datetime, client_auth: bool = True
) -> Path | NoPath | Misled:
    """The path by which every engine admits the leaf at ``at`` (aware UTC); or why one does not. Never raises."""
    taken: Path | NoPath | Misled = NoPath("there is no self-signed anchor")
    views = [contents] if all(one.certain for one in contents) else [contents, [one for one in contents if one.certain]]
    chains: dict[tuple[Certificate, ...], None] = {}  # most truststores give every engine the same one
    for prefers_valid, heeds_usage, there in product((True, False), (True, False), views):
        chain = _walk(leaf, there, at, prefers_valid=prefers_valid, heeds_usage=heeds_usage)
        if isinstance(chain, Misled):
            return chain
        chains[chain] = None
    for chain in chains:
        *between, anchor = chain[1:] or (leaf,)
        taken = find_path(leaf, intermediates=between, anchors=[anchor], at=at, client_auth=client_auth)
        if not isinstance(taken, Path):
            return taken
    return taken


def _walk(
    leaf: Certificate,
    contents: Sequence[_Candidate],
    at: datetime,
    *,
    prefers_valid: bool,
    heeds_usage: bool,
) -> tuple[Certificate, ...] | Misled:
    """The chain that one engine builds."""
    chain: tuple[Certificate, ...] = (leaf,)
    while len(chain) <= MAX_INTERMEDIATES + 1 and not chain[-1].self_signed:
        below = chain[-1]
        candidates = [
            one
            for one in contents
            if one.subject == below.names.issuer and _fits(below, one.certificate, heeds_usage=heeds_usage)
        ]
        if not candidates:
            break
        chosen = _chosen(candidates, at) if prefers_valid else candidates[0]
        if chosen.certificate is None:
            detail = f"{words(chosen.subject)}: a certificate of this name that cannot be read here stands before it"
            return Misled(chosen.fingerprint, detail)
        if chosen.shuts_out:
            detail = f"{words(chosen.subject)}: a TRUSTED CERTIFICATE block whose settings refuse client certificates"
            return Misled(chosen.fingerprint, detail)
        if not signed(below, chosen.certificate):
            detail = f"{words(chosen.subject)}: another CA of this name stands before the one that signed"
            return Misled(chosen.fingerprint, detail)
        chain = (*chain, chosen.certificate)
    return chain


def _chosen(candidates: Sequence[_Candidate], at: datetime) -> _Candidate:
    """The first that is valid; else the one that expired last. One that cannot be parsed here may be valid."""
    for one in candidates:
        facts = one.certificate.facts if one.certificate else None
        if facts is None or facts.not_before <= at <= facts.not_after:
            return one
    return max(candidates, key=lambda one: one.certificate.facts.not_after if one.certificate else at)


@lru_cache(256)  # as many as signatures are known of (``certificates.signed``): engine for engine, target for target
def _fits(below: Certificate, above: Certificate | None, *, heeds_usage: bool) -> bool:
    """Whether an engine considers it the issuer before it checks the signature (``X509_check_issued``)."""
    if above is None:
        return True
    if not key_identifier_fits(below, above) or not _same_kind_of_key(below, above):
        return False
    usage = extension(above, x509.KeyUsage)
    return not heeds_usage or usage is None or usage.key_cert_sign


def _same_kind_of_key(below: Certificate, above: Certificate) -> bool:
    """Whether the key has the type that the signature algorithm names."""
    algorithm = below.raw.signature_algorithm_oid.dotted_string
    if isinstance(above.key, rsa.RSAPublicKey):
        return algorithm.startswith(_RSA)
    if isinstance(above.key, ec.EllipticCurvePublicKey):
        return algorithm.startswith(_ECDSA)
    return not algorithm.startswith((_RSA, _ECDSA))
