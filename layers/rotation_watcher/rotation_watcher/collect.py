"""The use case ``collect``: observe every source, apply the answer to its history, enqueue targets, deliver alerts.

Contract. When ``collect`` returns, each source that could be read has its answer in its history (or there was nothing
to write), and each that could not has a condition that is alerted once; one source's failure never touches another, an
exception that nobody thought of neither, nor does it delay another: a source is committed as soon as it has answered,
and alerts are delivered when all are. The run ends within its time: nothing is begun that could outlast it. Alerts
commit with the state that gives rise to them, and leave the outbox only after the sink took them. A crash at any point
loses nothing: the certificates are kept before the history that names them, and the next run delivers what still
waits. A run that finds nothing new writes nothing, but for a freshness mark now and then.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec

from rotation_watcher import arns, defects, keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.builders import Reach
from rotation_watcher.alerts.model import SourceName
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.asking import publish_requests
from rotation_watcher.config import Mode, Source, Target, Watch
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import RequestRefused, SourceError, StoreError
from rotation_watcher.kinds import Payload
from rotation_watcher.ports import Clock, GenesysApi, Metrics, ObjectStore, PublishQueue, Secrets
from rotation_watcher.sources import compare
from rotation_watcher.sources import keys_of_conditions as conditions
from rotation_watcher.sources.conditions import defective
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Observation
from rotation_watcher.sources.silence import unread_hours
from rotation_watcher.sources.source_run import Kept, SourceRun
from rotation_watcher.trust.operator_files import anchors_read

if TYPE_CHECKING:
    from rotation_watcher.listed_store import Memory

replace = msgspec.structs.replace

FETCHING = 60.0
"""Seconds that secrets and Genesys may take together, all sources at once."""
KEEPING = 55.0
"""Seconds of the run that are kept for judging, writing and delivering."""

LISTINGS = 25
"""As how many reads S3 bills two listings: a run that spares fewer by them makes none (``listed_store``)."""

UNREADY = "not read: what is known of its region by another id could not be handed over to it yet"

type HeldBy = Callable[[Target], frozenset[str]]
"""The fingerprints that a target holds."""
type Explain = Callable[[str, Observation | None, SourceSummary], None]
"""Told of each source what was seen (None: nothing) and what became of it, for a log."""


def _unheard(_source: str, _observation: Observation | None, _summary: "SourceSummary") -> None:
    """Nobody wants to know."""


class Ports(msgspec.Struct, frozen=True):
    """What collect needs of the world. ``unready``: the sources that wait for their history (``unwatched``).

    ``memory`` gives what the container knows of former runs; None: every run reads everything.
    """

    store: ObjectStore
    secrets: Secrets
    genesys: GenesysApi
    sink: AlertSink
    queue: PublishQueue
    metrics: Metrics
    clock: Clock
    remaining: Remaining = unhurried
    explain: Explain = _unheard
    unready: frozenset[str] = frozenset()
    memory: "Callable[[], Memory] | None" = None


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call: ``sources`` empty means all of them; ``dry_run`` writes, sends and delivers nothing.

    ``test``: a test alert is sent besides (``configuration.keep`` does that).
    """

    sources: tuple[str, ...] = ()
    dry_run: bool = False
    test: bool = False


class SourceSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one run gave, for the person who called by hand and for the log. Fingerprints are cut to 16 digits.

    ``trace``: where the watcher itself failed, where an exception came up that nobody thought of.
    """

    outcome: str
    reason: str | None = None
    message: str | None = None
    current: dict[str, list[str]] = {}
    upcoming: dict[str, list[str]] = {}
    retiring: dict[str, list[str]] = {}
    quarantined: dict[str, dict[str, list[str]]] = {}
    changed: bool = False
    alerts: list[str] = []
    undelivered: list[str] = []
    ignored: list[str] = []
    trace: list[str] = []


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call. ``broken``: the sources whose state could not be read or written, or where a defect is."""

    dry_run: bool = False
    sources: dict[str, SourceSummary] = {}
    enqueued: list[str] = []
    broken: list[str] = []


