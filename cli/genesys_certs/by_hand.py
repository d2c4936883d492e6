"""What ``release`` and ``rollback`` share: a dry run that is shown, a question, and the call itself."""

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from genesys_certs import output
from genesys_certs.exits import FAILED, Exit
from genesys_certs.plan import read_answer
from genesys_certs.problems import Problem
from genesys_certs.stack import Stack
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.nearest import did_you_mean
from rotation_watcher.targets.decide import Outcome

_DONE = {Outcome.UPDATED, Outcome.UNCHANGED, Outcome.ROLLED_BACK, Outcome.HELD, Outcome.WOULD_UPDATE}
_UNDER_WAY = {Outcome.PUT_OFF, Outcome.STILL_UPDATING, Outcome.WAITING}


def carry_out(stack: Stack, target: str, event: Mapping[str, Any], question: str, *, yes: bool, as_json: bool) -> int:
    """Show what ``event`` would do, ask, and have publish do it. Raises Problem as the call itself is refused."""
    known = [one.id for one in stack.watch().targets]
    if target not in known:
        hint = did_you_mean(target, known) or f"There are: {', '.join(known) or 'none'}."
        raise Problem("no-such-target", f"There is no target {target!r}.", hint)
    with output.progress("asking the function publish …"):
        planned = read_answer(stack.invoke("PublishFunction", {**event, "dry_run": True}))
    if not as_json:
        output.write_plan(planned.text)
    if planned.failures:
        raise Problem("unreadable", f"{target}: {planned.failures[target]}", "`genesys-certs doctor` says more.")
    if not output.confirmed(question, yes=yes):
        click.echo("Nothing was changed.", err=True)
        return FAILED
    with output.progress("the function publish is at work …"):
        answer = stack.invoke("PublishFunction", event)
    done = answer.get("targets", {}).get(target, {})
    outcome, message = str(done.get("outcome", "")), plain(str(done.get("message") or ""), 400)
    if as_json:
        output.emit({"target": target, "outcome": outcome, "message": message, "plan": msgspec.to_builtins(planned)})
    else:
        output.write([f"{target}: {outcome}{': ' if message else ''}{message}"])
        if outcome in _UNDER_WAY:
            output.write(["It goes on by itself with the next runs."])
    return Exit.OK if outcome in _DONE | _UNDER_WAY else FAILED
