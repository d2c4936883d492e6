"""The use case ``report``: gather everything that is kept, and put it where people and machines look; tell what waits.

Contract. When the run returns, ``status/index.html`` and ``status/status.json`` say what the state says now: they were
written in this run, or say the same already and are less than a day old, so that an old page means that nothing runs.
The page is written first: where the JSON is new, the page is. An object that cannot be read is said in both, and stops
nothing. What is wrong is counted for the alarms (``figures``) before anything is written: a run that ends well has
judged everything, and silence means that all is well. Then people are told of what ends (``expiring``), and of what
waits (``digests``): what fails there is in the answer, and costs the page nothing, as a page that cannot be written
costs nobody a message. A run that finds nothing new writes nothing, and asks S3 for little
(``adapters.remembering_store``). Raises StoreError where one of the two cannot be written; the next run writes both.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from rotation_watcher import digests, expiring, keys, operator_changes
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.config import Watch
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import UNDECODABLE, DeliveryError, NewerFormat
from rotation_watcher.ports import Clock, FileEvents, Metrics, ObjectStore, Subscribers
from rotation_watcher.status import figures
from rotation_watcher.status.gather import gather
from rotation_watcher.status.model import Status, Unreadable, decode, encode, same
from rotation_watcher.status.page import render

AT_LEAST = timedelta(hours=24)
"""How old the page may become."""


class Ports(msgspec.Struct, frozen=True):
    """What report needs of the world.

    ``stack`` and ``account`` are for the page, empty where they are not known; ``fills`` for its commands. ``events``
    and ``watch_file`` are for ``operator_changes``.
    """

    store: ObjectStore
    clock: Clock
    metrics: Metrics
    subscribers: Subscribers
    sink: AlertSink
    stack: str = ""
    account: str = ""
    fills: Mapping[Fill, str] = {}
    remaining: Remaining = unhurried
    events: FileEvents | None = None
    watch_file: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call. ``dry_run`` writes nothing; ``again`` writes whether or not something changed."""

    dry_run: bool = False
    again: bool = False


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call. ``written``: the keys. ``unreadable``: places and why, in words.

    The figures of the alarms: ``out_of_step``, the targets that have been so for an hour; ``soonest_expiry_days``; and
    ``subscribers``, the confirmed ones (None: SNS does not say, and ``unheard`` says why).

    ``alerts``: the ids of those that waited for delivery (dry run: that would). ``undelivered``: which of them the sink
    did not take, and what could not be kept, in words. ``routine``: how many messages wait for the next digest.

    ``files_changed``: the keys of the files that people write, where somebody did; ``files_learned``: how many there
    were when a stack looked for the first time; ``files_unsaid`` why S3 was not heard about who did it.
    """

    dry_run: bool = False
    verdict: str
    level: str
    open: int = 0
    quarantined: int = 0
    out_of_step: list[str] = []
    soonest_expiry_days: float = figures.MOST_DAYS
    subscribers: int | None = None
    unheard: str | None = None
    unreadable: list[str] = []
    written: list[str] = []
    alerts: list[str] = []
    undelivered: list[str] = []
    routine: int = 0
    files_changed: list[str] = []
    files_learned: int | None = None
    files_unsaid: list[str] = []


def changed_files(request: Request, ports: Ports) -> operator_changes.Told:
    """Tell who changed what people write: before the configuration is read, which may be what was changed."""
    look = operator_changes.Ports(ports.store, ports.events, ports.sink, ports.clock, ports.watch_file, ports.remaining)
    return operator_changes.tell(look, dry_run=request.dry_run)


def report(watch: Watch, request: Request, ports: Ports, files: operator_changes.Told | None = None) -> Summary:
    """Bring the page and the JSON up to date. ``files`` None: ``changed_files`` was not done yet. Raises StoreError."""
    files = changed_files(request, ports) if files is None else files
    store, now = TimedStore(ports.store, ports.remaining), ports.clock()
    last = _last(store)
    unheard = [Unreadable(place="FileEventsQueue", why=one) for one in files.unheard]
    status = gather(watch, store, now, stack=ports.stack, account=ports.account, fills=ports.fills, unheard=unheard)
    status = figures.dated(status, last)
    summary = Summary(
        dry_run=request.dry_run,
        verdict=status.verdict.text,
        level=status.verdict.level.value,
        open=len(status.conditions),
        quarantined=len(status.quarantine),
        out_of_step=figures.targets_out_of_step(status),
        soonest_expiry_days=figures.soonest_expiry_days(status),
        unreadable=[f"{one.place}: {one.why}" for one in status.unreadable],
        alerts=[*files.alerts],
        undelivered=[*files.failed],
        files_changed=[*files.changed[:20]],
        files_learned=files.learned,
        files_unsaid=[*files.unheard],
    )
    _ask_who_hears(summary, ports)
    if not request.dry_run:  # before anything can fail: what is wrong is wrong even where no page can say so
        for name, value in figures.alarming(status, summary.subscribers).items():
            ports.metrics.count(name, value)
    failure: Exception | None = None
    if not request.dry_run and (request.again or _due(status, last)):
        try:
            _write(status, store, summary)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised when people were told
            failure = error
    ends = expiring.tell(watch, status, store, ports.sink, ports.remaining, dry_run=request.dry_run)
    summary.alerts += ends.alerts
    summary.undelivered += ends.failed
    if not request.dry_run:
        sent = digests.send(status, watch.policy, digests.Ports(store, ports.sink, now, ports.remaining))
        summary.alerts += sent.told
        summary.undelivered += sent.undelivered
        summary.routine = sent.waiting
    if failure is not None:
        raise failure
    return summary


def _write(status: Status, store: ObjectStore, summary: Summary) -> None:
    for key, body, content_type in (
        (keys.STATUS_PAGE, render(status), keys.PAGE_TYPE),
        (keys.STATUS, encode(status), keys.JSON_TYPE),
    ):
        store.put(key, body, content_type=content_type)
        summary.written.append(key)


def _ask_who_hears(summary: Summary, ports: Ports) -> None:
    if ports.remaining() < CALL_TAKES:
        summary.unheard = "the time of this run is up"
        return
    try:
        summary.subscribers = ports.subscribers.confirmed()
    except DeliveryError as error:
        summary.unheard = str(error)


def _last(store: ObjectStore) -> Status | None:
    """What was written last; None where there is none that this release reads: both are made anew, nothing is lost."""
    stored = store.get(keys.STATUS)
    try:
        return decode(stored.body) if stored else None
    except (NewerFormat, *UNDECODABLE):
        return None


def _due(status: Status, last: Status | None) -> bool:
    """Whether there is something new to say, or the last word is old, or from a clock that was ahead."""
    return last is None or not same(last, status) or not timedelta(0) <= status.at - last.at < AT_LEAST
