"""What is no longer watched: a source or target that was taken out leaves no condition open for ever.

Contract. The functions note what their last accepted configuration watched (``configuration``); what the next one
leaves out, or names otherwise by the same id, is wound up: each condition that people were told of is resolved by name,
with why. It is done when that was written and delivered; until then each run tries again, so a crash or a mailbox that
has not confirmed yet loses no end. Nothing else of the state is touched: what a target holds stays. What is watched now
is never wound up, whatever the notes say.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, configuration, defects, keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.builders import SourceName, TargetName
from rotation_watcher.alerts.builders.ending import UNWATCHED
from rotation_watcher.alerts.conditions import over
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.waiting import with_alerts
from rotation_watcher.compare_and_set import Versioned, compare_and_set
from rotation_watcher.config import Watch
from rotation_watcher.deadline import Remaining, unhurried
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import Clock, ObjectStore
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Record


class Ports(NamedTuple):
    """What winding up needs of the world."""

    store: ObjectStore
    sink: AlertSink
    clock: Clock
    remaining: Remaining = unhurried


def sources(dropped: Mapping[str, str], watch: Watch, ports: Ports) -> tuple[str, ...]:
    """Wind up these sources (id and region), and note those that are done; what failed, in words."""

    def one(source: str, region: str) -> bool:
        name = SourceName(source, region)
        return _wound_up(keys.history(source), name, history.decode, history.encode, lambda _: True, ports)

    watched = {known.id for known in watch.sources}
    gone = {key: region for key, region in dropped.items() if key not in watched}
    return _each(gone, one, partial(configuration.sources_wound_up, ports.store))


def targets(dropped: Mapping[str, str], watch: Watch, ports: Ports) -> tuple[str, ...]:
    """Wind up these targets (id and ARN), and note those that are done; what failed, in words."""

    def one(target: str, arn: str) -> bool:
        name = TargetName(target, arn, arns.parse_target(arn).label)
        return _wound_up(keys.record(target), name, record.decode, record.encode, lambda it: it.arn == arn, ports)

    watched = {known.id: known.arn for known in watch.targets}
    gone = {key: arn for key, arn in dropped.items() if watched.get(key) != arn}
    return _each(gone, one, partial(configuration.targets_wound_up, ports.store))


def _each(
    dropped: Mapping[str, str], one: Callable[[str, str], bool], settle: Callable[[Collection[str]], None]
) -> tuple[str, ...]:
    """Each by itself: whatever one comes to, the others and the ordinary work of the run go on."""
    errors, done = [], []
    for name, other in dropped.items():
        try:
            if one(name, other):
                done.append(name)
        except StoreError as error:
            errors.append(f"{name}, which is watched no longer: {error}")
        except Exception as error:  # noqa: BLE001  # as everywhere: the rest goes on
            errors.append(f"{name}, which is watched no longer: {defects.words(error)}")
    try:
        if done:
            settle(done)
    except StoreError as error:
        errors.append(str(error))
    return tuple(errors)


def _wound_up[T: (History, Record)](
    place: str,
    subject: SourceName | TargetName,
    decode: Callable[[bytes], T],
    encode: Callable[[T], bytes],
    same: Callable[[T], bool],
    ports: Ports,
) -> bool:
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
        ends = over(state.conditions, lambda _: subject, ports.clock(), UNWATCHED)
        waiting = with_alerts(ledger.own(state.outbox), ends)
        return msgspec.structs.replace(state, conditions={}, outbox=waiting)

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
        outbox.deliver([outbox.Waiting(known[0].outbox, clear)], ports.sink, ports.remaining)
    return known[0] is None or not known[0].outbox
