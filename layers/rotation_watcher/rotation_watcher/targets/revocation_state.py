"""What the watcher did to the revocation lists of a trust store, in ``targets/<id>/revocations.json``."""

from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.clocks import Instant
from rotation_watcher.config import Target
from rotation_watcher.ports import ObjectStore

FORMAT = 1


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A list that the watcher added.

    ``id`` and ``entries`` are the service's, ``version`` is that of ``list.pem`` below ``folder``, ``fingerprint`` the
    SHA-256 of the list's DER in hex, ``made`` and ``number`` its ``thisUpdate`` and CRL number: none before it is
    loaded again.
    """

    folder: str
    url: str
    id: int
    entries: int
    version: str
    fingerprint: str
    made: Instant
    number: str | None
    at: Instant


class Adding(msgspec.Struct, frozen=True, kw_only=True):
    """A list that was asked to be added: after a death it is found again among the files that are not in ``before``."""

    folder: str
    url: str
    version: str
    fingerprint: str
    made: Instant
    number: str | None
    before: tuple[int, ...]


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``loaded``: the newest list that was proved, by folder; ``leaving``: what it replaced and is still there."""

    arn: str
    loaded: Mapping[str, Loaded] = {}
    leaving: tuple[Loaded, ...] = ()
    adding: Adding | None = None


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def load(store: ObjectStore, target: Target) -> tuple[State, str | None]:
    """The state and its ETag. One that cannot be read is begun anew: what it had added counts as others' then.

    Raises StoreError, NewerFormat.
    """
    stored = store.get(keys.target_revocations(target.id))
    if stored is None:
        return State(arn=target.arn), None
    state = formats.read_or_none(stored.body, decode, keys.target_revocations(target.id))
    return (state if state is not None and state.arn == target.arn else State(arn=target.arn)), stored.etag


def write(store: ObjectStore, target: Target, state: State, etag: str | None) -> str:
    """Write it if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = formats.encode(state)
    return store.put_if(keys.target_revocations(target.id), body, etag=etag, content_type=keys.JSON_TYPE).etag
