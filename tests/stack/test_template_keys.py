"""KMS keys of the operator's own: what they encrypt, who may use them for what, and the key that we propose (0067)."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.stack.template import (
    PARAMETERS,
    QUEUES,
    RESOURCES,
    ROLES,
    ROOT,
    STATEMENTS,
    in_bucket,
    load,
    nodes,
    of_type,
    policies,
    properties,
    refs,
)
from tests.support.roles import Resolver

KEY = "arn:aws:kms:us-east-1:123456789012:key/"
FULL = {
    "GenesysRegion": "us-east-1",
    "SlackSecretArn": "arn:aws:ssm:us-east-1:123456789012:parameter/slack",
    "TeamsSecretArn": "arn:aws:ssm:us-east-1:123456789012:parameter/teams",
    "AmazonQTopic": "make-one",
    "AuthorizerBundle": "main",
}
CHOICES = {
    ("", ""): None,
    (f"{KEY}stack", ""): f"{KEY}stack",
    ("", f"{KEY}own"): f"{KEY}own",
    (f"{KEY}stack", f"{KEY}own"): f"{KEY}own",
    (f"{KEY}stack", "none"): None,
    ("", "none"): None,
}
"""StackKmsKeyArn and the kind's own parameter, to the key that encrypts it."""
USES = {
    "UseBucketKey": ("Bucket", "s3", {"kms:Decrypt", "kms:GenerateDataKey"}),
    "SendWithQueueKey": ("Queue", "sqs", {"kms:Decrypt", "kms:GenerateDataKey"}),
    "TakeWithQueueKey": ("Queue", "sqs", {"kms:Decrypt"}),
    "PublishWithTopicKey": ("Topic", "sns", {"kms:Decrypt", "kms:GenerateDataKey"}),
}
"""By policy: the kind whose key it is about, the service that asks KMS for it, and the actions."""
DATA_KEY = load(ROOT / "accounts" / "data-key.yaml")


@pytest.mark.parametrize(("given", "key"), CHOICES.items())
def test_a_kind_has_the_key_of_its_own_else_that_of_the_stack_unless_it_says_none(
    given: tuple[str, str], key: str | None
) -> None:
    stack, own = given
    for kind in ("Bucket", "Topic", "Queue", "Log"):
        resolver = Resolver(FULL | {"StackKmsKeyArn": stack, f"{kind}KmsKeyArn": own}, {})
        assert resolver.holds(f"Has{kind}Key") is (key is not None)
        for name, found in keys(kind, resolver).items():
            assert found == key, name


def keys(kind: str, resolver: Resolver) -> dict[str, str | None]:
    """The key of every resource of a kind."""
    if kind == "Bucket":
        (rule,) = resolver.of(properties("Bucket")["BucketEncryption"])["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        assert (
            (default["SSEAlgorithm"] == "aws:kms")
            is rule.get("BucketKeyEnabled", False)
            is ("KMSMasterKeyID" in default)
        )
        return {"Bucket": default.get("KMSMasterKeyID")}
    if kind == "Queue":
        for name in QUEUES:
            queue = resolver.of({key: properties(name).get(key) for key in ("SqsManagedSseEnabled", "KmsMasterKeyId")})
            assert queue["SqsManagedSseEnabled"] is (queue.get("KmsMasterKeyId") is None), "a queue has one of them"
    of, called = {
        "Topic": ("AWS::SNS::Topic", "KmsMasterKeyId"),
        "Queue": ("AWS::SQS::Queue", "KmsMasterKeyId"),
        "Log": ("AWS::Logs::LogGroup", "KmsKeyId"),
    }[kind]
    found = {
        name: resolver.of({"key": each["Properties"].get(called)}).get("key") for name, each in of_type(of).items()
    }
    assert len(found) >= 3
    return found


