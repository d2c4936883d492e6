"""Whatever publish is asked for while it is at work: one writer, nothing lost, and a record that is true.

At every call that one run makes to its ports, another whole run takes place. The matrix is every call by hand and every
run of the queue and the schedule, each against each, in the moments of a target's life in which they have work to do.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused
from rotation_watcher.targets.record import Claim, decode
from tests.interleaving.calls import CALLS, MOMENTS, Answer, answer
from tests.support.small_world import ARNS, SmallWorld

TARGETS = tuple(ARNS)
type Hook = Callable[[str, str], None]


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
        versions = self.world.store.versions.get(keys.record(self.target))
        claim = decode(versions[-1].body).claim if versions else None
        return claim if claim and self.world.clock() <= claim.until else None

    def _before(self, operation: str, subject: str) -> None:
        if len(self.world.running) == 1:
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
        if operation != "put_if" or subject != keys.record(self.target) or len(versions) < 2:
            return
        claim, run = decode(versions[-2].body).claim, self.world.running[-1]
        if claim and claim.owner != run and self.world.clock() <= claim.until:
            self.breaches.append(f"{run} wrote the record under the claim {claim}")


def play(moment: str, target: str, outer: str, inner: str, at: int) -> Gate | None:
    """One world, in which ``inner`` runs before the call number ``at`` of ``outer``; None if there is no such call."""
    world = SmallWorld()
    MOMENTS[moment](world, target)
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
        if not isinstance(one, RequestRefused) and one.broken
    ]
    gate.breaches += [*unrecorded(world, target), *lost(world, target)]
    later(world)
    gate.breaches += [f"later: {words}" for words in (*unrecorded(world, target), *lost(world, target))]
    if world.record(target).claim or world.record(target).pending or world.record(target).outbox:
        gate.breaches.append(f"it does not come to rest: {world.record(target)}")
    return gate


def unrecorded(world: SmallWorld, target: str) -> list[str]:
    """The target holds what neither was there before, nor was proved, nor is on its way, by its record."""
    live = world.live(target)
    if keys.record(target) not in world.store.versions:
        return [] if len(live) == 1 else [f"it holds {live} and has no record"]
    record = world.record(target)
    known = [{*one.fingerprints} for one in (record.applied, record.pending) if one]
    return [] if live in known or not known else [f"it holds {live}, its record knows {known}"]


def lost(world: SmallWorld, target: str) -> list[str]:
    """Alerts that once waited in the record, wait no longer, and were never delivered."""
    versions = [decode(one.body) for one in world.store.versions.get(keys.record(target), [])]
    ever = {alert.id for one in versions for alert in one.outbox}
    kept = {alert.id for one in versions[-1:] for alert in one.outbox}
    return [f"lost {alert}" for alert in sorted(ever - kept - {one.id for one in world.sink.delivered})]


def later(world: SmallWorld) -> None:
    """The schedule comes again."""
    for _ in range(2):
        world.clock.advance(timedelta(minutes=15))
        world.publish()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("inner", CALLS)
@pytest.mark.parametrize("outer", CALLS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_in_the_midst_of_another_breaks_nothing(moment: str, outer: str, inner: str, target: str) -> None:
    at, found = 0, []
    while (gate := play(moment, target, outer, inner, at)) is not None:
        found += [f"before call {at} ({gate.calls[at]}): {words}" for words in gate.breaches]
        at += 1
    assert found == []
    assert at > 0
