"""No secret shows in what is not a function: the objects' reprs, and the commands that people run."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from genesys_certs import app
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import bootstrap, bootstrap_chat
from rotation_watcher.adapters.genesys import _Grant, _Token
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.teams import TeamsWebhook
from rotation_watcher.sources.credentials import decode_credentials
from tests.secrets.conftest import CanaryEnvironment

type CanaryRun = tuple[CanaryEnvironment, Callable[[], list[str]]]


def test_no_repr_holds_a_secret(canary: CanaryRun) -> None:
    world, leaks = canary
    watcher = bootstrap.build()
    world.invoke("collect", {})
    secret = json.dumps({"client_id": "x", "client_secret": world.client_secret})
    for thing in (
        watcher,
        watcher.settings,
        watcher.collect,
        watcher.publish,
        decode_credentials(secret, "arn"),
        [decode_credentials(secret, "arn")],
        SlackWebhook(httpx.Client(), f"https://hooks.example/{world.webhook_path}"),
        TeamsWebhook(httpx.Client(), f"https://logic.example/?sig={world.webhook_path}"),
        bootstrap_chat.build(),
        _Token(world.token, datetime.now(UTC)),
        {"token": _Token(world.token, datetime.now(UTC))},
        _Grant(world.token),
    ):
        world.hear(type(thing).__name__, f"{thing!r} {thing}")
    assert leaks() == []


@pytest.mark.parametrize(
    ("command", "form"), [("check", []), ("check", ["--json"]), ("plan", ["--json", "--from-here"])]
)
@pytest.mark.parametrize("wrong", ["nothing", "login", "answer", "secret"])
def test_a_command_shows_no_secret(canary: CanaryRun, command: str, wrong: str, form: list[str]) -> None:
    world, leaks = canary
    environment = world.environment
    echo = json.dumps({"error": f"{world.client_secret} {world.token}"})
    if wrong == "login":
        environment.simulator.play("us-east-1", "token", status=401, body=echo, times=0)
    if wrong == "answer":
        grant = json.dumps({"access_token": world.token, "expires_in": 86400})
        environment.simulator.play("us-east-1", "token", body=grant, times=0)
        environment.simulator.play("us-east-1", "certificates", status=401, body=world.token, times=0)
    if wrong == "secret":
        environment.aws.client("ssm").put_parameter(
            Name="/genesys/oauth", Type="SecureString", Value=world.client_secret, Overwrite=True
        )
    where = ["--watch-file", "s3://watcher-bucket/watch.json", "--bucket", "watcher-bucket"]
    code = app.main([command, *where, "--ca-file", str(environment.simulator.ca_file), *form])
    assert code == (0 if wrong == "nothing" else 3 if command == "check" else 1)
    assert leaks() == []


def test_a_command_about_a_stack_shows_no_secret(canary: CanaryRun, tmp_path: Path) -> None:
    world, leaks = canary
    environment = world.environment
    environment.deploy()
    environment.report()
    url, ca_file = environment.simulator.api_url("us-east-1"), str(environment.simulator.ca_file)
    flags = ["--genesys-region", "us-east-1", "--credentials", environment.secret_arn, "--api-url", url]
    flags += ["--login-url", url, "--yes", "--output", str(tmp_path / "x"), "--ca-file", ca_file, "--force"]
    for wrong in (False, True):
        if wrong:
            ssm = environment.aws.client("ssm")
            ssm.put_parameter(Name="/genesys/oauth", Type="SecureString", Value=world.client_secret, Overwrite=True)
            environment.watcher = environment.build()  # a new container, which remembers no secret
        for command in (["plan"], ["status"], ["doctor"], ["doctor", "--json"], ["init", *flags], ["release", "x"]):
            assert app.main(command) in {0, 1, 2}, command
    assert leaks() == []


def test_a_secret_given_by_the_environment_or_a_file_shows_nowhere(
    canary: CanaryRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, leaks = canary
    simulator = world.environment.simulator
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", world.client_secret[:-1])
    url = simulator.api_url("us-east-1")
    arguments = [
        "--genesys-region",
        "us-east-1",
        "--api-url",
        url,
        "--login-url",
        url,
        "--client-id",
        simulator.client_id,
    ]
    assert app.main(["check", *arguments, "--ca-file", str(simulator.ca_file)]) == 3
    assert leaks() == []


def test_serve_prints_no_secret_of_its_user_nor_of_its_simulator(canary: CanaryRun) -> None:
    world, leaks = canary
    with subprocess.Popen(
        [sys.executable, "-m", "local", "serve", "--keys", str(DEFAULT_CACHE)],
        env=os.environ | {"GENESYS_CLIENT_SECRET": world.client_secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)
    world.hear("serve", "".join([line, *rest]))
    assert "client_secret" not in line
    assert json.loads(line)["bucket"]
    assert leaks() == []
