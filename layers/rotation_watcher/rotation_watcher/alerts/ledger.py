"""Which alerts that wait in an outbox are the watcher's own: each is noted apart from the state that holds it.

An outbox is part of a history or a record, and whoever can write there could have us say his words and have people type
his commands. So before an alert is stored, ``alerts/ledger/<sha256>`` is written, named by the alert and the object
that it waits in; and no alert that was read from the store is delivered, counted or carried on without that note. Only
the functions write below ``alerts/``, and what lies there says nothing by itself.

The bucket's lifecycle removes a note when it is 400 days old: by then nothing waits for it but what nobody took in all
that time. So the note of an alert that still waits is written anew long before.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.waiting import MOST
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.ports import ObjectStore

RENEWED = timedelta(days=90)
"""A note that is older is written anew, as long as its alert waits."""


class _Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of a note. ``renewed``: when it was written anew; it was first written when its alert was made."""

    renewed: datetime | None = None


class Ledger:
    """The notes of the alerts of one object of state, ``place``. What this run has noted or found it asks no more."""

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store = store
        self._place = place
        self._known: dict[str, _Note] = {}

    def own(self, waiting: Sequence[Alert]) -> tuple[Alert, ...]:
        """Those of an outbox, as it was read, that the watcher wrote: no more than one holds. Raises StoreError."""
        return tuple(alert for alert in waiting[:MOST] if self._noted(self._digest(alert)))

    def note(self, waiting: Iterable[Alert]) -> None:
        """Write down those that this run has made; ``own`` gave the others. Raises StoreError."""
        for alert in waiting:
            digest = self._digest(alert)
            if digest not in self._known:
                self._write(digest, _Note())

    def renew(self, waiting: Iterable[Alert], now: datetime) -> None:
        """Write the old notes of these anew: for what is about to be delivered, and may not be. Raises StoreError."""
        for alert in waiting:
            digest = self._digest(alert)
            if (note := self._known.get(digest)) and now - (note.renewed or alert.at) >= RENEWED:
                self._write(digest, _Note(renewed=now))

    def _write(self, digest: str, note: _Note) -> None:
        self._store.put(keys.alert(digest), msgspec.json.encode(note), content_type=keys.JSON_TYPE)
        self._known[digest] = note

    def _noted(self, digest: str) -> bool:
        if digest not in self._known:
            stored = self._store.get(keys.alert(digest)) or self._store.get(keys.former_alert(digest))
            if stored is not None:
                self._known[digest] = _read(stored.body)
        return digest in self._known

    def _digest(self, alert: Alert) -> str:
        return hashlib.sha256(msgspec.json.encode((self._place, alert), order="sorted")).hexdigest()


def _read(body: bytes) -> _Note:
    """A note; one that says nothing readable is as old as its alert."""
    try:
        note = msgspec.json.decode(body, type=_Note)
    except UNDECODABLE:
        return _Note()
    return note if note.renewed is None or note.renewed.tzinfo else _Note()
