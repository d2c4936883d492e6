"""Whether an object lies under a KMS key that its bucket gives to nothing any more.

A service that cannot read under a key refuses the same version for ever, and a former key shall be retired some day.
"""

import hashlib

from rotation_watcher.ports import ObjectStore, StoredObject


def digest(body: bytes) -> str:
    """The ETag of an object that was put at once, unless a KMS key encrypts it (S3 API reference, Object)."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def lies_under_former(store: ObjectStore, key: str, stored: StoredObject) -> bool:
    """Whether it does. Not asked by its ETag: what was put without a key may have got one later. Raises StoreError."""
    return stored.version is not None and store.under_former_key(key, stored.version)
