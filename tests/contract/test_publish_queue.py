"""The queue in front of publish: one suite for the fake and for SQS, then what only SQS can do wrong."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.sqs import SqsPublishQueue
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import PublishQueue, PublishRequest
from tests.support.fakes import NOON, RecordingQueue

LOOK = PublishRequest("main", "main-73e2d6bc24d8a067", 'main-use1-"9a0364b9e99bb480dd25e1f0284c8555"')


class Message(NamedTuple):
    """What arrives at publish."""

    target: str
    group: str
    deduplication: str


class Stand(NamedTuple):
    """A queue, and what waits in it."""

    queue: PublishQueue
    waiting: Callable[[], list[Message]]


@pytest.fixture
def url(aws: EmbeddedAws) -> Iterator[str]:
    sqs = aws.client("sqs")
    url = str(sqs.create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])
    yield url
    sqs.delete_queue(QueueUrl=url)


def arrived(aws: EmbeddedAws, url: str) -> list[dict[str, Any]]:
    """Take every message off the queue, group after group."""
    sqs, taken = aws.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10).get("Messages"):
        taken += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return taken


@pytest.fixture(params=["fake", "SQS"])
def stand(request: pytest.FixtureRequest) -> Stand:
    if request.param == "fake":
        fake = RecordingQueue()
        return Stand(fake, lambda: [Message(one.target, one.group, one.deduplication) for one in fake.waiting])
    aws, url = request.getfixturevalue("aws"), request.getfixturevalue("url")

    def waiting() -> list[Message]:
        return [
            Message(
                json.loads(message["Body"])["target"],
                message["Attributes"]["MessageGroupId"],
                message["Attributes"]["MessageDeduplicationId"],
            )
            for message in arrived(aws, url)
        ]

    return Stand(SqsPublishQueue(clients.make("sqs"), url), waiting)


def test_a_request_arrives_with_its_group_and_its_id(stand: Stand) -> None:
    stand.queue.send(LOOK)

    assert stand.waiting() == [Message(LOOK.target, LOOK.group, LOOK.deduplication)]


def test_the_same_request_twice_is_one_message(stand: Stand) -> None:
    stand.queue.send(LOOK)
    stand.queue.send(LOOK)

    assert len(stand.waiting()) == 1


def test_a_new_occasion_is_a_new_message_in_the_order_of_sending(stand: Stand) -> None:
    wishes = [PublishRequest("main", "main", f"main-{number}") for number in range(3)]
    for wish in wishes:
        stand.queue.send(wish)

    assert [message.deduplication for message in stand.waiting()] == [wish.deduplication for wish in wishes]


# What only SQS can do wrong


def test_the_body_says_which_target_and_until_when_it_is_worth_a_run(aws: EmbeddedAws, url: str) -> None:
    queue = SqsPublishQueue(clients.make("sqs"), url)
    queue.send(LOOK)
    queue.send(msgspec.structs.replace(LOOK, until=NOON, deduplication="another"))

    sent = {"target": "main", "until": "2026-11-23T12:00:00Z"}
    assert [json.loads(message["Body"]) for message in arrived(aws, url)] == [{"target": "main"}, sent]


@pytest.mark.parametrize("text", ["x" * 129, "with blank", "ümlaut", "line\nbreak", ""])
def test_ids_that_sqs_would_refuse_are_hashed_alike_for_alike(text: str, aws: EmbeddedAws, url: str) -> None:
    queue = SqsPublishQueue(clients.make("sqs"), url)
    queue.send(PublishRequest("main", text, text))
    queue.send(PublishRequest("main", text, text))
    queue.send(PublishRequest("main", text, f"{text}!"))

    first, second = (message["Attributes"] for message in arrived(aws, url))
    assert re.fullmatch("[0-9a-f]{64}", first["MessageGroupId"])
    assert re.fullmatch("[0-9a-f]{64}", first["MessageDeduplicationId"])
    assert second["MessageGroupId"] == first["MessageGroupId"]
    assert second["MessageDeduplicationId"] != first["MessageDeduplicationId"]


def test_every_character_that_sqs_takes_is_left_as_it_is(aws: EmbeddedAws, url: str) -> None:
    allowed = "aZ09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    SqsPublishQueue(clients.make("sqs"), url).send(PublishRequest("main", allowed, allowed * 2))

    (message,) = arrived(aws, url)
    assert message["Attributes"]["MessageGroupId"] == allowed
    assert message["Attributes"]["MessageDeduplicationId"] == allowed * 2


@pytest.mark.parametrize("code", ["AccessDeniedException", "RequestThrottled", "KmsDisabled"])
def test_a_queue_that_does_not_take_it_is_reported_with_the_target(code: str, aws: EmbeddedAws, url: str) -> None:
    aws.fail_next("sqs", "SendMessage", code)
    with pytest.raises(StoreError, match=rf"cannot enqueue a publish request for main: .*{code}"):
        SqsPublishQueue(aws.client("sqs"), url).send(LOOK)


@pytest.mark.parametrize("code", ["KmsDisabled", "KmsAccessDenied"])
def test_a_queue_whose_key_denies_says_where_to_read_on(code: str, aws: EmbeddedAws, url: str) -> None:
    aws.fail_next("sqs", "SendMessage", code)
    with pytest.raises(StoreError, match="A KMS key is disabled or denies"):
        SqsPublishQueue(aws.client("sqs"), url).send(LOOK)


def test_a_queue_that_is_gone_is_reported(aws: EmbeddedAws, url: str) -> None:
    with pytest.raises(StoreError, match="NonExistentQueue"):
        SqsPublishQueue(aws.client("sqs"), url.replace("publish", "other")).send(LOOK)
