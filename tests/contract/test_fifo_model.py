"""The FIFO queue of the in-memory environment against the embedded AWS: who waits for whom, and what comes back."""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import PublishQueue, PublishRequest, ReceivedMessages
from tests.support.fakes import ManualClock
from tests.support.fifo import Fifo


class Received(NamedTuple):
    """One message that was handed over."""

    target: str
    receipt: str
    receives: int


class Stand(NamedTuple):
    """The sender's side, the receiver's side, and the receiving itself (one message, or None)."""

    wishes: PublishQueue
    received: ReceivedMessages
    receive: Callable[[], Received | None]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(ManualClock()) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(params=["model", "SQS"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    if request.param == "model":
        fifo = Fifo(ManualClock())

        def take() -> Received | None:
            one = fifo.receive()
            return None if one is None else Received(json.loads(one.body)["target"], str(one.number), one.receives)

        yield Stand(fifo, fifo, take)
        return
    sqs = request.getfixturevalue("aws").client("sqs")
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "1800"}
    url = str(sqs.create_queue(QueueName="model.fifo", Attributes=attributes)["QueueUrl"])

    def receive() -> Received | None:
        answer = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=1)
        for message in answer.get("Messages", []):
            count = int(message["Attributes"]["ApproximateReceiveCount"])
            return Received(json.loads(message["Body"])["target"], message["ReceiptHandle"], count)
        return None

    adapter = SqsPublishQueue(clients.make("sqs"), url)
    yield Stand(adapter, adapter, receive)
    sqs.delete_queue(QueueUrl=url)


def send(stand: Stand, target: str, group: str) -> None:
    stand.wishes.send(PublishRequest(target, group, target))


def took(stand: Stand) -> Received:
    found = stand.receive()
    assert found is not None
    return found


def test_a_message_under_way_hides_its_group_and_no_other(stand: Stand) -> None:
    send(stand, "a1", "a")
    send(stand, "a2", "a")
    send(stand, "b1", "b")

    assert took(stand).target == "a1"
    assert took(stand).target == "b1"
    assert stand.receive() is None


def test_an_acknowledged_message_is_gone_and_its_group_goes_on(stand: Stand) -> None:
    send(stand, "a1", "a")
    send(stand, "a2", "a")
    stand.received.acknowledge(took(stand).receipt)

    after = took(stand)
    assert (after.target, after.receives) == ("a2", 1)
    assert stand.receive() is None


def test_a_postponed_message_comes_back_before_the_others_of_its_group_and_is_counted(stand: Stand) -> None:
    send(stand, "a1", "a")
    send(stand, "a2", "a")
    stand.received.postpone(took(stand).receipt, 0)

    again = took(stand)
    assert (again.target, again.receives) == ("a1", 2)
    assert stand.receive() is None


def test_a_message_that_is_postponed_for_a_while_keeps_its_group_waiting(stand: Stand) -> None:
    send(stand, "a1", "a")
    send(stand, "a2", "a")
    stand.received.postpone(took(stand).receipt, 300)

    assert stand.receive() is None


# What only SQS can do wrong


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("DeleteMessage", lambda queue: queue.acknowledge("whatever")),
        ("ChangeMessageVisibility", lambda queue: queue.postpone("whatever", 31)),
    ],
)
def test_a_queue_that_refuses_is_reported(
    operation: str, call: Callable[[SqsPublishQueue], None], aws: EmbeddedAws
) -> None:
    sqs = aws.client("sqs")
    url = str(sqs.create_queue(QueueName="refuses.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])
    queue = SqsPublishQueue(sqs, url)
    aws.fail_next("sqs", operation, "AccessDeniedException")
    with pytest.raises(StoreError, match="AccessDeniedException"):
        call(queue)
