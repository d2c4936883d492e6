"""What the embedded AWS answers to a plain write, and what it then holds, is as moto's web application has it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import plain_writes
from local.aws.server import EmbeddedAws
from tests.support.bucket_policies import deny

WRITES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "of a type": {"ContentType": "application/json"},
    "with another checksum": {"ChecksumAlgorithm": "CRC32"},
    "where nothing is": {"IfNoneMatch": "*"},
    "where something else is": {"IfMatch": '"no such"'},
    "with a tag": {"Tagging": "keep=short"},
    "with an empty tag": {"Tagging": "keep="},
    "with two tags": {"Tagging": "a=b&c=d"},
    "with metadata": {"Metadata": {"who": "watcher"}},
    "for long": {"CacheControl": "no-store"},
    "encrypted": {"ServerSideEncryption": "AES256"},
    "of another class": {"StorageClass": "STANDARD_IA"},
}
KEYS = ("new", "there", "folder/a name+with ü%41")
PASSING = {"date", "server", "connection", "last-modified", "x-amz-version-id", "x-amzn-requestid", "x-amz-request-id"}


def _seen(answer: dict[str, Any]) -> tuple[Any, ...]:
    meta = answer["ResponseMetadata"]
    return meta["HTTPStatusCode"], {name: one for name, one in meta["HTTPHeaders"].items() if name not in PASSING}


def written(aws: EmbeddedAws, bucket: str, key: str, **write: Any) -> tuple[Any, ...]:
    """What there is to see of the answer, the log's calls, and the object, its tags and how many versions there are."""
    s3 = aws.client("s3")
    if key == "there":
        s3.put_object(Bucket=bucket, Key=key, Body=b"former")
    aws.calls.clear()
    given: dict[str, Any] = {"Body": b"content", "ChecksumAlgorithm": "SHA256"} | write
    try:
        answer = s3.put_object(Bucket=bucket, Key=key, **given)
        error = None
    except ClientError as refused:
        answer, error = refused.response, refused.response["Error"]
    said = *_seen(answer), error, [replace(one, resource=one.resource.removeprefix(bucket)) for one in aws.calls]
    try:
        got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except s3.exceptions.NoSuchKey:
        return said
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    owner = s3.get_object_acl(Bucket=bucket, Key=key)["Grants"]
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    return *said, *_seen(got), got["Body"].read(), tags, owner, len(versions)


@pytest.fixture(params=["plain", "versioned", "with a policy"])
def buckets(request: pytest.FixtureRequest, aws: EmbeddedAws, unused: Callable[[str], str]) -> list[str]:
    made = [aws.make_bucket(unused(f"writes-{number}"), versioned=request.param != "plain") for number in range(2)]
    if request.param == "with a policy":
        for one in made:
            deny(aws, one, "s3:PutObject", f"{one}/folder/*")
    return made


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("key", KEYS)
def test_both_ways_give_one_answer_and_one_object(
    aws: EmbeddedAws, buckets: list[str], key: str, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = written(aws, buckets[0], key, **WRITES[write])
    monkeypatch.setattr(plain_writes, "of", lambda *_: None)
    assert ours == written(aws, buckets[1], key, **WRITES[write])


@pytest.mark.parametrize("write", ["as it is", "of a type", "where nothing is", "with a tag", "with another checksum"])
def test_a_plain_write_goes_the_short_way(
    aws: EmbeddedAws, buckets: list[str], write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_writes, "answer", lambda one: ([("ETag", f'"{one.key}"')], b""))
    assert written(aws, buckets[0], "new", **WRITES[write])[1]["etag"] == '"new"'


def test_a_write_over_the_very_version_takes_place_once(aws: EmbeddedAws, buckets: list[str]) -> None:
    s3 = aws.client("s3")
    put = {"Bucket": buckets[0], "Key": "there", "ChecksumAlgorithm": "SHA256"}
    etag = s3.put_object(**put, Body=b"former")["ETag"]
    s3.put_object(**put, Body=b"content", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**put, Body=b"content again", IfMatch=etag)


def test_where_a_policy_forbids_or_iam_is_enforced_moto_decides(aws: EmbeddedAws, buckets: list[str]) -> None:
    s3 = aws.client("s3")
    put = {"Bucket": buckets[0], "Key": "new", "Body": b"content", "ChecksumAlgorithm": "SHA256"}
    with aws.enforced_iam(), pytest.raises(ClientError):
        s3.put_object(**put)
    deny(aws, buckets[0], "s3:PutObject", "*")
    with pytest.raises(ClientError):
        s3.put_object(**put)
