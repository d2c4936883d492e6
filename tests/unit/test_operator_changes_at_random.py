"""Random histories of two files, with looks between, and events that come late, twice or in part.

Whatever is done is told; nothing is told a second time; nobody is named for what was told before; each alert has an id
of its own; each certificate that a version holds is named.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from rotation_watcher.alerts.model import Alert
from rotation_watcher.ports import FileEvent
from tests.support.fakes import FakeFileEvents
from tests.support.operators_bucket import ANCHOR, EXTRA, Bucket, fingerprint_of, pem
from tests.unit.test_operator_changes_once import in_parts

STEPS = 14
DELAYS = (30, 100, 400, 900)
"""Seconds by which an event is late."""


class Partly(FakeFileEvents):
    """A queue that gives a part of what it holds."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """See ``ports.FileEvents``."""
        if not wait and self._dice.random() < 0.4:
            return None
        some = self.waiting[self._received : self._received + self._dice.randint(1, 3)]
        self._received += len(some)
        return some or None


class History:
    """A bucket, what is done to it, and what is known by the alerts so far."""

    def __init__(self, dice: random.Random, *, late: float, gaps: Sequence[float]) -> None:
        self.dice, self.late, self.gaps = dice, late, gaps
        self.bucket = Bucket()
        self.bucket.look()
        self.bucket.events = self.events = Partly(dice) if late else FakeFileEvents()
        self.under_way: list[tuple[datetime, FileEvent]] = []
        self.done: dict[str, list[str]] = {EXTRA: [], ANCHOR: []}
        self.untold: dict[str, bool] = dict.fromkeys(self.done, False)
        self.named: dict[str, set[str]] = {EXTRA: set(), ANCHOR: set()}
        self.held: dict[str, set[bytes]] = {EXTRA: set(), ANCHOR: set()}
        self.ids: set[str] = set()

    def do(self, number: int) -> None:
        """Somebody does something to one of the files."""
        self.bucket.clock.advance(timedelta(seconds=self.dice.choice(self.gaps)))
        key, now = self.dice.choice([EXTRA, ANCHOR]), self.bucket.clock()
        versions = self.bucket.store.versions.get(key, [])
        match self.dice.choice(["write", "write", "parts", "delete", "pop", "remove"]):
            case "write":
                self.bucket.store.seed(key, pem(f"N{number}"))
            case "parts":
                in_parts(self.bucket, key, pem(f"N{number}"), now - timedelta(seconds=self.dice.choice([5, 100, 4000])))
            case "delete" if versions and not versions[-1].deleted:
                self.bucket.store.mark_deleted(key)
            case "pop" if versions:
                versions.pop()
            case "remove" if versions:
                self.bucket.store.remove(key)
            case _:
                return
        self.done[key].append(f"p{number}")
        self.untold[key] = True
        event = FileEvent(key=key, at=now, who=f"AWS:AROA{number}:p{number}")
        delay = self.dice.choice(DELAYS) if self.dice.random() < self.late else 0
        again = [timedelta(seconds=self.dice.choice(DELAYS))] if self.dice.random() < self.late else []
        self.under_way += [(now + one, event) for one in (timedelta(seconds=delay), *again)]

    def look(self, seconds: float) -> None:
        """Report looks, and what it tells is held against what was done."""
        self.bucket.clock.advance(timedelta(seconds=seconds))
        now = self.bucket.clock()
        self.events.waiting += [event for at, event in self.under_way if at <= now]
        self.under_way = [(at, event) for at, event in self.under_way if at > now]
        for alert in self.bucket.told(after=timedelta(0)):
            assert alert.id not in self.ids
            self.ids.add(alert.id)
            (key,) = (one for one in self.done if alert.facts["file"].endswith(one))
            self._judge(key, alert)

    def _judge(self, key: str, alert: Alert) -> None:
        who = alert.facts.get("who", "")
        named = {one for one in self.done[key] if f" {one} (" in f" {who}"}
        assert not named & self.named[key], f"named again: {alert.what_happened}"
        assert self.untold[key] or named, f"told again: {alert.what_happened}"
        if not self.late and " more" not in who:
            assert {*self.done[key]} - self.named[key] == named, alert.what_happened
        self.named[key] |= {*self.done[key]} if not self.late else named
        self.untold[key] = False
        bodies = {one.body: one for one in self.bucket.store.versions.get(key, []) if not one.deleted}
        for body in bodies.keys() - self.held[key]:
            name = next(f"N{number}" for number in range(STEPS) if pem(f"N{number}") == body)
            assert fingerprint_of(name) in str(alert.facts), f"{name} is not named: {alert.what_it_means}"
        self.held[key] |= {*bodies}


@pytest.mark.parametrize("gaps", [(0.1, 0.7, 1, 3, 40), (7, 65, 500)])
@pytest.mark.parametrize("late", [0, 0.3])
def test_whatever_is_done_is_told_once_and_of_whom(late: float, gaps: Sequence[float]) -> None:
    for seed in range(60):
        dice = random.Random(seed)  # noqa: S311  # no secret
        history = History(dice, late=late, gaps=gaps)
        for number in range(STEPS):
            history.do(number)
            if dice.random() < 0.5:
                history.look(dice.choice([3, 40, 300]))
        for _ in range(30):
            history.look(300)
        assert not any(history.untold.values()), f"never told: {history.untold}, seed {seed}"
