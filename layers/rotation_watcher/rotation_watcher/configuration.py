"""A configuration that is refused stops nothing: the last good one stays in use, and an alert lists each mistake.

collect keeps the last ones that it accepted below ``sources/``, and alerts (``keep``), so that one mistake is alerted
by one function. publish keeps the SHA-256 of those that it accepted itself below ``bundles/`` (``in_use``). Both are
read only while the newest one is refused or cannot be read, and a document counts only where both say so: whoever can
write into one of the folders can choose between the operator's own last documents, and make none of his own count. That
matters: a document says where a secret is sent, and which certificates may leave.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts import builders, outbox, waiting
from rotation_watcher.alerts.conditions import Condition, Lasting, Observed, evaluate, strange, unjudged
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.clocks import Instant
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Watch
from rotation_watcher.deadline import Remaining, TimedStore, unhurried
from rotation_watcher.errors import ConfigurationError, StoreError
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

    ``former`` are those before it, the newest first. ``dropped``: the sources that it names no more and whose
    conditions are not all told to be over yet, with their regions.
    """

    good: Mapping[str, Any] | None = None
    accepted: Instant | None = None
    former: tuple[Former, ...] = ()
    dropped: Mapping[str, str] = {}
    conditions: Mapping[str, Condition] = {}
    outbox: tuple[Alert, ...] = ()


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag=str(FORMAT)):
    """The SHA-256 of the documents that publish accepted last, the newest first.

    ``targets`` are the ARNs of the targets of the newest one by id, ``dropped`` those that it names no more, or
    otherwise, and whose conditions are not all told to be over yet.
    """

    digests: tuple[str, ...] = ()
    targets: Mapping[str, str] = {}
    dropped: Mapping[str, str] = {}


class Configured(msgspec.Struct, frozen=True):
    """The configuration to work with. ``mistakes``: why it is not the newest. ``failures``: what failed, in words.

    That the newest cannot be read is a failure, which ends the run as failed, and no mistake of who wrote it.

    ``dropped``: the sources (collect: id and region) or targets (publish: id and ARN) that are to be wound up, and
    ``noted``: whether they are known.
    """

    watch: Watch
    mistakes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    dropped: Mapping[str, str] = {}
    noted: bool = True


type Read = Callable[[], Watch]
"""Give the configuration as it is now. Raises ConfigurationError, StoreError."""
type Parse = Callable[[object], Watch]
"""Make one of a document. Raises ConfigurationError."""


def judged(
    state: State, found: Watch | ConfigurationError, digests: Iterable[str], parse: Parse, now: datetime
) -> State:
    """The state after the configuration was read; the alerts that are due are in its outbox.

    ``digests``: what publish has accepted, the newest first.
    """
    if isinstance(found, ConfigurationError):
        used = agreed(state, digests := tuple(digests))
        observed = [_refused(found, used if _stands(used, parse) else None, now)]
        if used is None and (state.good is not None or digests):
            observed.append(_forged(now))
        conditions, alerts, _ = evaluate(state.conditions, observed, now, resolves=_resolves)
        return replace(state, conditions=conditions, outbox=waiting.with_alerts(state.outbox, alerts))
    document = msgspec.json.decode(msgspec.json.encode(found))  # as it comes back from the bucket
    good, left_out = state, list[Alert]()
    if state.good != document:
        former = [one for one in _kept(state) if one.document != document]
        known = _watch(state.good)
        dropped = {**state.dropped, **({one.id: one.region for one in known.sources} if known else {})}
        for source in found.sources:
            if dropped.get(source.id) == source.region:
                del dropped[source.id]
        good = replace(state, good=document, accepted=now, former=tuple(former[: KEPT - 1]), dropped=dropped)
        left_out = _left_out(known, found, now) if known else []
    conditions, alerts, _ = evaluate(state.conditions, (), now, resolves=_resolves)
    return replace(good, conditions=conditions, outbox=waiting.with_alerts(state.outbox, (*alerts, *left_out)))


def _left_out(known: Watch, found: Watch, now: datetime) -> list[Alert]:
    """What the one before named, and this one neither by that id nor by another; told once, when it is gone."""
    arns, regions = {one.arn for one in found.targets}, {one.region for one in found.sources}
    targets = {one.id: one.arn for one in known.targets if one.arn not in arns}
    sources = {one.id: one.region for one in known.sources if one.region not in regions}
    return [builders.no_longer_watched(targets=targets, sources=sources, now=now)] if targets or sources else []


def _stands(used: Former | None, parse: Parse) -> bool:
    """Whether the stack, as it is now, takes a document that was accepted before."""
    if used is None:
        return False
    try:
        parse(used.document)
    except ConfigurationError:
        return False
    return True


def _watch(document: Mapping[str, Any] | None) -> Watch | None:
    """What a document that was kept says; None where there is none, or it is not what was written."""
    try:
        return msgspec.convert(document, Watch) if document else None
    except msgspec.ValidationError:
        return None


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
    test: bool = False,
    remaining: Remaining = unhurried,
) -> Configured:
    """For collect: the configuration, or the last good one; delivers the alerts that are due, and keeps what is good.

    A test alert is sent by the first run of a stack, which finds no state, and where ``test`` asks for it. A dry
    run writes and delivers nothing. What ``remaining`` leaves no time for waits. Raises ConfigurationError where none
    is good, StoreError where the watch file cannot be read and none was accepted before.
    """
    found = _found(read)
    store = TimedStore(store, remaining)
    if dry_run or isinstance(found, StoreError):
        return replace(_usable(found, parse, store), noted=dry_run)
    dropped: Mapping[str, str] | None = None
    try:
        failures, dropped = _note(found, parse, store, sink, clock, remaining, test=test)
    except StoreError as error:  # what can be read is read all the same
        failures = (f"the state of the configuration: {error}",)
    noted = dropped is not None
    return replace(_usable(found, parse, store), failures=failures, dropped=dropped or {}, noted=noted)


