"""The use case ``collect``: look at every source, fold what was seen into its history, tell people, wake publish.

Contract. When ``collect`` returns, each source that could be read has its look folded into its history (or nothing was
to write), and each that could not has an episode that tells people once; one source's trouble never touches another.
Alerts commit with the state that gives rise to them, and leave the outbox only after the sink took them. A crash at
any point loses nothing: the certificates are kept before the history that names them, and the next run delivers what
still waits. A look that finds nothing new writes nothing, but for a freshness mark now and then.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.builders import SourceName
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Authority, Source, Watch
from rotation_watcher.errors import RequestRefused, SourceError, SourceReason, StoreError
from rotation_watcher.ports import Clock, GenesysApi, Metrics, ObjectStore, PublishQueue, PublishRequest, Secrets
from rotation_watcher.sources import compare, repository, update
from rotation_watcher.sources import keys_of_conditions as conditions
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.credentials import decode_credentials
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Observation, observe
from rotation_watcher.trust.approvals import FORMER, INVALID
from rotation_watcher.trust.findings import Finding
from rotation_watcher.trust.identity import Expected
from rotation_watcher.trust.operator_files import Anchors, load_anchors, load_approvals


class Ports(NamedTuple):
    """What collect needs of the world."""

    store: ObjectStore
    secrets: Secrets
    genesys: GenesysApi
    sink: AlertSink
    queue: PublishQueue
    metrics: Metrics
    clock: Clock


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call: ``sources`` empty means all of them; ``dry_run`` writes, sends and delivers nothing."""

    sources: tuple[str, ...] = ()
    dry_run: bool = False


class SourceSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one look gave, for the person who called by hand and for the log. Fingerprints are cut to 16 digits."""

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


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call. ``broken`` lists the sources whose state could not be read or written."""

    dry_run: bool = False
    sources: dict[str, SourceSummary] = {}
    looks: list[str] = []
    broken: list[str] = []


type Seen = Sequence[bytes] | SourceError


def collect(watch: Watch, request: Request, ports: Ports) -> Summary:
    """Look at the sources that ``request`` names. Raises RequestRefused for a source that is not in the watch file."""
    chosen = _chosen(watch, request)
    answers = asyncio.run(_fetch(chosen, ports))
    summary = Summary(dry_run=request.dry_run)
    prepared: dict[str, _Prepared] = {}
    for source in chosen:
        try:
            prepared[source.id] = _prepare(watch, source, answers[source.id], ports)
        except StoreError as error:
            summary.sources[source.id] = SourceSummary(outcome="broken", message=str(error))
    folded = {source_id: one.step(one.before) for source_id, one in prepared.items()}
    for source_id, one in prepared.items():
        step = _comparing(one, folded, prepared)
        try:
            summary.sources[source_id] = _commit(watch, one, step, request, ports, summary.looks)
        except StoreError as error:
            summary.sources[source_id] = SourceSummary(outcome="broken", message=str(error))
    summary.broken = [name for name, source in summary.sources.items() if source.outcome == "broken"]
    if not request.dry_run:
        # The dead-man's alarm wants at least one in its period: see the template's silence alarm.
        ports.metrics.count("CollectSucceeded", any(source.outcome == "read" for source in summary.sources.values()))
    return summary


def _chosen(watch: Watch, request: Request) -> tuple[Source, ...]:
    known = {source.id: source for source in watch.sources}
    unknown = [name for name in request.sources if name not in known]
    if unknown:
        raise RequestRefused(f"no source {', '.join(unknown)}; the watch file has {', '.join(sorted(known))}")
    return tuple(known[name] for name in request.sources) if request.sources else watch.sources


async def _fetch(sources: Iterable[Source], ports: Ports) -> dict[str, Seen]:
    """All sources at once; each gives its raw entities or its own error."""

    async def one(source: Source) -> Seen:
        try:
            text = await asyncio.to_thread(ports.secrets.get, source.credentials)
            return await ports.genesys.certificates(
                api_url=source.resolved_api_url,
                login_url=source.resolved_login_url,
                credentials=decode_credentials(text, source.credentials),
            )
        except SourceError as error:
            return error
        except Exception as error:  # noqa: BLE001  # whatever it is, the other sources go on; it is told as a failure
            return SourceError(SourceReason.UNREACHABLE, f"an unexpected {type(error).__name__} while looking")

    chosen = tuple(sources)
    answers = await asyncio.gather(*(one(source) for source in chosen))
    return {source.id: answer for source, answer in zip(chosen, answers, strict=True)}


class _Prepared(NamedTuple):
    """One source's look, ready to be folded into whatever history turns out to be there."""

    source: Source
    seen: Seen
    anchors: Anchors
    before: History
    etag: str | None
    step: Callable[[History], tuple[History, Observation | None]]
    context: Context


def _prepare(watch: Watch, source: Source, seen: Seen, ports: Ports) -> _Prepared:
    before, etag = repository.load(ports.store, source)
    now = ports.clock()
    anchors = load_anchors(ports.store, source)
    context = Context(
        source=source,
        policy=watch.policy,
        bucket=ports.store.bucket,
        approvals={},
        anchor_problems=anchors.problems,
        now=now,
        anchor_files=anchors.files,
    )

    def step(known: History) -> tuple[History, Observation | None]:
        if isinstance(seen, SourceError):
            return update.apply_failure(known, seen.reason, str(seen), context), None
        observation, approving = _observe(known, seen, anchors, context, ports.store)
        return update.fold(known, observation, approving), observation

    return _Prepared(source, seen, anchors, before, etag, step, context)


