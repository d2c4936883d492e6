"""What ``month`` counts at each day's end, and what a promise does not allow of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rotation_watcher.targets.record import KEPT_VERSIONS

SETTLED = 10
"""The day that the last is held against; half of the days, where there are fewer than twice as many."""
LARGEST = 96 * 1024
"""Bytes of a state object at the most: a record names 22 versions, each by up to 25 certificates twice (70 bytes)."""
TOLD = 128
"""Bytes of ``digests.json`` for each alert of the last ``REMEMBERED`` days: it names them by their keys in the log."""
REMEMBERED = 15
LOGGED = 16 * 1024
"""Bytes of an alert in the log at the most, on average."""
OPERATORS = {"before/", "anchors/", "extra/"}
"""What no function writes."""
MEMORY_GROWTH = 1.05
"""What the process may hold on the last day, over the settled one: bytes, and objects of the watcher's own types.

Of the bytes what its stores remember is taken off: that grows with the state, up to bounds of its own.
"""
REMEMBER = {"CachingStore": 40, "remembering_store.Memory": 64, "run_store.Memory": 16, "listed_store.Memory": 16}
"""MB that these may remember at the most: 1000 objects of up to 32 KB; the bounds of the other ones."""


class Day(msgspec.Struct, frozen=True):
    """What there is at a day's end.

    ``objects``, ``versions`` and what a day may add of each (``more_objects``, ``more_versions``) are by the key's
    first folder; ``largest`` the largest state object of each name in bytes, ``log`` what the alert log holds.
    ``queue`` waits, ``dead`` was set aside and ``dead_due`` should have been. ``held`` objects of the watcher's own
    types live in its process, ``resident_mb`` is what that process holds (``trimmed_mb`` once its allocator has given
    back what is free), ``remembered_mb`` what its stores keep of the bucket. ``kept`` is the most versions that a
    record names, ``missing`` says which of them is gone. ``overdue`` versions should have expired. ``looks``
    undisturbed ones it took until nothing was to be done, and ``restless`` is what the last of them wrote. ``faults``:
    calls and runs that were disturbed.
    """

    number: int
    objects: dict[str, int]
    versions: dict[str, int]
    more_objects: dict[str, int]
    more_versions: dict[str, int]
    largest: dict[str, int]
    log: int
    queue: int
    dead: int
    dead_due: int
    held: int
    resident_mb: float
    trimmed_mb: float
    remembered_mb: dict[str, float]
    kept: int
    missing: list[str]
    overdue: int
    looks: int
    restless: list[str]
    calls: int
    updates: int
    faults: int
    alerts: int

    @property
    def own_mb(self) -> float:
        """What the process holds beside what its stores remember of the bucket."""
        return self.resident_mb - sum(self.remembered_mb.values())


class Later(msgspec.Struct, frozen=True):
    """What is left when every rule has run its time, and nothing has been written since the last day.

    ``log`` and ``notes`` count versions of the alert log and of notes of alerts, delete markers too.
    """

    days: int
    objects: dict[str, int]
    versions: dict[str, int]
    log: int
    notes: int
    missing: list[str]


class Changes(NamedTuple):
    """What happened in a day that may be written down.

    ``looks`` runs of collect, ``updates`` changes of targets that the service took (``lists`` of them of revocation
    lists), ``rotations`` new leaves, ``roots`` new roots, ``renewed`` lists that were made anew, ``faults`` as in
    ``Day``, ``alerts`` that were told.
    """

    looks: int
    updates: int
    lists: int
    rotations: int
    roots: int
    renewed: int
    faults: int
    alerts: int


def more_versions(changes: Changes, sources: int) -> dict[str, int]:
    """How many new versions these changes explain, by folder."""
    marks = sources * min(changes.looks, 12)  # one in a third of stale_after_hours: promise 8
    updates = changes.updates - changes.lists
    return {
        "sources/": marks + 8 * changes.rotations + 2 * changes.faults,
        "targets/": updates + 2 * changes.faults + 2 * changes.rotations,
        "targets/ records": 5 * updates + 2 * changes.lists + 4 * changes.faults,
        "bundles/": 3 * updates + 2 * changes.lists + 4 * changes.rotations + 2 * changes.faults,
        "crls/": 5 * changes.renewed + changes.faults,
        "alerts/": 4 * changes.alerts + 2 * changes.faults,
        "status/": 3 * changes.looks,
    }


def more_objects(changes: Changes, targets: int) -> dict[str, int]:
    """How many new keys they explain."""
    return {
        "sources/": 2 * changes.rotations,
        "targets/": changes.rotations,
        "bundles/": targets * changes.roots,
        "crls/": 4 * changes.roots,
        "alerts/": 4 * changes.alerts + changes.faults,
        "status/": 0,
        "approvals/": 0,
    }


def settled(days: Sequence[Day]) -> Day:
    """The day that the last is held against."""
    return days[min(SETTLED, len(days) // 2) - 1]


def breaches(days: Sequence[Day], heard: Mapping[tuple[str, str, str], int], rotated: Mapping[str, int]) -> list[str]:
    """What a promise does not allow, in words.

    ``heard``: how often each alert was told, by id with status (and day, of reminders), kind, and source; ``rotated``:
    the day of each source's last rotation.
    """
    found = [*_grown(days), *_held(days), *_state(days), *_queued(days)]
    return [*found, *_unheard(days, heard, rotated)]


def left_over(later: Later, limited: Sequence[str]) -> Iterator[str]:
    """The same for what is left at last; ``limited``: the folders whose old versions expire."""
    yield from later.missing
    for folder in limited:
        if (old := later.versions.get(folder, 0) - later.objects.get(folder, 0)) > 0:
            yield f"{folder}: {old} old versions are there after {later.days} days"
    if later.log:
        yield f"{later.log} versions of the alert log are there after {later.days} days"
    if later.notes:
        yield f"{later.notes} versions of notes of alerts are there after {later.days} days"


def _grown(days: Sequence[Day]) -> Iterator[str]:
    """What there is more of in the bucket than the changes account for."""
    first, last = settled(days), days[-1]
    since = days[first.number - 1 :]  # what that day brought, too: where a run died the next day writes it
    for folder in {*last.versions, *first.versions} - OPERATORS:
        for what, then, now, more in (
            ("objects", first.objects, last.objects, [day.more_objects for day in since]),
            ("versions", first.versions, last.versions, [day.more_versions for day in since]),
        ):
            grown, explained = now.get(folder, 0) - then.get(folder, 0), sum(one.get(folder, 0) for one in more)
            if grown > explained:
                yield f"{folder}: {grown} more {what} than on day {first.number}, {explained} are explained"


def _held(days: Sequence[Day]) -> Iterator[str]:
    """What is too much in memory."""
    first, last = settled(days), days[-1]
    if last.held > first.held * MEMORY_GROWTH:
        yield f"{last.held} objects of the watcher are held, {first.held} on day {first.number}"
    if last.own_mb > first.own_mb * MEMORY_GROWTH:
        yield f"{last.own_mb:.1f} MB are resident beside what is remembered, {first.own_mb:.1f} on day {first.number}"
    for name, size in last.remembered_mb.items():
        if size > REMEMBER[name]:
            yield f"{name} remembers {size:.1f} MB, {REMEMBER[name]} are the most"


def _state(days: Sequence[Day]) -> Iterator[str]:
    """What is too large, too old, gone or written without a reason."""
    for number, day in enumerate(days, 1):
        told = sum(one.alerts for one in days[max(0, number - REMEMBERED) : number])
        for name, size in day.largest.items():
            if size > (most := TOLD * (told + 1) if name == "digests.json" else LARGEST):
                yield f"day {day.number}: {name}: {size} bytes, {most} are the most"
        yield from (f"day {day.number}: {words}" for words in day.missing)
        if day.kept > KEPT_VERSIONS + 2:  # the one that is live, and the one that is on its way
            yield f"day {day.number}: a record names {day.kept} versions"
        if day.overdue:
            yield f"day {day.number}: {day.overdue} versions should have expired"
        if day.restless:
            yield f"day {day.number}: {day.looks} undisturbed looks, and the last wrote {day.restless}"
        if day.log > LOGGED * day.objects.get("alerts/", 0):
            yield f"day {day.number}: the alert log has {day.log} bytes"


def _queued(days: Sequence[Day]) -> Iterator[str]:
    for day in days:
        if day.queue:
            yield f"{day.queue} messages were left in the queue on day {day.number}"
        if day.dead != day.dead_due:
            yield f"{day.dead} messages were set aside by day {day.number}, {day.dead_due} were due"


def _unheard(
    days: Sequence[Day], heard: Mapping[tuple[str, str, str], int], rotated: Mapping[str, int]
) -> Iterator[str]:
    """Alerts that were lost, or came again without a reason."""
    told = {source for _, kind, source in heard if kind == "rotated"}
    if lost := sorted(source for source, day in rotated.items() if day < days[-1].number - 1 and source not in told):
        yield f"no alert of the rotations of {lost}"
    disturbed = sum(day.faults for day in days)
    again = Counter[str]()
    for (name, kind, _), count in heard.items():
        again[f"{kind} {name.partition(' ')[2]}"] += count - 1
    if again.total() > disturbed:
        most = ", ".join(f"{count} {which}" for which, count in again.most_common(5))
        yield f"{again.total()} alerts came again ({most}), and {disturbed} calls or runs were disturbed"
