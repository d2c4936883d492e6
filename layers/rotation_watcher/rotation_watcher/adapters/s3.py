"""An S3 bucket through boto3: exact versions and conditional writes."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher import keys
from rotation_watcher.adapters.aws_errors import NO_ANSWER, SdkError, code, of_key, retried, translate, words
from rotation_watcher.errors import (
    BucketUnusable,
    Conflict,
    ObjectTooLarge,
    StoreError,
    TargetBusy,
    TargetError,
    WatcherError,
)
from rotation_watcher.ports import Listed, StoredObject, Version, Written

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
"""Error codes that mean absence; the last is the answer for a version that is a delete marker."""
_LOST = {"PreconditionFailed", "412", "ConditionalRequestConflict", "OperationAborted", "409", "NoSuchKey", "404"}
"""412: another writer was first; 409: two writes at once; 404: the object to be replaced is gone (S3 user guide)."""
MOST = 16 * 1024 * 1024
"""The most bytes of an object that is read: histories, records and people's files have some hundred kilobytes."""
MOST_OF_LISTS = 128 * 1024 * 1024
"""The same below ``crls/``: a revocation list of 50 MB is longer as PEM."""
_PAGES = 10
"""Pages of versions that are asked for at most, of 1,000 each."""
_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
_FORBIDDEN, _NOT_FOUND, _SERVER_ERROR = 403, 404, 500
"""HTTP statuses; from the last one on it may pass unaided."""
_NO_ABSENCE = ("kms", "explicit deny", "s3:getobject")
"""Words of a 403 that do not mean absence: the object may exist."""


class S3Store:
    """``ports.ObjectStore`` over one bucket in the client's region. Encryption is the bucket's default.

    ``owner``: the account to which the bucket must belong, or S3 refuses every call (None: to whatever account).
    """

    _hides = True
    """Whether the role may lack ListBucket, so that a 403 means absence."""

    def __init__(self, client: "S3Client", bucket: str, *, owner: str | None = None) -> None:
        self._client = client
        self._bucket = bucket
        self._named: Any = {"Bucket": bucket} | ({"ExpectedBucketOwner": owner} if owner else {})

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
            answer = self._client.get_object(**self._named, Key=key, **pinned)
            most = MOST_OF_LISTS if key.startswith("crls/") else MOST
            if (size := answer.get("ContentLength", 0)) > most:
                answer["Body"].close()
                raise self._too_large(
                    f"cannot read s3://{self._bucket}/{key}: it holds {size} bytes, at most {most} are read"
                )
            return StoredObject(answer["Body"].read(), answer["ETag"], _exact(answer.get("VersionId")))
        except (ClientError, BotoCoreError) as error:
            said = words(error).lower()
            hidden = code(error) == "AccessDenied" and not any(word in said for word in _NO_ABSENCE)
            if (hidden and self._hides) or code(error) in _ABSENT:
                return None
            raise self._failed("read", key, error) from error

    def _too_large(self, words: str) -> WatcherError:
        return ObjectTooLarge(words)

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
        return sorted(self.listed(prefix))

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """See ``ports.ObjectStore``. A page that ends in what may be skipped is followed by what lies behind that."""
        found: dict[str, Listed] = {}
        try:
            while True:
                page = self._client.list_objects_v2(**self._named, Prefix=prefix, StartAfter=after)
                contents = page.get("Contents", [])
                found |= {item["Key"]: Listed(item["ETag"], item["LastModified"]) for item in contents}
                if most is not None and len(found) > most:
                    raise StoreError(f"s3://{self._bucket}/{prefix} holds more than {most} objects")
                if not page.get("IsTruncated") or not contents:
                    return found
                last = contents[-1]["Key"]
                # No key of ours is just the end of what may be skipped.
                after = next((end for begin, end in skip if begin <= last < end), last)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list", prefix, error) from error

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:
        """See ``ports.ObjectStore``. Of the keys that begin with this one its own come first."""
        versions: list[Version] = []
        marks: list[Version] = []
        newest: set[str | None] = set()
        place: Any = {}
        try:
            for _ in range(_PAGES if until else 1):
                answer = self._client.list_object_versions(**self._named, Prefix=key, **place)
                kept = [one for one in answer.get("Versions", []) if one["Key"] == key]
                gone = [one for one in answer.get("DeleteMarkers", []) if one["Key"] == key]
                versions += [
                    Version(_exact(one["VersionId"]), one["ETag"], one["LastModified"], one["Size"]) for one in kept
                ]
                marks += [Version(_exact(one["VersionId"]), "", one["LastModified"], deleted=True) for one in gone]
                newest |= {_exact(one["VersionId"]) for one in (*kept, *gone) if one["IsLatest"]}
                page = [one["LastModified"] for one in (*kept, *gone)]
                if not answer.get("IsTruncated") or not page or (until and max(page) < until):
                    break
                place = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list the versions of", key, error) from error
        return _in_order(versions, marks, newest)

    def deleted(self, key: str) -> bool:
        """See ``ports.ObjectStore``. S3 says of what is not there whether a delete marker hides it (HeadObject)."""
        try:
            self._client.head_object(**self._named, Key=key)
        except (ClientError, BotoCoreError) as error:
            if _status(error) not in {_NOT_FOUND, _FORBIDDEN}:
                raise self._failed("see whether somebody has deleted", key, error) from error
            headers = error.response["ResponseMetadata"]["HTTPHeaders"] if isinstance(error, ClientError) else {}
            return headers.get("x-amz-delete-marker") == "true"
        return False

    def under_former_key(self, key: str, version: str) -> bool:
        """See ``ports.ObjectStore``. A key is known by its id: S3 shows ARNs, and the bucket's rule may name either."""
        try:
            lies = self._client.head_object(**self._named, Key=key, VersionId=version).get("SSEKMSKeyId")
            given = self._default() if lies else None
        except (ClientError, BotoCoreError) as error:
            raise self._failed("see the encryption of", key, error) from error
        return bool(lies) and given is not None and _id(str(lies)) != given

    def _default(self) -> str | None:
        """The id of the KMS key that encrypts what is put; empty: none does. None: that is not told."""
        try:
            answer = self._client.get_bucket_encryption(**self._named)
        except ClientError as error:
            if code(error) == _NO_ENCRYPTION:
                return ""
            if _status(error) == _FORBIDDEN:
                return None
            raise
        rules = [
            one.get("ApplyServerSideEncryptionByDefault")
            for one in answer["ServerSideEncryptionConfiguration"]["Rules"]
        ]
        rule = next((one for one in rules if one), None)
        if rule is None or not rule["SSEAlgorithm"].startswith("aws:kms"):
            return ""
        named = rule.get("KMSMasterKeyID", "")
        return None if not named or "alias/" in named else _id(named)

    def _put(self, key: str, body: bytes, content_type: str, condition: dict[str, Any]) -> Written:
        """A role that may not tag (a permissions boundary says so) writes without: nothing waits for a tag."""
        given: dict[str, Any] = self._named | {"Key": key, "Body": body, "ContentType": content_type} | condition
        tagging: Any = {"Tagging": urlencode(tags)} if (tags := keys.tags(key)) else {}
        try:
            answer = self._client.put_object(**given, ChecksumAlgorithm="SHA256", **tagging)
        except ClientError as error:
            if not tagging or code(error) != "AccessDenied":
                raise
            answer = self._client.put_object(**given, ChecksumAlgorithm="SHA256")
        return Written(answer["ETag"], _exact(answer.get("VersionId")))

    def _failed(self, verb: str, key: str, error: SdkError) -> WatcherError:
        return StoreError(f"cannot {verb} s3://{self._bucket}/{key}: {error}{of_key(error)}")


