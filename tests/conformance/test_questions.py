"""Every probe that a document or a comment names exists, and what nobody has tried names its probe."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from genesys_certs.conformance import genesys
from genesys_certs.conformance.suites import SUITES

ROOT = Path(__file__).resolve().parents[2]
IDS = [probe.id for suite in SUITES.values() for probe in suite.probes] + [probe.id for probe in genesys.PROBES]
_SERVICES = "|".join([*SUITES, "genesys"])
_ID = rf"((?:{_SERVICES})(?:\.[a-z0-9*-]+){{2}})"
NAMED = {"*.md": re.compile(rf"`{_ID}`"), "*.py": re.compile(rf"(?:``|\bprobe ){_ID}")}
UNTRIED = re.compile(
    r"not known from experience|tried (?:first )?in a real account|in real accounts|no document says that"
    r"|AWS does not say"
    r"|AWS's engines take it is unknown|names the authority is not documented"
)
FOLDERS = ("docs", "layers/rotation_watcher", "local", "cli")


def files(pattern: str) -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob(pattern)]
    return sorted({*found, *ROOT.glob(pattern)})


def test_every_probe_that_is_named_exists() -> None:
    named = {
        (path.relative_to(ROOT).as_posix(), one)
        for pattern, form in NAMED.items()
        for path in files(pattern)
        for one in form.findall(path.read_text())
    }
    assert len(named) > 80, "the forms are found"
    assert {(where, one) for where, one in named if not any(fnmatchcase(each, one) for each in IDS)} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem)
def test_what_a_decision_says_nobody_has_tried_names_the_probe_that_settles_it_or_that_there_is_none(
    path: Path,
) -> None:
    lines = [line for line in path.read_text().splitlines() if UNTRIED.search(line)]
    assert [line for line in lines if not NAMED["*.md"].search(line) and "no probe" not in line] == []


def test_every_question_has_its_probe_or_says_why_there_is_none() -> None:
    text = (ROOT / "docs" / "conformance" / "questions.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "**" not in line][1:]
    assert len(rows) > 25
    assert [row for row in rows if not NAMED["*.md"].search(row) and "no probe" not in row] == []
