"""Writes of S3 objects with nothing special to them, put into moto's state without its web application.

Most changing calls of the watcher are such writes, some with a condition. What has no checksum, is encrypted,
locked, copied, of another storage class or in a bucket with CORS goes moto's way, and so does what its condition or the
bucket's policy refuses. ``tests/contract/test_embedded_plain_writes.py`` holds both ways to one answer and one object.
"""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.s3.models import s3_backends
from moto.s3.utils import metadata_from_headers

from local.aws.calls import Call
from local.aws.plain_reads import plain_bucket

_PLAIN_QUERIES = {"", "x-id=PutObject"}
_TYPE = "text/html; charset=utf-8"
"""Of an answer without a content."""
_ALGORITHM = "X-Amz-Sdk-Checksum-Algorithm"
_USUAL = {
    "Accept-Encoding",
    "Amz-Sdk-Invocation-Id",
    "Amz-Sdk-Request",
    "Authorization",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Host",
    "If-Match",
    "If-None-Match",
    "User-Agent",
    "X-Amz-Content-Sha256",
    "X-Amz-Date",
    "X-Amz-Expected-Bucket-Owner",
    "X-Amz-Tagging",
    _ALGORITHM,
}
"""The headers of a plain write; besides there is the one of its checksum."""


class Write(NamedTuple):
    """A plain write: where, of what, and its headers by their usual names."""

    bucket: str
    key: str
    body: bytes
    region: str
    headers: dict[str, str]

    @property
    def call(self) -> Call:
        """As the log of calls has it."""
        return Call("s3", "PutObject", mutating=True, resource=f"{self.bucket}/{self.key}", region=self.region)


def of(environ: dict[str, Any], body: bytes) -> Write | None:
    """The plain write that a request is; None: it is something else."""
    if environ["REQUEST_METHOD"] != "PUT" or environ.get("QUERY_STRING", "") not in _PLAIN_QUERIES:
        return None
    headers = _headers(environ)
    scope = headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    bucket, _, key = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").lstrip("/").partition("/")
    checksum = f"X-Amz-Checksum-{headers.get(_ALGORITHM, '').title()}"
    if scope[3:] != ["s3", "aws4_request"] or not key or {*headers} - _USUAL != {checksum}:
        return None
    return Write(bucket, key, body, scope[2], headers)


def answer(write: Write) -> tuple[list[tuple[str, str]], bytes] | None:
    """Headers and content of the answer to a write that was carried out; None: moto shall answer."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    bucket = plain_bucket(write.bucket, "s3:PutObject", write.key)
    if bucket is None or bucket.object_lock_enabled or not _allowed(write, backend.get_object(write.bucket, write.key)):
        return None
    algorithm = write.headers[_ALGORITHM]
    name = f"x-amz-checksum-{algorithm.lower()}"
    checksum = write.headers[f"X-Amz-Checksum-{algorithm.title()}"]
    key = backend.put_object(write.bucket, write.key, write.body, storage="STANDARD", checksum_value=checksum)
    key.set_metadata(metadata_from_headers(write.headers))
    key.set_acl(bucket.acl)
    key.checksum_algorithm = algorithm
    if tags := dict(parse_qsl(write.headers.get("X-Amz-Tagging", ""), keep_blank_values=True)):
        backend.put_object_tagging(key, tags)
    headers: dict[str, Any] = {name: checksum} | key.response_dict
    del headers["content-length"]  # the object's
    enriched, _ = BaseResponse._enrich_response(headers, "")  # noqa: SLF001  # the ids of each answer
    enriched.setdefault("Content-Type", _TYPE)
    return [(name, str(value)) for name, value in enriched.items()], b""


def _allowed(write: Write, there: Any) -> bool:
    """Whether the condition holds. Of tags moto judges more than one."""
    match, none_match = write.headers.get("If-Match"), write.headers.get("If-None-Match")
    if "&" in write.headers.get("X-Amz-Tagging", "") or none_match not in {None, "*"}:
        return False
    if match is not None and (there is None or match.replace('"', "") != there.etag.replace('"', "")):
        return False
    return none_match is None or there is None


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    given = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    given |= {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in environ}
    return {name.replace("_", "-").title(): str(value) for name, value in given.items()}
