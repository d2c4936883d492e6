"""``genesys-certs rollback``: bring a target back to an earlier version, and hold it there."""

from typing import Any

import click

from genesys_certs import options
from genesys_certs.by_hand import carry_out


@click.command("rollback")
@click.argument("target")
@options.of_stack
@click.option("--to", metavar="VERSION", help="A version that its record names [default: the one before].")
@click.option("--yes", is_flag=True, help="Ask nothing.")
def command(
    *, target: str, stack_name: str, profile: str | None, region: str | None, as_json: bool, to: str | None, yes: bool
) -> int:
    """Bring a target (its id) back to an earlier version, and hold it there until `release`.

    Shows what would change, and asks. What would refuse a current certificate is refused.
    """
    stack = options.find(stack_name, profile, region)
    event: dict[str, Any] = {"rollback": target} | ({"to": to} if to else {})
    return carry_out(stack, target, event, f"Roll {target} back, and hold it there?", yes=yes, as_json=as_json)
