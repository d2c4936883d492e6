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
"""What SQS accepts as a deduplication id or message group (SQS API reference, SendMessage)."""


class SqsPublishQueue:
    """``ports.PublishQueue`` over SQS FIFO."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, request: PublishRequest) -> None:
        """See ``ports.PublishQueue``. The body is ``{"target": "<id>"}``."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=msgspec.json.encode({"target": request.target}).decode(),
                MessageGroupId=_fit(request.group),
                MessageDeduplicationId=_fit(request.deduplication),
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot enqueue a publish request for {request.target}: {error}") from error


def _fit(text: str) -> str:
    """The text if SQS accepts it, else its SHA-256 in hex: equal texts give equal ids, as an id must."""
    return text if _ALLOWED.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()
