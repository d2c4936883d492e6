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
DEPLOY, OPERATING = ROOT / "docs" / "deploy.md", ROOT / "docs" / "operating.md"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "doors").rglob("*.md")),
    ROOT / "tests" / "README.md",
]


@pytest.mark.parametrize("kind", Kind)
def test_every_alert_has_its_advice_in_the_runbook(kind: Kind) -> None:
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


def test_every_make_target_and_event_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"make ([a-z]+)", README)) <= targets
    for path in (OPERATING, DEPLOY):
        assert set(re.findall(r"`make ([a-z]+)`", path.read_text())) <= targets
    events = set(re.findall(r"events/[a-z-]+\.json", OPERATING.read_text()))
    assert len(events) >= 10
    assert all((ROOT / event).is_file() for event in events)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (
            ROOT / "README.md",
            ("UploadRootCommand", "CollectNowCommand", "PublishDryRunCommand", "StatusPageCommand", "CredentialArns"),
        ),
        (DEPLOY, ("CredentialArns", "TargetArns", "WatchFileUri", "OperatorArns", "SubnetIds", "SecurityGroupIds")),
        (OPERATING, ("SilenceHours", "AlarmTopicArn", "TopicArn", "StatusPageCommand", "EnvironmentName", "Dashboard")),
        (ROOT / "docs" / "doors.md", ("AuthorizerBundle", "AuthorizerArn", "AuthorizerAnswers")),
    ],
    ids=lambda given: given.name if isinstance(given, Path) else "",
)
def test_every_parameter_and_output_that_a_document_rests_on_exists(path: Path, names: tuple[str, ...]) -> None:
    template, text = (ROOT / "template.yaml").read_text(), path.read_text()
    for name in names:
        assert f"\n  {name}:\n" in template
        assert name in text


def test_the_alarms_that_the_documents_name_exist() -> None:
    named = set(re.findall(r"`(\w+Alarm)`", OPERATING.read_text()))
    made = set(re.findall(r"^  (\w+Alarm):$", (ROOT / "template.yaml").read_text(), re.MULTILINE))
    assert "SourceUnreadAlarm" in named
    assert named <= made


def test_the_watch_file_of_the_documents_is_valid_and_every_field_is_in_the_schema() -> None:
    text = (ROOT / "docs" / "watch-file.md").read_text()
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert example is not None
    watch = config.load(example[1].encode(), stack_region="us-east-1")
    assert len(watch.targets) == 2
    schema = (ROOT / "docs" / "watch-file.schema.json").read_text()
    fields = re.findall(r"`(?:\w+(?:\[\])?\.)?(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)))
    assert {"client_name", "expiry_days", "remind_days", "max_removed_share"} <= set(fields)
    assert not [name for name in fields if f'"{name}"' not in schema]


def test_the_fleet_of_the_documents_is_valid_and_short() -> None:
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "watch-file.md").read_text(), re.DOTALL)
    assert example is not None
    watch = config.load(example[1].encode(), stack_region="us-east-1", name="watch.yaml")
    assert [(one.id, one.bundle, one.on_drift, one.limit) for one in watch.targets] == [
        ("api-example-com", "main", "heal", 1000),
        ("pay-1", "payments", "report", 25),
        ("pay-2", "payments", "report", 50),
    ]


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL))
    broken = [link for link in links if "://" not in link and not leads_somewhere(path, link)]
    assert not broken


def leads_somewhere(path: Path, link: str) -> bool:
    """Whether a relative link has its file, and its fragment a heading there, by GitHub's rule for anchors."""
    place, _, fragment = link.partition("#")
    target = (path.parent / place).resolve() if place else path
    if not fragment:
        return target.exists()
    headings = re.findall(r"^#+ (.*)", target.read_text(), re.MULTILINE) if target.is_file() else []
    return fragment in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_link_that_leads_nowhere_is_found() -> None:
    readme = ROOT / "README.md"
    assert leads_somewhere(readme, "docs/runbook.md#the-status-page")
    assert leads_somewhere(readme, "docs/decisions")
    assert not leads_somewhere(readme, "docs/runbook.md#no-such-heading")
    assert not leads_somewhere(readme, "docs/no-such-file.md")
    assert not leads_somewhere(readme, "docs/no-such-file.md#heading")


def walked(folder: str) -> Iterator[Path]:
    """The files of a folder of the repository, without what builds leave there."""
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and not {"__pycache__", ".aws-sam", "node_modules"} & {*path.parts}:
            yield path
