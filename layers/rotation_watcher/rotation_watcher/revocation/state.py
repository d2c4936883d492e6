"""What refresh_crls keeps for its alerts, in ``crls/state.json``: open conditions, whom they are about, the outbox."""

from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.clocks import Instant
from rotation_watcher.ports import ObjectStore

FORMAT = 1


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a condition is about: a source, and a list's URL or a certificate's subject (hostile text).

    ``made``: when the list was made that revokes the certificate; an older one does not clear it.
    """

    source: str
    region: str
    name: str
    made: Instant | None = None


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """The revoked certificates, which concern every target, and the lists in force, which trust stores load.

    Each is a SHA-256 in hex, empty where there was nothing yet.
    """

    revoked: str = ""
    lists: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``conditions`` by key; ``about`` for each of them.

    ``asked``: what publish was last asked to follow.
    """

    conditions: Mapping[str, Condition] = {}
    about: Mapping[str, About] = {}
    outbox: tuple[Alert, ...] = ()
    asked: Asked = Asked()


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def load(store: ObjectStore) -> tuple[State, str | None]:
    """The state with its ETag. What cannot be read is begun anew: what lasts is alerted again. Raises StoreError."""
    stored = store.get(keys.CRL_STATE)
    if stored is None:
        return State(), None
    return formats.read_or_none(stored.body, decode, keys.CRL_STATE) or State(), stored.etag


def write(store: ObjectStore, state: State, etag: str | None) -> str:
    """Write it if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = formats.encode(state)
    return store.put_if(keys.CRL_STATE, body, etag=etag, content_type=keys.JSON_TYPE).etag
