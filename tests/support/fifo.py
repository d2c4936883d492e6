"""A FIFO queue of SQS in memory, and Lambda taking from it: as much of both as decides who waits for whom.

``tests/contract/test_fifo_model.py`` holds the queue to the embedded AWS.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rotation_watcher.adapters.sqs import body_of
from rotation_watcher.ports import PublishRequest

type Handler = Callable[[dict[str, Any]], Any]


@dataclass
class Message:
    """One message; ``hidden_until`` None: it was never received."""

    number: int
    body: str
    group: str
    sent: datetime
    receives: int = 0
    hidden_until: datetime | None = None


@dataclass
class Fifo:
    """``ports.PublishQueue`` and ``ports.ReceivedMessages``, as the queue of the template treats its messages.

    The oldest message of a group hides the others of its group until it is deleted; after ``most_receives`` it goes to
    ``dead``. A deduplication id is known for five minutes.
    """

    clock: Callable[[], datetime]
    visibility: timedelta = timedelta(seconds=1800)
    most_receives: int = 3
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    _known: dict[str, datetime] = field(default_factory=dict)
    _numbers: int = 0

    def send(self, look: PublishRequest) -> None:
        """See ``ports.PublishQueue``."""
        self.put(body_of(look), look.group, look.deduplication)

    def acknowledge(self, receipt: str) -> None:
        """See ``ports.ReceivedMessages``."""
        self.waiting = [each for each in self.waiting if str(each.number) != receipt]

    def postpone(self, receipt: str, seconds: int) -> None:
        """See ``ports.ReceivedMessages``."""
        for each in self.waiting:
            if str(each.number) == receipt:
                each.hidden_until = self.clock() + timedelta(seconds=seconds)

    def put(self, body: str, group: str, deduplication: str) -> None:
        """Send whatever body."""
        now = self.clock()
        if deduplication in self._known and now - self._known[deduplication] < timedelta(minutes=5):
            return
        self._known[deduplication] = now
        self._numbers += 1
        self.waiting.append(Message(self._numbers, body, group, now))

    def receive(self) -> Message | None:
        """The oldest message that may be taken, hidden from now on; None where there is none."""
        now, blocked = self.clock(), set[str]()
        for each in tuple(self.waiting):
            if each.group in blocked:
                continue
            if each.hidden_until is not None and now < each.hidden_until:
                blocked.add(each.group)
                continue
            if each.receives >= self.most_receives:
                self.waiting.remove(each)
                self.dead.append(each)
                continue
            each.receives += 1
            each.hidden_until = now + self.visibility
            return each
        return None


def event(message: Message) -> dict[str, Any]:
    """The event by which Lambda hands a message over, as far as publish reads it."""
    return {
        "Records": [
            {
                "messageId": str(message.number),
                "receiptHandle": str(message.number),
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receives), "MessageGroupId": message.group},
            }
        ]
    }


@dataclass
class Poller:
    """Lambda's event source: one message at a time, deleted unless the run raises or names it in its answer.

    ``failed`` counts the runs that raised, as Lambda's metric Errors does.
    """

    queue: Fifo
    handler: Handler
    runs: int = 0
    failed: int = 0

    def drain(self) -> None:
        """Hand over what can be received now."""
        while (message := self.queue.receive()) is not None:
            self.runs += 1
            try:
                answer = json.loads(msgspec.json.encode(self.handler(event(message))))
            except Exception:  # noqa: BLE001  # whatever a function raises, Lambda counts it and leaves the message
                self.failed += 1
                continue
            failures = answer.get("batchItemFailures", []) if isinstance(answer, dict) else []
            if {"itemIdentifier": str(message.number)} not in failures:
                self.queue.acknowledge(str(message.number))
