"""The APIs behind a domain: whose default endpoint leads past mutual TLS."""

import logging
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.errors import TargetBusy
from tests.support import contract_targets
from tests.support.contract_targets import ContractTarget


def test_an_api_that_both_versions_list_is_named_once(rest: ContractTarget, aws: EmbeddedAws) -> None:
    (mapping,) = aws.client("apigatewayv2").get_api_mappings(DomainName=rest.name)["Items"]
    (endpoint,) = rest.read().known_endpoints

    assert endpoint.name == f"execute-api of {mapping['ApiId']} (orders)"
    assert endpoint.verifies
    assert "closed" in endpoint.detail


def test_apis_of_both_kinds_are_named_each_with_its_own_state(rest: ContractTarget, aws: EmbeddedAws) -> None:
    name = rest.name
    opened = contract_targets.map_rest_api(aws, name, path="v2", closed=False)
    contract_targets.map_rest_api(aws, name, path="v3")
    http = aws.client("apigatewayv2")
    of_http = http.create_api(Name="events", ProtocolType="HTTP")["ApiId"]
    http.create_stage(ApiId=of_http, StageName="$default")
    http.create_api_mapping(DomainName=name, ApiId=of_http, Stage="$default", ApiMappingKey="events")
    endpoints = rest.read().known_endpoints

    assert len(endpoints) == 4
    open_ones = {one.name: one.detail for one in endpoints if not one.verifies}
    assert {*open_ones} == {f"execute-api of {opened} (orders)", f"execute-api of {of_http} (events)"}
    assert all("open" in detail for detail in open_ones.values())


def test_the_same_api_under_two_paths_is_named_once(rest: ContractTarget, aws: EmbeddedAws) -> None:
    name = rest.name
    (mapping,) = aws.client("apigateway").get_base_path_mappings(domainName=name)["items"]
    aws.client("apigateway").create_base_path_mapping(
        domainName=name, restApiId=mapping["restApiId"], stage="live", basePath="again"
    )

    assert len(rest.read().known_endpoints) == 1


def test_a_rest_api_that_only_v2_has_mapped_is_named_too(
    hidden: ContractTarget, aws: EmbeddedAws, rest: ContractTarget
) -> None:
    (mapping,) = aws.client("apigateway").get_base_path_mappings(domainName=rest.name)["items"]
    aws.client("apigatewayv2").create_api_mapping(
        DomainName=hidden.name, ApiId=mapping["restApiId"], Stage="live", ApiMappingKey="rest"
    )

    assert f"execute-api of {mapping['restApiId']} (orders)" in {one.name for one in hidden.read().known_endpoints}


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("apigateway", "GetBasePathMappings"),
        ("apigatewayv2", "GetApiMappings"),
        ("apigateway", "GetRestApi"),
    ],
)
@pytest.mark.parametrize(("code", "logged"), [("AccessDeniedException", True), ("NotFoundException", False)])
def test_what_may_not_be_read_behind_a_domain_does_not_break_the_reading(
    service: str,
    operation: str,
    code: str,
    *,
    logged: bool,
    rest: ContractTarget,
    aws: EmbeddedAws,
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.fail_next(service, operation, code, 403, times=9)
    with caplog.at_level(logging.WARNING):
        live = rest.read()

    assert live.bundle
    deleted = operation == "GetRestApi" and code == "NotFoundException"
    assert len(live.known_endpoints) == (0 if deleted else 1)
    assert (code in caplog.text) is logged
    assert ("is left out" in caplog.text) is deleted


def test_an_api_that_the_role_may_not_read_may_be_open(rest: ContractTarget, aws: EmbeddedAws) -> None:
    (mapping,) = aws.client("apigateway").get_base_path_mappings(domainName=rest.name)["items"]
    aws.fail_next("apigateway", "GetRestApi", "AccessDeniedException", 403, times=9)
    (endpoint,) = rest.read().known_endpoints

    assert endpoint.name == f"execute-api of {mapping['restApiId']}"
    assert not endpoint.verifies
    assert "role lacks apigateway:GET" in endpoint.detail


@pytest.mark.parametrize(
    ("service", "operation"),
    [("apigateway", "GetBasePathMappings"), ("apigatewayv2", "GetApiMappings"), ("apigateway", "GetRestApi")],
)
def test_throttling_behind_a_domain_is_reported_as_such(
    service: str, operation: str, rest: ContractTarget, aws: EmbeddedAws
) -> None:
    aws.fail_next(service, operation, "TooManyRequestsException", 429)
    with pytest.raises(TargetBusy, match=f"behind {rest.arn}"):
        rest.read()


def test_many_mappings_are_read_page_by_page(aws: EmbeddedAws, rest: ContractTarget) -> None:
    client: Any = boto3.client("apigatewayv2")
    stub = Stubber(client)
    first, second, third = (contract_targets.map_rest_api(aws, rest.name, path=path) for path in "abc")
    pages = ({"Items": [_mapping(first)], "NextToken": "more"}, {"Items": [_mapping(second), _mapping(third)]})
    stub.add_response("get_api_mappings", pages[0], {"DomainName": rest.name})
    stub.add_response("get_api_mappings", pages[1], {"DomainName": rest.name, "NextToken": "more"})
    for _ in range(3):
        stub.add_client_error("get_api", "NotFoundException")
    stub.activate()
    aws.fail_next("apigateway", "GetBasePathMappings", "NotFoundException", 404)
    adapter = ApiGatewayDomains(aws.client("apigateway"), client, aws.client("s3"))

    assert len(adapter.read(rest.arn).known_endpoints) == 3
    stub.assert_no_pending_responses()


def _mapping(api: str) -> dict[str, str]:
    return {"ApiId": api, "Stage": "live"}
