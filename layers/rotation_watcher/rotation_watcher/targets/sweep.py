"""The order in which a sweep looks at its targets, and where it stands, so that a run that ends early loses nothing.

A sweep that finds everything at rest and is done in time writes nothing. One that takes longer notes which target it
has come to (``keys.SWEEP``), now and then; the next run begins behind that one, and comes to it last. Where a run was
killed in the middle, perhaps by a target, the next notes each target before it looks: whichever kills it again is the
last from then on, and holds nobody up. What kills a run ends its container, so the first sweep of a container notes
that it has begun. The object gives an order and no more: it is believed whatever it says.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import Clock, ObjectStore
from rotation_watcher.run_store import Memory

NOTED_EVERY = timedelta(seconds=20)
"""How long a sweep goes on without a note of where it is."""


class Stand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sweep stands: the id of the target that it has come to (None: it is done), and whether it ended there."""

    target: str | None = None
    ended: bool = False


class Round:
    """One run of a sweep over ``targets``. ``memory`` is the container's."""

    def __init__(self, targets: Sequence[Target], store: ObjectStore, clock: Clock, memory: Memory | None) -> None:
        self._store, self._clock, self._memory = store, clock, memory
        alone = len(targets) < 2  # noqa: PLR2004  # one has no order
        begins = not alone and memory is not None and not memory.swept
        self._noted = None if begins else clock()
        self._stand = Stand() if alone else self._load()
        self._careful = self._stand.target is not None and not self._stand.ended
        first = next((place for place, one in enumerate(targets, 1) if one.id == self._stand.target), 0)
        self._order = (*targets[first:], *targets[:first])

    def __iter__(self) -> Iterator[Target]:
        """The targets in their order. Whoever has come to the end says so by ``done``."""
        for target in self._order:
            if self._careful or self._noted is None or self._clock() - self._noted >= NOTED_EVERY:
                self._note(Stand(target=target.id))
            yield target

    def ended_before(self, target: Target) -> None:
        """The run's time is up before this one: the next run begins with it."""
        self._note(Stand(target=self._order[self._order.index(target) - 1].id, ended=True))

    def done(self) -> None:
        """Every target was looked at."""
        if self._memory is not None:
            self._memory.swept = True
        if self._stand != Stand():
            self._note(Stand())

    def _load(self) -> Stand:
        with suppress(StoreError, *UNDECODABLE):
            stored = self._store.get(keys.SWEEP)
            return Stand() if stored is None else msgspec.json.decode(stored.body, type=Stand)
        return Stand()

    def _note(self, stand: Stand) -> None:
        self._noted = self._clock()
        with suppress(StoreError):  # it costs the order of the next run, and no look
            self._store.put(keys.SWEEP, msgspec.json.encode(stand), content_type=keys.JSON_TYPE)
            self._stand = stand