def test_none_is_a_word_for_a_kind_and_not_for_the_stack() -> None:
    for name in ("StackKmsKeyArn", *(f"{kind}KmsKeyArn" for kind in ("Bucket", "Topic", "Queue", "Log"))):
        allowed = re.compile(PARAMETERS[name]["AllowedPattern"])
        assert all(allowed.fullmatch(one) for one in ("", f"{KEY}0a-1b", f"{KEY}mrk-0a1b"))
        assert not any(allowed.fullmatch(one) for one in ("alias/a", f"{KEY}*", KEY.replace("key/", "alias/a"), "NONE"))
        assert bool(allowed.fullmatch("none")) is (name != "StackKmsKeyArn")


def test_the_key_of_the_secrets_is_one_key() -> None:
    """A role may decrypt with what is named: an asterisk would name every key of the account."""
    allowed = re.compile(PARAMETERS["KmsKeyArn"]["AllowedPattern"])
    assert all(allowed.fullmatch(one) for one in ("", f"{KEY}0a-1b", f"{KEY}mrk-0a1b"))
    assert not any(map(allowed.fullmatch, (f"{KEY}*", f"{KEY}0a-1b*", f"{KEY}????", f"{KEY}0a/../*", f"{KEY}${{*}}")))


def needed(role: str) -> set[str]:
    """What a role must be able to do with keys, by what it may do with the stack's bucket, queues and topics."""
    found = set()
    for statement in (s for s in STATEMENTS if s.role == role and s.allows):
        own = [node for each in statement.resources for node in nodes(each) if isinstance(node, dict)]
        about = {str(n["Fn::GetAtt"][0]) for n in own if "Fn::GetAtt" in n} | {str(n["Ref"]) for n in own if "Ref" in n}
        if {"s3:GetObject", "s3:PutObject"} & {*statement.actions} and any(map(in_bucket, statement.resources)):
            found.add("UseBucketKey")
        for action, use in (
            ("sqs:SendMessage", "SendWithQueueKey"),
            ("sqs:ReceiveMessage", "TakeWithQueueKey"),
            ("sns:Publish", "PublishWithTopicKey"),
        ):
            if action in statement.actions and about & {*QUEUES, *of_type("AWS::SNS::Topic")}:
                found.add(use)
    return found - ({"TakeWithQueueKey"} if "SendWithQueueKey" in found else set())  # who sends may decrypt too


@pytest.mark.parametrize("role", ROLES)
def test_a_role_uses_the_keys_of_what_it_may_use_and_no_other(role: str) -> None:
    kinds = {kind for kind, *_ in USES.values()}
    for some in itertools.chain.from_iterable(itertools.combinations(kinds, n) for n in range(len(kinds) + 1)):
        resolver = Resolver(FULL | {f"{kind}KmsKeyArn": f"{KEY}{kind}" for kind in some}, {})
        expected = {use for use in needed(role) if USES[use][0] in some}
        assert {*resolver.attached(role)} & {*USES} == expected, some


@pytest.mark.parametrize("name", USES)
def test_a_key_is_used_only_through_the_service_that_keeps_the_data(name: str) -> None:
    kind, service, actions = USES[name]
    managed = RESOURCES[name]
    resolver = Resolver(
        FULL | {"StackKmsKeyArn": f"{KEY}stack", f"{kind}KmsKeyArn": f"{KEY}own"}, {"State": ("state", "arn:state")}
    )
    assert resolver.holds(managed["Condition"])
    assert managed["Properties"]["Path"] == {"Ref": "RolePath"}
    (statement,) = resolver.of(managed["Properties"]["PolicyDocument"])["Statement"]
    assert (statement["Sid"], statement["Effect"], statement["Resource"]) == (name, "Allow", f"{KEY}own")
    assert {*([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])} == actions
    ((operator, condition),) = statement["Condition"].items()
    assert operator == "StringLike"
    assert condition.pop("kms:ViaService") == f"{service}.us-east-1.amazonaws.*"
    context = {"kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::state", "arn:aws:s3:::state/*"]}
    assert condition == (context if service == "s3" else {})


