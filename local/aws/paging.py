"""Marker and PageSize, as elbv2's Describe calls use them."""

from collections.abc import Mapping, Sequence
from typing import Any


def page(items: Sequence[Any], params: Mapping[str, Any]) -> tuple[Sequence[Any], str | None]:
    """Return one page of ``items`` and the marker of the next, None at the end. The marker is a plain offset."""
    start = int(params.get("Marker") or 0)
    end = start + int(params.get("PageSize") or 400)
    return items[start:end], str(end) if end < len(items) else None
