r"""PEM: find the CERTIFICATE blocks of a text, whatever surrounds them, and write blocks in canonical form.

``cryptography``'s PEM reader skips a PRIVATE KEY block silently, and accepts neither literal ``\n`` escapes nor blanks
inside a marker; both matter here, so this module parses the markers itself. That takes linear time: each pattern can
start only at a run of dashes and never backtracks (possessive quantifiers), so a megabyte of half markers costs no more
than any other megabyte. A defect never quotes the text.
"""

import base64
import binascii
import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import msgspec

MAX_DEFECTS = 10
"""The most defects that are listed for one text; one more counts the rest."""

_MARKER = re.compile(r"-----\s*+(BEGIN|END)\s++((?:[A-Z0-9]++\s*+){1,8}+)-----")
_ALMOST = re.compile(r"-(?<!--)-++\s*+(begin|end)\b", re.IGNORECASE)  # the first dash of two or more: quick to find
_UNDASHED = re.compile(
    r"(?<![^\n\r])(?:(?![#;/])[^\w\n\r])*+"  # a line begins, and it is no comment
    r"(begin|end)[ \t]++(?:[A-Z0-9]++[ \t]++){0,3}?(?:CERTIFICATE|KEY|CRL|PKCS7)[^\w\n\r]*+(?=[\r\n]|\Z)",
    re.IGNORECASE,
)
"""A marker whose dashes an editor has replaced (by a long one, or hyphens of another kind) or that has lost them."""
_LABEL_LENGTH = 40
_BEGIN, _END, _COLUMNS = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n", 64
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings that they announce."""


class Defect(msgspec.Struct, frozen=True):
    """Something wrong in a text: a stable code, and a detail for people that never quotes the text.

    Codes: ``too-large``, ``too-many``, ``no-certificate``, ``bad-marker``, ``unterminated``, ``private-key``,
    ``not-a-certificate``, ``bad-base64``, ``truncated``, ``trailing-garbage``, ``unparsable``, ``costly-key``,
    ``unusual-form``, ``refused-whole``, ``more-defects``.
    """

    code: str
    detail: str


class Found(NamedTuple):
    """What stands at a line (from 1): what a CERTIFICATE block holds, decoded; or a defect."""

    line: int
    content: bytes | Defect


def text_of(data: bytes) -> str:
    """A file's text, with whatever byte order mark and encoding Windows has saved it. Nothing raises."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def blocks(text: str) -> tuple[list[bytes], list[Defect]]:
    """The decoded content of every CERTIFICATE block, in order, and the defects of the text.

    Text between blocks is ignored. Never raises.
    """
    found = walk(text)
    return (
        [one.content for one in found if isinstance(one.content, bytes)],
        [one.content for one in found if isinstance(one.content, Defect)],
    )


def walk(text: str) -> list[Found]:
    """The same with the lines on which blocks begin and defects stand; malformed markers first. Nothing raises."""
    opened: tuple[str, int, int] | None = None
    markers = list(_MARKER.finditer(text))
    lines = Lines(text)
    found = _almost_markers(text, {marker.start(1) for marker in markers}, lines)
    for marker in markers:
        label, line = " ".join(marker[2].split()), lines.of(marker.start())
        if marker[1] == "BEGIN":
            if opened:
                found.append(Found(opened[2], Defect("unterminated", "a block begins inside another one")))
            found += [Found(line, defect) for defect in _foreign(label)]
            opened = label, marker.end(), line
            continue
        if opened is None or opened[0] != label:
            found.append(Found(line, Defect("unterminated", "an END marker without its BEGIN")))
        elif label == "CERTIFICATE":
            found.append(Found(opened[2], _decode(text[opened[1] : marker.start()])))
        opened = None
    if opened:
        found.append(Found(opened[2], Defect("unterminated", "the last block has no END marker")))
    return found


