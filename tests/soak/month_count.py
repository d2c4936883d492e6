"""What there is at a day's end of ``month``, counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from local.aws.lifecycle import Lifecycle, Version, content
from local.base_environment import BUCKET
from local.environment import Environment
from rotation_watcher import keys
from rotation_watcher.targets.record import decode
from tests.soak import fleet, month_judge
from tests.soak.container import Memory
from tests.soak.fleet import Needed
from tests.soak.month_judge import Changes, Day, Later
from tests.soak.waiting import Queue
from tests.stack.template import RESOURCES

RULES = RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
STATE = ("history.json", "record.json", "state.json", "digests.json", "sweep.json", "revocations.json", "pins.json")
DAY = timedelta(days=1)
RECORDS = "targets/ records"
"""What no target loads of what lies below ``targets/``, told by its name and not by its tag."""
AFTERWARDS = (*range(1, 400, 40), 402, 403, 413, 414)
"""Days after the last on which lifecycle rules are applied: the longest take 400, then 7, and then a marker goes."""


class Bucket:
    """The bucket under the template's lifecycle rules, and the targets (each with its kind) that load from it."""

    def __init__(self, environment: Environment, targets: Mapping[str, str]) -> None:
        self._environment, self.targets = environment, targets
        self.lifecycle = Lifecycle(environment.s3, BUCKET, RULES)

    def day(
        self,
        number: int,
        changes: Changes,
        sources: int,
        queue: Queue,
        memory: Memory,
        settled: tuple[int, Sequence[str]],
    ) -> Day:
        """The day that ends now. ``settled``: how many looks were undisturbed, and what the last of them wrote."""
        now = self._environment.clock()
        self.lifecycle.apply(now)
        found = self.lifecycle.look(now)
        current = [*_current(found)]
        largest: dict[str, int] = {}
        for one in current:
            if (name := one.key.rpartition("/")[2]) in STATE:
                largest[name] = max(one.bytes, largest.get(name, 0))
        records = [decode(content(BUCKET, keys.record(self._environment.folder(one)))) for one in self.targets]
        return Day(
            number=number,
            objects=_by_folder(current),
            versions=_by_folder(found),
            more_objects=month_judge.more_objects(changes, len(self.targets)),
            more_versions=month_judge.more_versions(changes, sources),
            largest=largest,
            log=sum(one.bytes for one in current if one.key.startswith(keys.ALERT_LOG)),
            queue=queue.waiting(),
            dead=queue.dead(),
            dead_due=queue.dead_due,
            held=memory.held,
            resident_mb=round(memory.resident / 2**20, 1),
            trimmed_mb=round(memory.trimmed / 2**20, 1),
            remembered_mb={name: round(size / 2**20, 2) for name, size in sorted(memory.remembered.items())},
            kept=max(len(one.versions) for one in records),
            missing=[*self._missing(found, whole=False)],
            overdue=overdue(found, now),
            looks=settled[0],
            restless=[*settled[1]][:5],
            calls=len(self._environment.aws.calls),
            updates=changes.updates,
            faults=changes.faults,
            alerts=changes.alerts,
        )

    def later(self) -> Later:
        """Let time go on until every lifecycle rule has run, with nobody at work."""
        begin = self._environment.clock()
        for days in AFTERWARDS:
            self.lifecycle.apply(begin + days * DAY)
        found = self.lifecycle.look(begin + AFTERWARDS[-1] * DAY)
        log = sum(one.key.startswith(keys.ALERT_LOG) for one in found)
        notes = sum(one.key.startswith(keys.alert("")) for one in found)
        missing = [*self._missing(found, whole=True)]
        return Later(AFTERWARDS[-1], _by_folder(_current(found)), _by_folder(found), log, notes, missing)

    def _missing(self, found: Iterable[Version], *, whole: bool) -> Iterator[str]:
        """Which version that a target loads or may go back to is gone; ``whole``: or holds something else."""
        there = {(one.key, one.id) for one in found if not one.marker}
        for one in fleet.needed(self._environment, self.targets):
            if (one.key, one.version) not in there:
                yield f"{one.target} needs version {one.version} of {one.key}, which is gone"
            elif whole and one.sha256 and _digest(one) != one.sha256:
                yield f"{one.target}: version {one.version} of {one.key} holds something else"


def _digest(one: Needed) -> str:
    return sha256(content(BUCKET, one.key, one.version)).hexdigest()


def overdue(found: Iterable[Version], now: datetime) -> int:
    """How many old versions the template's rules should have removed: two days are theirs to do it."""
    rules = [
        (rule["Prefix"], {*keys.OLD_VERSIONS_EXPIRE.items()} if "TagFilters" in rule else set(), _days(rule))
        for rule in RULES
        if _ends_old(rule)
    ]
    return sum(
        any(
            one.key.startswith(prefix) and tags <= one.tags and now - one.succeeded > (days + 2) * DAY
            for prefix, tags, days in rules
        )
        for one in found
        if one.succeeded is not None
    )


def limited() -> list[str]:
    """The folders in which nothing old stays: the template has a rule for all that is written there twice.

    Not what targets load: of that ``later`` counts versions of records, by the name that it gives them.
    """
    whole = {f"{rule['Prefix'].partition('/')[0]}/" for rule in RULES if _ends_old(rule) and "TagFilters" not in rule}
    return sorted({*whole, RECORDS})


def _days(rule: Mapping[str, Any]) -> int:
    return int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])


def _ends_old(rule: Mapping[str, object]) -> bool:
    return "NoncurrentVersionExpiration" in rule


def _current(found: Iterable[Version]) -> Iterator[Version]:
    return (one for one in found if one.succeeded is None and not one.marker)


def _by_folder(versions: Iterable[Version]) -> dict[str, int]:
    """By the first folder; of ``targets/`` records are counted apart: what no target loads."""
    counted = Counter(_counted_as(one.key) for one in versions if "/" in one.key)
    return dict(sorted(counted.items()))


def _counted_as(key: str) -> str:
    folder = f"{key.partition('/')[0]}/"
    return RECORDS if folder == "targets/" and key.endswith(".json") and not key.endswith("/filters.json") else folder
