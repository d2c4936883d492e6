"""The parts of a certificate revocation list that ``cryptography`` gives too slowly, or not as they stand.

The library encodes the signed part anew whenever it is asked for it (0.6 s for 25 MB) and makes an object of each entry
(1.2 µs). This reader keeps offsets into the DER, takes the signed bytes as the issuer wrote them, and walks the entries
once. It knows nothing but the frame (RFC 5280 5.1); names, times and extensions are the library's.
"""

import msgspec

from rotation_watcher.x509.names import values
from rotation_watcher.x509.serials import MAX_WIDTH

_SEQUENCE, _INTEGER, _BOOLEAN, _EXTENSIONS, _BIT_STRING = 0x30, 0x02, 0x01, 0xA0, 0x03
_TIMES = frozenset({0x17, 0x18})
_LONG_FORM = 0x80
_MOST_LENGTH_OCTETS = 4
_REASON_CODE, _CERTIFICATE_ISSUER = b"\x55\x1d\x15", b"\x55\x1d\x1d"
_REMOVE_FROM_CRL = b"\x0a\x01\x08"
_MOST_REMEMBERED = 1000
_SHORTEST = 7
"""The octets of the shortest entry: its header, a serial number of one octet, the header of its date."""


class TooMany(ValueError):
    """More entries than are read."""


class Frame(msgspec.Struct, frozen=True):
    """A list taken apart.

    ``signed`` is where the to-be-signed part lies; ``serials`` are the contents of the DER INTEGERs of the entries that
    revoke, in their order; ``entries`` counts all entries. ``indirect``: some entry names a certificate issuer of its
    own. ``critical``: some entry has a critical extension.
    """

    signed: slice
    serials: list[bytes]
    entries: int
    indirect: bool
    critical: bool


class _Entry(msgspec.Struct, frozen=True):
    """What the extensions of an entry say."""

    revokes: bool
    indirect: bool
    critical: bool


def frame(der: bytes, max_entries: int) -> Frame:
    """Take a list apart. Raises ValueError where the DER has another structure, TooMany for too many entries."""
    begin, end = _expect(der, 0, len(der), _SEQUENCE)
    inside, signed_end = _expect(der, begin, end, _SEQUENCE)
    _, outer_end = _expect(der, signed_end, end, _SEQUENCE)
    _, signature_end = _expect(der, outer_end, end, _BIT_STRING)
    if end != len(der) or signature_end != end:
        raise ValueError("something behind the signature")
    at = inside
    if at < signed_end and der[at] == _INTEGER:
        at = _expect(der, at, signed_end, _INTEGER)[1]
    inner = at
    at = _expect(der, at, signed_end, _SEQUENCE)[1]
    if der[inner:at] != der[signed_end:outer_end]:
        raise ValueError("two different signature algorithms")  # RFC 5280 5.1.1.2
    at = _expect(der, at, signed_end, _SEQUENCE)[1]
    first, last, at = _list(der, at, signed_end)
    if at != signed_end:
        at = _expect(der, at, signed_end, _EXTENSIONS)[1]
    if at != signed_end:
        raise ValueError("something behind the extensions")
    return Frame(slice(begin, signed_end), *_walked(der, first, last, max_entries))


def _list(der: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Where the entries begin and end, and where what follows them begins; ``at`` is where thisUpdate begins."""
    times = 0
    while at < end and der[at] in _TIMES:
        times += 1
        at = _span(der, at, end)[1]
    if times not in {1, 2}:
        raise ValueError("no thisUpdate")
    if at < end and der[at] == _SEQUENCE:
        first, last = _span(der, at, end)
        return first, last, last
    return at, at, at


def _walked(der: bytes, at: int, end: int, max_entries: int) -> tuple[list[bytes], int, bool, bool]:
    """Read the entries between two offsets. What every usual entry takes is written out: a call costs a third of it."""
    serials: list[bytes] = []
    remembered: dict[bytes, _Entry] = {}
    entries, indirect, critical = 0, False, False
    while at < end:
        entries += 1
        if entries > max_entries:
            raise TooMany
        if at + _SHORTEST > end or der[at] != _SEQUENCE:
            raise ValueError("no entry")
        length = der[at + 1]
        begin, after = (at + 2, at + 2 + length) if length < _LONG_FORM else _span(der, at, end)
        number = begin + 2
        date = number + der[begin + 1]
        if der[begin] != _INTEGER or not 0 < date - number <= MAX_WIDTH:
            raise ValueError("no serial number, or one of impossible length")
        if after > end or date + 2 > after or der[date] not in _TIMES:
            raise ValueError("an entry without its date, or longer than what holds it")
        extensions = date + 2 + der[date + 1]
        revokes = True
        if extensions != after:
            text = der[extensions:after]
            entry = remembered.get(text)
            if entry is None:
                entry = _read(text)
                if len(remembered) < _MOST_REMEMBERED:
                    remembered[text] = entry
            revokes = entry.revokes
            indirect |= entry.indirect
            critical |= entry.critical
        if revokes:
            serials.append(der[number:date])
        at = after
    return serials, entries, indirect, critical


def _read(text: bytes) -> _Entry:
    """What the extensions of one entry say (RFC 5280 5.3)."""
    whole, *behind = values(text)
    if whole.tag != _SEQUENCE or behind:
        raise ValueError("no extensions of an entry")
    revokes, indirect, critical = True, False, False
    for extension in values(whole.content):
        kind, *flags, value = values(extension.content)
        critical |= any(flag.tag == _BOOLEAN and flag.content != b"\0" for flag in flags)
        indirect |= kind.content == _CERTIFICATE_ISSUER
        revokes &= not (kind.content == _REASON_CODE and value.content == _REMOVE_FROM_CRL)
    return _Entry(revokes, indirect, critical)


def _expect(der: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the value at an offset begins and ends. Raises ValueError if it has another tag."""
    if at >= end or der[at] != tag:
        raise ValueError("another structure")
    return _span(der, at, end)


def _span(der: bytes, at: int, end: int) -> tuple[int, int]:
    """The same for a value of any tag. Raises ValueError if it exceeds ``end``."""
    begin = at + 2
    if begin > end:
        raise ValueError("cut short")
    length = der[at + 1]
    if length >= _LONG_FORM:
        octets = length - _LONG_FORM
        begin += octets
        if not 0 < octets <= _MOST_LENGTH_OCTETS or begin > end:
            raise ValueError("no sensible length")
        length = int.from_bytes(der[at + 2 : begin])
    if begin + length > end:
        raise ValueError("longer than what holds it")
    return begin, begin + length
