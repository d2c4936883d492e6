"""Have collect look at a source now, because a leaf came that looks like its next one: at most once a minute.

Each container keeps to that by itself, and all of them by one small object a source, which only one of them can write
over (If-Match). Whoever can write there can delay a look to the next scheduled one, and nothing else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from rotation_watcher import keys
from rotation_watcher.errors import UNDECODABLE, Conflict, StoreError
from rotation_watcher.identity.ports import Looks, Objects

APART = timedelta(seconds=60)
"""How far apart two looks at a source are."""
SKEW = timedelta(seconds=5)
"""By how much the clocks of two containers may differ."""
WITHIN = 1.0
"""Seconds that each of the three calls may take."""


class Woken(StrEnum):
    """What became of it. Stable: it is logged."""

    ASKED = "asked"
    RECENTLY = "asked-recently"
    FAILED = "failed"


class _Mark(msgspec.Struct, frozen=True):
    at: datetime


class Waker:
    """Wakes looks, and remembers when."""

    def __init__(self, objects: Objects, looks: Looks, clock: Callable[[], datetime]) -> None:
        self._objects, self._looks, self._clock = objects, looks, clock
        self._last: dict[str, datetime] = {}

    def wake(self, source: str) -> Woken:
        """Ask for a look at a source, unless somebody has within a minute. Never raises."""
        now = self._clock()
        last = self._last.get(source)
        if last is not None and now - last < APART:
            return Woken.RECENTLY
        self._last[source] = now
        try:
            if not self._first(keys.wake(source), now):
                return Woken.RECENTLY
            self._looks.look(source, within=WITHIN)
        except StoreError:
            return Woken.FAILED
        return Woken.ASKED

    def _first(self, key: str, now: datetime) -> bool:
        """Whether no other container has asked within the minute; then the mark is ours. Raises StoreError."""
        got = self._objects.get(key, etag=None, within=WITHIN)
        if got.body is not None and _recent(got.body, now):
            return False
        try:
            self._objects.put_if(key, msgspec.json.encode(_Mark(now)), etag=got.etag or None, within=WITHIN)
        except Conflict:
            return False
        return True


def _recent(body: bytes, now: datetime) -> bool:
    """A mark from the future, or one that cannot be read, holds nothing up; clocks differ by a little."""
    try:
        age = now - msgspec.json.decode(body, type=_Mark).at
    except (*UNDECODABLE, TypeError):
        return False
    return -SKEW <= age < APART
