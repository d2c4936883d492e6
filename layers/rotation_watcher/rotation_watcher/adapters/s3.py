"""An S3 bucket through boto3: exact versions and conditional writes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters.aws_errors import SdkError, code, retried, words
from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.ports import StoredObject, Written

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
"""Error codes that mean absence; the last is the answer for a version that is a delete marker."""
_LOST = {"PreconditionFailed", "412", "ConditionalRequestConflict", "OperationAborted", "409", "NoSuchKey", "404"}
"""412: another writer was first; 409: two writes at once; 404: the object to be replaced is gone (S3 user guide)."""
_NO_ABSENCE = ("kms", "explicit deny", "s3:getobject")
"""Words of a 403 that do not mean absence: the object may exist."""


class S3Store:
    """``ports.ObjectStore`` over one bucket in the client's region. Encryption is the bucket's default."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def region(self) -> str:
        """The AWS region of the bucket."""
        return self._client.meta.region_name

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``.

        To a role without ListBucket S3 answers 403 instead of 404, so a plain AccessDenied counts as absence; not one
        that names KMS, an explicit deny, or s3:GetObject.
        """
        pinned: Any = {"VersionId": version} if version else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **pinned)
            return StoredObject(answer["Body"].read(), answer["ETag"], _exact(answer.get("VersionId")))
        except (ClientError, BotoCoreError) as error:
            said = words(error).lower()
            hidden = code(error) == "AccessDenied" and not any(word in said for word in _NO_ABSENCE)
            if hidden or code(error) in _ABSENT:
                return None
            raise self._failed("read", key, error) from error

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        try:
            return self._put(key, body, content_type, {})
        except (ClientError, BotoCoreError) as error:
            raise self._failed("write", key, error) from error

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``.

        If the SDK has retried, the first request may have been carried out and its answer lost: then an object with
        this very content counts as written.
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            return self._put(key, body, content_type, condition)
        except (ClientError, BotoCoreError) as error:
            if code(error) not in _LOST:
                raise self._failed("write", key, error) from error
            if retried(error) and (there := self.get(key)) is not None and there.body == body:
                return Written(there.etag, there.version)
            raise Conflict(f"s3://{self._bucket}/{key} was written by somebody else") from error

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        return sorted(self.etags(prefix))

    def etags(self, prefix: str, *, after: str = "") -> Mapping[str, str]:
        """See ``ports.ObjectStore``."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after
            )
            return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list", prefix, error) from error

    def _put(self, key: str, body: bytes, content_type: str, condition: dict[str, Any]) -> Written:
        answer = self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, ChecksumAlgorithm="SHA256", **condition
        )
        return Written(answer["ETag"], _exact(answer.get("VersionId")))

    def _failed(self, verb: str, key: str, error: SdkError) -> StoreError:
        return StoreError(f"cannot {verb} s3://{self._bucket}/{key}: {error}")


def _exact(version: str | None) -> str | None:
    """The version id, or None for ``null``: that one is overwritten while versioning is suspended."""
    return None if version == "null" else version
