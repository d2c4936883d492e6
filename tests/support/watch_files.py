"""Watch files of worlds in memory: each is read once, however many runs are played on it."""

from functools import lru_cache
from typing import Any

import msgspec

from rotation_watcher import config


def watch_file(document: dict[str, Any]) -> config.Watch:
    """What a stack in us-east-1 makes of a watch file."""
    return _read(msgspec.json.encode(document))


@lru_cache
def _read(text: bytes) -> config.Watch:
    return config.from_document(msgspec.json.decode(text), stack_region="us-east-1")
