"""What ``benchmarks.growth`` measures, in a process of its own: one run of publish for all targets.

``benchmarks.fleet`` measures the same run by clocks of its own.

``quiet`` or ``changed``, the moment, and a file with the anchors that are the new ones. Prints the seconds of the run
by processor and on the clock, and the most memory that the process held.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.apart import peak
from local.genesys.clock import VirtualClock
from rotation_watcher import bootstrap
from rotation_watcher.adapters import clients
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.publish import publish
from rotation_watcher.targets.requests import Reconcile, Sweep

BUCKET = "watcher-bucket"
ANCHORS = "anchors/us-east-1.pem"


def clocks() -> tuple[float, float]:
    """Seconds by processor, of this process, and on the clock."""
    return time.process_time(), time.perf_counter()


def run(
    kind: str, now: datetime, anchors: Path, clocks: Callable[[], tuple[float, float]] = clocks
) -> tuple[list[float], float]:
    """Serve the fleet at rest, as a container has that runs every few minutes, then once more as it is, or changed.

    What the second run took by each of the ``clocks``, and the pauses in it on the virtual clock, in seconds. Raises
    RuntimeError where a target comes to something else.
    """
    clock = VirtualClock(now)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    watcher = bootstrap.build(clock=clock, wait=wait)
    ports = msgspec.structs.replace(watcher.publish, owner="a-run", sink=watcher.sink(Fill.PUBLISH))
    request, expected = (Sweep(), "unchanged") if kind == "quiet" else (Reconcile(), "updated")
    publish(watcher.watch(), request, ports)
    if kind == "changed":
        clients.make("s3").put_object(Bucket=BUCKET, Key=ANCHORS, Body=anchors.read_bytes())
    clock.advance(timedelta(minutes=5))
    waited.clear()
    begun = clocks()
    summary = publish(watcher.watch(), request, ports)
    took = since(begun, clocks)
    outcomes = {str(one.outcome) for one in summary.targets.values()}
    if outcomes != {expected}:
        raise RuntimeError(f"{outcomes}")
    return took, sum(waited)


def since(begun: tuple[float, float], clocks: Callable[[], tuple[float, float]]) -> list[float]:
    """What has gone by on each clock."""
    return [now - then for now, then in zip(clocks(), begun, strict=True)]


def main() -> int:
    """Measure and print."""
    kind, now, anchors = sys.argv[1:]
    took, _ = run(kind, datetime.fromisoformat(now), Path(anchors))
    print(json.dumps([*took, peak()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
