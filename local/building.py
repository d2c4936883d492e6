"""``sam build`` of the checkout into a folder of its own, once for whoever asks, whatever their process."""

import fcntl
import hashlib
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
_HOME = ROOT / "build" / "sam"
INPUTS = ("template.yaml", "samconfig.toml", "functions", "layers", "scripts/sam.sh", "requirements/sam.txt")
"""Everything of the checkout that a build depends on."""


@cache
def built(architecture: Architecture) -> Path:
    """Return the folder that ``sam build`` made for an architecture, with its template.yaml.

    Built anew only if it was made from other sources: another process may be running what is there. It lies below
    ``build/``: what somebody is about to deploy, in ``.aws-sam``, is not touched. Raises RuntimeError with SAM's own
    words if the build fails.
    """
    folder, mark = _HOME / architecture, _HOME / f"{architecture}.inputs"
    _HOME.mkdir(parents=True, exist_ok=True)
    with (_HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one for both: SAM keeps its list of what it builds beside the folders
        wanted = _fingerprint()
        if folder.is_dir() and mark.is_file() and mark.read_text() == wanted:
            return folder
        mark.unlink(missing_ok=True)  # an interrupted build is no build
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
        mark.write_text(wanted)
    return folder


def _fingerprint() -> str:
    """SHA-256 over the names and bytes of all inputs."""
    found = hashlib.sha256()
    for name in INPUTS:
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes()
                found.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return found.hexdigest()
