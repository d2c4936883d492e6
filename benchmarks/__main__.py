"""``python -m benchmarks``: every measurement, one table, and build/bench/bench.json beside it.

``--only NAME`` (again and again) chooses measurements. No verdict: the exit code is 1 only where a measurement could
not be made; its row says so, and the others are still made.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.rows import MEASUREMENTS
from benchmarks.table import FOLDER, Row, machine, text, write


def measure(names: Sequence[str], measurements: Mapping[str, Callable[[], list[Row]]], place: Path) -> tuple[str, int]:
    """Make these measurements one after the other; the table, and how many could not be made."""
    before, rows, broken = os.getloadavg()[0], [], 0
    for name in names:
        sys.stderr.write(f"measuring {name} …\n")
        try:
            rows += measurements[name]()
        except Exception:  # noqa: BLE001  # the others are still worth measuring
            traceback.print_exc()
            broken += 1
            rows.append(Row(name, "could not be measured", "", None, float("inf"), 0.0))
    where = machine(before)
    write(rows, where, place)
    return text(rows, where), broken


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*MEASUREMENTS], help="one measurement; may be repeated")
    chosen = parser.parse_args(arguments).only or [*MEASUREMENTS]
    table, broken = measure(chosen, MEASUREMENTS, FOLDER / "bench.json")
    print(table)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
