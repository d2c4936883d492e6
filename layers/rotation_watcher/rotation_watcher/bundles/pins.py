"""The pins: the accepted leaves themselves, for those who check identity behind the truststore."""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from rotation_watcher import formats
from rotation_watcher.bundles.wanted import Wanted
from rotation_watcher.clocks import Instant
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.facts import CertificateFacts


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One accepted leaf, for whoever checks identity behind the truststore."""

    certificate: CertificateFacts
    authority: str
    source: str
    region: str
    status: Status
    since: Instant
    until: Instant | None = None


FORMAT = 1
"""The format that this release writes; decision 0019 says when it is raised. Others read this file too."""


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``pins.json``."""

    format: int = FORMAT
    bundle: str
    pins: tuple[Pin, ...]


def pins(bundle_id: str, wanted: Wanted) -> Pins:
    """The pins of a wanted set, sorted by source, authority and fingerprint."""
    listed = [
        Pin(
            certificate=need.certificate.facts,
            authority=need.authority,
            source=need.source,
            region=need.region,
            status=need.state.status,
            since=need.state.since,
            until=need.state.retire_after,
        )
        for need in wanted.needs
    ]
    return Pins(bundle=bundle_id, pins=_ordered(listed))


def decode(data: bytes) -> Pins:
    """The pins in ``data``.

    Raises NewerFormat if a newer release wrote them, one of errors.UNDECODABLE if they are none.
    """
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Pins)


def widened(old: Iterable[Pin], new: Pins, now: datetime, *, without: Collection[str] = ()) -> Pins:
    """The new pins and those of the old ones that have not expired: what must be let in while a target changes.

    ``without`` are the fingerprints of leaves that are let in no longer.
    """
    fresh = {_pin_key(pin) for pin in new.pins}
    old_ones = [pin for pin in old if _pin_key(pin) not in fresh and pin.certificate.fingerprint not in without]
    kept = [pin for pin in old_ones if pin.certificate.not_after >= now]
    return Pins(bundle=new.bundle, pins=_ordered([*new.pins, *kept]))


def _pin_key(pin: Pin) -> tuple[str, str, str]:
    return pin.source, pin.authority, pin.certificate.fingerprint


def _ordered(listed: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(sorted(listed, key=_pin_key))
