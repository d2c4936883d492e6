"""The README is true: what the form asks, what alerts mean, what the demo prints, its pictures, its links."""

import re
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from local.readme_pictures import LARGEST, PICTURES
from rotation_watcher.alerts.model import Kind
from tests.stack.template import PARAMETERS, TEMPLATE

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
FORM = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
LABELS = {name: label["default"] for name, label in FORM["ParameterLabels"].items()}
HEADINGS = {"critical": "Critical, ", "warning": "A warning at most", "info": "Information"}
"""The tables of alerts, by the worst severity that an alert of the table may have."""


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in a text that begins with a name."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        for line in text.splitlines()
        if line.strip().startswith(("| `", "| [`"))
    ]


def part(heading: str) -> str:
    """What stands under the one heading that begins so, up to the next of any level."""
    (found,) = re.findall(rf"^#+ {re.escape(heading)}.*\n((?:(?!#).*\n)*)", README, re.MULTILINE)
    return str(found)


def test_both_forms_ask_in_one_order() -> None:
    """The terminal goes by the order of the parameters, the console by the order of the groups."""
    grouped = [name for group in FORM["ParameterGroups"] for name in group["Parameters"]]
    assert grouped == list(PARAMETERS)


def test_the_readme_says_what_the_form_asks_in_its_words_and_order() -> None:
    _, *table, _ = rows(part("Deploy"))  # the first and the last row are SAM's own questions
    asked = [(re.findall(r"`(\w+)`", row[0]), row[1]) for row in table]
    named = [name for names, _ in asked for name in names]
    order = list(PARAMETERS)
    first, last = named[-2:]
    assert named[:-2] == order[: len(named) - 2], "each question, in the order in which SAM asks"
    assert (first, last) == (order[len(named) - 2], order[-1]), "and from here to the end nothing is left out"
    assert {"CredentialArns", "AdoptObjectArns", "SlackSecretArn"} <= set(named)
    needed = [name for name, parameter in PARAMETERS.items() if "Default" not in parameter]
    assert set(needed) <= set(named[:-2]), "what has no default must be answered"
    assert [words for _, words in asked[:-1]] == [", ".join(map(LABELS.__getitem__, names)) for names, _ in asked[:-1]]


def test_the_table_of_parameters_is_the_template() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "parameters.py", "--check"], check=False)
    assert done.returncode == 0
    text = (ROOT / "docs" / "deploy.md").read_text()
    places = [text.index(f"| `{name}` | {LABELS[name]} | ") for name in PARAMETERS]
    assert all(one < next_ for one, next_ in pairwise(places))


def worst(kind: str) -> str:
    """The worst severity that docs/severity.md gives any situation of a kind."""
    text = (ROOT / "docs" / "severity.md").read_text()
    given: list[str] = re.findall(rf"^\| `{kind}` \| .*? \| (critical|warning|info) \|", text, re.MULTILINE)
    return min(given, key=["critical", "warning", "info"].index)


@pytest.mark.parametrize("kind", Kind)
def test_every_alert_has_its_row_with_its_meaning_what_to_do_and_its_section_of_the_runbook(kind: Kind) -> None:
    table = {row[0]: row[1:] for row in rows(part(HEADINGS[worst(kind)]))}
    name = f"[`{kind}`](docs/runbook.md#{kind})"
    assert name in table, f"README.md, 'What each alert means', the table {worst(kind)}: add a row that begins | {name}"
    means, do = table[name]
    assert min(len(means), len(do)) >= len("nothing")


def test_what_the_readme_shows_of_the_demo_is_what_it_prints() -> None:
    (shown,) = re.findall(r"```\n(day .*?)```", README, re.DOTALL)
    source = (ROOT / "local" / "demo.py").read_text()
    story = re.findall(r"^day +\d+  (\w.*)$", shown, re.MULTILINE)
    assert len(story) >= 2
    assert not [line for line in story if line not in source]
    told = re.findall(r"^day +\d+    (?:later|INFO|WARNING|CRITICAL) +([a-z-]+) ", shown, re.MULTILINE)
    assert "revoked" in told
    assert set(told) <= {*Kind}


@pytest.mark.parametrize("name", ["status", "mail"])
def test_its_pictures_are_there_small_and_described(name: str) -> None:
    picture = (PICTURES / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert min(width, height) > 500
    assert len(picture) <= LARGEST
    (words,) = re.findall(rf"!\[([^\]]+)\]\(docs/pictures/{name}\.png\)", README)
    assert len(words) > 40


def test_it_says_where_nothing_was_proved_and_that_no_licence_is_chosen() -> None:
    table = part("What was proved where")
    assert "| **A real AWS account** | **nothing yet** | |" in table
    assert "| **A real Genesys Cloud organisation** | **nothing yet** | |" in table
    makes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"test", "attack", "built", "stack"} <= set(re.findall(r"`make ([a-z]+)`", table)) <= makes
    chosen = [path.name for path in ROOT.glob("LICEN*")]
    assert ("**Licence**: none is chosen" in README) is not bool(chosen)


def test_every_document_is_reached_from_it() -> None:
    """Directly: whoever looks for something finds it from the first page. Decisions are a folder of their own."""
    linked = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", README)}
    there = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert not there - linked