def collect(watch: Watch, request: Request, ports: Ports) -> Summary:
    """Observe the sources that ``request`` names. Raises RequestRefused for a source that is not in the watch file."""
    from rotation_watcher.sources import fetch  # noqa: PLC0415  # a start can do without it

    chosen = _chosen(watch, request)
    ports = replace(ports, store=TimedStore(ports.store, ports.remaining))
    summary = Summary(dry_run=request.dry_run)
    seconds = max(1.0, min(FETCHING, ports.remaining() - KEEPING))
    unready = [source.id for source in chosen if source.id in ports.unready]
    ready = [source for source in chosen if source.id not in ports.unready]
    asked = fetch.answers(ready, ports.secrets, ports.genesys, seconds)
    ports = replace(ports, store=_known(ready, ports))  # while Genesys is being asked, as what follows
    apart = _Apart(watch, request, ports)
    apart.broken |= {name: SourceSummary(outcome="broken", message=UNREADY) for name in unready}
    runs: dict[str, SourceRun] = {}
    asking = _Asking(watch, ports)
    held = cache(partial(_held, ports.store))  # sources of one bundle ask about the same targets
    for source in ready:
        with apart(source):
            runs[source.id] = _source_run(watch, source, ports, held)
    for source, seen in asked:
        if (run := runs.get(source.id)) is None:
            continue
        with apart(source):
            run.seen = seen
            if request.dry_run:
                run.apply(run.step)
            else:
                run.commit()
                asking.ask(run)
    asking.ask_again(apart)
    summary.enqueued = [*asking.sent]
    done = [runs[source.id] for source in chosen if source.id in runs and source.id not in apart.broken]
    for place, run in enumerate(done):
        with apart(run.source):
            _compare(run, done[:place], request, watch)
    for run in done:
        with apart(run.source):
            summary.sources[run.source.id] = said = _describe(run)
            ports.explain(run.source.id, run.observation, said)
    if not request.dry_run:
        _deliver([*({run.source.id: run for run in done} | apart.noted).values()], ports, summary, apart)
    for name, one in apart.broken.items():
        one.undelivered = summary.sources.get(name, one).undelivered
        summary.sources[name] = one
    summary.sources = {one.id: summary.sources[one.id] for one in chosen}
    summary.broken = [one.id for one in chosen if one.id in apart.broken]
    if not request.dry_run and {one.id for one in chosen} == {one.id for one in watch.sources}:
        _count(watch, done, apart, summary, ports)
    return summary


def _known(sources: Sequence[Source], ports: Ports) -> ObjectStore:
    """The store, or one that knows what a run of this container has read before, if that spares enough reads."""
    read = {keys.history(source.id) for source in sources} | {key for one in sources for key in anchors_read(one)}
    if ports.memory is None or len(read) < LISTINGS:
        return ports.store
    from rotation_watcher.listed_store import ListedStore  # noqa: PLC0415  # of use to large stacks alone

    store = ListedStore(ports.store, ports.memory(), read)
    store.begin(ports.clock(), worth=LISTINGS)
    return store


