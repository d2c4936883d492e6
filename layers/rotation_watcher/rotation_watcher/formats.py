"""The formats of persisted state: what an older release wrote is migrated, what a newer one wrote is left alone.

Each object (a history, a record, pins) carries the number of its format. The rule: whoever adds, renames or removes a
persisted field, or adds a value to a closed enumeration, raises the number and says how to read the one before
(``docs/decisions/0019``; ``tests/state`` fails otherwise). So a release never drops what it does not know: it refuses
a higher number aloud, and does not write what it could not read.
"""

from collections.abc import Callable

import msgspec

from rotation_watcher.errors import UNDECODABLE, NewerFormat, StoreError
from rotation_watcher.ports import StoredObject


class _Head(msgspec.Struct):
    """Format 1 left the number out, or wrote it as an integer; from format 2 on it is text (decision 0019)."""

    format: int | str = 1


def number_of(data: bytes, *, newest: int) -> int:
    """The format of an object. Raises NewerFormat if it is above ``newest``, else one of errors.UNDECODABLE."""
    declared = msgspec.json.decode(data, type=_Head).format
    try:
        number = int(declared)
    except ValueError as error:
        raise msgspec.ValidationError(f"no such format: {str(declared)[:40]!r}") from error
    if number > newest:
        raise NewerFormat(
            f"written by a newer release of the watcher (format {number}; this release knows formats up to {newest}):"
            " deploy that release again. Until then nothing here is changed"
        )
    if number < 1:
        raise msgspec.ValidationError(f"no such format: {number}")
    return number


def encode(document: object) -> bytes:
    """The JSON that is kept in S3: deterministic, so that equal state is equal bytes, and indented for people."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1)


def decoder[T](kind: type[T], newest: int) -> Callable[[bytes], T]:
    """What makes a ``kind`` of an object of the formats up to ``newest``. Raises as ``number_of``."""

    def decode(data: bytes) -> T:
        number_of(data, newest=newest)
        return msgspec.json.decode(data, type=kind)

    return decode


def held[T](stored: StoredObject | None, empty: T, newest: int) -> tuple[T, str | None]:
    """What is kept, with its ETag. What cannot be read is written anew: it counts as ``empty``, as nothing does.

    Raises NewerFormat.
    """
    if stored is None:
        return empty, None
    try:
        return decoder(type(empty), newest)(stored.body), stored.etag
    except UNDECODABLE:
        return empty, stored.etag


def read[T](data: bytes, decode: Callable[[bytes], T], place: str, remedy: str) -> T:
    """What ``decode`` makes of an object. Raises StoreError naming its ``place``, why, and the way out."""
    try:
        return decode(data)
    except NewerFormat as error:
        raise NewerFormat(f"{place} was {error}") from error
    except UNDECODABLE as error:
        raise StoreError(f"{place} cannot be read ({error}): {remedy}") from error


def read_or_none[T](data: bytes, decode: Callable[[bytes], T], place: str) -> T | None:
    """The same where what cannot be read is written anew: then None. Raises NewerFormat."""
    try:
        return read(data, decode, place, "it is written anew")
    except NewerFormat:
        raise
    except StoreError:
        return None
