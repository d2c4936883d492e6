"""Read what moto's S3 holds, the way another service of AWS does: by bucket, key and version, not over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass

from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey, s3_backends
from moto.utilities.utils import get_partition


@dataclass(frozen=True)
class Stored:
    """An object's bytes, and its version where the bucket is versioned."""

    body: bytes
    version: str | None


type Reader = Callable[[str, str, str, str, str | None], Stored | None]
"""(account, region, bucket, key, version or None for the latest) to the object; None where any of them is missing."""


def read_object(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
    """Return the object (its latest version unless one is named), or None where bucket, key or version is missing.

    A deleted object counts as missing. ``region`` only selects the partition: buckets are global within it.
    """
    backend = s3_backends[account][get_partition(region)]
    try:
        versioned = backend.get_bucket(bucket).is_versioned
        found = backend.get_object(bucket, key, version_id=version or None)
    except MissingBucket:
        return None
    if not isinstance(found, FakeKey):
        return None
    return Stored(body=bytes(found.value), version=str(found.version_id) if versioned else None)
