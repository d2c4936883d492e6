"""``genesys-certs conformance genesys``: a few reads of one organisation, and a record in which nothing names it."""

from datetime import UTC, datetime
from pathlib import Path

import click
import httpx

from genesys_certs import __version__, aws, options, output, places
from genesys_certs.conformance import records
from genesys_certs.conformance.asking import ask
from genesys_certs.conformance.genesys import PROBES, PUBLIC, Bench
from genesys_certs.conformance.model import FORMAT, Record
from genesys_certs.conformance.redaction import Redactor
from rotation_watcher.adapters.genesys import make_client
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.ports import Credentials
from rotation_watcher.regions import REGIONS
from rotation_watcher.sources.credentials import decode_credentials


@click.command("genesys")
@options.session
@click.option("--genesys-region", type=options.GenesysRegion(), required=True, metavar="REGION")
@click.option("--client-id", help="An OAuth client; the secret comes from GENESYS_CLIENT_SECRET or a file.")
@click.option("--client-secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="PATH")
@click.option("--credentials", metavar="ARN", help="An SSM parameter or Secrets Manager secret instead.")
@options.of_genesys
@click.option(
    "--output", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="For the record."
)
def command(
    *,
    profile: str | None,
    region: str | None,
    as_json: bool,
    genesys_region: str,
    client_id: str | None,
    client_secret_file: Path | None,
    credentials: str | None,
    api_url: str | None,
    login_url: str | None,
    ca_file: Path | None,
    folder: Path | None,
) -> int:
    """Ask a Genesys Cloud organisation what the simulator claims of it. Reads only: some twenty requests.

    The record holds no certificate, no name of the organisation or of its client, and no id.

    Exit code: 0 all as claimed, 1 Genesys Cloud disagrees, 3 not all could be asked.
    """
    if bool(client_id) == bool(credentials):
        raise click.UsageError("Give --client-id or --credentials.")
    secret = _credentials(client_id, client_secret_file, credentials, profile, region)
    known = REGIONS.get(genesys_region)
    api = api_url or (known.api_url if known else "")
    login = login_url or (known.login_url if known else "")
    if not api or not login:
        raise click.UsageError("A region that is not in the catalogue needs --api-url and --login-url.")
    records.writable(folder)
    redact = Redactor([secret.client_id, secret.client_secret], PUBLIC)
    with output.progress("reading Genesys Cloud …"):
        record = recorded(genesys_region, (api, login), secret, ca_file, redact)
    return records.finish(record, redact, folder, as_json=as_json)


def recorded(
    region: str, urls: tuple[str, str], credentials: Credentials, ca_file: Path | None, redact: Redactor
) -> Record:
    """Ask every probe over one client. Raises Problem where the login fails."""
    with make_client(ca_file) as client:
        bench = Bench(client, region, urls, credentials)
        hidden = redact.also(bench.token)
        answers = {probe.id: hidden.answer(ask(probe, bench)) for probe in PROBES}
    return Record(
        format=FORMAT,
        service="genesys",
        date=datetime.now(UTC).date().isoformat(),
        region=region,
        sdk=httpx.__version__,
        kit=__version__,
        answers=answers,
    )


def _credentials(
    client_id: str | None, file: Path | None, arn: str | None, profile: str | None, region: str | None
) -> Credentials:
    if arn:
        aws.connect(profile, region)
        return decode_credentials(AwsSecrets().get(arn), arn)
    what = places.What(client_id=client_id, client_secret_file=file)
    return Credentials(client_id or "", places.client_secret(what))
