"""The AWS SDK in the dependencies layer: the used services, whole but for texts, and before the runtime's own."""

import gzip
import json
import subprocess
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader

from local.building import MACHINE, ROOT, built
from local.lambda_runtime import PYTHON, LambdaFunction

SERVICES = (ROOT / "layers/dependencies/services.txt").read_text().split()
COMMON = {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}
INSTALLED = Path(botocore.__file__).parent / "data"
"""What the wheel holds, of the locked version: ``.venv`` keeps to the layer's pins."""


@pytest.fixture(scope="module")
def sdk(runnable: Path) -> Path:
    return runnable / "DependenciesLayer/python"


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def without_texts(model: Any) -> Any:
    if isinstance(model, list):
        return [without_texts(one) for one in model]
    if not isinstance(model, dict):
        return model
    return {k: without_texts(v) for k, v in model.items() if k != "documentation" or not isinstance(v, str)}


def test_of_botocores_data_there_are_the_used_services_and_what_all_share(sdk: Path) -> None:
    packed = [*(sdk / "botocore/data").iterdir()]
    assert {path.name for path in packed if path.is_dir()} == set(SERVICES)
    assert {path.name for path in packed if path.is_file()} == COMMON
    assert not (sdk / "boto3/data").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_a_packed_model_says_what_botocores_own_says_but_for_its_texts(service: str, sdk: Path) -> None:
    folder = sdk / "botocore/data" / service
    originals = [path for path in sorted((INSTALLED / service).glob("*/*")) if path.name != "examples-1.json"]
    assert len(originals) == len([*folder.glob("*/*")])
    for original in originals:
        place = original.relative_to(INSTALLED / service)
        packed, given = read(folder / str(place).removesuffix(".gz")), read(original)
        if original.name == "service-2.json.gz":
            assert packed["documentation"].startswith("Changed by "), "its licence asks for a notice"
            described = {name: without_texts(given[name]) for name in ("operations", "shapes")}
            assert packed == {**given, **described, "documentation": packed["documentation"]}
        else:
            assert packed == given


def test_the_used_services_have_every_endpoint_that_botocore_knows(sdk: Path) -> None:
    packed, given = read(sdk / "botocore/data/endpoints.json"), read(INSTALLED / "endpoints.json")
    assert packed.pop("comment").startswith("Changed by "), "its licence asks for a notice"
    models = [read(path) for name in SERVICES for path in (INSTALLED / name).glob("*/service-2.json.gz")]
    prefixes = {model["metadata"]["endpointPrefix"] for model in models}
    for partition in given["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in prefixes}
    assert packed == given
    assert "elasticloadbalancing" in packed["partitions"][0]["services"]


def test_the_packed_sdk_knows_the_identity_filters_of_listeners(sdk: Path) -> None:
    loader = Loader([str(sdk / "botocore/data")], include_default_search_paths=False)
    shapes = loader.load_service_model("elbv2", "service-2")["shapes"]
    assert "ClientCertificateIdentityFilters" in shapes["MutualAuthenticationAttributes"]["members"]
    assert {*shapes["ClientCertificateIdentityFilter"]["members"]} == {"Field", "Action", "MatchType", "Value"}


@pytest.mark.parametrize("name", ["boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python_dateutil"])
def test_the_licence_is_packed(name: str, sdk: Path) -> None:
    (info,) = sdk.glob(f"{name}-*.dist-info")
    names = {path.name.upper().partition(".")[0] for path in info.rglob("*") if path.is_file()}
    assert names & {"LICENSE", "LICENCE"}, sorted(names)
    assert "NOTICE" in names or name not in {"boto3", "botocore"}


PROBE = """
import boto3, botocore, urllib3
def handler(event, context):
    files = [one.__file__ for one in (boto3, botocore, urllib3)]
    return {"files": files, "boto3": boto3.__version__, "services": boto3.session.Session().get_available_services()}
"""


def test_a_function_runs_with_the_packed_sdk_and_not_with_the_runtimes(tmp_path: Path, runnable: Path) -> None:
    """The runtime client starts the handler in an interpreter that has an SDK of its own, as Lambda's has."""
    asked = [str(PYTHON), "-c", "import boto3; print(boto3.__version__)"]
    of_the_runtime = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    for name in ("DependenciesLayer", "WatcherLayer"):
        (tmp_path / name).symlink_to(runnable / name)
    (tmp_path / "Probe").mkdir()
    (tmp_path / "Probe/app.py").write_text(PROBE)
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    with LambdaFunction(tmp_path, "Probe", environment, timeout=30) as function:
        told = function.invoke({}).payload

    assert told["boto3"] == version("boto3")
    assert told["boto3"] != of_the_runtime, "the test would show nothing"
    assert {Path(file).parents[1] for file in told["files"]} == {tmp_path / "DependenciesLayer/python"}
    assert sorted(told["services"]) == sorted(SERVICES)


@cache
def digests(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("layer", ["DependenciesLayer", "WatcherLayer"])
def test_a_layer_that_is_built_again_elsewhere_has_the_same_bytes(layer: str, tmp_path: Path) -> None:
    interpreter = ROOT / ".venv-sam/bin/python"  # as in scripts/sam.sh
    command = ["make", "-C", str(ROOT / "layers"), f"build-{layer}", f"ARTIFACTS_DIR={tmp_path}"]
    subprocess.run([*command, f"PYTHON={interpreter}", f"LAYER_ARCHITECTURE={MACHINE}"], check=True)

    again, before = digests(tmp_path), digests(built(MACHINE) / layer)
    assert again.keys() == before.keys()
    assert [name for name in again if again[name] != before[name]] == []


def test_another_python_is_refused_in_words(tmp_path: Path) -> None:
    other = tmp_path / "python3"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    command = [
        "make",
        "-C",
        str(ROOT / "layers"),
        "build-WatcherLayer",
        f"ARTIFACTS_DIR={tmp_path}/to",
        f"PYTHON={other}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert f"{other} is not Python 3.13" in done.stderr
    assert not (tmp_path / "to").exists()
