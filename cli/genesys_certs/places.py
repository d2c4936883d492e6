"""Where ``check`` and ``plan`` read: by a watch file, one region by flags, or what the stack reads."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from genesys_certs import aws, options
from genesys_certs.overlay import OverlayStore
from genesys_certs.problems import Problem
from genesys_certs.stack import Stack, read_s3
from genesys_certs.texts import read_text
from rotation_watcher import config, keys
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.config import Watch
from rotation_watcher.ports import ObjectStore, Secrets
from rotation_watcher.x509.certificates import parse_bundle

_FLAG_SECRET = "arn:aws:ssm:{region}:000000000000:parameter/given/by/flags"  # noqa: S105  # a name, no secret


class What(msgspec.Struct, frozen=True, kw_only=True):
    """What to read: a watch file, one region by flags, or (neither given) what the stack reads.

    Paths are those of files on this machine. ``warning_days`` and ``critical_days``: how long before its end a current
    certificate without a successor counts.
    """

    watch_file: str | None = None
    bucket: str | None = None
    genesys_region: str | None = None
    authority: tuple[str, ...] = ()
    client_id: str | None = None
    client_secret_file: Path | None = None
    credentials: str | None = None
    root: Path | None = None
    digicert_roots: Path | None = None
    client_name: str | None = None
    api_url: str | None = None
    login_url: str | None = None
    ca_file: Path | None = None
    warning_days: int = 30
    critical_days: int = 7
    stack_name: str = ""
    profile: str | None = None
    region: str | None = None

    @property
    def by_flags(self) -> bool:
        """Whether one region is named by flags."""
        return bool(self.genesys_region or self.client_id or self.credentials)

    @property
    def by_stack(self) -> bool:
        """Whether the deployed stack says what to read."""
        return not self.watch_file and not self.by_flags


class Place(NamedTuple):
    """What to read: the watch file, the store (an overlay), and who gives secrets.

    ``rootless``: no root was given on the command line, and none was to be expected elsewhere. ``region_buckets`` are
    the names of the stack's buckets in other regions, ``account`` is the stack's (None: not known).
    """

    watch: Watch
    store: OverlayStore
    secrets: Secrets
    ca_file: Path | None
    rootless: bool = False
    stack: Stack | None = None
    region_buckets: Sequence[str] = ()
    account: str | None = None


class _Given:
    """``ports.Secrets`` for credentials given by flags and environment."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._text = msgspec.json.encode({"client_id": client_id, "client_secret": client_secret}).decode()

    def get(self, arn: str) -> str:
        """The credentials, whatever the ARN."""
        del arn
        return self._text


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def what_to_read(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to read; the command gets them as one ``What``."""
    flags: list[Callable[..., Any]] = [
        click.option("--watch-file", metavar="PATH|s3://…", help="Read what this watch file names, not the stack."),
        click.option("--bucket", help="With --watch-file: the bucket with its anchors, approvals and histories."),
        click.option(
            "--genesys-region", type=options.GenesysRegion(), metavar="REGION", help="Read one Genesys Cloud region."
        ),
        click.option("--client-id", help="Its OAuth client; the secret comes from GENESYS_CLIENT_SECRET or a file."),
        click.option("--client-secret-file", type=_FILE, metavar="PATH", help="A file that holds the secret alone."),
        click.option("--credentials", metavar="ARN", help="An SSM parameter or Secrets Manager secret instead."),
        click.option("--root", type=_FILE, metavar="PATH", help="The region's root certificate (PEM)."),
        click.option("--authority", multiple=True, type=options.Choice(options.AUTHORITIES), help="May be repeated."),
        click.option("--digicert-roots", type=_FILE, metavar="PATH", help="Instead of the built-in ones (PEM)."),
        click.option("--client-name", metavar="NAME", help="What its certificates are called, if not the known name."),
        options.of_genesys,
        click.option("--warning-days", type=click.IntRange(0), default=30, show_default=True, metavar="N"),
        click.option("--critical-days", type=click.IntRange(0), default=7, show_default=True, metavar="N"),
    ]
    for flag in reversed(flags):
        function = flag(function)
    return options.of_stack(function)


def place_of(what: What, stack: Stack | None = None) -> Place:
    """What the flags say to read; ``stack`` is the one that the watch file is for, where it is known.

    Raises ConfigurationError that names what is missing, Problem.
    """
    if what.by_stack:
        stack = options.find(what.stack_name, what.profile, what.region)
        own = OverlayStore(stack.store)
        place = Place(
            stack.watch(),
            own,
            AwsSecrets(),
            what.ca_file,
            stack=stack,
            region_buckets=stack.region_buckets,
            account=stack.account,
        )
        _put_roots(place, what)
        return place
    region = _region_of(what)
    below: ObjectStore | None = S3Store(aws.client("s3"), what.bucket) if what.bucket else None
    store = OverlayStore(below)
    if what.watch_file:
        watch = config.load(
            read_file(what.watch_file),
            stack_region=region,
            stack_account=stack.account if stack else None,
            elsewhere=stack.elsewhere if stack else config.UNKNOWN_STACK,
            name=what.watch_file,
        )
        buckets, account = (stack.region_buckets, stack.account) if stack else ((), None)
        place = Place(watch, store, AwsSecrets(), what.ca_file, region_buckets=buckets, account=account)
    else:
        watch = _by_flags(what, region)
        secrets: Secrets = AwsSecrets() if what.credentials else _Given(what.client_id or "", client_secret(what))
        place = Place(watch, store, secrets, what.ca_file, rootless=not what.root and not what.bucket)
    _put_roots(place, what)
    return place


def _region_of(what: What) -> str:
    """The AWS region: none is needed where AWS is not asked."""
    asked = what.credentials or what.bucket or (what.watch_file or "").startswith("s3://") or what.watch_file
    try:
        return aws.connect(what.profile, what.region)
    except Problem as problem:
        if asked or problem.code != "no-region":
            raise
        return "us-east-1"


def _put_roots(place: Place, what: What) -> None:
    if what.root and len(place.watch.sources) > 1:
        raise click.UsageError("--root is for one region, and there are several: put each root below anchors/.")
    if what.root:
        _put(place.store, place.watch.sources[0].anchors_key, what.root)
    if what.digicert_roots:
        _put(place.store, keys.DIGICERT_ANCHORS, what.digicert_roots)


def _put(store: OverlayStore, key: str, path: Path) -> None:
    """Put a file of roots into the overlay. Raises Problem where it holds no certificate: it is the wrong file."""
    body = path.read_bytes()
    blocks, defects = parse_bundle(body)
    if not blocks:
        why = "; ".join(one.detail for one in defects) or "it is empty"
        raise Problem(
            "bad-root",
            f"{path}: there is no certificate in it ({plain(why, 200)}).",
            "It takes roots as PEM: no zip, no key.",
        )
    store.put(key, body, content_type=keys.PEM_TYPE)


def _by_flags(what: What, stack_region: str) -> Watch:
    missing = [] if what.genesys_region else ["--genesys-region"]
    if not what.credentials and not what.client_id:
        missing.append("--client-id (or --credentials)")
    if missing:
        raise click.UsageError(
            f"Missing: {', '.join(missing)}; or leave all of them out, to read what the stack reads."
        )
    region = what.genesys_region
    authorities = [*what.authority] or ["Genesys"]
    source: dict[str, Any] = {
        "id": region,
        "region": region,
        "credentials": what.credentials or _FLAG_SECRET.format(region=stack_region),
        "authorities": authorities,
    }
    for name in ("client_name", "api_url", "login_url"):
        if value := getattr(what, name):
            source[name] = value
    bundle = {"id": "main", "sources": [region], "authorities": authorities}
    return config.from_document({"sources": [source], "bundles": [bundle]}, stack_region=stack_region)


def client_secret(what: What) -> str:
    """The OAuth client's secret, of a file or the environment. Raises Problem where there is none, OSError."""
    if what.client_secret_file:
        if secret := read_text(what.client_secret_file).strip():
            return secret
        raise Problem("no-client-secret", f"{what.client_secret_file} is empty.", "Write the secret alone into it.")
    secret = os.environ.get("GENESYS_CLIENT_SECRET", "")
    if not secret:
        remedy = "Export it, or give --client-secret-file (never a flag: those are seen)."
        raise Problem("no-client-secret", "GENESYS_CLIENT_SECRET is not set.", remedy)
    return secret


def read_file(where: str) -> bytes:
    """The content of a path or an s3:// address. Raises ConfigurationError where S3 has none, OSError, StoreError."""
    return read_s3(where) if where.startswith("s3://") else Path(where).read_bytes()
