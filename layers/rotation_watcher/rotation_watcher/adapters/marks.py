"""The mark of trust stores and listeners (elbv2): a tag, with the bucket of the stack that changed them first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rotation_watcher.kinds import MARK

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


def read(client: "ElasticLoadBalancingv2Client", arns: Sequence[str]) -> dict[str, str | None]:
    """The marks of those of which the service tells; None: it bears none. Twenty at most.

    Raises ClientError, BotoCoreError.
    """
    described = client.describe_tags(ResourceArns=arns)["TagDescriptions"]
    tags = {one["ResourceArn"]: {tag["Key"]: tag.get("Value") for tag in one["Tags"]} for one in described}
    return {arn: tags[arn].get(MARK) for arn in arns if arn in tags}


def write(client: "ElasticLoadBalancingv2Client", arn: str, bucket: str) -> None:
    """Set the mark. Raises ClientError, BotoCoreError."""
    client.add_tags(ResourceArns=[arn], Tags=[{"Key": MARK, "Value": bucket}])
