"""Where every outgoing call of a function passes, and where the function is killed: at the servers, not in our code.

A call *arrives* (nothing of it has been done) and is *answered* (it has been done, and its caller has not heard of it
yet). Killed "before" is killed on arrival, and the call is never done; killed "after" is killed when it has been done.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Literal, NamedTuple

from local.aws.calls import Call, CallLog
from local.aws.faults import Fault, Faults
from local.aws.presigned import PREFIX
from local.genesys.control import Kind, Played, ScriptedAnswers
from local.genesys.handler import Log
from local.genesys.world import World as GenesysWorld

type Phase = Literal["before", "after"]

PHASES: tuple[Phase, ...] = ("before", "after")


class Point(NamedTuple):
    """One call of a run: what was asked for, and the how manieth of its kind it is (from 1)."""

    call: str
    ordinal: int


class Gate:
    """Lets calls pass, counts them, and kills the process ``pid`` at a point."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0
        self._kill: tuple[Point, Phase] | None = None
        self._arrived: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self.points: list[Point] = []

    def arm(self, pid: int, kill: tuple[Point, Phase] | None) -> None:
        """Watch the calls from now on, which are those of ``pid``, and kill it there (None: let it live)."""
        self._pid, self._kill = pid, kill
        self._arrived.clear()
        self._answered.clear()
        self.points = []

    def disarm(self) -> None:
        """Watch no more: what comes is the operator's and the stack's."""
        self._pid = 0

    def arrive(self, call: str) -> None:
        """A call has come. Raises ConnectionResetError if its caller died of it: then it must not be done."""
        with self._lock:
            if not self._pid:
                return
            self._arrived[call] += 1
            point = Point(call, self._arrived[call])
            self.points.append(point)
            self._strike(point, "before")

    def answered(self, call: str) -> None:
        """A call has been done. Raises ConnectionResetError if its caller died of it: nobody is there to hear of it."""
        with self._lock:
            if not self._pid:
                return
            self._answered[call] += 1
            self._strike(Point(call, self._answered[call]), "after")

    def _strike(self, point: Point, phase: Phase) -> None:
        if self._kill == (point, phase):
            os.kill(self._pid, signal.SIGKILL)
            raise ConnectionResetError("the caller was killed")


class GatedFaults(Faults):
    """The embedded AWS asks for a fault before it does a call."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def take(self, call: Call) -> Fault | None:
        """See ``Faults``."""
        self._gate.arrive(_name(call))
        return super().take(call)


class GatedCalls(CallLog):
    """The embedded AWS logs a call after it has done it and before it answers."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def add(self, call: Call) -> None:
        """See ``CallLog``. A download by pre-signed URL only reads: it arrives here."""
        name = _name(call)
        if name == _DOWNLOAD:
            self._gate.arrive(name)
        super().add(call)
        self._gate.answered(name)


class GatedAnswers(ScriptedAnswers):
    """The simulator searches for something to play before it gives its own answer."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def take(self, kind: Kind, region: str, status_filter: str) -> Played | None:
        """See ``ScriptedAnswers``."""
        self._gate.arrive(_genesys("POST" if kind == "token" else "GET", region, status_filter))
        return super().take(kind, region, status_filter)


class GatedLog(Log):
    """The simulator logs a request when its answer is made and not yet sent."""

    def __init__(self, world: GenesysWorld, gate: Gate) -> None:
        super().__init__(world)
        self._gate = gate

    def add(self, method: str, path: str, query: Mapping[str, str], status: int) -> None:
        """See ``Log``."""
        super().add(method, path, query, status)
        self._gate.answered(_genesys(method, path.split("/")[1], query.get("status", "")))


_DOWNLOAD = "elbv2 download of the bundle"


def _name(call: Call) -> str:
    if call.resource.startswith(PREFIX.strip("/")):
        return _DOWNLOAD
    return f"{call.service} {call.operation} {call.resource}".rstrip()


def _genesys(method: str, region: str, status: str) -> str:
    return f"genesys {region} {'token' if method == 'POST' else f'certificates {status}'}".rstrip()
