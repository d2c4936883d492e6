"""SECURITY.md says of every function what it may do."""

from pathlib import Path

import pytest

from tests.stack.template import keys_of

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_row(name: str) -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1


def test_the_functions_are_found() -> None:
    assert {"collect", "publish", "slack"} <= {*FUNCTIONS}


@pytest.mark.parametrize("name", ["collect", "publish", "refresh_crls", "report"])
@pytest.mark.parametrize("folder", ["anchors", "approvals", "extra"])
def test_what_people_write_is_named_where_a_role_may_read_it_in_any_version(name: str, folder: str) -> None:
    role = f"{name.title().replace('_', '')}Role"
    keys = keys_of(role, "s3:GetObject") | keys_of(role, "s3:GetObjectVersion")
    (row,) = (one for one in (ROOT / "SECURITY.md").read_text().splitlines() if one.startswith(f"| `{name}` |"))
    may = row.split("|")[2]
    assert (folder in may) == any(key.startswith(f"{folder}/") for key in keys)
