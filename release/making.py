"""The files of a release, from what ``sam build`` made: the same commit gives the same bytes."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from release.archive import archive
from release.bill import bill
from release.provenance import sha256, statement
from release.source import ROOT, Source
from release.template import coded, packaged

SUMS = "SHA256SUMS"
OTHER_TEMPLATES = ("data-key.yaml", "region-bucket.yaml", "target-role.yaml")
"""For keys, other regions and accounts: as they stand, since they hold no code."""
COMMANDS_LOCK = "genesys-certs-requirements.txt"
"""What the command needs, by version and sum: requirements/cli.txt, for whoever has no checkout."""
PREFIX = "genesys-certificate-watcher/{version}/"
"""The folder in the bucket that the template asks for where nobody says another one."""


def make(build: Path, out: Path, source: Source) -> None:
    """Fill ``out``, which must not exist, from the folder that ``sam build`` made."""
    out.mkdir(parents=True)
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    keys = {name: _pack(build, name, out) for name in coded(text)}
    prefix = PREFIX.format(version=source.version)
    _write(out / "template.yaml", packaged(text, keys.__getitem__, prefix))
    for other in OTHER_TEMPLATES:
        _write(out / other, (ROOT / "accounts" / other).read_text(encoding="utf-8"))
    _write(out / COMMANDS_LOCK, (ROOT / "requirements" / "cli.txt").read_text(encoding="utf-8"))
    _write(out / "sbom.cdx.json", _json(bill(build / "DependenciesLayer" / "python", source)))
    _write(out / "notes.md", notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), source.version))
    _wheel(out, source.epoch)
    _write(out / "provenance.json", _json(statement(sorted(out.iterdir()), source)))
    _write(out / SUMS, "".join(f"{sha256(path)}  {path.name}\n" for path in sorted(out.iterdir())))


def notes(changes: str, version: str) -> str:
    """What the changelog says of a version. Raises ValueError where it says nothing."""
    found = re.search(rf"^## {re.escape(version)} .*?\n(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return f"{found[1].strip()}\n"


def _pack(build: Path, name: str, out: Path) -> str:
    """Pack one function or layer; the archive's name. It holds its sum: CloudFormation takes what has a new name."""
    made = out / f"{name}.zip"
    archive(build / name, made)
    return made.rename(out / f"{name}-{sha256(made)[:32]}.zip").name


def _wheel(out: Path, epoch: int) -> None:
    subprocess.run(
        [ROOT / ".venv-release" / "bin" / "python", "-m", "hatchling", "build", "-t", "wheel", "-d", out.resolve()],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch)},
    )


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
