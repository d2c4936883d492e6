"""The role of another account (``accounts/target-role.yaml``) under moto's IAM: it suffices, and needs every grant.

The watcher's own account may do everything here; what is judged is what was asked in the name of the other role, and
what a service reads from a bucket for it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest

from local.aws.distributions import set_mode
from local.aws.enforcing import Asked
from local.aws.other_place import OtherPlace
from local.aws.stored import Stored, read_object
from local.environment import BUCKET, Environment
from local.genesys.keys import DEFAULT_CACHE
from tests.roles.exemptions import EXEMPT
from tests.roles.grants import documents
from tests.roles.judging import JUDGED, allowed, idle, in_the_name_of, judged
from tests.stack.template import ROOT
from tests.support.elsewhere import PUBLISH_ROLE, TARGET_ROLE, allow_roles, make_region_bucket
from tests.support.roles import Resolver

OTHER, DUBLIN, NAME = "222222222222", "eu-west-1", "genesys-certificate-watcher-targets"
ROLE = f"arn:aws:iam::{OTHER}:role/{NAME}"
THERE: dict[str, Any] = {"role_arn": ROLE, "external_id": "our-watcher"}
REGIONAL, FILES, IN_USE = f"watcher-{DUBLIN}", "files-bucket", f"others-{OTHER}-us-east-1"
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
UNVERSIONED = {
    ("ReadDeployedVersions", "s3:GetObject"),
    ("ReadDeployedVersionsThere", "s3:GetObject"),
    ("ReadTruststoresInUse", "s3:GetObject"),
    ("DecryptDeployedVersions", "kms:Decrypt"),
    ("DecryptEarlierVersions", "kms:Decrypt"),
}
"""A service that loads a version asks for both rights of its caller (ModifyTrustStore); the embedded AWS for one.

And for no right to a key, of which AWS says nothing.
"""
KEY = f"arn:aws:kms:us-east-1:{OTHER}:key/"
"""Keys of the other account's, of its own buckets."""
OF_PUBLISH = "PutIntoRegionBuckets"
"""The statement of publish's own role that is judged here, since only here there is a bucket of another region."""
READ_FOR_IT = ("s3:GetObjectVersion", f"arn:aws:s3:::{REGIONAL}/crls/*/list.pem")
"""Elastic Load Balancing reads a list with its caller's rights; here every caller in that region is the other role."""
PACE = timedelta(seconds=31)
LARGEST_POLICIES = 10_240
"""Characters without blanks that all inline policies of a role may have together (docs: IAM and STS quotas)."""

LONGEST_PARAMETER = 4096
"""Bytes that the value of a parameter of CloudFormation may have (docs: CloudFormation quotas)."""


class There(NamedTuple):
    """The environment, the other account's own people, and the template for its role."""

    environment: Environment
    other: OtherPlace
    resolver: Resolver
    read: list[Asked]


def resolver(targets: str, **more: str) -> Resolver:
    parameters = {
        "PublishRoleArn": PUBLISH_ROLE,
        "ExternalId": "our-watcher",
        "RoleName": NAME,
        "StackBucketArn": f"arn:aws:s3:::{BUCKET}",
        "TargetArns": targets,
    }
    return Resolver(parameters | more, {"Role": (NAME, ROLE)}, TARGET_ROLE, OTHER)


def another_partner(environment: Environment) -> None:
    """The operator adds a CA of a partner, so that there is something to update."""
    environment.put("extra/partner.pem", environment.world.region("ap-south-1").root_pem())
    environment.watch["bundles"][0]["extra"] = ["extra/partner.pem"]
    environment.configure()


def later_lists(there: There) -> None:
    """Six days later authorities have signed other lists, which take the place of those that are loaded."""
    there.environment.clock.advance(timedelta(days=6))
    there.environment.refresh_crls()


def open_edge(there: There) -> None:
    """Somebody lets viewers in without a certificate: the distribution is in no listing of its trust store any more."""
    set_mode(there.other.client("cloudfront"), there.environment.distribution, {"Mode": "passthrough"})


def encrypt(place: OtherPlace, bucket: str, key: str) -> None:
    """Let a KMS key encrypt what is put into a bucket from now on."""
    rule: Any = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]}
    place.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)


