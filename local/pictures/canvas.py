"""A picture that grows downwards: text, boxes and rows of buttons, one below the other, as one SVG file."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import jinja2

from local.pictures.text import Line, Run, Style, lines, width

WIDTH, MARGIN = 720, 20
"""In pixels, as all lengths here."""
_LEADING = 1.4
"""Height of a line, by the size of its text."""
_BASELINE = 1.05
_PAD = 8
_BUTTON = Style(13, "text", bold=True)
_HEIGHT, _GAP = 30, 8
"""Of a button; between two of them."""


class Text(NamedTuple):
    """A piece of text in its place; ``y`` is its baseline."""

    text: str
    style: Style
    x: float
    y: float
    width: float


class Box(NamedTuple):
    """A rectangle; ``tone`` is a class of the picture's style sheet."""

    tone: str
    x: float
    y: float
    width: float
    height: float


class Canvas:
    """What was drawn so far, and how far down it reaches."""

    def __init__(self) -> None:
        self.y: float = MARGIN
        self._texts: list[Text] = []
        self._boxes: list[Box] = []

    def gap(self, height: float) -> None:
        """Leave room."""
        self.y += height

    def text(self, runs: Iterable[Run], x: float = MARGIN, longest: float = WIDTH - 2 * MARGIN) -> None:
        """Draw runs in as many lines as they need."""
        for line in lines(runs, longest):
            self._line(line, x)

    def columns(self, cells: Sequence[Sequence[Run]]) -> None:
        """Draw cells in two columns, row by row."""
        longest = (WIDTH - 3 * MARGIN) / 2
        for left in range(0, len(cells), 2):
            top, lowest = self.y, self.y
            for column, cell in enumerate(cells[left : left + 2]):
                self.y = top
                self.text(cell, MARGIN + column * (longest + MARGIN), longest)
                lowest = max(lowest, self.y)
            self.y = lowest + _GAP

    def block(self, runs: Iterable[Run]) -> None:
        """Draw runs in a box over the whole width."""
        top = self.y
        self.y += _PAD
        self.text(runs, MARGIN + _PAD, WIDTH - 2 * MARGIN - 2 * _PAD)
        self.y += _PAD
        self._boxes.append(Box("box", MARGIN, top, WIDTH - 2 * MARGIN, self.y - top))

    def buttons(self, labels: Iterable[str]) -> None:
        """Draw a row of buttons, in further rows where they do not fit."""
        x: float = MARGIN
        for label in labels:
            wide = width(label, _BUTTON) + 24
            if x > MARGIN and x + wide > WIDTH - MARGIN:
                x, self.y = MARGIN, self.y + _HEIGHT + _GAP
            self._boxes.append(Box("button", x, self.y, wide, _HEIGHT))
            baseline = self.y + _HEIGHT / 2 + _BUTTON.size * 0.36
            self._texts.append(Text(label, _BUTTON, x + 12, baseline, wide - 24))
            x += wide + _GAP
        self.y += _HEIGHT

    def _line(self, line: Line, x: float) -> None:
        size = max((piece.style.size for piece in line), default=14)
        for text, style, start, wide in line:
            self._texts.append(Text(text, style, x + start, self.y + size * _BASELINE, wide))
        self.y += size * _LEADING

    def svg(self, title: str) -> str:
        """The picture as a file; ``title`` is what it says to whoever cannot see it."""
        return _template().render(
            title=title, width=WIDTH, height=self.y + MARGIN, boxes=self._boxes, texts=self._texts
        )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("local.pictures", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["px"] = lambda length: f"{length:.1f}".removesuffix(".0")
    return environment.get_template("picture.svg")
