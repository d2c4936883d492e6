"""What the engines behind the targets demand of a client's path, beyond its trust. collect and the doors ask it here.

It needs Python and ``cryptography`` alone, for the doors carry it along (``identity.decision``).

The library's default client profile is the WebPKI's and refuses what private roots often lack. This policy demands what
the engines behind the targets demand (OpenSSL 3's ``sslclient`` purpose; tests compare the two): SAN, AKI and keyUsage
may be absent; a CA must say CA:TRUE; an extended key usage, in the leaf or above it, must hold clientAuth, for which
anyExtendedKeyUsage alone is not enough. Where the library is less strict than OpenSSL, this module is as strict as
OpenSSL: a leaf that is accepted here must never be refused by a target.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from rotation_watcher.x509.names import canonical_of, first, key_of, values
from rotation_watcher.x509.signatures import UNPARSABLE, is_signature

MAX_INTERMEDIATES = 3
"""Leaf, three intermediates and root: ALB's chain depth of 4 above the leaf (its default quota)."""
RSA_BITS = range(2048, 8193)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
HASHES = frozenset({"sha256", "sha384", "sha512"})
"""What ALB takes of keys and signatures."""
_OID, _BIT_STRING = 0x06, 0x03
_NETSCAPE, _SSL_CLIENT = "2.16.840.1.113730.1.1", 0x80
"""The extension nsCertType, and its bit for a TLS client."""
_UNSUPPORTED = {
    "1.3.6.1.5.5.7.1.7": "address blocks",
    "1.3.6.1.5.5.7.1.8": "AS numbers",
    "1.3.6.1.5.5.7.1.14": "a proxy's rights",
}
"""Extensions that OpenSSL judges whether or not they are critical, and the library passes over (RFC 3779, RFC 3820)."""
_MAX_WAYS = 20
"""The most ways up from one CA that a leaf is held against."""

UNVERIFIABLE = (VerificationError, *UNPARSABLE)


class Weakness(NamedTuple):
    """A key or signature that the services refuse: ``weak-key`` or ``weak-signature``, and a few words."""

    code: str
    detail: str


