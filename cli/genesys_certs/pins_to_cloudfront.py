"""``genesys-certs pins-to-cloudfront``: bring a CloudFront key value store to a bundle's pins."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from genesys_certs import aws, key_value_store, options, output
from genesys_certs.exits import Exit
from genesys_certs.places import read_file
from genesys_certs.problems import Problem
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


@click.command("pins-to-cloudfront")
@click.option("--pins", required=True, metavar="PATH|s3://…", help="The bundle's pins.json.")
@click.option("--store", required=True, metavar="ARN", help="The key value store of the connection function.")
@click.option("--apply", is_flag=True, help="Change the store.")
@options.session
def command(*, pins: str, store: str, apply: bool, profile: str | None, region: str | None, as_json: bool) -> int:
    """Bring a CloudFront key value store to the pins of a bundle, for doors/cloudfront/pin_check.js.

    Shows what would change; with --apply changes it, on the version that was read, and reads it back.

    Exit code: 0 in step, 1 something would change or no leaf is pinned, 2 not proved, 3 refused or unreadable.
    """
    aws.connect(profile, region or (None if pins.startswith("s3://") else REGION))
    wanted = decoded(pins, read_file(pins))
    client = clients.make(SERVICE, region=REGION)
    try:
        with output.progress("reading the key value store …"):
            done = run(wanted, client, store, datetime.now(UTC), time.sleep, apply=apply)
    except Conflict as error:
        raise Problem("not-proved", str(error), "Run it again.", exit_code=Exit.CRITICAL) from error
    tell(done, as_json=as_json)
    return done.code


def decoded(where: str, data: bytes) -> Pins:
    """The pins in a file. Raises RequestRefused that names it, NewerFormat if a newer release wrote it."""
    try:
        return pins.decode(data)
    except UNDECODABLE as error:
        raise RequestRefused(f"{where}: no pins.json of the watcher: {error}") from error


def run(wanted: Pins, client: Any, arn: str, now: datetime, pause: Callable[[float], object], *, apply: bool) -> "Done":
    """Plan, and with ``apply`` change and prove. Raises the errors of ``key_value_store`` and RequestRefused."""
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


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the store: ``would-change``, ``unchanged`` or ``updated``. ``others``: keys of others, kept."""

    bundle: str
    store: str
    outcome: str
    lines: tuple[str, ...]
    others: int
    admits_nobody: bool

    @property
    def code(self) -> Exit:
        """The exit code."""
        return Exit.WARNING if self.admits_nobody or self.outcome == "would-change" else Exit.OK


def _shown(wanted: Pins, arn: str, planned: StorePlan, outcome: str) -> Done:
    return Done(
        bundle=wanted.bundle,
        store=arn,
        outcome=outcome,
        lines=tuple(_diff(wanted, planned)),
        others=planned.others,
        admits_nobody=planned.admits_nobody,
    )


def tell(done: Done, *, as_json: bool) -> None:
    """Say what became of the store."""
    if as_json:
        output.emit(done)
        return
    lines = [f"{done.bundle}  {done.store}", done.outcome, *done.lines]
    if done.others:
        lines.append(f"  {done.others} keys of others, which stay")
    if done.admits_nobody:
        lines.append("  no leaf is pinned: the door refuses everybody. Compare with the alerts (revoked, expired)")
    output.write(lines)


def _diff(wanted: Pins, planned: StorePlan) -> Iterator[str]:
    """A line a leaf, the signs as in ``plan``."""
    about = {pin.certificate.fingerprint: pin.certificate.subject for pin in wanted.pins}
    for sign, leaves in (("+", [*planned.puts]), ("-", planned.deletes), ("=", planned.unchanged)):
        for leaf in leaves:
            ends = msgspec.json.decode(planned.puts[leaf])["sources"] if leaf in planned.puts else {}
            until = ", ".join(f"{source} until {end}" for source, end in ends.items())
            subject = plain(about.get(leaf, ""), 90)
            yield "  ".join(each for each in (f"{sign} {leaf[:16]}", subject, until) if each)
