"""``python -m local pins-to-cloudfront``: bring a CloudFront key value store to a bundle's pins."""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from local import key_value_store, observing
from local.observing import Exit
from rotation_watcher.adapters import clients
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.bundles import cloudfront_pins, pins
from rotation_watcher.bundles.cloudfront_pins import StorePlan
from rotation_watcher.bundles.pins import Pins
from rotation_watcher.errors import UNDECODABLE, Conflict, RequestRefused

ATTEMPTS = 3
"""How often a plan is made anew because somebody else changed the store."""
SERVICE, REGION = "cloudfront-keyvaluestore", "us-east-1"
"""The API is global: any region of the partition ``aws`` leads to it."""


def main(argv: Sequence[str]) -> int:
    """Show or apply. Exit code: 0 in step, 1 something would change or nobody is let in, 2 not proved, 3 refused."""
    parser = argparse.ArgumentParser(
        prog="python -m local pins-to-cloudfront",
        description="Bring a CloudFront key value store to the pins of a bundle, for doors/cloudfront/pin_check.js."
        " Shows what would change; with --apply changes it, on the version that was read, and reads it back."
        " Exit code: 0 in step, 1 something would change or no leaf is pinned, 2 not proved, 3 refused or unreadable.",
    )
    parser.add_argument("--pins", required=True, metavar="PATH|s3://…", help="the bundle's pins.json")
    parser.add_argument("--store", required=True, metavar="ARN", help="the key value store of the connection function")
    parser.add_argument("--apply", action="store_true", help="change the store")
    options = parser.parse_args(argv)
    try:
        wanted = decoded(options.pins, observing.read_file(options.pins))
        client = clients.make(SERVICE, region=REGION)
        with observing.progress("reading the key value store …"):
            return run(wanted, client, options.store, datetime.now(UTC), time.sleep, apply=options.apply)
    except Conflict as error:
        observing.report(error)
        return Exit.CRITICAL
    except observing.EXPECTED as error:
        return observing.report(error)


def decoded(where: str, data: bytes) -> Pins:
    """The pins in a file. Raises RequestRefused that names it, NewerFormat if a newer release wrote it."""
    try:
        return pins.decode(data)
    except UNDECODABLE as error:
        raise RequestRefused(f"{where}: no pins.json of the watcher: {error}") from error


def run(wanted: Pins, client: Any, arn: str, now: datetime, pause: Callable[[float], object], *, apply: bool) -> int:
    """Plan, show, and with ``apply`` change and prove. Raises the errors of ``key_value_store`` and RequestRefused."""
    if not apply:
        planned = cloudfront_pins.plan(wanted, key_value_store.read(client, arn, pause).pairs, now)
        return _shown(wanted, arn, planned, "would-change" if planned.changes else "unchanged")
    planned = _applied(wanted, client, arn, now, pause, ATTEMPTS)
    return _shown(wanted, arn, planned, "updated" if planned.changes else "unchanged")


def _applied(
    wanted: Pins, client: Any, arn: str, now: datetime, pause: Callable[[float], object], attempts: int
) -> StorePlan:
    """The plan that was carried out and proved; made anew where somebody else changed the store meanwhile."""
    held = key_value_store.read(client, arn, pause)
    planned = cloudfront_pins.plan(wanted, held.pairs, now)
    if not planned.changes:
        return planned
    try:
        etag = key_value_store.update(client, arn, held.etag, cloudfront_pins.requests(planned))
    except Conflict:
        if attempts <= 1:
            raise
        return _applied(wanted, client, arn, now, pause, attempts - 1)
    shown = key_value_store.read(client, arn, pause, awaited=etag)
    if cloudfront_pins.plan(wanted, shown.pairs, now).changes:
        raise Conflict(f"{arn}: the update was accepted, and the store does not hold what was put. Run this again")
    return planned


def _shown(wanted: Pins, arn: str, planned: StorePlan, outcome: str) -> int:
    """Print a plan and give the exit code."""
    print(f"{wanted.bundle}  {arn}\n{outcome}")
    for line in _diff(wanted, planned):
        print(line)
    if planned.others:
        print(f"  {planned.others} keys of others, which stay")
    if planned.admits_nobody:
        print("  no leaf is pinned: the door refuses everybody. Compare with the alerts (revoked, expired)")
    return Exit.WARNING if planned.admits_nobody or outcome == "would-change" else Exit.OK


def _diff(wanted: Pins, planned: StorePlan) -> Iterator[str]:
    """A line a leaf, the signs as in ``plan``."""
    about = {pin.certificate.fingerprint: pin.certificate.subject for pin in wanted.pins}
    for sign, leaves in (("+", [*planned.puts]), ("-", planned.deletes), ("=", planned.unchanged)):
        for leaf in leaves:
            ends = msgspec.json.decode(planned.puts[leaf])["sources"] if leaf in planned.puts else {}
            until = ", ".join(f"{source} until {end}" for source, end in ends.items())
            subject = plain(about.get(leaf, ""), 90)
            yield "  ".join(each for each in (f"{sign} {leaf[:16]}", subject, until) if each)
