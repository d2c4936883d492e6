"""Certificate revocation lists as data (RFC 5280 5): read in bounded work, never raising; judged by ``crl_refusal``.

A list is read from DER, or from PEM, which some servers send instead. What is read has the structure of a list and no
more: nobody has looked at its signature yet.
"""

import base64
import binascii
import hashlib
import re
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from rotation_watcher.x509 import pem
from rotation_watcher.x509.crl_entries import TooMany, frame
from rotation_watcher.x509.crl_facts import MAX_BYTES, CrlFacts
from rotation_watcher.x509.names import Name, canonical_of, words
from rotation_watcher.x509.serials import Serials, holds, packed
from rotation_watcher.x509.signatures import silenced

MAX_ENTRIES = 1_000_000
"""The most entries that are read: twice what ALB holds in all the lists of a trust store."""
MAX_NUMBER_BITS = 159
"""The longest CRL number: 20 octets (RFC 5280 5.2.3)."""

_BLOCK = re.compile(rb"-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*+)-----END X509 CRL-----")
_BEGIN = b"-----BEGIN "
_PEM_LINE = 64
_SEQUENCE = b"\x30"
_LINES_AT_ONCE = 4096
_UNPARSABLE = (
    ValueError,
    TypeError,
    IndexError,
    StopIteration,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class CrlDefect(msgspec.Struct, frozen=True):
    """Why something is no list that can be read: a stable code, and a detail for people that never quotes the data.

    Codes: ``too-large`` (bytes), ``too-many`` (entries), ``bad-pem``, ``truncated``, ``trailing-garbage``,
    ``unparsable``.
    """

    code: str
    detail: str


class Crl(msgspec.Struct, frozen=True, eq=False):
    """One list, fully parsed. None of its attributes raises.

    ``raw`` is the library's; ``der`` the list as it stands; ``issuer`` the canonical name; ``serials`` those that it
    revokes: certificateHold counts, and removeFromCRL does not (RFC 5280 6.3.3 (k)). ``indirect_entry``: some entry
    names a certificate issuer of its own; ``critical_entry``: some entry has a critical extension.
    """

    raw: x509.CertificateRevocationList
    der: bytes
    facts: CrlFacts
    issuer: Name
    serials: Serials
    indirect_entry: bool
    critical_entry: bool
    _signed: slice

    def __repr__(self) -> str:
        return f"Crl({self.facts})"

    @property
    def signed(self) -> bytes:
        """The to-be-signed part as the issuer wrote it; a copy."""
        return self.der[self._signed]


def read(data: bytes, *, max_entries: int = MAX_ENTRIES) -> Crl | CrlDefect:
    """Read a list from DER or PEM. Never raises; the work is linear in at most ``MAX_BYTES``."""
    der = (
        _der_of(data) if len(data) <= MAX_BYTES else CrlDefect("too-large", f"{len(data)} bytes; {MAX_BYTES} are read")
    )
    if isinstance(der, CrlDefect):
        return der
    with silenced():
        try:
            return _parsed(der, max_entries)
        except TooMany:
            return CrlDefect("too-many", f"more than {max_entries} entries")
        except _UNPARSABLE as error:
            return CrlDefect("unparsable", f"{type(error).__name__} in a list of {len(der)} bytes")


def extension[T: x509.ExtensionType](crl: Crl, kind: type[T]) -> T | None:
    """The extension of this type, or None."""
    return _extension(crl.raw, kind)


def is_revoked(serials: Serials, serial: int) -> bool:
    """Whether a serial number is revoked by a list's ``serials``; takes some microseconds."""
    return holds(serials, serial)


def share_left(crl: Crl | CrlFacts, at: datetime) -> float:
    """Which share of a list's period is left at ``at`` (aware UTC): 1.0 at thisUpdate, 0.0 from nextUpdate on.

    0.0 also for a list without nextUpdate, or with one that does not lie behind thisUpdate.
    """
    facts = crl.facts if isinstance(crl, Crl) else crl
    if facts.next_update is None or facts.next_update <= facts.this_update:
        return 0.0
    return min(1.0, max(0.0, (facts.next_update - at) / (facts.next_update - facts.this_update)))


def pem_of(crl: Crl) -> bytes:
    """The list in canonical PEM: LF, 64 columns, one final newline; the only form that ALB takes."""
    step = 3 * _PEM_LINE // 4 * _LINES_AT_ONCE
    parts = [b"-----BEGIN X509 CRL-----\n"]
    for begin in range(0, len(crl.der), step):
        text = base64.b64encode(crl.der[begin : begin + step])
        parts += [b"\n".join(text[at : at + _PEM_LINE] for at in range(0, len(text), _PEM_LINE)), b"\n"]
    return b"".join([*parts, b"-----END X509 CRL-----\n"])


def _der_of(data: bytes) -> bytes | CrlDefect:
    """One whole DER value, whatever it is."""
    der = data if data.startswith(_SEQUENCE) else _from_pem(data)
    if isinstance(der, CrlDefect):
        return der
    length = pem.der_length(der)
    if not length:
        return CrlDefect("unparsable", f"{len(der)} bytes that are no revocation list")
    excess = len(der) - length
    if excess > 0:
        return CrlDefect("trailing-garbage", f"{excess} bytes after the list")
    return CrlDefect("truncated", f"{-excess} bytes are missing") if excess < 0 else der


def _from_pem(data: bytes) -> bytes | CrlDefect:
    blocks, begun = _BLOCK.findall(data), data.count(_BEGIN)
    if not begun:
        return CrlDefect("unparsable", f"{len(data)} bytes that are no revocation list")
    if (len(blocks), begun) != (1, 1):
        return CrlDefect("bad-pem", f"{begun} PEM blocks, {len(blocks)} of them X509 CRL and whole: only one is read")
    try:
        return base64.b64decode(b"".join(blocks[0].split()), validate=True)
    except binascii.Error:
        return CrlDefect("bad-pem", f"{len(blocks[0])} bytes that are no base64, or cut short")


def _parsed(der: bytes, max_entries: int) -> Crl:
    """Parse every part, so that none can raise later."""
    raw = x509.load_der_x509_crl(der)
    parts = frame(der, max_entries)
    number = _extension(raw, x509.CRLNumber)
    if number is not None and number.crl_number >> MAX_NUMBER_BITS:
        raise ValueError("an impossible CRL number")
    issuer = canonical_of(raw.issuer)
    facts = CrlFacts(
        fingerprint=hashlib.sha256(der).hexdigest(),
        issuer=words(issuer),
        number=None if number is None else f"{number.crl_number:X}",
        this_update=raw.last_update_utc,
        next_update=raw.next_update_utc,
        entries=parts.entries,
    )
    return Crl(
        raw=raw,
        der=der,
        facts=facts,
        issuer=issuer,
        serials=packed(parts.serials),
        indirect_entry=parts.indirect,
        critical_entry=parts.critical,
        _signed=parts.signed,
    )


def _extension[T: x509.ExtensionType](raw: x509.CertificateRevocationList, kind: type[T]) -> T | None:
    try:
        return raw.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
