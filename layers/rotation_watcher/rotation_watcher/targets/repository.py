"""Load and keep a target's record."""

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.config import Target
from rotation_watcher.errors import Conflict, TargetError
from rotation_watcher.former_key import lies_under_former
from rotation_watcher.ports import ObjectStore
from rotation_watcher.run_store import holds
from rotation_watcher.targets import places
from rotation_watcher.targets.record import Record, encode
from rotation_watcher.targets.record import decode as decode_record


def load_record(store: ObjectStore, target: Target) -> tuple[Record, str | None]:
    """A target's record and its ETag; an empty one where there is none, or where it speaks of another ARN.

    One that a former release kept has no ETag yet: it is to be written where it lies from now on.

    Raises StoreError naming an object that cannot be read.
    """
    empty = Record(target=target.id, arn=target.arn)
    stored, former = places.newest_record(store, target)
    if stored is None:
        return empty, None
    record = formats.read(
        stored.body,
        decode_record,
        f"s3://{store.bucket}/{keys.record(keys.former_target(target.id) if former else keys.target(target.arn))}",
        "restore an earlier version of it, or delete it (then nothing that the target holds now will ever be removed)",
    )
    if record.arn != target.arn:
        return empty, None if former else stored.etag
    return (msgspec.structs.replace(record, former=target.id), None) if former else (record, stored.etag)


def close_former(store: ObjectStore, seen: Record) -> None:
    """Write over what a former release kept, in the format of this one; ``seen`` is how ``load_record`` gave it.

    From then on that release can write nothing there. Raises Conflict where it has written since, StoreError.
    """
    key = keys.record(keys.former_target(seen.former))
    stored, body = store.get(key), encode(seen)
    if stored is None or msgspec.structs.replace(decode_record(stored.body), former=seen.former) != seen:
        raise Conflict(f"s3://{store.bucket}/{key} was written by somebody else")
    if stored.body != body:
        store.put_if(key, body, etag=stored.etag, content_type=keys.JSON_TYPE)


def hand_over(store: ObjectStore, target: Target) -> None:
    """Write what a former release kept by the id of ``target`` where it lies from now on, with its claim.

    For a target that is watched by another id now, which would not be looked for by this one: so it waits for no
    claim. That release asks a target for nothing that it has not written down before, and here it can write no more.
    Raises Conflict, StoreError.
    """
    seen, etag = load_record(store, target)
    if etag is None and seen.former:
        close_former(store, seen)
        own = Ledger(store, keys.record(keys.former_target(seen.former))).own(seen.outbox)
        Ledger(store, keys.record(keys.target(target.arn))).note(own)
        store_record(store, msgspec.structs.replace(seen, outbox=own), None)


def put_version(store: ObjectStore, key: str, body: bytes, *, content_type: str) -> str:
    """Put what is to be deployed; its exact version. The newest one is used again if a crashed run left the same bytes.

    Not one under a KMS key of before: who refused it because of that key would refuse it for ever.
    Raises TargetError where the bucket keeps no versions, StoreError.
    """
    newest = None if holds(store, key, body) is False else store.get(key)
    if newest is not None and newest.body == body and newest.version and not lies_under_former(store, key, newest):
        return newest.version
    version = store.put(key, body, content_type=content_type).version
    if not version:
        raise TargetError(f"the bucket {store.bucket} keeps no versions: turn versioning on, as the template does")
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
    return store.put_if(keys.record(keys.target(record.arn)), body, etag=etag, content_type=keys.JSON_TYPE).etag
