"""What a certificate says of itself, read from DER that ``cryptography`` refuses and OpenSSL and the services take.

Such are T61 strings, ``&`` in a PrintableString, ECDSA with NULL parameters and negative serial numbers. The reader is
for carrying a CA of the operator's on, and for naming it to people; nobody is ever trusted by it.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.names import Value, first, names_of, values, words

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)
"""Stands in the facts of a certificate whose validity cannot be read."""

_SEQUENCE, _BOOLEAN, _VERSION, _EXTENSIONS = 0x30, 0x01, 0xA0, 0xA3
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"
_CENTURY = 50
_HASHES = {
    "2a864886f70d010104": "md5",
    "2a864886f70d010105": "sha1",
    "2a864886f70d01010b": "sha256",
    "2a864886f70d01010c": "sha384",
    "2a864886f70d01010d": "sha512",
    "2a8648ce3d0401": "sha1",
    "2a8648ce3d040301": "sha224",
    "2a8648ce3d040302": "sha256",
    "2a8648ce3d040303": "sha384",
    "2a8648ce3d040304": "sha512",
}
"""What was signed, by the object identifier of the signature's algorithm (RFC 8017, RFC 5758)."""


class Outline(msgspec.Struct, frozen=True):
    """The outline of a certificate.

    ``is_ca``: an extension basicConstraints says CA:TRUE, and none says otherwise. ``spki`` is the DER of its key,
    ``signature_hash`` the hash that was signed, ``unknown`` where the algorithm is not one that the services take.
    """

    facts: CertificateFacts
    is_ca: bool
    spki: bytes
    signature_hash: str


def outline_of(der: bytes) -> Outline | None:
    """The outline, or None where the DER is no certificate or its validity cannot be read. Never raises."""
    try:
        names = names_of(der)
        whole, *behind = values(der)
        signed, algorithm, _signature = values(whole.content)
        serial, _algorithm, _issuer, validity, _subject, key, *rest = (
            part for part in values(signed.content) if part.tag != _VERSION
        )
        begin, end = (_moment(one) for one in values(validity.content))
        if names is None or behind or key.tag != _SEQUENCE:
            return None
        facts = CertificateFacts(
            fingerprint=hashlib.sha256(der).hexdigest(),
            spki_sha256=hashlib.sha256(key.whole).hexdigest(),
            subject=words(names.subject),
            issuer=words(names.issuer),
            serial=f"{int.from_bytes(serial.content, signed=True):X}",
            names=(),
            not_before=begin,
            not_after=end,
        )
        return Outline(facts, _is_ca(rest), key.whole, _HASHES.get(first(algorithm.content).content.hex(), "unknown"))
    except ValueError:
        return None


def bare_facts(fingerprint: str, der: bytes) -> CertificateFacts:
    """What is known of a block that we cannot parse: at the least its fingerprint."""
    outline = outline_of(der)
    if outline is not None:
        return outline.facts
    names = names_of(der)
    return CertificateFacts(
        fingerprint=fingerprint,
        spki_sha256="",
        subject=words(names.subject) if names else "(cannot be read)",
        issuer=words(names.issuer) if names else "",
        serial="",
        names=(),
        not_before=UNKNOWN_TIME,
        not_after=UNKNOWN_TIME,
    )


def _is_ca(parts: list[Value]) -> bool:
    constraints = [value for kind, value in _extensions(parts) if kind == _BASIC_CONSTRAINTS]
    return bool(constraints) and all(
        any(one.tag == _BOOLEAN and one.content not in {b"", b"\0"} for one in values(first(each).content))
        for each in constraints
    )


def _extensions(parts: list[Value]) -> Iterator[tuple[bytes, bytes]]:
    """The object identifier and the value of each extension."""
    for part in parts:
        if part.tag != _EXTENSIONS:
            continue
        for extension in values(first(part.content).content):
            kind, *_critical, value = values(extension.content)
            yield kind.content, value.content


def _moment(value: Value) -> datetime:
    """A UTCTime or GeneralizedTime as RFC 5280 writes it. Raises ValueError."""
    text = value.content.decode("ascii")
    if value.tag == _UTC_TIME:
        text = f"{19 if int(text[:2]) >= _CENTURY else 20}{text}"
    elif value.tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
