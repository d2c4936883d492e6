"""What ``check`` and ``plan`` share: which sources, one observation of them that leaves no trace, and what it found.

It is the watcher's own ``collect`` over an ``OverlayStore``: the same reading, assessment and update of the history as
in the stack, with nothing written, sent or delivered.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console

from local.overlay import OverlayStore
from rotation_watcher import collect, config, keys
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.model import Alert
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError, WatcherError
from rotation_watcher.ports import ObjectStore, PublishRequest, Secrets
from rotation_watcher.sources import history
from rotation_watcher.x509.facts import CertificateFacts

_FLAG_SECRET = "arn:aws:ssm:{region}:000000000000:parameter/given/by/flags"  # noqa: S105  # a name, no secret


class Exit(IntEnum):
    """Exit codes as monitoring plug-ins have them. The worst one wins; UNKNOWN says that nothing could be seen."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate that was seen, for people and for ``--json``."""

    source: str
    region: str
    authority: str
    status: str
    verdict: str
    days_left: int | None
    certificate: CertificateFacts | None
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Observed(NamedTuple):
    """What one observation of each source gave. ``failures`` maps sources that could not be read to why."""

    rows: tuple[Row, ...]
    failures: Mapping[str, str]
    code: Exit
    why: tuple[str, ...]


class Place(NamedTuple):
    """What to read: the watch file, the store (an overlay), and who gives secrets."""

    watch: Watch
    store: OverlayStore
    secrets: Secrets
    ca_file: Path | None


class _Nowhere:
    """A sink, a queue and metrics that lead nowhere."""

    def deliver(self, alert: Alert) -> None:
        """Take it and do nothing."""

    def send(self, request: PublishRequest) -> None:
        """Take it and do nothing."""

    def count(self, name: str, value: float = 1) -> None:
        """Take it and do nothing."""


class _Given:
    """``ports.Secrets`` for credentials given by flags and environment."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._text = msgspec.json.encode({"client_id": client_id, "client_secret": client_secret}).decode()

    def get(self, arn: str) -> str:
        """The credentials, whatever the ARN."""
        del arn
        return self._text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say what to read."""
    where = parser.add_argument_group("what to read", "either a watch file, or one region by flags")
    where.add_argument("--watch-file", metavar="PATH|s3://…", help="a watch file; flags of one region are then ignored")
    where.add_argument("--bucket", help="the stack's bucket, with its anchors, approvals and histories")
    where.add_argument("--region", help="the AWS region name of the Genesys Cloud organisation, such as us-east-1")
    where.add_argument("--authority", action="append", choices=[*config.Authority], help="may be repeated")
    where.add_argument("--client-id", help="the OAuth client; its secret comes from GENESYS_CLIENT_SECRET or a file")
    where.add_argument("--client-secret-file", type=Path, help="a file that holds the client's secret, and only that")
    where.add_argument("--credentials", metavar="ARN", help="an SSM parameter or Secrets Manager secret instead")
    where.add_argument("--anchors", type=Path, help="the region's root certificate (PEM)")
    where.add_argument("--digicert-anchors", type=Path, help="DigiCert roots instead of the vendored ones (PEM)")
    where.add_argument("--client-name", help="the name that the region's certificates must bear, if not the known one")
    where.add_argument("--api-url", help="for regions that are not in the catalogue, and simulators")
    where.add_argument("--login-url", help="likewise")
    where.add_argument("--ca-file", type=Path, help="roots to trust for HTTPS to Genesys, beside the public ones")
    parser.add_argument("--warning-days", type=int, default=30, metavar="N", help="default 30")
    parser.add_argument("--critical-days", type=int, default=7, metavar="N", help="default 7")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")


def place_of(options: argparse.Namespace) -> Place:
    """What the flags say to read. Raises ConfigurationError that names what is missing."""
    below: ObjectStore | None = S3Store(clients.make("s3"), options.bucket) if options.bucket else None
    store = OverlayStore(below)
    stack_region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if options.watch_file:
        watch = config.load(read_file(options.watch_file), stack_region=stack_region)
        for source in watch.sources:
            _put(store, source.anchors_key, options.anchors if len(watch.sources) == 1 else None)
        secrets: Secrets = AwsSecrets()
    else:
        watch = _by_flags(options, stack_region)
        secrets = AwsSecrets() if options.credentials else _Given(options.client_id, _client_secret(options))
        _put(store, watch.sources[0].anchors_key, options.anchors)
    _put(store, keys.DIGICERT_ANCHORS, options.digicert_anchors)
    return Place(watch, store, secrets, options.ca_file)


def observe(place: Place, options: argparse.Namespace, now: datetime) -> Observed:
    """Observe every source once, leaving no trace."""
    nowhere = _Nowhere()
    ports = collect.Ports(
        store=place.store,
        secrets=place.secrets,
        genesys=Genesys(lambda: now, partial(make_client, place.ca_file)),
        sink=nowhere,
        queue=nowhere,
        metrics=nowhere,
        clock=lambda: now,
    )
    summary = collect.collect(place.watch, collect.Request(), ports)
    failures = {name: one.message or one.outcome for name, one in summary.sources.items() if one.outcome != "read"}
    rows = [row for source in place.watch.sources if source.id not in failures for row in _rows(place, source.id, now)]
    judged = [*_judge(rows, place.watch, failures, options)]
    code = max((code for code, _ in judged), default=Exit.OK)
    return Observed(tuple(rows), failures, code, tuple(words for _, words in judged))


