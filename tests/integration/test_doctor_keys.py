"""What doctor says of the policy of a key, and of what still lies under one of before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto.cloudformation.models import cloudformation_backends

from genesys_certs import aws, examine_keys
from genesys_certs.examine import Finding, Level
from genesys_certs.stack import DEFAULT_NAME, Stack
from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from tests.stack.template import ROOT, load
from tests.support.roles import Resolver

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FORMER = "arn:aws:kms:us-east-1:123456789012:key/former"
TEMPLATE = load(ROOT / "accounts" / "data-key.yaml")


@pytest.fixture(scope="module")
def installed() -> Iterator[Environment]:
    """What no test changes: they add keys, and say each time which are the stack's."""
    aws = {"direct": True}
    with (
        pytest.MonkeyPatch.context() as patch,
        Environment(NOW, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws=aws) as made,
    ):
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        made.aws.encrypt_bucket(BUCKET, FORMER)
        made.world.region("us-east-1")
        made.add_source("use1", "us-east-1")
        made.add_bundle("main", ["use1"])
        made.add_trust_store("alb", "main", made.world.region("sa-east-1").root_pem())
        made.configure()
        made.deploy()
        made.tick()
        yield made


@pytest.fixture
def world(installed: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    installed.aws.faults.clear()
    aws.connect(None, "us-east-1")
    return installed


def found(world: Environment, **parameters: str) -> dict[str, list[Finding]]:
    """What doctor finds of keys where the stack has these parameters."""
    (stack,) = cloudformation_backends[world.aws.account][world.aws.region].stacks.values()
    for name in examine_keys.PARAMETERS:
        stack.stack_parameters.pop(name, None)
    stack.stack_parameters.update(parameters)
    said: dict[str, list[Finding]] = {}
    for one in examine_keys.of_keys(Stack(DEFAULT_NAME, "us-east-1"), NOW):
        said.setdefault(one.of, []).append(one)
    return said


def key(world: Environment, *without: str, **principal: Any) -> str:
    """A key with the policy that is proposed, but for these statements; its ARN."""
    policy = Resolver({"StackName": DEFAULT_NAME}, {}, TEMPLATE).of(
        TEMPLATE["Resources"]["Key"]["Properties"]["KeyPolicy"]
    )
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] not in without]
    for one in policy["Statement"]:
        one["Principal"] = principal.get(one["Sid"], one["Principal"])
    return str(world.aws.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"])


def test_a_key_with_the_policy_that_we_propose_is_well_and_its_conditions_are_named(world: Environment) -> None:
    said = found(world, StackKmsKeyArn=key(world))
    assert [one.level for ones in said.values() for one in ones] == [Level.OK] * 2
    (policy,) = said["key StackKmsKeyArn, policy"]
    assert "cloudwatch.amazonaws.com (conditions on aws:SourceAccount, aws:SourceArn)" in policy.what
    assert "not judged" in policy.what


@pytest.mark.parametrize(
    ("sid", "service", "level"),
    [
        ("AlarmsPublish", "cloudwatch.amazonaws.com", Level.CRITICAL),
        ("TheTopicFillsQueues", "sns.amazonaws.com", Level.CRITICAL),
        ("TheRuleFillsFailedRuns", "events.amazonaws.com", Level.CRITICAL),
        ("S3TellsOfFiles", "s3.amazonaws.com", Level.WARNING),
        ("LogsAreKept", "logs.us-east-1.amazonaws.com", Level.CRITICAL),
    ],
)
def test_a_service_that_no_statement_lets_in_is_named(world: Environment, sid: str, service: str, level: Level) -> None:
    (one,) = found(world, StackKmsKeyArn=key(world, sid))["key StackKmsKeyArn, policy"]
    assert (one.level, sid in one.cure) == (level, True)
    assert f"no statement lets {service} use it" in one.what


def test_a_key_is_held_to_what_it_encrypts_alone(world: Environment) -> None:
    topics = key(world, "TheTopicFillsQueues", "TheRuleFillsFailedRuns", "S3TellsOfFiles", "LogsAreKept")
    said = found(world, TopicKmsKeyArn=topics, KmsKeyArn=key(world, "AlarmsPublish"))
    assert {of: [one.level for one in ones] for of, ones in said.items()} == {
        "key TopicKmsKeyArn": [Level.OK],
        "key TopicKmsKeyArn, policy": [Level.OK],
        "key KmsKeyArn": [Level.OK],
    }


def test_where_iam_does_not_decide_the_roles_that_are_not_named_are(world: Environment) -> None:
    people = {"AWS": "arn:aws:iam::123456789012:role/KeyAdministrators"}
    (one,) = found(world, StackKmsKeyArn=key(world, TheAccountDecides=people))["key StackKmsKeyArn, policy"]
    assert one.level is Level.CRITICAL
    client = world.aws.client("lambda")
    roles = {each["Role"] for each in client.list_functions()["Functions"]}
    assert roles
    assert any(role in one.what for role in roles)
    every = {"AWS": sorted(roles)}
    (one,) = found(world, StackKmsKeyArn=key(world, TheAccountDecides=every))["key StackKmsKeyArn, policy"]
    assert one.level is Level.OK


def test_a_policy_that_may_not_be_read_is_not_known(world: Environment) -> None:
    own = key(world)
    world.aws.fail_next("kms", "GetKeyPolicy", "AccessDeniedException", 400, times=9)
    (one,) = found(world, StackKmsKeyArn=own)["key StackKmsKeyArn, policy"]
    assert (one.level, "kms:GetKeyPolicy" in one.cure) == (Level.UNKNOWN, True)


def test_what_lies_under_a_key_of_before_is_counted(world: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "former keys" not in found(world)
    (one,) = found(world, FormerKmsKeyArns=FORMER)["former keys"]
    kept = [each for each in world.watcher.store.list("") if each.startswith(examine_keys.KEPT)]
    under = [each for each in kept if world.s3.head_object(Bucket=BUCKET, Key=each).get("SSEKMSKeyId") == FORMER]
    assert len(under) > 5
    assert one.level is Level.WARNING
    assert f"of {len(kept)} objects {len(under)} have their newest version under" in one.what
    monkeypatch.setattr(examine_keys, "MOST", 8)
    (one,) = found(world, FormerKmsKeyArns=FORMER)["former keys"]
    assert "the first of each folder" in one.what
    (one,) = found(world, FormerKmsKeyArns=f"{FORMER}-other")["former keys"]
    assert one.level is Level.OK


@pytest.mark.parametrize("parameter", ["ReadKmsKeyArns", "FileBucketKmsKeyArns"])
def test_keys_of_other_buckets_are_looked_at_too(world: Environment, parameter: str) -> None:
    first, second = key(world), key(world)
    world.aws.client("kms").disable_key(KeyId=second.rpartition("/")[2])
    said = found(world, **{parameter: f"{first},{second}"})
    assert [one.level for one in said[f"key {parameter}"]] == [Level.OK, Level.CRITICAL]


def test_a_key_of_a_bucket_in_another_region_is_asked_for_there(world: Environment) -> None:
    there = world.aws.client("kms", region="eu-west-1")
    abroad = there.create_key()["KeyMetadata"]["Arn"]
    assert ":eu-west-1:" in abroad
    (one,) = found(world, FileBucketKmsKeyArns=abroad)["key FileBucketKmsKeyArns"]
    assert one.level is Level.OK
    there.disable_key(KeyId=abroad.rpartition("/")[2])
    (one,) = found(world, FileBucketKmsKeyArns=abroad)["key FileBucketKmsKeyArns"]
    assert f"enable-key --key-id {abroad} --region eu-west-1" in one.cure


def test_a_key_that_may_not_be_looked_at_hides_no_other(world: Environment) -> None:
    first, second = key(world), key(world)
    world.aws.client("kms").disable_key(KeyId=second.rpartition("/")[2])
    world.aws.fail_next("kms", "DescribeKey", "AccessDeniedException", 400)
    said = found(world, BucketKmsKeyArn=first, TopicKmsKeyArn=second)
    (one,) = said["key BucketKmsKeyArn"]
    assert (one.level, "kms:DescribeKey" in one.cure) == (Level.UNKNOWN, True)
    (one,) = said["key TopicKmsKeyArn"]
    assert one.level is Level.CRITICAL


def test_a_region_that_does_not_answer_hides_no_other_key(world: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(service: str, region: str | None = None) -> Any:
        if region == "eu-west-1":
            raise EndpointConnectionError(endpoint_url="https://kms.eu-west-1.amazonaws.com")
        return client(service, region)

    client = aws.client
    monkeypatch.setattr(aws, "client", made)
    here, there = key(world), "arn:aws:kms:eu-west-1:123456789012:key/there"
    said = found(world, BucketKmsKeyArn=here, FileBucketKmsKeyArns=f"{there},{here}")
    (one,) = said["key FileBucketKmsKeyArns"]
    assert (one.level, "kms.eu-west-1" in one.what) == (Level.UNKNOWN, True)
    assert [one.level for one in said["key BucketKmsKeyArn, FileBucketKmsKeyArns"]] == [Level.OK]


def test_keys_may_be_listed_with_blanks_between_them(world: Environment) -> None:
    first, second = key(world), key(world)
    said = found(world, FormerKmsKeyArns=f"{first}, {second}")
    assert [one.level for one in said["key FormerKmsKeyArns"]] == [Level.OK, Level.OK]
