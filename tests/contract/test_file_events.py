"""What S3 says of the operator's files, by way of its queue: one suite for the fake and for SQS behind S3."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.sqs.models import sqs_backends

from local.aws import file_events
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.file_events import SqsFileEvents
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import FileEvent, FileEvents
from tests.support.fakes import FakeFileEvents

NUMBERS = itertools.count()
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Queue:
    """A bucket that tells a queue; ``events`` reads it anew, as the next run does."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws, self.bucket = aws, aws.make_bucket(f"files-{next(NUMBERS)}")
        self.sqs: Any = aws.client("sqs")
        attributes = {"VisibilityTimeout": "100"}
        self.url = self.sqs.create_queue(QueueName=self.bucket, Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        file_events.tell(aws.client("s3"), self.bucket, arn)

    @property
    def events(self) -> SqsFileEvents:
        for message in sqs_backends[self.aws.account][self.aws.region].queues[self.bucket]._messages:
            message.visible_at = 0.0  # the next run begins when what the last one did not take has come back
        return SqsFileEvents(clients.make("sqs"), self.url, self.bucket)

    def put(self, key: str) -> None:
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=b"x")

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)


@pytest.fixture
def queue(aws: EmbeddedAws) -> Queue:
    return Queue(aws)


@pytest.fixture(params=["fake", "SQS"])
def said(request: pytest.FixtureRequest) -> tuple[Callable[[], FileEvents], Callable[[str], None]]:
    """What gives the port to a run, and what writes a file."""
    if request.param == "SQS":
        queue: Queue = request.getfixturevalue("queue")
        return lambda: queue.events, queue.put
    fake = FakeFileEvents()

    def port() -> FileEvents:
        fake.come_back()
        return fake

    return port, lambda key: fake.say(key, AT)


def drained(events: FileEvents) -> list[FileEvent]:
    """All that is said until there is no more for now."""
    found: list[FileEvent] = []
    while (some := events.receive(wait=False)) is not None:
        found += some
    return found


type Said = tuple[Callable[[], FileEvents], Callable[[str], None]]


def test_a_queue_in_which_nothing_is_says_nothing(said: Said) -> None:
    port, _ = said
    events = port()
    assert drained(events) == []
    events.take()


def test_what_was_said_comes_again_until_it_is_taken(said: Said) -> None:
    port, write = said
    write("extra/a b+ü.pem")
    for _ in range(2):
        (event,) = port().receive(wait=False) or ()
        assert event.key == "extra/a b+ü.pem"
        assert event.who.startswith("AWS:A")
        assert event.address
        assert event.at.tzinfo is not None
    events = port()
    events.receive(wait=True)
    events.take()
    assert port().receive(wait=False) is None


def test_many_are_received_and_taken(queue: Queue) -> None:
    for number in range(23):
        queue.put(f"extra/{number}.pem")
    events, found = queue.events, set()
    while (some := events.receive(wait=False)) is not None:
        found |= {one.key for one in some}
    assert len(found) == 23
    events.take()
    told = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert (told["ApproximateNumberOfMessages"], told["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


def test_what_is_left_comes_again_and_nothing_is_taken_out_of_time(said: Said) -> None:
    port, write = said
    write("extra/a.pem")
    write("extra/b.pem")
    events = port()
    assert {one.key for one in drained(events)} == {"extra/a.pem", "extra/b.pem"}
    events.take(in_time=lambda: False)
    events = port()
    drained(events)
    events.take(leave={"extra/b.pem"})
    assert {one.key for one in drained(port())} == {"extra/b.pem"}


def test_two_hundred_messages_are_taken_by_twenty_calls(queue: Queue) -> None:
    bodies = [json.dumps({"Records": [record("another-bucket", number=number)]}) for number in range(200)]
    for ten in itertools.batched(bodies, 10, strict=True):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(ten)]
        assert len(queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)["Successful"]) == 10
    events, before = queue.events, len(queue.aws.calls.of("sqs", "DeleteMessageBatch"))
    assert drained(events) == []
    events.take()
    assert len(queue.aws.calls.of("sqs", "DeleteMessageBatch")) - before <= 21


def test_a_deletion_is_said_and_what_lies_elsewhere_is_not(queue: Queue) -> None:
    queue.put("approvals/0a.json")
    queue.put("sources/use1/history.json")
    queue.aws.client("s3").delete_object(Bucket=queue.bucket, Key="approvals/0a.json")
    assert [one.key for one in queue.events.receive(wait=False) or ()] == ["approvals/0a.json"] * 2


def record(bucket: str, **more: object) -> dict[str, object]:
    where = {"bucket": {"name": bucket}, "object": {"key": "extra/a.pem"}}
    return {"eventTime": "2026-11-23T12:00:00.000Z", "s3": where} | more


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "files"}),
        json.dumps({"Records": [{}]}),
        json.dumps({"Records": [record("another-bucket")]}),
        json.dumps({"Records": [record("files", eventTime="2026-11-23T12:00:00")]}),
        json.dumps({"Records": [record("files", eventTime="yesterday")]}),
    ],
)
def test_a_message_that_says_nothing_of_use_is_taken_and_hides_no_other(queue: Queue, body: str) -> None:
    for _ in range(11):
        queue.send(body.replace('"files"', f'"{queue.bucket}"'))
    queue.put("extra/a.pem")
    events = queue.events
    assert [one.key for one in drained(events)] == ["extra/a.pem"]
    events.take()


def test_a_message_that_does_not_say_who_is_one_all_the_same(queue: Queue) -> None:
    queue.send(json.dumps({"Records": [record(queue.bucket)]}))
    (event,) = queue.events.receive(wait=False) or ()
    assert (event.at, event.who, event.address) == (AT, "", "")


@pytest.mark.parametrize("operation", ["ReceiveMessage", "DeleteMessageBatch"])
def test_a_queue_that_refuses_is_told_in_words(queue: Queue, operation: str) -> None:
    queue.put("extra/a.pem")
    events = queue.events
    queue.aws.fail_next("sqs", operation, "AccessDenied", 403)

    def run() -> None:
        events.receive(wait=False)
        events.take()

    with pytest.raises(StoreError, match="AccessDenied"):
        run()
