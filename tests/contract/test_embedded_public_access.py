"""What the embedded AWS says of a bucket's public access block, as S3's documents have it."""

import itertools
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from genesys_certs.examine import PUBLIC_ACCESS
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients

NUMBERS = itertools.count()


@pytest.fixture
def bucket(aws: EmbeddedAws) -> str:
    return aws.make_bucket(f"public-{next(NUMBERS)}")


def as_user(aws: EmbeddedAws, bucket: str, *actions: str) -> Any:
    """S3, as a user of the account has it that may do these with the bucket."""
    name, iam = f"public-user-{next(NUMBERS)}", aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": f"arn:aws:s3:::{bucket}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return clients.make("s3", session=boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]))


def asked(s3: Any, bucket: str, **more: str) -> Any:
    try:
        return s3.get_public_access_block(Bucket=bucket, **more)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def test_a_new_bucket_has_all_of_it_and_what_a_configuration_leaves_out_is_off(aws: EmbeddedAws, bucket: str) -> None:
    s3 = aws.client("s3")
    assert asked(s3, bucket) == dict.fromkeys(PUBLIC_ACCESS, True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert asked(s3, bucket) == dict.fromkeys(PUBLIC_ACCESS, False) | {"BlockPublicAcls": True}
    s3.delete_public_access_block(Bucket=bucket)
    assert asked(s3, bucket) == "NoSuchPublicAccessBlockConfiguration"
    assert asked(s3, bucket, ExpectedBucketOwner="999999999999") == "AccessDenied"


def test_who_may_see_it_is_asked_by_the_action_that_iam_has(aws: EmbeddedAws, bucket: str) -> None:
    may = as_user(aws, bucket, "s3:GetBucketPublicAccessBlock")
    may_not = as_user(aws, bucket, "s3:ListBucket", "s3:GetPublicAccessBlock", "s3:GetBucketAcl")
    with aws.enforced_iam():
        assert asked(may, bucket) == dict.fromkeys(PUBLIC_ACCESS, True)
        assert asked(may_not, bucket) == "AccessDenied"
