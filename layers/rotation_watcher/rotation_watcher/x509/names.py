"""Names as TLS engines compare them, read from DER that ``cryptography`` may refuse as a whole.

OpenSSL, BoringSSL and Java compare names by a canonical form (RFC 5280 7.1, ``x509_name_canon`` of OpenSSL): the type
of string is ignored, and so are the case of ASCII letters and extra white space. ``cryptography``
compares the encoded values, so that an issuer written as UTF8String is no match for a subject in PrintableString.

The DER reader finds the issuer and the subject of a certificate, and nothing else.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cryptography import x509

type Name = tuple[tuple[tuple[bytes, object], ...], ...]
"""A canonical name: its relative distinguished names in order, each a sorted tuple of (type, value)."""

_SEQUENCE, _SET, _INTEGER, _OID, _VERSION = 0x30, 0x31, 0x02, 0x06, 0xA0
_LONG_FORM = 0x80
_MOST_LENGTH_OCTETS = 4
_STRINGS = {
    0x0C: "utf-8",
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # T61String, as OpenSSL reads it
    0x16: "latin-1",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
"""The string types that are compared as text, by DER tag, and their encodings; other values are compared as bytes."""
_NOT_IN_NAMES = {0x01, 0x02, 0x04, 0x05, 0x06, 0x17, 0x18, 0x1A, 0x31}
"""Tags that make OpenSSL refuse a whole certificate if they stand in a name (ASN1_PRINTABLE), VisibleString among them.

``cryptography`` reads some of them.
"""
_SHORT = {b"\x55\x04\x03": "CN", b"\x55\x04\x06": "C", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU"}


class Names(NamedTuple):
    """The canonical issuer and subject of a certificate."""

    issuer: Name
    subject: Name


class Value(NamedTuple):
    """One DER value: its tag, what it holds, and all of it as it stands."""

    tag: int
    content: bytes
    whole: bytes


def names_of(der: bytes) -> Names | None:
    """The names in a certificate's DER, or None if it does not have the structure of one. Never raises."""
    try:
        outer = first(der)
        if outer.tag != _SEQUENCE:
            return None
        signed = first(outer.content)
        parts = [part for part in values(signed.content) if part.tag != _VERSION]
        serial, _algorithm, issuer, _validity, subject, *_ = parts
        if signed.tag != _SEQUENCE or serial.tag != _INTEGER or {issuer.tag, subject.tag} != {_SEQUENCE}:
            return None
        return Names(canonical(issuer.content), canonical(subject.content))
    except ValueError:
        return None


def canonical(content: bytes) -> Name:
    """The canonical form of a name; ``content`` is the content of its outermost SEQUENCE. Raises ValueError."""
    relatives = []
    for relative in values(content):
        pairs: list[tuple[bytes, object]] = []
        for pair in values(relative.content):
            kind, value, *_ = values(pair.content)
            pairs.append((kind.content, _comparable(value)))
        relatives.append(tuple(sorted(pairs, key=repr)))
    return tuple(relatives)


def canonical_of(name: x509.Name) -> Name:
    """The canonical form of a name that ``cryptography`` has parsed."""
    return canonical(first(name.public_bytes()).content)


def words(name: Name) -> str:
    """The name for people, such as ``O=tests, CN=root``: lower case, 200 characters at most. May hold hostile text."""
    pairs = [pair for relative in name for pair in relative]
    return ", ".join(f"{_SHORT.get(kind, kind.hex())}={value}" for kind, value in pairs)[:200] or "(empty name)"


def _comparable(value: Value) -> object:
    if value.tag in _NOT_IN_NAMES:
        raise ValueError("a value that no name may hold")
    encoding = _STRINGS.get(value.tag)
    if encoding is None:
        return (value.tag, value.content)
    text = value.content.decode(encoding, "replace")
    return " ".join(text.split()).translate(_LOWER)


_LOWER = {ord(upper): ord(upper) + 32 for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def first(data: bytes) -> Value:
    """The first of consecutive DER values. Raises ValueError if there is none.

    A bare ``next`` raises StopIteration, which becomes a RuntimeError inside a generator (PEP 479).
    """
    for value in values(data):
        return value
    raise ValueError("nothing where a value should be")


def values(data: bytes) -> Iterator[Value]:
    """The consecutive DER values. Raises ValueError if a length exceeds the data."""
    at = 0
    while at < len(data):
        if len(data) - at < 2:  # noqa: PLR2004  # a tag and a length
            raise ValueError("cut short")
        begin, tag, length = at, data[at], data[at + 1]
        at += 2
        if length >= _LONG_FORM:
            octets = length - _LONG_FORM
            if not 0 < octets <= _MOST_LENGTH_OCTETS or at + octets > len(data):
                raise ValueError("no sensible length")
            length = int.from_bytes(data[at : at + octets])
            at += octets
        if at + length > len(data):
            raise ValueError("longer than what holds it")
        yield Value(tag, data[at : at + length], data[begin : at + length])
        at += length
