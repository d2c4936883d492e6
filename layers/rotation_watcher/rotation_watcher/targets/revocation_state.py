"""Which revocation lists of a trust store are the watcher's: ``revocations.json``, and the same once more.

What is said below ``targets/`` alone counts for nothing (decision 0027): the same content is noted below ``bundles/``,
by the trust store's ARN. Where the two differ, one is lost, or the target was renamed or moved, what the service shows
decides (``revocation_files``).
"""

from collections.abc import Mapping

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.clocks import Instant
from rotation_watcher.config import Target
from rotation_watcher.ports import ObjectStore
from rotation_watcher.x509.crl_facts import order_of

FORMAT = 1


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A list that the watcher added.

    ``id`` is the service's, ``entries`` how many the list has, ``fingerprint`` the SHA-256 of its DER in hex, ``made``
    and ``number`` its ``thisUpdate`` and CRL number: none before it is loaded again. ``folder``: see ``keys.crl``.
    """

    folder: str
    url: str
    id: int
    entries: int
    fingerprint: str
    made: Instant
    number: str | None

    @property
    def order(self) -> tuple[Instant, int]:
        """What grows from one list of a folder to the next."""
        return order_of(self.made, self.number)


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``loaded``: the newest list that was proved, by folder; ``leaving``: what else of the watcher's is there.

    ``others``: the ids of files that were looked into and are somebody else's, sorted.
    """

    arn: str
    loaded: Mapping[str, Loaded] = {}
    leaving: tuple[Loaded, ...] = ()
    others: tuple[int, ...] = ()

    @property
    def ours(self) -> dict[int, Loaded]:
        """The watcher's files, by id."""
        return {one.id: one for one in (*self.leaving, *self.loaded.values())}

    def with_added(self, new: Loaded) -> "State":
        """The state after a list was added and proved: the one before it may leave."""
        before = self.loaded.get(new.folder)
        leaving = (*self.leaving, before) if before and before.id != new.id else self.leaving
        return msgspec.structs.replace(self, loaded={**self.loaded, new.folder: new}, leaving=leaving)


class Known(msgspec.Struct, frozen=True):
    """What was read: ``state`` is begun anew unless both places say the same. ``said`` is what each of them says.

    ``etags`` are theirs, None where nothing is there.
    """

    state: State
    said: tuple[State, ...] = ()
    etags: tuple[str | None, str | None] = (None, None)


def decode(data: bytes) -> State:
    """The state. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=State)


def load(store: ObjectStore, target: Target, former: str = "") -> Known:
    """The state as both places have it. Raises StoreError, NewerFormat.

    ``former``: the id by which a former release kept the target (``Record``): until it is written anew it lies there.
    """
    where = _places(target)
    first, taken_over = store.get(where[0]), False
    if first is None and former:
        first = store.get(keys.target_revocations(keys.former_target(former)))
        taken_over = first is not None
    stored = (first, store.get(where[1]))
    read = [
        formats.read_or_none(each.body, decode, key) if each else None for key, each in zip(where, stored, strict=True)
    ]
    said = tuple(one for one in read if one is not None and one.arn == target.arn)
    sure = len(said) == len(read) and said[0] == said[1]
    etags = (None if first is None or taken_over else first.etag, stored[1].etag if stored[1] else None)
    return Known(said[0] if sure else State(arn=target.arn), said, etags)


def write(store: ObjectStore, target: Target, state: State, known: Known) -> Known:
    """Write it to both places, if nobody wrote there since. Raises Conflict, StoreError."""
    body = formats.encode(state)
    first, second = (
        store.put_if(key, body, etag=etag, content_type=keys.JSON_TYPE).etag
        for key, etag in zip(_places(target), known.etags, strict=True)
    )
    return Known(state, (state, state), (first, second))


def _places(target: Target) -> tuple[str, str]:
    return keys.target_revocations(keys.target(target.arn)), keys.added_lists(target.arn)
