r"""PEM armour: finding the CERTIFICATE blocks of a text, whatever surrounds them, and writing them canonically.

``cryptography``'s own PEM reader skips a PRIVATE KEY block without a word, and takes neither literal ``\n`` escapes nor
blanks inside a marker; both matter here, so the walk over the markers is ours. It is linear: each pattern below can
start only where a run of dashes does, and never gives back what it took (possessive quantifiers), so that a megabyte of
half a marker costs no more than a megabyte of anything else. A defect never repeats the text it is about.
"""

import base64
import binascii
import codecs
import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

MAX_DEFECTS = 10
"""The most defects that are told apart for one text; a further one counts the rest."""

_MARKER = re.compile(r"-----\s*+(BEGIN|END)\s++((?:[A-Z0-9]++\s*+){1,8}+)-----")
_ALMOST = re.compile(r"(?<!-)-{2,}+\s*+(begin|end)\b", re.IGNORECASE)
_LABEL_LENGTH = 40
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings that they announce."""


class Defect(msgspec.Struct, frozen=True):
    """Something wrong in a text: a stable code, and a few words that never hold the text itself.

    Codes: ``too-large``, ``too-many``, ``no-certificate``, ``bad-marker``, ``unterminated``, ``private-key``,
    ``not-a-certificate``, ``bad-base64``, ``truncated``, ``trailing-garbage``, ``unparsable``, ``more-defects``.
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
    """What every CERTIFICATE block holds, decoded and in order, and what was wrong with the rest.

    What stands between blocks is passed over. Nothing raises.
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
    lines = _Lines(text)
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


class _Lines:
    """The numbers of lines, whether they end in LF, CR LF or CR alone."""

    def __init__(self, text: str) -> None:
        self._ends = [end.end() for end in re.finditer(r"\r\n|\r|\n", text)]

    def of(self, place: int) -> int:
        """The line (from 1) that a place in the text lies in."""
        return bisect_right(self._ends, place) + 1


def plain_base64(body: str) -> bytes | None:
    """What a block's body holds, where it is plain base64 and nothing else, as every engine reads it; else None."""
    decoded = _decode(body)
    return None if isinstance(decoded, Defect) else decoded


def der_of(text: str) -> bytes:
    """What a block's text holds, read as leniently as any engine might: headers, labels, alphabet, padding. Or b"".

    For recognising a certificate that an engine may read, never for trusting it.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith(("-----", "#")) and ":" not in line]
    packed = "".join("".join(lines).split()).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4))
    except (binascii.Error, ValueError):
        return b""


def shape(der: bytes) -> Defect | None:
    """What is wrong with the length of a DER value, compared with what its first bytes say; None if nothing is."""
    excess = len(der) - der_length(der)
    if excess > 0:
        return Defect("trailing-garbage", f"{excess} bytes after the certificate")
    return Defect("truncated", f"{-excess} bytes are missing") if excess < 0 else None


def der_length(der: bytes) -> int:
    """How long the outermost DER value says it is, its header included; 0 where there is no sensible header."""
    header, long_form, most_octets = 2, 0x80, 4
    if len(der) < header:
        return 0
    if der[1] < long_form:
        return header + der[1]
    octets = der[1] - long_form
    return header + octets + int.from_bytes(der[header : header + octets]) if 0 < octets <= most_octets else 0


def armour(der: bytes) -> str:
    """A CERTIFICATE block in canonical form: LF, 64 columns, one final newline, no blank line."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def distinct(defects: Iterable[Defect]) -> tuple[Defect, ...]:
    """Each defect once, a private key first, and no more of them than a person reads."""
    once = sorted(dict.fromkeys(defects), key=lambda defect: defect.code != "private-key")
    rest = len(once) - MAX_DEFECTS
    return (*once[:MAX_DEFECTS], *([Defect("more-defects", f"{rest} more defects")] if rest > 0 else []))


def _almost_markers(text: str, known: set[int], lines: _Lines) -> list[Found]:
    """Markers that are none: too few dashes, lower case, no end. What follows them must not pass for a comment."""
    found = []
    for almost in _ALMOST.finditer(text):
        if almost.start(1) in known:
            continue
        defect = Defect("bad-marker", "a BEGIN or END line that is malformed")
        if "private key" in " ".join(text[almost.end() : almost.end() + 2 * _LABEL_LENGTH].lower().split()):
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
