"""Commands of alerts and of the runbook, typed into a shell that finds the AWS CLI."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / ".venv-aws" / "bin"


def typed(environment: Environment, command: str, place: Path = ROOT, more: Mapping[str, str] | None = None) -> str:
    """What the command prints, typed in that folder, with ``more`` variables. AssertionError where it fails."""
    assert (CLI / "aws").exists(), "run make attack: it makes the environment of the AWS CLI"
    variables = {**os.environ, **environment.aws.environment(), "PATH": f"{CLI}:{os.environ['PATH']}", **(more or {})}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=variables,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
