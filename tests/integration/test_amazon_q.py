"""From the queue to Amazon Q's topic: its notifications arrive there, and alarms are not told twice."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.amazon_q import AmazonQTopic
from rotation_watcher.alerts import chat
from rotation_watcher.errors import DeliveryError
from tests.support.alert_examples import DELIVERED
from tests.support.amazon_q import judged
from tests.support.functions import Context, load


class AmazonQ:
    """The embedded AWS with the topic, and a queue that hears what Amazon Q would."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.sns, self._sqs = aws.client("sns"), aws.client("sqs")
        self.topic = self.sns.create_topic(Name="amazon-q")["TopicArn"]
        self._url = self._sqs.create_queue(QueueName="amazon-q")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def heard(self) -> list[dict[str, object]]:
        """Give the notifications since the last call."""
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                found.append(json.loads(json.loads(one["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=one["ReceiptHandle"])
        return found


@pytest.fixture
def amazon_q(monkeypatch: pytest.MonkeyPatch) -> Iterator[AmazonQ]:
    with EmbeddedAws(lambda: datetime.now(UTC)) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "watcher")
        monkeypatch.delenv("SLACK_SECRET_ARN", raising=False)
        found = AmazonQ(aws)
        monkeypatch.setenv("AMAZON_Q_TOPIC_ARN", found.topic)
        yield found


def handled(*bodies: str) -> object:
    records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]
    return load("slack").handler({"Records": records}, Context())


def test_alerts_and_plain_words_are_published_for_amazon_q(amazon_q: AmazonQ) -> None:
    alert = DELIVERED["mtls_off"]
    assert handled(msgspec.json.encode(alert).decode(), "somebody published this") == {"batchItemFailures": []}
    contents = [judged(each) for each in amazon_q.heard()]
    assert {content["description"] for content in contents if "title" not in content} == {"somebody published this"}
    assert [content["title"] for content in contents if "title" in content] == [f"🚨 {alert.title}"]


@pytest.mark.parametrize("state", ["ALARM", "OK", "INSUFFICIENT_DATA"])
def test_an_alarm_is_left_to_cloudwatch_which_publishes_it_there_itself(amazon_q: AmazonQ, state: str) -> None:
    assert handled(json.dumps({"AlarmName": "A", "NewStateValue": state})) == {"batchItemFailures": []}
    assert amazon_q.heard() == []


def test_what_sns_does_not_take_comes_again(amazon_q: AmazonQ) -> None:
    amazon_q.sns.delete_topic(TopicArn=amazon_q.topic)
    assert handled("lost?") == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    with pytest.raises(DeliveryError, match="SNS did not take the notification for Amazon Q"):
        AmazonQTopic(amazon_q.sns, amazon_q.topic).post(chat.of_words("x"))
