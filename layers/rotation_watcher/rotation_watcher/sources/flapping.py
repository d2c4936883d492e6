"""What returns soon after its end flaps: then it is over only when it has been absent for long.

Without that, a source that fails at every third run would be alerted, and be said to be over, thirty times a day; with
it, a failure is alerted twice in a day and over once. What is repaired for good is over as soon as ever.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from rotation_watcher.alerts.conditions import AT_ONCE, Condition, Lasting
from rotation_watcher.clocks import is_future
from rotation_watcher.sources.history import History

WITHIN = timedelta(days=1)
"""What returns within this time of its end flaps, and must then be absent for as long to be over."""


def returned(history: History, key: str, since: datetime) -> bool:
    """Whether a condition that began then had ended shortly before."""
    end = history.ended.get(key)
    return end is not None and timedelta(0) <= since - end < WITHIN


def slowly(history: History, resolves: Callable[[str], Lasting | None]) -> Callable[[str], Lasting | None]:
    """The same judgement of how long a condition must be absent to be over, but slower about those that flap.

    What was never alerted, and what is over at once (a person has settled it), stays as it is.
    """

    def slower(key: str) -> Lasting | None:
        lasting, known = resolves(key), history.conditions[key]
        if lasting is None or lasting == AT_ONCE or known.alerted is None or not returned(history, key, known.since):
            return lasting
        return msgspec.structs.replace(lasting, duration=max(lasting.duration, WITHIN))

    return slower


def ended(
    history: History, conditions: Mapping[str, Condition], over: Iterable[str], now: datetime
) -> dict[str, datetime]:
    """When what was alerted ended, by key: what is ``over`` now, and what ended within the time that matters.

    ``conditions`` are those that are open now.
    """
    kept = {
        key: end
        for key, end in history.ended.items()
        if not is_future(end, now)
        and (now - end < WITHIN or (key in conditions and returned(history, key, conditions[key].since)))
    }
    return kept | dict.fromkeys(over, now)
