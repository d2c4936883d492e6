"""The bucket, through boto3: exact versions and conditional writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.ports import StoredObject, Written

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "404", "NoSuchVersion"}
_LOST = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404"}


class S3Store:
    """``ports.ObjectStore`` over one bucket. Encryption is the bucket's default."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``.

        S3 answers 403 instead of 404 to a role without ListBucket, so AccessDenied counts as absence, unless its words
        speak of KMS or of an explicit deny: then the object may well be there.
        """
        pinned: Any = {"VersionId": version} if version else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **pinned)
            return StoredObject(answer["Body"].read(), answer["ETag"], answer.get("VersionId"))
        except ClientError as error:
            code, words = _code(error), str(error).lower()
            denied = code in {"AccessDenied", "403"} and "kms" not in words and "explicit deny" not in words
            if code in _ABSENT or denied:
                return None
            raise self._failed("read", key, error) from error
        except BotoCoreError as error:
            raise self._failed("read", key, error) from error

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._put(key, body, content_type, {})

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``: 412 says that another writer won, 409 that two were at it at once."""
        return self._put(key, body, content_type, {"IfMatch": etag} if etag else {"IfNoneMatch": "*"})

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return sorted(item["Key"] for page in pages for item in page.get("Contents", []))
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list", prefix, error) from error

    def _put(self, key: str, body: bytes, content_type: str, condition: dict[str, Any]) -> Written:
        try:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                **condition,
            )
        except ClientError as error:
            if condition and _code(error) in _LOST:
                raise Conflict(f"s3://{self._bucket}/{key} was written by somebody else") from error
            raise self._failed("write", key, error) from error
        except BotoCoreError as error:
            raise self._failed("write", key, error) from error
        return Written(answer["ETag"], answer.get("VersionId"))

    def _failed(self, verb: str, key: str, error: Exception) -> StoreError:
        return StoreError(f"cannot {verb} s3://{self._bucket}/{key}: {error}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
