"""Runs of collect over 18 regions, each request answered after 100 ms, against what one region takes at the least.

At the least: a token and two requests, one after the other, by a bare client over one connection of its own. Ours is
the whole use case as in Lambda: embedded AWS, simulator of Genesys over HTTPS, histories that are there already, no
token remembered. Both run in a process of their own, ``benchmarks.collect_run``, and take turns in it. Cold: the first
run of such a process, once its modules are loaded. Warm: those that follow, a quarter of an hour apart. A cold run has
no bar: it loads libraries and reads all of S3, which the bare client of one region does neither of.
"""

import json
import statistics
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from benchmarks import apart
from benchmarks.calls import START
from benchmarks.table import FOLDER, Row
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.regions import REGIONS

SOURCES = 18
LATENCY = 0.1
ROUNDS = 7
BAR = 1.5
QUARTER = timedelta(minutes=15)


def measured(sources: int = SOURCES, latency: float = LATENCY, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Medians, in seconds, of warm and of cold runs."""
    names = [*REGIONS][:sources]
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, latency=latency) as environment:
        for number, name in enumerate(names):
            client = REGIONS[name].client_name or f"dataactions.{name}.example"
            environment.world.region(name, client_name=client, days_left=200)
            environment.add_source(f"s{number:02}", name, client_name=client)
        environment.configure()
        environment.collect()
        environment.clock.advance(QUARTER)
        simulator = environment.simulator
        where = {
            "now": environment.clock().isoformat(),
            "url": simulator.api_url(names[0]),
            "ca_file": str(simulator.ca_file),
            "client": [simulator.client_id, simulator.client_secret],
        }
        warm = _told(where, rounds + 1)
        cold = [_told(where, 1) for _ in range(rounds + 1)]  # the first one compiles, if nobody has
    pairs = {"warm": warm["pairs"][1:], "cold": [pair for one in cold[1:] for pair in one["pairs"]]}
    return {
        name: {
            "sources": sources,
            "latency": latency,
            "seconds": statistics.median(ours for ours, _ in some),
            "one_region": statistics.median(bare for _, bare in some),
            "ratio": statistics.median(ours / bare for ours, bare in some),
            "peak_mb": warm["peak_mb"] if name == "warm" else statistics.median(one["peak_mb"] for one in cold[1:]),
        }
        for name, some in pairs.items()
    }


def _told(where: Mapping[str, object], rounds: int) -> dict[str, Any]:
    """What a process of its own says of so many runs, the first of them cold."""
    given = json.dumps({**where, "rounds": rounds})
    ran = apart.run([sys.executable, "-m", "benchmarks.collect_run", given], apart.with_bytecode())
    told: dict[str, Any] = json.loads(ran.printed)
    return told


def rows() -> list[Row]:
    """The rows, and build/bench/collect.json."""
    measurements = measured()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "collect.json").write_text(json.dumps(measurements, indent=1))
    return [
        Row(
            f"collect, {found['sources']:.0f} regions at {found['latency'] * 1000:.0f} ms, {name}",
            f"{found['seconds'] * 1000:.0f} ms, {found['peak_mb']:.0f} MB",
            f"one region, bare: {found['one_region'] * 1000:.0f} ms",
            found["ratio"],
            found["ratio"],
            BAR if name == "warm" else None,
        )
        for name, found in measurements.items()
    ]
