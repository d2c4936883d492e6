"""``genesys-certs check`` of one organisation, cold, against the same question asked with Genesys Cloud's own SDK.

Each is a process from its start to its end, and they take turns. The SDK logs in and lists both statuses, and reads
each certificate's names, issuer, validity and digest with ``cryptography``. Ours verifies paths and judges as well.
"""

import json
import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import apart
from benchmarks.table import FOLDER, Row
from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.server import Simulator
from local.genesys.world import World

REGION = "eu-central-1"
ROUNDS = 7
BARS = {"time": 0.2, "memory": 1 / 3}
"""At least 5 times as fast, at most a third of the memory (issue 13, point 8)."""


def measured(rounds: int = ROUNDS) -> dict[str, float]:
    """Medians: seconds on the clock, and megabytes at the most."""
    world = World(VirtualClock(datetime.now(UTC) - timedelta(hours=1)), DEFAULT_CACHE, root_key_bits=2048)
    world.region(REGION, days_left=80)
    with Simulator(world, rate_limit=1_000_000) as simulator, tempfile.TemporaryDirectory() as folder:
        root, digicert = Path(folder) / "root.pem", Path(folder) / "digicert.pem"
        root.write_text(world.region(REGION).root_pem())
        digicert.write_text(world.region(REGION).digicert_root_pem())
        where = {
            "url": simulator.api_url(REGION),
            "client": simulator.client_id,
            "ca_file": str(simulator.ca_file),
            "region": REGION,
            "root": str(root),
            "digicert": str(digicert),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = kept | {"GENESYS_CLIENT_SECRET": simulator.client_secret, "HOME": folder}
        command = [sys.executable, "-m", "benchmarks.check_run"]
        pairs = [
            tuple(apart.run([*command, which, json.dumps(where)], environment) for which in ("ours", "sdk"))
            for _ in range(rounds + 1)
        ][1:]
    peaks = [tuple(float(ran.printed.split()[-1]) for ran in pair) for pair in pairs]
    return {
        "seconds": statistics.median(ours.seconds for ours, _ in pairs),
        "sdk_seconds": statistics.median(sdk.seconds for _, sdk in pairs),
        "ratio": statistics.median(ours.seconds / sdk.seconds for ours, sdk in pairs),
        "mb": statistics.median(ours for ours, _ in peaks),
        "sdk_mb": statistics.median(sdk for _, sdk in peaks),
        "memory_ratio": statistics.median(ours / sdk for ours, sdk in peaks),
    }


def rows() -> list[Row]:
    """The rows, and build/bench/check.json."""
    found = measured()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "check.json").write_text(json.dumps(found, indent=1))
    ratio, memory = found["ratio"], found["memory_ratio"]
    seconds, sdk = (f"{found[name] * 1000:.0f} ms" for name in ("seconds", "sdk_seconds"))
    megabytes, sdk_megabytes = (f"{found[name]:.0f} MB" for name in ("mb", "sdk_mb"))
    return [
        Row("check of one organisation, cold", seconds, f"Genesys' SDK: {sdk}", ratio, ratio, BARS["time"]),
        Row("the same, memory", megabytes, f"Genesys' SDK: {sdk_megabytes}", memory, memory, BARS["memory"]),
    ]
