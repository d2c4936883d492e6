"""A Slack message as a picture: the blocks that ``alerts/slack_blocks.py`` makes, and no others.

A block that is not known here raises KeyError: a picture that leaves something out would be wrong.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.pictures.canvas import Canvas
from local.pictures.text import Run, Style

_HEADER, _BODY, _BOLD = Style(18, bold=True), Style(15), Style(15, bold=True)
_COMMAND = Style(12, fixed=True)
_SIGNS: Mapping[str, tuple[str, str]] = {
    ":information_source:": ("i", "accent"),
    ":warning:": ("!", "warning"),
    ":rotating_light:": ("!", "attention"),
    ":white_check_mark:": ("✓", "good"),
    ":grey_question:": ("?", "subtle"),
}
"""What is drawn for an emoji, which no two machines have alike."""
_MARKUP = re.compile(r"`([^`]+)`|\*([^*]+)\*|(:[a-z_]+:)")


def draw(payload: Mapping[str, Any]) -> str:
    """The SVG of a webhook's payload."""
    canvas = Canvas()
    for block in payload["blocks"]:
        _BLOCKS[block["type"]](canvas, block)
    return canvas.svg(f"Slack: {html.unescape(payload['text'])}")


def _header(canvas: Canvas, block: Mapping[str, Any]) -> None:
    canvas.text([Run(block["text"]["text"], _HEADER)])
    canvas.gap(4)


def _context(canvas: Canvas, block: Mapping[str, Any]) -> None:
    for element in block["elements"]:
        canvas.text(_mrkdwn(element["text"], 12, "subtle"))
    canvas.gap(8)


def _section(canvas: Canvas, block: Mapping[str, Any]) -> None:
    canvas.columns([[*_mrkdwn(field["text"], 14, "text")] for field in block["fields"]])


def _rich_text(canvas: Canvas, block: Mapping[str, Any]) -> None:
    for element in block["elements"]:
        if element["type"] == "rich_text_preformatted":
            canvas.gap(4)
            canvas.block(Run(part["text"], _COMMAND) for part in element["elements"])
        else:
            canvas.text(Run(part["text"], _BOLD if part.get("style") else _BODY) for part in element["elements"])
    canvas.gap(10)


def _actions(canvas: Canvas, block: Mapping[str, Any]) -> None:
    canvas.buttons(element["text"]["text"] for element in block["elements"])
    canvas.gap(10)


_BLOCKS: Mapping[str, Callable[[Canvas, Mapping[str, Any]], None]] = {
    "header": _header,
    "context": _context,
    "section": _section,
    "rich_text": _rich_text,
    "actions": _actions,
}


def _mrkdwn(words: str, size: int, tone: str) -> Iterator[Run]:
    """Slack's markup as runs: code spans, bold words, emojis."""
    end = 0
    for match in _MARKUP.finditer(words):
        yield Run(html.unescape(words[end : match.start()]), Style(size, tone))
        code, bold, sign = match.groups()
        if code:
            yield Run(html.unescape(code), Style(size - 1, "code", fixed=True))
        elif bold:
            yield Run(html.unescape(bold), Style(size, "text", bold=True))
        else:
            text, colour = _SIGNS[sign]
            yield Run(text, Style(size, colour, bold=True, badge=True))
        end = match.end()
    yield Run(html.unescape(words[end:]), Style(size, tone))
