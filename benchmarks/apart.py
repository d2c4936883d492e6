"""Processes that are measured from their start to their end."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Ran(NamedTuple):
    """Seconds on the clock and by processor, and what it printed."""

    seconds: float
    processor: float
    printed: str


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Run to its end. Raises RuntimeError where it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        printed = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return Ran(seconds, used.ru_utime + used.ru_stime, printed)


def with_bytecode() -> dict[str, str]:
    """The environment of a process that keeps bytecode and finds it, as a function does in its layers.

    The first one compiles, which takes seconds and memory: it is not to be measured.
    """
    kept = {"PYTHONPYCACHEPREFIX": str(ROOT / "build/bench/bytecode")}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | kept


def peak() -> float:
    """The most memory that this process has held, in MB. What its parent sees begins with the parent's own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
