"""The software bill of materials of a built layer, by CycloneDX's own generator.

It is made from the packages that lie in the layer, not from their lock: the lock is for all platforms, and so names
what Lambda never gets. Licences and who needs whom come from the packages' own metadata.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from release.source import ROOT, Source

NAME = "genesys-certificate-watcher"
_TOOL = ROOT / ".venv-release" / "bin" / "cyclonedx-py"


def bill(layer: Path, source: Source) -> dict[str, Any]:
    """The CycloneDX document of what lies below ``layer``, a folder of packages."""
    with tempfile.TemporaryDirectory() as place:
        python = _only(layer, Path(place))
        made = subprocess.run(
            [_TOOL, "environment", "--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON", python],
            check=True,
            capture_output=True,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(source.epoch)},
        )
    document: dict[str, Any] = json.loads(made.stdout)
    root = f"{NAME}=={source.version}"
    document["metadata"]["component"] = {
        "bom-ref": root,
        "type": "application",
        "name": NAME,
        "version": source.version,
    }
    document["dependencies"].append({"ref": root, "dependsOn": [one["bom-ref"] for one in document["components"]]})
    return document


def _only(layer: Path, place: Path) -> Path:
    """An interpreter that sees the packages of the layer and no others."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "layer.pth").write_text(f"{layer.resolve()}\n")
    return place / "bin" / "python"
