"""A row for each figure: what was measured, what it stands against, their ratio, and the bar. Nothing here measures."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[1] / "build/bench"
HEADINGS = ("row", "figure", "against", "ratio", "bar", "")


class Row(NamedTuple):
    """One figure.

    ``judged`` is what is held against ``bar``, an upper bound; None for one without a bar. ``figure`` and ``against``
    are for people, with their units; ``ratio`` is of the two, from one run.
    """

    name: str
    figure: str
    against: str
    ratio: float | None
    judged: float
    bar: float | None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        return None if self.bar is None else self.judged <= self.bar

    @property
    def cells(self) -> tuple[str, ...]:
        """The row for people."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        bar = "" if self.bar is None else f"<= {self.bar:g}"
        return self.name, self.figure, self.against, ratio, bar, {None: "", True: "met", False: "MISSED"}[self.met]


class Machine(NamedTuple):
    """Where and when it was measured; ``load`` is the load average of a minute before and after."""

    system: str
    processors: int
    python: str
    at: str
    load: tuple[float, ...]

    @property
    def words(self) -> str:
        """The same for people. Loaded: others were at work while it was measured."""
        loaded = max(self.load) > self.processors
        load = " to ".join(f"{one:.1f}" for one in self.load)
        return f"{self.at}, {self.system}, {self.processors} processors, Python {self.python}, load {load}" + (
            ": LOADED, figures of time are not to be trusted" if loaded else ""
        )


def machine(before: float) -> Machine:
    """This machine, now; ``before`` is its load average when measuring began."""
    return Machine(
        platform.platform(terse=True) + " " + platform.machine(),
        os.cpu_count() or 1,
        platform.python_version(),
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        (round(before, 2), round(os.getloadavg()[0], 2)),
    )


def text(rows: Sequence[Row], where: Machine) -> str:
    """The table, in columns."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    missed = sum(row.met is False for row in rows)
    return "\n".join(
        [where.words, "", *table, "", f"{missed} of {sum(row.bar is not None for row in rows)} bars missed"]
    )


def write(rows: Iterable[Row], where: Machine, place: Path) -> None:
    """The same as JSON: ``machine`` and ``rows``."""
    place.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": where._asdict(), "rows": [{**row._asdict(), "met": row.met} for row in rows]}
    place.write_text(json.dumps(found, indent=1) + "\n")