def _observe(
    known: History, seen: Sequence[bytes], anchors: Anchors, context: Context, store: ObjectStore
) -> tuple[Observation, Context]:
    """Judge the entities; ask for approvals only where one could matter, so that a quiet look asks for none."""
    source, now = context.source, context.now
    names: dict[Authority, Expected] = {}
    for authority in source.authorities:
        taught = known.authorities[authority].names if authority in known.authorities else ()
        doubt = "a look shortly before gave rise to doubts" if conditions.names(authority) in known.conditions else None
        names[authority] = Expected(source.enforced_names(authority) or taught, source.believed_name, doubt)

    def look(context: Context) -> Observation:
        return observe(
            seen,
            authorities=source.authorities,
            anchors=anchors.certificates,
            names=names,
            approvals=context.approvals,
            now=now,
        )

    observation = look(context)
    leaves = {key: leaf for authority in known.authorities.values() for key, leaf in authority.leaves.items()}
    approved = {key for key, leaf in leaves.items() if leaf.lifted}
    refused = [e for e in observation.entities if e.leaf and not e.verdict.accepted]
    doubtful = {e.key for e in refused if e.verdict.approvable or e.verdict.rootless or e.key in approved}
    approvals, problems = load_approvals(store, doubtful)
    for key, approval in approvals.items():
        before = leaves.get(key)
        approvals[key] = approval.completed(before.lifted if before else (), before.approved_root if before else None)
    for key in [key for key, approval in approvals.items() if not approval.reasons]:
        del approvals[key]
        problems[key] = Finding(INVALID, f"{keys.approval(key)}: {FORMER}")
    if approvals:
        context = context._replace(approvals=approvals)
        observation = look(context)
    return _with_problems(observation, problems), context


def _with_problems(observation: Observation, problems: Mapping[str, Finding]) -> Observation:
    """An approval that cannot be read is one more reason, so that whoever wrote it is told why nothing happened."""
    if not problems:
        return observation
    entities = []
    for entity in observation.entities:
        problem = problems.get(entity.key)
        if problem is not None and not entity.verdict.accepted:
            reasons = (*entity.verdict.reasons, problem)
            entities.append(entity._replace(verdict=msgspec.structs.replace(entity.verdict, reasons=reasons)))
        else:
            entities.append(entity)
    return observation._replace(entities=tuple(entities))


def _comparing(
    one: _Prepared,
    folded: Mapping[str, tuple[History, Observation | None]],
    prepared: Mapping[str, _Prepared],
) -> Callable[[History], tuple[History, Observation | None]]:
    """The source's step, then its comparison with the sources of the same region that come before it in this run."""
    order = list(prepared)
    same_region = [
        name
        for name in order[: order.index(one.source.id)]
        if prepared[name].source.region == one.source.region and folded[name][1] is not None
    ]

    def step(known: History) -> tuple[History, Observation | None]:
        after, observation = one.step(known)
        if observation is None:
            return after, observation
        for twin in same_region:
            name = SourceName(twin, prepared[twin].source.region)
            after = compare.disagree(after, name, compare.differences(after, folded[twin][0]), one.context)
        return after, observation

    return step


def _commit(
    watch: Watch,
    one: _Prepared,
    step: Callable[[History], tuple[History, Observation | None]],
    request: Request,
    ports: Ports,
    looks: list[str],
) -> SourceSummary:
    """Write what changed, deliver what waits, wake publish. Raises StoreError; running again then completes it."""
    before = one.before
    after, observation = step(before)
    if request.dry_run:
        return _describe(one, before, after, observation)

    repository.keep_seen(ports.store, one.source, before, observation)

    def change(known: History) -> History:
        nonlocal before, observation
        before = known
        changed, observation = step(known)
        return changed

    def store(changed: History, etag: str | None) -> str:
        return repository.write(ports.store, changed, etag)

    after, etag = compare_and_set(
        lambda: repository.load(ports.store, one.source),
        change,
        store,
        keys.history(one.source.id),
        known=(before, one.etag),
    )
    summary = _describe(one, before, after, observation)
    if _needs(before) != _needs(after):
        looks += _wake(watch, one.source, etag or "", ports.queue)
    if after.outbox:
        taken, summary.undelivered[:] = outbox.deliver(after.outbox, ports.sink)
        if taken:
            repository.clear(ports.store, one.source, after, etag, taken)
    return summary


def _needs(state: History) -> frozenset[tuple[str, str, tuple[str, ...]]]:
    """What targets and pins depend on."""
    return frozenset(
        (name, key, (leaf.status, *leaf.authorities))
        for name, authority in state.authorities.items()
        for key, leaf in authority.leaves.items()
    )


def _wake(watch: Watch, source: Source, etag: str, queue: PublishQueue) -> list[str]:
    """One wish a target; the history's ETag makes it new, however soon after the last one it comes."""
    sent = []
    for look in publish_requests(watch, (target.id for target in watch.targets_of(source.id)), f"{source.id}-{etag}"):
        queue.send(look)
        sent.append(look.target)
    return sent


def publish_requests(
    watch: Watch, targets: Iterable[str], occasion: str, until: datetime | None = None
) -> list[PublishRequest]:
    """The queue's messages for some targets. ``occasion`` tells one call from the next within five minutes."""
    wanted = {*targets}
    return [
        PublishRequest(target.id, arns.message_group(target.arn), f"{target.id}-{occasion}", until)
        for target in watch.targets
        if target.id in wanted
    ]


def _describe(one: _Prepared, before: History, after: History, observation: Observation | None) -> SourceSummary:
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
