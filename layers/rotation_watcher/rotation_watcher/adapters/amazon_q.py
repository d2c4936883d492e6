"""Amazon Q Developer in chat applications: custom notifications over an SNS topic of its own."""

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.alerts import amazon_q, chat
from rotation_watcher.alerts.chat import ChatMessage
from rotation_watcher.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class AmazonQTopic:
    """``chat.Chat`` over the topic that the channel's configuration names. Raises DeliveryError.

    An alarm is taken and not published: CloudWatch publishes it to the same topic itself, and Amazon Q shows it in a
    form of its own.
    """

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def post(self, message: ChatMessage) -> None:
        """See ``alerts.chat.Chat``."""
        if message.urgency in chat.ALARMS:
            return
        text = msgspec.json.encode(amazon_q.render(message)).decode()
        try:
            self._client.publish(TopicArn=self._topic, Message=text)
        except (ClientError, BotoCoreError) as error:
            raise DeliveryError(f"SNS did not take the notification for Amazon Q: {error}") from error
