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
    """``ports.PublishQueue`` over SQS FIFO."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, look: PublishRequest) -> None:
        """See ``ports.PublishQueue``. The body says which target, and nothing else."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=msgspec.json.encode({"target": look.target}).decode(),
                MessageGroupId=_fit(look.group),
                MessageDeduplicationId=_fit(look.deduplication),
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot enqueue a look at {look.target}: {error}") from error


def _fit(text: str) -> str:
    """The text where SQS takes it, else its SHA-256: equal for equal texts, which is all that an id must be."""
    return text if _ALLOWED.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()
