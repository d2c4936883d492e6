"""The command ``genesys-certs`` as a process of its own, as its user runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "genesys_certs"]
PATHS = os.pathsep.join(str(ROOT / one) for one in ("cli", "layers/rotation_watcher", "."))


def environment(**more: str) -> dict[str, str]:
    """The variables of such a process: those of this one without any AWS of its user, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": PATHS} | more


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with its output in pipes."""
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(**more), capture_output=True, text=True, check=False, timeout=60
    )
