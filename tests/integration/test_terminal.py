"""``genesys-certs`` on a terminal, as people see it: widths, colour, questions, Ctrl-C; and what ``serve`` prints."""

import re
import shlex
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.support.command import COMMAND, environment, run

_COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|4[0-9]|9[0-9])(?:;[0-9]+)*m")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WIDTHS = (60, 80, 140)


def spawn(aws: dict[str, str], width: int, *arguments: str, **more: str) -> Any:
    variables = {name: value for name, value in environment(**aws).items() if name not in {"NO_COLOR", "COLUMNS"}}
    variables |= {"TERM": "xterm-256color", **more}
    command, *rest = [*COMMAND, *arguments]
    return pexpect.spawn(command, rest, env=variables, dimensions=(40, width), encoding="utf-8", timeout=60)


def seen(aws: dict[str, str], width: int, *arguments: str, **more: str) -> tuple[int, str]:
    """The exit code, and all that the terminal got."""
    child = spawn(aws, width, *arguments, **more)
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def interrupt(child: Any) -> None:
    """Press Ctrl-C until it has ended, as people do.

    A signal that comes between the prompt and the read of the answer is noted by Python, and the read begins all the
    same: nobody hears of it before the next key.
    """
    for _ in range(6):
        child.sendintr()
        if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=10) == 0:
            return
    pytest.fail(f"it goes on after six times Ctrl-C: {child.before}")


def lines_of(text: str) -> list[str]:
    """What stays on the screen: a line that was cleared is gone."""
    plain = (_ESCAPE.sub("", line.rpartition("\x1b[2K")[2]) for line in text.split("\r\n"))
    return [line.rpartition("\r")[2].rstrip() for line in plain]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["check", "plan", "status", "doctor"])
def test_nothing_is_wider_than_the_terminal(aws: dict[str, str], command: str, width: int) -> None:
    code, text = seen(aws, width, command)
    assert code in {0, 1}
    assert "Traceback" not in text
    shown = lines_of(text)
    assert [line for line in shown if len(line) > width] == []
    assert any("us-east-1" in line for line in shown)
    assert _COLOUR.search(text)


@pytest.mark.parametrize(
    ("variables", "what"), [({"NO_COLOR": "1"}, _COLOUR), ({"TERM": "dumb"}, _ESCAPE)], ids=["NO_COLOR", "dumb"]
)
@pytest.mark.parametrize("command", ["check", "plan", "status"])
def test_colour_is_off_where_it_is_not_wanted(
    aws: dict[str, str], command: str, variables: dict[str, str], what: re.Pattern[str]
) -> None:
    code, text = seen(aws, 80, command, **variables)
    assert code in {0, 1}
    assert not what.search(text), ascii(text)


def test_it_asks_before_it_changes_anything_and_ctrl_c_is_130(aws: dict[str, str]) -> None:
    child = spawn(aws, 80, "release", "alb")
    child.expect(r"Release alb\? \[y/N\]")
    assert "+ Simulated data actions us-east-1 Root CA G1" in child.before
    interrupt(child)
    child.close()
    assert (child.exitstatus, "Traceback" in child.before) == (130, False)
    child = spawn(aws, 80, "release", "alb")
    child.expect(r"\[y/N\]")
    child.sendline("n")
    child.expect("Nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_init_asks_for_each_thing_it_finds_and_for_what_it_cannot(aws: dict[str, str], tmp_path: Path) -> None:
    written = tmp_path / "samconfig.local.toml"
    child = spawn(aws, 100, "init", "--output", str(written))
    for question, answer in (
        ("Keep trust store alb up to date", "y"),
        (r"Keep domain api.example.com up to date", "n"),
        ("Keep listener nlb:443 up to date", ""),
        ("Genesys Cloud region: ", "us-esat-1"),
        (r"Did you mean us-east-1\?\s+Genesys Cloud region: ", "us-east-1"),
        ("ARN of the secret", ""),
        ("E-mail address", "ops@example.com"),
        ("Signing authority", "digicert"),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    text = written.read_text()
    assert 'Authorities=\\"DigiCert\\"' in text
    assert ("truststore/alb" in text, "listener/net/nlb" in text, "api.example.com" in text) == (True, True, False)


def test_the_code_of_a_second_factor_can_be_asked_for_while_it_reads(aws: dict[str, str], tmp_path: Path) -> None:
    """The SDK asks when it needs the role, which is in the midst of a command."""
    profile = tmp_path / "config"
    profile.write_text(
        "[profile bank]\nrole_arn = arn:aws:iam::123456789012:role/operator\ncredential_source = Environment\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/operator\n"
    )
    child = spawn(aws, 80, "plan", "--profile", "bank", AWS_CONFIG_FILE=str(profile))
    child.expect("Enter MFA code for arn:aws:iam::123456789012:mfa/operator: ")
    child.sendline("123456")
    child.expect("3 to add")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_c_while_it_reads_is_130_without_a_word(aws: dict[str, str]) -> None:
    child = spawn(aws, 80, "doctor")
    child.expect("looking at")
    interrupt(child)
    child.close()
    assert (child.exitstatus, "Traceback" in child.before) == (130, False)


def test_serve_prints_commands_that_work_as_they_stand(lines: list[str], aws: dict[str, str]) -> None:
    (export,) = (line for line in lines if line.startswith("export "))
    exported = dict(one.split("=", 1) for one in shlex.split(export)[1:])
    assert exported.items() <= aws.items()
    typed = [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"(/\S*/)?genesys-certs ", line)]
    words = ["check", "check", "plan", "plan", "status", "doctor", "release", "pins-to-file", "init"]
    assert [one[0] for one in typed] == words
    codes = {}
    for arguments in typed[:-3]:  # release changes the world of the other tests; the last two write a file
        done = run(*arguments, **exported)
        codes[" ".join(arguments[:2])] = done.returncode
        assert (done.stderr, "Traceback" in done.stdout) == ("", False), done.stderr
    assert codes == {
        "check": 0,
        "check --genesys-region": 3,
        "plan": 0,
        "plan --from-here": 0,
        "status": 1,
        "doctor": 1,
    }
