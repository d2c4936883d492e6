"""What a door holds between two requests: the policy and the revocation indexes, refreshed while a request waits.

At most every ``EVERY`` (``HURRIED`` where that matters) the policy and the manifests of its lists are asked for by
ETag, within ``BUDGET``: what does not fit is gone on with at the next request. Whatever fails leaves the last good one
in force. A policy that could not be confirmed for ``LIMIT`` lets nobody in: it only matters if it is current.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.identity.decision import Decision, decide
from rotation_watcher.identity.policy import Policy, PolicyError, read_policy
from rotation_watcher.identity.ports import Mapper, Objects
from rotation_watcher.revocation.points import folders_of
from rotation_watcher.x509.revocation_index import Index, IndexDefect, open_index

EVERY = timedelta(seconds=60)
"""How often it asks whether something is new."""
HURRIED = timedelta(seconds=5)
"""How often it asks while it has no policy that counts; after an unknown leaf has woken a look, for ``HURRY``."""
HURRY = timedelta(minutes=2)
BUDGET = timedelta(milliseconds=200)
"""How long a request may wait for that."""
FIRST_BUDGET = timedelta(seconds=3)
"""How long a request may wait while there is no policy that counts: without one nobody is let in."""
LEAST = 0.05
"""Seconds that must be left to ask for one more object: a shorter wait would be in vain."""
LIMIT = timedelta(hours=24)
"""How old the last confirmation of the policy may be."""
CHUNK = 1 << 20
"""Bytes that are asked for at once of an index."""
MAX_INDEX = 64 << 20
"""The longest index that is fetched: three million rows."""


class _Part(msgspec.Struct, frozen=True):
    version: str | None
    size: int
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    """A list's manifest (``revocation/manifest.py``), as far as a door reads it."""

    index: _Part


class _TimeIsUp(StoreError):
    """What is left of the time is too short for one more object."""


class _Unusable(StoreError):
    """An index that is not what its manifest says, or none."""


class _List:
    """One followed list: the index in force, and what is wanted of a newer one and fetched so far."""

    def __init__(self) -> None:
        self.etag: str | None = None
        self.due = True
        """Whether its manifest is to be asked for."""
        self.asked = datetime.min.replace(tzinfo=UTC)
        """When it was asked for last."""
        self.resting = False
        """Whether it failed: it has its turn again when all are due."""
        self.absent = False
        """Whether there was none."""
        self.wanted: _Part | None = None
        self.fetched = bytearray()
        self.index: Index | None = None
        self.confirmed: datetime | None = None
        """When it was last known to be the newest."""

    def current(self, now: datetime) -> bool:
        """Whether it can clear somebody: it is there, was confirmed within ``LIMIT``, and has not run out."""
        if self.index is None or self.confirmed is None or now - self.confirmed > LIMIT:
            return False
        return (self.index.next_update or now) >= now


