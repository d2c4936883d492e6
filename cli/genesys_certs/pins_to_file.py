"""``genesys-certs pins-to-file``: the pins of a bundle in the form that a proxy reads."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from genesys_certs import aws, options
from genesys_certs import output as printing
from genesys_certs.exits import Exit
from genesys_certs.pins_to_cloudfront import decoded
from genesys_certs.places import read_file
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.bundles.pins import Pins, in_force
from rotation_watcher.errors import RequestRefused

NOBODY = "0" * 64
"""Stands for no leaf. Envoy takes an empty list for "do not compare", which lets in whom the CA vouches for."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


def listed(hashes: Sequence[str], _trusted_ca: str) -> str:
    """One SHA-256 a line, lower-case hex: what HAProxy reads with ``-f``."""
    return "".join(f"{one}\n" for one in hashes)


def envoy(hashes: Sequence[str], trusted_ca: str) -> str:
    """Envoy's secret ``genesys`` (a DiscoveryResponse in JSON): a chain to ``trusted_ca``, and one of these leaves."""
    if not trusted_ca:
        raise RequestRefused("--form envoy needs --trusted-ca, the path of wanted.pem as Envoy sees it")
    context = {"trusted_ca": {"filename": trusted_ca}, "verify_certificate_hash": [*hashes]}
    return (
        json.dumps({"resources": [{"@type": TYPE, "name": "genesys", "validation_context": context}]}, indent=1) + "\n"
    )


FORMS: Mapping[str, Callable[[Sequence[str], str], str]] = {"list": listed, "envoy": envoy}


_PINS = click.option("--pins", required=True, metavar="PATH|s3://…", help="The bundle's pins.json.")


@click.command("pins-to-file")
@_PINS
@click.option("--form", required=True, type=options.Choice(sorted(FORMS)))
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="PATH", help="The file to replace.")
@click.option("--trusted-ca", default="", metavar="PATH", help="For Envoy: wanted.pem, as Envoy sees it.")
@options.session
def command(
    *, pins: str, form: str, output: Path, trusted_ca: str, profile: str | None, region: str | None, as_json: bool
) -> int:
    """Write the SHA-256 of a bundle's pinned leaves for HAProxy (list) or Envoy (doors/README.md).

    Exit code: 0 in step or written, 1 no leaf is pinned: then the file refuses everybody, 3 refused.
    """
    if pins.startswith("s3://"):
        aws.connect(profile, region)
    done = run(decoded(pins, read_file(pins)), form, trusted_ca, output, datetime.now(UTC))
    tell(done, as_json=as_json)
    return Exit.OK if done.leaves else Exit.WARNING


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the file: ``written`` or ``unchanged``, and how many leaves are in it."""

    bundle: str
    file: str
    outcome: str
    leaves: int


def run(wanted: Pins, form: str, trusted_ca: str, output: Path, now: datetime) -> Written:
    """Write the leaves that are pinned at ``now`` (aware UTC). Raises RequestRefused: the file stays."""
    hashes = sorted(in_force(wanted, now))
    if odd := [one for one in hashes if not _SHA256.fullmatch(one)]:
        raise RequestRefused(f"a pin has no SHA-256 but {plain(odd[0], 80)!r}: a proxy is given nothing of this file")
    outcome = _replaced(output, FORMS[form](hashes or [NOBODY], trusted_ca))
    return Written(bundle=plain(wanted.bundle), file=str(output), outcome=outcome, leaves=len(hashes))


def tell(done: Written, *, as_json: bool) -> None:
    """Say what became of the file."""
    if as_json:
        printing.emit(done)
        return
    lines = [f"{done.bundle}  {done.file}", f"{done.outcome}: {done.leaves} leaves"]
    if not done.leaves:
        lines.append("  no leaf is pinned: the door refuses everybody. Compare with the alerts (revoked, expired)")
    printing.write(lines)


def _replaced(path: Path, text: str) -> str:
    """Move a new file over the old one, so that no reader meets half of it. Raises RequestRefused."""
    try:
        if path.exists() and path.read_bytes() == text.encode():
            return "unchanged"
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            new = Path(file.name)
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                new.chmod(0o644)  # the proxy may run as another user
                new.replace(path)
            except OSError:
                new.unlink(missing_ok=True)
                raise
    except (OSError, UnicodeError) as error:
        raise RequestRefused(f"{path} cannot be written: {error}") from error
    return "written"