PROBE = "targets/.watcher/bundle.pem"
"""What shows that a bucket can be used. No target's folder: an id holds no dot."""
_PROBE = b"By writing and reading this the certificate watcher sees that it can use the bucket.\n"


class RegionBucket(S3Store):
    """The stack's bucket in another region, from which targets there load. What fails here fails at those targets.

    So its methods raise BucketUnusable, or TargetBusy and TargetError for what may pass, where ``ports.ObjectStore``
    says StoreError. The function's role may list it, so a 403 never means absence.
    """

    _hides = False
    _proved = False

    def check(self, *, prove: bool) -> None:
        """Whether it is there, of the right owner and in its region. Raises BucketUnusable, TargetBusy, TargetError.

        ``prove``: see once whether it takes and gives versions too, which writes an object that is not there yet.
        """
        try:
            answer = self._client.head_bucket(**self._named)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("find", "", error) from error
        if (found := answer.get("BucketRegion", self.region)) != self.region:
            raise BucketUnusable(
                f"the bucket {self._bucket} is in {found}, not in {self.region} as its name says, from where targets"
                " there would have to load"
            )
        if prove and not self._proved:
            self._prove()
            self._proved = True

    def _prove(self) -> None:
        """By an object that is written once, and refused from then on."""
        with suppress(Conflict):  # it is there: whoever may not write is refused before that is looked at
            self.put_if(PROBE, _PROBE, etag=None, content_type="text/plain")
        found = self.get(PROBE)
        if found is None or found.version is None:
            raise self._unversioned()

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``; what is put has a version."""
        written = super().put(key, body, content_type=content_type)
        if written.version is None:
            raise self._unversioned()
        return written

    def _too_large(self, words: str) -> WatcherError:
        return TargetError(words)

    def _unversioned(self) -> BucketUnusable:
        return BucketUnusable(f"the bucket {self._bucket}, from which targets of {self.region} load, keeps no versions")

    def _failed(self, verb: str, key: str, error: SdkError) -> WatcherError:
        passing = translate(f"cannot {verb} s3://{self._bucket}/{key}", error)
        if isinstance(passing, TargetBusy) or isinstance(error, NO_ANSWER) or _status(error) >= _SERVER_ERROR:
            return passing
        gone = "does not exist" if _status(error) == _NOT_FOUND else "cannot be used"
        return BucketUnusable(
            f"the bucket {self._bucket}, from which targets of {self.region} load, {gone}: {passing}",
            denied=_status(error) == _FORBIDDEN,
        )


def _id(key: str) -> str:
    return key.rpartition("/")[2]


def _status(error: SdkError) -> int:
    return error.response["ResponseMetadata"].get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0


def _in_order(versions: Sequence[Version], marks: Sequence[Version], newest: Collection[str | None]) -> list[Version]:
    """Both lists as one; each is in order, the newest first.

    Which of two of the same second is the newest, IsLatest alone says. What was uploaded in parts bears the time at
    which that was begun (S3 user guide, object metadata): it is at least as new as what lies below it.
    """
    stored = [*accumulate((one.modified for one in reversed(versions)), max)][::-1]
    both = [*((one.modified, one) for one in marks), *zip(stored, versions, strict=True)]
    in_order = sorted(both, key=lambda placed: (placed[1].id in newest, placed[0]), reverse=True)
    return [one for _, one in in_order]


def _exact(version: str | None) -> str | None:
    """The version id, or None for ``null``: that one is overwritten while versioning is suspended."""
    return None if version == "null" else version
