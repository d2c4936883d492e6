"""The Protocols over which a door works. Whatever fails raises StoreError, within the seconds that a call is given."""

from collections.abc import Buffer
from typing import NamedTuple, Protocol


class Got(NamedTuple):
    """An object as it is now, with its ETag in quotes. ``body`` None: it still has the ETag that was given.

    An empty ``etag``: there is none, or none that this role may read (S3 answers both alike).
    """

    body: bytes | None
    etag: str


class Objects(Protocol):
    """The bucket, as far as a door reads it."""

    def get(self, key: str, *, etag: str | None, within: float) -> Got:
        """The object, unless it still has this ETag."""

    def part(self, key: str, *, version: str | None, begin: int, length: int, within: float) -> bytes:
        """``length`` bytes from ``begin`` of that version, or what there is of them."""

    def put_if(self, key: str, body: bytes, *, etag: str | None, within: float) -> None:
        """Write if the object has this ETag (None: if there is none). Raises Conflict where it has another."""


class Mapper(Protocol):
    """Bytes, laid down where the kernel may drop and read them again."""

    def __call__(self, body: bytes) -> Buffer:
        """The same bytes, mapped. Raises StoreError."""


class Looks(Protocol):
    """How collect is asked to look at a source now."""

    def look(self, source: str, *, within: float) -> None:
        """Invoke collect for that source, and do not wait for it."""
