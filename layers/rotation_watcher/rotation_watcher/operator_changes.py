"""Tell people when somebody changed a file that decides whom to trust: a part of ``report``, before all else.

Contract of ``tell``. What lies below ``anchors/``, ``approvals/`` and ``extra/``, and the watch file where it lies in
the bucket, is held against how it was seen last (``status/files.json``). Each difference is told once, with who, where
S3's event has said so: a change of which nothing was said waits ``UNTIL_SAID`` for it, and is told without it then. The
files themselves are the truth: an event that is lost costs the name and no alert, one that comes late is dropped. A
file that was written and deleted between two looks is told by its event alone.

What is new is written to the state together with its alert and then delivered (``alerts.outbox``), before this run
reads its configuration: so it is told whatever becomes of the run. The first run of a stack learns what is there.
Nothing is raised: what the store or the queue cause is in the answer, in words.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import defects, keys
from rotation_watcher.alerts import builders, outbox
from rotation_watcher.alerts.builders import FileChange, Named
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.conditions import Lasting, evaluate, unjudged
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.strange import strange
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Clock, FileEvent, FileEvents, Listed, ObjectStore, Version
from rotation_watcher.status import files_seen, files_state
from rotation_watcher.status.files_state import Known, State
from rotation_watcher.trust.approvals import Approval, decode_approval
from rotation_watcher.x509.certificates import parse_bundle

replace = msgspec.structs.replace

UNTIL_SAID = timedelta(minutes=2)
"""How long a change waits for S3's event: those come within seconds as a rule, or a minute or more (S3 user guide)."""
ONE_BY_ONE = 3
"""Changes of one look that are told one by one; of more there is one alert."""
INTO = 12
"""Changes of one look whose content is read."""
RECEIVES = 20
"""Calls by which events are received in one run, ten in each."""
LARGEST = 1 << 20
"""Bytes of a file that is read; one of a hundred roots has some 200 KB."""
BETWEEN = 4
"""Versions of one file that are read, beside the former one."""
FORGED = "forged:alerts"
OVER = Lasting(2, timedelta(hours=1))


class Ports(NamedTuple):
    """What the look needs of the world. ``events`` None: the bucket tells nobody what is done to it.

    ``watch_file`` is the key of the watch file, empty where it does not lie in the bucket.
    """

    store: ObjectStore
    events: FileEvents | None
    sink: AlertSink
    clock: Clock
    watch_file: str = ""
    remaining: Remaining = unhurried


class Told(NamedTuple):
    """The ids of the alerts that waited for delivery, the keys that changed, and how many files were seen at first.

    ``failed`` is what could not be told or kept, in words.
    """

    alerts: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    learned: int | None = None
    failed: tuple[str, ...] = ()


def tell(ports: Ports, *, dry_run: bool = False) -> Told:
    """Look, note what changed, and deliver the alerts about it; a dry run takes no event and writes nothing."""
    try:
        return _Look(ports).dry() if dry_run else _Look(ports).run()
    except StoreError as error:
        return Told(failed=(f"what people wrote into the bucket: {error}",))
    except Exception as error:  # noqa: BLE001  # whatever it is, the rest of report goes on
        return Told(failed=(f"what people wrote into the bucket: {defects.words(error)}",))


