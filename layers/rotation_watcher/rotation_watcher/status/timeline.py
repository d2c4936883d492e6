"""The timeline picture of a source as plain geometry, in percent of its width: ``page`` draws it.

Every source has the same window around today, so that pictures can be compared with each other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.status.expiry import days_before
from rotation_watcher.status.model import BundleStatus, Certificate, Rules, SourceStatus

BEFORE, AFTER = timedelta(days=120), timedelta(days=410)
"""What the window shows: a leaf lives for 398 days at the most."""
_TICK_MONTHS = 3
_LAST_TICK = 92.0
"""Percent: behind it a label would not fit."""
_ORDER = {"current": 0, "upcoming": 1, "retiring": 2, "trusted": 3, "needed": 4}


class Span(msgspec.Struct, frozen=True):
    """From where to where, in percent. ``cut_left``, ``cut_right``: it goes on outside the window."""

    x: float
    width: float
    cut_left: bool = False
    cut_right: bool = False

    @property
    def end(self) -> float:
        """Where it ends."""
        return round(self.x + self.width, 2)


class Mark(msgspec.Struct, frozen=True):
    """A place with its words."""

    x: float
    words: str


class Row(msgspec.Struct, frozen=True):
    """One certificate: what it is, its validity, the grace of one that retires, and the thresholds before its end."""

    what: str
    state: str
    ends: datetime
    ended: bool
    bar: Span | None
    grace: Span | None
    removed: datetime | None
    thresholds: tuple[Mark, ...]


class Timeline(msgspec.Struct, frozen=True):
    """The picture. ``overlaps``: when the current and the upcoming certificate are both valid."""

    today: float
    ticks: tuple[Mark, ...]
    rows: tuple[Row, ...]
    overlaps: tuple[Span, ...]


def timeline(source: SourceStatus, bundles: Iterable[BundleStatus], rules: Rules, now: datetime) -> Timeline:
    """The picture of one source at a moment."""
    start, end = now - BEFORE, now + AFTER
    shown = [*source.certificates, *source.anchors, *_authorities(source, bundles)]
    shown.sort(key=lambda one: (_ORDER.get(one.state, 9), one.authority or "", one.not_after))
    several = len(source.authorities) > 1
    return Timeline(
        today=_at(now, start, end),
        ticks=_ticks(start, end),
        rows=tuple(_row(one, rules, now, start, end, several=several) for one in shown),
        overlaps=tuple(_overlaps(source.certificates, start, end)),
    )


def _authorities(source: SourceStatus, bundles: Iterable[BundleStatus]) -> list[Certificate]:
    """The CAs that leaves of the source need and that are no anchors of it, each once."""
    known = {one.fingerprint for one in source.anchors}
    mine = {f"{source.id}/{authority}" for authority in source.authorities}
    found: dict[str, Certificate] = {}
    for bundle in bundles:
        for one in bundle.certificates:
            if one.fingerprint not in known and not mine.isdisjoint(one.why):
                found.setdefault(one.fingerprint, one)
    return [*found.values()]


def _row(one: Certificate, rules: Rules, now: datetime, start: datetime, end: datetime, *, several: bool) -> Row:
    words = {"leaf": one.state, "anchor": "trusted root"}.get(one.role)
    words = words or ("root above it" if one.subject == one.issuer else "CA above it")
    what = f"{words}, {one.authority}" if several and one.authority else words
    what = f"{what}, revoked" if one.revoked else what
    retiring = one.role == "leaf" and one.state == "retiring" and one.since is not None and one.until is not None
    told = rules.expiry_days if one.role == "leaf" and one.state != "retiring" else ()
    return Row(
        what=f"{what[:1].upper()}{what[1:]}",
        state=one.state if one.role == "leaf" else "authority",
        ends=one.not_after,
        ended=one.not_after < now,
        bar=_span(one.not_before, one.not_after, start, end),
        grace=_span(one.since, one.until, start, end) if retiring and one.since and one.until else None,
        removed=one.until,
        thresholds=tuple(
            Mark(_at(moment, start, end), f"{days} days before")
            for days in dict.fromkeys(days_before(one.not_before, one.not_after, days) for days in told)
            if start < (moment := _before(one.not_after, days)) < end and moment > one.not_before
        ),
    )


def _before(moment: datetime, days: int) -> datetime:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return moment


def _overlaps(certificates: Sequence[Certificate], start: datetime, end: datetime) -> Iterable[Span]:
    for authority in dict.fromkeys(one.authority for one in certificates):
        mine = [one for one in certificates if one.authority == authority]
        ends = max((one.not_after for one in mine if one.state == "current"), default=None)
        begins = min((one.not_before for one in mine if one.state == "upcoming"), default=None)
        if begins is not None and ends is not None:
            both = _span(begins, ends, start, end)
            if both is not None:
                yield both


def _span(begins: datetime, ends: datetime, start: datetime, end: datetime) -> Span | None:
    """What of it the window shows; None where that is nothing."""
    if ends <= start or begins >= end or ends <= begins:
        return None
    x = _at(max(begins, start), start, end)
    return Span(x, round(_at(min(ends, end), start, end) - x, 2), begins < start, ends > end)


def _at(moment: datetime, start: datetime, end: datetime) -> float:
    return round(100 * ((moment - start) / (end - start)), 2)


def _ticks(start: datetime, end: datetime) -> tuple[Mark, ...]:
    """The first day of every third month; a January bears its year."""
    found = []
    year, month = start.year, start.month
    while (moment := start.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)) < end:
        if moment > start and month % _TICK_MONTHS == 1 and (x := _at(moment, start, end)) < _LAST_TICK:
            found.append(Mark(x, f"{moment:%Y}" if month == 1 else f"{moment:%b}"))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004  # December
    return tuple(found)
