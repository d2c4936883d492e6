"""What report keeps of the ends that it told, in ``status/expiry.json``: thresholds, open conditions, the outbox."""

from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.ports import ObjectStore

FORMAT = 1


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``conditions`` by key. ``told``: of each certificate (SHA-256) the lowest threshold that was told, in days.

    A threshold counts as told as soon as its alert is in the outbox: both are written together.
    """

    conditions: Mapping[str, Condition] = {}
    told: Mapping[str, int] = {}
    outbox: tuple[Alert, ...] = ()


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def load(store: ObjectStore) -> tuple[State, str | None]:
    """The state with its ETag. What cannot be read is begun anew: what ends is told again. Raises StoreError."""
    stored = store.get(keys.EXPIRY)
    if stored is None:
        return State(), None
    return formats.read_or_none(stored.body, decode, keys.EXPIRY) or State(), stored.etag


def write(store: ObjectStore, state: State, etag: str | None) -> str:
    """Write it if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    return store.put_if(keys.EXPIRY, formats.encode(state), etag=etag, content_type=keys.JSON_TYPE).etag
