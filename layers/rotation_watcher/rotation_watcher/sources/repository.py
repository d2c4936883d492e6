"""Load and keep a source's history and the certificates that it names."""

from collections.abc import Iterable

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.config import Source
from rotation_watcher.errors import Conflict
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Observation
from rotation_watcher.x509.certificates import Certificate, parse_bundle


def load_history(store: ObjectStore, source_id: str) -> History | None:
    """A source's history, or None before its first run. Raises StoreError naming an object that cannot be read."""
    stored = store.get(keys.history(source_id))
    return _decoded(store, source_id, stored.body) if stored else None


def load(store: ObjectStore, source: Source) -> tuple[History, str | None]:
    """The history and its ETag; an empty one before the first observation. Raises StoreError."""
    stored = store.get(keys.history(source.id))
    if stored is None:
        return history.empty(source.id, source.region), None
    return _decoded(store, source.id, stored.body), stored.etag


def _decoded(store: ObjectStore, source_id: str, body: bytes) -> History:
    place = f"s3://{store.bucket}/{keys.history(source_id)}"
    state = formats.read(body, history.decode, place, "restore an earlier version of it")
    # A history is written back to where its ``source`` says: it must not lead to another's.
    return state if state.source == source_id else msgspec.structs.replace(state, source=source_id)


def load_seen(store: ObjectStore, source_id: str, fingerprints: Iterable[str]) -> tuple[Certificate, ...] | None:
    """The certificates by fingerprint, or None if one is missing or is not what its name says. Raises StoreError."""
    held = []
    for fingerprint in fingerprints:
        stored = store.get(keys.seen(source_id, fingerprint))
        certificate = _named(stored.body, fingerprint) if stored else None
        if certificate is None:
            return None
        held.append(certificate)
    return tuple(held)


UNTRUSTED = 8
"""Certificates of what is in quarantine that one run keeps: they are for people, and no run is to write for long."""


def keep_seen(
    store: ObjectStore, source: Source, before: History, after: History, observation: Observation | None
) -> None:
    """Keep the certificates that the history names or will name, before it names them.

    Of what is trusted, all of them: truststores are made of these. Of what is in quarantine the first UNTRUSTED. Each
    is written once; one that is gone, or is not what its name says, is written again, or the leaves that need it would
    never be let in again. Where all are there, nothing is written. Raises StoreError.
    """
    trusted = {key for authority in after.authorities.values() for key in authority.leaves}
    entities = sorted(observation.entities if observation else (), key=lambda one: one.key not in trusted)
    left = UNTRUSTED
    # What waits in quarantine is not read again: its number is the API's to choose, and nothing depends on it.
    waiting = {
        fingerprint
        for authority in before.authorities.values()
        for key, held in authority.quarantine.items()
        for fingerprint in (key, *held.chain)
    }
    needed = {
        fingerprint
        for authority in before.authorities.values()
        for key, leaf in authority.leaves.items()
        for fingerprint in (key, *leaf.authorities)
    }
    kept = waiting - needed
    for entity in entities:
        for certificate in (entity.leaf, *entity.chain):
            if certificate is None or certificate.fingerprint in kept:
                continue
            if entity.key not in trusted:
                if not left:
                    return
                left -= 1
            kept.add(certificate.fingerprint)
            key = keys.seen(source.id, certificate.fingerprint)
            stored = store.get(key)
            if stored is not None and _named(stored.body, certificate.fingerprint):
                continue
            try:
                etag = stored.etag if stored else None
                store.put_if(key, certificate.pem.encode(), etag=etag, content_type=keys.PEM_TYPE)
            except Conflict:
                continue  # another run has just written it


def overwritten(store: ObjectStore, source_id: str, fingerprints: Iterable[str]) -> list[str]:
    """Those of which the file holds something else than its name says. Raises StoreError."""
    found = {one: store.get(keys.seen(source_id, one)) for one in fingerprints}
    return [one for one, stored in found.items() if stored is not None and _named(stored.body, one) is None]


def _named(body: bytes, fingerprint: str) -> Certificate | None:
    return next((one.certificate for one in parse_bundle(body)[0] if one.fingerprint == fingerprint), None)


def write(store: ObjectStore, after: History, etag: str | None) -> str:
    """Write the history if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = history.encode(after)
    return store.put_if(keys.history(after.source), body, etag=etag, content_type=keys.JSON_TYPE).etag
