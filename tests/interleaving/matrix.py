"""Whatever publish is asked for while it is at work: one writer, nothing lost, and a record that is true.

At every call that one run makes to its ports, another whole run takes place. The matrix is every call by hand and every
run of the queue and the schedule, each against each, in the moments of a target's life in which they have work to do.
"""

import itertools
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused
from rotation_watcher.publish import Summary
from rotation_watcher.run_store import Memory
from rotation_watcher.targets.record import Claim, decode
from tests.interleaving.calls import CALLS, MOMENTS, Answer, answer
from tests.support.small_world import ARNS, SmallWorld, folder


class Gate:
    """Sees every call of the runs, keeps the rules of the claim, and lets another run in at the n-th call."""

    def __init__(self, world: SmallWorld, target: str) -> None:
        self.world, self.target = world, target
        self.calls: list[str] = []
        self.updates: list[str] = []
        self.breaches: list[str] = []
        self._at = -1
        self._do: Callable[[], None] = lambda: None
        world.store.before = world.sink.before = world.queue.before = self._before
        for adapter in world.adapters.values():
            adapter.before = self._before
        world.store.after = self._after
        world.wait_hook = lambda: self._before("wait", "")

    def let_in(self, at: int, do: Callable[[], None]) -> None:
        """Do this before the call of that number (from 0) of the outermost run."""
        self._at, self._do = at, do

    def claim(self) -> Claim | None:
        """The claim that is kept now, if it is live."""
        versions = self.world.store.versions.get(keys.record(folder(self.target)))
        claim = decode(versions[-1].body).claim if versions else None
        return claim if claim and self.world.clock() <= claim.until else None

    def _before(self, operation: str, subject: str) -> None:
        if len(self.world.running) == 1 and not _commutes(operation, subject):
            self.calls.append(f"{operation} {subject}")
            if len(self.calls) - 1 == self._at:
                self._do()
        if operation == "update" and subject == ARNS[self.target]:
            claim, run = self.claim(), self.world.running[-1]
            self.updates.append(run)
            if claim is None or claim.owner != run:
                self.breaches.append(f"{run} changed the target under the claim {claim}")

    def _after(self, operation: str, subject: str) -> None:
        versions = self.world.store.versions.get(subject, [])
        if operation != "put_if" or subject != keys.record(folder(self.target)) or len(versions) < 2:
            return
        claim, run = decode(versions[-2].body).claim, self.world.running[-1]
        if claim and claim.owner != run and self.world.clock() <= claim.until:
            self.breaches.append(f"{run} wrote the record under the claim {claim}")


class Case(NamedTuple):
    """``inner`` runs in the midst of ``outer``, at a ``moment`` of a target's life."""

    moment: str
    outer: str
    inner: str
    target: str


@lru_cache
def _there(moment: str, target: str) -> SmallWorld:
    world = SmallWorld()
    MOMENTS[moment](world, target)
    return world


def play(case: Case, at: int, *, remembers: bool = False) -> Gate | None:
    """One world, in which ``inner`` runs before the call number ``at`` of ``outer``; None if there is no such call.

    ``remembers``: both run in a container that has seen the target before.
    """
    moment, outer, inner, target = case
    world = deepcopy(_there(moment, target))
    if remembers:
        world.memory = Memory()
        world.publish(targets=[target], dry_run=True)
    gate = Gate(world, target)
    answers: dict[str, Answer] = {}

    def meanwhile() -> None:
        claim = gate.claim()
        answers["inner"] = answer(CALLS[inner], world, target)
        if claim and CALLS[inner].by_hand:
            refused = answers["inner"]
            words = (claim.owner, f"{claim.until:%H:%M}")
            if not isinstance(refused, RequestRefused) or not all(word in str(refused) for word in words):
                gate.breaches.append(f"{inner} under the claim of {words} was answered {refused}")

    gate.let_in(at, meanwhile)
    answers["outer"] = answer(CALLS[outer], world, target)
    if len(gate.calls) <= at:
        return None
    gate.breaches += [
        f"{name} ended broken: {one.targets}"
        for name, one in answers.items()
        if isinstance(one, Summary) and one.broken
    ]
    if outer == inner == "rollback" and [*map(_word, answers.values())].count("rolled-back") > 1:
        gate.breaches.append("two persons went back one version, and both were told that they did")
    if gate.updates:  # what others have put there need not be known yet
        gate.breaches += unrecorded(world, target)
    gate.breaches += lost(world, target)
    later(world, target)
    gate.breaches += [f"later: {words}" for words in (*unrecorded(world, target), *lost(world, target))]
    if world.record(target).claim or world.record(target).pending or world.record(target).outbox:
        gate.breaches.append(f"it does not come to rest: {world.record(target)}")
    return gate


def _commutes(operation: str, subject: str) -> bool:
    """Whether it is all the same if another run takes place before or after this call: publish writes nothing there."""
    return operation == "get" and subject.startswith(("sources/", "anchors/", "extra/", "approvals/"))


def _word(answer: Answer) -> str:
    return "" if not isinstance(answer, Summary) else next(iter(answer.targets.values())).outcome


def unrecorded(world: SmallWorld, target: str) -> list[str]:
    """The target holds what neither was there before, nor was proved, nor is on its way, by its record."""
    live = world.live(target)
    if keys.record(folder(target)) not in world.store.versions:
        return [] if len(live) == 1 else [f"it holds {live} and has no record"]
    record = world.record(target)
    as_found = record.versions if record.applied is None else ()
    known = [{*one.fingerprints} for one in (record.applied, record.pending, *as_found) if one]
    return [] if live in known or not known else [f"it holds {live}, its record knows {known}"]


def lost(world: SmallWorld, target: str) -> list[str]:
    """Alerts that once waited in the record, wait no longer, and were never delivered."""
    versions = [decode(one.body) for one in world.store.versions.get(keys.record(folder(target)), [])]
    ever = {alert.id for one in versions for alert in one.outbox}
    kept = {alert.id for one in versions[-1:] for alert in one.outbox}
    return [f"lost {alert}" for alert in sorted(ever - kept - {one.id for one in world.sink.delivered})]


def later(world: SmallWorld, target: str) -> None:
    """The schedule comes again."""
    for _ in range(2):
        world.clock.advance(timedelta(minutes=15))
        world.publish(targets=[target])


def breaches(case: Case, *, remembers: bool = False) -> list[str]:
    """What went wrong at any call of the outer run. Raises RuntimeError if it makes no call at all."""
    at, found = 0, []
    while (gate := play(case, at, remembers=remembers)) is not None:
        found += [f"before call {at} ({gate.calls[at]}): {words}" for words in gate.breaches]
        at += 1
    if at == 0:
        raise RuntimeError(f"{case} makes no call")
    return found


WHOLE = [Case(*each) for each in itertools.product(MOMENTS, CALLS, CALLS, ARNS) if each[1] != "killed"]


def part() -> list[Case]:
    """The cases in which somebody has work to do, each at one of the targets: enough for every day."""
    works = {
        "reconcile": ("first", "widened", "untold", "asked", "foreign"),
        "rollback": ("twice", "foreign"),
        "release": ("twice", "held"),
    }
    acting = ("reconcile", "rollback", "release", "killed")
    pairs = [(moment, outer, inner) for outer, some in works.items() for moment in some for inner in CALLS]
    pairs += itertools.product(("widened", "untold", "foreign"), ("unreadable", "observe", "everything"), acting)
    pairs += itertools.product(("untold",), ("dry run", "enqueue"), acting)
    return [Case(*pair, target) for pair, target in zip(pairs, itertools.cycle(ARNS), strict=False)]
