"""docs/security/: what its pages name as evidence exists."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "security"
PAGES = sorted(FOLDER.glob("*.md"))
_FOLDERS = [
    "layers",
    "functions",
    "tests",
    "docs",
    "local",
    "scripts",
    "accounts",
    "edge",
    "doors",
    "cli",
    "events",
    "benchmarks",
    "requirements",
    "release",
]
_OURS = rf"(?:{'|'.join(_FOLDERS)}|\.github)/"
_NAMED = re.compile(rf"`({_OURS}[\w./-]+)(?:::(\w+))?`")


def evidence(text: str) -> list[tuple[str, str]]:
    """(path, name of a test or nothing) of everything of the repository that a text names in backticks."""
    return _NAMED.findall(text)


def missing(path: str, test: str) -> bool:
    place = ROOT / path
    if not test:
        return not place.exists()
    return not place.is_file() or not re.search(rf"^(async )?def {test}\(", place.read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_test_that_a_page_names_exists(page: Path) -> None:
    named = evidence(page.read_text())
    assert named
    assert not [f"{path}::{test}" for path, test in named if missing(path, test)]


def test_what_does_not_exist_is_found() -> None:
    said = "`tests/unit/test_security_pages.py::test_what_does_not_exist_is_found`, `tests/nowhere.py`, `tests/unit::x`"
    found = evidence(said)
    assert [missing(*each) for each in found] == [False, True, True]
    assert missing("tests/unit/test_security_pages.py", "test_no_such")


def test_a_command_of_the_index_that_names_tests_runs_those_alone() -> None:
    block = re.findall(r"^```\n(.*?)^```$", (FOLDER / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    named = [(command, one.partition("=")[2]) for command in commands for one in command if "=tests/" in one]
    assert len(named) > 1
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    for (make, *words), path in named:
        done = subprocess.run([make, "-n", *words], cwd=ROOT, env=quiet, check=True, capture_output=True, text=True)
        assert re.findall(r" (tests/\S+)", done.stdout.splitlines()[-1]) == [path], path


def test_the_index_leads_to_every_page() -> None:
    index = (FOLDER / "README.md").read_text()
    assert len(PAGES) > 1
    assert {page.name for page in PAGES} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def test_both_front_pages_lead_here() -> None:
    for name in ("README.md", "SECURITY.md"):
        assert "(docs/security/README.md)" in (ROOT / name).read_text()


QUESTIONNAIRE = (FOLDER / "questionnaire.md").read_text()
QUESTIONS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in QUESTIONNAIRE.splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_the_questionnaire_goes_through_all_seventeen_domains_without_a_gap() -> None:
    assert len(re.findall(r"^## ", QUESTIONNAIRE, re.MULTILINE)) == 17
    assert [int(row[0]) for row in QUESTIONS] == list(range(1, len(QUESTIONS) + 1))
    for section in QUESTIONNAIRE.split("\n## ")[1:]:
        assert re.search(r"^\| \d+ \|", section, re.MULTILINE), section.partition("\n")[0]


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row[0])
def test_each_answer_is_one_of_five_and_names_what_shows_it(row: list[str]) -> None:
    _, question, answer, shown = row
    assert question.endswith("?")
    assert re.match(r"\*\*(Yes|Partly|No|Yours|Not applicable)\b", answer)
    assert evidence(shown) or re.search(r"\]\([\w./#-]+\)", shown)