class _Look:
    """One run. What was read of a version of a file is read once, also where another run was faster to write."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._store = TimedStore(ports.store, ports.remaining)
        self._now = ports.clock()
        self._ledger = Ledger(self._store, keys.OPERATOR_FILES)
        self._said: dict[str, list[FileEvent]] = {}
        self._versions_of: dict[str, Sequence[Version]] = {}
        self._failed: list[str] = []
        self._learned: int | None = None
        self._changed: tuple[str, ...] = ()
        self._found = self._list()
        self._loaded = files_state.load(self._store)

    def dry(self) -> Told:
        """What would be told."""
        state = self._change(self._own(self._loaded[0]))
        return Told(tuple(one.id for one in state.outbox), self._changed, self._learned)

    def run(self) -> Told:
        """See ``tell``."""
        self._receive(wait=self._loaded[0] is not None and bool(files_seen.changed(self._found, self._loaded[0])))
        known = self._step(self._loaded, self._change)
        if self._ports.events is not None:
            try:
                self._ports.events.take()
            except StoreError as error:
                self._failed.append(str(error))
        state = known[0] or State()
        waiting = tuple(one.id for one in state.outbox)
        self._ledger.renew(state.outbox, self._now)

        def clear(taken: frozenset[str]) -> bool:
            nonlocal known
            known = self._step(known, lambda held: _without(held or State(), taken))
            return True

        (errors,) = outbox.deliver([outbox.Waiting(state.outbox, clear)], self._ports.sink, self._ports.remaining)
        return Told(waiting, self._changed, self._learned, (*self._failed, *errors))

    def _list(self) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        for folder in keys.DECIDING:
            found |= self._store.listed(folder)
        if self._ports.watch_file:
            found |= self._store.listed(self._ports.watch_file)
        return files_seen.looked_at(found, self._ports.watch_file)

    def _receive(self, *, wait: bool) -> None:
        """What S3 has said. A queue that does not answer costs the names alone."""
        if self._ports.events is None:
            return
        try:
            for _ in range(RECEIVES):
                if self._ports.remaining() < 2 * CALL_TAKES:
                    return
                some = self._ports.events.receive(wait=wait)
                if not some:
                    return
                wait = False
                for event in some:
                    self._said.setdefault(event.key, []).append(event)
        except StoreError as error:
            self._failed.append(str(error))

    def _step(
        self, known: tuple[State | None, str | None], what: Callable[[State | None], State]
    ) -> tuple[State | None, str | None]:
        def change(held: State | None) -> State | None:
            return what(self._own(held))

        def write(changed: State | None, etag: str | None) -> str:
            state = changed or State()
            self._ledger.note(state.outbox)
            return files_state.write(self._store, state, etag)

        return compare_and_set(lambda: files_state.load(self._store), change, write, keys.OPERATOR_FILES, known=known)

    def _own(self, held: State | None) -> State | None:
        """The state without alerts that are not the watcher's, of which people are told."""
        if held is None:
            return None
        alerts = self._ledger.own(held.outbox)
        found = [] if len(alerts) == len(held.outbox) else [strange(FORGED, None, keys.OPERATOR_FILES, self._now)]
        if not found and not held.conditions:
            return held
        resolves = unjudged if found else (lambda _: OVER)
        judged = evaluate(held.conditions, found, self._now, resolves=resolves)
        return replace(held, conditions=judged.conditions, outbox=with_alerts(alerts, judged.alerts))

    def _change(self, held: State | None) -> State:
        """The state after this look, with the alerts about it."""
        self._changed, self._learned = (), None
        if held is None:
            held = files_state.former(self._store)
        if held is None:
            self._learned = len(self._found)
            everything = dict.fromkeys([*files_seen.changed(self._found, State()), files_seen.REST], self._now)
            return files_seen.after(State(), self._found, everything, self._now)
        held = files_seen.of_today(held, self._ports.watch_file)
        if (new := self._ports.watch_file) in self._found and new not in held.files:
            held = files_seen.after(held, self._found, {new: self._now}, self._now)  # a parameter names another one
        keys_of_all = [key for key in files_seen.changed(self._found, held) if not self._may_be_said(key)]
        keys_of_all += files_seen.passed(self._events(), self._found, held)
        if not keys_of_all:
            return held
        changes = [self._into(key, held.files.get(key)) for key in keys_of_all[:INTO] if key != files_seen.REST]
        told = {key: self._found[key].modified if key in self._found else self._now for key in keys_of_all}
        told |= {one.key: one.at for one in changes}
        self._changed = tuple(keys_of_all)
        state = files_seen.after(held, self._found, told, self._now)
        return replace(state, outbox=with_alerts(state.outbox, self._alerts(changes, keys_of_all)))

    def _events(self) -> list[FileEvent]:
        watched = (*keys.DECIDING, *([self._ports.watch_file] if self._ports.watch_file else []))
        return [one for key, some in self._said.items() if key.startswith(watched) for one in some]

    def _may_be_said(self, key: str) -> bool:
        """Whether it is worth waiting for who: it was changed just now, and nothing was said of it yet."""
        if self._ports.events is None or not key.startswith(keys.DECIDING) or self._last_said(key):
            return False
        try:
            newest = self._found.get(key) or next(iter(self._versions(key)), None)
        except StoreError:
            return False
        return newest is not None and timedelta(0) <= self._now - newest.modified < UNTIL_SAID

    def _last_said(self, key: str) -> list[FileEvent]:
        """What was said of a file since it was written as it is now; of one that is gone all that was said."""
        said = sorted(self._said.get(key, []), key=lambda one: one.at)
        if key not in self._found:
            return said
        return [one for one in said if one.at >= self._found[key].modified - files_seen.SLACK]

    def _into(self, key: str, before: Known | None) -> FileChange:
        """What was done to one file."""
        said = sorted(self._said.get(key, []), key=lambda one: one.at)
        if before is not None:
            said = [one for one in said if one.at > before.at + files_seen.SLACK] or self._last_said(key)
        at = self._found[key].modified if key in self._found else said[-1].at if said else self._now
        change = FileChange(
            key=key,
            at=at,
            was_there=before is not None and bool(before.etag),
            is_there=key in self._found,
            by=tuple(dict.fromkeys(one.who for one in reversed(said) if one.who)),
            addresses=tuple(dict.fromkeys(one.address for one in reversed(said) if one.address))[:3],
        )
        try:
            versions = self._versions(key)
        except StoreError as error:
            return replace(change, unread=str(error))
        former = _former(versions, before)
        since = _since(versions, before, former)
        if since and not change.is_there and since[0].deleted:
            change = replace(change, at=since[0].modified)
        change = replace(change, former=former.id if former else None)
        try:
            return self._with_content(change, former, since) if key.startswith(keys.DECIDING) else change
        except StoreError as error:
            return replace(change, unread=str(error))

    def _versions(self, key: str) -> Sequence[Version]:
        if key not in self._versions_of:
            self._versions_of[key] = self._store.versions_of(key)
        return self._versions_of[key]

    def _with_content(self, change: FileChange, former: Version | None, since: Sequence[Version]) -> FileChange:
        then = self._certificates(change.key, former)
        held = [self._certificates(change.key, one) for one in since[:BETWEEN] if not one.deleted]
        now = held[0] if change.is_there and held else {}
        meanwhile = {name: one for some in held for name, one in some.items()}
        change = replace(
            change,
            came=tuple(one for name, one in now.items() if name not in then),
            went=tuple(one for name, one in then.items() if name not in now),
            passed=tuple(one for name, one in meanwhile.items() if name not in now and name not in then),
        )
        return self._approval(change, since) if _is_approval(change.key) else change

    def _approval(self, change: FileChange, since: Sequence[Version]) -> FileChange:
        fingerprint = change.key.removeprefix(keys.APPROVALS).removesuffix(".json")
        change = replace(change, certificate=Named(self._subject(fingerprint), fingerprint))
        live = next((one for one in since if not one.deleted), None)
        stored = self._read(change.key, live) if live else None
        decoded = decode_approval(stored, fingerprint) if stored is not None else None
        if isinstance(decoded, Approval):
            return replace(change, until=decoded.until, root=decoded.root)
        return replace(change, unread="it is no approval that would count") if change.is_there else change

    def _subject(self, fingerprint: str) -> str:
        """The name of a certificate that some source has presented; empty: none has."""
        name = f"/seen/{fingerprint}.pem"
        key = next((one for one in self._store.listed("sources/") if one.endswith(name)), None)
        stored = self._store.get(key) if key else None
        blocks = parse_bundle(stored.body)[0] if stored else ()
        return next((one.certificate.facts.subject for one in blocks if one.certificate), "")

    def _certificates(self, key: str, version: Version | None) -> dict[str, Named]:
        """Those in a version of a file, by SHA-256. What else it holds nobody is told."""
        body = self._read(key, version) if version is not None else None
        blocks = parse_bundle(body)[0] if body and not key.endswith(".json") else ()
        found = [one.certificate for one in blocks if one.certificate is not None]
        return {one.fingerprint: Named(one.facts.subject, one.fingerprint) for one in found}

    def _read(self, key: str, version: Version) -> bytes | None:
        if version.size > LARGEST:
            raise StoreError(f"it has {version.size} bytes")
        stored = self._store.get(key, version=version.id)
        return stored.body if stored else None

    def _alerts(self, changes: Sequence[FileChange], keys_of_all: Sequence[str]) -> list[Alert]:
        bucket, now = self._store.bucket, self._now
        pairs = _pairs(changes)
        if len(pairs) <= ONE_BY_ONE and len(changes) == len(keys_of_all):
            return [
                builders.operator_file_changed(change=one, beside=beside, bucket=bucket, now=now)
                for one, beside in pairs
            ]
        text = "\n".join([*keys_of_all, *(f"{one.key} {stamp(one.at)}" for one in changes), stamp(now)])
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
        more = len(keys_of_all) - len(changes)
        return [builders.operator_files_changed(changes=changes, more=more, bucket=bucket, digest=digest, now=now)]


