"""Keep what was delivered, below ``alerts/log/``, and let what need not be told one by one wait there for a digest.

Of what is told at once nothing depends on the log, so it may neither fail a delivery nor hold up the next one: it is
asked through a store that gives up soon, and after a failure it is left alone for a while. What is not kept is missing
on the page, and nowhere else.

A routine alert is told together with others, by a digest that is made of what is kept here. So it is kept first, in a
store that does not give up soon, and it is delivered only where that worked. The same happens to what comes in numbers:
when ``FEW`` of one kind, severity and status were told within ``SPAN``, the next wait for one message about all of
them, which follows within minutes (``digests``). Whatever goes wrong with that, they are told at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert, Severity, Status
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.errors import DeliveryError, StoreError
from rotation_watcher.keys import Waits
from rotation_watcher.ports import Clock, ObjectStore

PAUSE = timedelta(minutes=5)
"""How long nothing is kept after a failure."""
FEW = 3
"""Alerts of one kind that are told one by one: as many as somebody reads."""
SPAN = timedelta(hours=1)


def nobody(_: Alert) -> None:
    """For stacks in which nothing takes alerts but the sink."""


class Recording:
    """``AlertSink`` over another one; what that took is kept.

    ``store`` is for what waits, ``hasty`` gives one that gives up soon, for the rest; it is asked for when the first
    alert is delivered. ``at_once`` takes what waits, for machines: they want each, and now. What
    it raises (DeliveryError) leaves the alert undelivered.
    """

    def __init__(
        self,
        sink: AlertSink,
        store: ObjectStore,
        hasty: Callable[[], ObjectStore],
        clock: Clock,
        at_once: Callable[[Alert], None] = nobody,
    ) -> None:
        self._sink = sink
        self._store = store
        self._hasty = hasty
        self._clock = clock
        self._at_once = at_once
        self._paused: datetime | None = None
        self._many_until: dict[str, datetime] = {}
        """Until when alerts of a group are many, at least: none of them is told by itself before."""

    def deliver(self, alert: Alert) -> None:
        """See ``AlertSink``: what the other one raises goes through, and then nothing is kept that is told at once."""
        now = self._clock()
        if alert.routine:
            self._let_wait(alert, Waits.ROUTINE, now)
            return
        if self._are_many(alert, now):
            try:
                self._let_wait(alert, Waits.MORE, now)
            except DeliveryError:
                pass  # it is told at once
            else:
                return
        self._sink.deliver(alert)
        self._best_effort(lambda store: self._put(store, alert, Waits.NOT, now), now)

    def _let_wait(self, alert: Alert, waits: Waits, now: datetime) -> None:
        try:
            self._put(self._store, alert, waits, now)
        except StoreError as error:
            raise DeliveryError(f"it cannot be kept for the digest: {error}") from error
        self._at_once(alert)

    def _are_many(self, alert: Alert, now: datetime) -> bool:
        """Whether several like it were told by themselves just before: what is known already is not asked again.

        A fleet that fails as one has a thousand of a kind in one run, and the log of its hour as many keys.
        """
        if alert.alone:
            return False
        group = _group(alert)
        if now < self._many_until.get(group, now):
            return True
        listed: list[str] = []
        after = keys.told_since(now - SPAN)
        self._best_effort(lambda store: listed.extend(store.listed(keys.ALERT_LOG, after=after)), now)
        like_it = (group, Waits.NOT)
        found = (keys.told_at(key) for key in listed if keys.told_of(key) == like_it)
        times = sorted(at for at in found if at is not None and timedelta(0) <= now - at < SPAN)
        if len(times) < FEW:
            return False
        self._many_until[group] = times[-FEW] + SPAN
        return True

    @staticmethod
    def _put(store: ObjectStore, alert: Alert, waits: Waits, now: datetime) -> None:
        key = keys.told(now, alert.key, _group(alert), waits)
        store.put(key, msgspec.json.encode(alert), content_type=keys.JSON_TYPE)

    def _best_effort(self, ask: Callable[[ObjectStore], None], now: datetime) -> None:
        if self._paused is not None and now < self._paused:
            return
        try:
            ask(self._hasty())
            self._paused = None
        except Exception:  # noqa: BLE001  # whatever it is, the alert is delivered
            self._paused = now + PAUSE


def alike(kind: str, status: Status, severity: Severity) -> str:
    """By what alerts are counted together: the group of their keys."""
    from rotation_watcher.alerts.builders.ending import is_code  # noqa: PLC0415  # most runs tell nothing

    return f"{kind if is_code(kind) else 'other'}.{status}.{severity}"


def _group(alert: Alert) -> str:
    return alike(alert.kind, alert.status, alert.severity)
