"""The software bill of materials of a built layer, by CycloneDX's own generator.

It is made from the packages that lie in the layer, not from their lock: the lock is for all platforms, and so names
what Lambda never gets. Licences and who needs whom come from the packages' own metadata. What a package has compiled
in stands below it where the package says so: in documents of CycloneDX of its own (PEP 770).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from release.source import ROOT, Source

NAME = "genesys-certificate-watcher"
CHANGED = {
    "boto3": "The data of resources and examples were taken out (layers/dependencies/pack_sdk.py).",
    "botocore": "Services that are not used and documentation were taken out (layers/dependencies/pack_sdk.py).",
}
"""What is not as it was published, by the package's name."""
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
    inner = compiled_in(layer)
    for one in document["components"]:
        if below := inner.get(_normal(one["name"])):
            one["components"] = below
        if notes := CHANGED.get(one["name"]):
            one["pedigree"] = {"notes": notes}
    root = f"{NAME}=={source.version}"
    document["metadata"]["component"] = {
        "bom-ref": root,
        "type": "application",
        "name": NAME,
        "version": source.version,
    }
    document["dependencies"].append({"ref": root, "dependsOn": [one["bom-ref"] for one in document["components"]]})
    return document


def compiled_in(layer: Path) -> dict[str, list[dict[str, Any]]]:
    """What packages say that they have compiled in, as components, by the package's name as wheels write it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(layer.glob("*.dist-info/sboms/*.json")):
        document = json.loads(path.read_bytes())
        if document.get("bomFormat") == "CycloneDX":
            package = _normal(path.parents[1].name.partition("-")[0])
            found.setdefault(package, []).extend(_plain(one) for one in document.get("components", []))
    return found


def _plain(component: dict[str, Any]) -> dict[str, Any]:
    """Without references into the document that it stands in, and without folders of whoever built the package."""
    kept = {name: component[name] for name in ("type", "name", "version", "purl", "licenses") if component.get(name)}
    if "=file:" in kept.get("purl", ""):
        kept["purl"] = kept["purl"].partition("?")[0]
    return kept


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _only(layer: Path, place: Path) -> Path:
    """An interpreter that sees the packages of the layer and no others."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "layer.pth").write_text(f"{layer.resolve()}\n")
    return place / "bin" / "python"
