"""Which calls of which runs are tried, and the table of what became of them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from local.aws.calls import READS
from tests.crash.gate import PHASES, Phase, Point
from tests.crash.matrix import Death
from tests.crash.world import Function

_LOGGED = re.compile(r"(?<=alerts/log/)[-0-9]{10}/[-0-9a-f]+\.[-a-z]+\.[a-z]+\.[a-z]+")
_PLACE = re.compile(r"(sources|targets|bundles|anchors|approvals)/[^/ .][^/ ]*")
_FINGERPRINT = re.compile(
    r"[0-9a-f]{64}|(?<=bundles/.added/)[0-9a-f]{32}|(?<=bundles/.shown/)[0-9a-f]{32}|(?<=crls/)[0-9a-f]{32}"
)


def kind_of(call: str) -> str:
    """A call without what distinguishes one source, target or certificate from another: a row of the table."""
    service, operation, *resource = call.split(" ", 2)
    if service == "genesys":
        return f"genesys {' '.join(resource)}"
    if service != "s3":
        return f"{service} {operation}" if operation != "download" else call
    key = _FINGERPRINT.sub("…", _LOGGED.sub("…", resource[0].partition("/")[2]))
    return f"s3 {operation} {_PLACE.sub(r'\1/…', key)}"


def changes(call: str) -> bool:
    """Whether a call may leave a trace; a token and a download leave none that anybody reads."""
    service, operation = call.split(" ", 2)[:2]
    return service != "genesys" and operation != "download" and not operation.startswith(READS)


class Everything:
    """Every call of every run; of runs that change nothing and ask the same, one. ``shard`` of ``shards`` (from 0)."""

    def __init__(self, shard: int = 0, shards: int = 1) -> None:
        self._shard, self._shards = shard, shards
        self._quiet: set[tuple[Point, ...]] = set()
        self._count = 0

    def __call__(self, part: str, function: Function, points: list[Point]) -> list[tuple[Point, Phase]]:
        """See ``matrix.Choose``."""
        del part, function
        run = tuple(sorted(points))
        if not any(changes(point.call) for point in points):
            if run in self._quiet:
                return []
            self._quiet.add(run)
        mine = []
        for point in points:
            for phase in PHASES:
                if self._count % self._shards == self._shard:
                    mine.append((point, phase))
                self._count += 1
        return mine


class EachKindOnce:
    """Each kind of call that changes something, of each function, before and after, the first time it comes.

    Calls that only read leave the world as the call before them did: publish's first one stands for them all.
    """

    def __init__(self, shard: int = 0, shards: int = 1) -> None:
        self._shard, self._shards = shard, shards
        self._tried: set[tuple[Function, str]] = set()
        self._count = 0

    def __call__(self, part: str, function: Function, points: list[Point]) -> list[tuple[Point, Phase]]:
        """See ``matrix.Choose``."""
        del part
        chosen: list[tuple[Point, Phase]] = []
        for point in points:
            row = (function, kind_of(point.call) if changes(point.call) else "reads")
            if row in self._tried or (row[1] == "reads" and function != "publish"):
                continue
            self._tried.add(row)
            for phase in PHASES:
                if self._count % self._shards == self._shard:
                    chosen.append((point, phase))
                self._count += 1
        return chosen


class Row(NamedTuple):
    """One kind of call of one function: how many deaths of each phase were green, of how many."""

    function: Function
    kind: str
    green: dict[Phase, int]
    tried: dict[Phase, int]
    late: int


def table(deaths: Iterable[Death]) -> list[Row]:
    """The matrix, sorted by function and kind."""
    cells: dict[tuple[Function, str], list[Death]] = {}
    for death in deaths:
        cells.setdefault((death.function, kind_of(death.point.call)), []).append(death)
    return [
        Row(
            function,
            kind,
            {phase: sum(one.phase == phase and not one.wrong for one in found) for phase in PHASES},
            {phase: sum(one.phase == phase for one in found) for phase in PHASES},
            sum(one.late for one in found),
        )
        for (function, kind), found in sorted(cells.items())
    ]


def printed(deaths: list[Death], runs: int) -> str:
    """The table for people, and below it what is red."""
    lines = [f"{'function':13}{'call':58}{'before':>9}{'after':>9}   later"]
    for row in table(deaths):
        told = [f"{row.green[phase]}/{row.tried[phase]}" if row.tried[phase] else "-" for phase in PHASES]
        cells = "".join(f"{each:>9}" for each in told)
        lines.append(f"{row.function:13}{row.kind:58}{cells}{row.late or '':>8}")
    red = [death for death in deaths if death.wrong]
    late = sum(death.late for death in deaths)
    lines.append(
        f"{len(deaths)} deaths in a script of {runs} runs: {len(deaths) - len(red)} green, {len(red)} red;"
        f" {len(deaths) - late} were as if nothing had happened after the second run, {late} within half an hour"
    )
    for death in red:
        lines.append(f"RED {death.part}, {death.function}, {death.phase} {death.point.call} #{death.point.ordinal}")
        lines += [f"    {words}" for words in death.wrong]
    return "\n".join(lines)