def test_what_lies_under_a_key_of_before_is_read_and_nothing_is_written_with_it() -> None:
    """Whoever reads the bucket or takes from a queue; a key is not given up by all of its data at once."""
    former = [f"{KEY}a", f"{KEY}b"]
    resolver = Resolver(FULL | {"FormerKmsKeyArns": ",".join(former)}, {})
    (statement,) = resolver.of(properties("ReadWithFormerKeys")["PolicyDocument"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", former)
    assert statement["Condition"] == {
        "StringLike": {"kms:ViaService": ["s3.us-east-1.amazonaws.*", "sqs.us-east-1.amazonaws.*"]}
    }
    for role in ROLES:
        reads = "UseBucketKey" in needed(role) or any(
            "sqs:ReceiveMessage" in s.actions for s in STATEMENTS if s.role == role
        )
        assert {*resolver.attached(role)} - {"SeeBucketKey"} == ({"ReadWithFormerKeys"} if reads else set()), role


def test_who_puts_what_targets_load_sees_where_the_buckets_key_was_exchanged_or_taken_away() -> None:
    for given in ({"StackKmsKeyArn": f"{KEY}a"}, {"FormerKmsKeyArns": f"{KEY}a"}):
        resolver = Resolver(FULL | given, {"State": ("state", "")})
        assert {role for role in ROLES if "SeeBucketKey" in resolver.attached(role)} == {
            "PublishRole",
            "RefreshCrlsRole",
        }
        (statement,) = resolver.of(properties("SeeBucketKey")["PolicyDocument"])["Statement"]
        assert (statement["Action"], statement["Resource"]) == ("s3:GetEncryptionConfiguration", "arn:aws:s3:::state")
    assert not [role for role in ROLES if "SeeBucketKey" in Resolver(FULL, {}).attached(role)]


OTHERS = {"ReadKmsKeyArns": f"{KEY}a,{KEY}b", "FileBucketKmsKeyArns": f"{KEY}c"}
"""Keys of buckets that are not the stack's."""
WITH_THEM = {
    "ReadWithKeys": ("kms:Decrypt", [f"{KEY}a", f"{KEY}b"]),
    "KeepFilesWithKeys": (["kms:Decrypt", "kms:GenerateDataKey"], [f"{KEY}c"]),
}


def test_keys_of_other_buckets_are_used_by_those_who_read_or_fill_these_through_s3_alone() -> None:
    for more, readers in (({}, {"PublishRole"}), ({"WatchFileUri": "s3://conf/watch.json"}, watching())):
        resolver = Resolver(FULL | OTHERS | more, {})
        assert {role for role in ROLES if "ReadWithKeys" in resolver.attached(role)} == readers
        assert {role for role in ROLES if "KeepFilesWithKeys" in resolver.attached(role)} == {"PublishRole"}
    resolver = Resolver(FULL | OTHERS, {})
    for name, expected in WITH_THEM.items():
        (statement,) = resolver.of(properties(name)["PolicyDocument"])["Statement"]
        assert (statement["Sid"], statement["Effect"]) == (name, "Allow")
        assert (statement["Action"], statement["Resource"]) == expected
        assert statement["Condition"] == {"StringLike": {"kms:ViaService": "s3.*.amazonaws.*"}}


def watching() -> set[str]:
    """The roles that may read the watch file."""
    found = {s.role for s in STATEMENTS if s.sid == "ReadWatchFile"}
    assert len(found) == 4
    return found


@pytest.mark.parametrize("name", [*OTHERS, "FormerKmsKeyArns"])
def test_a_list_of_keys_names_each_by_its_arn(name: str) -> None:
    for template in (PARAMETERS, load(ROOT / "accounts" / "target-role.yaml")["Parameters"]):
        allowed = re.compile(template[name]["AllowedPattern"])
        assert allowed.fullmatch("")
        assert allowed.fullmatch(f"{KEY}0a-1b")
        assert not any(map(allowed.fullmatch, ("*", f"{KEY}*", "none", KEY.replace("key/", "alias/a"))))


def test_every_policy_of_the_stack_is_attached_to_a_role() -> None:
    attached = {home for role in ROLES for _, home, _ in policies({"Resources": RESOURCES}, role)} - {*ROLES}
    assert attached == {*of_type("AWS::IAM::ManagedPolicy")} >= {*USES}


def test_the_key_of_the_secrets_is_used_only_through_the_services_that_keep_them() -> None:
    using = [s for s in STATEMENTS if "KmsKeyArn" in refs(s.body)]
    assert {s.role for s in using} == {"CollectRole", "SlackRole", "TeamsRole"}
    for statement in using:
        assert statement.actions == ["kms:Decrypt"]
        services = statement.body["Condition"]["StringLike"]["kms:ViaService"]
        assert [service["Fn::Sub"] for service in services] == [
            "ssm.${AWS::Region}.amazonaws.*",
            "secretsmanager.${AWS::Region}.amazonaws.*",
        ]


# The key that accounts/data-key.yaml makes


def document(**more: str) -> list[dict[str, Any]]:
    resolver = Resolver({"StackName": "watcher"} | more, {}, DATA_KEY)
    found: list[dict[str, Any]] = resolver.of(properties_of_key())["Statement"]
    return found


def properties_of_key() -> Any:
    return DATA_KEY["Resources"]["Key"]["Properties"]["KeyPolicy"]


def test_the_key_lets_in_every_service_that_fills_a_queue_or_a_topic_or_keeps_the_logs() -> None:
    filling = {
        node["Principal"]["Service"]
        for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
        for resource in of_type(kind).values()
        for node in resource["Properties"]["PolicyDocument"]["Statement"]
        if node["Effect"] == "Allow"
    }
    assert len(filling) == 4
    services = {s["Principal"]["Service"]: s for s in document() if "Service" in s["Principal"]}
    assert {*services} == filling | {"logs.us-east-1.amazonaws.com"}
    for statement in services.values():
        assert {"kms:Decrypt", "kms:Decrypt*"} & {*statement["Action"]}
        assert {"kms:GenerateDataKey", "kms:GenerateDataKey*"} & {*statement["Action"]}
    assert "Condition" not in services["events.amazonaws.com"], "EventBridge does not support its source there"


def test_the_names_by_which_the_key_knows_the_stacks_resources_are_those_that_they_have() -> None:
    """CloudFormation names a resource after stack and logical id."""
    said = {s["Sid"]: s.get("Condition", {}).get("ArnLike", {}) for s in document()}
    assert said["AlarmsPublish"]["aws:SourceArn"].endswith(":alarm:watcher-*")
    assert not [name for name, alarm in of_type("AWS::CloudWatch::Alarm").items() if "AlarmName" in alarm["Properties"]]
    topics = {refs(subscription["Properties"]["TopicArn"]).pop() for subscription in subscriptions()}
    (topic,) = topics
    assert said["TheTopicFillsQueues"]["aws:SourceArn"].endswith(f":watcher-{topic}-*")
    assert "TopicName" not in properties(topic)
    prefixes = [one.partition(":log-group:")[2] for one in said["LogsAreKept"]["kms:EncryptionContext:aws:logs:arn"]]
    assert all(one.endswith("*") for one in prefixes)
    for logical, group in of_type("AWS::Logs::LogGroup").items():
        given = group["Properties"].get("LogGroupName", {"Fn::Sub": f"${{AWS::StackName}}-{logical}-1X2Y3Z"})
        name = given["Fn::Sub"].replace("${AWS::StackName}", "watcher")
        assert [name.startswith(one.removesuffix("*")) for one in prefixes].count(True) == 1, name


def subscriptions() -> list[dict[str, Any]]:
    return [one for one in of_type("AWS::SNS::Subscription").values() if one["Properties"]["Protocol"] == "sqs"]


def test_the_key_outlasts_its_stack_and_is_rotated() -> None:
    key = DATA_KEY["Resources"]["Key"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True


def test_roles_of_other_accounts_decrypt_through_s3_alone_and_only_if_they_are_named() -> None:
    role = "arn:aws:iam::222222222222:role/genesys-certificate-watcher-targets"
    plain = {s["Sid"] for s in document()}
    (theirs,) = [s for s in document(TargetRoleArns=role) if s["Sid"] not in plain]
    assert theirs["Principal"] == {"AWS": [role]}
    assert theirs["Action"] == "kms:Decrypt"
    assert theirs["Condition"] == {"StringLike": {"kms:ViaService": "s3.us-east-1.amazonaws.*"}}


def test_the_policy_to_paste_is_that_of_the_key() -> None:
    page = (ROOT / "docs" / "keys.md").read_text()
    (pasted,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    named = {"AWS::AccountId": "111122223333", "AWS::Region": "REGION", "AWS::URLSuffix": "amazonaws.com"}

    class Named(Resolver):
        def _name(self, name: str) -> str:
            return named.get(name) or super()._name(name)

    made = Named({"StackName": "STACK"}, {}, DATA_KEY).of(properties_of_key())
    assert json.loads(pasted) == made


def test_the_role_of_another_account_decrypts_with_the_key_it_is_told_through_s3_of_the_keys_region() -> None:
    template = load(ROOT / "accounts" / "target-role.yaml")
    given = {"PublishRoleArn": "arn:aws:iam::1:role/p", "ExternalId": "x", "StackBucketArn": "arn:aws:s3:::state"}
    given["TargetArns"] = "arn:aws:s3:::edge/a/"
    key = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0a1b"
    plain, keyed = (
        {s["Sid"]: s for s in Resolver(given | more, {}, template).policies("Role")["targets"]["Statement"]}
        for more in ({}, {"StackBucketKmsKeyArn": key})
    )
    assert {*keyed} - {*plain} == {"DecryptDeployedVersions"}
    statement = keyed["DecryptDeployedVersions"]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", key)
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": "s3.us-gov-west-1.amazonaws.*"}}


def test_the_role_of_another_account_uses_the_keys_of_before_and_of_its_own_buckets_too() -> None:
    template = load(ROOT / "accounts" / "target-role.yaml")
    given = {"PublishRoleArn": "arn:aws:iam::1:role/p", "ExternalId": "x", "StackBucketArn": "arn:aws:s3:::state"}
    given["TargetArns"] = "arn:aws:s3:::edge/a/"
    assert Resolver(given, {}, template).attached("Role") == []
    former = {"FormerKmsKeyArns": f"{KEY}d"}
    expected = WITH_THEM | {"DecryptEarlierVersions": ("kms:Decrypt", [f"{KEY}d"])}
    of = {"ReadKmsKeyArns": "ReadWithKeys", "FileBucketKmsKeyArns": "KeepFilesWithKeys"}
    of["FormerKmsKeyArns"] = "DecryptEarlierVersions"
    for name, arns in (OTHERS | former).items():
        resolver = Resolver(given | {name: arns}, {}, template)
        (statement,) = resolver.policies("Role")["UseMoreKeys"]["Statement"]
        assert statement["Sid"] == of[name]
        assert (statement["Action"], statement["Resource"]) == expected[of[name]]
        assert statement["Condition"] == {"StringLike": {"kms:ViaService": "s3.*.amazonaws.*"}}


def test_a_creation_that_fails_leaves_no_bucket_and_a_deletion_keeps_it() -> None:
    """The policy stays: with a new bucket it is gone, and one of a former stack would be open without it."""
    region = load(ROOT / "accounts" / "region-bucket.yaml")["Resources"]
    for resources in (RESOURCES, region):
        assert resources["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources["BucketPolicy"]["DeletionPolicy"] == "Retain"
        for name in ("Bucket", "BucketPolicy"):
            assert resources[name]["UpdateReplacePolicy"] == "Retain"
        refused = [s for s in resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"] if "Sid" in s]
        assert not [s for s in refused if "s3:DeleteBucket" in s["Action"]], "or CloudFormation could not take it back"
