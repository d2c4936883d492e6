"""The use case ``refresh_crls``: keep the revocation lists of what bundles rest on, and say what they revoke.

Contract. What is asked about was proved to the operator's anchors in this run, as publish does it. When the run
returns, each list that could be got and may be used is in force (``revocation.manifest``); one that could not, or may
not, never displaces the one before, and is alerted (``crl-stale``). ``crls/revoked.json`` names the certificates of
ours that lists in force revoke; each is alerted at once (``revoked``), and targets are woken when it changes. A
certificate leaves that file only when a list in force is without it, or no history names it any more: what could not be
read in this run clears nobody. The run ends within its time, and one list, or one source, delays or stops no other. A
run that finds nothing new writes nothing. A crash at any point loses nothing: the next run comes to the same.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.bundles import revoked as revoked_file
from rotation_watcher.bundles.revoked import Proof
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.collect import publish_requests
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Bundle, Source, Watch
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import Clock, DistributionPoints, Metrics, ObjectStore, PublishQueue
from rotation_watcher.revocation import conditions, fetch, manifest, points, register, state
from rotation_watcher.revocation.conditions import Judged, OnList
from rotation_watcher.revocation.fetch import Failed, Fresh, Job, Unchanged
from rotation_watcher.revocation.manifest import Held, Manifest
from rotation_watcher.revocation.points import Gathered, Member, Point
from rotation_watcher.revocation.register import Evidence
from rotation_watcher.sources.repository import load_history
from rotation_watcher.x509.crl import CrlFacts, is_revoked

replace = msgspec.structs.replace

FETCHING = 90.0
"""Seconds that fetching and judging may take, all lists together."""
KEEPING = 60.0
"""Seconds of the run that are kept for writing and delivering."""


class Ports(NamedTuple):
    """What refresh_crls needs of the world."""

    store: ObjectStore
    points: DistributionPoints
    sink: AlertSink
    queue: PublishQueue
    metrics: Metrics
    clock: Clock
    remaining: Remaining = unhurried


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call; ``dry_run`` fetches and judges, and writes, sends and delivers nothing."""

    dry_run: bool = False


class ListSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One list. ``outcome``: ``new``, ``unchanged``, ``failed``, or ``broken`` where it could not be kept."""

    url: str
    outcome: str
    reason: str | None = None
    message: str | None = None
    certificates: list[str]
    entries: int | None = None
    next_update: datetime | None = None


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call. ``broken`` says what could not be read or written. Fingerprints are cut to 16 digits."""

    dry_run: bool = False
    lists: list[ListSummary] = []
    revoked: dict[str, str] = {}
    remarks: list[str] = []
    alerts: list[str] = []
    undelivered: list[str] = []
    enqueued: list[str] = []
    broken: list[str] = []


class _Ours(NamedTuple):
    """What is accepted. ``named``: the certificates that histories name; ``whole``: every source could be read."""

    needs: list[Need]
    named: frozenset[str]
    whole: bool


class _Looked(NamedTuple):
    """One list after this run. ``kept``: what is in force then, None where nothing is, or in a dry run."""

    judged: Judged
    held: Held
    fresh: Fresh | None
    kept: Manifest | None

    def proof(self, member: Member) -> Proof | None:
        """What shows that it revokes a certificate."""
        point = self.judged.point
        if self.kept is None:
            return None
        return Proof(
            certificate=member.certificate.pem,
            issuer=point.issuer.pem,
            key=f"{point.folder}/{manifest.DER}",
            version=self.kept.der.version,
        )

    def revokes(self, member: Member) -> bool | None:
        """Whether it revokes a certificate; None: there is no list to tell."""
        serial = member.certificate.raw.serial_number
        if self.fresh is not None:
            return is_revoked(self.fresh.crl.serials, serial)
        return self.held.opened.contains(serial) if self.held.opened is not None else None


