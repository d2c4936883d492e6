"""Tell people when somebody changed a file that decides whom to trust: a part of ``report``, before all else.

Contract of ``tell``. What lies below ``anchors/``, ``approvals/`` and ``extra/``, and the watch file where it lies in
the bucket, is held against how it was seen last (``status/files.json``). Each difference is told once, with who, where
S3's event has said so: a change of which nothing was said waits ``UNTIL_SAID`` for it, and is told without it then. The
files themselves are the truth: an event that is lost costs the name and no alert, one that comes late is dropped. What
was written and deleted for good between two looks is told by its event alone. What one look has no room for the next
one tells, the events about it being left on their queue. A claim of the state that no look bears out is void.

What is new is written to the state together with its alert and then delivered (``alerts.outbox``), before this run
reads its configuration: so it is told whatever becomes of the run. The first run of a stack learns what is there.
Nothing is raised: what the store or the queue cause is in the answer, in words.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec

from rotation_watcher import defects, keys
from rotation_watcher.alerts import builders, outbox
from rotation_watcher.alerts.builders import FileChange
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.conditions import Lasting, evaluate, strange, unjudged
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Clock, FileEvent, FileEvents, Listed, ObjectStore
from rotation_watcher.status import files_change, files_read, files_seen, files_state
from rotation_watcher.status.files_change import is_approval
from rotation_watcher.status.files_said import Said
from rotation_watcher.status.files_state import Known, State

replace = msgspec.structs.replace

UNTIL_SAID = timedelta(minutes=2)
"""How long a change waits for S3's event: those come within seconds as a rule, or a minute or more (S3 user guide)."""
ONE_BY_ONE = 3
"""Changes of one look that are told one by one; of more there is one alert."""
INTO = 60
"""Changes that one look tells; the next one tells more."""
LEARNED = 20
"""Files whose content is read in one look though nobody changed them."""
RECEIVES = 1000
"""Calls by which events are received in one run at most, ten in each."""
QUEUE = 0.2
"""The share of a run in which events are received: of more the next run hears."""
LAST = 15.0
"""Seconds, besides those of a call, that are left to the run when no more events are taken off their queue."""
FORGED = "forged:alerts"
OVER = Lasting(2, timedelta(hours=1))


class Ports(msgspec.Struct, frozen=True):
    """What the look needs of the world. ``events`` None: the bucket tells nobody what is done to it.

    ``watch_file`` is the key of the watch file, empty where it does not lie in the bucket.
    """

    store: ObjectStore
    events: FileEvents | None
    sink: AlertSink
    clock: Clock
    watch_file: str = ""
    remaining: Remaining = unhurried


