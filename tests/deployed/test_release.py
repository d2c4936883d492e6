"""A release, copied to a bucket, becomes a stack by CloudFormation alone: no checkout, no SAM."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.building import MACHINE, built
from local.cloud.cloud import ROOT, Cloud
from local.genesys.keys import DEFAULT_CACHE
from local.patience import Limit
from release.making import make
from release.source import Source
from rotation_watcher import __version__

STACK, BUCKET = "genesys-certificate-watcher", "releases"
HOURS = 3600.0
"""How long a minute of the schedules lasts here: none of them comes."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For this machine's processor; a release that is published is for arm64."""
    subprocess.run([str(ROOT / "scripts" / "venv.sh"), "release"], check=True)
    out = tmp_path_factory.mktemp("release") / "out"
    make(built(MACHINE), out, Source("0" * 40, 1_790_000_000))
    return out


@pytest.fixture(scope="module")
def cloud(release: Path) -> Iterator[Cloud]:
    with Cloud(DEFAULT_CACHE, minute=HOURS) as opened:
        opened.client("s3").create_bucket(Bucket=BUCKET)
        opened.world.region("us-east-1")
        secret = opened.client("ssm")
        secret.put_parameter(
            Name="/genesys/oauth",
            Type="SecureString",
            Value=json.dumps(
                {"client_id": opened.simulator.client_id, "client_secret": opened.simulator.client_secret}
            ),
        )
        arn = secret.get_parameter(Name="/genesys/oauth")["Parameter"]["ARN"]
        subprocess.run([str(ROOT / "scripts" / "venv.sh"), "aws"], check=True)
        shell(opened, release, typed(opened, 0, arn, __version__))
        assert settled(opened) == "CREATE_COMPLETE", opened.log.read_text()[-3000:]
        yield opened


def shell(cloud: Cloud, folder: Path, commands: str) -> None:
    """Type commands in a folder, with the AWS CLI."""
    path = f"{ROOT / '.venv-aws' / 'bin'}:{os.environ['PATH']}"
    environment = os.environ | cloud.environment() | {"PATH": path}
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True)


def typed(cloud: Cloud, block: int, arn: str, version: str) -> str:
    """A block of commands of docs/releasing.md, with what an operator writes for the words in capitals."""
    page = (ROOT / "docs" / "releasing.md").read_text()
    section = page.partition("## How to deploy one\n")[2]
    commands: str = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[block]
    for word, given in {
        "https://BUCKET.s3.REGION.amazonaws.com": f"{cloud.url}/{BUCKET}",  # AWS's own host is not asked
        "BUCKET": BUCKET,
        "VERSION": version,
        "ARN": arn,
        "…": "ParameterKey=GenesysRegion,ParameterValue=us-east-1",
    }.items():
        assert word in commands or block, word
        commands = commands.replace(word, given)
    assert not re.search(r"\b(BUCKET|VERSION|REGION|ARN)\b", commands)
    return commands


def settled(cloud: Cloud) -> str:
    """The stack's status once nothing is under way."""
    limit = Limit(120)
    while (status := str(described(cloud)["StackStatus"])).endswith("_IN_PROGRESS"):
        assert not limit.over(), status
    return status


def described(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return found


def test_its_output_names_the_version(cloud: Cloud) -> None:
    assert cloud.outputs(STACK)["Version"] == __version__


def test_its_functions_run_the_code_that_lies_in_the_bucket(cloud: Cloud) -> None:
    name = cloud.outputs(STACK)["CollectNowCommand"].split("--function-name ")[1].split()[0]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    (source,) = body["sources"].values()
    assert source["outcome"] == "read"


def test_an_update_by_the_pages_commands_keeps_every_parameter_but_the_folder(cloud: Cloud, release: Path) -> None:
    def parameters() -> dict[str, str]:
        return {one["ParameterKey"]: one["ParameterValue"] for one in described(cloud)["Parameters"]}

    before = parameters()
    shell(cloud, release, typed(cloud, 1, "", "9.9.9"))
    assert settled(cloud) == "UPDATE_COMPLETE", cloud.log.read_text()[-3000:]
    assert before["GenesysRegion"] == "us-east-1"
    assert parameters() == before | {"CodePrefix": "genesys-certificate-watcher/9.9.9/"}
