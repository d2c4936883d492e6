"""How the files of a release were made, as an in-toto statement with a SLSA provenance (both specifications: v1).

It is not signed, and says what whoever made it says: it proves nothing by itself. What proves it is to make the release
again from the same commit, or the signed statement that the workflow of the release has GitHub make.
"""

import hashlib
import platform
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from release.source import ROOT, Source

_LOCKS = ("layers/dependencies/requirements.txt", "requirements/release.txt", "requirements/sam.txt")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def statement(files: Iterable[Path], source: Source) -> dict[str, Any]:
    """The statement about these files. It has no time and no place, so that whoever makes it again gets the same."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": sha256(path)}} for path in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:genesys-certificate-watcher:make-release:v1",
                "externalParameters": {"version": source.version},
                "internalParameters": {
                    "SOURCE_DATE_EPOCH": source.epoch,
                    "python": platform.python_version(),
                    "zlib": zlib.ZLIB_RUNTIME_VERSION,
                },
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": source.commit}},
                    *({"name": name, "digest": {"sha256": sha256(ROOT / name)}} for name in _LOCKS),
                ],
            },
            "runDetails": {"builder": {"id": "urn:genesys-certificate-watcher:make-release:local"}},
        },
    }