def give(place: Any, role: str, policies: dict[str, str]) -> None:
    """Make the role anew with these policies."""
    iam = place.client("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    for name, text in policies.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    read: list[Asked] = []

    def noted(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
        """What ALB, API Gateway and CloudFront read with the rights of whoever names the object."""
        if account == OTHER:
            action = "s3:GetObjectVersion" if version else "s3:GetObject"
            read.append(Asked(action, f"arn:aws:s3:::{bucket}/{key}", NAME))
        return read_object(account, region, bucket, key, version)

    with Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"read_object": noted}) as environment:
        other, dublin = environment.aws.at(account=OTHER), environment.aws.at(DUBLIN, OTHER)
        make_region_bucket(environment.aws, DUBLIN, "watcher", roles=[ROLE])
        allow_roles(environment.aws, BUCKET, [ROLE])
        environment.reach(region_buckets=[REGIONAL], roles=[ROLE])
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        theirs = environment.world.region("sa-east-1").root_pem()
        other.client("s3").create_bucket(Bucket=IN_USE)
        encrypt(other, IN_USE, f"{KEY}truststores")
        store = environment.add_trust_store("alb", "main", theirs, at=other, **THERE)
        filters = [{"Field": "subject-ou", "Action": "accept", "MatchType": "exact", "Value": "Partner"}]
        targets = [
            store,
            environment.add_trust_store("dublin", "main", theirs, at=dublin, **THERE),
            environment.add_listener("door", "main", store, filters, at=other, **THERE),
            environment.add_rest_domain("rest", "main", theirs, at=other, **THERE),
            environment.add_cloudfront_trust_store("edge", "main", theirs, at=other, **THERE),
        ]
        other.client("s3").create_bucket(Bucket=FILES)
        other.client("s3").put_bucket_versioning(Bucket=FILES, VersioningConfiguration={"Status": "Enabled"})
        encrypt(other, FILES, f"{KEY}files")
        place = f"arn:aws:s3:::{FILES}/genesys/prod/"
        environment.watch["targets"].append({"id": "files", "arn": place, "bundle": "main", **THERE})
        environment.configure()
        template = resolver(
            ",".join([*targets, place]),
            RegionBucketArns=f"arn:aws:s3:::{REGIONAL}",
            FileBucketArns=f"arn:aws:s3:::{FILES}",
            AdoptObjectArns=f"arn:aws:s3:::{IN_USE}/before/rest.pem",
            ReadKmsKeyArns=f"{KEY}truststores",
            FileBucketKmsKeyArns=f"{KEY}files",
        )
        give(other, "owner", {"all": ALL})
        give(environment.aws, "PublishRole", {"all": ALL})
        give(other, NAME, documents(template, "Role"))
        yield There(environment, other, template, read)


@pytest.fixture(scope="module")
def everything(there: There) -> frozenset[Asked]:
    """What was asked in anybody's name: updates, revocation lists, an opened distribution, a way back."""
    environment = there.environment
    with (
        in_the_name_of(environment.aws, PUBLISH_ROLE),
        environment.aws.enforced_iam() as judging,
    ):
        environment.watcher = environment.build()
        environment.aws.calls.clear()
        there.read.clear()
        steps = (environment.collect, environment.refresh_crls, partial(later_lists, there), partial(open_edge, there))
        for step in (*steps, partial(another_partner, environment)):
            with environment.aws.unenforced_iam():
                step()
            for target in ("alb", "dublin", "door", "rest", "edge", "files"):
                environment.clock.advance(PACE)
                environment.publish(target)
        environment.clock.advance(PACE)
        assert environment.publish(rollback="alb").targets["alb"].outcome == "rolled-back"
        refused = {
            f"{one.service}:{one.operation} {one.resource}" for one in environment.aws.calls if one.status == 403
        }
    assert refused == set()
    return frozenset(judging) | frozenset(there.read)


@pytest.fixture(scope="module")
def asked(everything: frozenset[Asked]) -> frozenset[Asked]:
    """What was asked in the role's name."""
    return frozenset(one for one in everything if one.role == NAME)


