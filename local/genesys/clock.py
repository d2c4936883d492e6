"""A clock that stands still until somebody turns it."""

from datetime import datetime, timedelta


class VirtualClock:
    """Call it for the virtual now. It only goes forward."""

    def __init__(self, start: datetime) -> None:
        """Start at an aware UTC datetime. Raises ValueError for a naive one."""
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = start

    def __call__(self) -> datetime:
        """Return the virtual now."""
        return self._now

    def advance(self, step: timedelta) -> datetime:
        """Go forward by ``step`` and return the new now. Raises ValueError for a step back."""
        return self.go_to(self._now + step)

    def go_to(self, moment: datetime) -> datetime:
        """Go forward to ``moment`` and return it. Raises ValueError for a moment that is past."""
        if moment < self._now:
            raise ValueError(f"{moment} is before {self._now}: this clock only goes forward")
        self._now = moment
        return moment
