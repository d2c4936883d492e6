"""``python -m local serve | check | plan``, each as a process of its own, as its user runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE

COMMAND = [sys.executable, "-m", "local"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [*COMMAND, "serve", "--keys", str(DEFAULT_CACHE)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def flags(served: dict[str, Any]) -> tuple[str, ...]:
    url = served["genesys"]["us-east-1"]
    return ("--region", "us-east-1", "--ca-file", served["ca_file"], "--api-url", url, "--login-url", url)


@pytest.fixture(scope="module")
def root(served: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    import boto3  # noqa: PLC0415  # only here, with the served environment

    environment = served["environment"]
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    path = tmp_path_factory.mktemp("anchors") / "root.pem"
    path.write_bytes(s3.get_object(Bucket=served["bucket"], Key="anchors/us-east-1.pem")["Body"].read())
    return path


def test_check_shows_what_the_served_organisation_presents(served: dict[str, Any]) -> None:
    done = run(
        "check", "--watch-file", served["watch_file"], "--bucket", served["bucket"], "--ca-file", served["ca_file"],
        "--json", **served["environment"],
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (done.returncode, document["status"], done.stderr) == (0, "OK", "")
    shown = {(row["authority"], row["status"], row["verdict"]) for row in document["certificates"]}
    assert shown == {("Genesys", "current", "accepted"), ("DigiCert", "current", "accepted")}


def test_check_in_a_pipe_prints_plain_lines(served: dict[str, Any]) -> None:
    done = run(
        "check", "--watch-file", served["watch_file"], "--bucket", served["bucket"], "--ca-file", served["ca_file"],
        **served["environment"],
    )  # fmt: skip
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "OK"
    assert "dataactions.prod.us-east-1.mypurecloud.com" in done.stdout


def test_check_without_the_secret_says_where_it_belongs(flags: tuple[str, ...]) -> None:
    done = run("check", *flags, "--client-id", "x", GENESYS_CLIENT_SECRET="")
    assert done.returncode == 3
    assert done.stderr.startswith("GENESYS_CLIENT_SECRET: not set")


def test_check_with_wrong_credentials_is_unknown_and_shows_no_secret(flags: tuple[str, ...], root: Path) -> None:
    done = run("check", *flags, "--anchors", str(root), "--client-id", "x", GENESYS_CLIENT_SECRET="canary-9931")
    assert done.returncode == 3
    assert "refuses the OAuth client x" in done.stdout
    assert "canary-9931" not in done.stdout + done.stderr


def test_check_without_an_anchor_is_critical(served: dict[str, Any], flags: tuple[str, ...], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("nothing of use")
    done = run(
        "check", *flags, "--anchors", str(other), "--credentials", served["credentials"], **served["environment"]
    )
    assert done.returncode == 2
    assert "no accepted current certificate" in done.stdout


def test_check_lists_every_mistake_of_a_watch_file(tmp_path: Path) -> None:
    path = tmp_path / "watch.json"
    path.write_text(json.dumps({"sources": [{"id": "A B", "region": "us-east-1"}], "modus": "apply"}))
    done = run("check", "--watch-file", str(path))
    assert done.returncode == 3
    assert [line.split(":")[0] for line in sorted(done.stderr.splitlines())] == [
        "modus",
        "sources[0].credentials",
        "sources[0].id",
    ]


def test_plan_shows_the_diff_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415  # the wall clock, which only the commands go by

    from local import cli_plan  # noqa: PLC0415  # in this process, where the AWS calls can be counted

    with Environment(datetime.now(UTC), DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        store = environment.add_trust_store("alb", "main", environment.world.region("sa-east-1").root_pem())
        partners = {"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}
        environment.add_listener("door", "main", store, [partners])
        environment.configure()
        environment.aws.calls.clear()
        arguments = ["--watch-file", "s3://watcher-bucket/watch.json", "--bucket", "watcher-bucket"]
        code = cli_plan.main([*arguments, "--ca-file", str(environment.simulator.ca_file)])
        assert [call.operation for call in environment.aws.calls if call.mutating] == []
        lines = capsys.readouterr().out.splitlines()
        assert code == 1
        assert "would-change" in lines
        assert sum(line.startswith("+ ") for line in lines) == 2
        assert sum(line.startswith("+ san-dns exact ") for line in lines) == 1
        assert [line for line in lines if line.startswith("= ")][-1] == "= subject-ou exact partner"
        assert sum(line.startswith("= ") for line in lines) == 2
        environment.tick()
        assert cli_plan.main([*arguments, "--ca-file", str(environment.simulator.ca_file)]) == 0
        assert "unchanged" in capsys.readouterr().out.splitlines()


def test_an_unknown_command_names_those_there_are() -> None:
    done = run("chekc")
    assert done.returncode == 3
    assert "check" in done.stderr
