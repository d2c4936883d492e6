"""A release: made twice in unlike surroundings it has the same bytes, and it holds what Lambda gets and no more."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.backends.openssl import backend

from local.building import INPUTS, ROOT, built
from release.making import COMMANDS_LOCK
from release.source import Source
from rotation_watcher import __version__

SOURCE = Source("0123456789abcdef0123456789abcdef01234567", 1_790_000_000)
MAKE = """
import sys
from pathlib import Path
from release.making import make
from release.source import Source
make(Path(sys.argv[1]), Path(sys.argv[2]), Source(sys.argv[3], int(sys.argv[4])))
"""
UNLIKE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7", "PYTHONUTF8": "0"}
OLD = 1_000_000_000
"""2001: what files of a checkout say when somebody has set their times back."""
SAM = ROOT / ".venv-sam" / "bin"
TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
given = {"CodeBucket": "a-bucket", "CodePrefix": "of/ours/", "CredentialArns": "arn"}
template = Translator({}, Parser()).translate(yaml_parse(open(sys.argv[1]).read()), parameter_values=given)
json.dump(template["Resources"], sys.stdout)
"""


class Made(NamedTuple):
    """A folder that ``sam build`` filled, and the release that was made of it."""

    build: Path
    out: Path


def make(build: Path, out: Path, **surroundings: Any) -> Made:
    command = [sys.executable, "-c", MAKE, str(build), str(out), SOURCE.commit, str(SOURCE.epoch)]
    subprocess.run(command, cwd=ROOT, check=True, **surroundings)
    return Made(build, out)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Made:
    subprocess.run([str(ROOT / "scripts" / "venv.sh"), "release"], check=True)
    return make(built("arm64"), tmp_path_factory.mktemp("first") / "out")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, first: Made) -> Made:
    """In another folder, of files with other times and modes, under another time zone, locale, hash seed and umask."""
    del first  # it brings the environments
    place = tmp_path_factory.mktemp("second")
    for name in INPUTS:
        target = place / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(ROOT / name, target)
    for path in (place / "checkout").rglob("*"):
        os.utime(path, (OLD, OLD))
        if path.is_file():
            path.chmod(0o600)
    unlike = os.environ | UNLIKE
    subprocess.run(
        [SAM / "sam", "build", "--build-dir", place / "build"],
        cwd=place / "checkout",
        env=unlike | {"PATH": f"{SAM}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0", "LAYER_ARCHITECTURE": "arm64"},
        umask=0o077,
        check=True,
        capture_output=True,
    )
    return make(place / "build", place / "out", env=unlike, umask=0o077)


def test_made_again_elsewhere_it_has_the_same_bytes(first: Made, second: Made) -> None:
    names = sorted(path.name for path in first.out.iterdir())
    assert names == sorted(path.name for path in second.out.iterdir())
    unlike = [name for name in names if (first.out / name).read_bytes() != (second.out / name).read_bytes()]
    assert not unlike


def test_each_archive_holds_what_was_built_readable_to_all_and_of_one_time(first: Made) -> None:
    archives = sorted(first.out.glob("*.zip"))
    assert len(archives) == len([path for path in first.build.iterdir() if path.is_dir()])
    for path in archives:
        folder = first.build / path.name.rpartition("-")[0]
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            assert {one.filename for one in entries} == {
                one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()
            }
            assert {(one.date_time, one.external_attr >> 16) for one in entries} == {((1980, 1, 1, 0, 0, 0), 0o100644)}
            assert not [one for one in entries if packed.read(one) != (folder / one.filename).read_bytes()]


def test_the_sums_are_those_of_all_files(first: Made) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=first.out, check=True)
    named = {line.split("  ")[1] for line in (first.out / "SHA256SUMS").read_text().splitlines()}
    assert named == {path.name for path in first.out.iterdir()} - {"SHA256SUMS"}


def test_the_provenance_names_each_file_by_its_sum_the_commit_and_the_locks(first: Made) -> None:
    told = json.loads((first.out / "provenance.json").read_text())
    sums = {line.split("  ")[1]: line.split("  ")[0] for line in (first.out / "SHA256SUMS").read_text().splitlines()}
    del sums["provenance.json"]
    assert {one["name"]: one["digest"]["sha256"] for one in told["subject"]} == sums
    definition = told["predicate"]["buildDefinition"]
    commit, *locks = definition["resolvedDependencies"]
    assert commit["digest"] == {"gitCommit": SOURCE.commit}
    assert {one["name"] for one in locks} >= {"layers/dependencies/requirements.txt", "requirements/sam.txt"}
    assert definition["externalParameters"] == {"version": __version__}


