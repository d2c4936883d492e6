"""What the embedded AWS answers to a plain read of an object is what moto's web application answers, word for word."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import plain_reads
from local.aws.server import EmbeddedAws
from tests.support.bucket_policies import deny

OBJECTS: dict[str, dict[str, Any]] = {
    "plain": {"Body": b"content"},
    "empty": {"Body": b""},
    "of-a-type": {"Body": b"{}", "ContentType": "application/json", "CacheControl": "no-store"},
    "with-metadata": {"Body": b"content", "Metadata": {"who": "watcher"}},
    "with-a-checksum": {"Body": b"content", "ChecksumAlgorithm": "SHA256"},
    "encrypted": {"Body": b"content", "ServerSideEncryption": "AES256"},
    "tagged": {"Body": b"content", "Tagging": "a=b"},
    "archived": {"Body": b"content", "StorageClass": "STANDARD_IA"},
}
READS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a range": {"Range": "bytes=0-2"},
    "if it has changed": {"IfNoneMatch": '"no such"'},
    "under another type": {"ResponseContentType": "text/plain"},
}


def answered(aws: EmbeddedAws, bucket: str, key: str, **read: Any) -> tuple[Any, ...]:
    """What there is to see of an answer, and the calls that the log holds of it. No ids, no time of day."""
    aws.calls.clear()
    try:
        got = aws.client("s3").get_object(Bucket=bucket, Key=key, **read)
    except ClientError as error:
        body, meta = error.response["Error"], error.response["ResponseMetadata"]
    else:
        body, meta = got["Body"].read(), got["ResponseMetadata"]
    passing = {"date", "server", "x-amzn-requestid", "x-amz-request-id", "connection"}
    headers = {name: value for name, value in meta["HTTPHeaders"].items() if name not in passing}
    return meta["HTTPStatusCode"], headers, body, [*aws.calls]


@pytest.fixture(params=["plain", "versioned", "with a policy"])
def bucket(request: pytest.FixtureRequest, aws: EmbeddedAws, unused: Callable[[str], str]) -> str:
    made = aws.make_bucket(unused("reads"), versioned=request.param != "plain")
    if request.param == "with a policy":
        deny(aws, made, "s3:GetObject", f"{made}/with-metadata")
    return made


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("key", [*OBJECTS, "missing", "folder/a name+with ü%41"])
def test_both_ways_give_one_answer(
    aws: EmbeddedAws, bucket: str, key: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = aws.client("s3")
    version = None
    if key != "missing":
        version = s3.put_object(Bucket=bucket, Key=key, **OBJECTS.get(key, OBJECTS["plain"])).get("VersionId")
    reads = [READS[read]]
    if version:
        s3.put_object(Bucket=bucket, Key=key, Body=b"newer")
        reads.append(READS[read] | {"VersionId": version})
    ours = [answered(aws, bucket, key, **one) for one in reads]
    monkeypatch.setattr(plain_reads, "of", lambda _: None)
    assert ours == [answered(aws, bucket, key, **one) for one in reads]


def test_a_plain_read_goes_the_short_way(aws: EmbeddedAws, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="plain", Body=b"content")
    monkeypatch.setattr(plain_reads, "answer", lambda read: ([], f"short: {read.key}".encode()))
    assert answered(aws, bucket, "plain")[2] == b"short: plain"


def test_where_a_policy_forbids_or_iam_is_enforced_moto_decides(aws: EmbeddedAws, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="plain", Body=b"content")
    with aws.enforced_iam(), pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="plain")
    deny(aws, bucket, "s3:GetObject", "*")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="plain")


def test_a_fault_that_waits_is_met(aws: EmbeddedAws, bucket: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="plain", Body=b"content")
    aws.fail_next("s3", "GetObject", "SlowDown", 503)
    with pytest.raises(ClientError, match="SlowDown"):
        aws.client("s3").get_object(Bucket=bucket, Key="plain")
