"""How long publish takes for a fleet of trust stores with one new root, against the bare calls for the same.

The fleet is spread over accounts, in each of which a role is taken on once, before. Bare is what anybody has to do for
each: put the bundle, point the trust store at it, read it back, put a record. Both run in a process of their own, one
after the other and one call at a time, and speak to one embedded AWS. What they take is divided, on the clock and by
processor (their own and the embedded AWS's); what the process of publish held at most is read from it (VmHWM). Pauses
between two mails are on the virtual clock, and stand beside it.
"""

import json
import statistics
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.calls import Fleet

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build/bench"
TARGETS, ACCOUNTS = 200, 5
REGIONS = ("eu-central-1", "ap-south-1", "ca-central-1", "eu-west-2", "ap-southeast-2", "us-west-2", "ap-northeast-1")
"""Whose root is the new one, a round each."""
BARS = {"ratio": 2.0, "peak_mb": 256.0, "sweep_calls": 4.0, "sweep_writes": 0.0}
"""Issue 13, points 1 and 8. A sweep's calls are for each target, what the run shares among them."""
WRITES = ("Put", "Modify", "Update", "Delete", "Publish", "Send", "Add", "Remove")
"""How the operations begin that change something."""


class Took(NamedTuple):
    """Seconds on the clock, by processor (both processes) and in pauses, and megabytes at most."""

    seconds: float
    processor: float
    pauses: float
    peak_mb: float


def measured(targets: int = TARGETS, accounts: int = ACCOUNTS) -> dict[str, float]:
    """The medians of some rounds, and the least and greatest ratio."""
    found: list[tuple[Took, Took]] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Fleet(targets, "alb", accounts) as fleet:
        environment = fleet.environment
        sweep = fleet.counted("unchanged")
        body, anchors = FOLDER / "bare.pem", FOLDER / "anchors.pem"
        roots = environment.world.region("us-east-1").root_pem()
        for region in REGIONS:
            roots += environment.world.region(region).root_pem()
            anchors.write_text(roots)
            environment.clock.advance(timedelta(minutes=15))
            publishing = _apart("ours", environment.clock().isoformat(), str(anchors))
            body.write_bytes(environment.live_pem(fleet.names[0]) or b"")
            found.append((publishing, _apart("bare", str(body))))
    ratios = [one.seconds / other.seconds for one, other in found]
    return {
        "targets": targets,
        "accounts": accounts,
        "sweep_calls": sweep.total(),
        "sweep_writes": sum(count for call, count in sweep.items() if call.split()[1].startswith(WRITES)),
        "ratio": statistics.median(ratios),
        "least_ratio": min(ratios),
        "greatest_ratio": max(ratios),
        "processor_ratio": statistics.median(one.processor / other.processor for one, other in found),
        "seconds": statistics.median(one.seconds for one, _ in found),
        "bare_seconds": statistics.median(other.seconds for _, other in found),
        "pauses": statistics.median(one.pauses for one, _ in found),
        "peak_mb": max(one.peak_mb for one, _ in found),
    }


def _apart(what: str, *arguments: str) -> Took:
    """One of the two, in a fresh process with the environment of this one, which serves it meanwhile."""
    command = [sys.executable, "-m", "benchmarks.fleet_runs", what, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Took(*json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure, print, and write build/bench/fleet.json."""
    found = measured(*map(int, sys.argv[1:]))
    for name, figure in found.items():
        print(f"{name:16}{figure:9.2f}{f'   bar {BARS[name]:g}' if name in BARS else ''}")
    (FOLDER / "fleet.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
