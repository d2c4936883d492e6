"""A card of Microsoft Teams as a picture: the elements that ``alerts/teams_card.py`` makes, and no others.

An element, a colour or a size that is not known here raises KeyError: a picture that leaves something out would be
wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.pictures.canvas import Canvas
from local.pictures.text import Run, Style

_SIZES = {"Default": 14, "Small": 12, "Large": 19}
_GAPS = {"Default": 8, "Small": 3, "Medium": 12}
_COLOURS = {"Accent": "accent", "Warning": "warning", "Attention": "attention", "Good": "good"}


def draw(payload: Mapping[str, Any]) -> str:
    """The SVG of a workflow's payload, which holds one card."""
    (attachment,) = payload["attachments"]
    card = attachment["content"]
    canvas = Canvas()
    for place, element in enumerate(card["body"]):
        if place:
            canvas.gap(_GAPS[element.get("spacing", "Default")])
        match element["type"]:
            case "RichTextBlock":
                canvas.text(_runs(element["inlines"]))
            case "Container":
                canvas.block(run for item in element["items"] for run in _runs(item["inlines"]))
            case unknown:
                raise KeyError(unknown)
    if actions := card.get("actions"):
        canvas.gap(14)
        canvas.buttons(action["title"] for action in actions)
    title = "".join(run.text for run in _runs(card["body"][0]["inlines"]))
    return canvas.svg(f"Microsoft Teams: {title}")


def _runs(inlines: Sequence[Mapping[str, Any]]) -> Iterator[Run]:
    for inline in inlines:
        tone = _COLOURS[inline["color"]] if "color" in inline else "subtle" if inline.get("isSubtle") else "text"
        size, fixed = _SIZES[inline.get("size", "Default")], inline.get("fontType") == "Monospace"
        yield Run(inline["text"], Style(size - fixed, tone, bold=inline.get("weight") == "Bolder", fixed=fixed))
