"""Alerts over SNS: what each kind of subscriber gets, whom the filters let through, and what does not fit."""

import itertools
import json
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

import boto3
import msgspec
import pytest
from botocore.config import Config

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.sns import SnsSink, SnsSubscribers
from rotation_watcher.alerts import mail
from rotation_watcher.alerts.data import as_json
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.sns_message import LIMIT, message
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut
from tests.support.alert_examples import DELIVERED, EXAMPLES, NOW
from tests.support.fakes import ManualClock

NUMBERS = itertools.count()


class Topic(NamedTuple):
    """A topic, its sink, and a way to subscribe queues: what ``subscribe`` gives takes all messages off the queue."""

    arn: str
    sink: SnsSink
    subscribe: Callable[..., Callable[[], list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def topic(aws: EmbeddedAws) -> Topic:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    arn = str(sns.create_topic(Name=f"alerts-{next(NUMBERS)}")["TopicArn"])

    def subscribe(**attributes: str) -> Callable[[], list[dict[str, Any]]]:
        url = sqs.create_queue(QueueName=f"queue-{next(NUMBERS)}")["QueueUrl"]
        where = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=where, Attributes=attributes)

        def arrived() -> list[dict[str, Any]]:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            return list(answer.get("Messages", []))

        return arrived

    return Topic(arn, SnsSink(sns, arn), subscribe)


@pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
def test_every_alert_arrives_at_a_queue_as_itself(topic: Topic, alert: Alert) -> None:
    arrived = topic.subscribe(RawMessageDelivery="true")
    topic.sink.deliver(alert)

    (letter,) = arrived()
    assert msgspec.json.decode(letter["Body"], type=Alert) == alert


def test_without_raw_delivery_the_envelope_holds_the_subject_and_the_alert(topic: Topic) -> None:
    arrived = topic.subscribe()
    topic.sink.deliver(EXAMPLES["mtls_off"])

    (letter,) = arrived()
    envelope = json.loads(letter["Body"])
    assert envelope["Subject"] == mail.subject(EXAMPLES["mtls_off"])
    assert msgspec.json.decode(envelope["Message"], type=Alert) == EXAMPLES["mtls_off"]


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        (
            "expired",
            {"kind": "expired", "severity": "critical", "status": "event", "region": "us-east-1", "source": "use1"},
        ),
        ("quota_near", {"kind": "quota-near", "severity": "warning", "status": "event", "target": "alb"}),
    ],
)
@pytest.mark.parametrize("stamped", [False, True])
def test_the_attributes_are_those_that_the_alert_has(
    topic: Topic, name: str, attributes: dict[str, str], *, stamped: bool
) -> None:
    if stamped:
        where = {
            "stack": "genesys-watcher",
            "account": "111122223333",
            "environment": "prod",
            "aws_region": "us-east-1",
        }
        attributes = attributes | where
    arrived = topic.subscribe(RawMessageDelivery="true")
    topic.sink.deliver(DELIVERED[name] if stamped else EXAMPLES[name])

    (letter,) = arrived()
    assert {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()} == attributes


def test_an_alert_that_has_everything_has_no_more_attributes_than_a_raw_delivery_takes(topic: Topic) -> None:
    """SNS drops a message with more than ten on its way to such a queue; moto hands it over."""
    arrived = topic.subscribe(RawMessageDelivery="true")
    topic.sink.deliver(msgspec.structs.replace(DELIVERED["expired"], target="alb"))

    (letter,) = arrived()
    assert len(letter["MessageAttributes"]) == 10


def test_a_filter_policy_lets_through_what_it_names(topic: Topic) -> None:
    arrived = topic.subscribe(RawMessageDelivery="true", FilterPolicy=json.dumps({"severity": ["critical"]}))
    for name in ("rotated", "expired", "quota_near"):
        topic.sink.deliver(EXAMPLES[name])

    assert [json.loads(letter["Body"])["kind"] for letter in arrived()] == ["expired"]


