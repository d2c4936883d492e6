"""A configuration that is refused stops nothing: the last good one stays in use, and an alert lists each mistake.

collect keeps the last ones that it accepted below ``sources/``, and alerts (``keep``), so that one mistake is alerted
by one function. publish keeps the SHA-256 of those that it accepted itself below ``bundles/`` (``in_use``). Both are
read only while the newest one is refused, and a document counts only where both say so: whoever can write into one of
the folders can choose between the operator's own last documents, and make none of his own count. That matters: a
document says where a secret is sent, and which certificates may leave.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts import builders, outbox, waiting
from rotation_watcher.alerts.conditions import Condition, Lasting, Observed, evaluate, unjudged
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.strange import strange
from rotation_watcher.clocks import Instant
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Watch
from rotation_watcher.deadline import Remaining, TimedStore, unhurried
from rotation_watcher.errors import UNDECODABLE, ConfigurationError, StoreError
from rotation_watcher.ports import Clock, ObjectStore

replace = msgspec.structs.replace

FORMAT = 1
KEPT = 4
"""How many documents each function remembers: the two run at different times, and must have one in common."""
_REFUSED, _FORGED, _ALERTS = "refused:", "forged", "forged:alerts"


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was accepted before the last one, and since when."""

    document: Mapping[str, Any]
    accepted: Instant | None


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="format", tag=str(FORMAT)):
    """``good`` is the last watch file that collect accepted, as a document, and ``accepted`` since when.

    ``former`` are those before it, the newest first.
    """

    good: Mapping[str, Any] | None = None
    accepted: Instant | None = None
    former: tuple[Former, ...] = ()
    conditions: Mapping[str, Condition] = {}
    outbox: tuple[Alert, ...] = ()


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag=str(FORMAT)):
    """The SHA-256 of the documents that publish accepted last, the newest first."""

    digests: tuple[str, ...] = ()


class Configured(NamedTuple):
    """The configuration to work with. ``mistakes``: why it is not the newest. ``failures``: what failed, in words."""

    watch: Watch
    mistakes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


type Read = Callable[[], Watch]
"""Give the configuration as it is now. Raises ConfigurationError, StoreError."""
type Parse = Callable[[object], Watch]
"""Make one of a document. Raises ConfigurationError."""


def judged(state: State, found: Watch | ConfigurationError, digests: Iterable[str], now: datetime) -> State:
    """The state after the configuration was read; the alerts that are due are in its outbox.

    ``digests``: what publish has accepted, the newest first.
    """
    if isinstance(found, ConfigurationError):
        used = agreed(state, digests := tuple(digests))
        observed = [_refused(found, used, now)]
        if used is None and (state.good is not None or digests):
            observed.append(_forged(now))
        conditions, alerts, _ = evaluate(state.conditions, observed, now, resolves=_resolves)
        return replace(state, conditions=conditions, outbox=waiting.with_alerts(state.outbox, alerts))
    document = msgspec.json.decode(msgspec.json.encode(found))  # as it comes back from the bucket
    good = state
    if state.good != document:
        former = [one for one in _kept(state) if one.document != document]
        good = replace(state, good=document, accepted=now, former=tuple(former[: KEPT - 1]))
    conditions, alerts, _ = evaluate(state.conditions, (), now, resolves=_resolves)
    return replace(good, conditions=conditions, outbox=waiting.with_alerts(state.outbox, alerts))


def _resolves(key: str) -> Lasting:
    return Lasting(2) if key == _ALERTS else Lasting()


def agreed(state: State, digests: Iterable[str]) -> Former | None:
    """The newest document that both functions have accepted; None where there is none."""
    kept = {digest_of(one.document): one for one in _kept(state)}
    return next((kept[digest] for digest in digests if digest in kept), None)


def digest_of(document: object) -> str:
    """By what a document is known: the SHA-256 of its canonical JSON, in hex."""
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def _kept(state: State) -> list[Former]:
    newest = [] if state.good is None else [Former(document=state.good, accepted=state.accepted)]
    return [*newest, *state.former]


def _refused(error: ConfigurationError, used: Former | None, now: datetime) -> Observed:
    digest = hashlib.sha256("\n".join(error.mistakes).encode()).hexdigest()[:16]
    return Observed(
        f"{_REFUSED}{digest}",
        Kind.CONFIGURATION_REFUSED,
        lambda since: builders.configuration_refused(
            mistakes=error.mistakes, digest=digest, good_since=used.accepted if used else None, since=since, now=now
        ),
    )


