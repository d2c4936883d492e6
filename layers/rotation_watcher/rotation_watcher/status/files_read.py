"""What the versions of an operator's file hold, read once in a run, and no more of them than a run has room for."""

import itertools
from collections.abc import Sequence
from datetime import datetime

import msgspec

from rotation_watcher.alerts.builders import Named
from rotation_watcher.deadline import CALL_TAKES, Remaining
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Listed, ObjectStore, Version
from rotation_watcher.status.files_seen import FORGOTTEN, SLACK, in_parts, written_by
from rotation_watcher.status.files_state import Known
from rotation_watcher.x509.certificates import parse_bundle

LARGEST = 1 << 20
"""Bytes of a file that is read; one of a hundred roots has some 200 KB."""
BETWEEN = 20
"""Versions of one file that are read, beside the former one."""
READS = 150
"""Versions that are read in one run: some seconds."""

type Certificates = dict[str, Named]
"""By SHA-256."""


class Unreadable(StoreError):
    """A version that nobody reads, however often it is asked for."""


class Life(msgspec.Struct, frozen=True):
    """The versions of one file, each the newest first. ``live``: the one that the file is now (None: it is deleted).

    ``former``: the one that was seen last (None: there was none, or it is deleted for good). ``since``: those written
    since then and the marks of deletions, ``live`` among them if it is so new. ``older``: what the file is now was
    written before that.
    """

    live: Version | None
    former: Version | None
    since: Sequence[Version]
    older: bool


class Read(msgspec.Struct, frozen=True):
    """The certificates of a file: now, and of the versions since; ``skipped`` is how many of those were not read.

    ``now`` None: it could not be read, and ``why``.
    """

    now: Certificates | None
    meanwhile: Certificates
    skipped: int
    why: str = ""


class Reader:
    """Over one store, for one run."""

    def __init__(self, store: ObjectStore, remaining: Remaining) -> None:
        self.store = store
        self._remaining = remaining
        self._versions: dict[str, tuple[datetime | None, Sequence[Version]]] = {}
        self._certificates: dict[tuple[str, str | None], Certificates] = {}

    @property
    def tired(self) -> bool:
        """Whether another file is better left to the next run."""
        return len(self._certificates) >= READS or self._remaining() < 2 * CALL_TAKES

    def versions(self, key: str, until: datetime | None) -> Sequence[Version]:
        """All back to that time; None: the newest. Asked once, and again by who needs older ones. Raises StoreError."""
        if (known := self._versions.get(key)) and (until is None or (known[0] is not None and known[0] <= until)):
            return known[1]
        found = self.store.versions_of(key, until=until)
        self._versions[key] = until, found
        return found

    def body(self, key: str, version: Version) -> bytes:
        """What a version holds. Raises Unreadable, StoreError."""
        if version.size > LARGEST:
            raise Unreadable(f"it has {version.size} bytes")
        stored = self.store.get(key, version=version.id)
        # One without an id cannot be asked for once there are others: S3 gives the newest.
        if stored is None or (version.id is None and stored.etag != version.etag):
            raise Unreadable("S3 does not give it")
        return stored.body

    def certificates(self, key: str, version: Version) -> Certificates:
        """Those in a version of a file. What else it holds nobody is told. Raises StoreError."""
        if key.endswith(".json"):
            return {}
        if (key, version.id) not in self._certificates:
            blocks = parse_bundle(self.body(key, version))[0]
            found = [one.certificate for one in blocks if one.certificate is not None]
            named = {one.fingerprint: Named(one.facts.subject, one.fingerprint) for one in found}
            self._certificates[key, version.id] = named
        return self._certificates[key, version.id]

    def read(self, key: str, life: Life) -> Read:
        """What the file holds and held since."""
        now, why = self._now(key, life)
        others = [one for one in life.since if not one.deleted and one is not life.live]
        meanwhile, skipped = dict(now or {}), max(0, len(others) - BETWEEN)
        for one in _each_text_first(others)[:BETWEEN]:
            if self.tired:
                skipped += 1
                continue
            try:
                meanwhile |= self.certificates(key, one)
            except StoreError:
                skipped += 1
        return Read(now, meanwhile, skipped, why)

    def _now(self, key: str, life: Life) -> tuple[Certificates | None, str]:
        try:
            return self.certificates(key, life.live) if life.live else {}, ""
        except StoreError as error:
            return None, str(error)

    def known(self, key: str, before: Known | None, life: Life) -> Certificates | None:
        """What it held when it was seen last; None: nobody knows any more."""
        if before is None or not before.etag:
            return {}
        try:
            if life.former is not None:
                return self.certificates(key, life.former)
        except StoreError:
            pass
        return None if before.holds is None else {one: Named("", one) for one in before.holds}


def life(versions: Sequence[Version], before: Known | None, listed: Listed | None, now: datetime) -> Life:
    """What became of a file since it was seen last. What was written after the listing is not looked at."""
    if listed is not None:
        at = next((place for place, one in enumerate(versions) if _is(one, listed.etag, listed.modified)), 0)
        live = versions[at] if versions and not versions[at].deleted else None
    else:
        at, live = next((place for place, one in enumerate(versions) if one.deleted), len(versions)), None
    versions = versions[at:]
    former = next((one for one in versions if before and before.etag and _is(one, before.etag, before.at)), None)
    since = _since(versions, before, former, now)
    if before is None or live is None or former is not None:
        return Life(live, former, since, older=False)
    older = live.modified <= written_by(before) if before.etag else live.modified < before.at - SLACK
    return Life(live, former, since, older)


def _is(version: Version, etag: str, modified: datetime) -> bool:
    return not version.deleted and (version.etag, version.modified) == (etag, modified)


def _since(
    versions: Sequence[Version], before: Known | None, former: Version | None, now: datetime
) -> Sequence[Version]:
    """The versions since then; of a file that was not known its last life, and all for as long as a look remembers."""
    if former is not None:
        return versions[: versions.index(former)]
    if before is not None:
        seen = written_by(before)
        newer = _newer(versions, seen)
        same = (one for one in versions[newer:] if one.modified == seen and not one.deleted)
        return [*versions[:newer], *same]
    lives = itertools.pairwise(versions)
    last = next((place for place, (one, below) in enumerate(lives, 1) if below.deleted and not one.deleted), None)
    return versions[: None if last is None else max(last, _newer(versions, now - FORGOTTEN))]


def _newer(versions: Sequence[Version], than: datetime) -> int:
    """How many were written after that; those uploaded in parts, whose time is that of their beginning, may be."""
    number = max((place for place, one in enumerate(versions, 1) if one.modified > than), default=0)
    return number + sum(1 for _ in itertools.takewhile(in_parts, versions[number:]))


def _each_text_first(versions: Sequence[Version]) -> list[Version]:
    """One version of each text before the others: whoever writes one text often hides no other text by it."""
    first = {one.etag: one for one in reversed(versions)}
    chosen = {id(one) for one in first.values()}
    return [*(one for one in versions if id(one) in chosen), *(one for one in versions if id(one) not in chosen)]
