"""``genesys-certs check`` and ``plan`` against ``python -m local serve``, which is a process.

So is the command, as its user runs it, where its pipes, its end or what it loads are the point.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from genesys_certs import app
from tests.support.command import COMMAND, environment, run
from tests.support.pki import root


@pytest.fixture(scope="module")
def flags(served: dict[str, Any]) -> tuple[str, ...]:
    url = served["genesys"]["us-east-1"]
    return ("--genesys-region", "us-east-1", "--ca-file", served["ca_file"], "--api-url", url, "--login-url", url)


class Ended(NamedTuple):
    """What a command line gave."""

    returncode: int
    stdout: str
    stderr: str


type Here = Callable[..., Ended]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command in this process, with the variables of one of its own."""

    def run_here(*arguments: str, **more: str) -> Ended:
        for name in os.environ.keys() - environment().keys():
            monkeypatch.delenv(name)
        for name, value in environment(**more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        capsys.readouterr()
        return Ended(app.main(arguments), *capsys.readouterr())

    return run_here


def test_check_without_a_root_shows_what_is_presented_and_says_where_to_get_one(
    served: dict[str, Any], flags: tuple[str, ...], aws: dict[str, str]
) -> None:
    done = run("check", *flags, "--authority", "genesys", "--credentials", served["credentials"], "--json", **aws)
    document = json.loads(done.stdout)
    (row,) = document["certificates"]
    assert (done.returncode, document["status"], row["verdict"], row["status"]) == (
        3,
        "UNKNOWN",
        "not judged",
        "current",
    )
    assert row["certificate"]["names"] == ["dataactions.prod.us-east-1.mypurecloud.com"]
    (why,) = document["why"]
    assert "no root was given" in why
    assert "mTLS support for data actions" in why
    assert "--root root.pem" in why


def test_check_with_a_wrong_root_is_critical(
    served: dict[str, Any], flags: tuple[str, ...], aws: dict[str, str], tmp_path: Path, here: Here
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(root("Somebody else's").pem.encode())
    done = here("check", *flags, "--root", str(other), "--credentials", served["credentials"], **aws)
    assert done.returncode == 2
    assert "chain-untrusted" in done.stdout


def test_check_without_the_secret_says_where_it_belongs(flags: tuple[str, ...], here: Here) -> None:
    done = here("check", *flags, "--client-id", "x", GENESYS_CLIENT_SECRET="")
    assert (done.returncode, done.stderr.splitlines()[0]) == (3, "GENESYS_CLIENT_SECRET is not set.")


def test_check_with_wrong_credentials_is_unknown_and_shows_no_secret(flags: tuple[str, ...], here: Here) -> None:
    done = here("check", *flags, "--client-id", "x", GENESYS_CLIENT_SECRET="canary-9931")
    assert done.returncode == 3
    assert "refuses the OAuth client x" in done.stdout
    assert "canary-9931" not in done.stdout + done.stderr


def test_check_in_a_pipe_prints_plain_lines(aws: dict[str, str]) -> None:
    done = run("check", **aws)
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "OK"
    assert "dataactions.prod.us-east-1.mypurecloud.com" in done.stdout


def test_check_lists_every_mistake_of_a_watch_file(tmp_path: Path, aws: dict[str, str], here: Here) -> None:
    path = tmp_path / "watch.json"
    path.write_text(json.dumps({"sources": [{"id": "A B", "region": "us-east-1"}], "modus": "apply"}))
    done = here("check", "--watch-file", str(path), **aws)
    assert done.returncode == 3
    mistakes = [line.split(" (line 1): ")[0] for line in sorted(done.stderr.splitlines())]
    assert mistakes == ["modus", "sources[0].credentials", "sources[0].id"]


def test_whoever_stops_reading_ends_the_command_without_a_word(aws: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "plan"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**aws), text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (141, "")


def test_help_is_there_at_once() -> None:
    """What it loads decides how long it takes: neither the SDK nor what commands work with."""
    source = "import sys; from genesys_certs import app; app.main(['--help']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], env=environment(), capture_output=True, text=True, check=True)
    loaded = {*done.stdout.splitlines()[-1].split()}
    assert "click" in loaded
    assert loaded.isdisjoint({"boto3", "botocore", "rich", "cryptography", "httpx", "aws_lambda_powertools"})


def test_an_unknown_command_of_the_local_world_names_those_there_are() -> None:
    command = [sys.executable, "-m", "local", "chekc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment())
    assert done.returncode == 64
    assert "genesys-certs" in done.stderr
