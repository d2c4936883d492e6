"""Alerts over one SNS topic."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import NO_ANSWER, of_key
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError, DeliveryTimedOut

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsSink:
    """``alerts.outbox.AlertSink`` over one topic. E-mail gets the readable text, other protocols the alert as JSON.

    For subscription filter policies: the attributes ``kind``, ``severity``, ``status``, ``region`` (of Genesys Cloud),
    ``source`` and ``target``, and ``stack``, ``account``, ``environment``, ``aws_region`` of a stamped alert. Ten are
    the most: SNS drops a message with more on its way to a queue that gets it raw, as the chats' do (its developer
    guide, "Message attributes").
    """

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def deliver(self, alert: Alert) -> None:
        """See ``alerts.outbox.AlertSink``."""
        from rotation_watcher.alerts import mail, sns_message  # noqa: PLC0415  # most runs deliver nothing

        origin = alert.origin
        attributes: Any = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in (
                ("kind", alert.kind.value),
                ("severity", alert.severity.value),
                ("status", alert.status.value),
                ("region", alert.region),
                ("source", alert.source),
                ("target", alert.target),
                ("stack", origin and origin.stack),
                ("account", origin and origin.account),
                ("environment", origin and origin.environment),
                ("aws_region", origin and origin.region),
            )
            if value  # SNS refuses an empty one
        }
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=mail.subject(alert),
                Message=sns_message.message(alert),
                MessageStructure="json",
                MessageAttributes=attributes,
            )
        except NO_ANSWER as error:
            raise DeliveryTimedOut(f"SNS does not answer: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise DeliveryError(f"SNS did not take the alert: {error}{of_key(error)}") from error


class SnsSubscribers:
    """``ports.Subscribers`` of one topic."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def confirmed(self) -> int:
        """See ``ports.Subscribers``."""
        try:
            found = self._client.get_topic_attributes(TopicArn=self._topic)["Attributes"]
            return int(found["SubscriptionsConfirmed"])
        except (ClientError, BotoCoreError, KeyError, ValueError) as error:
            raise DeliveryError(f"SNS does not say who is subscribed: {error}") from error
