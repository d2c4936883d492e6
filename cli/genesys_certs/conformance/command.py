"""``genesys-certs conformance``: ask the real services what the embedded AWS and the simulator claim of them."""

import click

from genesys_certs.conformance.of_aws import command as of_aws
from genesys_certs.conformance.of_genesys import command as of_genesys


@click.group("conformance")
def command() -> None:
    """Ask the real services what this project's local world claims of them, and write a record for docs/conformance."""


command.add_command(of_aws)
command.add_command(of_genesys)
