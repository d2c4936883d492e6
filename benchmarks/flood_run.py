"""What ``benchmarks.flood`` measures, in a process of its own: one run of the function collect, as Lambda has it.

Prints what became of the source, the seconds that the function took on the clock and by processor, and the most memory
that the process held.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime

from benchmarks.apart import peak
from local.base_environment import CountingMetrics
from local.genesys.clock import VirtualClock
from rotation_watcher import bootstrap
from tests.support.functions import Context, load

TIMEOUT = 120.0
"""Seconds that the template gives the function."""


@dataclass
class Running(Context):
    """Lambda's context of a run whose time goes by."""

    begun: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """What is left of it."""
        return int((self.begun + TIMEOUT - time.monotonic()) * 1000)


def main() -> int:
    """One run at this moment of the virtual clock."""
    function = load("collect")
    built = bootstrap.build(CountingMetrics(), clock=VirtualClock(datetime.fromisoformat(sys.argv[1])))
    vars(function).update(watcher=built, ports=built.collect)
    function.logger.setLevel("ERROR")
    begun = time.perf_counter(), time.process_time()
    (source,) = function.handler({}, Running())["sources"].values()
    took = {"seconds": time.perf_counter() - begun[0], "processor": time.process_time() - begun[1]}
    if not source.get("current"):
        raise RuntimeError(f"the region's own leaf is lost: {source}")
    outcome = source.get("reason") or source["outcome"]
    print(json.dumps({"outcome": outcome, **took, "peak_mb": peak()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