class Made(dict[str, tuple[str, str]]):
    """Ref and Arn of whatever else the stack's template names."""

    def __missing__(self, name: str) -> tuple[str, str]:
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        return arn, arn


def test_what_publish_asks_of_a_bucket_of_another_region_is_granted_and_no_such_grant_is_idle(
    everything: frozenset[Asked],
) -> None:
    """Of publish's own role (template.yaml), which has every right in this file, these are judged here."""
    places = Made(State=(BUCKET, f"arn:aws:s3:::{BUCKET}"))
    home = Resolver({"RegionBucketArns": f"arn:aws:s3:::{REGIONAL}", "TargetRoleArns": ROLE}, places)
    own = frozenset(one for one in everything if one.role == "PublishRole" and f":::{REGIONAL}" in one.resource)
    granted = documents(home, "PublishRole").values()
    assert not [one for one in own if one.action not in EXEMPT and not allowed(granted, one)]
    tried = [one for one in judged(home, "PublishRole") if one.sid == OF_PUBLISH and one[2:] != READ_FOR_IT]
    assert len(tried) == 5
    assert idle(home, "PublishRole", tried, own) == []


def test_the_role_suffices_and_no_grant_of_it_is_idle(there: There, asked: frozenset[Asked]) -> None:
    everything = documents(there.resolver, "Role").values()
    assert not [one for one in asked if one.action.partition(":")[0] in JUDGED and not allowed(everything, one)]
    tried = [one for one in judged(there.resolver, "Role") if (one.sid, one.action) not in UNVERSIONED]
    assert tried
    assert idle(there.resolver, "Role", tried, asked) == []


def test_nothing_else_of_the_account_is_the_roles(there: There) -> None:
    """What stands beside the targets, and what the role never has to do with them."""
    may = partial(allowed, documents(there.resolver, "Role").values())
    store = there.environment.arn("alb")
    another = store.replace("truststore/alb", "truststore/another")
    assert may(Asked("elasticloadbalancing:ModifyTrustStore", store))
    for action, resource in (
        ("elasticloadbalancing:ModifyTrustStore", another),
        ("elasticloadbalancing:DeleteTrustStore", store),
        ("elasticloadbalancing:CreateTrustStore", "*"),
        ("elasticloadbalancing:DeleteListener", there.environment.arn("door")),
        ("cloudfront:DeleteTrustStore", there.environment.arn("edge")),
        ("cloudfront:UpdateDistribution", f"arn:aws:cloudfront::{OTHER}:distribution/E1"),
        ("s3:PutObject", f"arn:aws:s3:::{BUCKET}/targets/a/bundle.pem"),
        ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/sources/use1/history.json"),
        ("s3:PutObject", f"arn:aws:s3:::{FILES}/another/ca-bundle.pem"),
        ("s3:DeleteObject", f"arn:aws:s3:::{FILES}/genesys/prod/ca-bundle.pem"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{OTHER}:secret:x"),
        ("sts:AssumeRole", "*"),
        ("iam:PutRolePolicy", ROLE),
    ):
        assert not may(Asked(action, resource)), (action, resource)


def size(*targets: str) -> int:
    policies = resolver(",".join(targets)).policies("Role").values()
    return sum(len(json.dumps(one, separators=(",", ":"))) for one in policies)


def test_a_role_has_room_for_as_many_targets_as_the_document_says() -> None:
    def store(n: int) -> str:
        return f"arn:aws:elasticloadbalancing:us-east-1:{OTHER}:truststore/genesys-{n:023}/{n:016x}"

    def domain(n: int) -> str:
        return f"arn:aws:apigateway:us-east-1::/domainnames/data-actions-{n}.example-bank.com"

    stores, domains = [store(n) for n in range(35)], [domain(n) for n in range(15)]
    assert len(",".join(stores)) <= LONGEST_PARAMETER
    assert size(*stores) < LARGEST_POLICIES
    assert size(*domains) < LARGEST_POLICIES
    assert size(*stores[:5], *domains[:5]) < LARGEST_POLICIES
    assert size(*stores[:15], *domains) > LARGEST_POLICIES, "which is why they want a role each"
    said = (ROOT / "docs" / "accounts.md").read_text()
    assert "some 35 trust stores, or some 15 domains, or 5 of each" in said