class Told(msgspec.Struct, frozen=True):
    """The ids of the alerts that waited for delivery, the keys that changed, and how many files were seen at first.

    ``failed`` is what could not be told or kept, in words; ``unheard`` why S3 was not heard, which costs names alone.
    """

    alerts: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    learned: int | None = None
    failed: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()


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
        self._all = 0.0 if math.isinf(ports.remaining()) else ports.remaining()
        self._reader = files_read.Reader(self._store, ports.remaining)
        self._said = Said()
        self._unheard: list[str] = []
        self._learned: int | None = None
        self._changed: tuple[str, ...] = ()
        self._left: frozenset[str] = frozenset()
        self._found: dict[str, Listed] = {}
        self._later: frozenset[str] = frozenset()
        self._loaded: tuple[State | None, str | None] = (None, None)
        self._overtaken = False

    def dry(self) -> Told:
        """What would be told."""
        self._loaded, self._found = files_state.load(self._store), self._list()
        state = self._change(self._own(self._loaded[0]))
        return Told(tuple(one.id for one in state.outbox), self._changed, self._learned)

    def run(self) -> Told:
        """See ``tell``."""
        self._look()
        known = self._step(self._loaded, self._change)
        self._take()
        state = known[0] or State()
        waiting = tuple(one.id for one in state.outbox)
        self._ledger.renew(state.outbox, self._now)

        def clear(taken: frozenset[str]) -> bool:
            nonlocal known
            known = self._step(known, lambda held: _without(held or State(), taken))
            return True

        (errors,) = outbox.deliver([outbox.Waiting(state.outbox, clear)], self._ports.sink, self._ports.remaining)
        return Told(waiting, self._changed, self._learned, (*errors,), (*self._unheard,))

    def _look(self) -> None:
        """Hear what S3 has said, then list: of what is done after that the next look hears and tells."""
        self._receive(self._said, wait=False)
        self._now = self._ports.clock()
        self._loaded = files_state.load(self._store)
        self._found = self._list()
        if not self._unheard and self._unsaid():
            heard = Said()
            self._receive(heard, wait=True)
            self._later = self._said.join(heard, self._found, self._now)

    def _unsaid(self) -> bool:
        """Whether S3 has not said who: a queue that is asked without waiting gives a part of what it holds, or none."""
        held = self._loaded[0]
        if held is None:
            return False
        deciding = (key for key in files_seen.changed(self._found, held) if key.startswith(keys.DECIDING))
        return any(not self._said.since(key, held.files.get(key), self._found.get(key)) for key in deciding)

    def _list(self) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        for folder in keys.DECIDING:
            found |= self._store.listed(folder)
        if self._ports.watch_file:
            found |= self._store.listed(self._ports.watch_file)
        return files_seen.looked_at(found, self._ports.watch_file)

    def _in_time(self) -> bool:
        """Whether what S3 has said may take more of the run."""
        return self._ports.remaining() >= max(2 * CALL_TAKES, self._all * (1 - QUEUE))

    def _receive(self, said: Said, *, wait: bool) -> None:
        """What S3 has said. A queue that does not answer costs the names, and no alert."""
        if self._ports.events is None:
            return
        try:
            for _ in range(RECEIVES):
                if not self._in_time() or (some := self._ports.events.receive(wait=wait)) is None:
                    return
                wait = False
                for event in some:
                    if files_seen.counts(event.key, self._ports.watch_file):
                        said.add(event)
        except StoreError as error:
            self._unheard.append(str(error))

    def _take(self) -> None:
        if self._ports.events is not None and not self._unheard:
            try:
                self._ports.events.take(
                    leave=self._left | self._later, in_time=lambda: self._ports.remaining() > CALL_TAKES + LAST
                )
            except StoreError as error:
                self._unheard.append(str(error))

    def _step(
        self, known: tuple[State | None, str | None], what: Callable[[State | None], State]
    ) -> tuple[State | None, str | None]:
        def change(held: State | None) -> State | None:
            return what(self._own(held))

        def write(changed: State | None, etag: str | None) -> str:
            state = changed or State()
            self._ledger.note(state.outbox)
            return files_state.write(self._store, state, etag)

        def load() -> tuple[State | None, str | None]:
            found = files_state.load(self._store)
            self._overtaken = found[1] != self._loaded[1]
            return found

        return compare_and_set(load, change, write, keys.OPERATOR_FILES, known=known)

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
        self._changed, self._learned, self._left = (), None, frozenset()
        if held is not None and self._overtaken:  # that look may be newer than this one: the next goes on from it
            self._left = self._said.keys
            return held
        if held is None:
            held = files_state.former(self._store)
        if held is None:
            self._learned = len(self._found)
            everything = [*files_seen.changed(self._found, State()), files_seen.REST]
            return self._learn(files_seen.after(State(), self._found, self._known(everything), self._now))
        held = files_seen.of_today(held, self._ports.watch_file)
        if (new := self._ports.watch_file) in self._found and new not in held.files:
            held = files_seen.after(held, self._found, self._known([new]), self._now)  # a parameter names another one
        different = files_seen.changed(self._found, held)
        waiting = {key for key in different if self._may_be_said(key, held.files.get(key))}
        events = self._said.all
        unfounded = self._unfounded(events, held, different)
        found = {key for key in different if key not in waiting and key != files_seen.REST} | {*unfounded}
        found |= {*files_seen.passed(events, self._found, held), *files_seen.traceless(events, self._found, held)}
        done = {
            key: self._found[key].modified if key in self._found else self._said.first(key, self._now) for key in found
        }
        in_order = files_seen.ordered(found, done, held)
        before = {key: unfounded[key] if key in unfounded else held.files.get(key) for key in in_order}
        changes: list[FileChange] = []
        for key in in_order[:INTO]:
            if changes and self._reader.tired:
                break
            changes.append(
                files_change.described(
                    key,
                    before[key],
                    self._found.get(key),
                    claimed=key in unfounded,
                    said=self._said,
                    reader=self._reader,
                    now=self._now,
                )
            )
        self._left = frozenset({*waiting, *in_order[len(changes) :]})
        beyond = files_seen.REST in different
        if not in_order and not beyond:
            return self._learn(held)
        self._changed = (*in_order[: len(changes)], *([files_seen.REST] if beyond else []))
        state = files_seen.after(held, self._found, self._known(self._changed, changes), self._now)
        without_room = [key for key in self._said.keys if beyond and key in self._found and key not in held.files]
        people = self._said.people({**dict.fromkeys(without_room), **before}, self._found)
        alerts = self._alerts(changes, len(in_order) - len(changes), people, beyond=beyond)
        return self._learn(replace(state, outbox=with_alerts(state.outbox, alerts)))

    def _known(self, told: Sequence[str], changes: Sequence[FileChange] = ()) -> dict[str, Known]:
        """How these stand, for the state."""
        at = {one.key: one.at for one in changes}
        back = {one.key for one in changes if one.older or one.same}
        known = {}
        for key in told:
            # No version says when one was deleted for good: what is said of that later is of what is told now.
            gone = key not in self._found and at.get(key) == self._now
            timeless = gone or key in back or files_seen.in_parts(self._found.get(key))
            heard = self._said.newest(key)
            heard = max(heard or self._now, self._now) if timeless else heard
            if key in self._found:
                known[key] = Known(etag=self._found[key].etag, at=self._found[key].modified, heard=heard)
            else:
                known[key] = Known(at=at.get(key, self._now), heard=heard)
        return known

    def _learn(self, state: State) -> State:
        """Read files that nobody has read yet, some in each run: later their versions may be deleted for good."""
        files = dict(state.files)
        for key in files_seen.unread(state, self._found, self._now)[:LEARNED]:
            if self._reader.tired:
                break
            try:
                found = files_read.life(
                    self._reader.versions(key, files[key].at), files[key], self._found[key], self._now
                )
                holds = self._reader.certificates(key, found.live) if found.live else None
            except files_read.Unreadable:
                holds = None
            except StoreError:
                continue  # it may pass: the next look asks again
            unread = replace(files[key], unread=True)
            files[key] = unread if holds is None else files_seen.with_room(files, key, holds)
        return state if files == state.files else replace(state, files=files)

    def _unfounded(self, events: Sequence[FileEvent], held: State, different: Sequence[str]) -> dict[str, Known | None]:
        """The files of which the state claims that it was told what no look told, with what was known before."""
        late = sorted({one.key for one in events if one.key in held.files} - {*different})
        late = [key for key in late if self._said.of_now(key, self._found.get(key))]
        chain = files_state.chain(self._store) if late else []
        found = {key: files_seen.unfounded(key, chain) for key in late}
        return {key: before for key, (claimed, before) in found.items() if claimed}

    def _may_be_said(self, key: str, before: Known | None) -> bool:
        """Whether it is worth waiting for who: it was changed just now, and nothing was said of it yet."""
        if self._ports.events is None or not key.startswith(keys.DECIDING):
            return False
        listed = self._found.get(key)
        now = self._said.of_now(key, listed)
        if any(one in now for one in self._said.since(key, before, listed)):
            return False
        try:
            newest = listed or next(iter(self._reader.versions(key, None)), None)
        except StoreError:
            return False
        return newest is not None and timedelta(0) <= self._now - newest.modified < UNTIL_SAID

    def _alerts(self, changes: Sequence[FileChange], more: int, people: Sequence[str], *, beyond: bool) -> list[Alert]:
        bucket, now = self._store.bucket, self._now
        pairs = _pairs(changes)
        if len(pairs) <= ONE_BY_ONE and not more and not beyond:
            return [
                builders.operator_file_changed(change=one, beside=beside, bucket=bucket, now=now)
                for one, beside in pairs
            ]
        text = "\n".join([*(f"{one.key} {stamp(one.at)}" for one in changes), str(more), stamp(now)])
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
        return [
            builders.operator_files_changed(
                changes=changes,
                more=more,
                beyond=beyond,
                people=people,
                bucket=bucket,
                digest=digest,
                now=now,
            )
        ]


def _without(state: State, taken: frozenset[str]) -> State:
    """The state when these alerts, by key, were delivered."""
    return replace(state, outbox=tuple(one for one in state.outbox if one.key not in taken))


def _pairs(changes: Sequence[FileChange]) -> list[tuple[FileChange, FileChange | None]]:
    """An approval with the chain beside it where the same was done to both by the same; every other file by itself."""
    by_key: Mapping[str, FileChange] = {one.key: one for one in changes}
    chains = {one.key: by_key.get(f"{one.key.removesuffix('.json')}.pem") for one in changes if is_approval(one.key)}
    beside = {key: one for key, one in chains.items() if one and _done(one) == _done(by_key[key])}
    taken = {one.key for one in beside.values()}
    return [(one, beside.get(one.key)) for one in changes if one.key not in taken]


def _done(change: FileChange) -> tuple[object, ...]:
    return change.verb, change.by, change.claimed
