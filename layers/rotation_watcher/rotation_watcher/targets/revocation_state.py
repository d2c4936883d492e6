"""What the watcher did to the revocation lists of a trust store, in ``targets/<id>/revocations.json``.

What it added is noted once more below ``bundles/``, by the ARN: a state that says something else is somebody else's,
and where a state is lost, or its target was renamed, the note tells what is the watcher's.
"""

from collections.abc import Mapping
from typing import NamedTuple

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


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What was added to the target of an ARN. It is written before the state, and holds the one before as well."""

    format: int = FORMAT
    arn: str
    lists: tuple[Loaded, ...] = ()


class Known(NamedTuple):
    """The state and its ETag; what the note says; ``doubted``: what only the one of the two speaks of.

    ``forged``: those of them that the state alone speaks of, which no death explains.
    """

    state: State
    etag: str | None
    noted: Noted
    doubted: tuple[Loaded, ...] = ()
    forged: tuple[Loaded, ...] = ()


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def decode_note(data: bytes) -> Noted:
    """The note. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Noted)


def load(store: ObjectStore, target: Target) -> Known:
    """What is known. A state that cannot be read is begun anew. Raises StoreError, NewerFormat."""
    noted = _noted(store, target)
    stored = store.get(keys.target_revocations(target.id))
    state = formats.read_or_none(stored.body, decode, keys.target_revocations(target.id)) if stored else None
    etag = stored.etag if stored else None
    if state is None or state.arn != target.arn:
        return Known(State(arn=target.arn), etag, noted, noted.lists)
    forged = tuple(one for folder, one in state.loaded.items() if one not in noted.lists or one.folder != folder)
    loaded = {folder: one for folder, one in state.loaded.items() if one not in forged}
    return Known(msgspec.structs.replace(state, loaded=loaded), etag, noted, forged, forged)


def write(store: ObjectStore, target: Target, state: State, known: Known) -> Known:
    """Write it if nobody wrote it since, after the note; what is known then. Raises Conflict, StoreError."""
    lists = (*state.loaded.values(), *state.leaving, *known.state.loaded.values())
    noted = Noted(arn=target.arn, lists=tuple(sorted({*lists}, key=lambda one: (one.id, one.folder, one.fingerprint))))
    if noted != known.noted:
        store.put(keys.added_lists(target.arn), formats.encode(noted), content_type=keys.JSON_TYPE)
    body = formats.encode(state)
    written = store.put_if(keys.target_revocations(target.id), body, etag=known.etag, content_type=keys.JSON_TYPE)
    return Known(state, written.etag, noted)


def _noted(store: ObjectStore, target: Target) -> Noted:
    key = keys.added_lists(target.arn)
    stored = store.get(key)
    noted = formats.read_or_none(stored.body, decode_note, key) if stored else None
    return noted if noted is not None and noted.arn == target.arn else Noted(arn=target.arn)
