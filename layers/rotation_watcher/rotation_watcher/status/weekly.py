"""The weekly word out of a status: how everything stands, in few lines. Pure.

What a status quotes of the state (titles of conditions, why an object cannot be read) is for the page: whoever can
write the state could have people told his words (decision record 0037). A mail has kinds, ids and figures instead.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Role
from rotation_watcher.alerts.builders.digest import in_lines
from rotation_watcher.alerts.builders.ending import is_code
from rotation_watcher.alerts.builders.wording import count, days
from rotation_watcher.alerts.model import Alert, Severity
from rotation_watcher.status.gather import ALERTS
from rotation_watcher.status.model import Certificate, Level, NextExpiry, SourceStatus, Status, TargetState
from rotation_watcher.status.verdict import level_of

_NAMES, _SOURCES = 6, 20
_HEADLINES = {Level.GOOD: "all good", Level.LOOK: "look at it", Level.ACT: "act now"}
_WEEK = timedelta(days=7)


def weekly_digest(status: Status, week: str, now: datetime, done: Sequence[Alert] = ()) -> Alert:
    """The weekly digest. ``week``: the day on which it was due (ISO 8601), which tells one from the next.

    ``done``: what took place as it was announced.
    """
    lines = {"verdict": _verdict(status)}
    regions = Counter(one.region for one in status.sources)
    lines |= {
        one.region if regions[one.region] == 1 else f"{one.region} ({one.id})": _source(one, now)
        for one in status.sources[:_SOURCES]
    }
    if len(status.sources) > _SOURCES:
        lines["more regions"] = str(len(status.sources) - _SOURCES)
    lines |= {
        "targets": _targets(status),
        "open alerts": _open(status),
        "quarantine": count(len(status.quarantine)) if status.quarantine else "empty",
        "revocation lists": _lists(status),
        "ends next": _ends(status.next_expiry, now),
        "told in seven days": _told(status, now),
    }
    if done:
        lines["as announced"] = "; ".join(in_lines(done))
    worry = status.verdict.level is not Level.GOOD
    to_do = "Read the alerts that are open, the worst first: the status page lists them, each with what to do."
    headline = _HEADLINES[status.verdict.level]
    return builders.weekly(week=week, verdict=headline, lines=lines, to_do=to_do if worry else "Nothing.", now=now)


def _verdict(status: Status) -> str:
    """The headline: the kind of the worst open alert and whom it is about, and how many reasons there are."""
    words, found = _HEADLINES[status.verdict.level].capitalize(), status.verdict
    if found.level is Level.GOOD:
        return f"{words}."
    known = {
        *(one.id for one in status.sources),
        *(one.id for one in status.targets),
        status.place.stack,
        "the watcher",
    }
    first = next((one for one in status.conditions if level_of(one.severity) is found.level), None)
    if first is None or first.about not in known or not is_code(first.kind):
        return f"{words}: the status page says why"
    number = found.act or found.look
    return f"{words}: {first.kind} of {first.about}" + (f" (1 of {number})" if number > 1 else "")


def _source(source: SourceStatus, now: datetime) -> str:
    if source.problem:
        return "its state cannot be read"
    shown = [one for one in source.certificates if one.state in {"current", "upcoming"}]
    words = ", ".join(_leaf(one, now) for one in sorted(shown, key=lambda one: (one.authority or "", one.not_after)))
    stale = f"; not read since {source.read:%Y-%m-%d %H:%M} UTC" if source.stale and source.read else ""
    return f"{words or 'no certificate is accepted'}{stale}"


def _leaf(leaf: Certificate, now: datetime) -> str:
    return f"{leaf.authority} {leaf.state} until {leaf.not_after:%Y-%m-%d} ({days(leaf.not_after, now)})"


def _targets(status: Status) -> str:
    if not status.targets:
        return "none"
    well = {TargetState.IN_STEP, TargetState.WATCHED}
    others = [one.id for one in status.targets if one.state not in well or one.drift is not None]
    named = ", ".join(others[:_NAMES]) + (f" and {len(others) - _NAMES} more" if len(others) > _NAMES else "")
    rest = f"; not: {named}" if others else ""
    return f"{len(status.targets) - len(others)} of {len(status.targets)} as they should be{rest}"


def _open(status: Status) -> str:
    numbers = Counter(one.severity for one in status.conditions)
    return ", ".join(f"{numbers[one]} {one}" for one in Severity if numbers[one]) or "none"


def _lists(status: Status) -> str:
    overdue = sum(one.overdue for one in status.lists)
    return f"{len(status.lists)} in force, {overdue or 'none'} overdue" if status.lists else "none"


def _ends(expiry: NextExpiry | None, now: datetime) -> str:
    if expiry is None:
        return "nothing that is known"
    successor = "what replaces it is there" if expiry.successor else "nothing replaces it yet"
    return f"{Role(expiry.role).words} of {expiry.of} on {expiry.at:%Y-%m-%d} ({days(expiry.at, now)}; {successor})"


def _told(status: Status, now: datetime) -> str:
    recent = [one for one in status.alerts if now - one.at <= _WEEK]
    more = " or more" if len(recent) == ALERTS else ""
    return f"{count(len(recent), 'message')}{more}" if recent else "nothing"
