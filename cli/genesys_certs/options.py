"""The options that commands share, and how they find the stack."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from genesys_certs import stack
from genesys_certs.stack import Stack
from rotation_watcher.config import Authority
from rotation_watcher.nearest import did_you_mean
from rotation_watcher.regions import REGIONS

type Function = Callable[..., Any]

AUTHORITIES = [one.value for one in Authority]
"""The signing authorities; click would take the names of the enumeration's members."""


class GenesysRegion(click.ParamType[str]):
    """The AWS name of a Genesys Cloud region; one that is not in the catalogue needs ``--api-url``."""

    name = "region"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a typo."""
        text = str(value)
        own_url = ctx.params.get("api_url") if ctx is not None else None
        if text in REGIONS or isinstance(own_url, str):
            return text
        hint = did_you_mean(text, REGIONS) or f"One of: {', '.join(sorted(REGIONS))}."
        raise click.BadParameter(f"{text!r} is no Genesys Cloud region that is known. {hint}", ctx, param)


class Choice(click.Choice[str]):
    """A choice, whatever its capitals, that says which one was probably meant."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__([*choices], case_sensitive=False)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """The message of a wrong choice."""
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message} {did_you_mean(str(value), self.choices)}".strip()


def of_genesys(function: Function) -> Function:
    """``--api-url``, ``--login-url``, ``--ca-file``: where Genesys Cloud is, and which roots its HTTPS may have."""
    roots = click.Path(exists=True, dir_okay=False, path_type=Path)
    function = click.option(
        "--ca-file", type=roots, metavar="PATH", envvar="GENESYS_CA_FILE", help="Roots for HTTPS to Genesys."
    )(function)
    function = click.option("--login-url", metavar="URL", help="Likewise.")(function)
    return click.option("--api-url", metavar="URL", is_eager=True, help="For regions that are not in the catalogue.")(
        function
    )


def session(function: Function) -> Function:
    """``--profile``, ``--region``, ``--json``."""
    function = click.option("--json", "as_json", is_flag=True, help="One JSON document, errors too.")(function)
    function = click.option("--region", metavar="REGION", help="The AWS region of the stack [default: the profile's].")(
        function
    )
    return click.option("--profile", metavar="NAME", help="A profile of the AWS CLI.")(function)


def of_stack(function: Function) -> Function:
    """The same, and ``--stack-name``."""
    return click.option("--stack-name", default=stack.DEFAULT_NAME, show_default=True, metavar="NAME")(
        session(function)
    )


def find(stack_name: str, profile: str | None, region: str | None) -> Stack:
    """Connect, and find the stack. Raises Problem, and what the SDK raises."""
    from genesys_certs import aws  # noqa: PLC0415  # the SDK is loaded when it is used

    return Stack(stack_name, aws.connect(profile, region))
