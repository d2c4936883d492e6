"""``genesys-certs release``: end the hold of a target, and let its held removals pass."""

from typing import Any

import click

from genesys_certs import options
from genesys_certs.by_hand import carry_out


@click.command("release")
@click.argument("target")
@options.of_stack
@click.option("--leave", multiple=True, metavar="SHA-256", help="May leave before its grace is over; may be repeated.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
def command(
    *,
    target: str,
    stack_name: str,
    profile: str | None,
    region: str | None,
    as_json: bool,
    leave: tuple[str, ...],
    yes: bool,
) -> int:
    """End the hold of a target (its id), let removals pass that wait for a person, and bring it in step.

    Shows what would change, and asks.
    """
    stack = options.find(stack_name, profile, region)
    event: dict[str, Any] = {"release": target} | ({"leave": [*leave]} if leave else {})
    return carry_out(stack, target, event, f"Release {target}?", yes=yes, as_json=as_json)
