"""The policies in docs/conformance/permissions under moto's IAM: each is enough for a whole run, and no grant is idle.

What moto cannot judge stands in ``BESIDES`` of ``test_permissions``, with the reason. Nor does it judge conditions on
tags (``StringLike`` holds for it whatever the tags are), or API Gateway's actions: those are judged here, by the calls
that were made.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult

from genesys_certs.conformance import running
from genesys_certs.conformance.model import Outcome
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.suites import SUITES
from local.aws.calls import Call
from local.aws.enforcing import Asked
from local.aws.other_place import Keys, assumed
from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.aws_errors import code
from tests.conformance.doors import doors
from tests.conformance.embedded import DEPLOYMENT, ROLE, RUN, TRUST, options, present, services, with_keys
from tests.conformance.test_permissions import BESIDES, FOLDER, VERBS, knows

UNVERSIONED = ("OtherBucket", "s3:GetObjectVersion")
"""The bundle of another account is named without its version, but at API Gateway."""

type Document = dict[str, Any]
DOMAIN = "/domainnames/conformance.example.com"
PATHS = {
    **dict.fromkeys(("GetDomainNames", "CreateDomainName"), "/domainnames"),
    **dict.fromkeys(("GetRestApis", "CreateRestApi"), "/restapis"),
    "CreateDeployment": "/restapis/a/deployments",
    "DeleteRestApi": "/restapis/a",
    "CreateBasePathMapping": f"{DOMAIN}/basepathmappings",
}
ONE_STATEMENT_LESS = {
    "alb": ("TrustStore", "alb.bundle.two-roots"),
    "api-gateway": ("Objects", "api-gateway.bundle.two-roots"),
    "nlb": ("Listener", "nlb.filter.exact-dns"),
    "nlb-handshake": ("Listener", "nlb-handshake.client.known"),
    "cloudfront": ("TrustStore", "cloudfront.bundle.two-roots"),
    "alb-handshake": ("Listener", "alb-handshake.client.known"),
    "api-gateway-handshake": ("Objects", "api-gateway-handshake.client.known"),
    "distribution": ("Distribution", "distribution.listing.by-id"),
}
"""A statement of each policy, and a question that nobody can ask without it."""


class Grant(NamedTuple):
    """One action on one resource of a statement."""

    sid: str
    action: str
    resource: str


class Run(NamedTuple):
    """``refused``: calls that were answered 403. ``asked``: what moto's IAM was asked, and what API Gateway's would be.

    ``silent``: the probes that could not be asked, with the code; "all" where the run ended before any.
    """

    refused: list[str]
    asked: frozenset[Asked]
    silent: dict[str, str]
    clean: bool


def document(name: str) -> Document:
    found: Document = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def apart(policy: Document) -> Iterator[tuple[Grant, Document]]:
    """Each grant of a policy that can match anything, and a statement that allows no more."""
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                if resource == "*" or action.startswith("apigateway:") or knows(action, resource):
                    one = {"Effect": "Allow", "Action": action, "Resource": resource}
                    yield Grant(statement["Sid"], action, resource), one


def without(policy: Document, less: Grant) -> str:
    """The policy with one grant less, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [each for one, each in apart(policy) if one != less]})


def allowed(policy: str, asked: Asked) -> bool:
    return IAMPolicy(policy).is_action_permitted(asked.action, asked.resource) is PermissionResult.PERMITTED


def of_api_gateway(call: Call) -> Asked:
    """What IAM is asked for a call of API Gateway: the HTTP verb, on what the call's path names."""
    verb = next(verb for word, verb in VERBS.items() if call.operation.startswith(word))
    path = PATHS.get(call.operation, "/restapis/a/resources/b/methods/GET" if verb == "PUT" else DOMAIN)
    return Asked(f"apigateway:{verb}", f"arn:aws:apigateway:{call.region}::{path}")


def run(name: str, policy: str, only: str = "*") -> Run:
    """A suite in the name of a role with this policy."""
    clock = present()
    with EmbeddedAws(clock, deploy_delay=DEPLOYMENT) as aws, doors(aws) as connect:
        chosen, world = options(aws), services(aws, clock, connect)
        iam = aws.client("iam")
        arn = iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        for role in ("caller", ROLE):
            iam.put_role_policy(RoleName=role, PolicyName="kit", PolicyDocument=policy)
        make = with_keys(aws, assumed(aws, arn))
        kept: dict[tuple[str, str], Any] = {}

        def client(service: str, region: str | None) -> Any:
            place = (service, region or aws.region)
            kept[place] = kept.get(place) or make(*place)
            return kept[place]

        def restricted(service: str, role: str, within: str) -> Any:
            """As the command does it, in the caller's name."""
            taken = client("sts", None).assume_role(RoleArn=role, RoleSessionName="conformance", Policy=within)
            given = taken["Credentials"]
            keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
            return with_keys(aws, keys)(service, aws.region)

        suite = SUITES[name].only([only])
        suite = suite._replace(probes=[probe for probe in suite.probes if not probe.unclaimed])
        world = world._replace(client=client, restricted=restricted)
        aws.calls.clear()
        silent, clean = {}, False
        with aws.enforced_iam() as asked:
            try:
                record, gone = running.run(suite, world, chosen, RUN, Redactor([]), _quiet)
            except ClientError as error:
                silent = {"all": code(error)}
            else:
                clean = gone.clean
                answers = record.answers.items()
                silent = {one: answer.code for one, answer in answers if answer.outcome is Outcome.NOT_ASKED}
        calls = aws.calls.snapshot()
    gateway = [of_api_gateway(call) for call in calls if call.service.startswith("apigateway")]
    return Run(
        [f"{call.service}:{call.operation} {call.resource}" for call in calls if call.status == 403],
        frozenset([*asked, *gateway]),
        silent,
        clean,
    )


def _quiet(_line: str) -> None:
    """Tell nobody."""


@cache
def whole(name: str) -> Run:
    """All of a suite under its policy; once in a process."""
    return run(name, json.dumps(document(name)))


@pytest.mark.parametrize("name", SUITES)
def test_a_policy_is_enough_for_every_question_and_for_the_removal(name: str) -> None:
    found, policy = whole(name), json.dumps(document(name))
    assert (found.refused, found.silent, found.clean) == ([], {}, True)
    assert [one for one in found.asked if not allowed(policy, one)] == []


@pytest.mark.parametrize("name", SUITES)
def test_without_any_one_grant_something_is_refused(name: str) -> None:
    found, policy = whole(name), document(name)
    grants = [
        one
        for one, _ in apart(policy)
        if one.action not in BESIDES and not one.resource.endswith("/tags/*") and (one.sid, one.action) != UNVERSIONED
    ]
    assert len(grants) > 10
    assert [one for one in grants if all(allowed(without(policy, one), each) for each in found.asked)] == []


@pytest.mark.parametrize("name", SUITES)
def test_where_a_statement_is_missing_a_question_is_not_asked_or_the_run_ends(name: str) -> None:
    sid, probe = ONE_STATEMENT_LESS[name]
    policy = document(name)
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
    found = run(name, json.dumps(policy), probe)
    assert found.refused
    assert {*found.silent.values()} <= {"AccessDenied"}
    assert found.silent or not found.clean
