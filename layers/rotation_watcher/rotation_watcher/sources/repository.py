"""Load and keep a source's history and the certificates that it names."""

from rotation_watcher import formats, keys
from rotation_watcher.config import Source
from rotation_watcher.errors import Conflict
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Observation


def load_history(store: ObjectStore, source_id: str) -> History | None:
    """A source's history, or None before its first look. Raises StoreError naming an object that cannot be read."""
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
    return formats.read(body, history.decode, place, "restore an earlier version of it")


UNTRUSTED = 8
"""Certificates of what is in quarantine that one look keeps: they are for people, and no look is to write for long."""


def keep_seen(
    store: ObjectStore, source: Source, before: History, after: History, observation: Observation | None
) -> None:
    """Keep the certificates that the history will name, before it names them; each is written once.

    Of what is trusted, all of them: truststores are made of these. Of what is in quarantine the first UNTRUSTED.
    """
    trusted = {key for authority in after.authorities.values() for key in authority.leaves}
    entities = sorted(observation.entities if observation else (), key=lambda one: one.key not in trusted)
    left = UNTRUSTED
    known = {
        fingerprint
        for authority in before.authorities.values()
        for key, chain in (
            *((key, leaf.authorities) for key, leaf in authority.leaves.items()),
            *((key, held.chain) for key, held in authority.quarantine.items()),
        )
        for fingerprint in (key, *chain)
    }
    for entity in entities:
        for certificate in (entity.leaf, *entity.chain):
            if certificate is None or certificate.fingerprint in known:
                continue
            if entity.key not in trusted:
                if not left:
                    return
                left -= 1
            known.add(certificate.fingerprint)
            key = keys.seen(source.id, certificate.fingerprint)
            try:
                store.put_if(key, certificate.pem.encode(), etag=None, content_type=keys.PEM_TYPE)
            except Conflict:
                continue  # seen before, in an earlier life or by a run that crashed


def write(store: ObjectStore, after: History, etag: str | None) -> str:
    """Write the history if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = history.encode(after)
    return store.put_if(keys.history(after.source), body, etag=etag, content_type=keys.JSON_TYPE).etag
