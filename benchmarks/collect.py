"""One run of collect over 18 regions, each request answered after 100 ms, against what one region takes at the least.

At the least: a token and two requests, one after the other, by a bare client over one connection of its own. Ours is
the whole use case as in Lambda: embedded AWS, simulator of Genesys over HTTPS, histories that are there already, no
token remembered. Both run in a process of their own, ``benchmarks.collect_run``, and take turns in it.
"""

import json
import statistics
import sys
from datetime import timedelta

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


def measured(sources: int = SOURCES, latency: float = LATENCY, rounds: int = ROUNDS) -> dict[str, float]:
    """Medians, in seconds."""
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
            "rounds": rounds,
            "url": simulator.api_url(names[0]),
            "ca_file": str(simulator.ca_file),
            "client": [simulator.client_id, simulator.client_secret],
        }
        ran = apart.run([sys.executable, "-m", "benchmarks.collect_run", json.dumps(where)], apart.with_bytecode())
    told = json.loads(ran.printed)
    pairs = told["pairs"]
    return {
        "sources": len(names),
        "latency": latency,
        "seconds": statistics.median(ours for ours, _ in pairs),
        "one_region": statistics.median(bare for _, bare in pairs),
        "ratio": statistics.median(ours / bare for ours, bare in pairs),
        "peak_mb": told["peak_mb"],
    }


def rows() -> list[Row]:
    """The row, and build/bench/collect.json."""
    found = measured()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "collect.json").write_text(json.dumps(found, indent=1))
    figure = f"{found['seconds'] * 1000:.0f} ms, {found['peak_mb']:.0f} MB"
    against = f"one region, bare: {found['one_region'] * 1000:.0f} ms"
    name = f"collect, {found['sources']} regions at {found['latency'] * 1000:.0f} ms"
    return [Row(name, figure, against, found["ratio"], found["ratio"], BAR)]
