"""``genesys-certs doctor``: everything that an installation needs, each with its cure where it is not so."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import click

from genesys_certs import examine, examine_keys, options, output
from genesys_certs.examine import Finding, Level
from genesys_certs.exits import Exit
from genesys_certs.problems import explain
from genesys_certs.stack import Stack

_CODES = {Level.OK: Exit.OK, Level.WARNING: Exit.WARNING, Level.CRITICAL: Exit.CRITICAL, Level.UNKNOWN: Exit.UNKNOWN}
_WORDS = {Level.OK: "ok", Level.WARNING: "warning", Level.CRITICAL: "critical", Level.UNKNOWN: "unknown"}


class Examination(NamedTuple):
    """What is looked at, and by what."""

    name: str
    look: Callable[[Stack, datetime], Iterable[Finding]]


EXAMINATIONS = (
    Examination("stack", examine.of_stack),
    Examination("watch file", examine.of_watch_file),
    Examination("bucket", examine.of_bucket),
    Examination("alerts", examine.of_subscriptions),
    Examination("event bus", examine.of_event_bus),
    Examination("keys", examine_keys.of_keys),
    Examination("functions", examine.of_functions),
    Examination("schedules", examine.of_schedules),
    Examination("network", examine.of_network),
    Examination("Genesys Cloud", examine.of_sources),
    Examination("roots", examine.of_roots),
    Examination("targets", examine.of_targets),
    Examination("last success", examine.of_last_success),
    Examination("alarms", examine.of_alarms),
    Examination("queues", examine.of_queues),
)


@click.command("doctor")
@options.of_stack
def command(*, stack_name: str, profile: str | None, region: str | None, as_json: bool) -> int:
    """Examine the deployed installation, and say the cure of whatever is wrong.

    Reads only. The functions collect and publish are asked for dry runs, so that what they may do is seen and not what
    you may.

    Exit code: 0 all is well, 1 warning, 2 critical, 3 something could not be examined.
    """
    stack = options.find(stack_name, profile, region)
    now = datetime.now(UTC)
    found: list[Finding] = []
    for one in EXAMINATIONS:
        with output.progress(f"looking at {one.name} …"):
            findings = [*_looked(one, stack, now)]
        found += findings
        if not as_json:
            _tell(findings)
    code = _code(found)
    if as_json:
        output.emit({"code": int(code), "count": counted(found), "findings": found})
    else:
        output.write(["", counted(found)], output.STYLES[code.name.lower()])
    return code


def _looked(one: Examination, stack: Stack, now: datetime) -> Iterator[Finding]:
    """What an examination finds; one that cannot look is a finding too, and the others go on."""
    try:
        yield from one.look(stack, now)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # each is told in a line with its remedy
        problem = explain(error)
        yield Finding(level=Level.UNKNOWN, of=one.name, what=problem.message, cure=problem.remedy)


def _code(found: Iterable[Finding]) -> Exit:
    """The worst of all; what could not be examined counts only where nothing worse was found."""
    levels = {one.level for one in found}
    order = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK)
    return _CODES[next(level for level in order if level in levels or level is Level.OK)]


def counted(found: Iterable[Finding]) -> str:
    """How many of each: ``14 ok, 1 warning, 0 critical``."""
    levels = [one.level for one in found]
    words = [f"{levels.count(level)} {_WORDS[level]}" for level in (Level.OK, Level.WARNING, Level.CRITICAL)]
    unknown = levels.count(Level.UNKNOWN)
    return ", ".join([*words, *([f"{unknown} unknown"] if unknown else [])])


def _tell(findings: Iterable[Finding]) -> None:
    for one in findings:
        word = _WORDS[one.level]
        lines = output.wrapped(f"{word:<8}  {one.of}: {one.what}", indent=" " * 10)
        if one.cure and one.level is not Level.OK:
            lines += output.wrapped(f"{'':<10}{one.cure}", indent=" " * 10)
        output.write(lines, "" if one.level is Level.OK else output.STYLES[word])
