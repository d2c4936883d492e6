"""One deadline a run: what is left of its time, and calls that are not begun when they could not end within it.

Lambda kills a run at its time-out, wherever it is. So nothing is begun that may outlast it, and what was begun has
waits of its own (``adapters.clients``). Time is injected: the handler hands in what Lambda says is left.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from rotation_watcher.errors import StoreError
from rotation_watcher.ports import ObjectStore, StoredObject, Written

CALL_TAKES = 30.0
"""Seconds that one call of S3, SNS or SQS may take with all its tries: a test holds the clients' waits to it."""


class Remaining(Protocol):
    """What is left of the run."""

    def __call__(self) -> float:
        """Seconds until the run is ended, whatever it is doing."""


def unhurried() -> float:
    """For who has no deadline."""
    return math.inf


class TimedStore:
    """``ports.ObjectStore`` over another one; raises StoreError where a call could not end within the run."""

    def __init__(self, store: ObjectStore, remaining: Remaining) -> None:
        self._store = store
        self._remaining = remaining

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def region(self) -> str:
        """The region that the bucket lies in."""
        return self._store.region

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``."""
        return self._in_time(key).get(key, version=version)

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._in_time(key).put(key, body, content_type=content_type)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._in_time(key).put_if(key, body, etag=etag, content_type=content_type)

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        return self._in_time(prefix).list(prefix)

    def _in_time(self, key: str) -> ObjectStore:
        if self._remaining() < CALL_TAKES:
            raise StoreError(f"the time of this run is up before s3://{self.bucket}/{key}; the next run goes on")
        return self._store
