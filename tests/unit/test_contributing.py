"""CONTRIBUTING.md names files, tests and make targets that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "rotation_watcher" / "rotation_watcher"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = sorted({*re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]*(?:\.(?:py|md|json|yaml))?|[a-z_A-Z]+\.(?:md|yaml))`", TEXT)})


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_it_names_exists(path: str) -> None:
    assert any((base / path).exists() for base in (ROOT, PACKAGE, PACKAGE / "alerts"))


def test_every_test_and_make_target_that_it_names_exists() -> None:
    tests = "".join(each.read_text() for each in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"\b(test_[a-z_]+)_…", TEXT)) | set(re.findall(r"`(test_[a-z_]+)`", TEXT))
    assert len(named) >= 8
    assert not [name for name in named if f"def {name}" not in tests]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", TEXT)) <= targets


def test_every_table_and_constant_that_it_names_exists() -> None:
    code = "".join(each.read_text() for folder in (PACKAGE, ROOT / "tests") for each in folder.rglob("*.py"))
    named = {name for name in re.findall(r"`(_?[A-Z][A-Z_]+)`", TEXT) if name not in NO_NAMES}
    assert {"KINDS", "_SEEN", "_PREFIXES"} <= named
    missing = [name for name in named if not re.search(rf"^{name}\b.* = ", code, re.MULTILINE)]
    assert not missing, "CONTRIBUTING.md names it, and no module assigns it: it was renamed"


NO_NAMES = {"WARNING", "PYTHONPATH"}
"""Capitals that are no constants of ours."""


def test_the_paths_are_found() -> None:
    assert {"alerts/model.py", "tests/support/alert_examples.py", "docs/runbook.md", "template.yaml"} <= {*PATHS}
