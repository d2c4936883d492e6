"""Which alerts that wait in an outbox are the watcher's own: each is noted apart from the state that holds it.

An outbox is part of a history or a record, and whoever can write there could have us say his words and have people type
his commands. So before an alert is stored, ``alerts/<sha256>`` is written, named by the alert and the object that it
waits in; and no alert that was read from the store is delivered, counted or carried on without that note. Only the
functions write below ``alerts/``, and what lies there says nothing by itself.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.waiting import MOST
from rotation_watcher.ports import ObjectStore


class Ledger:
    """The notes of the alerts of one object of state, ``place``. What this run has noted or found it asks no more."""

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store = store
        self._place = place
        self._known: set[str] = set()

    def own(self, waiting: Sequence[Alert]) -> tuple[Alert, ...]:
        """Those of an outbox, as it was read, that the watcher wrote: no more than one holds. Raises StoreError."""
        return tuple(alert for alert in waiting[:MOST] if self._noted(self._digest(alert)))

    def note(self, waiting: Iterable[Alert]) -> None:
        """Write down those that this run has made; ``own`` gave the others. Raises StoreError."""
        for alert in waiting:
            digest = self._digest(alert)
            if digest not in self._known:
                self._store.put(keys.alert(digest), b"{}", content_type=keys.JSON_TYPE)
                self._known.add(digest)

    def _noted(self, digest: str) -> bool:
        if digest not in self._known and self._store.get(keys.alert(digest)) is not None:
            self._known.add(digest)
        return digest in self._known

    def _digest(self, alert: Alert) -> str:
        return hashlib.sha256(msgspec.json.encode((self._place, alert), order="sorted")).hexdigest()