def _rows(place: Place, source: str, now: datetime) -> Iterator[Row]:
    stored = place.store.get(keys.history(source))
    if stored is None:
        return
    state = history.decode(stored.body)
    for name, authority in sorted(state.authorities.items()):
        for leaf in sorted(authority.leaves.values(), key=lambda one: (one.status, one.facts.not_after)):
            yield Row(
                source=source,
                region=state.region,
                authority=name,
                status=leaf.status.value,
                verdict="expired" if leaf.expired(now) else "accepted",
                days_left=(leaf.facts.not_after - now).days,
                certificate=leaf.facts,
                reasons=tuple(f"approved: {finding.code}" for finding in leaf.lifted),
                remarks=tuple(finding.code for finding in leaf.remarks),
            )
        for held in authority.quarantine.values():
            if held.gone_since is None:
                yield Row(
                    source=source,
                    region=state.region,
                    authority=name,
                    status=held.presence.value,
                    verdict="quarantined",
                    days_left=(held.facts.not_after - now).days if held.facts else None,
                    certificate=held.facts,
                    reasons=tuple(f"{finding.code}: {plain(finding.detail)}" for finding in held.reasons),
                )


def _judge(
    rows: list[Row], watch: Watch, failures: Mapping[str, str], options: argparse.Namespace
) -> Iterator[tuple[Exit, str]]:
    """What is worth a code other than 0, and why."""
    for name, message in failures.items():
        yield Exit.UNKNOWN, f"{name}: {plain(message, 400)}"
    for source in watch.sources:
        if source.id in failures:
            continue
        for authority in source.authorities:
            own = [row for row in rows if row.source == source.id and row.authority == authority]
            current = [row for row in own if row.status == "current" and row.verdict == "accepted"]
            upcoming = [row for row in own if row.status == "upcoming" and row.verdict == "accepted"]
            where = f"{source.id} {authority}"
            if not current:
                yield Exit.CRITICAL, f"{where}: no accepted current certificate"
            left = max((row.days_left or 0 for row in current), default=None)
            if left is not None and left < options.critical_days and not upcoming:
                yield Exit.CRITICAL, f"{where}: {left} days left and no accepted upcoming certificate"
            elif left is not None and left < options.warning_days and not upcoming:
                yield Exit.WARNING, f"{where}: {left} days left and no accepted upcoming certificate"
    for row in rows:
        if row.verdict == "quarantined":
            code = Exit.CRITICAL if row.status == "current" else Exit.WARNING
            yield code, f"{row.source} {plain(row.authority)}: a {row.status} certificate is quarantined"


def _by_flags(options: argparse.Namespace, stack_region: str) -> Watch:
    missing = [flag for flag, value in (("--region", options.region),) if not value]
    if not options.credentials and not options.client_id:
        missing.append("--client-id (or --credentials)")
    if missing:
        raise ConfigurationError([f"{flag}: missing; or give a --watch-file" for flag in missing])
    source = {
        "id": options.region,
        "region": options.region,
        "credentials": options.credentials or _FLAG_SECRET.format(region=stack_region),
        "authorities": options.authority or ["Genesys"],
    }
    for name in ("client_name", "api_url", "login_url"):
        if value := getattr(options, name):
            source[name] = value
    bundle = {"id": "main", "sources": [options.region], "authorities": source["authorities"]}
    return config.from_document({"sources": [source], "bundles": [bundle]}, stack_region=stack_region)


def _client_secret(options: argparse.Namespace) -> str:
    if options.client_secret_file:
        return str(options.client_secret_file.read_text()).strip()
    secret = os.environ.get("GENESYS_CLIENT_SECRET", "")
    if not secret:
        raise ConfigurationError(
            ["GENESYS_CLIENT_SECRET: not set; export it, or give --client-secret-file (never a flag: those are seen)"]
        )
    return secret


def read_file(where: str) -> bytes:
    """The content of a path or an s3:// address. Raises ConfigurationError where S3 has none, OSError, StoreError."""
    place = keys.place(where)
    if place is None:
        return Path(where).read_bytes()
    stored = S3Store(clients.make("s3"), place.bucket).get(place.key)
    if stored is None:
        raise ConfigurationError([f"{where}: does not exist, or may not be read"])
    return stored.body


def _put(store: OverlayStore, key: str, path: Path | None) -> None:
    if path is not None:
        store.put(key, path.read_bytes(), content_type=keys.PEM_TYPE)


@contextmanager
def progress(words: str) -> Iterator[None]:
    """Say what is going on, on a terminal; nothing in a pipe."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(words):
            yield
    else:
        yield


def report(errors: object) -> int:
    """Print what could not be done, a line each, and give UNKNOWN."""
    lines = errors.mistakes if isinstance(errors, ConfigurationError) else (str(errors),)
    for line in lines:
        print(plain(str(line), 600), file=sys.stderr)
    return Exit.UNKNOWN


EXPECTED = (WatcherError, OSError)
"""Errors that are reported in a line instead of a traceback."""
