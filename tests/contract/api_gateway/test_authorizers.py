"""Whether the APIs behind a domain ask the stack's authorizer: at every operation, as deployed, and never cached."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.api_gateway import ApiGatewayDomains
from rotation_watcher.adapters.api_gateway_authorizers import MAX_DEFINITION, asks_always
from rotation_watcher.errors import TargetBusy
from tests.support import contract_targets
from tests.support.contract_targets import ContractTarget

OURS = "arn:aws:lambda:us-east-1:123456789012:function:watcher-Authorize"
PLACE = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions"


def uri(function: str = OURS) -> str:
    return f"{PLACE}/{function}/invocations"


class RestApi:
    """The REST API of a domain; what is changed counts once it is deployed."""

    def __init__(self, aws: EmbeddedAws, target: ContractTarget) -> None:
        self.client, self.target = aws.client("apigateway"), target
        (mapping,) = self.client.get_base_path_mappings(domainName=target.name)["items"]
        self.id = mapping["restApiId"]
        (self.root,) = self.client.get_resources(restApiId=self.id)["items"]

    def attach(self, *, deploy: bool = True, method: str = "GET", **said: Any) -> None:
        asked = {"type": "REQUEST", "authorizerUri": uri(), "authorizerResultTtlInSeconds": 0} | said
        authorizer = self.client.create_authorizer(restApiId=self.id, name=f"for {method}", **asked)["id"]
        self.method(method, authorizationType="CUSTOM", authorizerId=authorizer)
        if deploy:
            self.deploy()

    def method(self, method: str, **more: Any) -> None:
        place = {"restApiId": self.id, "resourceId": self.root["id"], "httpMethod": method}
        self.client.put_method(**place, **({"authorizationType": "NONE"} | more))
        self.client.put_integration(**place, type="MOCK")

    def deploy(self) -> None:
        self.client.create_deployment(restApiId=self.id, stageName="live")


class HttpApi:
    """The HTTP API of a domain, with one route; its stage deploys by itself."""

    def __init__(self, aws: EmbeddedAws, target: ContractTarget) -> None:
        self.client = aws.client("apigatewayv2")
        (mapping,) = self.client.get_api_mappings(DomainName=target.name)["Items"]
        self.id = mapping["ApiId"]
        self.client.delete_stage(ApiId=self.id, StageName=mapping["Stage"])
        self.client.create_stage(ApiId=self.id, StageName=mapping["Stage"], AutoDeploy=True)

    def attach(self, *, route: str = "$default", **said: Any) -> None:
        asked = {"AuthorizerType": "REQUEST", "AuthorizerUri": uri(), "AuthorizerPayloadFormatVersion": "2.0"}
        asked |= {"IdentitySource": []} | said
        authorizer = self.client.create_authorizer(ApiId=self.id, Name=f"for {route}", **asked)["AuthorizerId"]
        self.route(route, AuthorizationType="CUSTOM", AuthorizerId=authorizer)

    def route(self, route: str, **more: Any) -> None:
        self.client.create_route(ApiId=self.id, RouteKey=route, **more)


@pytest.fixture
def api(aws: EmbeddedAws, rest: ContractTarget) -> RestApi:
    return RestApi(aws, rest)


@pytest.fixture
def http(aws: EmbeddedAws, hidden: ContractTarget) -> HttpApi:
    return HttpApi(aws, hidden)


def found(aws: EmbeddedAws, target: ContractTarget, authorizer: str | None = OURS) -> dict[str, bool]:
    adapter = ApiGatewayDomains(aws.client("apigateway"), aws.client("apigatewayv2"), aws.client("s3"), authorizer)
    return {one.name.split()[2]: one.authorized for one in adapter.read(target.arn).known_endpoints}


def test_a_rest_api_that_asks_at_every_method_is_found_once_it_is_deployed(
    aws: EmbeddedAws, rest: ContractTarget, api: RestApi
) -> None:
    assert found(aws, rest) == {api.id: False}
    api.attach(deploy=False)
    assert found(aws, rest) == {api.id: False}, "attached, and not deployed"
    api.deploy()
    assert found(aws, rest) == {api.id: True}
    assert found(aws, rest, None) == {api.id: False}, "a stack without an authorizer"


def test_an_http_api_that_asks_at_every_route_is_found(aws: EmbeddedAws, hidden: ContractTarget, http: HttpApi) -> None:
    assert found(aws, hidden) == {http.id: False}, "an API without a route"
    http.attach()
    assert found(aws, hidden) == {http.id: True}
    http.attach(route="GET /orders", AuthorizerResultTtlInSeconds=0)
    assert found(aws, hidden) == {http.id: True}
    http.route("GET /open")
    assert found(aws, hidden) == {http.id: False}


@pytest.mark.parametrize(
    "change",
    [
        lambda api: api.method("POST"),
        lambda api: api.method("ANY", authorizationType="AWS_IAM"),
        lambda api: api.attach(method="PUT", authorizerResultTtlInSeconds=300, deploy=False),
        lambda api: api.attach(method="PUT", authorizerUri=uri(OURS + "2"), deploy=False),
        lambda api: api.attach(method="PUT", authorizerUri=uri(OURS + ":1"), deploy=False),
        lambda api: api.attach(method="PUT", type="TOKEN", deploy=False),
    ],
    ids=["an open method", "another authorization", "cached", "another function", "an old version", "by a token"],
)
def test_one_method_that_does_not_ask_is_enough(
    change: Callable[[RestApi], None], aws: EmbeddedAws, rest: ContractTarget, api: RestApi
) -> None:
    api.attach()
    assert found(aws, rest) == {api.id: True}
    change(api)
    api.deploy()
    assert found(aws, rest) == {api.id: False}


@pytest.mark.parametrize(
    "said",
    [
        {"AuthorizerResultTtlInSeconds": 60, "IdentitySource": ["$request.header.x"]},
        {"IdentitySource": ["$request.header.x"]},
        {"AuthorizerUri": uri("arn:aws:lambda:us-east-1:123456789012:function:other")},
    ],
    ids=["cached", "cached as usual", "another function"],
)
def test_an_http_api_whose_answers_are_reused_does_not_count(
    said: dict[str, Any], aws: EmbeddedAws, hidden: ContractTarget, http: HttpApi
) -> None:
    http.attach(**said)
    assert found(aws, hidden) == {http.id: False}


def test_each_stage_and_each_api_counts_by_itself(aws: EmbeddedAws, rest: ContractTarget, api: RestApi) -> None:
    api.attach()
    other = contract_targets.map_rest_api(aws, rest.name, path="other")
    assert found(aws, rest) == {api.id: True, other: False}
    api.method("GET")
    api.client.create_deployment(restApiId=api.id, stageName="test")
    api.client.create_base_path_mapping(domainName=rest.name, restApiId=api.id, stage="test", basePath="test")
    assert found(aws, rest) == {api.id: False, other: False}


def test_a_mapping_that_leaves_the_stage_to_the_path_does_not_count(
    aws: EmbeddedAws, rest: ContractTarget, api: RestApi
) -> None:
    api.attach()
    api.client.create_base_path_mapping(domainName=rest.name, restApiId=api.id, basePath="any")
    assert found(aws, rest) == {api.id: False}


def test_a_definition_that_may_not_be_read_does_not_count_and_is_logged(
    aws: EmbeddedAws, rest: ContractTarget, api: RestApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.attach()
    aws.fail_next("apigateway", "GetExport", "AccessDeniedException", 403)
    with caplog.at_level(logging.WARNING):
        assert found(aws, rest) == {api.id: False}
    assert f"the stage live of the API {api.id} cannot be read" in caplog.text
    aws.fail_next("apigateway", "GetExport", "TooManyRequestsException", 429, times=9)
    with pytest.raises(TargetBusy):
        found(aws, rest)


_SAID = {"type": "request", "authorizerUri": uri(), "authorizerResultTtlInSeconds": 0}
SCHEME = {"x-amazon-apigateway-authorizer": _SAID}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"paths": []},
        {"paths": {}},
        {"paths": {"/": {}}},
        {"paths": {"/": {"get": {"security": [{"a": []}]}}}},
        {"paths": {"/": {"get": {"security": "a"}}}, "components": {"securitySchemes": {"a": SCHEME}}},
        {"paths": {"/": {"get": None}}, "components": {"securitySchemes": {"a": SCHEME}}},
        {"paths": {"/": {"get": {"security": [{"a": []}]}}}, "components": {"securitySchemes": {"a": {"type": "x"}}}},
        {"paths": {"/": {"get": {"security": [{"a": []}]}}}, "components": {"securitySchemes": ["a"]}},
    ],
)
def test_what_is_no_such_definition_does_not_ask(document: object) -> None:
    assert not asks_always(json.dumps(document).encode(), OURS, of_http=False)


def test_a_definition_that_is_cut_off_or_huge_does_not_ask() -> None:
    whole = json.dumps(
        {"paths": {"/": {"get": {"security": [{"a": []}]}}}, "components": {"securitySchemes": {"a": SCHEME}}}
    ).encode()
    assert asks_always(whole, OURS, of_http=False)
    assert not asks_always(whole[:-1], OURS, of_http=False)
    assert not asks_always(b"[" * 100_000, OURS, of_http=False)
    assert not asks_always(whole + b" " * MAX_DEFINITION, OURS, of_http=False)
