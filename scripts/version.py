"""Write a version into every place where it stands: ``python scripts/version.py 0.2.0`` (docs/releasing.md)."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = r"(genesys-certificate-watcher/)[\d.]+(/)"
PLACES = {
    "layers/rotation_watcher/rotation_watcher/__init__.py": r'(?m)^(__version__ = ")[^"]+(")$',
    "template.yaml": r"(?m)^(    SemanticVersion: )\S+()$|^(    Description: The release .*\n    Value: )\S+()$",
    "terraform/README.md": rf"(\?ref=v)[\d.]+(\")|{FOLDER}",
    "terraform/examples/complete/main.tf": FOLDER,
    "docs/terraform.md": FOLDER,
}
"""The files, and what stands around the version in each."""


def main() -> int:
    """Exit code: 0 written, 2 no version was given."""
    if len(sys.argv) != 2 or not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", sys.argv[1]):  # noqa: PLR2004
        print("python scripts/version.py <major>.<minor>.<patch>", file=sys.stderr)
        return 2
    version = sys.argv[1]
    for name, around in PLACES.items():
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(around, lambda found: version.join(one for one in found.groups() if one is not None), text)
        )
    changes = ROOT / "CHANGELOG.md"
    text = changes.read_text(encoding="utf-8")
    newest = re.search(r"(?m)^## (\S+) \((.*)\)$", text)
    heading = f"## {version} (unreleased)"
    if newest and newest[2] == "unreleased":  # what has no day yet goes out under the new version
        text = text.replace(newest[0], heading, 1)
    elif newest:
        text = text.replace(newest[0], f"{heading}\n\n{newest[0]}", 1)
    changes.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
