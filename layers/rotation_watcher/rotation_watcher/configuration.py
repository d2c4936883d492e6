"""A configuration that is refused stops nothing: the last good one stays in use, and an alert lists each mistake.

collect keeps the last good one, and alerts (``keep``); publish only reads what collect kept (``in_use``), so that one
mistake is alerted by one function. The object lies where collect may write, and is used only while the newest one is
refused.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts import builders, outbox, waiting
from rotation_watcher.alerts.conditions import Condition, Lasting, Observed, evaluate
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.clocks import Instant
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Watch
from rotation_watcher.deadline import Remaining, TimedStore, unhurried
from rotation_watcher.errors import UNDECODABLE, ConfigurationError, StoreError
from rotation_watcher.ports import Clock, ObjectStore

replace = msgspec.structs.replace

FORMAT = 1
_REFUSED = "refused:"


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``good`` is the last watch file that was accepted, as a document, and ``accepted`` since when."""

    good: Mapping[str, Any] | None = None
    accepted: Instant | None = None
    conditions: Mapping[str, Condition] = {}
    outbox: tuple[Alert, ...] = ()


class Configured(NamedTuple):
    """The configuration to work with. ``mistakes``: why it is not the newest. ``failures``: what failed, in words."""

    watch: Watch
    mistakes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


type Read = Callable[[], Watch]
"""Give the configuration as it is now. Raises ConfigurationError, StoreError."""
type Parse = Callable[[object], Watch]
"""Make one of a document. Raises ConfigurationError."""


def judged(state: State, found: Watch | ConfigurationError, now: datetime) -> State:
    """The state after the configuration was read; the alerts that are due are in its outbox."""
    if isinstance(found, ConfigurationError):
        conditions, alerts, _ = evaluate(
            state.conditions, [_refused(found, state, now)], now, resolves=lambda _: Lasting()
        )
        return replace(state, conditions=conditions, outbox=waiting.with_alerts(state.outbox, alerts))
    document = msgspec.json.decode(msgspec.json.encode(found))  # as it comes back from the bucket
    good = state if state.good == document else replace(state, good=document, accepted=now)
    conditions, _, over = evaluate(state.conditions, (), now, resolves=lambda _: Lasting())
    accepted = [builders.configuration_accepted(since=one.since, now=now) for one in over.values()]
    return replace(good, conditions=conditions, outbox=waiting.with_alerts(state.outbox, accepted))


def _refused(error: ConfigurationError, state: State, now: datetime) -> Observed:
    digest = hashlib.sha256("\n".join(error.mistakes).encode()).hexdigest()[:16]
    return Observed(
        f"{_REFUSED}{digest}",
        Kind.CONFIGURATION_REFUSED,
        lambda since: builders.configuration_refused(
            mistakes=error.mistakes, digest=digest, good_since=state.accepted, since=since, now=now
        ),
    )


def keep(
    read: Read,
    parse: Parse,
    store: ObjectStore,
    sink: AlertSink,
    clock: Clock,
    *,
    dry_run: bool,
    remaining: Remaining = unhurried,
) -> Configured:
    """For collect: the configuration, or the last good one; delivers the alerts that are due, and keeps what is good.

    A dry run writes and delivers nothing. What ``remaining`` leaves no time for waits. Raises ConfigurationError where
    none is good, StoreError where the watch file cannot be read.
    """
    found = _found(read)
    store = TimedStore(store, remaining)
    if dry_run:
        return _usable(found, parse, store)
    try:
        failures = _note(found, store, sink, clock, remaining)
    except StoreError as error:  # what can be read is read all the same
        failures = (f"the state of the configuration: {error}",)
    return _usable(found, parse, store)._replace(failures=failures)


def in_use(read: Read, parse: Parse, store: ObjectStore) -> Configured:
    """For publish: the configuration, or the last good one. Raises as ``keep``."""
    return _usable(_found(read), parse, store)


def _found(read: Read) -> Watch | ConfigurationError:
    try:
        return read()
    except ConfigurationError as error:
        return error


def _usable(found: Watch | ConfigurationError, parse: Parse, store: ObjectStore) -> Configured:
    if isinstance(found, Watch):
        return Configured(found)
    try:
        state, _ = _load(store)
        if state.good is not None:
            return Configured(parse(state.good), found.mistakes)
    except (StoreError, ConfigurationError):
        raise found from None  # what is wrong with the last good one does not help; the mistakes do
    raise found


def _note(
    found: Watch | ConfigurationError, store: ObjectStore, sink: AlertSink, clock: Clock, remaining: Remaining
) -> tuple[str, ...]:
    """Keep what was found, and deliver what waits; the sink's errors in words. Raises StoreError."""

    def write(state: State, etag: str | None) -> str:
        body = msgspec.json.format(msgspec.json.encode(state, order="sorted"), indent=1)
        return store.put_if(keys.CONFIGURATION, body, etag=etag, content_type=keys.JSON_TYPE).etag

    known = compare_and_set(
        lambda: _load(store), lambda state: judged(state, found, clock()), write, keys.CONFIGURATION
    )
    if not known[0].outbox:
        return ()

    def clear(taken: frozenset[str]) -> bool:
        nonlocal known

        def delivered(state: State) -> State:
            return replace(state, outbox=tuple(alert for alert in state.outbox if alert.id not in taken))

        known = compare_and_set(lambda: _load(store), delivered, write, keys.CONFIGURATION, known=known)
        return True

    return outbox.deliver([outbox.Waiting(known[0].outbox, clear)], sink, remaining)[0]


def _load(store: ObjectStore) -> tuple[State, str | None]:
    stored = store.get(keys.CONFIGURATION)
    if stored is None:
        return State(), None
    try:
        formats.number_of(stored.body, newest=FORMAT)
        return msgspec.json.decode(stored.body, type=State), stored.etag
    except UNDECODABLE:
        return State(), stored.etag  # written anew from the next configuration that is right