def refresh_crls(watch: Watch, request: Request, ports: Ports) -> Summary:
    """Bring every list up to date, and note what it revokes."""
    ports = ports._replace(store=TimedStore(ports.store, ports.remaining))
    summary, now = Summary(dry_run=request.dry_run), ports.clock()
    ours = _ours(watch, ports.store, now, summary)
    gathered = points.gather(_with_other_paths(ours.needs, ports.store, now), now)
    summary.remarks = [*gathered.remarks]
    known, etag = _state(ports.store, summary)
    looked = _look(gathered, known, ports, request, now, summary)
    evidence = _evidence(looked, ours)
    try:
        noted = register.note(ports.store, evidence, known, now, dry_run=request.dry_run)
        summary.revoked = {key[:16]: one.subject for key, one in sorted(noted.revoked.certificates.items())}
        if noted.changed and not request.dry_run:
            summary.enqueued = _wake(watch, noted.etag, ports)
    except StoreError as error:
        summary.broken.append(str(error))
    if known is not None:
        over = _Over(evidence, {one.judged.point.folder for one in looked}, {*gathered.points}, ours.whole)
        _tell((known, etag), evidence, looked, over, ports, request, now, summary)
    if not request.dry_run:
        ports.metrics.count("CrlsRefreshed", not summary.broken)
    return summary


def _ours(watch: Watch, store: ObjectStore, now: datetime, summary: Summary) -> _Ours:
    """The accepted leaves that are proved now, each source for itself."""
    needs: dict[str, Need] = {}
    named: set[str] = set()
    whole = True
    for source in watch.sources:
        try:
            history = load_history(store, source.id)
            for authority in history.authorities.values() if history else ():
                named.update(one for key, leaf in authority.leaves.items() for one in (key, *leaf.authorities))
            for bundle in _bundles(watch, source):
                found = view_bundle(watch, bundle, store, now, revoked=revoked_file.Found())
                needs |= {need.label: need for need in found.wanted.needs}
        except StoreError as error:
            whole = False
            summary.broken.append(f"source {source.id}: {error}")
    return _Ours([*needs.values()], frozenset(named), whole)


def _with_other_paths(needs: list[Need], store: ObjectStore, now: datetime) -> list[Need]:
    """The needs, and as publish sees them without what is revoked already: others may vouch for them then."""
    try:
        known = revoked_file.load(store).revoked.certificates
    except StoreError:
        return needs  # what keeps the register says so
    return [*needs, *revoked_file.strike(needs, known, now).needs]


def _bundles(watch: Watch, source: Source) -> Iterable[Bundle]:
    """The bundles of one source, each with this source alone; and one for what of it is in no bundle."""
    left = {*source.authorities}
    for bundle in watch.bundles:
        if source.id in bundle.sources:
            left -= {*bundle.authorities}
            yield replace(bundle, sources=(source.id,), extra=())
    if left:
        yield Bundle(id="none", sources=(source.id,), authorities=tuple(sorted(left)))


def _state(store: ObjectStore, summary: Summary) -> tuple[state.State | None, str | None]:
    """What was alerted; None where it cannot be read, so that nothing can be alerted in this run."""
    try:
        return state.load(store)
    except StoreError as error:
        summary.broken.append(str(error))
        return None, None


def _look(
    gathered: Gathered,
    known: state.State | None,
    ports: Ports,
    request: Request,
    now: datetime,
    summary: Summary,
) -> list[_Looked]:
    """Fetch, judge and keep every list; each that can be kept is kept as soon as it is there."""
    jobs = []
    failing = {*known.conditions} if known else set()
    for point in gathered.points.values():
        try:
            held = manifest.load(ports.store, point)
        except StoreError as error:
            _broken(point, error, summary)
            continue
        if held.damage:
            summary.remarks.append(held.damage)
        jobs.append(Job(point, held, conditions.stale_key(point.folder) in failing))
    looked = []
    seconds = max(1.0, min(FETCHING, ports.remaining() - KEEPING))
    for job, outcome in fetch.outcomes(jobs, ports.points, now, seconds):
        facts, fresh, in_force = job.held.facts, None, job.held.manifest
        try:
            if isinstance(outcome, Fresh):
                fresh, facts = outcome, outcome.crl.facts
                if not request.dry_run:
                    kept = manifest.commit(
                        ports.store, job.point, outcome.crl, outcome.validators, outcome.way, ports.clock()
                    )
                    facts, in_force = (kept.facts, kept) if kept else (facts, in_force)
        except StoreError as error:
            _broken(job.point, error, summary)
            continue
        looked.append(_Looked(Judged(job.point, outcome, facts), job.held, fresh, in_force))
        summary.lists.append(_described(job.point, outcome, facts))
    summary.lists.sort(key=lambda one: one.url)
    return looked


