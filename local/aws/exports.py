"""Exports of APIs as OpenAPI 3.0, as far as they say which authorizer an operation asks; moto's have nothing of it.

What is exported of a stage of a REST API is what was deployed to it last, and not what the API has become since. An
HTTP API's stage that deploys by itself follows its API; others have nothing, since moto knows no deployment of them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.apigateway.models import RestAPI, apigateway_backends
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2 import urls
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.aws.domains import ApiGatewayError, Place

type Answer = tuple[int, dict[str, str], bytes]

_PATH = "{0}/v2/apis/(?P<api_id>[^/]+)/exports/(?P<specification>[^/]+)$"
_ANY = "x-amazon-apigateway-any-method"


@contextmanager
def routed() -> Iterator[None]:
    """Let moto know the path for the length of the block."""
    urls.url_paths[_PATH] = ApiGatewayV2Response.dispatch
    try:
        yield
    finally:
        urls.url_paths.pop(_PATH, None)


def rest_operations() -> dict[str, Callable[[APIGatewayResponse], Any]]:
    """Return the operations of v1 by moto's names."""
    create = APIGatewayResponse.create_deployment

    def create_deployment(response: APIGatewayResponse) -> Any:
        answer = create(response)
        api = _rest_api(response)
        deployed: dict[str, dict[str, Any]] = api.__dict__.setdefault("deployed_definitions", {})
        deployed[json.loads(answer[2])["id"]] = _of_rest(api)
        return answer

    def get_export(response: APIGatewayResponse) -> Answer:
        parts = response.path.split("/")
        stage, wanted = parts[-3], parts[-1]
        api = _rest_api(response)
        if wanted != "oas30":
            raise ApiGatewayError("BadRequestException", f"No API exporter for type '{wanted}'", 400)
        if stage not in api.stages:
            raise ApiGatewayError("NotFoundException", "Invalid stage identifier specified", 404)
        known = api.__dict__.get("deployed_definitions", {}).get(api.stages[stage].deployment_id)
        if known is None:
            raise ApiGatewayError("NotFoundException", "Invalid deployment identifier specified", 404)
        if response._get_param("extensions") != "authorizers":  # noqa: SLF001  # moto's way to a query parameter
            known = known | {"components": {}}
        return 200, {"Content-Type": "application/json"}, json.dumps(known).encode()

    return {"create_deployment": create_deployment, "get_export": get_export}


def http_operations() -> dict[str, Callable[[ApiGatewayV2Response], Any]]:
    """Return the operations of v2 by moto's names."""

    def export_api(response: ApiGatewayV2Response) -> Answer:
        place, parts = Place.of(response), response.path.split("/")
        if parts[-1] != "OAS30":
            raise ApiGatewayError("BadRequestException", "The specification must be OAS30.", 400)
        api = apigatewayv2_backends[place.account][place.region].get_api(parts[-3])
        stage = api.stages.get(response._get_param("stageName"))  # noqa: SLF001
        if stage is None or not stage.auto_deploy:
            raise ApiGatewayError("NotFoundException", "Invalid stage identifier specified", 404)
        return 200, {"Content-Type": "application/json"}, json.dumps(_of_http(api)).encode()

    return {"export_api": export_api}


def _of_rest(api: RestAPI) -> dict[str, Any]:
    schemes = {
        str(one.name): _scheme(one.type, one.authorizer_uri, one.authorizer_result_ttl, one.identity_source)
        for one in api.authorizers.values()
    }
    names = {identifier: str(one.name) for identifier, one in api.authorizers.items()}
    paths: dict[str, dict[str, Any]] = {}
    for resource in api.resources.values():
        for verb, method in resource.resource_methods.items():
            operation = _operation(names, method.authorization_type, method.authorizer_id)
            paths.setdefault(resource.get_path(), {})[_ANY if verb == "ANY" else verb.lower()] = operation
    return _document(api.name, paths, schemes)


def _of_http(api: Any) -> dict[str, Any]:
    schemes = {
        one.name: _scheme(one.authorizer_type, one.authorizer_uri, one.auth_result_ttl, one.identity_source)
        for one in api.authorizers.values()
    }
    names = {identifier: one.name for identifier, one in api.authorizers.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in api.routes.values():
        verb, _, path = route.route_key.partition(" ")
        operation = _operation(names, route.authorization_type, route.authorizer_id)
        paths.setdefault(path or f"/{verb}", {})[verb.lower() if path and verb != "ANY" else _ANY] = operation
    return _document(api.name, paths, schemes)


def _scheme(kind: str | None, uri: str | None, reused_for: Any, by: Any) -> dict[str, Any]:
    said = {"authorizerUri": uri, "authorizerResultTtlInSeconds": reused_for, "identitySource": by}
    given = {name: value for name, value in said.items() if value is not None} | {"type": str(kind).lower()}
    return {"type": "apiKey", "name": "Unused", "in": "header", "x-amazon-apigateway-authorizer": given}


def _operation(names: Mapping[str, str], kind: str | None, authorizer: str | None) -> dict[str, Any]:
    """An operation, with the name of its authorizer if it has one."""
    asked = names.get(authorizer or "") if kind == "CUSTOM" else None
    return {"responses": {}} | ({"security": [{asked: []}]} if asked else {})


def _document(title: str, paths: Mapping[str, Any], schemes: Mapping[str, Any]) -> dict[str, Any]:
    info = {"title": title, "version": "2026-01-01T00:00:00Z"}
    return {"openapi": "3.0.1", "info": info, "paths": paths, "components": {"securitySchemes": schemes}}


def _rest_api(response: APIGatewayResponse) -> RestAPI:
    place = Place.of(response)
    return apigateway_backends[place.account][place.region].get_rest_api(response.path.split("/")[2])
