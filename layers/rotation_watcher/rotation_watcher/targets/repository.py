"""Load and keep a target's record."""

from rotation_watcher import formats, keys
from rotation_watcher.config import Target
from rotation_watcher.errors import Conflict, TargetError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.run_store import holds
from rotation_watcher.targets.record import Record, encode
from rotation_watcher.targets.record import decode as decode_record


def load_record(store: ObjectStore, target: Target) -> tuple[Record, str | None]:
    """A target's record and its ETag; an empty one where there is none, or where it speaks of another ARN.

    Raises StoreError naming an object that cannot be read.
    """
    empty = Record(target=target.id, arn=target.arn)
    stored = store.get(keys.record(target.id))
    if stored is None:
        return empty, None
    record = formats.read(
        stored.body,
        decode_record,
        f"s3://{store.bucket}/{keys.record(target.id)}",
        "restore an earlier version of it, or delete it (then nothing that the target holds now will ever be removed)",
    )
    return (record if record.arn == target.arn else empty), stored.etag


def put_version(store: ObjectStore, key: str, body: bytes, *, content_type: str) -> str:
    """Put what is to be deployed; its exact version. The newest one is used again if a crashed run left the same bytes.

    Raises TargetError where the bucket keeps no versions, StoreError.
    """
    newest = None if holds(store, key, body) is False else store.get(key)
    if newest is not None and newest.body == body and newest.version:
        return newest.version
    version = store.put(key, body, content_type=content_type).version
    if not version:
        raise TargetError(f"the bucket {store.bucket} is not versioned: turn versioning on, as the template does")
    return version


def put_if_other(store: ObjectStore, key: str, body: bytes, *, content_type: str) -> None:
    """Write down what a target shows, if that has changed. Raises StoreError."""
    if holds(store, key, body):
        return
    stored = store.get(key)
    if stored is not None and stored.body == body:
        return
    try:
        store.put_if(key, body, etag=stored.etag if stored else None, content_type=content_type)
    except Conflict:
        return  # another run has just written it, and looked later


def store_record(store: ObjectStore, record: Record, etag: str | None) -> str:
    """Write a record if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = encode(record)
    return store.put_if(keys.record(record.target), body, etag=etag, content_type=keys.JSON_TYPE).etag
