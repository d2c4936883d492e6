"""Identity filters as they are kept: by key, as text for people, and as the JSON of ``filters.json``.

Pure. A filter's key is what distinguishes it for the service: its parts, in canonical case. In a listener's record keys
stand where the fingerprints of certificates stand in that of a trust store.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rotation_watcher import formats
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.ports import Filter
from rotation_watcher.x509 import identity_filters


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: int = 1
    filters: tuple[Filter, ...]


def key_of(one: Filter) -> str:
    """What the service takes for the same filter."""
    return identity_filters.key_of(one.field, one.match, one.value, one.action)


def by_key(filters: Iterable[Filter]) -> dict[str, Filter]:
    """The filters by key, in their order; of several with one key the first."""
    found: dict[str, Filter] = {}
    for one in filters:
        found.setdefault(key_of(one), one)
    return found


def words(key: str) -> str:
    """A key for people: ``field match value``."""
    return key.removeprefix("accept ")


def encode(filters: Sequence[Filter]) -> bytes:
    """The JSON that is kept in S3."""
    return formats.encode(_File(filters=tuple(filters)))


def decode(body: bytes) -> tuple[Filter, ...] | None:
    """The filters in such an object; None where it is none."""
    try:
        return msgspec.json.decode(body, type=_File).filters
    except UNDECODABLE:
        return None


def digest(text: bytes | str) -> str:
    """The SHA-256 of an object or a key, in hex."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def texts(filters: Mapping[str, Filter] | Sequence[Filter]) -> tuple[str, ...]:
    """The filters as ``identity_filters.admits`` reads them."""
    listed = filters.values() if isinstance(filters, Mapping) else filters
    return tuple(one.text for one in listed)
