"""The FIFO queue in front of publish."""

import hashlib
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import of_key
from rotation_watcher.errors import StoreError
from rotation_watcher.expressions import Expression
from rotation_watcher.ports import PublishRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_ALLOWED = Expression(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\]^_`{|}~\\-]{1,128}")
"""What SQS accepts as a deduplication id or message group (SQS API reference, SendMessage)."""


class SqsPublishQueue:
    """``ports.PublishQueue`` and ``ports.ReceivedMessages`` over SQS FIFO."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, request: PublishRequest) -> None:
        """See ``ports.PublishQueue``. The body is ``body_of`` the request."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body_of(request),
                MessageGroupId=_fit(request.group),
                MessageDeduplicationId=_fit(request.deduplication),
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(
                f"cannot enqueue a publish request for {request.target}: {error}{of_key(error)}"
            ) from error

    def acknowledge(self, receipt: str) -> None:
        """See ``ports.ReceivedMessages``."""
        try:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot take a message off the queue: {error}{of_key(error)}") from error

    def postpone(self, receipt: str, seconds: int) -> None:
        """See ``ports.ReceivedMessages``."""
        try:
            self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot put a message of the queue off: {error}") from error


def body_of(request: PublishRequest) -> str:
    """The message's JSON: the target's id, and until when the request is of use (``targets/requests`` decodes it)."""
    body = {"target": request.target} | ({"until": request.until} if request.until else {})
    return msgspec.json.encode(body).decode()


def _fit(text: str) -> str:
    """The text if SQS accepts it, else its SHA-256 in hex: equal texts give equal ids, as an id must."""
    return text if _ALLOWED.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()
