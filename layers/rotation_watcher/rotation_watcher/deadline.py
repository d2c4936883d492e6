"""One deadline a run: what is left of its time, and calls that are not begun when they could not end within it.

Lambda kills a run at its time-out, wherever it is. So nothing is begun that may outlast it, and what was begun has
waits of its own (``adapters.clients``). Time is injected: the handler hands in what Lambda says is left.
"""

import math
from typing import Protocol

from rotation_watcher.errors import StoreError
from rotation_watcher.ports import ForwardingStore, ObjectStore

CALL_TAKES = 30.0
"""Seconds that one call of S3, SNS or SQS may take with all its tries: a test holds the clients' waits to it."""


class Remaining(Protocol):
    """What is left of the run."""

    def __call__(self) -> float:
        """Seconds until the run is ended, whatever it is doing."""


def unhurried() -> float:
    """For callers without a deadline."""
    return math.inf


class TimedStore(ForwardingStore):
    """``ports.ObjectStore`` over another one; raises StoreError where a call could not end within the run."""

    def __init__(self, store: ObjectStore, remaining: Remaining) -> None:
        super().__init__(store)
        self._remaining = remaining

    def _inner(self, key: str) -> ObjectStore:
        if self._remaining() < CALL_TAKES:
            raise StoreError(f"the time of this run is up before s3://{self.bucket}/{key}; the next run goes on")
        return self._store
