"""What no target loads is written with the tag by which its old versions expire; without it where that is refused."""

import itertools
import json
from typing import Any

import boto3
import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher import keys
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.errors import Conflict, StoreError

NUMBERS = itertools.count()
TAG = [{"Key": "old-versions", "Value": "expire"}]
RECORD, LOADED = "targets/alb-1/record.json", "targets/alb-1/bundle.pem"


@pytest.fixture
def bucket(aws: EmbeddedAws) -> str:
    return aws.make_bucket(f"tags-{next(NUMBERS)}")


def tags(aws: EmbeddedAws, bucket: str, key: str, version: str | None) -> Any:
    return aws.client("s3").get_object_tagging(Bucket=bucket, Key=key, VersionId=version)["TagSet"]


def as_user(aws: EmbeddedAws, bucket: str, *actions: str) -> S3Store:
    """The bucket, as a user of the account has it that may do these."""
    name = f"user-{next(NUMBERS)}"
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": f"arn:aws:s3:::{bucket}*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    return S3Store(clients.make("s3", session=session), bucket)


def test_each_version_of_a_record_bears_the_tag_and_what_a_target_loads_none(aws: EmbeddedAws, bucket: str) -> None:
    store = S3Store(clients.make("s3"), bucket)
    first = store.put(RECORD, b"1", content_type=keys.JSON_TYPE)
    second = store.put_if(RECORD, b"2", etag=first.etag, content_type=keys.JSON_TYPE)
    loaded = store.put(LOADED, b"1", content_type=keys.PEM_TYPE)
    assert [tags(aws, bucket, RECORD, one.version) for one in (first, second)] == [TAG, TAG]
    assert tags(aws, bucket, LOADED, loaded.version) == []


def test_who_may_not_tag_writes_all_the_same_and_under_the_same_condition(aws: EmbeddedAws, bucket: str) -> None:
    store = as_user(aws, bucket, "s3:PutObject", "s3:GetObject")
    with aws.enforced_iam():
        first = store.put_if(RECORD, b"1", etag=None, content_type=keys.JSON_TYPE)
        with pytest.raises(Conflict):
            store.put_if(RECORD, b"2", etag=None, content_type=keys.JSON_TYPE)
        found = store.get(RECORD)
    assert (found and found.body, tags(aws, bucket, RECORD, first.version)) == (b"1", [])


def test_who_may_tag_does(aws: EmbeddedAws, bucket: str) -> None:
    store = as_user(aws, bucket, "s3:PutObject", "s3:PutObjectTagging")
    with aws.enforced_iam():
        written = store.put(RECORD, b"1", content_type=keys.JSON_TYPE)
    assert tags(aws, bucket, RECORD, written.version) == TAG


def test_who_may_not_write_is_refused_whether_with_a_tag_or_without(aws: EmbeddedAws, bucket: str) -> None:
    store = as_user(aws, bucket, "s3:PutObjectTagging")
    with aws.enforced_iam():
        for key in (RECORD, LOADED):
            with pytest.raises(StoreError, match="AccessDenied"):
                store.put(key, b"1", content_type=keys.JSON_TYPE)
