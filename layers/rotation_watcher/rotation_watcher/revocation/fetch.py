"""Fetch and judge the lists, several at once, and hand each outcome on as soon as it is there.

Contract of ``outcomes``: every list gives its outcome, in the order in which they come, and the last of them within
``seconds``, whatever hangs. ``PARALLEL`` are under way at a time, counted until their outcome has been dealt with, so
that the memory of a run is bounded; lists that failed before come last, so that those that hang delay no other.
"""

import queue
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from threading import Lock, Thread, Timer

import msgspec

from rotation_watcher.errors import TOO_MANY_LISTS, FetchCode, FetchError
from rotation_watcher.ports import DistributionPoints, NotModified, Validators
from rotation_watcher.revocation.kept import Held
from rotation_watcher.revocation.points import Point
from rotation_watcher.x509.crl import Crl, CrlDefect, read, share_left
from rotation_watcher.x509.crl_refusal import refusal
from rotation_watcher.x509.serials import within

PARALLEL = 8
MOST = 64
"""Lists that are fetched for the first time; a source has one or two. What is kept already is always asked for."""
DUE = 1 / 3
"""The share of its period that a list has left when it is due: from then on servers are asked without validators."""
_judging = Lock()
"""One list is parsed at a time: half a million entries take a hundred megabytes."""


class Job(msgspec.Struct, frozen=True):
    """A list, what is kept of it, and whether it failed at the last run."""

    point: Point
    held: Held
    failing: bool = False


def chosen(jobs: Iterable[Job], known: Collection[str]) -> tuple[list[Job], list[Job]]:
    """Those that are asked for, and those that are left out: never one that is kept, or that ``known`` names (folders).

    So a flood of new lists takes no revocation back.
    """
    first: list[Job] = []
    new: list[Job] = []
    for job in jobs:
        kept = job.held.manifest is not None or job.held.damage is not None or job.point.folder in known
        (first if kept else new).append(job)
    room = max(0, MOST - len(first))
    return first + new[:room], new[room:]


def left_out(job: Job) -> "Failed":
    """The outcome of a list that is left out."""
    words = f"{job.point.url} is not asked for its list: more than {MOST} lists are named"
    return Failed(TOO_MANY_LISTS, words, refused=False)


class Fresh(msgspec.Struct, frozen=True):
    """A list that may be put in force, and from where it came."""

    crl: Crl
    way: str
    validators: Validators


class Unchanged(msgspec.Struct, frozen=True):
    """The list in force is still the one that its server has."""


class Failed(msgspec.Struct, frozen=True):
    """No list was got: a stable code (FetchCode, TOO_MANY_LISTS, CrlReason, or of ``CrlDefect``), and why, in words.

    ``refused``: something was got, and is not used. The words may quote hostile text.
    """

    code: str
    words: str
    refused: bool


type Outcome = Fresh | Unchanged | Failed


def outcomes(
    jobs: Sequence[Job], points: DistributionPoints, now: datetime, seconds: float
) -> Iterator[tuple[Job, Outcome]]:
    """The outcome of each list, as they come."""
    found: queue.SimpleQueue[tuple[Job, Outcome] | None] = queue.SimpleQueue()
    bell = Timer(seconds, found.put, [None])
    bell.daemon = True
    bell.start()
    waiting = sorted(jobs, key=lambda job: job.failing)
    begun: dict[str, Job] = {}
    try:
        while waiting or begun:
            while waiting and len(begun) < PARALLEL:
                job = waiting.pop(0)
                begun[job.point.folder] = job
                Thread(target=_run, args=(job, points, now, found), name="crl", daemon=True).start()
            answer = found.get()
            if answer is None:
                yield from ((job, _late(job, seconds)) for job in (*begun.values(), *waiting))
                return
            yield answer
            del begun[answer[0].point.folder]
    finally:
        bell.cancel()


def _run(
    job: Job, points: DistributionPoints, now: datetime, found: "queue.SimpleQueue[tuple[Job, Outcome] | None]"
) -> None:
    try:
        outcome = _attempt(job, points, now)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other lists go on; it is reported as a failure
        outcome = Failed(FetchCode.UNREACHABLE, f"an unexpected {type(error).__name__} while fetching", refused=False)
    found.put((job, outcome))


def _late(job: Job, seconds: float) -> Failed:
    words = f"{job.point.url} did not give its list within the {seconds:.0f} seconds of a run"
    return Failed(FetchCode.TIMED_OUT, words, refused=False)


def _attempt(job: Job, points: DistributionPoints, now: datetime) -> Outcome:
    """Try one URL after the other; where none gives a list, the first failure is the one that is told.

    Once the list in force is due, the others are asked too where one still has that: a mirror may stand still.
    """
    failures: list[Failed] = []
    unchanged: Unchanged | None = None
    for way in job.point.ways:
        try:
            fetched = points.fetch(way, known=_known(job.held, way, now))
        except FetchError as error:
            failures.append(Failed(error.code, str(error), refused=False))
            continue
        if isinstance(fetched, NotModified):
            return Unchanged()
        with _judging:
            outcome = _judged(job, way, fetched.body, fetched.validators, now)
        if isinstance(outcome, Failed):
            failures.append(outcome)
        elif isinstance(outcome, Fresh) or not _is_due(job.held, now):
            return outcome
        else:
            unchanged = outcome
    return unchanged or failures[0]


def _known(held: Held, way: str, now: datetime) -> Validators | None:
    """What to ask with; None where the whole list is wanted: it is due, or what is kept of it is damaged."""
    manifest = held.manifest
    if manifest is None or held.facts is None or held.damage or manifest.fetched_from != way:
        return None
    return None if _is_due(held, now) else manifest.validators


def _is_due(held: Held, now: datetime) -> bool:
    return held.facts is not None and share_left(held.facts, now) <= DUE


def _judged(job: Job, way: str, body: bytes, validators: Validators, now: datetime) -> Outcome:
    point, crl = job.point, read(body)
    if isinstance(crl, CrlDefect):
        return Failed(crl.code, f"the list of {point.url} cannot be read: {crl.detail}", refused=True)
    refused = refusal(
        crl,
        issuer=point.issuer,
        distribution_point=way,
        at=now,
        before=job.held.facts,
        other_names=point.ways[way],
        covers_cas=point.ca,
        covers_leaves=not point.ca,
    )
    if refused is not None:
        return Failed(refused.code, f"the list of {point.url} is not used: {refused.detail}", refused=True)
    return Unchanged() if _says_no_more(crl, job.held) else Fresh(crl, way, validators)


def _says_no_more(crl: Crl, held: Held) -> bool:
    """Whether a list is the one that is held, or one of the same number and time that revokes nothing else.

    Mirrors give the same list under several signatures, and some of them a part of it.
    """
    facts, index = held.facts, held.opened
    if facts is None or index is None or held.damage:
        return False
    if facts.fingerprint == crl.facts.fingerprint:
        return True
    if facts.order != crl.facts.order or not within(crl.serials, index.serials):
        return False
    longer = bool(facts.next_update and crl.facts.next_update and crl.facts.next_update > facts.next_update)
    return crl.serials.rows < index.count or not longer
