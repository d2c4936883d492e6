"""What judges a Teams payload: Microsoft's own models of Adaptive Cards (its SDK for Teams).

The SDK keeps a card's elements as they come, whatever they hold; so each element is read here as the class of its type,
and whatever that class does not know is a fault.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from microsoft_teams import cards
from pydantic import BaseModel

_CLASSES = {
    str(kind.model_fields["type"].default): kind
    for _, kind in inspect.getmembers(cards, inspect.isclass)
    if issubclass(kind, BaseModel) and "type" in kind.model_fields
}
BYTES = 28 * 1024


def judged(payload: dict[str, Any]) -> dict[str, Any]:
    """Read and check the whole payload, and give its card. Raises AssertionError or pydantic's ValidationError."""
    assert payload.keys() == {"type", "attachments"}
    assert payload["type"] == "message"
    (attachment,) = payload["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment.keys() == {"contentType", "contentUrl", "content"}
    card: dict[str, Any] = attachment["content"]
    assert card["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.5")
    cards.TeamsCardProperties.model_validate(card["msteams"])
    for element in elements(card):
        kind = _CLASSES[element["type"]]
        names = {field.validation_alias or field.alias or name for name, field in kind.model_fields.items()}
        assert element.keys() <= {*map(str, names), "$schema"}, element["type"]
        kind.model_validate({name: value for name, value in element.items() if name != "$schema"})
    return card


def elements(part: Any) -> Iterator[dict[str, Any]]:
    """Everything in a card that has a type, from the outside."""
    if isinstance(part, dict):
        if "type" in part:
            yield part
        for inner in part.values():
            yield from elements(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from elements(inner)


def texts(card: dict[str, Any]) -> list[str]:
    """Every block's text, in reading order."""
    return [
        "".join(run["text"] for run in element["inlines"])
        for element in elements(card)
        if element["type"] == "RichTextBlock"
    ]
