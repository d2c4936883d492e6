"""What the templates in ``accounts/`` make, on the embedded AWS.

Of a bucket's policy only what it allows: moto knows none of the conditions by which it denies, and so would deny all.
"""

import json
from collections.abc import Sequence
from typing import Any

from local.aws.server import EmbeddedAws
from tests.stack.template import ROOT, load
from tests.support.roles import Resolver

REGION_BUCKET = load(ROOT / "accounts" / "region-bucket.yaml")
TARGET_ROLE = load(ROOT / "accounts" / "target-role.yaml")
PUBLISH_ROLE = "arn:aws:iam::123456789012:role/PublishRole"


def make_region_bucket(aws: EmbeddedAws, region: str, prefix: str, *, roles: Sequence[str] = ()) -> str:
    """The bucket of that region, with the template's policy; its name."""
    name = aws.make_bucket(f"{prefix}-{region}", region=region)
    parameters = {"BucketPrefix": prefix, "PublishRoleArn": PUBLISH_ROLE, "TargetRoleArns": ",".join(roles)}
    resolver = Resolver(parameters, {"Bucket": (name, f"arn:aws:s3:::{name}")}, REGION_BUCKET)
    policy = resolver.of(REGION_BUCKET["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"])
    aws.client("s3", region).put_bucket_policy(Bucket=name, Policy=_allowing(policy))
    return name


def allow_roles(aws: EmbeddedAws, bucket: str, roles: Sequence[str]) -> None:
    """Give the stack's bucket what its template's policy allows roles of other accounts."""
    resolver = Resolver({"TargetRoleArns": ",".join(roles)}, Places(bucket))
    policy = resolver.of(load(ROOT / "template.yaml")["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"])
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=_allowing(policy))


def _allowing(policy: Any) -> str:
    return json.dumps(policy | {"Statement": [each for each in policy["Statement"] if each["Effect"] == "Allow"]})


class Places(dict[str, tuple[str, str]]):
    """Ref and Arn of whatever the policy of the stack's bucket names."""

    def __init__(self, bucket: str) -> None:
        super().__init__({"State": (bucket, f"arn:aws:s3:::{bucket}")})

    def __missing__(self, name: str) -> tuple[str, str]:
        return name, f"arn:aws:iam::123456789012:role/{name}"
