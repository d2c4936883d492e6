"""``sam build`` of the checkout into a folder of its own, once for whoever asks, whatever their process."""

import fcntl
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Literal

type Architecture = Literal["arm64", "x86_64"]

ROOT = Path(__file__).parents[1]
MACHINE: Architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
"""The architecture that this machine can run."""


@cache
def built(architecture: Architecture) -> Path:
    """Return the folder that ``sam build`` made for an architecture, with its template.yaml; built anew once a process.

    It lies below ``build/``: what somebody is about to deploy, in ``.aws-sam``, is not touched. Raises RuntimeError
    with SAM's own words if the build fails.
    """
    folder = ROOT / "build" / "sam" / architecture
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{architecture}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes must not build into one folder
        done = subprocess.run(
            [ROOT / "scripts" / "sam.sh", "build", "--build-dir", folder],
            cwd=ROOT,
            env=os.environ | {"LAYER_ARCHITECTURE": architecture},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"sam build for {architecture} failed: {done.stderr[-2000:]}")
    return folder
