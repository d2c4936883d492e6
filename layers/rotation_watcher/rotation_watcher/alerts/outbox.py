"""Hand alerts over to the sink, in batches and within the time of a run: at least once, always with the same id.

Contract of ``deliver``: an alert leaves its outbox with its batch, after the sink took it, so a run that is killed
repeats one batch at the most, and each further run gets further.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from rotation_watcher import defects
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.waiting import in_order
from rotation_watcher.deadline import CALL_TAKES, Remaining, unhurried
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut, NobodyListens

BATCH = 10
"""Alerts that are handed over before the outbox is written: what a killed run may repeat."""


class AlertSink(Protocol):
    """Where alerts go."""

    def deliver(self, alert: Alert) -> None:
        """Hand over one alert; returning means that the sink took it.

        Raises DeliveryError, DeliveryTimedOut where it did not answer, so that the next would wait as long, and
        NobodyListens where it waits without being a failure.
        """


class Waiting(msgspec.Struct, frozen=True):
    """One outbox. ``clear`` takes out what was delivered, by key; False: it could not, and no more is tried."""

    alerts: Sequence[Alert]
    clear: Callable[[frozenset[str]], bool]


def deliver(
    outboxes: Sequence[Waiting], sink: AlertSink, remaining: Remaining = unhurried
) -> tuple[tuple[str, ...], ...]:
    """Hand over what can be handed over, of all outboxes together; what was not and why, for each of them.

    One alert that the sink refuses does not keep the others waiting. A sink that does not answer does: then, and when
    the time is up, the rest waits for the next run. What ``clear`` raises goes through.
    """
    owner = {alert.key: place for place, one in enumerate(outboxes) for alert in one.alerts}
    errors: list[list[str]] = [[] for _ in outboxes]
    closed: set[int] = set()
    stopped = ""
    queue = in_order(alert for one in outboxes for alert in one.alerts)
    for start in range(0, len(queue), BATCH):
        taken: dict[int, set[str]] = {}
        for alert in queue[start : start + BATCH]:
            place = owner[alert.key]
            if not stopped and remaining() < CALL_TAKES:
                stopped = "the time of this run is up"
            if stopped or place in closed:
                errors[place].append(
                    f"{alert.id}: waits for the next run ({stopped or 'its outbox cannot be written'})"
                )
                continue
            error, unanswered = _handed_over(alert, sink)
            if error is None:
                taken.setdefault(place, set()).add(alert.key)
            elif error:
                stopped = "the sink does not answer" if unanswered else ""
                errors[place].append(f"{alert.id}: {error}")
        for place, delivered in taken.items():
            if not outboxes[place].clear(frozenset(delivered)):
                closed.add(place)
    return tuple(tuple(one) for one in errors)


def _handed_over(alert: Alert, sink: AlertSink) -> tuple[str | None, bool]:
    """Why the sink did not take the alert (None: it did; empty: it waits), and whether the sink did not answer."""
    try:
        sink.deliver(alert)
    except NobodyListens:
        return "", False
    except DeliveryError as error:
        return str(error), isinstance(error, DeliveryTimedOut)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other alerts go out
        return f"{defects.words(error)} while it was delivered", False
    return None, False
