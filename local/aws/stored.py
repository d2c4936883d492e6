"""Read what moto's S3 holds, the way another service of AWS does: by bucket, key and version, not over HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.utilities.utils import get_partition


@dataclass(frozen=True)
class Stored:
    """An object's bytes, and its version where the bucket is versioned."""

    body: bytes
    version: str | None


type Reader = Callable[[str, str, str, str, str | None], Stored | None]
"""(account, region, bucket, key, version or None for the latest) to the object; None where any of them is missing."""


def read_object(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
    """Return the object (its latest version unless one is named), or None where it is missing or must not be read.

    A deleted object counts as missing, as does one in another region: AWS does not say that ALB or API Gateway would
    read it (probe ``alb.update.other-region``). A bucket of another account must let somebody of this one read it, by
    its policy.
    """
    backend = s3_backends[account][get_partition(region)]
    try:
        held = backend.get_bucket(bucket)
        found = backend.get_object(bucket, key, version_id=version or None)
    except MissingBucket:
        return None
    if held.region_name != region or not isinstance(found, FakeKey):
        return None
    if held.account_id != account and not _lets_in(held, account, key, "GetObjectVersion" if version else "GetObject"):
        return None
    return Stored(body=bytes(found.value), version=str(found.version_id) if held.is_versioned else None)


def _lets_in(bucket: FakeBucket, account: str, key: str, action: str) -> bool:
    """Whether the bucket's policy allows somebody of that account to read the object. Conditions are not judged."""
    arn = f"arn:{bucket.partition}:s3:::{bucket.name}/{key}"
    for statement in json.loads(bucket.policy or b'{"Statement": []}')["Statement"]:
        who = statement.get("Principal", {})
        named = who.get("AWS", []) if isinstance(who, dict) else who
        there = any(f"::{account}:" in one for one in ([named] if isinstance(named, str) else named))
        if there and statement["Effect"] == "Allow":
            policy = IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": [_bare(statement)]}))
            if policy.is_action_permitted(f"s3:{action}", arn) is PermissionResult.PERMITTED:
                return True
    return False


def _bare(statement: dict[str, object]) -> dict[str, object]:
    """Return what the statement says of actions and resources."""
    return {name: value for name, value in statement.items() if name not in {"Principal", "Condition"}}
