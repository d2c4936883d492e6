"""What a release is made from: a commit, its time, and the version that stands in it."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from rotation_watcher import __version__

ROOT = Path(__file__).resolve().parents[1]


class Source(NamedTuple):
    """``commit`` in full, ``epoch`` its time in seconds (UTC)."""

    commit: str
    epoch: int
    version: str = __version__


def committed(root: Path = ROOT) -> Source:
    """The commit that is checked out. Raises SystemExit where there is none, or a file is not as it was committed."""
    if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
        raise SystemExit(f"a release is made from a checkout by git, and {root} is only a folder within one")
    if changed := _git(root, "status", "--porcelain"):
        raise SystemExit(f"a release is made from a commit, and these files are not as they were committed:\n{changed}")
    commit, epoch = _git(root, "show", "--no-patch", "--format=%H %ct", "HEAD").split()
    return Source(commit, int(epoch))


def refuse_other(tag: str, source: Source, changes: str) -> None:
    """Raise SystemExit where the tag is not the version's, or the changelog does not say when it was released."""
    if tag != f"v{source.version}":
        raise SystemExit(f"the tag is {tag}, and the version that stands in this commit is {source.version}")
    if not re.search(rf"^## {re.escape(source.version)} \(\d{{4}}-\d\d-\d\d\)$", changes, re.MULTILINE):
        raise SystemExit(f"CHANGELOG.md does not say on which day {source.version} was released")


def _git(root: Path, *words: str) -> str:
    try:
        found = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)  # noqa: S607
    except FileNotFoundError:
        raise SystemExit("a release is made from a commit, and there is no git on this machine") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"a release is made from a checkout by git: {error.stderr.strip()}") from None
    return found.stdout.strip()