def _without(state: State, taken: frozenset[str]) -> State:
    """The state when these alerts, by key, were delivered."""
    return replace(state, outbox=tuple(one for one in state.outbox if one.key not in taken))


def _is_approval(key: str) -> bool:
    return key.startswith(keys.APPROVALS) and key.endswith(".json")


def _pairs(changes: Sequence[FileChange]) -> list[tuple[FileChange, FileChange | None]]:
    """An approval together with the chain that lies beside it, every other file by itself."""
    by_key: Mapping[str, FileChange] = {one.key: one for one in changes}
    chains = {one.key: f"{one.key.removesuffix('.json')}.pem" for one in changes if _is_approval(one.key)}
    taken = {chain for chain in chains.values() if chain in by_key}
    return [(one, by_key.get(chains.get(one.key, ""))) for one in changes if one.key not in taken]


def _former(versions: Sequence[Version], before: Known | None) -> Version | None:
    """The version that was seen last."""
    if before is None or not before.etag:
        return None
    same = [one for one in versions if not one.deleted and one.etag == before.etag]
    return next((one for one in same if one.modified == before.at), None)


def _since(versions: Sequence[Version], before: Known | None, former: Version | None) -> list[Version]:
    """The versions since then, the newest first; of a file that was not known those of its last life."""
    if former is not None:
        return [*versions[: versions.index(former)]]
    if before is not None:
        newer = [one for one in versions if one.modified > before.at]
        return newer + [one for one in versions if one.modified == before.at and not one.deleted and not before.etag]
    life: list[Version] = []
    for one in versions:
        if one.deleted and life and not life[-1].deleted:
            break
        life.append(one)
    return life
