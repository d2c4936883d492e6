"""Path validation: whether a leaf leads to a trusted root.

Two steps. ``_climb`` finds the chains that names, key identifiers and signatures connect: shortest first, with bounded
work, and in an order that does not depend on the order of the input, so that equal answers always give equal
bundles. ``_refusal`` then validates one such chain with ``cryptography.x509.verification``: signatures, algorithms,
validity, path lengths, name constraints, unknown critical extensions. A chain that spells a name in several ways, which
the library refuses and no engine does, is verified in copies (``spelling``).

The library's default client profile is the WebPKI's and refuses what private roots often lack. This policy demands what
the engines behind the targets demand (OpenSSL 3's ``sslclient`` purpose; tests compare the two): SAN, AKI and keyUsage
may be absent; a CA must say CA:TRUE; an extended key usage, in the leaf or above it, must hold clientAuth, for which
anyExtendedKeyUsage alone is not enough. Where the library is less strict than OpenSSL, this module is as strict as
OpenSSL: a leaf that is accepted here must never be refused by a target.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from rotation_watcher.x509.certificates import Certificate, extension, signed
from rotation_watcher.x509.names import Name, canonical_of
from rotation_watcher.x509.spelling import is_uniform, links, uniform

MAX_INTERMEDIATES = 3
"""Leaf, three intermediates and root: ALB's chain depth of 4 above the leaf (its default quota)."""
_MAX_SIGNATURES = 250
"""The most signatures that one search checks; a hundred certificates of one name need a hundred."""
_MAX_STEPS = 500
"""The most incomplete chains that one search examines."""
_MAX_CHAINS = 20
"""The most complete chains that are validated. Usual leaves have one, or two if a root is cross-signed."""