def _forged(now: datetime) -> Observed:
    return Observed(_FORGED, Kind.STATE_FORGED, lambda since: builders.configuration_forged(since=since, now=now))


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


def in_use(read: Read, parse: Parse, store: ObjectStore, *, dry_run: bool) -> Configured:
    """For publish: the configuration, or the last good one. What is good is noted, but in a dry run.

    Raises as ``keep``.
    """
    found = _found(read)
    failures: tuple[str, ...] = ()
    if isinstance(found, Watch) and not dry_run:
        try:
            _note_accepted(found, store)
        except StoreError as error:  # what can be published is published all the same
            failures = (f"what was accepted: {error}",)
    return _usable(found, parse, store)._replace(failures=failures)


def _note_accepted(watch: Watch, store: ObjectStore) -> None:
    """Note that publish has accepted a configuration. Raises StoreError."""
    digest = digest_of(watch)

    def change(known: Accepted) -> Accepted:
        others = [one for one in known.digests if one != digest]
        return known if known.digests[:1] == (digest,) else Accepted(digests=(digest, *others[: KEPT - 1]))

    def write(accepted: Accepted, etag: str | None) -> str:
        body = formats.encode(accepted)
        return store.put_if(keys.ACCEPTED, body, etag=etag, content_type=keys.JSON_TYPE).etag

    compare_and_set(lambda: _load_accepted(store), change, write, keys.ACCEPTED)


def _found(read: Read) -> Watch | ConfigurationError:
    try:
        return read()
    except ConfigurationError as error:
        return error


def _usable(found: Watch | ConfigurationError, parse: Parse, store: ObjectStore) -> Configured:
    if isinstance(found, Watch):
        return Configured(found)
    try:
        used = agreed(_load(store)[0], _load_accepted(store)[0].digests)
        if used is not None:
            return Configured(parse(used.document), found.mistakes)
    except (StoreError, ConfigurationError):
        raise found from None  # what is wrong with the last good one does not help; the mistakes do
    raise found


def _note(
    found: Watch | ConfigurationError, store: ObjectStore, sink: AlertSink, clock: Clock, remaining: Remaining
) -> tuple[str, ...]:
    """Keep what was found, and deliver what waits; the sink's errors in words. Raises StoreError."""
    digests = _load_accepted(store)[0].digests if isinstance(found, ConfigurationError) else ()

    ledger = Ledger(store, keys.CONFIGURATION)

    def own(state: State) -> State:
        alerts = ledger.own(state.outbox)
        if len(alerts) == len(state.outbox):
            return state
        conditions, told, _ = evaluate(
            state.conditions, [strange(_ALERTS, None, keys.CONFIGURATION, clock())], clock(), resolves=unjudged
        )
        return replace(state, outbox=waiting.with_alerts(alerts, told), conditions=conditions)

    def write(state: State, etag: str | None) -> str:
        ledger.note(state.outbox)
        body = formats.encode(state)
        return store.put_if(keys.CONFIGURATION, body, etag=etag, content_type=keys.JSON_TYPE).etag

    known = compare_and_set(
        lambda: _load(store), lambda state: judged(own(state), found, digests, clock()), write, keys.CONFIGURATION
    )
    if not known[0].outbox:
        return ()

    def clear(taken: frozenset[str]) -> bool:
        nonlocal known

        def delivered(state: State) -> State:
            state = own(state)
            return replace(state, outbox=tuple(alert for alert in state.outbox if alert.key not in taken))

        known = compare_and_set(lambda: _load(store), delivered, write, keys.CONFIGURATION, known=known)
        return True

    return outbox.deliver([outbox.Waiting(known[0].outbox, clear)], sink, remaining)[0]


def _load_accepted(store: ObjectStore) -> tuple[Accepted, str | None]:
    stored = store.get(keys.ACCEPTED)
    if stored is None:
        return Accepted(), None
    try:
        formats.number_of(stored.body, newest=FORMAT)
        return msgspec.json.decode(stored.body, type=Accepted), stored.etag
    except UNDECODABLE:
        return Accepted(), stored.etag


def _load(store: ObjectStore) -> tuple[State, str | None]:
    stored = store.get(keys.CONFIGURATION)
    if stored is None:
        return State(), None
    try:
        formats.number_of(stored.body, newest=FORMAT)
        return msgspec.json.decode(stored.body, type=State), stored.etag
    except UNDECODABLE:
        return State(), stored.etag  # written anew from the next configuration that is right
