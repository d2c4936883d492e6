"""``python -m local pins-to-file``: the pins of a bundle in the form that a proxy reads."""

import argparse
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local import observing
from local.cli_cloudfront import decoded
from local.observing import Exit
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


def main(argv: Sequence[str]) -> int:
    """Write the file where it differs. Exit code: 0 in step or written, 1 no leaf is pinned, 3 refused."""
    parser = argparse.ArgumentParser(
        prog="python -m local pins-to-file",
        description="Write the SHA-256 of a bundle's pinned leaves for HAProxy (list) or Envoy (doors/README.md)."
        " Exit code: 0 in step or written, 1 no leaf is pinned: then the file refuses everybody, 3 refused.",
    )
    parser.add_argument("--pins", required=True, metavar="PATH|s3://…", help="the bundle's pins.json")
    parser.add_argument("--form", required=True, choices=sorted(FORMS))
    parser.add_argument("--output", required=True, type=Path, metavar="PATH", help="the file to replace")
    parser.add_argument("--trusted-ca", default="", metavar="PATH", help="for Envoy: wanted.pem, as Envoy sees it")
    options = parser.parse_args(argv)
    try:
        wanted = decoded(options.pins, observing.read_file(options.pins))
        return run(wanted, options.form, options.trusted_ca, options.output, datetime.now(UTC))
    except observing.EXPECTED as error:
        return observing.report(error)


def run(wanted: Pins, form: str, trusted_ca: str, output: Path, now: datetime) -> int:
    """Write the leaves that are pinned at ``now`` (aware UTC), and say so. Raises RequestRefused: the file stays."""
    hashes = sorted(in_force(wanted, now))
    if odd := [one for one in hashes if not _SHA256.fullmatch(one)]:
        raise RequestRefused(f"a pin has no SHA-256 but {plain(odd[0], 80)!r}: a proxy is given nothing of this file")
    outcome = _replaced(output, FORMS[form](hashes or [NOBODY], trusted_ca))
    print(f"{plain(wanted.bundle)}  {output}\n{outcome}: {len(hashes)} leaves")
    if not hashes:
        print("  no leaf is pinned: the door refuses everybody. Compare with the alerts (revoked, expired)")
    return Exit.OK if hashes else Exit.WARNING


def _replaced(path: Path, text: str) -> str:
    """Move a new file over the old one, so that no reader meets half of it. Raises RequestRefused."""
    try:
        if path.exists() and path.read_text() == text:
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