class _Apart:
    """Keeps what goes wrong at one source away from the others. ``broken``: what is said of each such source.

    ``noted``: the histories in which an exception that nobody thought of was noted, so that people hear of it.
    """

    def __init__(self, watch: Watch, request: Request, ports: Ports) -> None:
        self._watch, self._request, self._ports = watch, request, ports
        self.broken: dict[str, SourceSummary] = {}
        self.noted: dict[str, Kept] = {}

    @contextmanager
    def __call__(self, source: Source) -> Iterator[None]:
        """Go on after whatever the block raises, but for what ends the process."""
        try:
            yield
        except StoreError as error:
            self.broken[source.id] = SourceSummary(outcome="broken", message=str(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, the other sources go on; it is alerted
            words = f"{defects.words(error)} stopped the watcher's work at this source"
            self.broken[source.id] = SourceSummary(outcome="broken", message=words, trace=defects.trace(error))
            if not self._request.dry_run:
                self._note(source, words)

    def _note(self, source: Source, words: str) -> None:
        store, now = self._ports.store, self._ports.clock()
        context = Context(source, self._watch.policy, store.bucket, approvals={}, anchor_problems={}, now=now)
        try:
            kept = Kept(source, store, self._ports.clock)
            kept.amend(lambda known: defective(known, words, context))
        except Exception as error:  # noqa: BLE001  # the log and the alarm are left
            self.broken[source.id].message = f"{words}; it could not be noted: {_said(error)}"
        else:
            self.noted[source.id] = kept


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, StoreError) else defects.words(error)


def _count(watch: Watch, done: Iterable["SourceRun"], apart: _Apart, summary: Summary, ports: Ports) -> None:
    """What an alarm rests on: for how many hours the source that was not read for longest has not been read.

    Written while there is trouble at a source, 0 where it is read all the same: a metric costs in the hours in which it
    is written. A source whose history cannot be read is an error of the run, and says nothing here.
    """
    now = ports.clock()
    kept = {run.source.id: run.after for run in done} | {name: one.after for name, one in apart.noted.items()}
    read = {name for name, one in summary.sources.items() if one.outcome == "read"}
    hours = max((unread_hours(one, now, watch.policy, read=name in read) for name, one in kept.items()), default=0.0)
    if hours or any({conditions.SOURCE, conditions.DEFECT} & one.conditions.keys() for one in kept.values()):
        ports.metrics.count("OldestSourceHours", hours)


def _chosen(watch: Watch, request: Request) -> tuple[Source, ...]:
    known = {source.id: source for source in watch.sources}
    unknown = [name for name in request.sources if name not in known]
    if unknown:
        raise RequestRefused(f"no source {', '.join(unknown)}; the watch file has {', '.join(sorted(known))}")
    return tuple(known[name] for name in request.sources) if request.sources else watch.sources


def _source_run(watch: Watch, source: Source, ports: Ports, held: HeldBy) -> SourceRun:
    """Read what the answer is held against. Raises StoreError."""
    reach = partial(_reach, watch, source, held)
    return SourceRun(watch.policy, source, ports.store, ports.clock, ports.remaining, reach)


def _reach(watch: Watch, source: Source, held: HeldBy, authority: str, chain: Collection[str]) -> Reach:
    """Which targets let in a leaf with these CAs above it, by what their records say was proved last."""
    targets = [
        target
        for target in watch.targets_of(source.id)
        if authority in watch.bundle(target.bundle).authorities
        and arns.parse_target(target.arn).kind.takes is not Payload.LEAVES
    ]
    if targets and all({*chain} <= held(target) for target in targets):
        return Reach.ADMITTED
    return Reach.COMING if targets and watch.mode is Mode.APPLY else Reach.NOT_KEPT


def _held(store: ObjectStore, target: Target) -> frozenset[str]:
    """The fingerprints that a target holds by its record; none where that cannot be read: then it counts as lacking."""
    from rotation_watcher.targets.repository import load_record  # noqa: PLC0415  # it brings all that plans a target

    try:
        record, _ = load_record(store, target)
    except StoreError:
        return frozenset()
    return frozenset(record.applied.fingerprints) if record.applied else frozenset()


def _compare(run: SourceRun, earlier: Iterable[SourceRun], request: Request, watch: Watch) -> None:
    """Hold a source against those of the same region that come before it. Raises StoreError."""
    same_region = [
        one for one in earlier if one.source.region == run.source.region and one.observation and run.observation
    ]
    peers = {one.id for one in watch.sources if one.region == run.source.region and one.id != run.source.id}
    if not same_region and compare.unpaired(run.after, peers, run.context) == run.after:
        return

    def change(known: History) -> History:
        known = compare.unpaired(known, peers, run.context)
        for other in same_region:
            name = SourceName(other.source.id, other.source.region)
            known = compare.disagree(known, name, compare.differences(known, other.after), run.context)
        return known

    if request.dry_run:
        run.apply(change)
    else:
        run.amend(change)


def _deliver(kept: Sequence[Kept], ports: Ports, summary: Summary, apart: _Apart) -> None:
    """Deliver what waits at all sources together; what cannot be taken out of its outbox comes once more."""

    def clearing(one: Kept) -> Callable[[frozenset[str]], bool]:
        def clear(taken: frozenset[str]) -> bool:
            with apart(one.source):
                one.clear(taken)
                return True
            return False

        return clear

    waiting = [outbox.Waiting(one.after.outbox, clearing(one)) for one in kept]
    for one, errors in zip(kept, outbox.deliver(waiting, ports.sink, ports.remaining), strict=True):
        said = summary.sources.get(one.source.id) or apart.broken[one.source.id]
        said.undelivered = [*errors]


def _needs(state: History) -> frozenset[tuple[str, str, tuple[str, ...]]]:
    """What targets and pins depend on."""
    return frozenset(
        (name, key, (leaf.status, *leaf.authorities))
        for name, authority in state.authorities.items()
        for key, leaf in authority.leaves.items()
    )


class _Asking:
    """Asks for the targets whose needs changed: at once for the first source, and once more for all that came later.

    A change waits for no other source, and publish may have begun before a later one was there. So a run asks for a
    target twice at most, however many sources it takes. ``sent``: the targets that were asked for.
    """

    def __init__(self, watch: Watch, ports: Ports) -> None:
        self._watch, self._ports = watch, ports
        self.sent: dict[str, None] = {}
        self._later: dict[str, SourceRun] = {}

    def ask(self, run: SourceRun) -> None:
        """Ask for the targets of a source that has changed. Raises StoreError."""
        if _needs(run.before) == _needs(run.after):
            return
        targets = [target.id for target in self._watch.targets_of(run.source.id)]
        self._later |= dict.fromkeys((target for target in targets if target in self.sent), run)
        self._send(run, [target for target in targets if target not in self.sent])

    def ask_again(self, apart: _Apart) -> None:
        """Ask once more for each target of which a later source has changed; that source is broken where it fails."""
        for source, run in {run.source.id: run for run in self._later.values()}.items():
            with apart(run.source):
                self._send(run, [target for target, one in self._later.items() if one.source.id == source])

    def _send(self, run: SourceRun, targets: Sequence[str]) -> None:
        """The history's ETag makes the request new, however soon after the last."""
        for one in publish_requests(self._watch, targets, f"{run.source.id}-{run.etag or ''}"):
            if self._ports.remaining() < CALL_TAKES:
                raise StoreError(
                    f"the time of this run is up before {one.target} was asked for; the schedule asks for it"
                )
            self._ports.queue.send(one)
            self.sent[one.target] = None


def _describe(one: SourceRun) -> SourceSummary:
    before, after, observation = one.before, one.after, one.observation
    summary = SourceSummary(outcome="read", changed=after != before)
    if isinstance(one.seen, SourceError):
        summary = SourceSummary(outcome="failed", reason=one.seen.reason, message=str(one.seen))
    for name, authority in sorted(after.authorities.items()):
        for key, leaf in sorted(authority.leaves.items()):
            getattr(summary, leaf.status).setdefault(name, []).append(key[:16])
        for key, held in sorted(authority.quarantine.items()):
            if held.gone_since is None:
                summary.quarantined.setdefault(name, {})[key[:21]] = [reason.code for reason in held.reasons]
    summary.alerts = [alert.id for alert in after.outbox]
    summary.ignored = [f"{finding.code}: {finding.detail}" for finding in observation.ignored] if observation else []
    return summary
