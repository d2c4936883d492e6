"""What is no longer watched: a source or target that was taken out leaves no condition open for ever.

Contract. The functions note what their last accepted configuration watched (``configuration``); what the next one
leaves out, or names otherwise by the same id, is wound up: each condition that people were told of is resolved by name,
with why. What is watched by another id from now on is over by the old one alone, and goes on by the new one. It is done
when that was written and delivered; until then each run tries again, so a crash or a mailbox that has not confirmed yet
loses no end. What a target holds stays, and of its state the graces alone are forgotten: they begin anew, and are told
anew, should it be watched again one day. What is watched now is never wound up, whatever the notes say.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, configuration, defects, keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.builders.ending import UNWATCHED, own_id
from rotation_watcher.alerts.conditions import Condition, over
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import SourceName, TargetName
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.compare_and_set import Versioned, compare_and_set
from rotation_watcher.config import Source, Watch
from rotation_watcher.deadline import Remaining, TimedStore, unhurried
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import Clock, ObjectStore
from rotation_watcher.sources import history, repository
from rotation_watcher.sources.history import History
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.repository import hand_over

TAKES = 60.0
"""Seconds of one run that winding up targets may take."""


class Ports(NamedTuple):
    """What winding up needs of the world."""

    store: ObjectStore
    sink: AlertSink
    clock: Clock
    remaining: Remaining = unhurried


class Ends(msgspec.Struct, frozen=True):
    """What winding up came to: what failed, in words, and the sources that may not be observed before it succeeds."""

    failures: tuple[str, ...] = ()
    unready: frozenset[str] = frozenset()


def sources(dropped: Mapping[str, str], watch: Watch, ports: Ports, *, noted: bool = True) -> Ends:
    """Wind up these sources (id and region), and note those that are done. ``noted``: whether all of them are known.

    What is known of a region goes on by the id by which it is watched now. A source to which it could not be handed
    over yet is unready: observed now, it would begin anew, and what its file holds of another region would be gone.
    Where it is not known which are gone, that is so of each that knows nothing.
    """
    watched = {known.id: known.region for known in watch.sources}
    gone = {key: region for key, region in dropped.items() if watched.get(key) != region}
    handover = _Handover(gone, watch, ports._replace(store=TimedStore(ports.store, ports.remaining)))
    return handover.run() if noted else handover.none_begins()


class _Handover:
    """Each step is done for all before the next one: two ids may have changed places.

    What an id keeps is read, set aside where that id reads another region now, and told to be over before anything is
    written over it. ``heirs`` know nothing of their region yet.
    """

    def __init__(self, gone: Mapping[str, str], watch: Watch, ports: Ports) -> None:
        self._gone, self._ports, self._store = gone, ports, ports.store
        self._watched = {one.id: one for one in watch.sources}
        self._heirs: dict[str, Source] = {}
        self._known: dict[str, History] = {}

    def run(self) -> Ends:
        """Do it as far as it can be done."""
        regions = {*self._gone.values()}
        found = _each({key: one.region for key, one in self._watched.items() if one.region in regions}, self._find)
        read = _each(self._gone, self._read)
        ended = _each({key: self._gone[key] for key in read.done}, self._end)
        failed = {*read.failed, *ended.failed}
        missing = {self._gone[key] for key in failed}
        unready = {*found.failed, *(failed & self._watched.keys())}
        unready |= {key for key, one in self._heirs.items() if one.region in missing}
        handed = _each({key: one.region for key, one in self._heirs.items() if key not in unready}, self._hand_over)
        unready |= {*handed.failed}
        waiting = {self._watched[key].region for key in unready}
        done = [key for key in ended.done if self._gone[key] not in waiting]
        unsettled = _settled(done, partial(configuration.sources_wound_up, self._store))
        failures = (found.failures, read.failures, ended.failures, handed.failures, unsettled)
        return Ends(tuple(words for some in failures for words in some), frozenset(unready))

    def none_begins(self) -> Ends:
        """Nothing is done, and what knows nothing waits."""
        found = _each({key: one.region for key, one in self._watched.items()}, self._find)
        return Ends(found.failures, frozenset({*found.failed, *self._heirs}))

    def _find(self, source: str, _region: str) -> bool:
        if repository.begins(self._store, self._watched[source]):
            self._heirs[source] = self._watched[source]
        return True

    def _read(self, source: str, region: str) -> bool:
        if source in self._watched or any(one.region == region for one in self._watched.values()):
            kept = repository.former(self._store, source, region)
            if kept is not None and source in self._watched:
                repository.set_aside(self._store, kept)
            if kept is not None:
                self._known[source] = kept
        return True

    def _end(self, source: str, region: str) -> bool:
        name, place = SourceName(source, region), keys.history(source)
        return _wound_up(place, name, history.decode, history.encode, lambda it: it.region == region, self._ports)

    def _hand_over(self, source: str, region: str) -> bool:
        former = [one for one in self._known.values() if one.region == region]
        if former:
            repository.adopt(self._store, repository.freshest(former), self._heirs[source])
        return True


def targets(dropped: Mapping[str, str], watch: Watch, ports: Ports) -> tuple[str, ...]:
    """Wind up these targets (id and ARN), and note those that are done; what failed, in words.

    What a former release kept by an id goes on by the ARN, if that is watched by another id now. A fleet of them takes
    no more than ``TAKES`` of a run, or none would be left for the targets that are watched: the next run goes on.
    """
    until = ports.remaining() - TAKES

    def one(target: str, arn: str) -> bool:
        name = TargetName(target, arn, arns.parse_target(arn).label)
        place, former = keys.record(keys.target(arn)), keys.record(keys.former_target(target))
        if ports.store.get(place) is None:
            if arn in watched:
                hand_over(ports.store, msgspec.structs.replace(watched[arn], id=target))
            else:
                place = former
        goes_on = arn in watched
        return _wound_up(
            place,
            name,
            record.decode,
            record.encode,
            lambda it: it.arn == arn,
            ports,
            left=lambda it: it if goes_on else msgspec.structs.replace(it, unwanted={}),
            goes_on=goes_on,
        )

    watched = {known.arn: known for known in watch.targets}
    gone = {key: arn for key, arn in dropped.items() if arn not in watched or watched[arn].id != key}
    ended = _each(gone, one, lambda: ports.remaining() >= until)
    return (*ended.failures, *_settled(ended.done, partial(configuration.targets_wound_up, ports.store)))


class _Each(msgspec.Struct, frozen=True):
    """What failed, in words; what is done, and what failed, by name. What is neither waits to be heard."""

    failures: tuple[str, ...]
    done: tuple[str, ...]
    failed: tuple[str, ...]


def _each(
    named: Mapping[str, str], one: Callable[[str, str], bool], in_time: Callable[[], bool] = lambda: True
) -> _Each:
    """Each by itself, while there is time: whatever one comes to, the others and the run's ordinary work go on."""
    failures: dict[str, str] = {}
    done = []
    for name, other in named.items():
        if not in_time():
            break
        try:
            if one(name, other):
                done.append(name)
        except StoreError as error:
            failures[name] = f"winding up what is watched no longer, at {name}: {error}"
        except Exception as error:  # noqa: BLE001  # as everywhere: the rest goes on
            failures[name] = f"winding up what is watched no longer, at {name}: {defects.words(error)}"
    return _Each(tuple(failures.values()), tuple(done), tuple(failures))


