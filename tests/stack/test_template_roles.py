"""What each function may do, and above all what it may not (docs/decisions/0012-roles-written-out.md)."""

import fnmatch
import re
from itertools import batched
from typing import Any

import pytest

from rotation_watcher.kinds import MARK
from tests.stack.template import FUNCTIONS, PARAMETERS, ROLES, STATEMENTS, TEXT, as_list, in_bucket, keys_of, refs
from tests.support.functions import CHATS
from tests.support.roles import Resolver

PEOPLES_KEYS = (
    "anchors/us-east-1.pem",
    "approvals/0a1b.json",
    "extra/others.pem",
    "watch.json",
    "watch.yaml",
    "watch.yml",
)

NETWORK_INTERFACES = {
    f"ec2:{verb}"
    for verb in (
        *("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets"),
        *("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"),
    )
}

EXPLAINED_WILDCARDS = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "elasticloadbalancing:DescribeTrustStores",
    "elasticloadbalancing:DescribeTrustStoreAssociations",
    "elasticloadbalancing:DescribeTrustStoreRevocations",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeTags",
    *NETWORK_INTERFACES,
}
"""Actions for which AWS knows no resource (Service Authorization Reference) or, for the network interfaces that the
Lambda service makes, wants none named: nothing but "*" can stand there."""


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [function["Properties"]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
    assert len(set(roles)) == len(FUNCTIONS)
    assert set(roles) <= set(ROLES)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_role_may_write_what_belongs_to_people(role: str) -> None:
    writable = keys_of(role, "s3:PutObject")
    assert not [key for key in PEOPLES_KEYS for pattern in writable if fnmatch.fnmatchcase(key, pattern)]


def test_roles_read_and_write_exactly_their_part_of_the_bucket() -> None:
    assert keys_of("CollectRole", "s3:PutObject") == {"sources/*", "alerts/*"}
    assert keys_of("CollectRole", "s3:GetObject") == {
        *("anchors/*", "approvals/*", "sources/*", "bundles/configuration.json", "targets/*/record.json", "alerts/*")
    }
    assert keys_of("PublishRole", "s3:PutObject") == {"bundles/*", "targets/*", "alerts/*"}
    assert keys_of("PublishRole", "s3:GetObjectVersion") == {
        "targets/*",
        "crls/*/list.*",
        "crls/*/index.bin",
    }
    assert keys_of("PublishRole", "s3:GetObject") == {
        *(
            "anchors/*",
            "approvals/*",
            "extra/*",
            "sources/*",
            "bundles/*",
            "targets/*",
            "alerts/*",
            "crls/*/*",
        )
    }
    assert keys_of("RefreshCrlsRole", "s3:PutObject") == {"crls/*", "alerts/*"}
    assert keys_of("RefreshCrlsRole", "s3:GetObjectVersion") == {"crls/*"}
    assert keys_of("RefreshCrlsRole", "s3:GetObject") == {
        *("anchors/*", "approvals/*", "sources/*", "bundles/configuration.json", "bundles/*/pins.json"),
        *("bundles/*/revocations.json", "bundles/*/wanted.pem", "targets/.pinned/*", "crls/*", "alerts/*"),
    }
    assert keys_of("ReportRole", "s3:PutObject") == {"status/*", "alerts/*"}
    assert keys_of("ReportRole", "s3:GetObject") == {
        *("anchors/*", "sources/*", "alerts/*", "status/status.json", "status/expiry.json", "status/files.json"),
        *("crls/state.json", "crls/*/manifest.json"),
        *("bundles/configuration.json", "bundles/*/manifest.json", "bundles/*/revocations.json"),
        *("targets/*/record.json", "targets/*/revocations.json"),
    }
    assert keys_of("ReportRole", "s3:GetObjectVersion") == {"anchors/*", "approvals/*", "extra/*", "status/files.json"}
    assert not [chat for chat in CHATS if keys_of(f"{chat}Role", "s3:GetObject")]


def test_nobody_may_do_everything_or_delete_anything_but_a_message_that_is_done() -> None:
    granted = {action for statement in STATEMENTS if statement.allows for action in statement.actions}
    assert not [action for action in granted if "*" in action]
    making_or_ending = {action for action in granted if re.search(r":(Create|Delete|Remove)", action)}
    interfaces = {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"}
    lists = {"elasticloadbalancing:RemoveTrustStoreRevocations"}  # after the newer one was added and proved
    domains = {"apigateway:RemoveCertificateFromDomain"}  # no truststore goes by it: PATCH is for one of ours alone
    assert making_or_ending == {"sqs:DeleteMessage", "logs:CreateLogStream"} | interfaces | lists | domains


def test_only_lambda_itself_makes_network_interfaces_and_only_in_a_vpc() -> None:
    about = [s for s in STATEMENTS if any(action.startswith("ec2:") for action in s.actions)]
    asking = {"CollectRole": ("HasVpc",), "RefreshCrlsRole": ("HasVpc",)}
    others = dict.fromkeys(set(ROLES) - {*asking, "SchedulerRole"}, ("HasVpcForAll",))
    assert {(s.role, s.under, s.allows) for s in about} == {
        (role, under, allows) for role, under in (asking | others).items() for allows in (True, False)
    }
    for allowed, denied in batched(about, 2, strict=True):
        assert set(allowed.actions) == NETWORK_INTERFACES
        assert denied.actions == ["ec2:*"]
        assert denied.body["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_publish_cannot_read_the_credentials_and_collect_cannot_touch_a_target() -> None:
    by_role = {
        role: {action for s in STATEMENTS if s.role == role and s.allows for action in s.actions} for role in ROLES
    }
    assert {"ssm:GetParameter", "secretsmanager:GetSecretValue"} <= by_role["CollectRole"]
    assert not [a for a in by_role["PublishRole"] if a.startswith(("ssm:", "secretsmanager:"))]
    assert not [s for s in STATEMENTS if s.role == "PublishRole" and "KmsKeyArn" in refs(s.body)], "the secrets' key"
    assert {action.split(":")[0] for action in by_role["RefreshCrlsRole"]} == {
        "s3",
        "sqs",
        "sns",
        "logs",
        "xray",
        "ec2",
        "events",
        "kms",
    }
    assert {action.split(":")[0] for action in by_role["ReportRole"]} == {
        *("s3", "sns", "sqs", "logs", "xray", "events", "kms", "ec2")
    }
    assert not [a for a in by_role["CollectRole"] if a.startswith(("elasticloadbalancing:", "apigateway:"))]
    for role in ("SlackRole", "TeamsRole"):
        assert {action.split(":")[0] for action in by_role[role]} == {
            *("sqs", "logs", "xray", "ssm", "secretsmanager", "kms", "ec2")
        }
    assert {action.split(":")[0] for action in by_role["AmazonQRole"]} == {"sqs", "logs", "xray", "sns", "kms", "ec2"}


def test_a_bare_wildcard_stands_only_where_aws_knows_no_resource() -> None:
    bare = {action for s in STATEMENTS if s.allows and "*" in s.resources for action in s.actions}
    assert bare == EXPLAINED_WILDCARDS
    lines = [line for line in TEXT.splitlines() if re.search(r'Resource: "\*"', line)]
    assert lines
    assert all("#" in line for line in lines), "each says why on its line"


def test_a_wildcard_inside_a_name_is_a_prefix_of_the_bucket_or_an_api_or_distribution_known_at_run_time() -> None:
    partial = {
        (s.sid, as_list(resource["Fn::Sub"])[0])
        for s in STATEMENTS
        if s.allows
        for resource in s.resources
        if isinstance(resource, dict) and "*" in as_list(resource.get("Fn::Sub", ""))[0] and not in_bucket(resource)
        if "TagsTargets" not in s.under
    }
    apis = "arn:${AWS::Partition}:apigateway:${AWS::Region}::"
    assert partial == {
        ("ReadWhoIsAsked", f"{apis}/restapis/??????????/stages/*/exports/oas30"),
        ("ReadDistributions", "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*"),
    }


@pytest.mark.parametrize(
    ("parameter", "condition"),
    [
        ("TargetArns", "ListsTargets"),
        ("AdoptObjectArns", "HasAdoptObjects"),
        ("FileBucketArns", "HasFilePlaces"),
        ("KmsKeyArn", "HasKey"),
        ("WatchFileUri", "HasWatchFile"),
    ],
)
def test_an_empty_parameter_makes_no_statement(parameter: str, condition: str) -> None:
    assert PARAMETERS[parameter]["Default"] == ""
    using = [s for s in STATEMENTS if parameter in refs(s.body)]
    assert using
    assert all(condition in s.under for s in using)


def literal(text: dict[str, Any]) -> dict[str, Any]:
    """Give the expression in which an asterisk of a wildcard domain's name is one, and no wildcard of IAM's."""
    return {"Fn::Join": ["${*}", {"Fn::Split": ["*", text]}]}


def test_targets_are_changed_by_name_and_domains_only_towards_our_bucket() -> None:
    changing = {
        action: s
        for s in STATEMENTS
        if "TagsTargets" not in s.under
        for action in s.actions
        if action in {"apigateway:PATCH", *TLS}
        or re.fullmatch(r"elasticloadbalancing:(Modify|Add|Remove)TrustStore.*", action)
    }
    assert len(changing) == 6
    for action, statement in changing.items():
        if action.startswith("elasticloadbalancing:"):
            assert statement.resources == [{"Ref": "TargetArns"}]
    (escaped,) = changing["apigateway:PATCH"].resources
    assert escaped == {"Fn::Split": [",", literal({"Fn::Join": [",", {"Ref": "TargetArns"}]})]}
    asked = changing["apigateway:PATCH"].body["Condition"]["StringLike"]["apigateway:Request/MtlsTrustStoreUri"]
    condition, there, home = asked["Fn::If"]
    assert (condition, home) == ("HasRegionBuckets", {"Fn::Sub": "s3://${State.Value}/targets/*"})
    for buckets in ("arn:aws:s3:::a-eu-west-1,arn:aws:s3:::b-sa-east-1", "arn:aws-us-gov:s3:::a-us-gov-east-1"):
        names = [each.rpartition(":")[2] for each in buckets.split(",")]
        resolver = Resolver({"RegionBucketArns": buckets}, {"State": ("state", "")})
        assert resolver.of(there) == [f"s3://{name}/targets/*" for name in ("state", *names)]
    ours = {"apigateway:Request/MtlsTrustStoreUri": asked}
    assert changing["apigateway:PATCH"].body["Condition"] == {"StringLike": ours}, (
        "no PATCH without a truststore of ours"
    )
    for action in TLS:
        assert changing[action].body["Condition"] == {"StringLikeIfExists": ours}


TLS = ("apigateway:AddCertificateToDomain", "apigateway:RemoveCertificateFromDomain")
"""What UpdateDomainName is checked for besides PATCH (Service Authorization Reference, API Gateway Management)."""
STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/73e2d6bc24d8a067"
LIST = "arn:aws:apigateway:us-east-1::/domainnames"


@pytest.mark.parametrize(
    ("targets", "buckets", "granted"),
    [
        (
            f"{STORE},{LIST}/*.a.example,{LIST}/b.example",
            "",
            [STORE, f"{LIST}/${{*}}.a.example", f"{LIST}/b.example", LIST],
        ),
        (STORE, "", [STORE]),
        (f"{LIST}/b.example", "arn:aws:s3:::a-eu-west-1", [f"{LIST}/b.example", "arn:aws:apigateway:*::/domainnames"]),
    ],
)
def test_tls_of_domains_is_granted_on_the_named_domains_and_on_their_list_only_where_there_is_one(
    targets: str, buckets: str, granted: list[str]
) -> None:
    (statement,) = [s for s in STATEMENTS if s.sid == "ChangeDomainsTls"]
    assert statement.actions == [*TLS]
    resolver = Resolver({"TargetArns": targets, "RegionBucketArns": buckets}, {"State": ("state", "")})
    assert resolver.of(statement.body["Resource"]) == granted


def test_publish_sets_one_tag_with_the_name_of_its_own_bucket() -> None:
    named, *tagged = [s for s in STATEMENTS if "elasticloadbalancing:AddTags" in s.actions]
    assert (named.role, named.resources) == ("PublishRole", [{"Ref": "TargetArns"}])
    one = {
        "ForAllValues:StringEquals": {"aws:TagKeys": [MARK]},
        "StringEqualsIfExists": {f"aws:RequestTag/{MARK}": {"Fn::GetAtt": ["State", "Value"]}},
    }
    assert named.body["Condition"] == one
    assert [s.sid for s in tagged] == ["ChangeTaggedTrustStores", "ChangeTaggedListeners"]
    assert [s.body["Condition"] for s in tagged] == [one | {"StringEquals": OWN_TAG}] * 2


OWN_TAG = {"aws:ResourceTag/genesys-certificate-watcher:stack": {"Ref": "AWS::StackName"}}


def test_a_fleet_is_changed_only_where_it_bears_the_stacks_name_and_domains_only_towards_our_bucket() -> None:
    fleet = [s for s in STATEMENTS if "TagsTargets" in s.under]
    assert {s.role for s in fleet} == {"PublishRole"}
    reading = re.compile(
        r"elasticloadbalancing:Describe\w+|cloudfront:GetDistributionConfig|apigateway:(GET|ListRoutingRules)"
    )
    changing = [s for s in fleet if not all(map(reading.fullmatch, s.actions))]
    assert [s.sid for s in changing] == [
        *("ChangeTaggedTrustStores", "ChangeTaggedListeners", "ChangeTaggedCloudFrontTrustStores"),
        *("ChangeTaggedDomains", "ChangeTaggedDomainsTls", "ChangeTaggedDomainsTlsByTheList"),
    ]
    for statement in changing[:-1]:
        assert statement.body["Condition"]["StringEquals"] == OWN_TAG
    ours = {"apigateway:Request/MtlsTrustStoreUri": {"Fn::Sub": "s3://${State.Value}/targets/*"}}
    assert [each.actions for each in changing[-2:]] == [[*TLS], [*TLS]], "which are worth nothing without PATCH"
    assert changing[-1].body["Condition"] == {"StringLikeIfExists": ours}
    assert changing[-3].actions == ["apigateway:PATCH"]
    assert changing[-3].body["Condition"]["StringLike"] == ours
    assert changing[-2].body["Condition"]["StringLikeIfExists"] == ours, "these checks may not see the truststore"
    # Objects of a place for files bear no such tag: they are named by their folder alone.
    named = [s for s in STATEMENTS if "ListsTargets" in s.under and "HasFilePlaces" not in s.under]
    listed = {action for s in named for action in s.actions}
    assert {action for s in fleet for action in s.actions} == listed, "both ways of naming targets allow the same"
    assert not Resolver({}, {}).holds("TagsTargets")


def test_listeners_are_changed_by_name_and_only_where_one_is_named() -> None:
    changing, _tagged = [s for s in STATEMENTS if "elasticloadbalancing:ModifyListener" in s.actions]
    assert (changing.role, changing.actions) == ("PublishRole", ["elasticloadbalancing:ModifyListener"])
    assert changing.resources == [{"Ref": "TargetArns"}]
    assert changing.under == ("ListsTargets", "HasListeners")
    store = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/0123456789abcdef"
    door = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/door/0123456789abcdef/fedcba9876543210"
    for arns, holds in (("", False), (store, False), (door, True), (f"{store},{door}", True)):
        assert Resolver({"TargetArns": arns}, {}).holds("HasListeners") is holds, arns


def test_files_are_kept_below_the_named_folders_and_only_where_a_bucket_is_named() -> None:
    arns = ["arn:aws:s3:::edge-1/a/", "arn:aws:s3:::edge-2/b/c/"]
    parameters = {"TargetArns": ",".join(arns), "FileBucketArns": "arn:aws:s3:::edge-1,arn:aws:s3:::edge-2"}
    (keeping, listing) = (s for s in STATEMENTS if s.sid in {"KeepFiles", "ListFiles"})
    assert {keeping.role, listing.role} == {"PublishRole"}
    assert keeping.under == listing.under == ("ListsTargets", "HasFilePlaces")
    assert keeping.actions == ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    (split,) = keeping.resources
    assert Resolver(parameters, {}).of(split) == [f"{arn}*" for arn in arns]
    assert Resolver(parameters, {}).holds("HasFilePlaces")
    for empty in ("", f"{arns[0]},", f",{arns[0]}", f"{arns[0]},,{arns[1]}"):
        assert not Resolver(parameters | {"TargetArns": empty}, {}).holds("HasFilePlaces"), "'*' is every object"
    assert (listing.actions, listing.resources) == (["s3:ListBucket"], [{"Ref": "FileBucketArns"}])


def test_trust_stores_of_cloudfront_are_changed_by_name_and_only_where_one_is_named() -> None:
    named = [s for s in STATEMENTS if "TagsTargets" not in s.under]
    using = {s.sid: s for s in named if any(action.startswith("cloudfront:") for action in s.actions)}
    assert {(s.role, s.under) for s in using.values()} == {("PublishRole", ("ListsTargets", "HasCloudFront"))}
    changing = using["ChangeCloudFrontTrustStores"]
    assert changing.resources == [{"Ref": "TargetArns"}]
    assert set(changing.actions) == {
        "cloudfront:GetTrustStore",
        "cloudfront:UpdateTrustStore",
        "cloudfront:ListDistributionsByTrustStore",
    }
    assert using["ReadDistributions"].actions == ["cloudfront:GetDistributionConfig"]
    store = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/0123456789abcdef"
    edge = "arn:aws:cloudfront::123456789012:trust-store/ts_0a1b2c3d4e5f"
    for arns, holds in (("", False), (store, False), (edge, True), (f"{store},{edge}", True)):
        assert Resolver({"TargetArns": arns}, {}).holds("HasCloudFront") is holds, arns


def test_the_domains_and_their_mappings_are_named_one_by_one() -> None:
    arns = ["arn:p:apigateway:r::/domainnames/a.example", "arn:p:apigateway:r::/domainnames/b.example"]
    (statement,) = [s for s in STATEMENTS if s.sid == "ReadDomains"]
    resolver = Resolver({"TargetArns": ",".join(arns)}, {})
    paths = ("", "/basepathmappings", "/apimappings")
    assert resolver.of(statement.body["Resource"]) == [f"{arn}{path}" for path in paths for arn in arns]
    (split,) = statement.resources
    joined = [each["Fn::Join"][1]["Fn::Split"][1] for each in split["Fn::Split"][1]["Fn::Sub"][1].values()]
    assert [*split["Fn::Split"][1]["Fn::Sub"][1].values()] == [literal(each) for each in joined]


def test_the_watch_file_is_read_by_its_name() -> None:
    for role in ("CollectRole", "PublishRole", "RefreshCrlsRole", "ReportRole"):
        statement = next(s for s in STATEMENTS if s.role == role and s.sid == "ReadWatchFile")
        _, names = statement.resources[0]["Fn::Sub"]
        index, split = names["Object"]["Fn::Select"]
        scheme, padded = split["Fn::Split"]
        for uri, expected in (("s3://bucket/watch/file.yaml", "bucket/watch/file.yaml"), ("", "")):
            assert padded["Fn::Sub"].replace("${WatchFileUri}", uri).split(scheme)[index] == expected


def test_every_role_has_the_boundary_and_the_path_that_an_organisation_asks_for() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    for parameters, expected in (
        ({}, {"Path": "/"}),
        (
            {"PermissionsBoundaryArn": boundary, "RolePath": "/platform/"},
            {"Path": "/platform/", "PermissionsBoundary": boundary},
        ),
    ):
        resolver = Resolver(parameters, {})
        for name, role in ROLES.items():
            given = resolver.of({key: role["Properties"].get(key) for key in ("Path", "PermissionsBoundary")})
            assert given == expected, name
    for pattern, right, wrong in (
        ("RolePath", ("/", "/a/", "/a/b-1/"), ("", "a/", "/a", "//", "/a b/")),
        ("PermissionsBoundaryArn", ("", boundary, "arn:aws:iam::aws:policy/PowerUserAccess"), ("boundary", "*")),
    ):
        allowed = re.compile(PARAMETERS[pattern]["AllowedPattern"])
        assert all(allowed.fullmatch(one) for one in right)
        assert not any(allowed.fullmatch(one) for one in wrong)


def test_nothing_is_tied_to_one_partition() -> None:
    cut = re.findall(r'"arn:(aws[a-z-]*):s3:::"', TEXT)  # what is cut off from the ARNs of buckets, to have their names
    assert {*cut} == {"aws", "aws-cn", "aws-us-gov", "aws-eusc"}
    assert len(re.findall(r"arn:aws(-cn|-us-gov|-eusc)?:", TEXT)) == len(cut)
