"""Reads of S3 objects with nothing special to them, answered from moto's state without its web application.

Most calls of the watcher are such reads, and Flask's and moto's way to the object takes ten times as long as the
object. What is conditional, ranged, encrypted, refused, missing or in a bucket with CORS goes moto's way.
``tests/contract/test_embedded_plain_reads.py`` holds both ways to one answer.
"""

import math
from typing import Any, NamedTuple
from urllib.parse import unquote

from moto import settings
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from local.aws.calls import Call

_PLAIN_QUERIES = {"", "x-id=GetObject"}
_SPECIAL = {"HTTP_RANGE", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"}
_XML = "application/xml"
_CHECKSUM_MODE = "HTTP_X_AMZ_CHECKSUM_MODE"


class Read(NamedTuple):
    """A plain read: where, and which version (None: the newest)."""

    bucket: str
    key: str
    version: str | None
    region: str
    checksum: bool

    @property
    def call(self) -> Call:
        """As the log of calls has it."""
        return Call("s3", "GetObject", mutating=False, resource=f"{self.bucket}/{self.key}", region=self.region)


def of(environ: dict[str, Any]) -> Read | None:
    """The plain read that a request is; None: it is something else."""
    if environ["REQUEST_METHOD"] != "GET" or not _SPECIAL.isdisjoint(environ):
        return None
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    bucket, _, key = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").lstrip("/").partition("/")
    query = environ.get("QUERY_STRING", "")
    name, _, version = query.partition("=")
    versioned = name == "versionId" and "&" not in query
    if scope[3:] != ["s3", "aws4_request"] or not key or not (versioned or query in _PLAIN_QUERIES):
        return None
    return Read(
        bucket, key, unquote(version) if versioned else None, scope[2], environ.get(_CHECKSUM_MODE) == "ENABLED"
    )


def answer(read: Read) -> tuple[list[tuple[str, str]], bytes] | None:
    """Headers and content of the object; None: moto shall answer."""
    if plain_bucket(read.bucket, "s3:GetObject", read.key) is None:
        return None
    key = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(read.bucket, read.key, read.version)
    if not isinstance(key, FakeKey) or key.storage_class != "STANDARD" or key.multipart:
        return None
    headers: dict[str, Any] = {} if key.version_id == "null" else {"x-amz-version-id": key.version_id}
    headers |= key.response_dict
    if read.checksum and key.checksum_algorithm:
        headers[f"x-amz-checksum-{key.checksum_algorithm.lower()}"] = key.checksum_value
        headers |= {"x-amz-checksum-type": key.checksum_type} if key.checksum_type else {}
    headers |= dict(key.metadata) | {"Accept-Ranges": "bytes"}
    enriched, content = BaseResponse._enrich_response(headers, key.value)  # noqa: SLF001  # the ids of each answer
    if content and "content-type" not in {name.lower() for name in enriched}:
        enriched["content-type"] = _XML
    return [(name, str(value)) for name, value in enriched.items()], content


def plain_bucket(name: str, action: str, key: str) -> FakeBucket | None:
    """The bucket, where it lets everybody do this to the object, as moto judges it; None: moto shall answer."""
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(name)
    if math.isfinite(settings.INITIAL_NO_AUTH_ACTION_COUNT) or bucket is None or bucket.cors:
        return None
    denied = bucket.get_permission(action, f"arn:{bucket.partition}:s3:::{name}/{key}") == PermissionResult.DENIED
    return None if denied else bucket
