"""What lasts and people should know: a condition opens, is reminded of, and is resolved, with debounce on both sides.

Pure, and the only mechanism of its kind: sources and targets keep their open conditions in their state, by key, and ask
``evaluate`` what becomes of them after each run. A condition is alerted when it has been observed often and long
enough, and it is over when it has been absent often and long enough; what flaps between the two stays one condition
with one alert. A run that finds what was found before gives back equal conditions, so that it writes nothing.

One id from the opening to the end (decision record 0037). While it lasts, the alert is built anew at each run: what has
become worse since people were told, or has another remedy, is told at once with the same id (``open`` again); what has
become better is told with the next reminder (``reminder``); the end is told once (``resolved``), by one builder for all
kinds.

Events (a rotation, an update) are not conditions: they have no end, and their alerts are built where they happen.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName, Status, TargetName
from rotation_watcher.clocks import Instant, is_future
from rotation_watcher.config import RemindDays

replace = msgspec.structs.replace

type Subject = SourceName | TargetName | None
"""Whom a condition is about; None: the stack."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One open condition; it is part of persisted state.

    ``kind`` is the kind of its alert, as text, so that a release that does not know it keeps it. ``since`` is when it
    was first observed, and part of the alert's id, so that each occurrence has an id of its own. ``observations``
    counts until it is alerted, and from then on how often it came back after an absence. ``alerted`` is when its alert
    was built, None before. ``reason`` is the stable code that was observed last before it was told last, where the kind
    has several. ``clear`` and ``clear_since`` count the runs without it since it was last observed.

    ``alert`` is the id of all its messages, ``title`` and ``severity`` those of the last one (None: alerted by a
    release that kept none). ``reminded`` is when people were told after the first time, ``reminders`` how often they
    were reminded, ``worse`` the runs in a row that found it worse than was told. Nobody is told what ``title`` says:
    somebody else may have written it.
    """

    kind: str
    since: Instant
    observations: int = 1
    alerted: Instant | None = None
    reason: str | None = None
    clear: int = 0
    clear_since: Instant | None = None
    alert: str | None = None
    title: str | None = None
    severity: Severity | None = None
    reminded: Instant | None = None
    reminders: int = 0
    worse: int = 0


class Lasting(msgspec.Struct, frozen=True):
    """How many observations, and at least how long from the first of them to the last."""

    observations: int = 1
    duration: timedelta = timedelta(0)

    def reached(self, observations: int, since: datetime, now: datetime) -> bool:
        """Whether so many observations since then are enough."""
        return observations >= self.observations and now - since >= self.duration


AT_ONCE = Lasting()


def never_again(_: str | None) -> bool:
    """For conditions of which one reason is as good as another, once people know."""
    return False


class Observed(msgspec.Struct, frozen=True):
    """A condition that one run found. ``alert`` builds its alert, given since when; ``after`` says when it is due.

    ``again`` says whether it is told once more because of another reason, given the one for which it was told before.
    """

    key: str
    kind: str
    alert: Callable[[datetime], Alert]
    after: Lasting = AT_ONCE
    reason: str | None = None
    again: Callable[[str | None], bool] = never_again


class Evaluation(NamedTuple):
    """The conditions after a run, the messages that are due (ends first), and what was alerted and is over, by key."""

    conditions: dict[str, Condition]
    alerts: tuple[Alert, ...]
    resolved: Mapping[str, Condition]


def unjudged(_: str) -> None:
    """For runs that say nothing about conditions that they did not find."""


def the_stack(_: str) -> None:
    """For conditions that are about the stack itself."""


def evaluate(
    known: Mapping[str, Condition],
    observed: Iterable[Observed],
    now: datetime,
    *,
    resolves: Callable[[str], Lasting | None],
    about: Callable[[str], Subject] = the_stack,
    remind: RemindDays = RemindDays(),  # noqa: B008  # frozen
) -> Evaluation:
    """What becomes of the ``known`` conditions after a run that found ``observed``.

    ``resolves`` says for the key of a condition that was not found how long it must be absent to be over, or None where
    the run does not show it: then it stays as it is. One that was never alerted goes without an alert. ``about`` says
    whom a condition of a key is about, for the message about its end. ``remind``: how often people are reminded.
    """
    found = {one.key: one for one in observed}
    after: dict[str, Condition] = {}
    alerts: list[Alert] = []
    resolved: dict[str, Condition] = {}
    known = {key: without_future_times(condition, now) for key, condition in known.items()}
    for key, condition in known.items():
        if key in found:
            continue
        lasting = resolves(key)
        if lasting is None:
            after[key] = condition
            continue
        absent = _absent(condition, lasting, now)
        if not lasting.reached(absent.clear, absent.clear_since or now, now):
            after[key] = absent
        elif condition.alerted is not None:
            resolved[key] = condition
    for key, one in found.items():
        after[key], due = _told(_present(known.get(key), one, now), one, remind, now)
        alerts += due
    return Evaluation(after, (*_ends(resolved, after, found, about, now), *alerts), resolved)


def over(
    conditions: Mapping[str, Condition], about: Callable[[str], Subject], now: datetime, why: str
) -> tuple[Alert, ...]:
    """The ends of all these conditions that were alerted. ``why``: one sentence."""
    alerted = {key: one for key, one in conditions.items() if one.alerted is not None}
    return _ends(alerted, {}, (), about, now, why)


def _told(condition: Condition, one: Observed, remind: RemindDays, now: datetime) -> tuple[Condition, list[Alert]]:
    """A condition that was found, once people were told what is due of it, and the message."""
    if condition.alerted is None:
        if not one.after.reached(condition.observations, condition.since, now):
            return condition, []
        alert = one.alert(condition.since)
        return _as_told(replace(condition, alerted=now, reminded=None), alert, Status.OPEN)
    alert = one.alert(condition.since)
    if condition.alert is None or condition.severity is None:  # alerted by a release that did not keep them
        condition = replace(condition, alert=alert.id, title=alert.title, severity=alert.severity)
    if one.again(condition.reason) or _worse(alert.severity, condition.severity):
        worse = condition.worse + 1
        if worse < one.after.observations:
            return replace(condition, worse=worse), []
        return _as_told(replace(condition, reason=one.reason, reminded=now), alert, Status.OPEN)
    condition = replace(condition, worse=0)
    if not _due(condition, alert.severity, remind, now):
        return condition, []
    number = max(0, condition.reminders) + 1
    from rotation_watcher.alerts.builders import ending  # noqa: PLC0415  # most runs tell nothing

    alert = ending.reminder(alert, condition.since, number)
    return _as_told(replace(condition, reminded=now, reminders=number), alert, Status.REMINDER)


def _as_told(condition: Condition, alert: Alert, status: Status) -> tuple[Condition, list[Alert]]:
    """The condition once this message is on its way. Its id stays the one that was told first."""
    from rotation_watcher.alerts.builders import ending  # noqa: PLC0415  # most runs tell nothing

    alert = replace(alert, id=ending.like(condition.alert, alert.id) or alert.id, status=status)
    return replace(condition, alert=alert.id, title=alert.title, severity=alert.severity, worse=0), [alert]


def _worse(now: Severity, told: Severity | None) -> bool:
    return told is not None and now.order < told.order


def _due(condition: Condition, severity: Severity, remind: RemindDays, now: datetime) -> bool:
    """Whether people are to be reminded: as often as the worse asks of what they were told and what it is now."""
    days = [remind.of(one) for one in (severity, condition.severity) if one and remind.of(one)]
    last = condition.reminded or condition.alerted
    return bool(days) and (last is None or now - last >= timedelta(days=min(days)))


def _ends(
    resolved: Mapping[str, Condition],
    after: Mapping[str, Condition],
    found: Iterable[str],
    about: Callable[[str], Subject],
    now: datetime,
    why: str = "",
) -> tuple[Alert, ...]:
    """The messages about what is over; none where the id is that of another condition that is still open."""
    still = {condition.alert for condition in after.values()}
    opened = [(after[key].kind, after[key].alert) for key in found if after[key].alerted is not None]
    alerts = []
    for key, one in resolved.items():
        subject = about(key)
        if one.alert is not None and one.alert in still:
            continue
        alerts.append(
            builders.resolved(
                subject=subject,
                kind=one.kind,
                opened=one.alert,
                reason=one.reason,
                since=one.since,
                severity=one.severity,
                reminders=one.reminders,
                why=why,
                goes_on=next((known for kind, known in opened if kind == one.kind and known), None),
                now=now,
            )
        )
    return tuple(alerts)


def strange(key: str, subject: Subject, place: str, now: datetime) -> Observed:
    """An outbox, in the object ``place``, holds alerts that the watcher did not write (``ledger``)."""
    return Observed(
        key,
        Kind.STATE_FORGED,
        lambda since: builders.alerts_forged(subject=subject, place=place, since=since, now=now),
    )


def without_future_times(condition: Condition, now: datetime) -> Condition:
    """The condition without times from the future: what began there began now, what was told there counts as not told.

    Nor with counts that no run writes. As they stand, no duration since them would ever be reached: neither the alert
    nor a reminder nor the end would come, and whoever can write them could silence what he likes.
    """
    if is_future(condition.since, now):
        condition = replace(condition, since=now)
    if is_future(condition.alerted, now):
        condition = replace(condition, alerted=None, reminded=None)
    if is_future(condition.reminded, now):
        condition = replace(condition, reminded=None)
    if is_future(condition.clear_since, now):
        condition = replace(condition, clear_since=now)
    counts = (max(1, condition.observations), max(0, condition.clear), max(0, condition.worse))
    return replace(condition, observations=counts[0], clear=counts[1], worse=counts[2])


def _present(condition: Condition | None, one: Observed, now: datetime) -> Condition:
    if condition is None:
        return Condition(kind=one.kind, since=now, reason=one.reason)
    back = condition.clear_since is not None
    if condition.alerted is not None:
        count = condition.observations + back
        return replace(condition, observations=count, clear=0, clear_since=None)
    # Counted no further than it matters, so that waiting for a duration to pass does not write at every run.
    count = max(condition.observations, min(condition.observations + 1, one.after.observations))
    return replace(condition, observations=count, reason=one.reason, clear=0, clear_since=None)


def _absent(condition: Condition, lasting: Lasting, now: datetime) -> Condition:
    count = max(condition.clear, min(condition.clear + 1, lasting.observations))
    return replace(condition, clear=count, clear_since=condition.clear_since or now)
