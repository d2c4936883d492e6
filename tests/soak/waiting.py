"""The queue in front of publish for ``month``, with the template's properties, and Lambda that takes from it."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import batched
from typing import Any

from local.environment import Environment
from tests.soak.container import Ended
from tests.stack.template import RESOURCES

HIDDEN = timedelta(seconds=RESOURCES["PublishQueue"]["Properties"]["VisibilityTimeout"])
"""For so long is hidden what a run died with."""
QUEUE = RESOURCES["PublishQueue"]["Properties"]
BATCH, ONE_BY_ONE = 50, 5
"""Of more than so many waiting messages a run takes fifty at the most: Lambda would hand over each by itself."""
_AT_ONCE = 10
"""Messages that one call receives or deletes at the most."""
_COMES_BACK = timedelta(seconds=30)
_IDLE = 20
"""So often that is waited for what comes back: ten minutes, for what waits for its turn and not for who was killed."""

type Run = Callable[[dict[str, Any], bool], Ended]
"""One run of publish with an event, of which the flag says whether it dies."""


class Queue:
    """What waits, and what was set aside because its runs died too often.

    ``poison`` is a target at which every run dies; empty: none. ``dead_due`` counts what should have been set aside:
    what was handed over as often as the template allows, the last time to a run that died.
    """

    def __init__(self, environment: Environment, run: Run) -> None:
        self._sqs, self._url, self._clock, self._run = environment.sqs, environment.queue_url, environment.clock, run
        self._dead = str(self._sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])
        asked = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])
        redrive = QUEUE["RedrivePolicy"] | {"deadLetterTargetArn": asked["Attributes"]["QueueArn"]}
        given = {name: str(QUEUE[name]) for name in ("VisibilityTimeout", "MessageRetentionPeriod")}
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes=given | {"RedrivePolicy": json.dumps(redrive)})
        self.dead_due, self.poison = 0, ""

    def drain(self) -> None:
        """Run until nothing is left but what hides for long."""
        idle = 0
        while idle < _IDLE:
            if received := self._receive():
                self._hand_over(received)
            elif self._count(self._url, "NotVisible"):
                idle += 1
                self._clock.advance(_COMES_BACK)
            else:
                return

    def waiting(self) -> int:
        """How many messages there are, hidden ones too."""
        return self._count(self._url, "", "NotVisible")

    def dead(self) -> int:
        """How many were set aside."""
        return self._count(self._dead, "")

    def _receive(self) -> list[dict[str, Any]]:
        """What the next run is given."""
        many = self._count(self._url, "")
        if not self.poison and many > ONE_BY_ONE:
            calls = [_AT_ONCE] * (min(many, BATCH) // _AT_ONCE or 1)
        else:
            calls = [1] if many else []
        return [one for at_once in calls for one in self._received(at_once)]

    def _received(self, many: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=many, AttributeNames=["All"])
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _hand_over(self, received: Sequence[dict[str, Any]]) -> None:
        """One run; what it does not give back is deleted, what it leaves when it dies is hidden for its time."""
        records = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "attributes": one["Attributes"],
                "eventSource": "aws:sqs",
            }
            for one in received
        ]
        dies = bool(self.poison) and any(json.loads(one["Body"])["target"] == self.poison for one in received)
        ended = self._run({"Records": records}, dies)
        if ended.how == "killed":
            times = [int(one["Attributes"]["ApproximateReceiveCount"]) for one in received]
            self.dead_due += sum(one >= QUEUE["RedrivePolicy"]["maxReceiveCount"] for one in times)
        if ended.how != "done":
            return  # a run that fails has taken its messages off the queue
        back = {one["itemIdentifier"] for one in ended.answer["batchItemFailures"]}
        done = [one for one in received if one["MessageId"] not in back]
        for few in batched(done, _AT_ONCE, strict=False):
            entries = [{"Id": one["MessageId"], "ReceiptHandle": one["ReceiptHandle"]} for one in few]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _count(self, url: str, *which: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(found[f"ApproximateNumberOfMessages{name}"]) for name in which)
