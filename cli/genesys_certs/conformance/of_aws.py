"""``genesys-certs conformance aws``: throwaway resources in an account that is named, questions, removal, a record."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import create_connection, socket
from typing import Any, NamedTuple

import boto3
import click
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from genesys_certs import aws, options, output
from genesys_certs.conformance import leftovers, records, running
from genesys_certs.conformance.door import SECONDS
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.running import Removed
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import TAG, Made, Options, Services, new_run
from genesys_certs.exits import USAGE, Exit
from genesys_certs.problems import Problem
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.aws_errors import code

_MOST = 5_000_000
"""Bytes of a bundle that is read back."""
_KEY = r"arn:aws[a-z-]*:kms:{}:\d{{12}}:key/[A-Za-z0-9-]+"
"""Of a region."""
_TARGET = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}")


@click.command("aws")
@options.session
@click.option("--account", required=True, metavar="ID", help="The account to work in; any other is refused.")
@click.option("--service", type=options.Choice(SUITES), default=None, help="What to ask [default: alb].")
@click.option("--domain", default="", metavar="NAME", help="api-gateway, distribution: a name that none has yet.")
@click.option("--certificate", default="", metavar="ARN", help="A server certificate in ACM, for that name.")
@click.option("--ownership-certificate", default="", metavar="ARN", help="api-gateway: where that one was imported.")
@click.option(
    "--role", default="", metavar="ARN", help="A role to ask with fewer permissions: api-gateway, and --kms-key."
)
@click.option("--load-balancer", default="", metavar="ARN", help="One that gets a listener for the while.")
@click.option("--subnet", "subnets", multiple=True, metavar="ID", help="Make one there instead; may be repeated.")
@click.option(
    "--security-group",
    "security_groups",
    multiple=True,
    metavar="ID",
    help="Of a load balancer: lets you in at port 49443.",
)
@click.option("--target", default="", metavar="IP:PORT", help="nlb-handshake: a server there that answers HTTP.")
@click.option("--origin", default="", metavar="NAME", help="distribution: a server by HTTPS; else the run's bucket.")
@click.option("--other-region", default="", metavar="REGION", help="Ask for a bundle from there, too (not nlb).")
@click.option("--kms-key", default="", metavar="ARN", help="Ask for files under it, too: a key of yours in the region.")
@click.option(
    "--other-bucket", default="", metavar="URI", help="s3://BUCKET/KEY, a bundle in a bucket of another account."
)
@click.option("--other-bucket-region", default="", metavar="REGION", help="cloudfront: of that bucket.")
@click.option(
    "--output", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="For the record."
)
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Ask these alone, such as 'alb.bundle.*'; may be repeated."
)
@click.option("--plan", is_flag=True, help="Say what would be made and asked, and end.")
@click.option("--clean", is_flag=True, help="Ask nothing; remove what runs have left, of every service.")
@click.option("--run", "run_id", default="", metavar="ID", help="With --clean: of that run alone.")
@click.option("--yes", is_flag=True, help="Begin without asking.")
def command(
    *,
    profile: str | None,
    region: str | None,
    as_json: bool,
    account: str,
    service: str | None,
    folder: Path | None,
    only: tuple[str, ...],
    plan: bool,
    clean: bool,
    run_id: str,
    yes: bool,
    **given: Any,
) -> int:
    """Ask a service of AWS, in an account of yours, everything that the local world claims of it.

    Makes throwaway resources, removes them, and writes a record in which nothing names the account. What it will make
    and what it costs is said before it asks whether to begin. docs/conformance/README.md says more.

    Exit code: 0 all as claimed, 1 the service disagrees, 2 something is or may be left behind, 3 not all could be
    asked, or nothing.
    """
    if not re.fullmatch(r"\d{12}", account):
        raise click.BadParameter("an account's id has twelve digits, and no dashes", param_hint="--account")
    chosen = Options(**given)
    if chosen.target and not _TARGET.fullmatch(chosen.target):
        raise click.BadParameter("give an IPv4 address and a port, such as 10.0.0.5:8080", param_hint="--target")
    everything = SUITES[service or "alb"]
    suite = everything.only(only)
    if not suite.probes:
        raise click.BadParameter("no question of this service has such an id", param_hint="--only")
    if (run_id and not clean) or (plan and clean):
        raise click.UsageError("--run goes with --clean, and --plan does not.")
    if not clean and (missing := suite.missing(chosen)):
        raise click.UsageError(f"Missing for {service}: {', '.join(missing)}.")
    services = _services(aws.connect(profile, region))
    if chosen.kms_key and not re.fullmatch(_KEY.format(services.region), chosen.kms_key):
        message = f"give the ARN of a key in {services.region}, no alias: arn:aws:kms:{services.region}:…:key/…"
        raise click.BadParameter(message, param_hint="--kms-key")
    personal = _identity(account)
    if clean:
        kinds = suite.kinds if service else tuple(one.name for one in leftovers.KINDS)
        return _clean(kinds, services, run_id or None, yes=yes, as_json=as_json)
    able, wanted = suite.able(chosen)
    if not able.probes:
        raise click.UsageError(f"These questions need {', '.join(wanted)}.")
    minutes = everything.lasts(len(able.probes))
    lines = Plan(able, minutes, wanted, account, services.region, new_run(), records.place(folder))
    if plan:
        output.emit({"plan": lines.lines(chosen)}) if as_json else output.write(lines.lines(chosen))
        return Exit.OK
    records.writable(folder)
    return _ask(lines, services, chosen, personal, folder, yes=yes, as_json=as_json)


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


def _restricted(region: str, service: str, role: str, policy: str) -> Any:
    """A client of a service with a session of the role that may do no more than the policy says."""
    given = aws.client("sts").assume_role(
        RoleArn=role, RoleSessionName="conformance", Policy=policy, DurationSeconds=900
    )["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return clients.make(service, region=region, session=session)


def _identity(account: str) -> list[str]:
    """What is personal in the caller's identity. Raises Problem where it is in another account."""
    caller = aws.client("sts").get_caller_identity()
    if caller["Account"] != account:
        message = f"These credentials are of account {caller['Account']}, and --account names {account}."
        raise Problem("other-account", message, "Nothing was made. Name the account on purpose.", exit_code=USAGE)
    parts = str(caller["Arn"]).rpartition(":")[2].split("/")[1:]
    return [account, str(caller["UserId"]), *str(caller["UserId"]).split(":"), *parts]


