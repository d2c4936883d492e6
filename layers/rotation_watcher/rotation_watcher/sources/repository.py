"""Load and keep a source's history and the certificates that it names."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.config import Source
from rotation_watcher.errors import Conflict
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources import history
from rotation_watcher.sources import keys_of_conditions as conditions
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Observation
from rotation_watcher.x509.certificates import Certificate, parse_bundle


def load_history(store: ObjectStore, source: Source) -> History | None:
    """A source's history, or None before its first run. Raises StoreError naming an object that cannot be read."""
    stored = store.get(keys.history(source.id))
    known = _decoded(store, source.id, stored.body, keys.history(source.id)) if stored else None
    return known if known is not None and known.region == source.region else None


def load(store: ObjectStore, source: Source) -> tuple[History, str | None]:
    """The history and its ETag; an empty one before the first observation. Raises StoreError.

    A history is its region's. Where the id was another region's, what is there counts for nothing but what people are
    still to be told.
    """
    stored = store.get(keys.history(source.id))
    if stored is None:
        return history.empty(source.id, source.region), None
    known = _decoded(store, source.id, stored.body, keys.history(source.id))
    if known.region != source.region:
        known = msgspec.structs.replace(history.empty(source.id, source.region), outbox=known.outbox)
    return known, stored.etag


def _decoded(store: ObjectStore, source_id: str, body: bytes, key: str) -> History:
    state = formats.read(body, history.decode, f"s3://{store.bucket}/{key}", "restore an earlier version of it")
    # A history is written back to where its ``source`` says: it must not lead to another's.
    return state if state.source == source_id else msgspec.structs.replace(state, source=source_id)


def begins(store: ObjectStore, source: Source) -> bool:
    """Whether nothing is known of the source's region by its id. Raises StoreError."""
    return _knows_nothing(load(store, source)[0])


def _knows_nothing(own: History) -> bool:
    return not own.authorities and own.fresh_at is None


def former(store: ObjectStore, name: str, region: str) -> History | None:
    """What is kept by the id ``name`` of that region, or was set aside. Raises StoreError, also if it is unreadable."""
    for place in (keys.history(name), keys.set_aside(name)):
        stored = store.get(place)
        known = _decoded(store, name, stored.body, place) if stored else None
        if known is not None and known.region == region:
            return known
    return None


def set_aside(store: ObjectStore, known: History) -> None:
    """Keep a history once more, since its file is to be written over by another region's. Raises StoreError."""
    body, place = history.encode(known), keys.set_aside(known.source)
    stored = store.get(place)
    if stored is None or stored.body != body:
        store.put(place, body, content_type=keys.JSON_TYPE)


def freshest(known: Iterable[History]) -> History:
    """The one that was read last. Raises ValueError where there is none."""
    return max(known, key=lambda one: (one.fresh_at is not None, one.fresh_at))


def adopt(store: ObjectStore, known: History, source: Source) -> None:
    """Begin a source's history with what was ``known`` of its region by another id: certificates are the region's.

    What lasts of the former one is told to be over by that id, and begins anew by this one; what keeps a name from
    being learned goes on, untold. A history of the region that is there already stays. Raises StoreError.
    """
    own, etag = load(store, source)
    if not _knows_nothing(own):
        return
    for fingerprint in sorted(_named_by(known)):
        if seen := store.get(keys.seen(known.source, fingerprint)):
            with suppress(Conflict):
                store.put_if(keys.seen(source.id, fingerprint), seen.body, etag=None, content_type=keys.PEM_TYPE)
    doubts = {
        key: Condition(kind=one.kind, since=one.since, reason=one.reason)
        for key, one in known.conditions.items()
        if key in {conditions.names(authority) for authority in source.authorities}
    }
    begun = msgspec.structs.replace(
        known, source=source.id, conditions={**doubts, **own.conditions}, ended=own.ended, outbox=own.outbox
    )
    with suppress(Conflict):
        write(store, begun, etag)


def _named_by(known: History) -> frozenset[str]:
    """The fingerprints of the certificates that a history names."""
    leaves = [(key, *leaf.authorities) for one in known.authorities.values() for key, leaf in one.leaves.items()]
    waiting = [(key, *held.chain) for one in known.authorities.values() for key, held in one.quarantine.items()]
    return frozenset(fingerprint for chain in (*leaves, *waiting) for fingerprint in chain)


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
            stored, body = store.get(key), certificate.pem.encode()
            if stored is not None and (stored.body == body or _named(stored.body, certificate.fingerprint)):
                continue
            try:
                store.put_if(key, body, etag=stored.etag if stored else None, content_type=keys.PEM_TYPE)
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
