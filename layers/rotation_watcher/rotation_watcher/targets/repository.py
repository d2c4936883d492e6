"""Load and keep a target's record."""

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import ObjectStore
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
    try:
        record = decode_record(stored.body)
    except UNDECODABLE as error:
        raise StoreError(
            f"s3://{store.bucket}/{keys.record(target.id)} cannot be read ({error}): restore an earlier version of it,"
            " or delete it (then nothing that the target holds now will ever be removed)"
        ) from error
    return (record if record.arn == target.arn else empty), stored.etag


def store_record(store: ObjectStore, record: Record, etag: str | None) -> str:
    """Write a record if nobody wrote it since; its new ETag. Raises Conflict, StoreError."""
    body = encode(record)
    return store.put_if(keys.record(record.target), body, etag=etag, content_type=keys.JSON_TYPE).etag
