"""What people were told: the alerts that were delivered last, and the conditions that are open, each with its alert."""

from collections.abc import Iterable, Mapping

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.builders.ending import is_code
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert, Severity
from rotation_watcher.alerts.stamping import RUNBOOK
from rotation_watcher.status.model import OpenCondition, ToldAlert
from rotation_watcher.status.reading import Reader

READ = 200
"""Delivered alerts that are read, to find those of conditions that have lasted for long."""
_TEXT = 1000


class Told(msgspec.Struct, frozen=True):
    """The alerts that were delivered: ``last`` are those to be shown, ``all`` those that were read; newest first."""

    last: tuple[ToldAlert, ...]
    all: tuple[ToldAlert, ...]


def last_told(reader: Reader, most: int) -> Told:
    """The last alerts, each message once however often it was delivered."""
    found: dict[tuple[str, str, str], ToldAlert] = {}
    for key, alert in reader.delivered(READ):
        one = _told(key, alert)
        day = f"{one.at:%Y-%m-%d}" if one.status == "reminder" else ""
        found.setdefault((one.id, one.status, day), one)
    listed = tuple(found.values())
    return Told(listed[:most], listed)


def _told(key: str, alert: Alert) -> ToldAlert:
    return ToldAlert(
        at=keys.told_at(key) or alert.at,
        id=plain(alert.id, 400),
        kind=plain(alert.kind, 60),
        severity=alert.severity,
        status=alert.status.value,
        source=alert.source,
        target=alert.target,
        title=plain(alert.title),
        happened=plain(alert.what_happened, _TEXT),
        to_do=lines(alert.what_to_do),
    )


def lines(text: str) -> str:
    """Text whose line breaks count (commands follow the first), each line made harmless."""
    return "\n".join(plain(line, _TEXT) for line in text.split("\n")[:8])


def conditions_of(
    conditions: Mapping[str, Condition], of: str, about: str, told: Iterable[ToldAlert]
) -> list[OpenCondition]:
    """Those of the conditions of a source, a target or the stack that were told, with the words of their alerts."""
    return [_open(one, of, about, told) for one in conditions.values() if one.alerted is not None]


def _open(condition: Condition, of: str, about: str, told: Iterable[ToldAlert]) -> OpenCondition:
    alert = _alert_of(condition, of, about, told)
    kind = plain(condition.kind, 60)
    title = condition.title or (alert.title if alert else f"{about}: {kind.replace('-', ' ')}")
    return OpenCondition(
        kind=kind,
        severity=condition.severity or (alert.severity if alert else Severity.WARNING),
        of=of,
        about=about,
        since=condition.since,
        title=plain(title),
        to_do=alert.to_do if alert else _by_the_runbook(kind),
        alert=alert.id if alert else None,
    )


def _by_the_runbook(kind: str) -> str:
    """For what a thousand others came after, or what was told long ago."""
    return f"The runbook says what to do: {RUNBOOK}#{kind}." if is_code(kind) else ""


def _alert_of(condition: Condition, of: str, about: str, told: Iterable[ToldAlert]) -> ToldAlert | None:
    """The newest alert of a condition: by its id, which delivery has put the stack before, its kind and its subject."""
    if condition.alert is None:
        return None
    return next(
        (
            one
            for one in told
            if one.kind == condition.kind
            and f"/{one.id}".endswith(f"/{condition.alert}")
            and getattr(one, of, about) in {about, None}
        ),
        None,
    )
