"""``genesys-certs conformance aws``: throwaway resources in an account that is named, questions, removal, a record."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import create_connection, socket
from typing import Any

import boto3
import click
import httpx

from genesys_certs import aws, options, output
from genesys_certs.conformance import leftovers, records, running
from genesys_certs.conformance.door import SECONDS
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.running import Removed
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import TAG, Options, Services, new_run
from genesys_certs.exits import FAILED, USAGE, Exit
from genesys_certs.problems import Problem
from rotation_watcher.adapters import clients

_MOST = 5_000_000
"""Bytes of a bundle that is read back."""


@click.command("aws")
@options.session
@click.option("--account", required=True, metavar="ID", help="The account to work in; any other is refused.")
@click.option("--service", type=options.Choice(SUITES), default="alb", show_default=True, help="What to ask.")
@click.option("--domain", default="", metavar="NAME", help="api-gateway, distribution: a name that none has yet.")
@click.option("--certificate", default="", metavar="ARN", help="A server certificate in ACM, for that name.")
@click.option("--ownership-certificate", default="", metavar="ARN", help="api-gateway: where that one was imported.")
@click.option("--role", default="", metavar="ARN", help="api-gateway: a role to ask with fewer permissions.")
@click.option("--load-balancer", default="", metavar="ARN", help="One that gets a listener for the while.")
@click.option("--subnet", "subnets", multiple=True, metavar="ID", help="Make one there instead; may be repeated.")
@click.option(
    "--security-group", "security_groups", multiple=True, metavar="ID", help="alb-handshake: lets you in at port 49443."
)
@click.option("--origin", default="", metavar="NAME", help="distribution: a server by HTTPS; else the run's bucket.")
@click.option("--other-region", default="", metavar="REGION", help="Ask for a bundle from there, too (not nlb).")
@click.option(
    "--output", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="For the record."
)
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Ask these alone, such as 'alb.bundle.*'; may be repeated."
)
@click.option("--clean", is_flag=True, help="Ask nothing; remove what interrupted runs have left.")
@click.option("--run", "run_id", default="", metavar="ID", help="With --clean: of that run alone.")
@click.option("--yes", is_flag=True, help="Begin without asking.")
def command(
    *,
    profile: str | None,
    region: str | None,
    as_json: bool,
    account: str,
    service: str,
    folder: Path | None,
    only: tuple[str, ...],
    clean: bool,
    run_id: str,
    yes: bool,
    **given: Any,
) -> int:
    """Ask a service of AWS, in an account of yours, everything that the local world claims of it.

    Makes throwaway resources, removes them, and writes a record in which nothing names the account. What it will make
    and what it costs is said before it asks whether to begin. docs/conformance/README.md says more.

    Exit code: 0 all as claimed, 1 the service disagrees, 2 something was left behind, 3 not all could be asked.
    """
    suite = SUITES[service].only(only)
    if not suite.probes:
        raise click.BadParameter("no question of this service has such an id", param_hint="--only")
    chosen = Options(**given)
    if run_id and not clean:
        raise click.UsageError("--run goes with --clean.")
    if not clean and (missing := suite.missing(chosen)):
        raise click.UsageError(f"Missing for {service}: {', '.join(missing)}.")
    services = _services(aws.connect(profile, region))
    personal = _identity(account)
    if clean:
        return _clean(suite, services, run_id or None, yes=yes, as_json=as_json)
    return _ask(suite, services, chosen, personal, folder, account=account, yes=yes, as_json=as_json)


def _services(region: str) -> Services:
    http = httpx.Client(timeout=30, follow_redirects=False)
    kept: dict[tuple[str, str], Any] = {}

    def client(service: str, other: str | None) -> Any:
        key = (service, other or region)
        kept[key] = kept.get(key) or clients.make(service, region=other or region)
        return kept[key]

    def download(url: str) -> bytes:
        try:
            answer = http.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Problem("unreachable", f"A download failed: {type(error).__name__}.") from None
        if answer.status_code != httpx.codes.OK or len(answer.content) > _MOST:
            raise Problem("download", f"A download failed: HTTP status {answer.status_code}.")
        return answer.content

    partition = aws.client("sts").meta.partition
    return Services(
        region,
        partition,
        client,
        download,
        lambda: datetime.now(UTC),
        time.monotonic,
        time.sleep,
        partial(_restricted, region),
        _connected,
    )


def _connected(host: str, port: int) -> socket:
    return create_connection((host, port), SECONDS)


def _restricted(region: str, role: str, policy: str) -> Any:
    """A client of API Gateway with a session of the role that may do no more than the policy says."""
    given = aws.client("sts").assume_role(
        RoleArn=role, RoleSessionName="conformance", Policy=policy, DurationSeconds=900
    )["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return clients.make("apigateway", region=region, session=session)


def _identity(account: str) -> list[str]:
    """What is personal in the caller's identity. Raises Problem where it is in another account."""
    caller = aws.client("sts").get_caller_identity()
    if caller["Account"] != account:
        message = f"These credentials are of account {caller['Account']}, and --account names {account}."
        raise Problem("other-account", message, "Nothing was made. Name the account on purpose.", exit_code=USAGE)
    parts = str(caller["Arn"]).rpartition(":")[2].split("/")[1:]
    return [account, str(caller["UserId"]), *str(caller["UserId"]).split(":"), *parts]