def _broken(point: Point, error: StoreError, summary: Summary) -> None:
    summary.broken.append(f"{point.url}: {error}")
    summary.lists.append(ListSummary(url=point.url, outcome="broken", message=str(error), certificates=_names(point)))


def _names(point: Point) -> list[str]:
    return [member.fingerprint[:16] for member in point.members]


def _described(point: Point, outcome: fetch.Outcome, facts: CrlFacts | None) -> ListSummary:
    summary = ListSummary(url=point.url, outcome="unchanged", certificates=_names(point))
    if facts is not None:
        summary.entries, summary.next_update = facts.entries, facts.next_update
    match outcome:
        case Failed(code, words, _):
            summary.outcome, summary.reason, summary.message = "failed", code, words
        case Fresh():
            summary.outcome = "new"
        case Unchanged():
            pass
    return summary


def _evidence(looked: Sequence[_Looked], ours: _Ours) -> Evidence:
    told = [(one, member, one.revokes(member)) for one in looked for member in one.judged.point.members]
    return Evidence(
        on_lists=tuple(
            OnList(member, one.judged.point.url, one.proof(member)) for one, member, revoked in told if revoked
        ),
        clean=frozenset(member.fingerprint for _, member, revoked in told if revoked is False),
        named=ours.named if ours.whole else None,
    )


def _wake(watch: Watch, etag: str | None, ports: Ports) -> list[str]:
    """One request a target, so that pins follow at once. Raises StoreError; the schedule asks for what is left."""
    sent = []
    for one in publish_requests(watch, (target.id for target in watch.targets), f"revoked-{etag or ''}"):
        if ports.remaining() < CALL_TAKES:
            raise StoreError(f"the time of this run is up before {one.target} was asked for; the schedule asks for it")
        ports.queue.send(one)
        sent.append(one.target)
    return sent


class _Over(NamedTuple):
    """Which conditions that were not observed this run shows to have ended."""

    evidence: Evidence
    looked: set[str]
    needed: set[str]
    whole: bool

    def ended(self, key: str) -> bool:
        """Whether the condition with this key has."""
        if key.startswith(conditions.REVOKED):
            return self.evidence.clears(key.removeprefix(conditions.REVOKED))
        folder = key.removeprefix(conditions.STALE_LIST)
        return folder in self.looked or (self.whole and folder not in self.needed)


def _tell(
    known: tuple[state.State, str | None],
    evidence: Evidence,
    looked: Sequence[_Looked],
    over: _Over,
    ports: Ports,
    request: Request,
    now: datetime,
    summary: Summary,
) -> None:
    """Note what lasts and what is over, and deliver the alerts that are due."""

    def change(held: state.State) -> state.State:
        return conditions.after(held, (one.judged for one in looked), evidence.on_lists, now, is_over=over.ended)

    ledger = Ledger(ports.store, keys.CRL_STATE)

    def own(held: state.State) -> state.State:
        alerts = ledger.own(held.outbox)
        if len(alerts) == len(held.outbox):
            return held
        return conditions.strange_alerts(replace(held, outbox=alerts), now)

    def write(changed: state.State, etag: str | None) -> str:
        ledger.note(changed.outbox)
        return state.write(ports.store, changed, etag)

    def step(change: Callable[[state.State], state.State]) -> None:
        nonlocal known
        known = compare_and_set(
            lambda: state.load(ports.store), lambda held: change(own(held)), write, keys.CRL_STATE, known=known
        )

    def clear(taken: frozenset[str]) -> bool:
        step(lambda held: replace(held, outbox=tuple(one for one in held.outbox if one.id not in taken)))
        return True

    if request.dry_run:
        summary.alerts = [alert.id for alert in change(own(known[0])).outbox]
        return
    try:
        step(change)
        summary.alerts = [alert.id for alert in known[0].outbox]
        errors = outbox.deliver([outbox.Waiting(known[0].outbox, clear)], ports.sink, ports.remaining)
        summary.undelivered = [*errors[0]]
    except StoreError as error:
        summary.broken.append(str(error))
