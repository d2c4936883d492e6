"""Names as TLS engines compare them, read from DER that ``cryptography`` may refuse as a whole.

OpenSSL, BoringSSL and Java compare names by a canonical form (RFC 5280 7.1, ``x509_name_canon`` of OpenSSL): the type
of string is ignored, and so are the case of ASCII letters and extra white space. ``cryptography``
compares the encoded values, so that an issuer written as UTF8String is no match for a subject in PrintableString.

The DER reader finds the issuer, the subject and the key of a certificate, and nothing else.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

type Name = tuple[tuple[tuple[bytes, object], ...], ...]
"""A canonical name: its relative distinguished names in order, each a sorted tuple of (type, value)."""

type _Span = tuple[int, int, int]
"""A value that is not copied: its tag, and where in the data its content begins and ends."""

_SEQUENCE, _SET, _INTEGER, _OID, _VERSION = 0x30, 0x31, 0x02, 0x06, 0xA0
_NAMES = (_SEQUENCE, _SEQUENCE, _INTEGER, _SEQUENCE, _SEQUENCE)
"""The tags of a certificate, its signed part, its serial number, its issuer and its subject."""
_KEY = 5
"""The place of the key in a certificate's signed part, the version left out."""
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
    """The canonical issuer and subject of a certificate: one object where both are the same bytes."""

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
        outer, signed, (serial, _algorithm, issuer, _validity, subject, *_) = _parts(der)
        if (outer, signed, serial[0], issuer[0], subject[0]) != _NAMES:
            return None
        issued, held = der[issuer[1] : issuer[2]], der[subject[1] : subject[2]]
        issuing = canonical(issued)
        return Names(issuing, issuing if held == issued else canonical(held))
    except ValueError:
        return None


def key_of(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo in a certificate's DER as it stands there. Raises ValueError if there is none.

    The library writes a key anew in its own way: a point uncompressed, a curve by its name, an RSA key as one for any
    padding. Who compares keys by their digest has the certificate alone.
    """
    _outer, _signed, parts = _parts(der)
    if len(parts) <= _KEY or parts[_KEY][0] != _SEQUENCE:
        raise ValueError("no key")
    return der[parts[_KEY - 1][2] : parts[_KEY][2]]


@lru_cache(1)  # a certificate's names and its key are asked for one after the other
def _parts(der: bytes) -> tuple[int, int, list[_Span]]:
    """The tags of a certificate and of its signed part, and what that holds behind its version. Raises ValueError."""
    outer, begin, end = _span(der, 0, len(der))
    signed, begin, end = _span(der, begin, end)
    return outer, signed, [part for part in _spans(der, begin, end) if part[0] != _VERSION]


def canonical(content: bytes) -> Name:
    """The canonical form of a name; ``content`` is the content of its outermost SEQUENCE. Raises ValueError."""
    relatives = []
    for _, begin, end in _spans(content, 0, len(content)):
        pairs: list[tuple[bytes, object]] = []
        for _, first_part, last_part in _spans(content, begin, end):
            kind, value, *_ = _spans(content, first_part, last_part)
            pairs.append((content[kind[1] : kind[2]], _comparable(value[0], content[value[1] : value[2]])))
        relatives.append(tuple(sorted(pairs, key=repr) if len(pairs) > 1 else pairs))
    return tuple(relatives)


def canonical_of(name: x509.Name) -> Name:
    """The canonical form of a name that ``cryptography`` has parsed."""
    return canonical(first(name.public_bytes()).content)


def words(name: Name) -> str:
    """The name for people, such as ``O=tests, CN=root``: lower case, 200 characters at most. May hold hostile text."""
    pairs = [pair for relative in name for pair in relative]
    return ", ".join(f"{_SHORT.get(kind, kind.hex())}={value}" for kind, value in pairs)[:200] or "(empty name)"


def lower(text: str) -> str:
    """The text with the capitals of ASCII in lower case, as engines and DNS compare names.

    ``str.lower`` makes an ASCII ``k`` of the Kelvin sign too: who bears that would be taken for somebody else.
    """
    return text.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


def normal(name: str) -> str:
    """A DNS name as it is compared: without the case of ASCII letters, and without a final dot."""
    return lower(name).removesuffix(".")


def _comparable(tag: int, content: bytes) -> object:
    if tag in _NOT_IN_NAMES:
        raise ValueError("a value that no name may hold")
    encoding = _STRINGS.get(tag)
    if encoding is None:
        return (tag, content)
    # As bytes: blanks and capitals are those of ASCII alone. Of a text ``split`` would take a no-break space for one.
    return b" ".join(content.decode(encoding, "replace").encode().split()).lower().decode()


def first(data: bytes) -> Value:
    """The first of consecutive DER values. Raises ValueError if there is none.

    A bare ``next`` raises StopIteration, which becomes a RuntimeError inside a generator (PEP 479).
    """
    value = next(values(data), None)
    if value is None:
        raise ValueError("nothing where a value should be")
    return value


def values(data: bytes) -> Iterator[Value]:
    """The consecutive DER values. Raises ValueError if a length exceeds the data."""
    at = 0
    while at < len(data):
        tag, begin, end = _span(data, at, len(data))
        yield Value(tag, data[begin:end], data[at:end])
        at = end


def _spans(data: bytes, at: int, end: int) -> list[_Span]:
    """The consecutive values between two places. Raises ValueError as ``values`` does."""
    found = []
    while at < end:
        span = _span(data, at, end)
        found.append(span)
        at = span[2]
    return found


def _span(data: bytes, at: int, end: int) -> _Span:
    """The value that begins at a place, inside of what ends at another."""
    if end - at < 2:  # noqa: PLR2004  # a tag and a length
        raise ValueError("cut short")
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= _LONG_FORM:
        octets = length - _LONG_FORM
        if not 0 < octets <= _MOST_LENGTH_OCTETS or at + octets > end:
            raise ValueError("no sensible length")
        length = int.from_bytes(data[at : at + octets])
        at += octets
    if at + length > end:
        raise ValueError("longer than what holds it")
    return tag, at, at + length
