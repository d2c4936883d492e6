"""What the watcher needs of SQS and SNS, asked of moto: FIFO, filter policies, attributes, a message per protocol."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support.embedded import START


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(VirtualClock(START)) as running:
        yield running


def received(aws: EmbeddedAws, queue: str) -> list[dict[str, Any]]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def subscribed(aws: EmbeddedAws, topic: str, name: str, **attributes: str) -> str:
    sqs = aws.client("sqs")
    queue = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return queue


def attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def test_a_fifo_queue_swallows_a_repeated_deduplication_id(aws: EmbeddedAws) -> None:
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for body, identifier in (("first", "a"), ("again", "a"), ("second", "b")):
        sqs.send_message(
            QueueUrl=queue, MessageBody=body, MessageGroupId=f"group-{identifier}", MessageDeduplicationId=identifier
        )
    messages = received(aws, queue)
    assert [each["Body"] for each in messages] == ["first", "second"]
    assert [each["Attributes"]["MessageGroupId"] for each in messages] == ["group-a", "group-b"]
    assert [each["Attributes"]["MessageDeduplicationId"] for each in messages] == ["a", "b"]


def test_a_fifo_group_is_held_while_one_of_its_messages_is_in_flight(aws: EmbeddedAws) -> None:
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for group, identifier in (("alb", "1"), ("alb", "2"), ("api", "3")):
        sqs.send_message(
            QueueUrl=queue, MessageBody=identifier, MessageGroupId=group, MessageDeduplicationId=identifier
        )
    taken = [sqs.receive_message(QueueUrl=queue).get("Messages", []) for _ in range(3)]
    assert [[each["Body"] for each in batch] for batch in taken] == [["1"], ["3"], []]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=taken[0][0]["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "2"


def test_a_fifo_queue_wants_a_group(aws: EmbeddedAws) -> None:
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="publish.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    with pytest.raises(ClientError, match="MessageGroupId"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", MessageDeduplicationId="a")


def test_message_attributes_reach_the_queue_in_the_envelope(aws: EmbeddedAws) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = subscribed(aws, topic, "all")
    sns.publish(
        TopicArn=topic,
        Subject="Rotated",
        Message="text",
        MessageAttributes={"kind": attribute("rotated"), "severity": attribute("info")},
    )
    (message,) = received(aws, queue)
    envelope = json.loads(message["Body"])
    assert (envelope["Subject"], envelope["Message"], envelope["TopicArn"]) == ("Rotated", "text", topic)
    assert envelope["MessageAttributes"]["kind"] == {"Type": "String", "Value": "rotated"}


def test_raw_delivery_hands_the_attributes_over_as_they_are(aws: EmbeddedAws) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = subscribed(aws, topic, "raw", RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="text", MessageAttributes={"kind": attribute("rotated")})
    (message,) = received(aws, queue)
    assert message["Body"] == "text"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "rotated"


def test_a_filter_policy_lets_only_its_own_through(aws: EmbeddedAws) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    critical = subscribed(aws, topic, "critical", FilterPolicy=json.dumps({"severity": ["critical"]}))
    for severity in ("info", "critical"):
        sns.publish(TopicArn=topic, Message=severity, MessageAttributes={"severity": attribute(severity)})
    assert [json.loads(each["Body"])["Message"] for each in received(aws, critical)] == ["critical"]


@pytest.mark.parametrize(("message", "expected"), [({"sqs": "for sqs"}, "for sqs"), ({"email": "for people"}, "any")])
def test_a_message_per_protocol_arrives_as_the_subscriber_s_own(
    aws: EmbeddedAws, message: dict[str, str], expected: str
) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = subscribed(aws, topic, "structured")
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "any"} | message))
    (got,) = received(aws, queue)
    assert json.loads(got["Body"])["Message"] == expected