class Lines:
    """The numbers of lines, whether they end in LF, CR LF or CR alone. Counted when the first is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _ends(self) -> list[int]:
        if "\r" in self._text:
            return [end.end() for end in re.finditer(r"\r\n|\r|\n", self._text)]
        return [*accumulate(len(line) + 1 for line in self._text.split("\n"))]

    def of(self, place: int) -> int:
        """The line (from 1) that a place in the text lies in."""
        return bisect_right(self._ends, place) + 1


def plain_base64(body: str) -> bytes | None:
    """The decoded body of a block if it is plain base64, as every engine reads it; else None."""
    decoded = _decode(body)
    return None if isinstance(decoded, Defect) else decoded


def der_of(text: str) -> bytes:
    """The DER of a block's text, decoded as leniently as any engine might (headers, labels, alphabet, padding), or b"".

    Only for recognising a certificate that some engine may read, never for trusting it.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith(("-----", "#")) and ":" not in line]
    packed = "".join("".join(lines).split()).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4))
    except (binascii.Error, ValueError):
        return b""


def shape(der: bytes) -> Defect | None:
    """The defect of a DER value whose length differs from the one in its header; None if they are equal."""
    excess = len(der) - der_length(der)
    if excess > 0:
        return Defect("trailing-garbage", f"{excess} bytes after the certificate")
    return Defect("truncated", f"{-excess} bytes are missing") if excess < 0 else None


def der_length(der: bytes) -> int:
    """The length in bytes of the outermost DER value by its header, header included; 0 for an invalid header."""
    header, long_form, most_octets = 2, 0x80, 4
    if len(der) < header:
        return 0
    if der[1] < long_form:
        return header + der[1]
    octets = der[1] - long_form
    return header + octets + int.from_bytes(der[header : header + octets]) if 0 < octets <= most_octets else 0


def armour(der: bytes) -> str:
    """A CERTIFICATE block in canonical form: LF, 64 columns, one final newline, no blank line."""
    body = base64.b64encode(der).decode()
    return f"{_BEGIN}{'\n'.join([body[at : at + _COLUMNS] for at in range(0, len(body), _COLUMNS)])}{_END}"


def canonical_at(text: str, place: int, longest: int) -> tuple[str, bytes] | None:
    """The block at a place and what it holds, if it is written exactly as ``armour`` writes it; else None.

    ``longest``: of a longer block, in characters, nothing is said either: that bounds the search for its end.
    """
    begin, end = place + len(_BEGIN), text.find(_END, place, place + longest)
    if end <= begin or not text.startswith(_BEGIN, place):
        return None
    body = text[begin:end]
    packed = body.replace("\n", "")
    try:
        der = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None
    breaks = (len(packed) - 1) // _COLUMNS
    whole_lines = len(body) == len(packed) + breaks and body[_COLUMNS :: _COLUMNS + 1] == "\n" * breaks
    return (text[place : end + len(_END)], der) if whole_lines and base64.b64encode(der).decode() == packed else None


def distinct(defects: Iterable[Defect]) -> tuple[Defect, ...]:
    """Each defect once, private keys first, at most MAX_DEFECTS and a count of the rest."""
    once = sorted(dict.fromkeys(defects), key=lambda defect: defect.code != "private-key")
    rest = len(once) - MAX_DEFECTS
    return (*once[:MAX_DEFECTS], *([Defect("more-defects", f"{rest} more defects")] if rest > 0 else []))


def _almost_markers(text: str, known: set[int], lines: Lines) -> list[Found]:
    """Malformed markers: too few or other dashes, lower case, no end. What follows must not count as a comment."""
    found = []
    almost_all = {almost.start(1): almost for almost in (*_ALMOST.finditer(text), *_UNDASHED.finditer(text))}
    for almost in (almost_all[place] for place in sorted(almost_all.keys() - known)):
        defect = Defect("bad-marker", "a BEGIN or END line that is malformed")
        if "private key" in " ".join(text[almost.end(1) : almost.end(1) + 2 * _LABEL_LENGTH].lower().split()):
            defect = Defect("private-key", "a broken marker of a private key: replace it wherever it came from")
        found.append(Found(lines.of(almost.start()), defect))
    return found


def _foreign(label: str) -> list[Defect]:
    if "PRIVATE KEY" in label:
        return [Defect("private-key", f"a block {label[:_LABEL_LENGTH]}: replace the key wherever it came from")]
    return [] if label == "CERTIFICATE" else [Defect("not-a-certificate", f"a block {label[:_LABEL_LENGTH]}")]


def _decode(body: str) -> bytes | Defect:
    packed = "".join(body.split())
    try:
        der = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return Defect("bad-base64", f"{len(packed)} characters that are no base64, or cut short")
    return der or Defect("bad-base64", "an empty block")
