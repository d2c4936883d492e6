"""``python -m local serve``: the simulator and the embedded AWS, until somebody ends them."""

import argparse
import json
import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.environment import BUCKET, STACK, Environment


class WallClock:
    """The real time, where the environment has a virtual one."""

    def __call__(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; prints one JSON line when everything listens, then commands to copy."""
    parser = argparse.ArgumentParser(
        prog="python -m local serve",
        description="Serve a simulated Genesys Cloud and an embedded AWS on 127.0.0.1, with a bucket, a topic, a queue,"
        " anchors, credentials, a watch file and targets. Prints one JSON line, and commands to try; ends with Ctrl-C.",
    )
    parser.add_argument("--region", action="append", help="a Genesys Cloud region; may be repeated (default us-east-1)")
    parser.add_argument("--keys", type=Path, default=Path("build/simulator-keys"), help="where simulator keys are kept")
    options = parser.parse_args(argv)
    # A byte in a socket is there whenever the signal came; a lock may begin to wait just after it, and for ever.
    over, ending = socket.socketpair()
    ending.setblocking(False)
    signal.set_wakeup_fd(ending.fileno())
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: None)
    with over, ending, Environment(datetime.now(UTC), options.keys, clock=WallClock()) as environment:
        for region in options.region or ["us-east-1"]:
            environment.world.region(region)
            environment.add_source(region, region, ("Genesys", "DigiCert"))
        sources = [source["id"] for source in environment.watch["sources"]]
        environment.add_bundle("main", sources)
        _add_targets(environment)
        environment.configure()
        environment.deploy()
        environment.collect()
        environment.report()
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
            "targets": {one["id"]: one["arn"] for one in environment.watch["targets"]},
            "stack": STACK,
        }
        print(json.dumps(line))
        print(commands(line))
        sys.stdout.flush()
        over.recv(1)
        signal.set_wakeup_fd(-1)
    return 0


def _add_targets(environment: Environment) -> None:
    """A target of each kind, each holding somebody else's root."""
    other = environment.world.region("sa-east-1").root_pem()
    store = environment.add_trust_store("alb", "main", other)
    environment.add_rest_domain("api", "main", other)
    partners = {"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}
    environment.add_listener("nlb", "main", store, [partners])


def commands(line: dict[str, Any]) -> str:
    """What to type in another terminal, as it stands."""
    tool = Path(sys.prefix) / "bin" / "genesys-certs"
    name = shlex.quote(str(tool)) if tool.exists() else "genesys-certs"
    region, url = next(iter(line["genesys"].items()))
    variables = line["environment"] | {"GENESYS_CA_FILE": line["ca_file"]}
    wanted = {key: value for key, value in variables.items() if key.startswith(("AWS_", "GENESYS_")) or "PROXY" in key}
    exports = " ".join(f"{key}={shlex.quote(value)}" for key, value in sorted(wanted.items()))
    pins = f"s3://{line['bucket']}/bundles/main/pins.json"
    flags = f"--genesys-region {region} --credentials {line['credentials']} --api-url {url} --login-url {url}"
    return "\n".join(
        (
            "",
            "In another terminal:",
            f"export {exports}",
            f"{name} check",
            f"{name} check {flags}    # without a root",
            f"{name} plan",
            f"{name} plan --from-here --watch-file {line['watch_file']} --bucket {line['bucket']}",
            f"{name} status",
            f"{name} doctor",
            f"{name} release alb --yes    # publishes: only then the bucket holds what doors decide by",
            f"{name} pins-to-file --pins {pins} --form list --output genesys-pins.txt",
            f"{name} init {flags}",
        )
    )
