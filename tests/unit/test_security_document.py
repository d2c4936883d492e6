"""SECURITY.md says of every function what it may do."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_row(name: str) -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1


def test_the_functions_are_found() -> None:
    assert {"collect", "publish", "slack"} <= {*FUNCTIONS}
