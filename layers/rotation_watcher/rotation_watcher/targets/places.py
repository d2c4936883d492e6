"""Where the state of a target lies: in the folder of its ARN, and what a former release deployed in that of its id.

Until format 3 of the record the folder was the id's, which an operator may change; an exact version of a bundle cannot
be moved, and the target may be pinned to it. So the record names that folder, and what is not in the one is looked for
in the other.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.config import Target
from rotation_watcher.ports import UNKNOWN, Live, ObjectStore, StoredObject
from rotation_watcher.targets.plan import Buckets
from rotation_watcher.targets.record import Applied, Pending, Record


class Unusable(msgspec.Struct, frozen=True):
    """Why a bucket of another region cannot be used. ``passes``: it may pass unaided."""

    why: str
    passes: bool


class Stores(NamedTuple):
    """The stack's bucket, and that from which the target loads; ``unusable``: why that cannot be used."""

    state: ObjectStore
    bundles: ObjectStore
    unusable: Unusable | None = None

    @property
    def buckets(self) -> Buckets:
        """Their names."""
        return Buckets(self.state.bucket, self.bundles.bucket)


class Found(msgspec.Struct, frozen=True):
    """A version, and the key under which it lies."""

    key: str
    stored: StoredObject


def folders(record: Record) -> tuple[str, ...]:
    """The target's folders, its own first."""
    own = keys.target(record.arn)
    return (own, keys.former_target(record.former)) if record.former else (own,)


def version(store: ObjectStore, record: Record, key_of: Callable[[str], str], name: str | None) -> Found | None:
    """An exact version of what was deployed; None where there is none. Raises StoreError.

    ``store``: for bundles the bucket from which the target loads (``Ports.bundles``), for filters the stack's.
    ``key_of``: ``keys.deployed`` or ``keys.deployed_filters``.
    """
    for key in map(key_of, folders(record)) if name else ():
        if stored := store.get(key, version=name):
            return Found(key, stored)
    return None


def loads(live: Live, version: str, bucket: str, record: Record) -> bool:
    """Whether a target loads that version, from where the watcher puts it in ``bucket``.

    Where its service does not say what it loads, that is not known to be otherwise.
    """
    if live.location is UNKNOWN:
        return True
    ours = [f"s3://{bucket}/{keys.deployed(folder)}" for folder in folders(record)]
    return live.location in ours and live.version == version


def left_behind(one: Applied | Pending, bucket: str) -> str | None:
    """The bucket in which a version lies, if it is another than ``bucket``, from which its target loads by now."""
    return one.bucket if one.bucket not in {"", bucket} else None


def exchanged(record: Record, live: Live, buckets: Buckets) -> bool:
    """Whether a target loads the version that was deployed last from a bucket of its region that the stack has no more.

    Where an older release did not write down which, the version tells: its id is S3's, and of one bucket. What another
    stack deploys under the same key has another.
    """
    applied = record.applied
    if buckets.one or applied is None or not applied.version or live.version != applied.version:
        return False
    if not isinstance(live.location, str) or not live.location.startswith("s3://"):
        return False
    bucket, _, key = live.location.removeprefix("s3://").partition("/")
    return key in map(keys.deployed, folders(record)) and bucket == (applied.bucket or bucket)


def newest_record(store: ObjectStore, target: Target) -> tuple[StoredObject | None, bool]:
    """The object of the target's record, and whether a former release kept it. Raises StoreError."""
    if stored := store.get(keys.record(keys.target(target.arn))):
        return stored, False
    former = store.get(keys.record(keys.former_target(target.id)))
    return former, former is not None
