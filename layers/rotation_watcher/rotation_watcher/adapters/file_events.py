"""S3's notifications about the operator's files, from the queue that the bucket sends them to."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import FileEvent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef

_LONGEST = 2000
"""Characters of a word of S3's that are kept: a key has 1,024 bytes at most."""
_WAIT = 2
_BATCH = 10


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    principal_id: str = ""


class _Parameters(msgspec.Struct, frozen=True):
    sourceIPAddress: str = ""  # noqa: N815  # S3's own spelling


class _Bucket(msgspec.Struct, frozen=True):
    name: str


class _Object(msgspec.Struct, frozen=True):
    key: str


class _Where(msgspec.Struct, frozen=True):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    """One record of version 2 of S3's message (S3 user guide, "Event message structure"), as far as it is used."""

    event_time: datetime
    s3: _Where
    user_identity: _Identity = _Identity()
    request_parameters: _Parameters = _Parameters()


class _Message(msgspec.Struct, frozen=True):
    """What S3 sends; its first message, a test, has no records."""

    records: tuple[_Record, ...] = msgspec.field(name="Records", default=())


class SqsFileEvents:
    """``ports.FileEvents`` over a standard queue. Only what is said of ``bucket`` counts."""

    def __init__(self, client: "SQSClient", url: str, bucket: str) -> None:
        self._client = client
        self._url = url
        self._bucket = bucket
        self._receipts: list[tuple[str, frozenset[str]]] = []

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """See ``ports.FileEvents``. A message that says nothing of use is received and taken with the others."""
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=_WAIT if wait else 0
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(f"cannot read what S3 says of the operator's files: {error}") from error
        found: list[FileEvent] = []
        for one in answer.get("Messages", []):
            events = [*self._events(one["Body"])]
            self._receipts.append((one["ReceiptHandle"], frozenset(event.key for event in events)))
            found += events
        return found if answer.get("Messages") else None

    def take(self, *, leave: Collection[str] = (), in_time: Callable[[], bool] = lambda: True) -> None:
        """See ``ports.FileEvents``."""
        taken = [receipt for receipt, about in self._receipts if about.isdisjoint(leave)]
        self._receipts = []
        failed = ""
        for some in batched(taken, _BATCH, strict=False):
            if not in_time():
                break
            entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
                {"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(some)
            ]
            try:
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise StoreError(f"cannot take what S3 said of the operator's files off its queue: {error}") from error
            failed = next((one.get("Message", one["Code"]) for one in answer.get("Failed", [])), failed)
        if failed:
            raise StoreError(f"cannot take what S3 said of the operator's files off its queue: {failed}")

    def _events(self, body: str) -> Iterator[FileEvent]:
        try:
            records = msgspec.json.decode(body, type=_Message).records
        except UNDECODABLE:
            return
        for one in records:
            if one.s3.bucket.name == self._bucket and one.event_time.tzinfo is not None:
                yield FileEvent(
                    key=unquote_plus(one.s3.object.key)[:_LONGEST],
                    at=one.event_time,
                    who=one.user_identity.principal_id[:_LONGEST],
                    address=one.request_parameters.sourceIPAddress[:_LONGEST],
                )
