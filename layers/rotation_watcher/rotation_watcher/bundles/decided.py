"""Which revocation lists have decided on a bundle, and which were in force: ``bundles/<id>/revocations.json``.

It says so even where what lies below ``crls/`` is lost.
"""

from collections.abc import Collection, Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.ports import ObjectStore

FORMAT = 1


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file: by folder, the version of the ``list.der`` that decided last.

    ``known``: the folders of all lists that were in force, sorted, whether they revoked anything or not.
    """

    format: int = FORMAT
    lists: Mapping[str, str] = {}
    known: tuple[str, ...] = ()

    @property
    def folders(self) -> frozenset[str]:
        """Those of every list that there was."""
        return frozenset({*self.lists, *self.known})


def decode(data: bytes) -> Remembered:
    """The content of the file. Raises NewerFormat for a newer release's, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Remembered)


def recall(store: ObjectStore, bundle: str) -> Remembered:
    """Which lists decided and were in force before. Raises StoreError, NewerFormat."""
    return _held(store, bundle)[0]


def remember(store: ObjectStore, bundle: str, lists: Mapping[str, str], known: Collection[str] = ()) -> None:
    """Note which lists decided, and which are in force (``known``, folders). Raises StoreError."""

    def put(changed: Remembered, etag: str | None) -> str:
        body = formats.encode(changed)
        return store.put_if(keys.revocations(bundle), body, etag=etag, content_type=keys.JSON_TYPE).etag

    if lists or known:
        compare_and_set(
            lambda: _held(store, bundle),
            lambda held: Remembered(
                lists={**held.lists, **lists}, known=tuple(sorted({*held.known, *known})) if known else held.known
            ),
            put,
            keys.revocations(bundle),
        )


def _held(store: ObjectStore, bundle: str) -> tuple[Remembered, str | None]:
    """The file and its ETag; what cannot be read is written anew. Raises StoreError, NewerFormat."""
    stored = store.get(keys.revocations(bundle))
    if stored is None:
        return Remembered(), None
    return formats.read_or_none(stored.body, decode, keys.revocations(bundle)) or Remembered(), stored.etag
