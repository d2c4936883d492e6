"""What judges a notification for Amazon Q: the schema of its administrator guide."""

from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).resolve().parents[1] / "unit" / "data" / "amazon-q-notification.schema.json"
_VALIDATOR = Draft202012Validator(msgspec.json.decode(SCHEMA.read_bytes()))


def judged(notification: dict[str, Any]) -> dict[str, Any]:
    """Check the notification and give its content. Raises jsonschema's ValidationError."""
    _VALIDATOR.validate(notification)
    content: dict[str, Any] = notification["content"]
    return content


def marked_up(notification: dict[str, Any]) -> list[str]:
    """Every text of it that the chat may read as markup."""
    content = notification["content"]
    texts = [content.get("title", ""), content["description"], *content.get("nextSteps", [])]
    return [*texts, *content.get("keywords", []), notification["metadata"]["summary"]]
