"""What is kept of a listener beside its record: what the watcher added to it, and what it showed last.

Both lie below ``bundles/``, apart from ``targets/``: a record is a claim of whoever wrote it last (decision 0027). So
no filter leaves as ours without the note that we added it, and what an emptied listener held counts only where the note
and the record agree.
"""

from collections.abc import Collection, Iterable

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.errors import Conflict
from rotation_watcher.filters.entries import decode, digest, encode, key_of
from rotation_watcher.filters.plan import Shown
from rotation_watcher.ports import Filter, Listener, ObjectStore
from rotation_watcher.targets import places
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.repository import put_if_other


def note_added(store: ObjectStore, arn: str, filters: Iterable[Filter]) -> None:
    """Write down what is about to be added. Raises StoreError."""
    for one in filters:
        where = keys.added_filter(arn, digest(key_of(one)))
        stored = store.get(where)
        if stored is not None and _names(stored.body, key_of(one)):
            continue
        try:
            store.put_if(where, encode([one]), etag=stored.etag if stored else None, content_type=keys.JSON_TYPE)
        except Conflict:
            continue  # another run has just written it


def confirmed(store: ObjectStore, arn: str, filter_keys: Collection[str]) -> frozenset[str]:
    """Those of these keys that the watcher has added to this listener. Raises StoreError."""
    found = set()
    for key in filter_keys:
        stored = store.get(keys.added_filter(arn, digest(key)))
        if stored is not None and _names(stored.body, key):
            found.add(key)
    return frozenset(found)


def note_shown(store: ObjectStore, target: Target, live: Listener) -> None:
    """Write down what a listener shows, if it shows filters and others than before. Raises StoreError."""
    if live.filters:
        put_if_other(store, keys.shown_filters(target.arn), encode(live.filters), content_type=keys.JSON_TYPE)


def shown_last(store: ObjectStore, target: Target, record: Record) -> Shown:
    """What was noted, for a listener that shows no filter now. Raises StoreError."""
    stored = store.get(keys.shown_filters(target.arn))
    filters = decode(stored.body) if stored else None
    if stored is None or filters is None:
        return Shown(doubt="nothing was noted below bundles/.shown/")
    # An update's proof is noted before the record says so: a run may have died in between.
    if digest(stored.body) in {record.shown, record.pending.sha256 if record.pending else ""}:
        return Shown(filters)
    return Shown(doubt="the note below bundles/.shown/ and the record say different things")


def deployed(store: ObjectStore, record: Record, version: str, sha256: str) -> tuple[Filter, ...] | None:
    """The filters of a version, if it holds what the record says. Raises StoreError."""
    found = places.version(store, record, keys.deployed_filters, version)
    return decode(found.stored.body) if found is not None and digest(found.stored.body) == sha256 else None


def _names(body: bytes, key: str) -> bool:
    return any(key_of(one) == key for one in decode(body) or ())
