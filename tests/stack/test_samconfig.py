"""What ``sam deploy --guided`` asks for is written where git does not see it."""

import re
import subprocess
import tomllib

from tests.stack.template import ROOT

LOCAL = "samconfig.local.toml"
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]


def test_git_ignores_the_file_of_answers_and_keeps_the_defaults() -> None:
    ignored = ["git", "check-ignore", "--quiet", "--no-index"]
    assert subprocess.run([*ignored, LOCAL], cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*ignored, "samconfig.toml"], cwd=ROOT, check=False).returncode == 1


def test_the_build_makes_that_file_of_the_defaults_once() -> None:
    """SAM refuses a --config-file that does not exist."""
    recipe = re.search(r"^build:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert f"test -f {LOCAL} || cp samconfig.toml {LOCAL}" in recipe[1]


def test_every_deployment_and_removal_that_the_documents_type_names_that_file() -> None:
    readme, *others = (re.findall(r"sam (?:deploy|delete)[^`\n]*", path.read_text()) for path in DOCUMENTS)
    assert len(readme) >= 4
    typed = [*readme, *(line for lines in others for line in lines)]
    assert [line for line in typed if not line.endswith(f"--config-file {LOCAL}")] == []


def test_the_defaults_hold_no_answer() -> None:
    deploy = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    assert "parameter_overrides" not in deploy
    assert "region" not in deploy


def test_a_stack_is_named_for_deployments_alone() -> None:
    """SAM keeps the name that the form is answered for these: another command would go on with the default."""
    defaults = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    assert [command for command, one in defaults.items() if "stack_name" in one["parameters"]] == ["deploy"]


def test_every_call_by_sam_that_the_documents_type_names_the_stack_and_its_region() -> None:
    typed = [line for path in DOCUMENTS for line in re.findall(r"sam remote [^`\n]*", path.read_text())]
    assert len(typed) > 1
    assert [line for line in typed if " --stack-name STACK --region REGION " not in line] == []
