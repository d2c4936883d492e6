"""The documents say what is there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotation_watcher import config
from rotation_watcher.alerts.model import Kind

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / "docs").rglob("*.md"),
]


@pytest.mark.parametrize("kind", Kind)
def test_every_alert_has_its_row_in_the_readme_and_its_advice_in_the_runbook(kind: Kind) -> None:
    rows = [line.split("|")[1] for line in section(README, "What each alert means") if line.startswith("| `")]
    assert f"`{kind}`" in "".join(rows), f"README.md, 'What each alert means': add a row that begins with | `{kind}` |"
    parts = re.split(r"^### ", "\n".join(section(RUNBOOK, "Alerts")), flags=re.MULTILINE)
    advice = {heading: words.strip() for heading, _, words in (part.partition("\n") for part in parts[1:])}
    assert len(advice.get(kind, "")) > 20, f"docs/runbook.md, 'Alerts': add the heading ### {kind}, and what to do"


def test_no_two_headings_of_the_runbook_have_one_anchor() -> None:
    """Alerts link to ``#<kind>``, which is what GitHub and other renderers make of a heading of that one word."""
    headings = [line.lstrip("# ").lower() for line in RUNBOOK.splitlines() if line.startswith("#")]
    assert len(headings) == len({*headings})
    assert {*Kind} <= {*headings}


def section(document: str, heading: str) -> list[str]:
    """The lines below a heading of the second level."""
    return re.split(r"^## ", document, flags=re.MULTILINE)[titles(document).index(heading) + 1].splitlines()


def titles(document: str) -> list[str]:
    return re.findall(r"^## (.*)", document, re.MULTILINE)


def test_every_make_target_and_event_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"make ([a-z]+)", README)) <= targets | {"command"}
    events = set(re.findall(r"events/[a-z-]+\.json", README))
    assert len(events) >= 6
    assert all((ROOT / event).is_file() for event in events)


def test_every_stack_output_that_the_readme_names_exists() -> None:
    template = (ROOT / "template.yaml").read_text()
    for name in ("UploadRootCommand", "CollectNowCommand", "PublishDryRunCommand", "CredentialArns", "SilenceHours"):
        assert f"  {name}:" in template
        assert name in README


def test_the_watch_file_of_the_readme_is_valid() -> None:
    example = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert example is not None
    watch = config.load(example[1].encode(), stack_region="us-east-1")
    assert len(watch.targets) == 2


def test_the_schema_is_the_models() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "schema.py", "--check"], check=False)
    assert done.returncode == 0
    assert json.loads((ROOT / "docs" / "watch-file.schema.json").read_text())["title"] == "Watch file"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_place_on_somebodys_machine(path: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:root|home|tmp|mnt|opt|usr)/", path.read_text())


def test_every_document_that_code_or_documents_name_is_in_the_repository() -> None:
    code = (path for folder in ("docs", "functions", "layers", "local", "scripts", "tests") for path in walked(folder))
    named = {
        (name, path.relative_to(ROOT))
        for path in [*ROOT.glob("*.*"), *code]
        if path.suffix in {".md", ".py", ".yaml", ".toml"}
        for name in re.findall(r"\b[A-Z]{3,}\.md\b", path.read_text())
    }
    missing = [(name, path) for name, path in named if not (ROOT / name).is_file()]
    assert {"README.md", "SECURITY.md"} <= {name for name, _ in named}
    assert not missing, "say the fact itself, or name a decision record"


def walked(folder: str) -> Iterator[Path]:
    """The files of a folder of the repository, without what builds leave there."""
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and not {"__pycache__", ".aws-sam", "node_modules"} & {*path.parts}:
            yield path
