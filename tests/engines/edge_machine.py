"""A machine at the edge: the script of ``edge/fetch`` on what publish placed in a bucket."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.engines.door_servers import ROOT
from tests.engines.door_world import World

EDGE = ROOT / "edge"
BUCKET, FOLDER = "edge-bucket", "genesys/prod/"
PLACE = f"s3://{BUCKET}/{FOLDER}"

_QUICK = """#!/bin/sh
# As much of the AWS CLI as the script asks for, in milliseconds and not in seconds.
[ "$1 $2 $3 $5" = "s3api get-object --bucket --key" ] || exit 252
bucket=$4 key=$6 version=
shift 6
case $1 in --version-id=*) version="?versionId=${1#*=}"; shift ;; esac
owner=
case $1 in --expected-bucket-owner=*) owner=${1#*=}; shift ;; esac
[ $# -eq 1 ] || exit 252
exec curl --silent --fail --path-as-is --noproxy '*' --aws-sigv4 "aws:amz:us-east-1:s3" \\
  ${owner:+-H "x-amz-expected-bucket-owner: $owner"} \\
  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -o "$1" "$AWS_ENDPOINT_URL/$bucket/$key$version"
"""
"""What stands for the AWS CLI in the tests that fetch often; ``real_machine`` has the real one."""


class Machine:
    """A machine at the edge: where its files lie, and the script."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.root, self.tools = world, folder / "genesys", folder / "tools"
        self.environment: dict[str, str] = {}
        self.tools.mkdir()
        (self.tools / "aws").write_text(_QUICK)
        (self.tools / "aws").chmod(0o755)

    @property
    def current(self) -> Path:
        return self.root / "current"

    def fetch(self, **more: str) -> int:
        """One run of the timer; its exit code."""
        with self.begun(**more) as run:
            _, self.said = run.communicate()
        return run.returncode

    def begun(self, **more: str) -> subprocess.Popen[str]:
        """A run that goes on, in a process group of its own."""
        variables = {
            **os.environ,
            **self.world.environment.aws.environment(),
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            **self.environment,
            **more,
        }
        return subprocess.Popen(
            [EDGE / "fetch/genesys-files", PLACE, self.root],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def interrupt(self, by: signal.Signals, **more: str) -> int:
        """A run that is ended, with all that it started, as soon as one of its commands says that it is at work."""
        at_work = self.tools / "at-work"
        at_work.unlink(missing_ok=True)
        os.mkfifo(at_work)
        with self.begun(**more, AT_WORK=str(at_work)) as run:
            at_work.read_text()
            os.killpg(run.pid, by)
            _, self.said = run.communicate()
        return run.returncode

    def files(self) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in self.current.iterdir() if not one.name.startswith(".")}

    def write(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Somebody writes into the bucket."""
        s3 = self.world.environment.s3
        body = s3.get_object(Bucket=BUCKET, Key=FOLDER + name)["Body"].read()
        s3.put_object(Bucket=BUCKET, Key=FOLDER + name, Body=change(body))


def rotate(machine: Machine) -> None:
    machine.world.replace_off_cycle()
    machine.world.environment.publish("edge")
