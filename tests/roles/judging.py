"""What moto's IAM says of a role's grants, and work in the name of a role."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import boto3
from moto.iam.access_control import IAMPolicy, PermissionResult

from local.aws.enforcing import Asked
from local.aws.other_place import assumed
from local.aws.server import EmbeddedAws
from tests.roles.exemptions import EXEMPT
from tests.roles.grants import Grant, documents, grants
from tests.support.roles import Resolver

JUDGED = {"s3", "sns", "sqs", "ssm", "secretsmanager", "elasticloadbalancing", "cloudfront", "kms"}
"""The services for which moto's enforcement is to be trusted; of KMS what ``local/aws/encryption.py`` asks."""


def judged(resolver: Resolver, role: str) -> list[Grant]:
    """The role's grants that moto can judge."""
    return [one for one in grants(resolver, role) if one.service in JUDGED and one.action not in EXEMPT]


def allowed(policies: Iterable[str], asked: Asked) -> bool:
    """What moto answers for these policies."""
    answers = {IAMPolicy(document).is_action_permitted(asked.action, asked.resource) for document in policies}
    return PermissionResult.PERMITTED in answers and PermissionResult.DENIED not in answers


def idle(resolver: Resolver, role: str, tried: Iterable[Grant], asked: Collection[Asked]) -> list[str]:
    """Those of the grants without which moto would refuse nothing that was asked, in words."""
    return [
        f"{grant.sid}: {grant.action} on {grant.resource}"
        for grant in tried
        if all(allowed(documents(resolver, role, grant).values(), one) for one in asked)
    ]


@contextmanager
def in_the_name_of(aws: EmbeddedAws, role_arn: str, **more: str) -> Iterator[None]:
    """The environment and SDK of a process that has assumed the role. ``more``: further variables."""
    keys = assumed(aws, role_arn)
    variables = {
        "AWS_ACCESS_KEY_ID": keys.access,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token,
    }
    with patch.dict(os.environ, variables | more), patch.object(boto3, "DEFAULT_SESSION", None):
        yield
