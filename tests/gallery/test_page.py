"""docs/alerts.md and its pictures are those that the code gives, and show every alert."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pytest

from rotation_watcher.alerts.model import Kind, Severity
from tests.gallery.page import COMMAND, DOCS, PICTURES, files
from tests.gallery.situations import SHOWN
from tests.support.alert_examples import DELIVERED

LARGEST = 480_000
"""GitHub shows no more of a README than 500 KiB (its documents, "About READMEs")."""


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    return files()


@pytest.fixture(scope="module")
def page(generated: Mapping[str, str]) -> str:
    return generated["alerts.md"]


def test_what_lies_there_is_what_the_code_gives(generated: Mapping[str, str]) -> None:
    there = {path.relative_to(DOCS).as_posix() for path in [DOCS / "alerts.md", *(DOCS / PICTURES).glob("*")]}
    stale = {path for path in there & generated.keys() if (DOCS / path).read_text(encoding="utf-8") != generated[path]}
    stale |= there ^ generated.keys()
    assert not stale, f"a text has changed: run {COMMAND}, and read the difference of docs/alerts.md"


def test_every_kind_has_a_heading_and_every_example_its_mail_and_its_pictures(
    generated: Mapping[str, str], page: str
) -> None:
    headings = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert {kind.value for kind in Kind} <= headings
    assert DELIVERED.keys() <= SHOWN.keys()
    for name, alert in SHOWN.items():
        assert f"### {name.replace('_', ' ')} ({alert.severity})\n" in page
        assert f"Alert id: {alert.id}\n" in page
    shown = re.findall(rf"\(({PICTURES}/[^)]+)\)", page)
    assert sorted(shown) == sorted(path for path in generated if path.endswith(".svg"))


def test_every_severity_of_a_kind_is_shown() -> None:
    table = (DOCS / "severity.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^\| `([a-z-]+)` \| .+? \| (\w+) \| .+ \|$", table, re.MULTILINE))
    missing = known - {(alert.kind.value, alert.severity.value) for alert in SHOWN.values()}
    assert not missing, "add a situation to tests/gallery/situations.py"


def test_the_contents_lead_to_headings_in_the_order_of_urgency(page: str) -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \| (.+?) \| \d+ \|$", page, re.MULTILINE)
    assert [title for title, _, _ in rows] == re.findall(r"^## (.+)$", page, re.MULTILINE)[1:]
    assert all(anchor == title.lower() for title, anchor, _ in rows)
    worst = [Severity(severities.split(", ")[0]).order for title, _, severities in rows if title in {*Kind}]
    assert worst == sorted(worst)


def test_each_heading_has_one_event_and_it_is_folded(page: str) -> None:
    folded = re.findall(r"<details>.*?</details>", page, re.DOTALL)
    headings = re.findall(r"^## (?!Contents)", page, re.MULTILINE)
    assert len(folded) == len(SHOWN)
    assert page.count("```json") == sum("```json" in one for one in folded) == len(headings)
    assert page.count("```") == 2 * (len(SHOWN) + len(headings)), "a fence in a mail would end its block"


def test_the_page_is_one_that_github_shows_and_its_pictures_are_light(generated: Mapping[str, str], page: str) -> None:
    assert len(page.encode()) < LARGEST, "show fewer events, or split the page"
    assert max(len(text) for path, text in generated.items() if path.endswith(".svg")) < 20_000


def test_pictures_load_nothing_and_are_described(generated: Mapping[str, str]) -> None:
    for path, text in generated.items():
        if path.endswith(".svg"):
            picture = ET.fromstring(text)  # noqa: S314 - ours
            assert picture[0].tag == "{http://www.w3.org/2000/svg}title"
            assert picture[0].text
            assert not re.search(r"(?:href|src|url\()", re.sub(r"<(text|title)\b.*?</\1>", "", text))
