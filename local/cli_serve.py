"""``python -m local serve``: the simulator and the embedded AWS, until somebody ends them."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType

from local.environment import BUCKET, Environment


class WallClock:
    """The real time, where the environment has a virtual one."""

    def __call__(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; prints one JSON line when everything listens."""
    parser = argparse.ArgumentParser(
        prog="python -m local serve",
        description="Serve a simulated Genesys Cloud and an embedded AWS on 127.0.0.1, with a bucket, a topic, a queue,"
        " anchors, credentials and a watch file. Prints one JSON line; ends with Ctrl-C.",
    )
    parser.add_argument("--region", action="append", help="a Genesys Cloud region; may be repeated (default us-east-1)")
    parser.add_argument("--keys", type=Path, default=Path("build/simulator-keys"), help="where simulator keys are kept")
    options = parser.parse_args(argv)
    over = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        over.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)
    with Environment(datetime.now(UTC), options.keys, clock=WallClock()) as environment:
        for region in options.region or ["us-east-1"]:
            environment.world.region(region)
            environment.add_source(region, region, ("Genesys", "DigiCert"))
        sources = [source["id"] for source in environment.watch["sources"]]
        environment.add_bundle("main", sources)
        environment.configure()
        anchors = {source: f"s3://{BUCKET}/anchors/{source}.pem" for source in sources}
        line = {
            "genesys": {source: environment.simulator.api_url(source) for source in sources},
            "control": f"{environment.simulator.url}/_control",
            "ca_file": str(environment.simulator.ca_file),
            "environment": environment.variables(),
            "bucket": BUCKET,
            "credentials": environment.secret_arn,
            "client_id": environment.simulator.client_id,
            "anchors": anchors,
            "watch_file": f"s3://{BUCKET}/watch.json",
        }
        print(json.dumps(line))
        sys.stdout.flush()
        over.wait()
    return 0
