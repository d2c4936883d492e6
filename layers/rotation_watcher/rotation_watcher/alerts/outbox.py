"""Hand alerts over to the sink: at least once, always with the same id."""

from collections.abc import Iterable
from typing import Protocol

from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError


class AlertSink(Protocol):
    """Where alerts go."""

    def deliver(self, alert: Alert) -> None:
        """Hand over one alert; returning means that the sink took it. Raises DeliveryError."""


def deliver(alerts: Iterable[Alert], sink: AlertSink) -> tuple[frozenset[str], tuple[str, ...]]:
    """Deliver what can be delivered; the ids that the sink took, and the errors in words for the rest.

    One alert that the sink refuses does not keep the others waiting.
    """
    taken, errors = set(), []
    for alert in alerts:
        try:
            sink.deliver(alert)
        except DeliveryError as error:
            errors.append(f"{alert.id}: {error}")
        else:
            taken.add(alert.id)
    return frozenset(taken), tuple(errors)
