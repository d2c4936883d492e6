"""A release, copied to a bucket, becomes a stack by CloudFormation alone: no checkout, no SAM."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

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
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed(opened, arn)],
            cwd=release,
            env=os.environ | opened.environment() | {"PATH": f"{ROOT / '.venv-aws' / 'bin'}:{os.environ['PATH']}"},
            check=True,
        )
        limit = Limit(120)
        while (status := _status(opened)) == "CREATE_IN_PROGRESS":
            assert not limit.over(), status
        assert status == "CREATE_COMPLETE", opened.log.read_text()[-3000:]
        yield opened


def typed(cloud: Cloud, arn: str) -> str:
    """The commands of docs/releasing.md, with what an operator writes for the words in capitals."""
    page = (ROOT / "docs" / "releasing.md").read_text()
    commands = page.partition("## How to deploy one\n")[2].partition("```\n")[2].partition("```")[0]
    for word, given in {
        "https://BUCKET.s3.REGION.amazonaws.com": f"{cloud.url}/{BUCKET}",  # AWS's own host is not asked
        "BUCKET": BUCKET,
        "VERSION": __version__,
        "ARN": arn,
        "…": "ParameterKey=GenesysRegion,ParameterValue=us-east-1",
    }.items():
        assert word in commands, word
        commands = commands.replace(word, given)
    return commands


def _status(cloud: Cloud) -> str:
    return str(cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])


def test_its_output_names_the_version(cloud: Cloud) -> None:
    assert cloud.outputs(STACK)["Version"] == __version__


def test_its_functions_run_the_code_that_lies_in_the_bucket(cloud: Cloud) -> None:
    name = cloud.outputs(STACK)["CollectNowCommand"].split("--function-name ")[1].split()[0]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    (source,) = body["sources"].values()
    assert source["outcome"] == "read"
