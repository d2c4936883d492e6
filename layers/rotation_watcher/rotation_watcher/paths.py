"""Path validation: whether a leaf leads to a root that somebody has said to trust.

Built on ``cryptography.x509.verification``, which validates signatures, validity, path lengths, name constraints and
unknown critical extensions. Its default client profile is the WebPKI's and refuses what private roots often lack; the
extension policy here asks for what ALB and OpenSSL ask for and no more (tried; DOMAIN.md): SAN, AKI and keyUsage may be
absent, a CA must say CA:TRUE, and an extended key usage, where there is one, must hold clientAuth: anyExtendedKeyUsage
alone is not enough, in the leaf or above it, as OpenSSL's ``sslclient`` purpose has it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from rotation_watcher.certificates import Certificate

MAX_INTERMEDIATES = 3
"""Leaf, three intermediates and root: ALB's chain depth of 4 above the leaf (its default quota)."""
_MAX_CHECKS = 400
"""Signatures checked at the most while intermediates are chosen: hostile texts may hold a hundred of one name."""


class Path(NamedTuple):
    """A path that verified: leaf first, root last."""

    chain: tuple[Certificate, ...]


class NoPath(NamedTuple):
    """No path verified; why, in words for people."""

    detail: str


def roots(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """The self-signed CA certificates among some: the only ones that may be anchors."""
    return tuple(certificate for certificate in certificates if certificate.self_signed and certificate.is_ca)


def find_path(
    leaf: Certificate,
    *,
    intermediates: Iterable[Certificate],
    anchors: Iterable[Certificate],
    at: datetime,
    client_auth: bool = True,
) -> Path | NoPath:
    """Find a path from a leaf to an anchor, valid at a moment (aware UTC).

    With ``client_auth`` False the extended key usage is not looked at (an operator approved it). Anchors that are not
    self-signed are ignored. Never raises.
    """
    trusted = roots(anchors)
    if not trusted:
        return NoPath("there is no self-signed anchor")
    candidates = _leading_up(leaf, [*intermediates], trusted)
    known = {certificate.raw: certificate for certificate in (*trusted, *candidates, leaf)}
    ca_policy = (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
    )
    leaf_policy = ExtensionPolicy.permit_all()
    if client_auth:
        ca_policy = ca_policy.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
        leaf_policy = leaf_policy.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
    verifier = (
        PolicyBuilder()
        .store(Store([certificate.raw for certificate in trusted]))
        .time(at)
        .max_chain_depth(MAX_INTERMEDIATES)
        .extension_policies(ca_policy=ca_policy, ee_policy=leaf_policy)
        .build_client_verifier()
    )
    try:
        verified = verifier.verify(leaf.raw, [certificate.raw for certificate in candidates])
    except (VerificationError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        return NoPath(_in_words(error))
    return Path(tuple(known[raw] for raw in verified.chain))


def _leading_up(leaf: Certificate, offered: list[Certificate], anchors: tuple[Certificate, ...]) -> list[Certificate]:
    """The offered certificates that really stand above the leaf, by name and signature.

    The library tries every combination of equal names; what merely claims a name is sorted out before, by a bounded
    number of signature checks.
    """
    anchored = {anchor.fingerprint for anchor in anchors}
    rest = [certificate for certificate in offered if certificate.is_ca and certificate.fingerprint not in anchored]
    frontier, checks = [leaf], 0
    chosen: list[Certificate] = []
    while frontier:
        below = frontier.pop()
        for candidate in [one for one in rest if one.raw.subject == below.raw.issuer and not one.self_signed]:
            if checks == _MAX_CHECKS:
                return chosen
            checks += 1
            if candidate not in chosen and _issued(below, candidate):
                chosen.append(candidate)
                frontier.append(candidate)
    return chosen


def _issued(below: Certificate, above: Certificate) -> bool:
    try:
        below.raw.verify_directly_issued_by(above.raw)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("a CA certificate whose keyUsage lacks keyCertSign")


def _is_for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("an extended key usage without clientAuth")


def _in_words(error: Exception) -> str:
    """The library's reason, short and on one line, without its repr of certificates."""
    words = str(error).partition("(encountered processing")[0]
    return " ".join(words.split())[:200] or type(error).__name__