class Plan(NamedTuple):
    """What will be done. ``wanted``: the options without which questions are left out."""

    suite: Suite
    minutes: int
    wanted: list[str]
    account: str
    region: str
    run: str
    where: Path

    @property
    def again(self) -> str:
        """What removes what the run has left."""
        place = f"--account {self.account} --region {self.region}"
        return f"genesys-certs conformance aws {place} --service {self.suite.service} --clean --run {self.run}"

    def lines(self, chosen: Options) -> list[str]:
        """It in words, before anything is done."""
        asked = len(self.suite.probes)
        return [
            f"Account {self.account}, region {self.region}, run {self.run}: {self.suite.about}",
            f"Makes, each with the tag {TAG}={self.run}:",
            *(f"  {one}" for one in self.suite.creations(chosen)),
            *(f"Uses {one}." for one in self.suite.uses(chosen)),
            f"Asks {asked} question{'s' * (asked != 1)}, which takes up to {self.minutes} minutes.",
            *([f"Leaves out those that need {', '.join(self.wanted)}."] if self.wanted else []),
            f"Costs {self.suite.cost}",
            f"Then removes all of it, and writes a record to {self.where}/ in which nothing names the account.",
            f"If it is killed: {self.again}",
        ]


def _ask(
    plan: Plan,
    services: Services,
    chosen: Options,
    personal: Sequence[str],
    folder: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    for line in plan.lines(chosen):
        click.echo(line, err=as_json)
    if not output.confirmed("Begin?", yes=yes):
        click.echo("Nothing was made.", err=True)
        return Exit.UNKNOWN
    redact = Redactor([*personal, *chosen.personal(), plan.run])
    with _progress() as tell:
        ended = partial(_ended, plan)
        record, gone = running.run(plan.suite, services, chosen, plan.run, redact, tell, ended)
    code = records.finish(record, redact, folder, as_json=as_json, left=gone.left, clean=gone.clean)
    if not gone.clean:
        click.echo(f"Remove what is left: {plan.again}", err=True)
    return code


def _ended(plan: Plan, gone: Removed, whole: bool) -> None:  # noqa: FBT001  # as ``running.run`` calls it
    """Say what is left, and where no record follows, that there is none."""
    for left in gone.left:
        click.echo(f"still there: {left.kind} {left.id}", err=True)
    for kind, why in gone.unseen.items():
        click.echo(f"not known whether any {kind} is left: {why}", err=True)
    if not whole:
        told = f"removed: {len(gone.removed)}, still there: {len(gone.left)}; no record was written."
        click.echo(told, err=True)
        if not gone.clean:
            click.echo(f"Remove what is left: {plan.again}", err=True)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """One line that changes on a terminal; in a pipe a line for each."""
    if not output.terminal(sys.stderr):
        yield partial(click.echo, err=True)
        return
    try:
        yield output.over
    finally:
        output.over("")


def _clean(kinds: tuple[str, ...], services: Services, run: str | None, *, yes: bool, as_json: bool) -> int:
    found, unseen = _found(kinds, services, run)
    click.echo(f"Looked for: {', '.join(f'{one}s' for one in kinds)}; in {services.region}.", err=as_json)
    for one in found:
        click.echo(f"{one.kind} {one.id} (run {one.run})", err=as_json)
    if found and not output.confirmed(f"Remove {len(found)}?", yes=yes):
        click.echo("Nothing was removed.", err=True)
        return Exit.CRITICAL
    seen = tuple(kind for kind in kinds if kind not in unseen)
    gone = running.clear(services, seen, run) if found else Removed([], [], {})
    gone = gone._replace(unseen=gone.unseen | unseen)
    if as_json:
        output.emit({"removed": gone.removed, "left": gone.left, "unseen": gone.unseen})
    else:
        output.write([f"removed: {len(gone.removed)}, still there: {len(gone.left)}"])
        output.write(f"not known of any {kind}: {why}" for kind, why in gone.unseen.items())
    return Exit.OK if gone.clean else Exit.CRITICAL


def _found(kinds: tuple[str, ...], services: Services, run: str | None) -> tuple[list[Made], dict[str, str]]:
    """What runs have left, and the kinds of which that is not known, with the reason."""
    found: list[Made] = []
    unseen: dict[str, str] = {}
    for kind in (one.name for one in leftovers.KINDS if one.name in kinds):
        try:
            found += leftovers.looked(services, kind, run)
        except (ClientError, BotoCoreError) as error:
            unseen[kind] = code(error) or type(error).__name__
    return found, unseen
