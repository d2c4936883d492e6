r"""Certificates as data, and strict parsing of texts that should hold certificates.

``pem`` finds the blocks; ``cryptography`` parses the certificates. Bad data raises nothing: parsers return what is
valid together with the defects, and a defect's detail never quotes the text. A private key inside a certificate text is
always a defect and never written anywhere, whatever its label says.

Certificate texts of the Genesys API have CRLF or LF, literal ``\r\n`` escapes, blanks and blank lines around and inside
the markers, and several certificates with or without a newline between END and BEGIN.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import NameOID

from rotation_watcher.x509 import pem
from rotation_watcher.x509.engine_rules import signature_hash
from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.names import Names, key_of, lower, names_of
from rotation_watcher.x509.outline import bare_facts
from rotation_watcher.x509.pem import Defect
from rotation_watcher.x509.signatures import UNPARSABLE, is_signature, silenced

__all__ = [
    "Block",
    "Certificate",
    "Defect",
    "Held",
    "Parsed",
    "extension",
    "parse_bundle",
    "parse_lines",
    "parse_text",
    "render_bundle",
]

MAX_TEXT = 1 << 20
"""The longest text of an API entity that is parsed, in characters."""
MAX_CERTIFICATES = 100
"""The most certificates that are parsed out of one text."""
MAX_PEM = 16 * 1024
"""The longest certificate that the API may present, in bytes of PEM: ALB's limit."""
MAX_BLOCKS = 10_000
"""The most blocks that are parsed out of a truststore: ten times API Gateway's assumed limit."""
MAX_RSA_BITS = 16_384
"""The longest RSA modulus that a signature is checked with: OpenSSL's bound. The services take 8,192 at the most."""
MAX_DSA_BITS = 2048
"""The longest DSA key that a signature is checked with; no service takes any."""
MAX_EXPONENT_BITS = 33
"""The longest RSA exponent that a signature is checked with: the bound of BoringSSL, and so of Envoy."""
_READ_ONCE = ("subject", "not_valid_before_utc", "not_valid_after_utc")
_READ = (*_READ_ONCE, "issuer")
"""What the library reads of a certificate when it is asked for, and may refuse."""


