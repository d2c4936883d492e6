"""Keep what was delivered, below ``alerts/log/``, for the status page: best effort, after the delivery.

Nothing depends on it, so it may neither fail a delivery nor hold up the next one: it is given a store that gives up
soon, and after a failure it is left alone for a while. What is not kept is missing on the page, and nowhere else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.ports import Clock, ObjectStore

PAUSE = timedelta(minutes=5)
"""How long nothing is kept after a failure."""


class Recording:
    """``AlertSink`` over another one; what that took is kept.

    ``store`` gives one that gives up soon; it is asked for when the first alert was delivered, and not before.
    """

    def __init__(self, sink: AlertSink, store: Callable[[], ObjectStore], clock: Clock) -> None:
        self._sink = sink
        self._store = store
        self._clock = clock
        self._paused: datetime | None = None

    def deliver(self, alert: Alert) -> None:
        """See ``AlertSink``: what the other one raises goes through, and then nothing is kept."""
        self._sink.deliver(alert)
        now = self._clock()
        if self._paused is not None and now < self._paused:
            return
        try:
            self._store().put(keys.told(now, alert.key), msgspec.json.encode(alert), content_type=keys.JSON_TYPE)
            self._paused = None
        except Exception:  # noqa: BLE001  # whatever it is, the alert was delivered
            self._paused = now + PAUSE
