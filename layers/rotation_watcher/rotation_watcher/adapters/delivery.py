"""Delivery as the stack has it, one object a run: over SNS and, where there is a bus, as an event too.

Nothing counts as told before somebody can hear it. Before the first alert of a run the topic is asked how many of its
subscriptions are confirmed, so a run with nothing to deliver asks nothing. Without any, and without a bus, every alert
waits in its outbox (``NobodyListens``), and that fails no run. A topic that does not say is taken for heard: a missing
permission must not silence anything.

SNS decides what was told. A bus that does not take an event is reported (``failures``) and repeats no mail.

What people are told later, together with others, is an event at once (``as_event``).
"""

from typing import TYPE_CHECKING

from rotation_watcher.adapters.sns import SnsSink, SnsSubscribers
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut, NobodyListens
from rotation_watcher.ports import Wait

if TYPE_CHECKING:
    from rotation_watcher.adapters.event_bus import EventBus

PAUSE = 0.2
"""Seconds between two messages: AWS switches a mailbox off that gets more than ten a second. A run has five."""


class Delivery:
    """``alerts.outbox.AlertSink`` for one run. ``waiting``: how many alerts wait because nobody can hear them.

    ``failures``: what the bus did not take although SNS did, in words.
    """

    def __init__(self, topic: SnsSink, subscribers: SnsSubscribers, bus: "EventBus | None", wait: Wait) -> None:
        self._topic, self._subscribers, self._bus, self._wait = topic, subscribers, bus, wait
        self._heard: bool | None = None
        self._begun = False
        self._silent: dict[object, DeliveryTimedOut] = {}
        """What did not answer in this run: the next alert would wait as long, at each outbox anew."""
        self.waiting = 0
        self.failures: list[str] = []

    def deliver(self, alert: Alert) -> None:
        """See ``alerts.outbox.AlertSink``. Raises NobodyListens besides."""
        heard = self._is_heard()
        if not heard and self._bus is None:
            self.waiting += 1
            raise NobodyListens("no subscription of the topic is confirmed: see the mailbox, or subscribe anew")
        if self._begun:
            self._wait(PAUSE)
        self._begun = True
        failure = self._as_event(alert)
        if failure is not None and not heard:
            raise failure
        self._hand(self._topic, alert)
        self._note(alert, failure)

    def as_event(self, alert: Alert) -> None:
        """Hand it to the bus alone; a failure is among ``failures``. Raises it where nobody else hears."""
        failure = self._as_event(alert)
        if failure is not None and not self._is_heard():
            raise failure
        self._note(alert, failure)

    def _note(self, alert: Alert, failure: DeliveryError | None) -> None:
        if failure is not None:
            self.failures.append(f"{alert.key}: {failure}")

    def _is_heard(self) -> bool:
        """Whether somebody has confirmed a subscription, asked once a run; a topic that does not say is heard."""
        if self._heard is None:
            try:
                self._heard = self._subscribers.confirmed() != 0
            except DeliveryError:
                self._heard = True
        return self._heard

    def _as_event(self, alert: Alert) -> DeliveryError | None:
        if self._bus is None:
            return None
        try:
            self._hand(self._bus, alert)
        except DeliveryError as error:
            return error
        return None

    def _hand(self, sink: "SnsSink | EventBus", alert: Alert) -> None:
        if sink in self._silent:
            raise self._silent[sink]
        try:
            sink.deliver(alert)
        except DeliveryTimedOut as error:
            self._silent[sink] = error
            raise
