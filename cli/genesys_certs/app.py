"""The command line itself: its commands, loaded when they are called, and what becomes of whatever goes wrong."""

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from genesys_certs import PROGRAM, __version__, exits
from genesys_certs.problems import Problem, explain


class Entry(NamedTuple):
    """Where a command lies, what it does, and its exit code where it could not do it."""

    module: str
    words: str
    failed: int


COMMANDS = {
    "check": Entry("check", "What Genesys Cloud presents now, and whether it is to be trusted.", exits.Exit.UNKNOWN),
    "plan": Entry("plan", "What the watcher would change at its targets, by name.", exits.FAILED),
    "status": Entry("status", "How the deployed watcher is doing.", exits.Exit.UNKNOWN),
    "doctor": Entry("doctor", "Examine an installation, with the cure for each finding.", exits.Exit.UNKNOWN),
    "approve": Entry("approve", "Let one quarantined certificate pass.", exits.FAILED),
    "release": Entry("release", "End the hold of a target, or let removals pass.", exits.FAILED),
    "rollback": Entry("rollback", "Bring a target back to an earlier version.", exits.FAILED),
    "init": Entry("init", "Find what there is to keep up to date, and write the parameters.", exits.FAILED),
    "pins-to-file": Entry(
        "pins_to_file", "A bundle's pins in the form that HAProxy or Envoy reads.", exits.Exit.UNKNOWN
    ),
    "pins-to-cloudfront": Entry(
        "pins_to_cloudfront", "Bring a CloudFront key value store to a bundle's pins.", exits.Exit.UNKNOWN
    ),
    "conformance": Entry(
        "conformance.command", "Ask real services what the local world claims of them.", exits.Exit.UNKNOWN
    ),
}


class Commands(click.Group):
    """A group whose commands are loaded when they are called: ``--help`` loads none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        del ctx
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"genesys_certs.{COMMANDS[cmd_name].module}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with all names at hand for "did you mean"."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=[*COMMANDS], ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, without loading a command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.words) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whoever reads its output may go away."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes at its end, too
            return exits.PIPE_CLOSED
        return code


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name=PROGRAM, message="%(prog)s %(version)s")
def group() -> None:
    """Watch the client certificates of Genesys Cloud data actions, and the truststores that must let them in.

    Commands read the stack genesys-certificate-watcher in your profile's account and region unless told otherwise.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code. Nothing is raised."""
    args = sys.argv[1:] if argv is None else [*argv]
    name = next((one for one in args if one in COMMANDS), "")
    failed = COMMANDS[name].failed if name else exits.FAILED
    try:
        return int(group.main(args=args, prog_name=PROGRAM, standalone_mode=False) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return exits.USAGE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else PROGRAM
        problem = Problem("usage", error.format_message(), f"See `{where} --help`.", exit_code=exits.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("", err=True)
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # nobody shall read a traceback
        problem = explain(error, profile=_profile(args))
    tell(problem, as_json="--json" in args)
    return failed if problem.exit_code is None else problem.exit_code


def tell(problem: Problem, *, as_json: bool) -> None:
    """Say what went wrong: to whoever reads JSON on standard output, to people on the other one."""
    if as_json:
        click.echo(json.dumps(problem.document(), indent=2))
        return
    for line in problem.message.splitlines():
        click.echo(_harmless(line), err=True)
    if problem.remedy:
        click.echo(_harmless(problem.remedy), err=True)


def _harmless(line: str) -> str:
    from rotation_watcher.alerts.builders.wording import plain  # noqa: PLC0415  # only where something went wrong

    return plain(line, 1000)


def _profile(args: Sequence[str]) -> str | None:
    for place, one in enumerate(args):
        if one == "--profile" and place + 1 < len(args):
            return args[place + 1]
        if one.startswith("--profile="):
            return one.removeprefix("--profile=")
    return os.environ.get("AWS_PROFILE")


def run() -> None:
    """The entry point."""
    sys.exit(main())