def sources_wound_up(store: ObjectStore, done: Collection[str]) -> None:
    """For collect: these sources are wound up. Raises StoreError."""

    def settle(state: State) -> State:
        return replace(state, dropped={key: one for key, one in state.dropped.items() if key not in done})

    def write(state: State, etag: str | None) -> str:
        return store.put_if(keys.CONFIGURATION, formats.encode(state), etag=etag, content_type=keys.JSON_TYPE).etag

    compare_and_set(lambda: _load(store), settle, write, keys.CONFIGURATION)


def targets_wound_up(store: ObjectStore, done: Collection[str]) -> None:
    """For publish: these targets are wound up. Raises StoreError."""

    def settle(known: Accepted) -> Accepted:
        return replace(known, dropped={key: one for key, one in known.dropped.items() if key not in done})

    compare_and_set(lambda: _load_accepted(store), settle, partial(_write_accepted, store), keys.ACCEPTED)


def in_use(read: Read, parse: Parse, store: ObjectStore, *, dry_run: bool) -> Configured:
    """For publish: the configuration, or the last good one. What is good is noted, but in a dry run.

    Raises as ``keep``.
    """
    found = _found(read)
    failures: tuple[str, ...] = ()
    dropped: Mapping[str, str] = {}
    if isinstance(found, Watch) and not dry_run:
        try:
            dropped = _note_accepted(found, store)
        except StoreError as error:  # what can be published is published all the same
            failures = (f"what was accepted: {error}",)
    usable = _usable(found, parse, store)
    return replace(usable, failures=(*usable.failures, *failures), dropped=dropped)


def _note_accepted(watch: Watch, store: ObjectStore) -> Mapping[str, str]:
    """Note that publish has accepted a configuration; the targets that are to be wound up. Raises StoreError."""
    digest = digest_of(watch)
    targets = {target.id: target.arn for target in watch.targets}

    def change(known: Accepted) -> Accepted:
        others = [one for one in known.digests if one != digest]
        dropped = {key: arn for key, arn in {**known.dropped, **known.targets}.items() if targets.get(key) != arn}
        return Accepted(digests=(digest, *others[: KEPT - 1]), targets=targets, dropped=dropped)

    return compare_and_set(lambda: _load_accepted(store), change, partial(_write_accepted, store), keys.ACCEPTED)[
        0
    ].dropped


def _write_accepted(store: ObjectStore, accepted: Accepted, etag: str | None) -> str:
    return store.put_if(keys.ACCEPTED, formats.encode(accepted), etag=etag, content_type=keys.JSON_TYPE).etag


def _found(read: Read) -> Watch | ConfigurationError | StoreError:
    try:
        return read()
    except (ConfigurationError, StoreError) as error:
        return error


def _usable(found: Watch | ConfigurationError | StoreError, parse: Parse, store: ObjectStore) -> Configured:
    if isinstance(found, Watch):
        return Configured(found)
    try:
        used = agreed(_load(store)[0], _load_accepted(store)[0].digests)
        if used is not None:
            return _instead(parse(used.document), found)
    except (StoreError, ConfigurationError):
        raise found from None  # what is wrong with the last good one does not help; the mistakes do
    raise found


def _instead(good: Watch, found: ConfigurationError | StoreError) -> Configured:
    if isinstance(found, ConfigurationError):
        return Configured(good, found.mistakes)
    return Configured(good, failures=(f"the configuration cannot be read, and the last good one is in use: {found}",))


def _note(
    found: Watch | ConfigurationError,
    parse: Parse,
    store: ObjectStore,
    sink: AlertSink,
    clock: Clock,
    remaining: Remaining,
    *,
    test: bool,
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Keep what was found, and deliver what waits; the sink's errors in words, and the sources to be wound up.

    Raises StoreError.
    """
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

    first = False

    def load() -> tuple[State, str | None]:
        nonlocal first
        state, etag = _load(store)
        first = etag is None
        return state, etag

    asked = clock()

    def step(state: State) -> State:
        after = judged(own(state), found, digests, parse, clock())
        trials = [builders.trial(requested=False, now=clock())] if first else []
        trials += [builders.trial(requested=True, now=asked)] if test else []
        return replace(after, outbox=waiting.with_alerts(after.outbox, trials))

    known = compare_and_set(load, step, write, keys.CONFIGURATION)
    if not known[0].outbox:
        return (), known[0].dropped

    def clear(taken: frozenset[str]) -> bool:
        nonlocal known

        def delivered(state: State) -> State:
            state = own(state)
            return replace(state, outbox=tuple(alert for alert in state.outbox if alert.key not in taken))

        known = compare_and_set(lambda: _load(store), delivered, write, keys.CONFIGURATION, known=known)
        return True

    ledger.renew(known[0].outbox, clock())
    errors = outbox.deliver([outbox.Waiting(known[0].outbox, clear)], sink, remaining)[0]
    return errors, known[0].dropped


def _load_accepted(store: ObjectStore) -> tuple[Accepted, str | None]:
    return formats.held(store.get(keys.ACCEPTED), Accepted(), FORMAT)


def _load(store: ObjectStore) -> tuple[State, str | None]:
    return formats.held(store.get(keys.CONFIGURATION), State(), FORMAT)
