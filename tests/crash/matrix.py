"""The crash matrix: for every call of every run of the story, die right before it and right after it, and run again.

At each run of a function the world is copied: once for the future in which nothing happens, and once for each point of
death. In that one the function is killed at the point, then run again as Lambda, the queue or the Scheduler does; if
this does not lead straight to the undisturbed state, the stack goes on by itself for half an hour, and then it must.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tests.crash.gate import Phase, Point
from tests.crash.judge import Judge
from tests.crash.processes import apart
from tests.crash.state import from_json, state_of, to_json
from tests.crash.story import START, Story
from tests.crash.world import CrashStage, Function


class Death(NamedTuple):
    """One cell: where a function was killed, and what went wrong (nothing: green). ``late``: it took the half hour."""

    chapter: str
    function: Function
    point: Point
    phase: Phase
    late: bool
    wrong: tuple[str, ...]


type Choose = Callable[[str, Function, list[Point]], list[tuple[Point, Phase]]]
"""Which points of a run to try: (chapter, function, its calls) to calls and phases."""


class Matrix:
    """Plays the story and collects the deaths; ``runs`` counts the runs of functions that the story has."""

    def __init__(self, choose: Choose) -> None:
        self.deaths: list[Death] = []
        self.runs = 0
        self._choose = choose
        self._judge = Judge()
        self._trying = True

    def play(self, chapters: frozenset[str] | None = None) -> None:
        """Play the story, trying the points of these chapters (None: of all)."""
        with CrashStage(START) as stage:
            self._stage, self._story = stage, Story(stage, self._at_run)
            self._story.set_up()
            left = {*chapters} if chapters is not None else None
            for chapter in self._story.chapters():
                name = self._story.chapter
                self._trying = left is None or name in left
                chapter()
                if left is not None:
                    left.discard(name)
                    if not left:
                        return

    def _at_run(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        if self._trying:
            self._try_points(function, event, answered)
        self._stage.run(function, event)
        answered()
        self.runs += 1

    def _try_points(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        before = self._judge.verdicts(self._story)
        calm = self._apart(lambda: self._undisturbed(function, event, answered, settle=False))
        points = [Point(*each) for each in calm["points"]]
        settled: Any = None
        for point, phase in self._choose(self._story.chapter, function, points):
            kill = (point, phase)
            died = self._apart(partial(self._die, function, event, answered, kill, calm["state"]))
            wrong = [*died["wrong"]]
            if not died["reached"]:
                wrong.append("the call was not made: the run differs from its rehearsal")
            for when, admitted, strangers in died["moments"]:
                wrong += [f"{when}: {way} is refused" for way in sorted(before.admitted - {*admitted})]
                wrong += [f"{when}: {name} gets in" for name in strangers]
            if died["late"]:
                settled = settled or self._apart(lambda: self._undisturbed(function, event, answered, settle=True))
                wrong += from_json(settled["state"]).differences(from_json(died["state"]))
                last = {*died["moments"][-1][1]}
                wrong += [f"in the end: {way} is refused" for way in settled["admitted"] if way not in last]
            self.deaths.append(Death(self._story.chapter, function, point, phase, died["late"], tuple(wrong)))

    def _undisturbed(
        self, function: Function, event: Any, answered: Callable[[], object], *, settle: bool
    ) -> dict[str, Any]:
        self._stage.run(function, event)
        points = list(self._stage.gate.points)
        answered()
        if settle:
            self._story.settle()
        admitted = sorted(self._judge.verdicts(self._story).admitted)
        return {"points": points, "admitted": admitted, "state": to_json(state_of(self._stage))}

    def _die(
        self, function: Function, event: Any, answered: Callable[[], object], kill: tuple[Point, Phase], calm: Any
    ) -> dict[str, Any]:
        """One death and what follows."""
        moments, wrong = [], []
        reached = self._stage.run(function, event, kill).killed

        def look(when: str) -> None:
            verdicts = self._judge.verdicts(self._story)
            moments.append((when, sorted(verdicts.admitted), sorted(verdicts.strangers)))

        look("after the death")
        again = self._stage.run(function, event).answer
        if "refused" in again:
            wrong.append(f"run again: {again['refused']}")
        answered()
        look("after the second run")
        state = state_of(self._stage)
        late = bool(from_json(calm).differences(state))
        if late:
            self._story.settle()
            look("half an hour later")
            state = state_of(self._stage)
        return {"reached": reached, "moments": moments, "late": late, "wrong": wrong, "state": to_json(state)}

    def _apart(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do it in a copy of the world, in which nothing more is tried; what OpenSSL said there is known here too."""

        def copied() -> dict[str, Any]:
            self._trying = False
            self._stage.clock.part()
            return {**work(), "known": self._judge.known}

        answer: dict[str, Any] = apart(copied)
        self._judge.known |= answer["known"]
        return answer
