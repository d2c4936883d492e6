"""The Terraform module gives each parameter of the released template, and takes each output, with the same meaning."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.stack.template import PARAMETERS, ROOT, TEMPLATE

MODULE = ROOT / "terraform"
EXAMPLES = sorted((MODULE / "examples").glob("*/main.tf"))
RELEASE = {"CodeBucket", "CodePrefix"}
"""The parameters that a template has only where it is released."""
LEFT_OUT: dict[str, str] = {}
"""Parameters of the template that are no variables, each with its reason. There is none."""


@cache
def read(path: Path) -> dict[str, Any]:
    """The parser takes a second and more for the parameters."""
    found: dict[str, Any] = plain(hcl2.loads(path.read_text()))
    return found


def plain(node: Any) -> Any:
    """The parser's tree with texts as they are meant: it leaves their quotes, and what escapes an interpolation."""
    if isinstance(node, dict):
        return {name.strip('"'): plain(value) for name, value in node.items() if not name.startswith("__")}
    if isinstance(node, list):
        return [plain(one) for one in node]
    if isinstance(node, str) and node.startswith('"'):
        return json.loads(node).replace("$${", "${").replace("%%{", "%{")
    return node


def blocks(kind: str, *files: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in files:
        for block in read(MODULE / name).get(kind, []):
            found |= block
    return found


def variables() -> dict[str, dict[str, Any]]:
    """Those that are parameters of the template."""
    return blocks("variable", "parameters.tf")


def own_variables() -> dict[str, dict[str, Any]]:
    """Those of the module itself."""
    return blocks("variable", "variables.tf")


def given() -> dict[str, str]:
    """The map that the stack gets: by parameter, an expression with one variable."""
    found: dict[str, str] = read(MODULE / "parameters.tf")["locals"][0]["parameters"]
    return found


def variable(parameter: str) -> dict[str, Any]:
    (name,) = re.findall(r"var\.(\w+)", given()[parameter])
    return variables()[name]


def test_what_is_made_from_the_template_is_fresh() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "terraform.py", "--check"], cwd=ROOT, check=True)


def test_the_stack_gets_every_parameter_from_a_variable_of_its_own() -> None:
    assert given().keys() == (PARAMETERS.keys() | RELEASE) - LEFT_OUT.keys()
    assert sorted(name for value in given().values() for name in re.findall(r"var\.(\w+)", value)) == sorted(
        variables()
    )
    assert not variables().keys() & own_variables().keys()


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - LEFT_OUT.keys()))
def test_a_variable_has_its_parameters_type_default_and_choice(name: str) -> None:
    parameter, own = PARAMETERS[name], variable(name)
    listed = parameter["Type"] == "CommaDelimitedList"
    assert own["type"].strip("${}") == {"String": "string", "Number": "number"}.get(parameter["Type"], "list(string)")
    assert given()[name].startswith('${join(",", ') == listed
    assert ("default" in own) == ("Default" in parameter)
    if "default" in own:
        value = ",".join(own["default"]) if listed else own["default"]
        assert value == parameter["Default"]
    assert own["nullable"] is False
    (rule,) = own.get("validation", [None])
    assert (rule is not None) == ("AllowedValues" in parameter)
    if rule:
        chosen = re.search(r"contains\((\[.*\]),", rule["condition"])
        assert chosen is not None
        assert json.loads(chosen[1]) == parameter["AllowedValues"]


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - LEFT_OUT.keys()))
def test_a_variable_says_what_its_parameter_says_in_the_names_of_terraform(name: str) -> None:
    words = variable(name)["description"]
    for other in PARAMETERS:
        if re.search(rf"\b{other}\b", PARAMETERS[name]["Description"]):
            (here,) = re.findall(r"var\.(\w+)", given()[other])
            assert re.search(rf"\b{here}\b", words)
    assert words.replace("_", "").lower() == PARAMETERS[name]["Description"].replace("_", "").lower()


def test_every_output_of_the_stack_is_one_of_the_module_and_null_where_the_stack_has_none() -> None:
    outputs = blocks("output", "outputs.tf")
    taken = {}
    for output in outputs.values():
        (name,) = re.findall(r'"(\w+)"', output["value"])
        taken[name] = output
    assert taken.keys() == TEMPLATE["Outputs"].keys()
    for name, output in TEMPLATE["Outputs"].items():
        assert ("null" in taken[name]["value"]) == ("Condition" in output), name


def test_the_stack_is_made_of_the_template_in_the_folder_of_its_code_with_what_its_transform_needs() -> None:
    (resource,) = read(MODULE / "main.tf")["resource"]
    stack = resource["aws_cloudformation_stack"]["watcher"]
    assert stack["template_url"].endswith("/${var.code_prefix}template.yaml")
    assert "data.aws_s3_bucket.release.bucket_regional_domain_name" in stack["template_url"]
    assert stack["parameters"] == "${local.parameters}"
    assert set(stack["capabilities"]) == {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}
    used = set(re.findall(r"var\.(\w+)", (MODULE / "main.tf").read_text()))
    assert used == own_variables().keys() | {"code_bucket", "code_prefix"}


