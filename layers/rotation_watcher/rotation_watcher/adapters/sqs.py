"""The FIFO queue in front of publish."""

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.errors import StoreError
from rotation_watcher.ports import PublishRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_ALLOWED = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\]^_`{|}~\\-]{1,128}")
"""What SQS takes as a deduplication id or message group (SQS API reference, SendMessage)."""


class SqsPublishQueue:
    """``ports.PublishQueue`` and ``ports.ReceivedMessages`` over SQS FIFO."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, look: PublishRequest) -> None:
        """See ``ports.PublishQueue``."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body_of(look),
                MessageGroupId=_fit(look.group),
                MessageDeduplicationId=_fit(look.deduplication),
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot enqueue a look at {look.target}: {error}") from error

    def acknowledge(self, receipt: str) -> None:
        """See ``ports.ReceivedMessages``."""
        try:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot take a message off the queue: {error}") from error

    def postpone(self, receipt: str, seconds: int) -> None:
        """See ``ports.ReceivedMessages``."""
        try:
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot put a message of the queue off: {error}") from error


def body_of(look: PublishRequest) -> str:
    """The message: which target, and until when the look is worth its while (``targets/requests`` decodes it)."""
    body = {"target": look.target} | ({"until": look.until} if look.until else {})
    return msgspec.json.encode(body).decode()


def _fit(text: str) -> str:
    """The text where SQS takes it, else its SHA-256: equal for equal texts, which is all that an id must be."""
    return text if _ALLOWED.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()
