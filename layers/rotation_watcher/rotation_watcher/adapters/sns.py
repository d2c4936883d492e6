"""Alerts to people: one SNS topic, a message for each protocol."""

from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher import mail
from rotation_watcher.alerts import Alert
from rotation_watcher.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

LIMIT = 250_000
"""Bytes of the whole message; SNS takes 262,144."""


class SnsSink:
    """``ports.AlertSink`` over one topic. E-mail gets the readable text; machines get the alert as JSON.

    The attributes ``kind``, ``severity``, ``region``, ``source`` and ``target`` serve subscription filter policies.
    """

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def deliver(self, alert: Alert) -> None:
        """See ``ports.AlertSink``."""
        attributes: Any = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in (
                ("kind", alert.kind.value),
                ("severity", alert.severity.value),
                ("region", alert.region),
                ("source", alert.source),
                ("target", alert.target),
            )
            if value
        }
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=mail.subject(alert),
                Message=message(alert),
                MessageStructure="json",
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError) as error:
            raise DeliveryError(f"SNS did not take the alert: {error}") from error


def message(alert: Alert) -> str:
    """The per-protocol JSON; an alert too large for SNS loses its last facts, with a mark, rather than its delivery."""
    while True:
        text, data = mail.text(alert), msgspec.json.encode(alert).decode()
        protocols = dict.fromkeys(("lambda", "sqs", "http", "https"), data)
        body = msgspec.json.encode({"default": text, "email": text, **protocols})
        if len(body) <= LIMIT or not alert.facts:
            return body.decode()
        kept = dict(list(alert.facts.items())[: len(alert.facts) // 2])
        alert = msgspec.structs.replace(alert, facts=kept | ({"cut": "more facts did not fit"} if kept else {}))
