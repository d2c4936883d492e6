"""The documents say what is there."""

import json
import re
import subprocess
import sys
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
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    assert any(f"`{kind}`" in row for row in rows)
    assert f"`{kind}`" in RUNBOOK


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
