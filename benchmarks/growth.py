"""How what publish takes grows with the number of trust stores on one bundle: 10, 100 and 1,000 of them.

One fleet grows from size to size, and comes to rest at each. Then a process of its own, ``benchmarks.growth_run``,
makes a quiet sweep, and another one a run with one new root for all. Time is by processor and of that process alone, so
neither what the embedded AWS takes nor other work counts. Both have seen the fleet at rest once before, as a container
has that runs every few minutes.

``exponent``: that of the power of the number that the time goes by, between the two largest sizes; among the smaller
ones what every run takes, whatever it serves, hides it. Memory is the most that the process held (VmHWM), its start and
its imports included. It counts as flat where a hundred times as many targets need no more than a tenth more of it.
"""

import itertools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from benchmarks import apart
from benchmarks.calls import Fleet
from benchmarks.table import FOLDER, Row

SIZES = (10, 100, 1000)
ROOTS = ("eu-central-1", "ap-south-1", "ca-central-1")
"""Whose root is the new one, at each size."""
RUNS = ("quiet", "changed")
BARS = {"exponent": 1.1, "memory": 1.1}
"""Issue 13, point 8; ``memory``: the peak at the largest size over that at the smallest."""


class Took(NamedTuple):
    """Seconds of one run by processor and on the clock, and the most megabytes that its process held."""

    processor: float
    seconds: float
    peak_mb: float


class Growth(NamedTuple):
    """What runs of one kind come to. ``exponents`` are those from each size to the next."""

    exponents: list[float]
    memory: float
    kb_a_target: float
    ms_a_target: float

    @property
    def exponent(self) -> float:
        """Between the two largest sizes."""
        return self.exponents[-1]


def growth(found: Mapping[int, Took]) -> Growth:
    """How it grows, from what each size took; the sizes in their order."""
    sizes = [*found]
    steps = [*itertools.pairwise(sizes)]
    exponents = [math.log(found[b].processor / found[a].processor) / math.log(b / a) for a, b in steps]
    least, (before, most) = sizes[0], steps[-1]
    return Growth(
        exponents=exponents,
        memory=found[most].peak_mb / found[least].peak_mb,
        kb_a_target=(found[most].peak_mb - found[least].peak_mb) * 1024 / (most - least),
        ms_a_target=(found[most].processor - found[before].processor) * 1000 / (most - before),
    )


def measured(sizes: Sequence[int] = SIZES) -> dict[str, dict[int, Took]]:
    """What each run took, by its kind and the number of targets."""
    found: dict[str, dict[int, Took]] = {name: {} for name in RUNS}
    FOLDER.mkdir(parents=True, exist_ok=True)
    anchors = FOLDER / "growth-anchors.pem"
    with Fleet(sizes[0], "alb", direct=True) as fleet:
        environment = fleet.environment
        roots = environment.world.region("us-east-1").root_pem()
        for size, region in zip(sizes, ROOTS, strict=False):
            if size > sizes[0]:
                fleet.grow(size)
            roots += environment.world.region(region).root_pem()
            anchors.write_text(roots)
            for name in RUNS:
                if size == sizes[0] and name == RUNS[0]:
                    _apart("quiet", environment.clock().isoformat(), str(anchors))  # it leaves its bytecode
                environment.clock.advance(timedelta(minutes=15))
                found[name][size] = _apart(name, environment.clock().isoformat(), str(anchors))
                sys.stderr.write(f"{size} targets, {name}: {found[name][size]}\n")
    return found


def _apart(*arguments: str) -> Took:
    ran = apart.run([sys.executable, "-m", "benchmarks.growth_run", *arguments], apart.with_bytecode())
    return Took(*json.loads(ran.printed.splitlines()[-1]))


def rows() -> list[Row]:
    """The rows, and build/bench/growth.json."""
    found = measured()
    rows, kept = [], {}
    for name, took in found.items():
        one = growth(took)
        kept[name] = one._asdict() | {"runs": {size: each._asdict() for size, each in took.items()}}
        sizes = [*took]
        what = f"publish, {name}, {sizes[0]} to {sizes[-1]} targets"
        times = ", ".join(f"{each.processor:.2f}" for each in took.values())
        against = f"{one.ms_a_target:.1f} ms a target"
        rows.append(Row(what, f"{times} s by processor", against, one.exponent, one.exponent, BARS["exponent"]))
        peaks = ", ".join(f"{each.peak_mb:.0f}" for each in took.values())
        against = f"{one.kb_a_target:.1f} KB a target"
        rows.append(Row("the same, memory", f"{peaks} MB", against, one.memory, one.memory, BARS["memory"]))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "growth.json").write_text(json.dumps(kept, indent=1))
    return rows
