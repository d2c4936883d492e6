"""The crash matrix: for every call of every run of the script, die right before it and right after it, and run again.

At each run of a function the world is copied: once for the future in which nothing happens, and once for each point of
death. In that one the function is killed at the point, then run again as Lambda, the queue or the Scheduler does; if
this does not lead straight to the undisturbed state, the stack goes on by itself for half an hour, and then it must.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from tests.crash.gate import Phase, Point
from tests.crash.judge import Judge
from tests.crash.processes import apart
from tests.crash.script import CLAIM_OVER, START, Script
from tests.crash.state import from_json, state_of, to_json
from tests.crash.world import CrashEnvironment, Function


class Death(NamedTuple):
    """One cell: where a function was killed, and what went wrong (nothing: green). ``late``: it took the half hour."""

    part: str
    function: Function
    point: Point
    phase: Phase
    late: bool
    wrong: tuple[str, ...]


HALTS = (2, 4)
"""How far into the half hour an undisturbed run is followed at first, and then."""

type Choose = Callable[[str, Function, list[Point]], list[tuple[Point, Phase]]]
"""Which points of a run to try: (part, function, its calls) to calls and phases."""


class Matrix:
    """Plays the script and collects the deaths; ``runs`` counts the runs of functions that the script has."""

    def __init__(self, choose: Choose) -> None:
        self.deaths: list[Death] = []
        self.runs = 0
        self._choose = choose
        self._judge = Judge()
        self._trying = True

    def play(self, parts: frozenset[str] | None = None, *, small: bool = False) -> None:
        """Play the script, or the small one, trying the points of these parts (None: of all)."""
        with CrashEnvironment(START) as environment:
            self._environment, self._script = environment, Script(environment, self._at_run, small=small)
            self._script.set_up()
            left = {*parts} if parts is not None else None
            for part in self._script.parts():
                name = self._script.part
                self._trying = left is None or name in left
                part()
                if left is not None:
                    left.discard(name)
                    if not left:
                        return

    def _at_run(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        if self._trying:
            self._try_points(function, event, answered)
        self._environment.run(function, event)
        answered()
        self.runs += 1

    def _try_points(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        run = _Run(function, event, answered)
        before = self._judge.verdicts(self._script)
        calm = self._apart(partial(self._undisturbed, run, 0))
        points = [Point(*each) for each in calm["points"]]
        for kill in self._choose(self._script.part, function, points):
            died = self._apart(partial(self._die, run, kill, calm["states"]))
            for halts in HALTS:  # what it should have come to later is asked for only when it matters
                if died["wrong"] and len(calm["states"]) <= halts:
                    calm = self._apart(partial(self._undisturbed, run, halts))
                    died = self._apart(partial(self._die, run, kill, calm["states"]))
            wrong = [*died["wrong"]]
            if not died["reached"]:
                wrong.append("the call was not made: the run differs from its rehearsal")
            for when, admitted, strangers in died["moments"]:
                wrong += [f"{when}: {way} is refused" for way in sorted(before.admitted - {*admitted})]
                wrong += [f"{when}: {name} gets in" for name in strangers]
            last = {*died["moments"][-1][1]}
            wrong += [f"in the end: {way} is refused" for way in calm["admitted"] if way not in last]
            self.deaths.append(Death(self._script.part, function, *kill, died["late"], tuple(wrong)))

    def _undisturbed(self, run: "_Run", halts: int) -> dict[str, Any]:
        """What it comes to if nothing happens: at once, and at the first halts of the half hour."""
        self._environment.run(run.function, run.event)
        points = list(self._environment.gate.points)
        run.answered()
        admitted = sorted(self._judge.verdicts(self._script).admitted)
        states = [to_json(state_of(self._environment))]
        states += [to_json(state_of(self._environment)) for _ in islice(self._script.settling(), halts)]
        return {"points": points, "admitted": admitted, "states": states}

    def _die(self, run: "_Run", kill: tuple[Point, Phase], calm: list[Any]) -> dict[str, Any]:
        """One death and what follows. ``calm``: the states that an undisturbed run would lead to."""
        moments = []

        def look(when: str) -> None:
            verdicts = self._judge.verdicts(self._script)
            moments.append((when, sorted(verdicts.admitted), sorted(verdicts.strangers)))

        reached = self._environment.run(run.function, run.event, kill).killed
        look("after the death")
        again = self._environment.run(run.function, run.event).answer
        if "at work until" in again.get("refused", ""):  # the refusal says when to ask again, and a person does
            look("while the claim stands")
            self._environment.clock.advance(CLAIM_OVER)
            again = self._environment.run(run.function, run.event).answer
        run.answered()
        look("after the second run")
        refused = [f"the second run: {again['refused']}"] if "refused" in again else []
        wrong = from_json(calm[0]).differences(state_of(self._environment))
        late = bool(wrong)
        for undisturbed, _ in zip(calm[1:] if late else (), self._script.settling(), strict=False):
            look("in the half hour after it")
            wrong = from_json(undisturbed).differences(state_of(self._environment))
            if not wrong:
                break
        return {"reached": reached, "moments": moments, "late": late, "wrong": refused + wrong}

    def _apart(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do it in a copy of the world, in which nothing more is tried; what OpenSSL said there is known here too."""

        def copied() -> dict[str, Any]:
            self._trying = False
            self._environment.clock.part()
            return {**work(), "known": self._judge.known}

        answer: dict[str, Any] = apart(copied)
        self._judge.known |= answer["known"]
        return answer


class _Run(NamedTuple):
    """A run of the script; ``answered`` is done when the function has answered."""

    function: Function
    event: Any
    answered: Callable[[], object]