def test_an_alarm_comes_by_the_topic_of_alarms_to_whoever_filters_the_alerts(aws: EmbeddedAws) -> None:
    """CloudWatch publishes its message to both topics, and sets no attributes: a filter policy never matches it."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topics = [str(sns.create_topic(Name=f"{name}-{next(NUMBERS)}")["TopicArn"]) for name in ("alerts", "alarms")]

    def subscribed(topic: str, **attributes: str) -> str:
        url = str(sqs.create_queue(QueueName=f"queue-{next(NUMBERS)}")["QueueUrl"])
        where = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        raw = {"RawMessageDelivery": "true", **attributes}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=where, Attributes=raw)
        return url

    def bodies(url: str) -> list[str]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    alerts, alarms = topics
    everything = subscribed(alerts)
    urgent = subscribed(alerts, FilterPolicy=json.dumps({"severity": ["critical"]}))
    dead_man = subscribed(alarms)
    SnsSink(sns, alerts).deliver(EXAMPLES["expired"])
    alarm = json.dumps({"AlarmName": "SilenceAlarm", "NewStateValue": "ALARM"})
    for topic in topics:
        sns.publish(TopicArn=topic, Subject="ALARM: SilenceAlarm", Message=alarm)

    expired = as_json(EXAMPLES["expired"]).decode()
    assert sorted(bodies(everything)) == sorted([expired, alarm])
    assert bodies(urgent) == [expired]
    assert bodies(dead_man) == [alarm]


def test_people_get_the_readable_text_and_machines_the_alert() -> None:
    protocols = json.loads(message(EXAMPLES["expired"]))
    assert protocols["default"] == protocols["email"] == mail.text(EXAMPLES["expired"])
    assert {protocols[name] for name in ("sqs", "lambda", "http", "https")} == {as_json(EXAMPLES["expired"]).decode()}


@pytest.mark.parametrize("sign", ["x", "é", '"', "\n"])
def test_an_alert_with_too_many_facts_loses_the_last_ones_with_a_mark(topic: Topic, sign: str) -> None:
    facts = {f"fact {number:04}": sign * 200 for number in range(4000)}
    arrived = topic.subscribe(RawMessageDelivery="true")
    topic.sink.deliver(msgspec.structs.replace(EXAMPLES["expired"], facts=facts))

    (letter,) = arrived()
    received = msgspec.json.decode(letter["Body"], type=Alert)
    assert received.what_to_do == EXAMPLES["expired"].what_to_do
    assert received.facts["cut"] == "more did not fit into the message"
    kept = list(received.facts)[:-1]
    assert kept == list(facts)[: len(kept)]
    assert len(kept) > 10


@pytest.mark.parametrize("sign", ["x", "é", '"'])
def test_an_alert_with_endless_texts_is_cut_and_delivered(topic: Topic, sign: str) -> None:
    endless = msgspec.structs.replace(EXAMPLES["expired"], what_happened=sign * 300_000, what_it_means=sign * 300_000)
    arrived = topic.subscribe(RawMessageDelivery="true")
    topic.sink.deliver(endless)

    (letter,) = arrived()
    received = msgspec.json.decode(letter["Body"], type=Alert)
    assert received.what_happened.startswith(sign * 100)
    assert received.what_happened.endswith("(cut: too long)")
    assert received.what_to_do == EXAMPLES["expired"].what_to_do
    assert len(message(endless).encode()) <= LIMIT


def test_an_alert_that_fits_is_not_cut() -> None:
    facts = {f"fact {number}": "x" * 200 for number in range(150)}
    protocols = json.loads(message(msgspec.structs.replace(EXAMPLES["expired"], facts=facts)))
    assert json.loads(protocols["sqs"])["facts"] == facts


def test_a_topic_that_is_gone_is_reported_so_that_the_alert_stays_in_its_outbox(aws: EmbeddedAws, topic: Topic) -> None:
    aws.client("sns").delete_topic(TopicArn=topic.arn)
    with pytest.raises(DeliveryError, match=r"SNS did not take the alert: .*NotFound"):
        topic.sink.deliver(EXAMPLES["expired"])


def test_a_service_that_cannot_be_reached_is_reported(aws: EmbeddedAws) -> None:
    del aws  # only its credentials are used
    with socket.socket() as taken:  # bound, but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        sns = clients.make("sns", region="us-east-1", endpoint_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(DeliveryTimedOut, match="SNS does not answer"):
            SnsSink(sns, "arn:aws:sns:us-east-1:111122223333:alerts").deliver(EXAMPLES["expired"])


def test_a_service_that_takes_the_connection_and_says_nothing_is_reported_as_a_time_out(aws: EmbeddedAws) -> None:
    del aws  # only its credentials are used
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        quick = clients.PROMPT.merge(Config(read_timeout=0.2, retries={"total_max_attempts": 1}))
        sns = boto3.client("sns", region_name="us-east-1", endpoint_url=url, config=quick)
        with pytest.raises(DeliveryTimedOut, match="SNS does not answer"):
            SnsSink(sns, "arn:aws:sns:us-east-1:111122223333:alerts").deliver(EXAMPLES["expired"])


def test_a_throttled_alert_is_reported_and_goes_through_later(aws: EmbeddedAws, topic: Topic) -> None:
    aws.fail_next("sns", "Publish", "Throttling")
    with pytest.raises(DeliveryError, match="Throttling"):
        topic.sink.deliver(EXAMPLES["expired"])
    topic.sink.deliver(EXAMPLES["expired"])


def test_who_hears_the_alerts_is_counted_and_a_mailbox_that_has_not_confirmed_is_not(
    topic: Topic, aws: EmbeddedAws
) -> None:
    subscribers = SnsSubscribers(aws.client("sns"), topic.arn)
    assert subscribers.confirmed() == 0
    aws.client("sns").subscribe(TopicArn=topic.arn, Protocol="email", Endpoint="ops@example.com")
    assert subscribers.confirmed() == 0
    topic.subscribe()
    topic.subscribe()
    assert subscribers.confirmed() == 2


def test_a_topic_that_does_not_say_who_is_subscribed_is_no_number(topic: Topic, aws: EmbeddedAws) -> None:
    with pytest.raises(DeliveryError, match="who is subscribed"):
        SnsSubscribers(aws.client("sns"), topic.arn.replace("alerts", "missing")).confirmed()
