"""``genesys-certs init``: find what there is, and write the parameters of the stack, or a watch file."""

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from genesys_certs import authorities, aws, found, options, output
from genesys_certs.exits import Exit
from genesys_certs.found import Candidate
from genesys_certs.parameters import with_overrides
from genesys_certs.problems import Problem, explain
from genesys_certs.stack import DEFAULT_NAME
from genesys_certs.texts import read_text
from rotation_watcher import arns, config
from rotation_watcher.adapters.genesys import make_client
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.config import Authority
from rotation_watcher.errors import WatcherError
from rotation_watcher.regions import REGIONS
from rotation_watcher.sources.credentials import decode_credentials

SAMCONFIG = "samconfig.local.toml"
_ELSEWHERE = f'version = 0.1\n\n[default.deploy.parameters]\nstack_name = "{DEFAULT_NAME}"\n'
"""What the file begins with outside the project's folder: without a name SAM would call the stack sam-app."""


class Answers(NamedTuple):
    """What the stack needs to know."""

    region: str
    authorities: tuple[str, ...]
    credentials: str
    targets: tuple[Candidate, ...]
    email: str
    api_url: str | None
    login_url: str | None


@click.command("init")
@options.session
@click.option("--genesys-region", type=options.GenesysRegion(), metavar="REGION", help="Of your organisation.")
@click.option("--credentials", metavar="ARN", help="The secret with the OAuth client's id and secret.")
@click.option("--authority", multiple=True, type=options.Choice(options.AUTHORITIES), help="May be repeated.")
@click.option(
    "--target", "targets", multiple=True, metavar="ARN", help="Instead of all that is found; may be repeated."
)
@click.option("--email", default="", metavar="ADDRESS", help="Who gets the alerts.")
@click.option("--output", "path", type=click.Path(path_type=Path), metavar="PATH", help=f"[default: {SAMCONFIG}]")
@click.option("--watch-file", type=click.Path(path_type=Path), metavar="PATH", help="Write a watch file there instead.")
@click.option("--force", is_flag=True, help="Replace what the file says already.")
@click.option("--yes", is_flag=True, help="Ask nothing; take all that is found.")
@options.of_genesys
def command(
    *,
    profile: str | None,
    region: str | None,
    as_json: bool,
    genesys_region: str | None,
    credentials: str | None,
    authority: tuple[str, ...],
    targets: tuple[str, ...],
    email: str,
    path: Path | None,
    watch_file: Path | None,
    force: bool,
    yes: bool,
    api_url: str | None,
    login_url: str | None,
    ca_file: Path | None,
) -> int:
    """Find trust stores, domains and listeners, and write the parameters of the stack (or a watch file).

    Asks for what no option says, and for each thing that is found. Changes nothing in AWS. The mode is observe: the
    stack only watches until you deploy with Mode=apply.
    """
    written = watch_file or path or Path(SAMCONFIG)
    _refuse(written, parameters=watch_file is None, force=force)
    here = aws.connect(profile, region)
    asks = sys.stdin.isatty() and not yes and not as_json
    chosen = _targets(targets, asks=asks, quiet=as_json)
    where = _genesys_region(genesys_region, asks=asks)
    secret = _credentials(credentials, asks=asks)
    answers = Answers(where, authority, secret, chosen, email or (_email() if asks else ""), api_url, login_url)
    if not authority:
        answers = answers._replace(authorities=_authorities(answers, ca_file, asks=asks, quiet=as_json))
    document = _watch(answers)
    config.from_document(document, stack_region=here)  # every mistake is told before a file is written
    if watch_file is not None:
        written.write_text(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
        then = "Upload it, and give WatchFileUri; CredentialArns and TargetArns must name what it names."
    else:
        _parameters(written, answers, here, force=force)
        then = f"make build && sam deploy --guided --config-file {written}"
    if as_json:
        output.emit({"written": str(written), "watch": document, "found": chosen, "next": then})
    else:
        output.write([f"written: {written}", f"Next: {then}"])
    return Exit.OK


def _targets(named: tuple[str, ...], *, asks: bool, quiet: bool) -> tuple[Candidate, ...]:
    """What to keep up to date. Raises Problem for what is no target's ARN."""
    for arn in named:
        try:
            arns.parse_target(arn)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--target") from error
    with output.progress("looking for trust stores, domains and listeners …"):
        there = [*_candidates()]
    if named:
        known = {one.arn: one for one in there}
        return tuple(known.get(arn) or _given(arn) for arn in named)
    if not quiet:
        output.write([f"Found: {len(there)}", *(f"  {one.kind} {one.name}, {one.about}" for one in there)])
    if not asks:
        return tuple(there)
    return tuple(
        one for one in there if click.confirm(f"Keep {one.kind} {one.name} up to date?", default=True, err=True)
    )


def _candidates() -> Iterable[Candidate]:
    """What can be found. A kind that may not be listed is left out, with a line that says so."""
    for look in (found.trust_stores, found.domains, found.listeners, found.cloudfront_trust_stores):
        try:
            yield from [*look()]
        except Exception as error:  # said in a line
            problem = explain(error)
            if problem.code != "access-denied":
                raise
            click.echo(f"{look.__name__.replace('_', ' ')} cannot be listed: {problem.message}", err=True)


def _given(arn: str) -> Candidate:
    target = arns.parse_target(arn)
    return Candidate(arn=arn, kind=target.kind.noun, name=target.name, about="named, not found in this region")


def _genesys_region(given: str | None, *, asks: bool) -> str:
    if given:
        return given
    if not asks:
        raise click.UsageError("Missing: --genesys-region, the AWS name of your organisation's region.")
    click.echo("Genesys Cloud Admin shows the region of your organisation, such as us-east-1.", err=True)
    return str(click.prompt("Genesys Cloud region", type=options.GenesysRegion(), err=True))


def _credentials(given: str | None, *, asks: bool) -> str:
    if given:
        return given
    try:
        there = found.secrets()
    except Exception:  # noqa: BLE001  # a help and no need
        there = []
    if asks:
        only = there[0] if len(there) == 1 else None
        return str(click.prompt("ARN of the secret with the OAuth client", default=only, err=True))
    if len(there) == 1:
        return there[0]
    listed = f"; there are: {', '.join(there)}" if there else ""
    raise click.UsageError(f"Missing: --credentials, the ARN of the secret with the OAuth client{listed}.")


def _email() -> str:
    return str(click.prompt("E-mail address for alerts (empty: none)", default="", show_default=False, err=True))


def _authorities(answers: Answers, ca_file: Path | None, *, asks: bool, quiet: bool) -> tuple[str, ...]:
    """What the integrations say, else what the person says, else Genesys, which lets nobody else in."""
    known = _asked(answers, ca_file)
    if known:
        words = ", ".join(sorted(known))
        if not quiet:
            output.write([f"Your data actions present certificates of: {words}"])
        return tuple(sorted(known))
    if asks:
        click.echo("The authority is a setting of the data actions integration in Genesys Cloud Admin.", err=True)
        return (
            str(
                click.prompt("Signing authority", type=options.Choice(options.AUTHORITIES), default="Genesys", err=True)
            ),
        )
    if not quiet:
        output.write(
            ["Signing authority: Genesys (Genesys Cloud was not asked, or does not say; --authority changes it)"]
        )
    return (Authority.GENESYS.value,)


def _asked(answers: Answers, ca_file: Path | None) -> frozenset[Authority] | None:
    region = REGIONS.get(answers.region)
    api = answers.api_url or (region.api_url if region else "")
    login = answers.login_url or (region.login_url if region else "")
    try:
        secret = decode_credentials(AwsSecrets().get(answers.credentials), answers.credentials)
    except WatcherError:
        return None  # whoever sets the stack up need not be allowed to read it
    with output.progress("asking Genesys Cloud …"):
        return authorities.of_integrations(partial(make_client, ca_file), api, login, secret)


def _watch(answers: Answers) -> dict[str, Any]:
    """The watch file that says the same as the parameters."""
    source: dict[str, Any] = {
        "id": answers.region,
        "region": answers.region,
        "credentials": answers.credentials,
        "authorities": [*answers.authorities],
    }
    source |= {key: value for key, value in (("api_url", answers.api_url), ("login_url", answers.login_url)) if value}
    named = [one.arn for one in answers.targets]
    return {
        "mode": "observe",
        "sources": [source],
        "bundles": [{"id": "main", "sources": [answers.region], "authorities": [*answers.authorities]}],
        "targets": [
            {"id": name, "arn": arn, "bundle": "main"} for name, arn in zip(arns.target_ids(named), named, strict=True)
        ],
    }


def _refuse(path: Path, *, parameters: bool, force: bool) -> None:
    """Say before anything is asked that nothing would be written. Raises Problem."""
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Problem("not-allowed", f"{path} cannot be written.", "Name a file in a folder of yours that exists.")
    if parameters:
        with_overrides(_text(path), {}, force=force, where=str(path))
    elif path.exists() and not force:
        raise Problem("exists", f"{path} exists already.", "Give --force to replace it, or name another file.")


def _text(path: Path) -> str:
    """What the parameters are put into."""
    template = Path("samconfig.toml")
    return read_text(path) if path.exists() else read_text(template) if template.exists() else _ELSEWHERE


def _parameters(path: Path, answers: Answers, region: str, *, force: bool) -> None:
    values = {
        "GenesysRegion": answers.region,
        "Authorities": ",".join(answers.authorities),
        "CredentialArns": answers.credentials,
        "TargetArns": ",".join(one.arn for one in answers.targets),
        "Mode": "observe",
        "AdoptObjectArns": ",".join(dict.fromkeys(one.adopt for one in answers.targets if one.adopt)),
        "AlertEmail": answers.email,
    }
    if buckets := dict.fromkeys(one.arn.partition("/")[0] for one in answers.targets if ":s3:::" in one.arn):
        values["FileBucketArns"] = ",".join(buckets)
    after = with_overrides(_text(path), values, force=force, where=str(path))
    if "\nregion = " not in after:
        after = after.replace("[default.deploy.parameters]\n", f'[default.deploy.parameters]\nregion = "{region}"\n', 1)
    path.write_text(after)