_UNVERIFIABLE = (
    VerificationError,
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

type _Chain = tuple[Certificate, ...]


class Path(NamedTuple):
    """A path that verified: leaf first, root last."""

    chain: tuple[Certificate, ...]


class NoPath(NamedTuple):
    """No path verified. ``detail`` says why, for people; it may quote hostile names: neutralise it."""

    detail: str


def roots(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """The self-signed CA certificates among these: only they may be anchors."""
    return tuple(certificate for certificate in certificates if certificate.self_signed and certificate.is_ca)


def find_path(
    leaf: Certificate,
    *,
    intermediates: Iterable[Certificate],
    anchors: Iterable[Certificate],
    at: datetime,
    client_auth: bool = True,
) -> Path | NoPath:
    """Find the shortest path from a leaf to an anchor that is valid at ``at`` (aware UTC).

    Of equally short paths: the one that stays valid longest. With ``client_auth`` False, key usages for client
    authentication are not required (an operator approved it). Anchors that are not self-signed are ignored. Never
    raises.
    """
    return _found(leaf, tuple(intermediates), tuple(anchors), at, client_auth)


@lru_cache(256)  # a run asks several times, at one moment: what is wanted, why, and which lists it names
def _found(
    leaf: Certificate,
    intermediates: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    at: datetime,
    client_auth: bool,  # noqa: FBT001  # one key of the cache
) -> Path | NoPath:
    trusted = _by_subject(roots(anchors), at)
    if not trusted:
        return NoPath("there is no self-signed anchor")
    offered = _by_subject([one for one in intermediates if one.is_ca and not one.self_signed], at)
    reason = None
    for number, chain in enumerate(_climb(leaf, offered, trusted)):
        if number == _MAX_CHAINS:
            break
        refusal = _refusal(chain, at, client_auth=client_auth)
        if refusal is None:
            return Path(chain)
        reason = reason or refusal
    return NoPath(reason or _dead_end(leaf, offered, trusted))


def _by_subject(certificates: Iterable[Certificate], at: datetime) -> dict[Name, list[Certificate]]:
    """Certificates by subject; of one subject those that are valid first, then those that stay valid longest."""
    ordered = sorted(
        {*certificates},
        key=lambda one: (
            not one.facts.not_before <= at <= one.facts.not_after,
            -one.facts.not_after.timestamp(),
            one.fingerprint,
        ),
    )
    named: dict[Name, list[Certificate]] = {}
    for certificate in ordered:
        named.setdefault(certificate.names.subject, []).append(certificate)
    return named


def _climb(
    leaf: Certificate,
    offered: Mapping[Name, Sequence[Certificate]],
    trusted: Mapping[Name, Sequence[Certificate]],
) -> Iterator[_Chain]:
    """The chains from the leaf to an anchor, shortest first, until the bounds are reached."""
    known: dict[tuple[str, str], bool] = {}
    waiting: deque[_Chain] = deque([(leaf,)])
    for _ in range(_MAX_STEPS):
        if not waiting:
            return
        chain = waiting.popleft()
        below = chain[-1]
        for above in trusted.get(below.names.issuer, ()):
            if _issued(below, above, known):
                yield (*chain, above)
        if len(chain) > MAX_INTERMEDIATES or len(waiting) > _MAX_STEPS:
            continue
        for above in offered.get(below.names.issuer, ()):
            if above not in chain and _issued(below, above, known):
                waiting.append((*chain, above))


def _issued(below: Certificate, above: Certificate, known: dict[tuple[str, str], bool]) -> bool:
    """Whether one certificate issued another, by key identifier and signature. ``known`` caches signatures."""
    if not key_identifier_fits(below, above):
        return False
    edge = below.fingerprint, above.facts.spki_sha256
    if edge not in known:
        if len(known) >= _MAX_SIGNATURES:
            return False
        known[edge] = signed(below, above)
    return known[edge]


def key_identifier_fits(below: Certificate, above: Certificate) -> bool:
    """Whether the authority key identifier allows this issuer: OpenSSL checks that, the library does not."""
    wanted = extension(below, x509.AuthorityKeyIdentifier)
    if wanted is None:
        return True
    own = extension(above, x509.SubjectKeyIdentifier)
    if wanted.key_identifier is not None and own is not None and own.digest != wanted.key_identifier:
        return False
    serial = wanted.authority_cert_serial_number
    if serial is not None and serial != above.raw.serial_number:
        return False
    issuers = [name.value for name in wanted.authority_cert_issuer or () if isinstance(name, x509.DirectoryName)]
    return not issuers or canonical_of(issuers[0]) == above.names.issuer


def _refusal(chain: _Chain, at: datetime, *, client_auth: bool) -> str | None:
    """Why this chain does not verify, or None if it does."""
    whole, link = (
        PolicyBuilder().time(at).extension_policies(ca_policy=ca, ee_policy=ee)
        for ca, ee in _policies(client_auth=client_auth)
    )
    try:
        if is_uniform(chain):
            _verify([one.raw for one in chain], whole)
        else:
            _verify(uniform(chain), whole)
            for below, above in links(chain):
                _verify([below, above], link)
    except _UNVERIFIABLE as error:
        return _in_words(error)
    return _unchecked_constraint(chain)


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


def _verify(chain: Sequence[x509.Certificate], policy: PolicyBuilder) -> None:
    """Verify one chain, leaf first. Raises one of _UNVERIFIABLE."""
    leaf, *between, anchor = chain
    verifier = policy.store(Store([anchor])).max_chain_depth(MAX_INTERMEDIATES).build_client_verifier()
    verifier.verify(leaf, between)


def _unchecked_constraint(chain: _Chain) -> str | None:
    """A name constraint that OpenSSL checks and the library does not: refused without evaluating it."""
    leaf = chain[0]
    san = extension(leaf, x509.SubjectAlternativeName)
    has_dns_name = san is not None and bool(san.get_values_for_type(x509.DNSName))
    has_mail = bool(leaf.raw.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS))
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


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("a CA certificate whose keyUsage lacks keyCertSign")


def _signs_handshakes(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.key_agreement):
        raise ValueError("a keyUsage that allows no client authentication")


def _is_for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("an extended key usage without clientAuth")


def _in_words(error: Exception) -> str:
    """The library's reason on one line, at most 200 characters, without its wrapping texts."""
    words = " ".join(str(error).partition("(encountered processing")[0].split())
    words = re.sub(
        r"validation failed: |candidates exhausted: |Python extension validator failed: |ValueError: ", "", words
    )
    return words.partition(": AlgorithmIdentifier")[0][:200] or type(error).__name__


def _dead_end(
    leaf: Certificate,
    offered: Mapping[Name, Sequence[Certificate]],
    trusted: Mapping[Name, Sequence[Certificate]],
) -> str:
    """Why no chain connects the leaf to an anchor."""
    issuer = leaf.facts.issuer[:120]
    if leaf.names.issuer in trusted:
        return f"an anchor is named like its issuer ({issuer}), but its key did not sign it"
    if leaf.names.issuer in offered:
        return f"no chain of at most {MAX_INTERMEDIATES} intermediates leads from its issuer ({issuer}) to an anchor"
    return f"its issuer ({issuer}) is neither an anchor nor among the certificates presented with it"
