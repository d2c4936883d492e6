"""The pins: the accepted leaves themselves, for those who check identity behind the truststore."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import formats
from rotation_watcher.bundles.wanted import Wanted
from rotation_watcher.clocks import Instant
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.facts import CertificateFacts

replace = msgspec.structs.replace


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One accepted leaf, for whoever checks identity behind the truststore.

    ``until``: how long a retiring one stays, by the clock of this file. ``approved``: what an approval lifted for it.
    """

    certificate: CertificateFacts
    authority: str
    source: str
    region: str
    status: Status
    since: Instant
    until: Instant | None = None
    approved: tuple[str, ...] = ()


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
            approved=tuple(sorted({finding.code for finding in need.state.lifted})),
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


def in_force(listed: Pins, now: datetime) -> dict[str, dict[str, datetime]]:
    """The leaves that are pinned at ``now`` (aware UTC), by fingerprint, each with its end for every source."""
    ends: dict[str, dict[str, datetime]] = {}
    for pin in listed.pins:
        last = pin.certificate.not_after
        end = min(pin.until or last, last)
        if end.replace(microsecond=0) > now:
            of_leaf = ends.setdefault(pin.certificate.fingerprint, {})
            of_leaf[pin.source] = max(end, of_leaf.get(pin.source, end))
    return ends


def widened(old: Iterable[Pin], new: Pins, now: datetime, *, without: Collection[str] = ()) -> Pins:
    """The old pins that have not expired, and the new ones that they lack: what must be let in while a target changes.

    ``without`` are the fingerprints of leaves that are let in no longer.
    """
    before = {_pin_key(pin): pin for pin in old}
    added = lacking(before.values(), new)
    fresh, replaced = {_pin_key(pin) for pin in new.pins}, {_pin_key(pin) for pin in added}
    kept = [
        pin
        for key, pin in before.items()
        if key not in replaced
        and (key in fresh or (pin.certificate.fingerprint not in without and pin.certificate.not_after >= now))
    ]
    return Pins(bundle=new.bundle, pins=_ordered([*added, *kept]))


def lacking(old: Iterable[Pin], new: Pins) -> list[Pin]:
    """The new pins that are not among the old ones, or that end later than there."""
    before = {_pin_key(pin): pin for pin in old}
    return [pin for pin in new.pins if (held := before.get(_pin_key(pin))) is None or _ends_before(held, pin)]


def _ends_before(one: Pin, other: Pin) -> bool:
    return one.until is not None and (other.until is None or one.until < other.until)


def narrowed(old: Iterable[Pin], new: Pins, now: datetime, *, grace: timedelta, without: Collection[str] = ()) -> Pins:
    """The new pins, and those of the old ones whose grace is not over by the clock of this file.

    Histories say what retires, and since when; whoever can write one makes it say anything. So a pin leaves only when
    this file has shown its leaf as retiring for ``grace``. ``without``: see ``widened``.
    """
    before = {_pin_key(pin): pin for pin in old}
    fresh = {_pin_key(pin) for pin in new.pins}
    listed = [_clocked(pin, before.get(_pin_key(pin)), now, grace) for pin in new.pins]
    ending = now + grace
    for key, pin in before.items():
        if key in fresh or pin.certificate.fingerprint in without or pin.certificate.not_after < now:
            continue
        if not _clock_runs(pin, ending):
            listed.append(replace(pin, status=Status.RETIRING, since=now, until=ending))
        elif pin.until is not None and pin.until > now:
            listed.append(pin)
    return Pins(bundle=new.bundle, pins=_ordered(listed))


def _clocked(pin: Pin, before: Pin | None, now: datetime, grace: timedelta) -> Pin:
    """The pin of a leaf that is wanted: a retiring one with the later end, the history's or the one in this file.

    What a history gives may fall a little short of the grace: it was written before.
    """
    if pin.status is not Status.RETIRING or before is None:
        return pin
    ending = before.until if _clock_runs(before, now + grace) else now + grace - grace / 10
    if ending is None or (pin.until is not None and pin.until >= ending):
        return pin
    return replace(pin, until=ending if _clock_runs(before, now + grace) else now + grace)


def _clock_runs(pin: Pin, latest: datetime) -> bool:
    """Whether this file has shown it as retiring; an end that nobody can have given it is none."""
    return pin.status is Status.RETIRING and pin.until is not None and pin.until <= latest


def _pin_key(pin: Pin) -> tuple[str, str, str]:
    return pin.source, pin.authority, pin.certificate.fingerprint


def _ordered(listed: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(sorted(listed, key=_pin_key))
