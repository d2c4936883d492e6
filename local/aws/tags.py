"""The tags of a bucket that CreateBucket names, which moto drops.

S3 takes them in the configuration of the call (model of botocore 1.44), so a bucket is never without its tags.
"""

from collections.abc import Callable, Mapping
from typing import Any

import xmltodict  # type: ignore[import-untyped]  # moto's own reader
from moto.s3.responses import S3Response


def operations() -> Mapping[str, Callable[..., Any]]:
    """The handler of PUT on a bucket, with the tags of a creation."""
    put = S3Response._bucket_response_put  # noqa: SLF001  # moto's way to all that is put to a bucket

    def bucket_response_put(response: S3Response, request: Any, bucket_name: str, querystring: Any) -> Any:
        answer = put(response, request, bucket_name, querystring)
        if tags := _tags(response.body, querystring):
            response.backend.put_bucket_tagging(bucket_name, tags)
        return answer

    return {"_bucket_response_put": bucket_response_put}


def _tags(body: str | bytes, querystring: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a creation; of another call none."""
    if not body or {*querystring} - {"x-id"}:
        return {}
    wanted = xmltodict.parse(body, force_list=("Tag",)).get("CreateBucketConfiguration") or {}
    return {one["Key"]: one.get("Value") or "" for one in (wanted.get("Tags") or {}).get("Tag", [])}
