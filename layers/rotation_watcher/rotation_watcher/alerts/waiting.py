"""Which alerts wait, and in which order they are delivered: bounded, the most severe first.

Pure. Nothing that comes in numbers starves anything else: more alerts of one kind than ``SAME_KIND`` become one with a
count, and no kind has more than ``FIRST_FEW`` before the others have had their turn.
"""

from collections.abc import Iterable, Sequence

from rotation_watcher.alerts.model import Alert, Kind, Status, alert_id

SAME_KIND = 4
"""Alerts of one kind that wait one by one: as many as somebody reads. An ordinary rotation makes one of each kind."""
MOST = 24
"""Alerts that wait in one outbox. Each is some 2 KB, at most 10, of state that is rewritten at each change."""
FIRST_FEW = 3
"""Alerts of one kind that are handed over before those of the other kinds, where they are more severe."""
_SUMMARISED = "summarised"
_MORE = " more alerts"
"""How the title of a summary of several kinds ends: it is known by that. No id is so long that a cut could take it."""
_EACH = "Each means something of its own: the status page lists what is open."


def with_alerts(waiting: Sequence[Alert], alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """The outbox with alerts added, bounded; one that waits there already is not added twice.

    Of one condition the newest message waits alone, and says what the former said: what was opened and never delivered
    is not told after its end, and a week without a reader is one mail for each condition.
    """
    known = {alert.key for alert in waiting}
    added = {alert.key: alert for alert in alerts if alert.key not in known}
    newest = {alert.id: alert.key for alert in added.values() if alert.status is not Status.EVENT}
    kept = [alert for alert in (*waiting, *added.values()) if newest.get(alert.id, alert.key) == alert.key]
    return bounded(kept)


def bounded(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """The outbox with no more than SAME_KIND of a kind and MOST in all; the least severe and newest become one."""
    left: list[Alert] = []
    for kind in dict.fromkeys(alert.kind for alert in alerts):
        same = [alert for alert in alerts if alert.kind == kind]
        # An end stands for itself: whoever takes messages as data closes what is open by it.
        left += [alert for alert in same if alert.status is Status.RESOLVED]
        left += _cut([alert for alert in same if alert.status is not Status.RESOLVED], SAME_KIND)
    if {alert.key for alert in left} == {alert.key for alert in alerts}:
        left = [*alerts]  # as they came
    if len(left) <= MOST:
        return tuple(left)
    ends = [alert for alert in left if alert.status is Status.RESOLVED][: MOST - 1]
    others = [alert for alert in left if alert.status is not Status.RESOLVED]
    return (*ends, *(_cut(others, max(0, MOST - 1 - len(ends))) if others else ()))[:MOST]


def _cut(alerts: list[Alert], most: int) -> list[Alert]:
    """The ``most`` of them that come first, and one alert for the rest; a summary that waits already counts them in."""
    single = sorted((one for one in alerts if not _summarised(one)), key=_severity)
    rest = [one for one in alerts if _summarised(one)] + single[most:]
    if len(single) <= most and len(rest) <= 1:
        return alerts
    return [*single[:most], _summary(rest)]


def _summary(alerts: Sequence[Alert]) -> Alert:
    """One for all of them. It speaks of a region, a target, a kind only where all are of that."""
    from rotation_watcher.alerts.builders.wording import (  # noqa: PLC0415  # seldom do many wait
        TITLE,
        count,
        plain,
        stamp,
    )

    first = min(alerts, key=_severity)
    opened = next((one for one in alerts if _summarised(one)), first)
    number = sum(_summarised(one) or 1 for one in alerts)
    earlier = opened.facts if _summarised(opened) else {}
    ordinary = [one for one in alerts if not _summarised(one)]
    told = [_example(one, ordinary) for one in ordinary[: SAME_KIND - len(earlier) + 1]]
    examples = [text for label, text in earlier.items() if label != _SUMMARISED] + told
    source, target, region = (_common(alerts, name) for name in ("source", "target", "region"))
    about = region or target or source or "the watcher"
    like = _common(alerts, "kind") is not None and not opened.title.endswith(_MORE)
    new_id = alert_id(first.kind, source or target or "stack", f"more:{stamp(first.at)}")
    return Alert(
        id=opened.id if _summarised(opened) else new_id,
        kind=first.kind,
        severity=first.severity,
        at=opened.at,
        source=source,
        target=target,
        region=region,
        title=f"{about}: {number} more like '{first.kind}'"[:TITLE] if like else f"{about}: {number}{_MORE}"[:TITLE],
        what_happened=plain(f"{count(number, 'alert')} more came at once and are not reported one by one.", 1000),
        what_it_means=_common(alerts, "what_it_means") or _EACH,
        what_to_do="Read the messages of this kind that came one by one: they say what to do."
        if like
        else "Read the messages that came one by one, and on the status page what is open: they say what to do.",
        facts={_SUMMARISED: str(number)}
        | {f"example {place}": text for place, text in enumerate(examples[:SAME_KIND], start=1)},
    )


def _example(alert: Alert, others: Sequence[Alert]) -> str:
    """Its title; and what it is about, where others have the same: a hundred ways into one target."""
    alike = [one for one in others if one.title == alert.title]
    for label, value in alert.facts.items() if len(alike) > 1 else ():
        if len({one.facts.get(label) for one in alike}) == len(alike):
            return f"{alert.title}: {value}"
    return alert.title


def _common(alerts: Sequence[Alert], name: str) -> str | None:
    """What all of them have there; None where they differ."""
    first, *others = {getattr(alert, name) for alert in alerts}
    return None if others else first


def _summarised(alert: Alert) -> int:
    """How many alerts this one stands for; 0 for an ordinary one."""
    number = alert.facts.get(_SUMMARISED, "")
    return int(number) if ":more:" in alert.id and number.isdigit() else 0


def _severity(alert: Alert) -> int:
    return alert.severity.order


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """The most severe first; of equals the oldest. After FIRST_FEW of a kind the other kinds have their turn."""
    seen: dict[tuple[Kind, str], int] = {}
    placed = []
    for alert in sorted(alerts, key=_severity):
        about = (alert.kind, alert.source or alert.target or "")
        place = seen.get(about, 0)
        seen[about] = place + 1
        placed.append((place // FIRST_FEW, _severity(alert), alert))
    return [alert for _, _, alert in sorted(placed, key=lambda one: one[:2])]