def _ask(
    suite: Suite,
    services: Services,
    chosen: Options,
    personal: Sequence[str],
    folder: Path | None,
    *,
    account: str,
    yes: bool,
    as_json: bool,
) -> int:
    where = records.place(folder)
    run = new_run()
    for line in plan(suite, chosen, account, services.region, run, where):
        click.echo(line, err=as_json)
    if not output.confirmed("Begin?", yes=yes):
        click.echo("Nothing was made.", err=True)
        return FAILED
    redact = Redactor([*personal, *chosen.personal(), run])
    with _progress() as tell:
        record, gone = running.run(suite, services, chosen, run, redact, tell, partial(click.echo, err=True))
    return records.finish(record, redact, folder, as_json=as_json, left=gone.left, clean=gone.clean)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """One line that changes on a terminal; in a pipe a line for each."""
    if not output.terminal(sys.stderr):
        yield partial(click.echo, err=True)
        return
    with output.console(err=True).status("") as status:
        yield status.update


def plan(suite: Suite, chosen: Options, account: str, region: str, run: str, where: Path) -> list[str]:
    """What will be done, before anything is."""
    again = f"genesys-certs conformance aws --account {account} --region {region} --service {suite.service} --clean"
    return [
        f"Account {account}, region {region}, run {run}: {suite.about}",
        f"Makes, each with the tag {TAG}={run}:",
        *(f"  {one}" for one in suite.creations(chosen)),
        f"Asks {len(suite.probes)} questions, which takes up to {suite.minutes} minutes.",
        f"Costs {suite.cost}",
        f"Then removes all of it, and writes a record to {where}/ in which nothing names the account.",
        f"If it is killed: {again}",
    ]


def _clean(suite: Suite, services: Services, run: str | None, *, yes: bool, as_json: bool) -> int:
    found = leftovers.find(services, suite.kinds, run)
    for one in found:
        click.echo(f"{one.kind} {one.id} (run {one.run})", err=as_json)
    if found and not output.confirmed(f"Remove {len(found)}?", yes=yes):
        click.echo("Nothing was removed.", err=True)
        return FAILED
    gone = running.clear(services, suite.kinds, run) if found else Removed([], [], {})
    if as_json:
        output.emit({"removed": gone.removed, "left": gone.left, "unseen": gone.unseen})
    else:
        output.write([f"removed: {len(gone.removed)}, still there: {len(gone.left)}"])
        output.write(f"not known of any {kind}: {why}" for kind, why in gone.unseen.items())
    return Exit.OK if gone.clean else Exit.CRITICAL