def weaknesses(certificate: x509.Certificate) -> Iterator[Weakness]:
    """What ALB would refuse: RSA below 2048 or above 8192 bits, other curves or key kinds, other hashes than SHA-2.

    Never raises.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            yield Weakness("weak-key", f"RSA of {key.key_size} bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        yield Weakness("weak-key", "a key of an unsupported kind")
    elif not isinstance(key.curve, CURVES):
        yield Weakness("weak-key", f"the curve {key.curve.name}")
    elif not _names_its_curve(certificate):
        yield Weakness("weak-key", f"the curve {key.curve.name} by its parameters instead of its name")
    if (signed := signature_hash(certificate)) not in HASHES:
        yield Weakness("weak-signature", f"signed with the hash {signed}")


def _names_its_curve(certificate: x509.Certificate) -> bool:
    """Whether an EC key says its curve by name: OpenSSL and Java take no parameters that are written out."""
    try:
        algorithm = first(first(key_of(certificate.public_bytes(Encoding.DER))).content)
        _kind, curve, *_ = values(algorithm.content)
    except ValueError:
        return False
    return curve.tag == _OID


def signature_hash(signed: x509.Certificate | x509.CertificateRevocationList) -> str:
    """The name of the hash that was signed; ``none`` for an algorithm without one, ``unknown`` for an unknown one."""
    try:
        algorithm = signed.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return "unknown"
    return algorithm.name if algorithm else "none"


def refusal(chain: Sequence[x509.Certificate], at: datetime, *, client_auth: bool = True) -> str | None:
    """Why this chain (leaf first, what vouches for it last) does not verify at ``at``; None if it does. Never raises.

    Signatures, algorithms, validity, path lengths, usages, name constraints, unknown critical extensions. Names are
    compared byte by byte. ``client_auth`` False requires no usage for client authentication.
    """
    try:
        verify(chain, policies(at, client_auth=client_auth)[0])
    except UNVERIFIABLE as error:
        return in_words(error)
    return unchecked(chain, client_auth=client_auth)


def ways_up(issuer: x509.Certificate, known: Sequence[x509.Certificate]) -> tuple[tuple[x509.Certificate, ...], ...]:
    """What a leaf of this CA is to be held against: each way up through the CAs that are known, shortest first.

    A way ends with the highest CA that constrains names; most CAs have one way, which is the CA alone.
    """
    if not any(extension(one, x509.NameConstraints) for one in known):
        return ((issuer,),)
    found = set()
    for way in islice(_climb((issuer,), known), _MAX_WAYS):
        bound = [number for number, one in enumerate(way) if extension(one, x509.NameConstraints)]
        found.add(way[: max(bound, default=0) + 1])
    return tuple(sorted(found, key=len))


def _climb(
    way: tuple[x509.Certificate, ...], known: Sequence[x509.Certificate]
) -> Iterator[tuple[x509.Certificate, ...]]:
    top, higher = way[-1], False
    for one in known if len(way) <= MAX_INTERMEDIATES and top.subject != top.issuer else ():
        if (
            one not in way
            and one.subject == top.issuer
            and is_signature(top, top.tbs_certificate_bytes, one.public_key())
        ):
            higher = True
            yield from _climb((*way, one), known)
    if not higher:
        yield way


def policies(at: datetime, *, client_auth: bool) -> tuple[PolicyBuilder, PolicyBuilder]:
    """The policies at ``at`` (aware UTC): for a whole chain, and for one link, whose lower one may be a CA."""
    whole, link = (
        PolicyBuilder().time(at).extension_policies(ca_policy=ca, ee_policy=ee)
        for ca, ee in _policies(client_auth=client_auth)
    )
    return whole, link


@cache
def _policies(*, client_auth: bool) -> tuple[tuple[ExtensionPolicy, ExtensionPolicy], ...]:
    """What CAs and leaf of a chain must say of themselves; then of one link, whose lower one may be a CA."""
    anyone = ExtensionPolicy.permit_all()
    for kind in (x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier, x509.AuthorityInformationAccess):
        anyone = anyone.may_be_present(
            kind, Criticality.NON_CRITICAL, None
        )  # critical ones: OpenSSL knows none of them
    ca_policy = anyone.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None).may_be_present(
        x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates
    )
    leaf_policy = anyone
    if client_auth:
        ca_policy = ca_policy.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
        leaf_policy = leaf_policy.may_be_present(
            x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients
        ).may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_handshakes)
    return (ca_policy, leaf_policy), (ca_policy, anyone)


def verify(chain: Sequence[x509.Certificate], policy: PolicyBuilder) -> None:
    """Verify one chain, leaf first. Raises one of UNVERIFIABLE."""
    leaf, *between, anchor = chain
    verifier = policy.store(Store([anchor])).max_chain_depth(MAX_INTERMEDIATES).build_client_verifier()
    verifier.verify(leaf, between)


def key_identifier_fits(below: x509.Certificate, above: x509.Certificate) -> bool:
    """Whether the authority key identifier allows this issuer: OpenSSL checks that, the library does not."""
    wanted = extension(below, x509.AuthorityKeyIdentifier)
    if wanted is None:
        return True
    own = extension(above, x509.SubjectKeyIdentifier)
    if wanted.key_identifier is not None and own is not None and own.digest != wanted.key_identifier:
        return False
    serial = wanted.authority_cert_serial_number
    if serial is not None and serial != above.serial_number:
        return False
    issuers = [name.value for name in wanted.authority_cert_issuer or () if isinstance(name, x509.DirectoryName)]
    return not issuers or canonical_of(issuers[0]) == canonical_of(above.issuer)


def unchecked(chain: Sequence[x509.Certificate], *, client_auth: bool) -> str | None:
    """What OpenSSL checks and the library does not; all but nsCertType is refused without evaluating it."""
    return _unchecked_extension(chain, client_auth=client_auth) or _unchecked_constraint(chain)


def _unchecked_extension(chain: Sequence[x509.Certificate], *, client_auth: bool) -> str | None:
    for certificate in chain:
        for one in certificate.extensions:
            oid = one.oid.dotted_string
            if oid in _UNSUPPORTED:
                return f"an extension for {_UNSUPPORTED[oid]}, which is not supported"
            if oid != _NETSCAPE:
                continue
            kinds = _netscape_kinds(one.value)
            if kinds is None:
                return "an nsCertType that cannot be read"
            if client_auth and certificate is chain[0] and not kinds & _SSL_CLIENT:
                return "an nsCertType that is not for TLS clients"
    return None


def _netscape_kinds(value: x509.ExtensionType) -> int | None:
    """The bits of an nsCertType; None if it is no BIT STRING."""
    content = value.public_bytes()
    try:
        found = first(content)
    except ValueError:
        return None
    if found.tag != _BIT_STRING or found.whole != content or not found.content:
        return None
    return int.from_bytes(found.content[1:2])


def _unchecked_constraint(chain: Sequence[x509.Certificate]) -> str | None:
    """A name constraint that OpenSSL checks and the library does not."""
    leaf = chain[0]
    san = extension(leaf, x509.SubjectAlternativeName)
    has_dns_name = san is not None and bool(san.get_values_for_type(x509.DNSName))
    has_mail = bool(leaf.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS))
    for above in chain[1:]:
        constraints = extension(above, x509.NameConstraints)
        for subtree in (
            (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())) if constraints else ()
        ):
            if isinstance(subtree, x509.DirectoryName):
                return "a name constraint on directory names above it, which is not supported"
            if isinstance(subtree, x509.DNSName) and not has_dns_name:
                return "a name constraint on DNS names above it, and it has no DNS name in a subject alternative name"
            if isinstance(subtree, x509.RFC822Name) and has_mail:
                return "a name constraint on mail addresses above it, and it has one in its subject"
    return None


def allows_handshakes(usage: x509.KeyUsage | None) -> bool:
    """Whether a key may make the signature of a TLS client. None: any usage."""
    return usage is None or usage.digital_signature or usage.key_agreement


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("a CA certificate whose keyUsage lacks keyCertSign")


def _signs_handshakes(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if not allows_handshakes(usage):
        raise ValueError("a keyUsage that allows no client authentication")


def _is_for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("an extended key usage without clientAuth")


def in_words(error: Exception) -> str:
    """The library's reason on one line, at most 200 characters, without its wrapping texts."""
    words = " ".join(str(error).partition("(encountered processing")[0].split())
    words = re.sub(
        r"validation failed: |candidates exhausted: |Python extension validator failed: |ValueError: ", "", words
    )
    return words.partition(": AlgorithmIdentifier")[0][:200] or type(error).__name__


def extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> T | None:
    """The extension of this type, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