class Certificate(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One certificate, fully parsed. Equality is that of fingerprints. None of its attributes raises.

    ``fingerprint``, ``spki_sha256`` and ``serial`` are those of its ``facts``.

    ``is_ca`` is basicConstraints CA:TRUE; ``key`` is the public key; ``signature_hash`` is the name of the hash that
    was signed (``sha256``), ``none`` for an algorithm without one, ``unknown`` for an algorithm that the library does
    not know; ``names`` are issuer and subject as TLS engines compare them.
    """

    raw: x509.Certificate
    fingerprint: str
    spki_sha256: str
    serial: str
    key: CertificatePublicKeyTypes
    signature_hash: str
    is_ca: bool
    der: bytes
    names: Names

    @cached_property
    def facts(self) -> CertificateFacts:
        """What goes into state, pins and alerts: written out when it is asked for, of parts that were parsed before."""
        subject = self.raw.subject.rfc4514_string()
        return CertificateFacts(
            fingerprint=self.fingerprint,
            spki_sha256=self.spki_sha256,
            subject=subject,
            issuer=subject if self.names.issuer is self.names.subject else self.raw.issuer.rfc4514_string(),
            serial=self.serial,
            names=_names(self.raw),
            not_before=self.raw.not_valid_before_utc,
            not_after=self.raw.not_valid_after_utc,
        )

    @cached_property
    def pem(self) -> str:
        """The certificate as a block in canonical form (``pem.armour``)."""
        return pem.armour(self.der)

    @cached_property
    def self_signed(self) -> bool:
        """Whether issuer and subject are equal, and its own key made its signature: checked when it is asked for."""
        return self.names.issuer == self.names.subject and is_signed_by(self.raw, self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other.fingerprint == self.fingerprint

    def __ne__(self, other: object) -> bool:
        """A Struct has a ``!=`` of its own, which asks for identity: Python derives none from ``__eq__`` here."""
        return not self == other

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Certificate({self.fingerprint})"


class Parsed(NamedTuple):
    """The certificates of a text, in its order and each once, and its defects."""

    certificates: tuple[Certificate, ...]
    defects: tuple[Defect, ...]


class Block(NamedTuple):
    """A CERTIFICATE block as found at a target or in an operator's file.

    ``fingerprint`` is the SHA-256 of the block's content in lower-case hex, ``pem`` its text. ``certificate`` is None
    if it cannot be parsed, and ``defect`` then says why: the block still belongs to somebody, so its PEM is kept.
    """

    fingerprint: str
    pem: str
    certificate: Certificate | None
    defect: Defect | None

    @property
    def der(self) -> bytes:
        """What the block holds, as leniently as any engine reads it; may be empty."""
        return pem.der_of(self.pem)

    @property
    def facts(self) -> CertificateFacts:
        """What is known of it; of a block that we cannot parse what its outline says (``outline``)."""
        return self.certificate.facts if self.certificate else bare_facts(self.fingerprint, self.der)


def parse_text(text: str) -> Parsed:
    """Parse the ``certificate`` string of an API entity: each certificate once, in its order. Never raises."""
    if len(text) > MAX_TEXT:
        return Parsed((), (Defect("too-large", f"{len(text)} characters, at most {MAX_TEXT} are read"),))
    ders, defects = pem.blocks(text.replace("\\r", "\r").replace("\\n", "\n"))
    if len(ders) > MAX_CERTIFICATES:
        defects.append(Defect("too-many", f"{len(ders)} certificates, at most {MAX_CERTIFICATES} are read"))
    certificates: dict[str, Certificate] = {}
    for der in ders[:MAX_CERTIFICATES]:
        certificate = _certificate(der)
        if isinstance(certificate, Defect):
            defects.append(certificate)
        elif len(certificate.pem) > MAX_PEM:
            defects.append(Defect("too-large", f"a certificate of {len(der)} bytes, {MAX_PEM} as PEM are the most"))
        else:
            certificates.setdefault(certificate.fingerprint, certificate)
    if not certificates and not defects:
        defects.append(Defect("no-certificate", "the text holds no CERTIFICATE block"))
    return Parsed(tuple(certificates.values()), pem.distinct(defects))


def blocks_of(data: bytes | None) -> dict[str, Block]:
    """The blocks of a bundle by fingerprint, without its defects; empty for None."""
    return {block.fingerprint: block for block in parse_bundle(data)[0]} if data else {}


def certificate_block(der: bytes, text: str | None = None) -> Block:
    """The Block for the decoded content of a CERTIFICATE block, parsed or not. Never raises.

    ``text``: the block in canonical form, where it is at hand.
    """
    certificate = _certificate(der)
    if isinstance(certificate, Certificate):
        return Block(certificate.fingerprint, text or certificate.pem, certificate, None)
    return Block(hashlib.sha256(der).hexdigest(), pem.armour(der), None, certificate)


class Held(msgspec.Struct, frozen=True):
    """What stands at a line (from 1) of a file: a block, or a defect."""

    line: int
    content: Block | Defect


def parse_lines(data: bytes) -> tuple[Held, ...]:
    """Everything that a file of CERTIFICATE blocks holds, by line; a single certificate may also be DER.

    Text and comments around the blocks are ignored. A block of valid base64 that cannot be parsed as a certificate is
    kept unchanged, as a block; a private key, under any label, is a defect and never kept. Never raises.
    """
    found = pem.walk(pem.text_of(data))
    if not found and isinstance(_certificate(data), Certificate):
        found = [pem.Found(1, data)]
    held: list[Held] = []
    count = sum(isinstance(one.content, bytes) for one in found)
    room = MAX_BLOCKS
    for one in found:
        if isinstance(one.content, Defect):
            held.append(Held(one.line, one.content))
        elif room:
            room -= 1
            block = certificate_block(one.content)
            key = block.defect if block.defect is not None and block.defect.code == "private-key" else None
            held.append(Held(one.line, key or block))
    if count > MAX_BLOCKS:
        held.append(Held(1, Defect("too-many", f"{count} certificates, at most {MAX_BLOCKS} are read")))
    if not held and data.strip():
        held.append(Held(1, Defect("no-certificate", f"{len(data)} bytes without a CERTIFICATE block")))
    return tuple(held)


def parse_bundle(data: bytes) -> tuple[tuple[Block, ...], tuple[Defect, ...]]:
    """The blocks of such a file, each once, and its defects without their lines (``parse_lines``). Nothing raises."""
    held = parse_lines(data)
    blocks = {one.content.fingerprint: one.content for one in held if isinstance(one.content, Block)}
    return tuple(blocks.values()), pem.distinct(one.content for one in held if isinstance(one.content, Defect))


def render_bundle(items: Iterable[Certificate | Block]) -> bytes:
    """A truststore file: sorted by fingerprint, each once, canonical PEM, no blank line and no comment.

    ALB refuses a whole bundle for one blank line or a text preamble.
    """
    return "".join(text for _, text in sorted({item.fingerprint: item.pem for item in items}.items())).encode()


def extension[T: x509.ExtensionType](certificate: Certificate, kind: type[T]) -> T | None:
    """The extension of this type, or None."""
    return _extension(certificate.raw, kind)


@lru_cache(256)  # the same few certificates are read from every history, truststore and anchor file, in every run
def _certificate(der: bytes) -> Certificate | Defect:
    """Parse every part of a certificate, so that none can raise or warn later."""
    with silenced():
        defect = pem.shape(der)
        if defect is None:
            try:
                found = _parsed(der)
                if isinstance(found, Certificate):
                    return found
                defect = found
            except UNPARSABLE as error:
                defect = Defect("unparsable", f"{type(error).__name__} in a certificate of {len(der)} bytes")
        if any(_is_private_key(part) for part in (der, der[pem.der_length(der) :])):
            return Defect("private-key", "a private key in a CERTIFICATE block: replace it wherever it came from")
        return defect


def _parsed(der: bytes) -> Certificate | Defect:
    raw = x509.load_der_x509_certificate(der)
    serial = raw.serial_number
    if serial < 0:
        raise ValueError("a negative serial number")
    names = names_of(der)
    if names is None:
        raise ValueError("no outline of a certificate")
    constraints = _extension(raw, x509.BasicConstraints)
    key = raw.public_key()
    if (excess := _costly(key)) is not None:
        return Defect("costly-key", excess)
    # These raise and warn now, or never. An issuer of the subject's very bytes is not asked for, here or later.
    for part in _READ_ONCE if names.issuer is names.subject else _READ:
        getattr(raw, part)
    return Certificate(
        raw=raw,
        fingerprint=hashlib.sha256(der).hexdigest(),
        spki_sha256=hashlib.sha256(key_of(der)).hexdigest(),
        serial=f"{serial:X}",
        key=key,
        signature_hash=signature_hash(raw),
        is_ca=bool(constraints and constraints.ca),
        der=der,
        names=names,
    )


def _extension[T: x509.ExtensionType](raw: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return raw.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _costly(key: CertificatePublicKeyTypes) -> str | None:
    """Why no signature may be checked with this key, or None. The key decides the cost, and others choose the key.

    OpenSSL accepts exponents as long as a modulus of 3,072 bits: 350 KB of such CAs cost seconds. The usual one is
    65537.
    """
    match key:
        case rsa.RSAPublicKey():
            bits = key.public_numbers().e.bit_length()
            if key.key_size > MAX_RSA_BITS or bits > MAX_EXPONENT_BITS:
                return f"an RSA key of {key.key_size} bits with an exponent of {bits} bits"
        case dsa.DSAPublicKey() if key.key_size > MAX_DSA_BITS:
            return f"a DSA key of {key.key_size} bits"
    return None


def _names(raw: x509.Certificate) -> tuple[str, ...]:
    """The DNS names of the SAN, lower case and sorted; without a SAN the common name, as TLS libraries once did.

    Of several common names each library takes another one, and doors take none (``identity.decision``); nor do we.
    """
    san = _extension(raw, x509.SubjectAlternativeName)
    if san is not None:
        return tuple(sorted({lower(name) for name in san.get_values_for_type(x509.DNSName)}))
    common = raw.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return (lower(str(common[0].value)),) if len(common) == 1 else ()


@lru_cache(256)  # every run asks it of the same few pairs, a dozen times each
def signed(below: Certificate, above: Certificate) -> bool:
    """Whether the key of one certificate signed another, whatever the names say. Never raises."""
    return is_signed_by(below.raw, above.key)


def is_signed_by(raw: x509.Certificate, key: CertificatePublicKeyTypes) -> bool:
    """Whether this key signed the certificate, whatever the names say. Never raises.

    ``verify_directly_issued_by`` compares names byte by byte, which no engine does (``names``).
    """
    return is_signature(raw, raw.tbs_certificate_bytes, key)


def _is_private_key(der: bytes) -> bool:
    try:
        load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:  # it is one, under a password
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
