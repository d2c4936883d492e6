"""Policies of buckets, for what the embedded AWS has to refuse."""

import json

from local.aws.server import EmbeddedAws


def deny(aws: EmbeddedAws, bucket: str, action: str, objects: str) -> None:
    """Let a bucket refuse an action to everybody; ``objects``: as in an ARN."""
    resource = objects if objects == "*" else f"arn:aws:s3:::{objects}"
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    aws.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
