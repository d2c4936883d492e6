r"""Certificates as data, and the strict reading of whatever text claims to hold some.

``cryptography`` parses the certificates; the strictness about what surrounds them is ours, because its PEM reader skips
a PRIVATE KEY block without a word, and a key that travels inside a certificate text must be refused aloud and never
written anywhere. Nothing here raises for bad data: readers return what was good together with the defects, and a
defect's detail never repeats the text it is about.

What a certificate text of the Genesys API may look like is in DOMAIN.md: CRLF and LF, literal ``\r\n`` escapes, blanks
and blank lines around and inside the markers, several certificates with or without a newline between END and BEGIN.
"""

import base64
import binascii
import hashlib
import re
import textwrap
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from rotation_watcher.facts import CertificateFacts

MAX_TEXT = 1 << 20
"""The longest text that is read, in characters. A certificate is some 2,000; ALB takes 16 KB for one."""
MAX_CERTIFICATES = 100
"""The most certificates that are read out of one text."""

_MARKER = re.compile(r"-----[ \t]*(BEGIN|END)[ \t]+([A-Z0-9 ]{1,64}?)[ \t]*-----")
_SPACE = re.compile(r"\s+")
_UNPARSABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Defect(msgspec.Struct, frozen=True):
    """Something wrong in a text: a stable code, and a few words that never hold the text itself."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """One certificate, parsed once. Equal to another by its fingerprint. Nothing on it raises.

    ``is_ca`` is basicConstraints CA:TRUE; ``self_signed`` says that it carries its own subject as issuer and that its
    signature verifies with its own key.
    """

    raw: x509.Certificate
    facts: CertificateFacts
    is_ca: bool
    self_signed: bool
    pem: str

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the DER, lower-case hex."""
        return self.facts.fingerprint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


class Parsed(NamedTuple):
    """What a text held: the certificates in their order, each once, and what was wrong."""

    certificates: tuple[Certificate, ...]
    defects: tuple[Defect, ...]


class Block(NamedTuple):
    """A CERTIFICATE block as found at a target or in an operator's file.

    ``certificate`` is None where it cannot be parsed: it belongs to somebody else all the same, and its PEM survives.
    """

    fingerprint: str
    pem: str
    certificate: Certificate | None
    defect: Defect | None


def parse_text(text: str) -> Parsed:
    """Read the ``certificate`` string of an API entity. Duplicates collapse, the order is kept, nothing raises."""
    if len(text) > MAX_TEXT:
        return Parsed((), (Defect("too-large", f"{len(text)} characters, at most {MAX_TEXT} are read"),))
    blocks, defects = _blocks(text.replace("\\r", "\r").replace("\\n", "\n"))
    certificates: dict[str, Certificate] = {}
    for der in blocks:
        certificate = _certificate(der)
        if isinstance(certificate, Defect):
            defects.append(certificate)
        else:
            certificates.setdefault(certificate.fingerprint, certificate)
    if not certificates and not defects:
        defects.append(Defect("no-certificate", "the text holds no CERTIFICATE block"))
    return Parsed(tuple(certificates.values()), tuple(defects))


def parse_bundle(data: bytes) -> tuple[tuple[Block, ...], tuple[Defect, ...]]:
    """Read a truststore, an anchor file or an ``extra`` file.

    Text and comments around the blocks are passed over. A block of valid base64 that is no certificate we can parse is
    kept as it is; a private key is a defect and never kept. Nothing raises.
    """
    ders, defects = _blocks(data.decode("utf-8", "replace"), limit=10_000)
    blocks: dict[str, Block] = {}
    for der in ders:
        certificate = _certificate(der)
        known = None if isinstance(certificate, Defect) else certificate
        defect = certificate if isinstance(certificate, Defect) else None
        fingerprint = hashlib.sha256(der).hexdigest()
        blocks.setdefault(fingerprint, Block(fingerprint, _pem(der), known, defect))
    return tuple(blocks.values()), tuple(defects)


def render_bundle(items: Iterable[Certificate | Block]) -> bytes:
    """A truststore file: sorted by fingerprint, each once, canonical PEM, no blank line and no comment.

    ALB refuses a whole bundle for one blank line or a text preamble (DOMAIN.md).
    """
    return "".join(pem for _, pem in sorted({item.fingerprint: item.pem for item in items}.items())).encode()