def test_no_file_names_a_folder_of_the_machine(first: Made) -> None:
    for name in ("template.yaml", "sbom.cdx.json", "provenance.json"):
        text = (first.out / name).read_text()
        assert not [place for place in (str(ROOT), str(first.out), "/tmp/", "file://") if place in text], name  # noqa: S108


def test_the_bill_names_exactly_what_the_layer_holds_with_its_licences(first: Made) -> None:
    bill = json.loads((first.out / "sbom.cdx.json").read_text())
    found = {(re.sub(r"[-_.]+", "_", one["name"]).lower(), one["version"]) for one in bill["components"]}
    packed = [path.name.removesuffix(".dist-info") for path in first.build.glob("DependenciesLayer/python/*.dist-info")]
    assert found == {(name.lower(), version) for name, _, version in (one.partition("-") for one in packed)}
    assert len(found) > 10
    assert [one["name"] for one in bill["components"] if not one.get("licenses")] == []
    assert bill["metadata"]["component"]["version"] == __version__


def test_the_bill_names_what_cryptography_has_compiled_in_and_says_which_packages_are_not_as_published(
    first: Made,
) -> None:
    parts = {one["name"]: one for one in json.loads((first.out / "sbom.cdx.json").read_text())["components"]}
    inner = {one["name"]: one for one in parts["cryptography"]["components"]}
    assert f"OpenSSL {inner['openssl']['version']} " in backend.openssl_version_text()
    assert {"asn1", "pyo3"} <= {*inner}
    assert {name for name, one in parts.items() if "pedigree" in one} == {"boto3", "botocore"}


def test_the_command_can_be_installed_with_the_versions_and_sums_that_it_was_tested_with(first: Made) -> None:
    assert (first.out / COMMANDS_LOCK).read_text() == (ROOT / "requirements" / "cli.txt").read_text()


def test_the_document_names_every_file_of_a_release(first: Made) -> None:
    rows = re.findall(r"^\| (`.+?`) \|", (ROOT / "docs" / "releasing.md").read_text(), re.MULTILINE)
    named = {one for row in rows for one in re.findall(r"`([^`]+)`", row)}
    forms = [re.compile(re.sub(r"<[^>]+>", "[^/]+", name.replace(".", r"\."))) for name in named]
    assert [path.name for path in first.out.iterdir() if not any(form.fullmatch(path.name) for form in forms)] == []
    assert len(forms) < len([*first.out.iterdir()])


def test_the_bill_keeps_to_the_schema_of_cyclonedx(first: Made) -> None:
    judge = (
        "import sys; from cyclonedx.schema import SchemaVersion as V; from cyclonedx.validation.json import *;"
        "sys.exit(str(JsonStrictValidator(V.V1_6).validate_str(open(sys.argv[1]).read()) or '') or 0)"
    )
    python = ROOT / ".venv-release" / "bin" / "python"
    subprocess.run([python, "-c", judge, first.out / "sbom.cdx.json"], check=True)
    broken = first.build.parent / "broken.cdx.json"
    broken.write_text((first.out / "sbom.cdx.json").read_text().replace('"type": "library"', '"type": "book"'))
    assert subprocess.run([python, "-c", judge, broken], check=False, capture_output=True).returncode == 1


def test_cloudformation_finds_the_code_of_everything_at_the_place_that_the_parameters_name(first: Made) -> None:
    template = first.out / "template.yaml"
    lint = Path(sys.executable).with_name("cfn-lint")
    subprocess.run([lint, "--non-zero-exit-code", "warning", "--template", template], check=True)
    done = subprocess.run(
        [SAM / "python", "-c", TRANSLATE, template],
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        capture_output=True,
    )
    resources = json.loads(done.stdout)
    code = [one["Properties"]["Code"] for one in resources.values() if one["Type"] == "AWS::Lambda::Function"]
    layers = [one["Properties"]["Content"] for one in resources.values() if one["Type"] == "AWS::Lambda::LayerVersion"]
    places = {resolved(one["S3Bucket"]) + "/" + resolved(one["S3Key"]) for one in [*code, *layers]}
    assert places == {f"a-bucket/of/ours/{path.name}" for path in first.out.glob("*.zip")}


def resolved(node: Any) -> str:
    """What CloudFormation makes of a reference to one of the two parameters."""
    given = {"CodeBucket": "a-bucket", "CodePrefix": "of/ours/"}
    if isinstance(node, str):
        return node
    if "Ref" in node:
        return given[node["Ref"]]
    return re.sub(r"\$\{(\w+)\}", lambda name: given[name[1]], node["Fn::Sub"])
