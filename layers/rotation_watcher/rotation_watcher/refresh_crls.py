"""The use case ``refresh_crls``: keep the revocation lists of what bundles rest on, and say what they revoke.

Contract. What is asked about was proved to the operator's anchors in this run, as publish does it. When the run
returns, each list that could be got and may be used is in force (``revocation.kept``); one that could not, or may
not, never displaces the one before, and is alerted (``crl-stale``). What is kept of a list is held to what its issuer
signed, each time, and written anew where it was damaged. A certificate of ours that a list in force names is alerted at
once (``revoked``), and publish is asked to follow, until the queue took it. That is over only when a list in force,
and no older one than named it, is without it, or no history names it any more: what could not be read in this run
clears nobody. The run ends within its time, and one list, or one source, delays or stops no other. A
run that finds nothing new writes nothing. A crash at any point loses nothing: the next run comes to the same.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts import outbox
from rotation_watcher.alerts.ledger import Ledger
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.asking import publish_requests
from rotation_watcher.bundles import decided, revoked
from rotation_watcher.bundles.files import listed_pins
from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import Need, proved
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Bundle, Source, Watch
from rotation_watcher.deadline import CALL_TAKES, Remaining, TimedStore, unhurried
from rotation_watcher.errors import StoreError
from rotation_watcher.once_store import OnceStore
from rotation_watcher.ports import Clock, DistributionPoints, ObjectStore, PublishQueue
from rotation_watcher.revocation import conditions, fetch, lists, manifest, state
from rotation_watcher.revocation.conditions import REVOKED, Judged, OnList
from rotation_watcher.revocation.fetch import Failed, Fresh, Job, Unchanged
from rotation_watcher.revocation.kept import Held
from rotation_watcher.revocation.points import Member, Point
from rotation_watcher.revocation.state import About
from rotation_watcher.sources.repository import load_history
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.revocation_index import build_index

replace = msgspec.structs.replace

FETCHING = 90.0
"""Seconds that fetching and judging may take, all lists together."""
KEEPING = 60.0
"""Seconds of the run that are kept for writing and delivering."""


class Ports(msgspec.Struct, frozen=True):
    """What refresh_crls needs of the world."""

    store: ObjectStore
    points: DistributionPoints
    sink: AlertSink
    queue: PublishQueue
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


class _Ours(msgspec.Struct, frozen=True):
    """What is accepted or pinned.

    ``named``: the certificates that histories or pins name; ``whole``: every source could be read. ``known``: the
    folders of the lists that bundles remember.
    """

    needs: list[Need]
    named: frozenset[str]
    whole: bool
    known: frozenset[str]


class _Refreshed(msgspec.Struct, frozen=True):
    """One list after this run, with what is in force then; in a dry run what would be."""

    judged: Judged
    held: Held

    def revokes(self, member: Member) -> bool | None:
        """Whether it revokes a certificate; None: there is no list to tell."""
        index = self.held.opened
        return None if index is None else index.contains(member.certificate.raw.serial_number)


class _Evidence(msgspec.Struct, frozen=True):
    """What a run found.

    ``clean``: the fingerprints of which a list in force says nothing, with the moment when it was made. ``named``:
    those that histories name, None where not every history could be read. ``refreshed``: the folders of the lists that
    were asked; ``needed``: of those that certificates name.
    """

    on_lists: tuple[OnList, ...]
    clean: Mapping[str, datetime]
    named: frozenset[str] | None
    refreshed: frozenset[str]
    needed: frozenset[str]

    def clears(self, fingerprint: str, about: About | None = None) -> bool:
        """Whether it shows that a certificate is revoked no longer, or is none of ours."""
        if self.named is not None and fingerprint not in self.named:
            return True
        made = self.clean.get(fingerprint)
        return made is not None and not (about and about.made and made < about.made)

    def ends(self, key: str, about: About | None) -> bool:
        """Whether a condition that was not observed, with this key, is shown to have ended."""
        if key.startswith(conditions.REVOKED):
            return self.clears(key.removeprefix(conditions.REVOKED), about)
        folder = key.removeprefix(conditions.STALE_LIST)
        return folder in self.refreshed or (self.named is not None and folder not in self.needed)


def refresh_crls(watch: Watch, request: Request, ports: Ports) -> Summary:
    """Bring every list up to date, and note what it revokes."""
    ports = replace(ports, store=TimedStore(ports.store, ports.remaining))
    summary, now = Summary(dry_run=request.dry_run), ports.clock()
    ours = _ours(watch, ports.store, now, summary)
    asked = _asked(ours.needs, ports.store, now, summary)
    known, etag = _state(ports.store, summary)
    refreshed = _refresh(asked.values(), ours.known, known, ports, request, now, summary)
    evidence = _evidence(refreshed, asked, ours)
    summary.revoked = {
        one.member.fingerprint[:16]: one.member.certificate.facts.subject
        for one in sorted(evidence.on_lists, key=lambda one: one.member.fingerprint)
    }
    if known is not None:
        _tell(watch, (known, etag), evidence, refreshed, ports, request, now, summary)
    return summary


def _ours(watch: Watch, store: ObjectStore, now: datetime, summary: Summary) -> _Ours:
    """The accepted leaves, and what else is pinned, each source for itself."""
    store = OnceStore(store)  # what is asked of each source has much in common
    needs: dict[str, Need] = {}
    named: set[str] = set()
    whole = True
    viewed: set[str] = set()

    def add(bundle: Bundle, of: Collection[str]) -> None:
        found = view_bundle(watch, bundle, store, now, revoked=revoked.Found(), pins_of=of)
        needs.update({need.label: need for need in found.asked if need.label not in needs or proved(need, now)})
        named.update(need.certificate.fingerprint for need in found.asked)

    for source in watch.sources:
        try:
            history = load_history(store, source)
            whole = whole and history is not None  # a lost one clears nobody
            for authority in history.authorities.values() if history else ():
                named.update(one for key, leaf in authority.leaves.items() for one in (key, *leaf.authorities))
            for bundle in _bundles(watch, source):
                add(bundle, {source.id})
            viewed.add(source.id)
        except StoreError as error:
            whole = False
            summary.broken.append(f"source {source.id}: {error}")
    for bundle in watch.bundles:
        try:
            if others := {pin.source for pin in listed_pins(store, bundle.id)} - viewed.intersection(bundle.sources):
                add(replace(bundle, sources=(), extra=()), others)
        except StoreError as error:
            whole = False
            summary.broken.append(f"bundle {bundle.id}: {error}")
    return _Ours([*needs.values()], frozenset(named), whole, _remembered(watch, store, summary))


def _remembered(watch: Watch, store: ObjectStore, summary: Summary) -> frozenset[str]:
    """The folders of the lists that publish has seen in force."""
    known: set[str] = set()
    for bundle in watch.bundles:
        try:
            known |= decided.recall(store, bundle.id).folders
        except StoreError as error:
            summary.broken.append(f"bundle {bundle.id}: {error}")
    return frozenset(known)


def _bundles(watch: Watch, source: Source) -> Iterable[Bundle]:
    """The bundles of one source, each with this source alone; and one for what of it is in no bundle."""
    left = {*source.authorities}
    for bundle in watch.bundles:
        if source.id in bundle.sources:
            left -= {*bundle.authorities}
            yield replace(bundle, sources=(source.id,), extra=())
    if left:
        yield Bundle(id="none", sources=(source.id,), authorities=tuple(sorted(left)))


class _Asked(NamedTuple):
    """One list that is to be asked, and what is kept of it; None: it cannot be read."""

    point: Point
    held: Held | None


def _asked(needs: list[Need], store: ObjectStore, now: datetime, summary: Summary) -> dict[str, _Asked]:
    """The lists of these leaves, and of what else vouches for them once what is revoked already is left out."""
    asked: dict[str, _Asked] = {}
    struck: set[str] = set()
    remarks: tuple[str, ...] = ()
    for gathered in revoked.rounds(needs, struck, now):
        remarks = gathered.remarks
        for folder, point in gathered.points.items():
            held = asked[folder].held if folder in asked else _held(store, point, now, summary)
            asked[folder] = _Asked(point, held)
            if held is not None and held.opened is not None:
                struck |= lists.on_list(held.opened, point)
    summary.remarks += remarks
    return asked


def _held(store: ObjectStore, point: Point, now: datetime, summary: Summary) -> Held | None:
    try:
        held = lists.load(store, point, now)
        if held.damage:
            summary.remarks.append(held.damage)
            held = held if summary.dry_run else lists.repair(store, point, held, now)
    except StoreError as error:
        _broken(point, error, summary)
        return None
    return held


def _state(store: ObjectStore, summary: Summary) -> tuple[state.State | None, str | None]:
    """What was alerted; None where it cannot be read, so that nothing can be alerted in this run."""
    try:
        return state.load(store)
    except StoreError as error:
        summary.broken.append(str(error))
        return None, None


def _refresh(
    asked: Iterable[_Asked],
    remembered: frozenset[str],
    known: state.State | None,
    ports: Ports,
    request: Request,
    now: datetime,
    summary: Summary,
) -> list[_Refreshed]:
    """Fetch, judge and keep every list; each that can be kept is kept as soon as it is there."""
    failing = {*known.conditions} if known else set()
    jobs = [Job(point, held, conditions.stale_key(point.folder) in failing) for point, held in asked if held]
    jobs, left = fetch.chosen(jobs, remembered)
    seconds = max(1.0, min(FETCHING, ports.remaining() - KEEPING))
    found: list[tuple[Job, fetch.Outcome, Held]] = []
    for job, outcome in fetch.outcomes(jobs, ports.points, now, seconds):
        try:
            held = _kept(job, outcome, ports, dry_run=request.dry_run)
        except StoreError as error:
            _broken(job.point, error, summary)
            continue
        # The list itself is let go: it may take a hundred megabytes.
        found.append((job, Unchanged() if isinstance(outcome, Fresh) else outcome, held))
        summary.lists.append(_described(job.point, outcome, held.facts))
    refreshed = [_Refreshed(Judged(job.point, fetch.left_out(job), None), job.held) for job in left]
    summary.lists += [_described(one.judged.point, one.judged.outcome, None) for one in refreshed]
    for job, outcome, held in found:
        try:  # what another run has put in force meanwhile counts
            last = held if request.dry_run else lists.again(ports.store, job.point, held, now)
        except StoreError as error:
            _broken(job.point, error, summary)
            continue
        refreshed.append(_Refreshed(Judged(job.point, outcome, last.facts), last))
    summary.lists.sort(key=lambda one: (one.url, one.certificates))
    return refreshed


def _kept(job: Job, outcome: fetch.Outcome, ports: Ports, *, dry_run: bool) -> Held:
    """What is kept of a list once its outcome has been dealt with. Raises StoreError."""
    if not isinstance(outcome, Fresh):
        return job.held
    if dry_run:
        index = manifest.opened(build_index(outcome.crl, job.point.issuer), job.point)
        return replace(job.held, facts=outcome.crl.facts, opened=index)
    return manifest.commit(
        ports.store, job.point, outcome.crl, job.held, outcome.validators, outcome.way, ports.clock()
    )


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


def _evidence(refreshed: Sequence[_Refreshed], asked: Mapping[str, _Asked], ours: _Ours) -> _Evidence:
    told = [
        (one, member, one.held.facts.this_update, one.revokes(member))
        for one in refreshed
        if one.held.facts
        for member in one.judged.point.members
    ]
    return _Evidence(
        on_lists=tuple(OnList(member, one.judged.point.url, made) for one, member, made, on_it in told if on_it),
        clean={member.fingerprint: made for _, member, made, on_it in told if on_it is False},
        named=ours.named if ours.whole else None,
        refreshed=frozenset(one.judged.point.folder for one in refreshed),
        needed=frozenset(asked),
    )


def _due(held: state.State, refreshed: Sequence[_Refreshed], needed: Collection[str]) -> state.Asked:
    """What publish has to follow. Of lists nothing new where not each of those ``needed`` could be refreshed."""
    whole = len(refreshed) == len(needed)
    return state.Asked(
        revoked=_digest(key for key in held.conditions if key.startswith(REVOKED)),
        lists=_digest(one.held.facts.fingerprint for one in refreshed if one.held.facts) if whole else held.asked.lists,
    )


def _digest(names: Iterable[str]) -> str:
    joined = " ".join(sorted(names))
    return hashlib.sha256(joined.encode()).hexdigest() if joined else ""


def _enqueue(watch: Watch, due: state.Asked, asked: state.Asked, ports: Ports) -> list[str]:
    """One request a target that is concerned, so that it follows at once. Raises StoreError if not every one was sent.

    What is revoked concerns the pins of all; a new list those that load it.
    """
    sent = []
    concerned = [target.id for target in watch.targets if due.revoked != asked.revoked or target.loads_lists]
    for one in publish_requests(watch, concerned, f"lists-{_digest((due.revoked, due.lists))[:32]}"):
        if ports.remaining() < CALL_TAKES:
            raise StoreError(f"the time of this run is up before {one.target} was asked for; the next run asks for it")
        ports.queue.send(one)
        sent.append(one.target)
    return sent


def _tell(
    watch: Watch,
    known: tuple[state.State, str | None],
    evidence: _Evidence,
    refreshed: Sequence[_Refreshed],
    ports: Ports,
    request: Request,
    now: datetime,
    summary: Summary,
) -> None:
    """Note what lasts and what is over, have publish follow, and deliver the alerts that are due."""

    def change(held: state.State) -> state.State:
        return conditions.after(
            held,
            (one.judged for one in refreshed),
            evidence.on_lists,
            now,
            is_over=evidence.ends,
            remind=watch.policy.remind_days,
        )

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
        step(lambda held: replace(held, outbox=tuple(one for one in held.outbox if one.key not in taken)))
        return True

    if request.dry_run:
        summary.alerts = [alert.id for alert in change(own(known[0])).outbox]
        return
    try:
        step(change)
        due = _due(known[0], refreshed, evidence.needed)
        if due != known[0].asked:
            _follow(watch, due, known[0].asked, step, ports, summary)
        summary.alerts = [alert.id for alert in known[0].outbox]
        ledger.renew(known[0].outbox, now)
        errors = outbox.deliver([outbox.Waiting(known[0].outbox, clear)], ports.sink, ports.remaining)
        summary.undelivered = [*errors[0]]
    except StoreError as error:
        summary.broken.append(str(error))


def _follow(
    watch: Watch,
    due: state.Asked,
    asked: state.Asked,
    step: Callable[[Callable[[state.State], state.State]], None],
    ports: Ports,
    summary: Summary,
) -> None:
    """Ask publish to follow, and note that it was asked; what stops that does not stop the alerts."""
    try:
        summary.enqueued = _enqueue(watch, due, asked, ports)
        step(lambda held: replace(held, asked=due))
    except StoreError as error:
        summary.broken.append(str(error))
