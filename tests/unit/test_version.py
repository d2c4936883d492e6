"""One version, wherever it is shown: ``rotation_watcher.__version__`` is where it stands."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import genesys_certs
from genesys_certs.app import group
from rotation_watcher import __version__, bootstrap_door
from rotation_watcher.alerts import mail
from rotation_watcher.alerts.data import as_json
from tests.stack.template import ROOT, TEMPLATE, load
from tests.support.alert_examples import DELIVERED, STACK

SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
"""Semantic versions without suffixes, which packages and the Serverless Application Repository spell alike."""
EXAMPLES = ("terraform/README.md", "terraform/examples/complete/main.tf", "docs/terraform.md")
"""What people copy. The module's own default is made of the template (scripts/terraform.py)."""


def shown(text: str) -> set[str]:
    """The releases that a text names."""
    return set(re.findall(r"(?:\?ref=v|genesys-certificate-watcher/)(\d[\d.]+)[/\"]", text))


def test_it_is_spelled_alike_by_packages_and_by_the_application_repository() -> None:
    assert SEMANTIC.fullmatch(__version__)


def test_the_package_is_built_with_it() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in built["project"]["dynamic"]
    place = ROOT / built["tool"]["hatch"]["version"]["path"]
    assert place.samefile(ROOT / "layers/rotation_watcher/rotation_watcher/__init__.py")
    assert f'__version__ = "{__version__}"\n' in place.read_text()


def test_the_command_says_it() -> None:
    assert genesys_certs.__version__ == __version__
    assert CliRunner().invoke(group, ["--version"]).output == f"genesys-certs {__version__}\n"


def test_the_template_says_it_where_it_is_published_and_to_whoever_looks_at_the_stack() -> None:
    assert TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"] == __version__
    assert TEMPLATE["Outputs"]["Version"]["Value"] == __version__


def test_the_newest_entries_of_the_changelog_are_its_own() -> None:
    releases = re.findall(
        r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert releases[0][0] == __version__
    versions = [tuple(map(int, version.split("."))) for version, _ in releases]
    assert versions == sorted(versions, reverse=True)
    assert "unreleased" not in [date for _, date in releases[1:]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## 1.0.0 (unreleased)\n", ["9.8.7 (unreleased)"]),
        ("## 1.0.0 (2026-12-01)\n", ["9.8.7 (unreleased)", "1.0.0 (2026-12-01)"]),
    ],
)
def test_one_command_writes_another_version_into_every_place(tmp_path: Path, before: str, after: list[str]) -> None:
    package = "layers/rotation_watcher/rotation_watcher/__init__.py"
    for name in (package, "template.yaml", "scripts/version.py", *EXAMPLES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{before}- One.\n")
    subprocess.run([sys.executable, tmp_path / "scripts/version.py", "9.8.7"], check=True)
    assert re.findall(r"^## (.+)$", (tmp_path / "CHANGELOG.md").read_text(), re.MULTILINE) == after
    assert (tmp_path / package).read_text() == (ROOT / package).read_text().replace(f'"{__version__}"', '"9.8.7"')
    template = load(tmp_path / "template.yaml")
    assert template["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"] == "9.8.7"
    assert template["Outputs"]["Version"]["Value"] == "9.8.7"
    assert [shown((tmp_path / name).read_text()) for name in EXAMPLES] == [{"9.8.7"}] * len(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_names_this_release(name: str) -> None:
    assert shown((ROOT / name).read_text()) == {__version__}


def test_a_script_that_a_page_types_by_itself_can_be_run_so() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    typed = {
        name
        for page in pages
        for name in re.findall(r"^(?:\d+\. )?`(scripts/[\w-]+\.\w+)(?: [^`\n]+)?`", page.read_text(), re.MULTILINE)
    }
    assert {name for name in typed if not os.access(ROOT / name, os.X_OK)} == set()


@pytest.mark.parametrize("given", [[], ["1.2"], ["v1.2.3"], ["1.2.3-rc1"], ["01.2.3"]])
def test_what_is_no_version_is_written_nowhere(given: list[str]) -> None:
    assert subprocess.run([sys.executable, ROOT / "scripts/version.py", *given], check=False).returncode == 2


def test_the_authorizers_log_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    needed = ("BUCKET", "BUNDLE", "COLLECT_FUNCTION", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    bootstrap_door.build(dict.fromkeys(needed, "x")).log({"message": "authorized"})
    assert json.loads(capsys.readouterr().out) == {"message": "authorized", "version": __version__}


def test_a_mail_and_the_alert_as_data_say_which_release_sent_them() -> None:
    alert = DELIVERED["rotated"]
    assert re.search(rf"^  release: +{STACK.origin.version}$", mail.text(alert), re.MULTILINE)
    assert json.loads(as_json(alert))["origin"]["version"] == STACK.origin.version
