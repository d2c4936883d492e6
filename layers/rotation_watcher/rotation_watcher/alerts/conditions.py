"""What lasts and people should know: a condition opens, is alerted, and is resolved, with debounce on both sides.

Pure, and the only mechanism of its kind: sources and targets keep their open conditions in their state, by key, and ask
``evaluate`` what becomes of them after each run. A condition is alerted when it has been observed often and long
enough, and it is over when it has been absent often and long enough; what flaps between the two stays one condition
with one alert. A run that finds what was found before gives back equal conditions, so that it writes nothing.

Events (a rotation, an update) are not conditions: they have no end, and their alerts are built where they happen.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher.alerts.model import Alert, Status
from rotation_watcher.clocks import Instant, is_future

replace = msgspec.structs.replace


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One open condition; it is part of persisted state.

    ``kind`` is the kind of its alert, as text, so that a release that does not know it keeps it. ``since`` is when it
    was first observed, and part of the alert's id, so that each occurrence has an id of its own. ``observations``
    counts until it is alerted, and from then on how often it came back after an absence. ``alerted`` is when its alert
    was built, None before. ``reason`` is the stable code that was observed last before the alert, where the kind has
    several. ``clear`` and ``clear_since`` count the runs without it since it was last observed.
    """

    kind: str
    since: Instant
    observations: int = 1
    alerted: Instant | None = None
    reason: str | None = None
    clear: int = 0
    clear_since: Instant | None = None


class Lasting(NamedTuple):
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


class Observed(NamedTuple):
    """A condition that one run found. ``alert`` builds its alert, given since when; ``after`` says when it is due.

    ``again`` says whether it is alerted once more, given the reason for which it was alerted before.
    """

    key: str
    kind: str
    alert: Callable[[datetime], Alert]
    after: Lasting = AT_ONCE
    reason: str | None = None
    again: Callable[[str | None], bool] = never_again


class Evaluation(NamedTuple):
    """The conditions after a run, the alerts that are due, and what was alerted and is over now, by key."""

    conditions: dict[str, Condition]
    alerts: tuple[Alert, ...]
    resolved: Mapping[str, Condition]


def unjudged(_: str) -> None:
    """For runs that say nothing about conditions that they did not find."""


def evaluate(
    known: Mapping[str, Condition],
    observed: Iterable[Observed],
    now: datetime,
    *,
    resolves: Callable[[str], Lasting | None],
) -> Evaluation:
    """What becomes of the ``known`` conditions after a run that found ``observed``.

    ``resolves`` says for the key of a condition that was not found how long it must be absent to be over, or None where
    the run does not show it: then it stays as it is. One that was never alerted goes without an alert.
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
        condition = _present(known.get(key), one, now)
        if condition.alerted is not None and one.again(condition.reason):
            # Another condition with another remedy, though the first is not over: it has its own start, and so its own
            # alert, and the all-clear will speak of it.
            condition = Condition(kind=one.kind, since=now, reason=one.reason)
        if condition.alerted is None and one.after.reached(condition.observations, condition.since, now):
            condition = replace(condition, alerted=now)
            alerts.append(replace(one.alert(condition.since), status=Status.OPEN))
        after[key] = condition
    return Evaluation(after, tuple(alerts), resolved)


def without_future_times(condition: Condition, now: datetime) -> Condition:
    """The condition without times from the future: what began there began now, what was alerted there was alerted now.

    As they stand, no duration since them would ever be reached: neither the alert nor the end would come.
    """
    if is_future(condition.since, now):
        condition = replace(condition, since=now)
    if is_future(condition.alerted, now):
        condition = replace(condition, alerted=now)
    if is_future(condition.clear_since, now):
        condition = replace(condition, clear_since=now)
    return condition


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
