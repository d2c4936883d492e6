"""Revocation lists made to order: what ``cryptography`` would build, and what no library would agree to build.

The builder of ``cryptography`` copies its list at each entry, so half a million of them would take hours; lists are
assembled from DER here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from rotation_watcher.x509.crl import Crl, read
from tests.support.pki import DAY, NOW, Extra, Pair, tlv

URL = "http://crl.example.com/one.crl"
REASON = bytes.fromhex("300c300a0603551d1504030a01")
"""The extensions of an entry with a reasonCode; the reason, one octet, follows."""
_NULL_ALGORITHMS = {"md5": "04", "sha1": "05", "sha256": "0b", "sha384": "0c", "sha512": "0d"}
_EC_ALGORITHMS = {"sha1": "2a8648ce3d0401", "sha256": "2a8648ce3d040302", "sha384": "2a8648ce3d040303"}


class Entry(NamedTuple):
    """An entry: its serial number, and the DER of its extensions, empty for none."""

    serial: int
    extensions: bytes = b""


def reason(code: int) -> bytes:
    """The extensions of an entry with this reason (RFC 5280 5.3.1)."""
    return REASON + bytes([code])


def entry_extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    """The extensions of an entry with one extension."""
    return tlv(0x30, _extension(oid, value, critical=critical))


def crl_der(
    issuer: Pair,
    entries: Iterable[Entry | int] = (),
    *,
    number: int | None = 1,
    this_update: datetime = NOW - DAY,
    next_update: datetime | None = NOW + 6 * DAY,
    extra: Sequence[Extra] = (),
    aki: bool = True,
    hashed: hashes.HashAlgorithm | None = None,
    name: x509.Name | None = None,
    more: bytes = b"",
    raw: bytes | None = None,
    version: bool = True,
) -> bytes:
    """The DER of a list that ``issuer`` signs with ``hashed`` (SHA-256 unless told).

    ``name`` lies about the issuer; ``more`` is the DER of further extensions, ``raw`` what stands where the
    entries would; ``version`` False makes it a list of version 1, which may have no extensions.
    """
    hashed = hashed or hashes.SHA256()
    algorithm = _algorithm(issuer, hashed)
    extensions: list[Extra] = [*extra]
    if aki:
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False))
    if number is not None:
        extensions.append((x509.CRLNumber(number), False))
    written = more + b"".join(
        _extension(one.oid.dotted_string, one.public_bytes(), critical=critical) for one, critical in extensions
    )
    rows = b"".join(entry_der(one if isinstance(one, Entry) else Entry(one)) for one in entries if raw is None)
    tbs = b"".join(
        (
            tlv(2, b"\x01") if version else b"",
            algorithm,
            (name or issuer.raw.subject).public_bytes(),
            _time(this_update),
            _time(next_update) if next_update else b"",
            tlv(0x30, rows if raw is None else raw) if rows or raw is not None else b"",
            tlv(0xA0, tlv(0x30, written)) if written else b"",
        )
    )
    return signed(issuer, tlv(0x30, tbs), algorithm, hashed)


def crl(issuer: Pair, entries: Iterable[Entry | int] = (), **more: Any) -> Crl:
    """Such a list as the watcher reads it."""
    found = read(crl_der(issuer, entries, **more))
    assert isinstance(found, Crl), found
    return found


def signed(issuer: Pair, tbs: bytes, algorithm: bytes, hashed: hashes.HashAlgorithm) -> bytes:
    """A to-be-signed part with its signature."""
    if isinstance(issuer.key, rsa.RSAPrivateKey):
        signature = issuer.key.sign(tbs, padding.PKCS1v15(), hashed)
    elif isinstance(issuer.key, ec.EllipticCurvePrivateKey):
        signature = issuer.key.sign(tbs, ec.ECDSA(hashed))
    else:
        signature = issuer.key.sign(tbs)
    return tlv(0x30, tbs + algorithm + tlv(3, b"\0" + signature))


def issuing_point(
    url: str | None = None,
    *,
    user: bool = False,
    ca: bool = False,
    attribute: bool = False,
    indirect: bool = False,
    some: frozenset[x509.ReasonFlags] | None = None,
) -> Extra:
    """A critical issuing distribution point."""
    names = [x509.UniformResourceIdentifier(url)] if url else None
    return x509.IssuingDistributionPoint(names, None, user, ca, some, indirect, attribute), True


def integer(value: int) -> bytes:
    """The content of a DER INTEGER."""
    length = ((value if value >= 0 else ~value).bit_length() // 8) + 1
    return value.to_bytes(length, signed=True)


def entry_der(entry: Entry) -> bytes:
    """One revoked certificate."""
    return tlv(0x30, tlv(2, integer(entry.serial)) + tlv(0x17, b"250101000000Z") + entry.extensions)


def _algorithm(issuer: Pair, hashed: hashes.HashAlgorithm) -> bytes:
    if isinstance(issuer.key, rsa.RSAPrivateKey):
        oid = bytes.fromhex("2a864886f70d0101" + _NULL_ALGORITHMS[hashed.name])
        return tlv(0x30, tlv(6, oid) + b"\x05\0")
    if isinstance(issuer.key, ec.EllipticCurvePrivateKey):
        return tlv(0x30, tlv(6, bytes.fromhex(_EC_ALGORITHMS[hashed.name])))
    return tlv(0x30, tlv(6, bytes.fromhex("2b6570")))


def _extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    return tlv(0x30, _oid(oid) + (b"\x01\x01\xff" if critical else b"") + tlv(4, value))


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    octets = bytearray()
    for part in (40 * first + second, *rest):
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(part & 0x7F | 0x80)
        octets += bytes(reversed(groups))
    return tlv(6, bytes(octets))


def _time(moment: datetime) -> bytes:
    if moment.year < 2050:
        return tlv(0x17, f"{moment:%y%m%d%H%M%SZ}".encode())
    return tlv(0x18, f"{moment:%Y%m%d%H%M%SZ}".encode())
