"""How long to wait for another process on a machine that may have much else to do.

A time limit says what a quiet machine needs. On a loaded one everything takes longer, this process as well: so a limit
is counted in what the machine delivers. At each check a fixed piece of work is timed, and only that share of the time
that passed counts which a quiet machine would have needed for it.
"""

import hashlib
import os
import time
from collections.abc import Callable

_WORK = bytes(1 << 16)
_ROUNDS = 200
_PACE = 0.25
"""Seconds between two measurements: one takes as long as the wait between two questions."""
_USUAL: list[float] = []
"""The CPU seconds of the work, measured once: what it takes when nothing else runs."""


def slowness() -> float:
    """How many times longer than on a quiet machine work takes at this moment; at least 1. Takes some 10 ms.

    A process that has slept is served first, so what it measures may flatter the machine; those that wait for a core
    do not. The larger of the two counts.
    """
    if not _USUAL:
        _USUAL.append(min(_timed(time.process_time) for _ in range(5)))
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, waiting, _timed(time.monotonic) / _USUAL[0])


class Limit:
    """A limit of so many seconds of a quiet machine, from now on. Ask often: questions count the time that passed."""

    def __init__(
        self, seconds: float, *, slow: Callable[[], float] = slowness, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self.used = 0.0
        self._slow = slow
        self._clock = clock
        self._asked = clock()

    def over(self) -> bool:
        """Whether a quiet machine would have had all the time."""
        now = self._clock()
        if now - self._asked >= _PACE:
            self.used += (now - self._asked) / self._slow()
            self._asked = now
        return self.used >= self.seconds


def seconds(usual: float) -> float:
    """For a limit that must be named in advance: so many seconds of this machine as it is now."""
    return usual * slowness()


def _timed(clock: Callable[[], float]) -> float:
    begun = clock()
    for _ in range(_ROUNDS):
        hashlib.sha256(_WORK).digest()
    return clock() - begun
