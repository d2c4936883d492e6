"""How IAM at API Gateway is asked: in the name of the operator's role, each time with another session policy.

The embedded AWS enforces nothing there, so it answers each alike; what is tried here is the asking.
"""

import json
from typing import Any

import boto3
import pytest

from genesys_certs import aws as session
from genesys_certs.conformance import of_aws, running
from genesys_certs.conformance.api_gateway import SUITE
from genesys_certs.conformance.model import Outcome
from genesys_certs.conformance.redaction import Redactor
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.conformance.embedded import RUN, options, services

ROLE = "arn:aws:iam::123456789012:role/conformance"
DOMAIN = "arn:aws:apigateway:us-east-1::/domainnames/conformance.example.com"
DOMAINS = "arn:aws:apigateway:us-east-1::/domainnames"
ASKED = SUITE.only(["api-gateway.iam.*"])


def test_each_probe_asks_with_the_role_and_a_policy_of_its_own(aws: EmbeddedAws, clock: VirtualClock) -> None:
    asked: list[dict[str, Any]] = []

    def restricted(service: str, role: str, policy: str) -> Any:
        assert (service, role) == ("apigateway", ROLE)
        asked.append(json.loads(policy))
        return aws.client("apigateway")

    world = services(aws, clock)._replace(restricted=restricted)
    chosen = options(aws)._replace(role=ROLE)
    record, gone = running.run(ASKED, world, chosen, RUN, Redactor([]), lambda _: None)

    assert {name: answer.outcome for name, answer in record.answers.items()} == dict.fromkeys(
        record.answers, Outcome.TAKEN
    )
    assert gone.clean
    allowed = {
        name.rpartition(".")[2]: {
            (action, tuple(resources), "Condition" in statement)
            for statement in policy["Statement"][2:]
            for action in _listed(statement["Action"])
            for resources in [_listed(statement["Resource"])]
        }
        for name, policy in zip(record.answers, asked, strict=True)
    }
    patch, add = ("apigateway:PATCH", (DOMAIN,), False), "apigateway:AddCertificateToDomain"
    assert allowed["patch-alone"] == allowed["off-patch-alone"] == {patch}
    assert {patch, (add, (DOMAIN,), False)} < allowed["add-on-domain"] == allowed["off-on-domain"]
    assert {patch, (add, (DOMAIN, DOMAINS), False)} < allowed["add-on-both"]
    assert {patch, (add, ("*",), False)} < allowed["add-on-all"]
    assert {patch, (add, (DOMAIN, DOMAINS), True)} < allowed["add-with-truststore"]
    assert {("apigateway:PATCH", (DOMAIN,), True), (add, (DOMAIN, DOMAINS), False)} < allowed["resource-tag"]
    assert all(policy["Statement"][0]["Action"][0] == "s3:GetObject" for policy in asked)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_a_denial_is_an_answer_there_and_in_the_way_elsewhere(aws: EmbeddedAws, clock: VirtualClock) -> None:
    world = services(aws, clock)._replace(restricted=lambda _service, _role, _policy: aws.client("apigateway"))
    aws.fail_next("apigateway", "UpdateDomainName", "AccessDeniedException", 403, 2)
    suite = ASKED.only(["*.patch-alone", "*.add-on-domain"])
    record, _ = running.run(suite, world, options(aws)._replace(role=ROLE), RUN, Redactor([]), lambda _: None)
    assert {(one.outcome, one.code) for one in record.answers.values()} == {(Outcome.REFUSED, "AccessDeniedException")}
    aws.fail_next("apigateway", "UpdateDomainName", "AccessDeniedException", 403, 1)
    record, _ = running.run(SUITE.only(["*.leaf"]), world, options(aws), RUN, Redactor([]), lambda _: None)
    (answer,) = record.answers.values()
    assert (answer.outcome, answer.code) == (Outcome.NOT_ASKED, "AccessDeniedException")


def test_without_a_role_nobody_is_asked(aws: EmbeddedAws, clock: VirtualClock) -> None:
    record, _ = running.run(
        ASKED, services(aws, clock), options(aws)._replace(role=""), RUN, Redactor([]), lambda _: None
    )
    assert {answer.text for answer in record.answers.values()} == {"give --role"}


def test_the_role_is_taken_on_for_a_quarter_of_an_hour_under_the_policy(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    session.connect(None, "eu-west-1")
    client = of_aws._restricted("eu-west-1", "apigateway", ROLE, '{"Version": "2012-10-17", "Statement": []}')
    assert client.meta.region_name == "eu-west-1"
    assert client.get_domain_names()["items"] == []
    assert [call.operation for call in aws.calls.of("sts")] == ["AssumeRole"]
