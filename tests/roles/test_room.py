"""How many targets publish's role, and how many roles a function's environment have room for: as the documents say."""

import json
from collections.abc import Callable

import pytest

from tests.roles.test_described import FLEET, PLACES
from tests.stack.template import ROLES, ROOT, TEMPLATE
from tests.support.elsewhere import Places
from tests.support.roles import Resolver

LARGEST_POLICIES = 10_240
"""Characters without blanks that all inline policies of a role may have together (docs: IAM and STS quotas)."""
LARGEST_MANAGED, MOST_ATTACHED = 6_144, 10
"""Characters without blanks of a managed policy, and how many a role may have (docs: IAM and STS quotas)."""
ATTACHING = {"StackKmsKeyArn", "QueueKmsKeyArn", "FormerKmsKeyArns", "SubnetIds", "FunctionsInVpc"}
ATTACHING |= {"ReadKmsKeyArns", "FileBucketKmsKeyArns"}
"""The parameters of which test_described.py's hang policies on roles."""
LARGEST_ENVIRONMENT = 4096
"""Bytes that the names and values of a function's environment variables may have together (docs: Lambda quotas)."""
BUCKET = "genesys-certificate-watcher-state-1abcdefghijkl"


def store(n: int) -> str:
    """With the longest name that a trust store may have."""
    return f"arn:aws:elasticloadbalancing:us-east-1:111122223333:truststore/genesys-{n:024}/{n:016x}"


def domain(n: int) -> str:
    return f"arn:aws:apigateway:us-east-1::/domainnames/data-actions-{n}.example-bank.com"


def role(n: int) -> str:
    return f"arn:aws:iam::{222222222222 + n}:role/genesys-certificate-watcher-targets"


def size(targets: list[str], roles: int = 0, by_tag: str = "no") -> int:
    parameters = {"TargetArns": ",".join(targets), "TargetRoleArns": ",".join(role(n) for n in range(roles))}
    parameters |= {"TargetsByTag": by_tag}
    return sum(map(length, Resolver(parameters, Places(BUCKET)).inline("PublishRole").values()))


def length(document: object) -> int:
    """Characters of a policy without blanks."""
    return len(json.dumps(document, separators=(",", ":")))


@pytest.mark.parametrize(("roles", "stores", "domains"), [(0, 6, 9), (10, 5, 8), (30, 4, 6)])
def test_publishs_role_has_room_for_so_many(roles: int, stores: int, domains: int) -> None:
    few, many = [store(n) for n in range(stores)], [store(n) for n in range(stores + 2)]
    assert size(few, roles) <= LARGEST_POLICIES < size(many, roles)
    few, many = [domain(n) for n in range(domains)], [domain(n) for n in range(domains + 2)]
    assert size(few, roles) <= LARGEST_POLICIES < size(many, roles)


@pytest.mark.parametrize("listed", [store, domain])
def test_beside_the_tag_there_is_room_for_one_or_two_listed_targets(listed: Callable[[int], str]) -> None:
    assert size([listed(n) for n in range(2)], by_tag="yes") <= LARGEST_POLICIES
    assert size([listed(n) for n in range(5)], by_tag="yes") > LARGEST_POLICIES


def test_what_is_attached_to_a_role_has_room_and_takes_none_from_its_own_policies() -> None:
    """With the longest name of a bucket, beside the same targets as without."""
    resolver = Resolver(FLEET, PLACES | {"State": ("b" * 63, f"arn:aws:s3:::{'b' * 63}")})
    plain = Resolver({name: value for name, value in FLEET.items() if name not in ATTACHING}, PLACES)
    for role in ROLES:
        attached = resolver.attached(role)
        assert attached, role
        assert len(attached) <= MOST_ATTACHED, role
        for name in attached:
            assert length(resolver.policies(role)[name]) <= LARGEST_MANAGED, name
        assert not plain.attached(role), role
        assert {*resolver.inline(role)} == {*plain.inline(role)}, role


def test_the_documents_say_how_many() -> None:
    words = "some six trust stores, or some nine domains"
    for page in ("deploy.md", "watch-file.md", "decisions/0056-targets-by-tag.md", "security/partitions-and-quotas.md"):
        assert words in " ".join((ROOT / "docs" / page).read_text().split()), page
    for page in ("deploy.md", "security/partitions-and-quotas.md"):
        assert "room for one or two listed" in (ROOT / "docs" / page).read_text(), page
    assert "some 35 roles" in (ROOT / "docs" / "accounts.md").read_text()


def test_a_functions_environment_has_room_for_so_many_roles() -> None:
    places = Places(BUCKET) | {
        "PublishQueue": (f"https://sqs.us-east-1.amazonaws.com/111122223333/{'q' * 80}", "arn"),
        "FileEventsQueue": (f"https://sqs.us-east-1.amazonaws.com/111122223333/{'f' * 80}", "arn"),
        "AlertTopic": (f"arn:aws:sns:us-east-1:111122223333:{'t' * 80}", "arn"),
        "AWS::StackName": ("genesys-certificate-watcher", ""),
    }

    def environment(function: str, roles: int) -> int:
        parameters = {
            "TargetArns": ",".join(store(n) for n in range(4)),
            "TargetRoleArns": ",".join(role(n) for n in range(roles)),
            "RegionBucketArns": ",".join(f"arn:aws:s3:::acme-genesys-{one}" for one in ("eu-west-1", "eu-central-1")),
            "CredentialArns": f"arn:aws:ssm:us-east-1:111122223333:parameter/{'p' * 40}",
            "WatchFileUri": f"s3://{BUCKET}/watch.yaml",
        }
        resolver = Resolver(parameters, places)
        given = TEMPLATE["Resources"][function]["Properties"]["Environment"]["Variables"]
        shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
        return sum(len(name) + len(str(value)) for name, value in resolver.of(shared | given).items())

    for function in ("CollectFunction", "PublishFunction", "RefreshCrlsFunction", "ReportFunction"):
        assert environment(function, 35) <= LARGEST_ENVIRONMENT < environment(function, 50), function