class Door:
    """A door of one bundle. ``mapper`` maps the indexes; ``clock`` gives aware UTC."""

    def __init__(self, objects: Objects, bundle: str, mapper: Mapper, clock: Callable[[], datetime]) -> None:
        self._objects, self._map, self._clock = objects, mapper, clock
        self._key = keys.identity(bundle)
        self._policy: Policy | None = None
        self._etag: str | None = None
        self._lists: dict[str, _List] = {}
        self._asked: datetime | None = None
        self._confirmed: datetime | None = None
        self._unfinished = False
        self._hurry_until: datetime | None = None

    def decide(self, leaf: object, *, region: str | None = None) -> tuple[Decision, list[str]]:
        """The decision, and what went wrong while the policy was refreshed, in words. Never raises."""
        failures = self._refresh()
        now = self._clock()
        if self._policy is not None and self._is_too_old(now):
            return Decision(allowed=False, reason="policy-too-old"), failures
        return decide(leaf, self._policy, now, self._revoked, self._speaks, region=region), failures

    def _is_too_old(self, now: datetime) -> bool:
        return self._confirmed is None or now - self._confirmed > LIMIT

    def hurry(self) -> None:
        """Ask more often for a while: something new is about to be published."""
        self._hurry_until = self._clock() + HURRY

    def _revoked(self, issuer_key: str, serial: int) -> bool | None:
        folders = self._followed(issuer_key)
        held = [one for folder in folders if (one := self._lists.get(folder))]
        if any(one.index.contains(serial) for one in held if one.index):
            return True  # however old it is
        now = self._clock()
        current = len(held) == len(folders) and all(one.current(now) for one in held)
        return False if folders and current else None

    def _speaks(self, issuer_key: str, leaf: x509.Certificate) -> bool:
        """Whether a followed list speaks of this leaf; where it names no place, any list of its issuer does."""
        folders = folders_of(issuer_key, leaf)
        return folders is None or not folders.isdisjoint(self._followed(issuer_key))

    def _followed(self, issuer_key: str) -> tuple[str, ...]:
        """The folders of the lists of an issuer that the policy names."""
        return self._policy.lists.get(issuer_key, ()) if self._policy else ()

    def _refresh(self) -> list[str]:
        """Ask for what is new, if it is time. What went wrong, in words."""
        begin = self._clock()
        useless = self._policy is None or self._is_too_old(begin)
        lacking = any(one.index is None and not one.absent for one in self._lists.values())
        hurried = useless or lacking or (self._hurry_until is not None and begin < self._hurry_until)
        since = None if self._asked is None else begin - self._asked
        due = since is None or not timedelta(0) <= since < (HURRIED if hurried else EVERY)
        if not (due or self._unfinished):
            return []
        deadline = begin + (FIRST_BUDGET if useless else BUDGET)
        failures = []
        if due:
            self._asked = begin
            failures += self._tried(lambda: self._refresh_policy(deadline))
            for one in self._lists.values():
                one.due, one.resting = True, False
        self._unfinished = False
        for folder, issuer_key in self._in_turn():
            one = self._lists[folder]
            failures += self._tried(lambda: self._refresh_list(folder, issuer_key, one, deadline))  # noqa: B023  # called at once
        return failures

    def _in_turn(self) -> list[tuple[str, str]]:
        """The folders of the lists, each with its issuer's key: those first that had their turn longest ago."""
        followed = self._policy.lists.items() if self._policy else ()
        pairs = [(folder, issuer_key) for issuer_key, folders in followed for folder in folders]
        for folder, _ in pairs:
            self._lists.setdefault(folder, _List())
        return sorted(pairs, key=lambda pair: self._lists[pair[0]].asked)

    def _tried(self, step: Callable[[], None]) -> list[str]:
        try:
            step()
        except (StoreError, PolicyError) as error:
            return [str(error)[:300]]
        return []

    def _within(self, deadline: datetime) -> float:
        """The seconds that are left. Raises StoreError if they are too few."""
        left = (deadline - self._clock()).total_seconds()
        if left < LEAST:
            self._unfinished = True
            raise _TimeIsUp("the time for a refresh is up; the next request goes on")
        return left

    def _refresh_policy(self, deadline: datetime) -> None:
        got = self._objects.get(self._key, etag=self._etag, within=self._within(deadline))
        if not got.etag:
            raise StoreError(f"{self._key} is not there, or may not be read: publish writes it, for each bundle")
        if got.body is not None:
            try:
                self._policy = read_policy(got.body)
            except PolicyError as error:
                raise PolicyError(f"{self._key} cannot be used ({error}): run publish, which writes it anew") from None
            self._etag = got.etag
            followed = {folder for folders in self._policy.lists.values() for folder in folders}
            self._lists = {folder: one for folder, one in self._lists.items() if folder in followed}
        self._confirmed = self._clock()

    def _refresh_list(self, folder: str, issuer_key: str, one: _List, deadline: datetime) -> None:
        if one.resting:
            return
        try:
            self._follow(folder, issuer_key, one, deadline)
        except _TimeIsUp:
            raise
        except StoreError:
            one.resting = True  # a list that is slow keeps no other one waiting
            raise

    def _follow(self, folder: str, issuer_key: str, one: _List, deadline: datetime) -> None:
        if one.due:
            key = f"{folder}/manifest.json"
            within = self._within(deadline)
            one.due, one.asked = False, self._clock()
            got = self._objects.get(key, etag=one.etag, within=within)
            one.absent = not got.etag
            if not got.etag:
                raise StoreError(f"{key} is not there, or may not be read: refresh_crls writes it")
            if got.body is not None:
                try:
                    named = msgspec.json.decode(got.body, type=_Manifest)
                except UNDECODABLE as error:
                    raise StoreError(f"{key} cannot be read ({error}): refresh_crls writes it anew") from error
                if not 0 < named.index.size <= MAX_INDEX:
                    raise StoreError(f"{key} names an index of {named.index.size} bytes, at most {MAX_INDEX} are read")
                one.wanted, one.etag, one.fetched = named.index, got.etag, bytearray()
            elif one.wanted is None:
                one.confirmed = self._clock()
        if one.wanted is None:
            return
        try:
            self._fetch(f"{folder}/index.bin", one.wanted, one.fetched, deadline)
            one.index = self._opened(f"{folder}/index.bin", issuer_key, one.wanted, bytes(one.fetched))
        except _Unusable:
            one.etag = None  # it is asked for anew when it is time again
            one.wanted, one.fetched = None, bytearray()
            raise
        one.wanted, one.fetched, one.confirmed = None, bytearray(), self._clock()

    def _fetch(self, key: str, wanted: _Part, fetched: bytearray, deadline: datetime) -> None:
        """Go on with what is fetched, part by part: each part stays, whatever happens to the next."""
        while (begin := len(fetched)) < wanted.size:
            length = min(CHUNK, wanted.size - begin)
            within = self._within(deadline)
            part = self._objects.part(key, version=wanted.version, begin=begin, length=length, within=within)
            if len(part) != length:
                raise _Unusable(f"{key} is shorter than its manifest says")
            fetched += part

    def _opened(self, key: str, issuer_key: str, wanted: _Part, body: bytes) -> Index:
        if hashlib.sha256(body).hexdigest() != wanted.sha256:
            raise _Unusable(f"{key} is not what its manifest says")
        opened = open_index(self._map(body), issuer_key=issuer_key)
        if isinstance(opened, IndexDefect):
            raise _Unusable(f"{key}: {opened.code}: {opened.detail}")
        return opened