def test_the_readme_lists_the_variables_of_the_stack() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| `.*?` \| `(.*?)` \|", (MODULE / "README.md").read_text(), re.MULTILINE))
    for name, own in own_variables().items():
        assert listed[name] == json.dumps(own["default"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_gives_what_is_needed_and_nothing_that_is_not_there(path: Path) -> None:
    example = read(path)
    (called,) = example["module"]
    given = called["watcher"].keys() - {"source", "depends_on"}
    assert given <= variables().keys() | own_variables().keys()
    assert given >= {name for name, own in {**variables(), **own_variables()}.items() if "default" not in own}
    assert set(re.findall(r"module\.watcher\.(\w+)", path.read_text())) <= blocks("output", "outputs.tf").keys()


def test_the_release_before_stays_in_its_bucket_when_the_next_one_comes(terraform: Path, tmp_path: Path) -> None:
    """An update that fails is taken back with the code that lay there (``UPDATE_ROLLBACK_FAILED`` where it is gone)."""
    del terraform  # skips where there is none
    example = (MODULE / "examples" / "complete" / "main.tf").read_text()
    (local,) = re.findall(r"^locals \{\n.*?^\}", example, re.MULTILINE | re.DOTALL)
    (objects,) = re.findall(r'"aws_s3_object" "release" \{\n(.*?)^\}', example, re.MULTILINE | re.DOTALL)
    each, key = (re.findall(rf"{name} += (.+)", objects)[0] for name in ("for_each", "key"))
    (folder,) = re.findall(r'fileset\("\$\{path\.module\}/(\w+)"', each)
    asked = f"jsonencode([for one in {each} : {key.replace('each.value', 'one')}])\n"
    (before,) = re.findall(r'release = "genesys-certificate-watcher/(.+)/"', local)

    def uploaded(version: str) -> set[str]:
        """What Terraform keeps in the bucket after a release was downloaded and named."""
        place = tmp_path / folder / (version if "*/*" in each else "")
        place.mkdir(parents=True, exist_ok=True)
        (place / "template.yaml").write_text(version)
        (tmp_path / "main.tf").write_text(local.replace(before, version))
        done = run("console", where=tmp_path, asked=asked)
        assert done.returncode == 0, done.stderr
        return {*json.loads(json.loads(done.stdout))}

    former = uploaded(before)
    assert former == {f"genesys-certificate-watcher/{before}/template.yaml"}
    assert uploaded("9.8.7") == former | {"genesys-certificate-watcher/9.8.7/template.yaml"}


DOCUMENT = (ROOT / "docs" / "terraform.md").read_text()


def told(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_what_the_document_writes_in_hcl_can_be_read_and_leaves_alone_what_the_watcher_deploys() -> None:
    resources: dict[str, Any] = {}
    for text in told("hcl"):
        for block in hcl2.loads(text).get("resource", []):
            resources |= plain(block)
    bundle = "ca_certificates_bundle_s3_"
    ignored = {
        name: one["lifecycle"][0]["ignore_changes"]
        for kind, those in resources.items()
        if kind != "aws_lb_listener"  # of the trust store's name
        for name, one in those.items()
    }
    assert [one.strip("${}") for one in ignored["clients"]] == [
        f"{bundle}{part}" for part in ("bucket", "key", "object_version")
    ]
    assert [one.strip("${}") for one in ignored["api"]] == ["mutual_tls_authentication"]
    assert [one.strip("${}") for one in resources["aws_lb_listener"]["clients"]["lifecycle"][0]["ignore_changes"]] == [
        "mutual_authentication"
    ]
    assert [one.strip("${}") for one in ignored["viewers"]] == ["ca_certificates_bundle_source"]


def test_what_the_document_writes_for_the_cdk_gives_parameters_that_there_are() -> None:
    (text,) = told("python")
    (given,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Dict)]
    names = {key.value for key in given.keys if isinstance(key, ast.Constant)}
    assert names <= PARAMETERS.keys() | RELEASE
    assert names >= {name for name, one in PARAMETERS.items() if "Default" not in one} | {"CodeBucket"}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of the module needs no provider, for the real Terraform: no provider can be had here."""
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on this machine: the module is judged by a parser alone")
    place = tmp_path_factory.mktemp("terraform")
    for name in ("parameters.tf", "variables.tf"):
        shutil.copy(MODULE / name, place)
    return place


def run(*words: str, where: Path, asked: str = "") -> subprocess.CompletedProcess[str]:
    quiet = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1"}
    command = ["terraform", f"-chdir={where}", *words]
    return subprocess.run(command, input=asked, env=os.environ | quiet, capture_output=True, text=True, check=False)


def test_terraform_takes_the_variables_and_has_nothing_to_format(terraform: Path) -> None:
    done = run("validate", "-no-color", where=terraform)
    assert done.returncode == 0, done.stderr
    done = run("fmt", "-check", "-diff", "-recursive", where=MODULE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_terraform_gives_the_stack_the_templates_defaults(terraform: Path) -> None:
    given = [
        "-var",
        "code_bucket=b",
        "-var",
        'credential_arns=["one","two"]',
        "-var",
        'authorities=["Genesys","DigiCert"]',
    ]
    done = run("console", *given, where=terraform, asked="jsonencode(local.parameters)")
    assert done.returncode == 0, done.stderr
    found = json.loads(json.loads(done.stdout))
    expected = {name: str(one["Default"]) for name, one in PARAMETERS.items() if "Default" in one}
    assert {name: found[name] for name in expected} == expected | {"Authorities": "Genesys,DigiCert"}
    assert (found["CredentialArns"], found["CodeBucket"]) == ("one,two", "b")


def test_terraform_refuses_what_the_template_would_refuse(terraform: Path) -> None:
    given = ["-no-color", "-var", "code_bucket=b", "-var", 'credential_arns=["one"]', "-var", "mode=maybe"]
    done = run("plan", *given, where=terraform)
    assert done.returncode == 1
    assert "mode must be one of: observe, apply." in done.stderr
