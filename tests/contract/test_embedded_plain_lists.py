"""What the embedded AWS answers to a listing is what moto's serializer gives, byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import parsers
from moto.s3.responses import S3Response

from local.aws import plain_lists
from local.aws.patching import patched
from local.aws.server import EmbeddedAws

OBJECTS: dict[str, dict[str, Any]] = {
    "a name & <more> ü+%41": {"Body": b"content", "ChecksumAlgorithm": "SHA256"},
    "folder/one": {"Body": b""},
    "folder/two": {"Body": b"content", "StorageClass": "STANDARD_IA"},
}
LISTINGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a page": {"MaxKeys": 1, "StartAfter": "a"},
    "folders": {"Delimiter": "/"},
    "keys as they are": {"EncodingType": "url", "Prefix": "folder/"},
    "with owners": {"FetchOwner": True},
    "nothing": {"Prefix": "no such"},
}


@pytest.mark.parametrize("listing", LISTINGS)
def test_both_ways_give_one_answer(
    aws: EmbeddedAws, unused: Callable[[str], str], listing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, bucket = aws.client("s3"), aws.make_bucket(unused("lists"))
    for key, given in OBJECTS.items():
        s3.put_object(Bucket=bucket, Key=key, **given)
    texts: list[bytes] = []
    parse: Any = parsers.ResponseParser.parse

    def noted(parser: Any, answer: Any, *rest: Any) -> Any:
        texts.append(answer["body"])
        return parse(parser, answer, *rest)

    monkeypatch.setattr(parsers.ResponseParser, "parse", noted)
    ours = s3.list_objects_v2(Bucket=bucket, **LISTINGS[listing])
    with patched(S3Response, {"serialized": moto}):
        theirs = s3.list_objects_v2(Bucket=bucket, **LISTINGS[listing])
    assert texts[0] == texts[1]
    assert ours["KeyCount"] == theirs["KeyCount"]


def moto(response: Any, action: Any) -> Any:
    """moto's own method, which ``S3Response`` inherits."""
    return super(S3Response, response).serialized(action)


def test_a_listing_with_objects_goes_the_short_way(
    aws: EmbeddedAws, unused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    short: Any = plain_lists._object  # what the short way is made of

    def noted(one: Any) -> Any:
        written.append(one["Key"])
        return short(one)

    monkeypatch.setattr(plain_lists, "_object", noted)
    bucket = aws.make_bucket(unused("lists"))
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    aws.client("s3").list_objects_v2(Bucket=bucket)
    assert written == ["a"]