def _blocks(text: str, limit: int = MAX_CERTIFICATES) -> tuple[list[bytes], list[Defect]]:
    """The DER of every CERTIFICATE block, found by one linear walk over the markers."""
    ders: list[bytes] = []
    defects: list[Defect] = []
    opened: re.Match[str] | None = None
    for marker in _MARKER.finditer(text):
        label = _label(marker)
        if marker[1] == "BEGIN":
            if opened is not None:
                defects.append(Defect("unterminated", "a block begins inside another one"))
            defects += _foreign(label)
            opened = marker
            continue
        if opened is None or _label(opened) != label:
            defects.append(Defect("unterminated", "an END marker without its BEGIN"))
        elif label == "CERTIFICATE":
            der = _decode(text[opened.end() : marker.start()])
            if isinstance(der, Defect):
                defects.append(der)
            else:
                ders.append(der)
        opened = None
    if len(ders) > limit:
        defects.append(Defect("too-many", f"{len(ders)} certificates, at most {limit} are read"))
        del ders[limit:]
    if opened is not None:
        defects.append(Defect("unterminated", "the last block has no END marker"))
    return ders, defects


def _label(marker: re.Match[str]) -> str:
    return _SPACE.sub(" ", marker[2].strip())


def _foreign(label: str) -> list[Defect]:
    if "PRIVATE KEY" in label:
        return [Defect("private-key", f"a block {label}: it must be replaced wherever it came from")]
    return [] if label == "CERTIFICATE" else [Defect("not-a-certificate", f"a block {label[:40]}")]


def _decode(body: str) -> bytes | Defect:
    packed = _SPACE.sub("", body)
    try:
        der = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return Defect("bad-base64", f"{len(packed)} characters that are no base64, or cut short")
    if not der:
        return Defect("bad-base64", "an empty block")
    excess = len(der) - _der_length(der)
    if excess > 0:
        return Defect("trailing-garbage", f"{excess} bytes after the certificate")
    if excess < 0:
        return Defect("truncated", f"{-excess} bytes are missing")
    return der


def _der_length(der: bytes) -> int:
    """How long the outermost DER value says it is, header included; 0 where there is no sensible header."""
    short = 0x80
    if len(der) < 2:  # noqa: PLR2004 - tag and length
        return 0
    if der[1] < short:
        return 2 + der[1]
    octets = der[1] - short
    return 2 + octets + int.from_bytes(der[2 : 2 + octets]) if 0 < octets <= 4 else 0  # noqa: PLR2004 - 4 GiB


def _pem(der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def _certificate(der: bytes) -> Certificate | Defect:
    """Parse one certificate wholly, so that nothing about it can raise later."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography warns of odd serials and keys; the assessment judges them
        try:
            raw = x509.load_der_x509_certificate(der)
            names = _names(raw)
            constraints = _extension(raw, x509.BasicConstraints)
            tuple(raw.extensions)
            spki = raw.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            facts = CertificateFacts(
                fingerprint=hashlib.sha256(der).hexdigest(),
                spki_sha256=hashlib.sha256(spki).hexdigest(),
                subject=raw.subject.rfc4514_string(),
                issuer=raw.issuer.rfc4514_string(),
                serial=f"{raw.serial_number:X}",
                names=names,
                not_before=raw.not_valid_before_utc,
                not_after=raw.not_valid_after_utc,
            )
            return Certificate(
                raw=raw,
                facts=facts,
                is_ca=bool(constraints and constraints.ca),
                self_signed=_self_signed(raw),
                pem=_pem(der),
            )
        except _UNPARSABLE as error:
            return Defect("unparsable", f"{type(error).__name__} in a certificate of {len(der)} bytes")


def _extension[T: x509.ExtensionType](raw: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return raw.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _names(raw: x509.Certificate) -> tuple[str, ...]:
    """The DNS names of the SAN; the common name alone where there is no SAN, as TLS libraries once did."""
    san = _extension(raw, x509.SubjectAlternativeName)
    if san is not None:
        return tuple(sorted({name.lower() for name in san.get_values_for_type(x509.DNSName)}))
    common = raw.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return (str(common[0].value).lower(),) if common else ()


def _self_signed(raw: x509.Certificate) -> bool:
    if raw.issuer != raw.subject:
        return False
    try:
        raw.verify_directly_issued_by(raw)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
