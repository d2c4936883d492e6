"""The events that wake publish, as AWS gives them."""

import json
from typing import Any


def queue_event(*targets: str) -> dict[str, Any]:
    """The event by which the queue wakes publish for these targets, as far as publish reads it."""
    return {"Records": [{"body": json.dumps({"target": target})} for target in targets]}
