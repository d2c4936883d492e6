"""Text for pictures: how wide it is, and where its lines break.

No font is read. Widths are those of Helvetica (Adobe's AFM files), which Arial and Liberation Sans share, and 0.6 of
the size for fixed-width text. Whoever shows the picture with another font is told each text's width (``textLength``),
so that nothing overlaps or runs out of its frame.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_BY_WIDTH = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;I[\\]ft",
    333: "()-`r{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jcksvxyz",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1015: "@",
}
_WIDTHS = {sign: width / 1000 for width, signs in _BY_WIDTH.items() for sign in signs}
_OTHER, _WIDE, _FIXED, _BADGE = 0.556, 1.0, 0.6, 1.4
"""Of the size: any other character, one that East Asian fonts draw square, one of fixed width, a badge."""
_BOLD = 1.07
"""By how much bold text is wider."""
_SPAN = 3
"""Pixels on each side of a code span."""
_PARTS = re.compile(r"\n| +|[^ \n]+")


class Style(NamedTuple):
    """How text looks. ``size`` in pixels; ``tone`` is a class of the picture's style sheet.

    A ``badge`` is a single sign on a disc of its tone.
    """

    size: int
    tone: str = "text"
    bold: bool = False
    fixed: bool = False
    badge: bool = False


class Run(NamedTuple):
    """Text in one style; a line break in it is one."""

    text: str
    style: Style


class Piece(NamedTuple):
    """A run, or a part of one, in its place: ``x`` and ``width`` in pixels."""

    text: str
    style: Style
    x: float
    width: float


type Line = tuple[Piece, ...]


def width(text: str, style: Style) -> float:
    """Pixels from the beginning to the end of the text."""
    if style.badge:
        return style.size * _BADGE
    ems = sum(_FIXED if style.fixed else _WIDTHS.get(sign, _OTHER) for sign in text)
    ems += sum(_WIDE - _OTHER for sign in text if unicodedata.east_asian_width(sign) in {"W", "F"})
    return ems * style.size * (_BOLD if style.bold and not style.fixed else 1)


def lines(runs: Iterable[Run], longest: float) -> list[Line]:
    """The runs one after another, in lines of at most so many pixels. A word too long for a line is broken."""
    done: list[list[Piece]] = [[]]
    for run in runs:
        for part in _PARTS.findall(run.text):
            if part == "\n":
                done.append([])
            elif not part.isspace():
                _put_word(done, part, run.style, longest)
            elif done[-1]:
                _put(done[-1], part, run.style)
    return [_merged(line) for line in done]


def _put_word(done: list[list[Piece]], word: str, style: Style, longest: float) -> None:
    if done[-1] and _next(done[-1], style) + width(word, style) > longest:
        done.append([])
    while word:
        fits = next((end for end in range(len(word), 1, -1) if width(word[:end], style) <= longest), 1)
        _put(done[-1], word[:fits], style)
        word = word[fits:]
        if word:
            done.append([])


def _put(line: list[Piece], text: str, style: Style) -> None:
    line.append(Piece(text, style, _next(line, style), width(text, style)))


def _next(line: list[Piece], style: Style) -> float:
    """Where the next piece begins: further on where a code span begins or ends, which stands in a box."""
    if not line:
        return 0.0
    last = line[-1]
    return last.x + last.width + (_SPAN if (last.style.tone == "code") != (style.tone == "code") else 0)


def _merged(line: list[Piece]) -> Line:
    """Neighbours of one style as one piece, without spaces at the end."""
    pieces: list[Piece] = []
    for piece in line:
        if pieces and pieces[-1].style == piece.style:
            last = pieces.pop()
            piece = Piece(last.text + piece.text, last.style, last.x, last.width + piece.width)  # noqa: PLW2901
        pieces.append(piece)
    if pieces:
        last = pieces.pop()
        text = last.text.rstrip()
        pieces += [Piece(text, last.style, last.x, width(text, last.style))] if text else []
    return tuple(pieces)
