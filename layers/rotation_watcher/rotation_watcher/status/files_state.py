"""What report keeps of the files by which people say whom to trust (``status/files.json``): how each was seen last."""

from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.clocks import Instant
from rotation_watcher.ports import ObjectStore

FORMAT = 1


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file as it was seen last: its ETag (empty: it was deleted), and when S3 says that this was done.

    ``heard``: the latest that S3 has said of it, or when it was seen so, where its own time says nothing. ``holds``:
    the SHA-256 of the certificates in it; None: nobody has read it yet, or, with ``unread``, it could not be read or
    there is no room, and nobody tries again.
    """

    etag: str = ""
    at: Instant
    heard: Instant | None = None
    holds: tuple[str, ...] | None = None
    unread: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``files`` by key. ``rest``: a digest of those for which there is no room.

    A change counts as told as soon as its alert is in the outbox: both are written together.
    """

    files: Mapping[str, Known] = {}
    rest: str = ""
    conditions: Mapping[str, Condition] = {}
    outbox: tuple[Alert, ...] = ()


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def load(store: ObjectStore) -> tuple[State | None, str | None]:
    """The state with its ETag; None: there is none that can be read. Raises NewerFormat, StoreError."""
    stored = store.get(keys.OPERATOR_FILES)
    if stored is None:
        return None, None
    return formats.read_or_none(stored.body, decode, keys.OPERATOR_FILES), stored.etag


def former(store: ObjectStore) -> State | None:
    """What is left of it where it was deleted or broken: the newest version that can be read. Raises StoreError."""
    for one in store.versions_of(keys.OPERATOR_FILES)[:10]:
        stored = store.get(keys.OPERATOR_FILES, version=one.id) if one.id and not one.deleted else None
        found = formats.read_or_none(stored.body, decode, keys.OPERATOR_FILES) if stored else None
        if found is not None:
            return State(files=found.files, rest=found.rest)
    return None


def chain(store: ObjectStore, most: int = 20) -> list[State]:
    """How it was, the newest first, as far as it can be read. Raises NewerFormat, StoreError."""
    found = []
    for one in store.versions_of(keys.OPERATOR_FILES)[:most]:
        stored = store.get(keys.OPERATOR_FILES, version=one.id) if one.id and not one.deleted else None
        state = formats.read_or_none(stored.body, decode, keys.OPERATOR_FILES) if stored else None
        found += [state] if state else []
    return found


def write(store: ObjectStore, state: State, etag: str | None) -> str:
    """Write it if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    return store.put_if(keys.OPERATOR_FILES, formats.encode(state), etag=etag, content_type=keys.JSON_TYPE).etag
