"""How much the clocks of two runs may differ, and what becomes of times that no clock can have written yet.

A run whose clock was ahead leaves times in the state that lie in the future. Taken as they stand they say that a source
is fresh for ever. So they count as unknown: each reader below says what unknown means for it.
"""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

type Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in persisted state: one without its zone makes its object unreadable, or comparing it would stop every run."""

SKEW = timedelta(minutes=10)
"""The clocks of two runs may differ by so much without anything being wrong."""


def is_future(moment: datetime | None, now: datetime) -> bool:
    """Whether this time of something that has happened has not come yet."""
    return moment is not None and moment - now > SKEW
