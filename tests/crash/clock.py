"""A virtual clock that a process and the functions forked from it share, as they share the wall's."""

import mmap
import struct
from datetime import UTC, datetime, timedelta

from local.genesys.clock import VirtualClock

_FORM = struct.Struct("d")


class SharedClock(VirtualClock):
    """Its moment lies in memory that fork does not copy: a function that waits lets time pass for everybody."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._cell = mmap.mmap(-1, _FORM.size)
        _FORM.pack_into(self._cell, 0, start.timestamp())

    def __call__(self) -> datetime:
        """Return the virtual now."""
        return datetime.fromtimestamp(_FORM.unpack_from(self._cell, 0)[0], UTC)

    def go_to(self, moment: datetime) -> datetime:
        """See ``VirtualClock``."""
        if moment < self():
            raise ValueError(f"{moment} is before {self()}: this clock only goes forward")
        _FORM.pack_into(self._cell, 0, moment.timestamp())
        return moment

    def advance(self, step: timedelta) -> datetime:
        """See ``VirtualClock``."""
        return self.go_to(self() + step)

    def part(self) -> None:
        """Share it no longer: from here on this process's time is its own (and that of what it forks later)."""
        now = self()
        self._cell = mmap.mmap(-1, _FORM.size)
        _FORM.pack_into(self._cell, 0, now.timestamp())
