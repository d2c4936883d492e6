"""APIs behind a domain that only routing rules lead to."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.errors import TargetBusy
from tests.support.contract_targets import PACE, ContractTarget

MODES = ["ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_BASE_PATH_MAPPING"]


def switch(target: ContractTarget, aws: EmbeddedAws, mode: str) -> None:
    """Set the routing mode through v1, and let the time pass that it needs."""
    patch = [{"op": "replace", "path": "/routingMode", "value": mode}]
    aws.client("apigateway").update_domain_name(domainName=target.name, patchOperations=patch)
    target.clock.advance(PACE)


def route(target: ContractTarget, aws: EmbeddedAws, priority: int, *, closed: bool = False) -> str:
    """A REST API that one rule leads to and no mapping; its id."""
    api = str(aws.client("apigateway").create_rest_api(name="ruled", disableExecuteApiEndpoint=closed)["id"])
    aws.client("apigatewayv2").create_routing_rule(
        DomainName=target.name,
        Priority=priority,
        Conditions=[{"MatchBasePaths": {"AnyOf": [f"path-{priority}"]}}],
        Actions=[{"InvokeApi": {"ApiId": api, "Stage": "live"}}],
    )
    return api


def found(target: ContractTarget) -> dict[str, bool]:
    return {one.name: one.verifies for one in target.read().known_endpoints}


@pytest.mark.parametrize("mode", MODES)
def test_an_open_endpoint_behind_a_rule_is_found(mode: str, rest: ContractTarget, aws: EmbeddedAws) -> None:
    switch(rest, aws, mode)
    opened, closed = route(rest, aws, 10), route(rest, aws, 20, closed=True)
    endpoints = found(rest)

    assert endpoints[f"execute-api of {opened} (ruled)"] is False
    assert endpoints[f"execute-api of {closed} (ruled)"] is True
    assert len(endpoints) == (2 if mode == "ROUTING_RULE_ONLY" else 3), (
        "mappings that the mode does not use lead nowhere"
    )


def test_it_is_found_behind_a_domain_that_only_v2_knows(hidden: ContractTarget, aws: EmbeddedAws) -> None:
    http = aws.client("apigatewayv2")
    configurations: Any = [{"EndpointType": "REGIONAL", "CertificateArn": "arn:aws:acm:us-east-1:1:certificate/x"}]
    http.update_domain_name(
        DomainName=hidden.name, DomainNameConfigurations=configurations, RoutingMode="ROUTING_RULE_THEN_API_MAPPING"
    )
    hidden.clock.advance(PACE)
    opened = route(hidden, aws, 10)

    assert found(hidden)[f"execute-api of {opened} (ruled)"] is False


def test_rules_that_the_routing_mode_does_not_use_are_not_listed(rest: ContractTarget, aws: EmbeddedAws) -> None:
    switch(rest, aws, "ROUTING_RULE_ONLY")
    route(rest, aws, 10)
    switch(rest, aws, "BASE_PATH_MAPPING_ONLY")
    aws.calls.clear()

    assert len(found(rest)) == 1
    assert aws.calls.of("apigatewayv2", "ListRoutingRules") == []


def test_many_rules_are_read_page_by_page(rest: ContractTarget, aws: EmbeddedAws) -> None:
    switch(rest, aws, "ROUTING_RULE_ONLY")
    apis = [route(rest, aws, priority) for priority in (30, 10, 20)]
    client = aws.new_client("apigatewayv2")
    client.meta.events.register("before-parameter-build.apigatewayv2.ListRoutingRules", _one_a_page)
    aws.calls.clear()
    live = ApiGatewayDomains(aws.client("apigateway"), client, aws.client("s3")).read(rest.arn)

    assert {f"execute-api of {api} (ruled)" for api in apis} <= {one.name for one in live.known_endpoints}
    assert len(aws.calls.of("apigatewayv2", "ListRoutingRules")) == 3


def _one_a_page(params: dict[str, Any], **_: object) -> None:
    params["MaxResults"] = 1


def test_rules_that_may_not_be_listed_are_reported_with_the_action_that_is_missing(
    rest: ContractTarget, aws: EmbeddedAws, initial: bytes
) -> None:
    switch(rest, aws, "ROUTING_RULE_ONLY")
    route(rest, aws, 10)
    aws.fail_next("apigatewayv2", "ListRoutingRules", "AccessDeniedException", 403)
    live = rest.read()

    assert live.bundle == initial
    (blind,) = [one for one in live.known_endpoints if "routing rules" in one.name]
    assert not blind.verifies
    assert "apigateway:ListRoutingRules" in blind.detail


def test_throttled_rules_are_reported_as_such(rest: ContractTarget, aws: EmbeddedAws) -> None:
    switch(rest, aws, "ROUTING_RULE_ONLY")
    aws.fail_next("apigatewayv2", "ListRoutingRules", "TooManyRequestsException", 429)
    with pytest.raises(TargetBusy, match=f"behind {rest.arn}"):
        rest.read()


# The embedded AWS itself.


def test_rules_are_listed_by_priority_and_can_be_taken_away(rest: ContractTarget, aws: EmbeddedAws) -> None:
    switch(rest, aws, "ROUTING_RULE_ONLY")
    for priority in (20, 10):
        route(rest, aws, priority)
    http = boto3.client("apigatewayv2")
    listed = http.list_routing_rules(DomainName=rest.name)["RoutingRules"]
    assert [rule["Priority"] for rule in listed] == [10, 20]
    assert listed[0]["RoutingRuleArn"].startswith("arn:aws:apigateway:us-east-1:123456789012:/domainnames/")

    http.delete_routing_rule(DomainName=rest.name, RoutingRuleId=listed[0]["RoutingRuleId"])
    assert [rule["Priority"] for rule in http.list_routing_rules(DomainName=rest.name)["RoutingRules"]] == [20]


@pytest.mark.parametrize(("change", "code"), [("mode", "BadRequest"), ("priority", "Conflict"), ("api", "NotFound")])
def test_a_rule_that_cannot_be_is_refused(change: str, code: str, rest: ContractTarget, aws: EmbeddedAws) -> None:
    if change != "mode":
        switch(rest, aws, "ROUTING_RULE_ONLY")
        route(rest, aws, 10)
    wanted: Any = {"Priority": 10 if change == "priority" else 11, "Conditions": [], "DomainName": rest.name}
    api = "nowhere" if change == "api" else aws.client("apigateway").create_rest_api(name="other")["id"]
    with pytest.raises(ClientError, match=code):
        aws.client("apigatewayv2").create_routing_rule(
            **wanted, Actions=[{"InvokeApi": {"ApiId": api, "Stage": "live"}}]
        )