def _settled(done: Collection[str], settle: Callable[[Collection[str]], None]) -> tuple[str, ...]:
    """Note those that are done; what failed, in words."""
    try:
        if done:
            settle(done)
    except StoreError as error:
        return (str(error),)
    return ()


def _told_of(subject: SourceName | TargetName, condition: Condition) -> bool:
    """Whether people know a condition by this subject."""
    return own_id(condition.alert, condition.kind, subject) is not None


def _wound_up[T: (History, Record)](
    place: str,
    subject: SourceName | TargetName,
    decode: Callable[[bytes], T],
    encode: Callable[[T], bytes],
    same: Callable[[T], bool],
    ports: Ports,
    *,
    left: Callable[[T], T] = lambda state: state,
    goes_on: bool = False,
) -> bool:
    """Whether it is done. ``goes_on``: it is watched by another id now, which tells what lasts from now on.

    ``left``: the state as it is to be found by who watches it again one day.
    """
    ledger = Ledger(ports.store, place)

    def load() -> Versioned[T | None]:
        stored = ports.store.get(place)
        try:
            return (None, None) if stored is None else (decode(stored.body), stored.etag)
        except UNDECODABLE:
            return None, None

    def end(state: T | None) -> T | None:
        if state is None or not same(state):
            return state
        told = {key: one for key, one in state.conditions.items() if not goes_on or _told_of(subject, one)}
        ends = over(told, lambda _: subject, ports.clock(), UNWATCHED)
        waiting = with_alerts(ledger.own(state.outbox), ends)
        going_on = {key: one for key, one in state.conditions.items() if key not in told}
        return msgspec.structs.replace(left(state), conditions=going_on, outbox=waiting)

    def write(state: T | None, etag: str | None) -> str:
        if state is None:
            raise StoreError(f"{place} is gone")
        ledger.note(state.outbox)
        return ports.store.put_if(place, encode(state), etag=etag, content_type=keys.JSON_TYPE).etag

    loaded = load()
    if loaded[0] is None or not same(loaded[0]):
        return True
    known = compare_and_set(load, end, write, place, known=loaded)

    def clear(taken: frozenset[str]) -> bool:
        nonlocal known
        known = compare_and_set(
            load, lambda state: None if state is None else state.delivered(taken), write, place, known=known
        )
        return True

    if known[0] is not None and known[0].outbox:
        ledger.renew(known[0].outbox, ports.clock())
        outbox.deliver([outbox.Waiting(known[0].outbox, clear)], ports.sink, ports.remaining)
    return known[0] is None or not known[0].outbox
