"""Routing rules of custom domains (API Gateway v2), which moto lacks: the members are those of botocore's model.

A rule invokes a stage of a REST API. Whether rules count is the domain's routing mode, which v1 calls by other words
than v2. APIs that only rules lead to stand in no list of mappings.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2 import urls
from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.aws.domains import ApiGatewayError, Domain, Domains, Place, bad_request

type Answer = tuple[int, dict[str, int], str]

MODES: Mapping[str, str] = {
    "API_MAPPING_ONLY": "BASE_PATH_MAPPING_ONLY",
    "ROUTING_RULE_ONLY": "ROUTING_RULE_ONLY",
    "ROUTING_RULE_THEN_API_MAPPING": "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
}
"""v2's words for a routing mode, and v1's."""
_PATHS = (
    "{0}/v2/domainnames/(?P<domain_name>[^/]+)/routingrules$",
    "{0}/v2/domainnames/(?P<domain_name>[^/]+)/routingrules/(?P<routing_rule_id>[^/]+)$",
)
_USUAL_PAGE = 100


def mode_of(said: str) -> str:
    """Return a routing mode in v2's words, given in either's. Raises BadRequestException."""
    for http, rest in MODES.items():
        if said in {http, rest}:
            return http
    raise bad_request(f"Invalid routing mode: {said}")


@contextmanager
def routed() -> Iterator[None]:
    """Let moto know the paths for the length of the block."""
    for path in _PATHS:
        urls.url_paths[path] = ApiGatewayV2Response.dispatch
    try:
        yield
    finally:
        for path in _PATHS:
            urls.url_paths.pop(path, None)


def operations(domains: Domains) -> dict[str, Callable[[ApiGatewayV2Response], Any]]:
    """Return the operations on routing rules by moto's names."""

    def create_routing_rule(response: ApiGatewayV2Response) -> Answer:
        domain, body = _domain(domains, response), json.loads(response.body)
        if domain.routing_mode == "API_MAPPING_ONLY":
            raise bad_request("The domain's routing mode uses no routing rules.")
        priority = body.get("priority")
        if any(rule["priority"] == priority for rule in domain.rules.values()):
            raise ApiGatewayError("ConflictException", "A rule with this priority already exists.", 409)
        place = Place.of(response)
        for action in body.get("actions", []):
            if action.get("invokeApi", {}).get("apiId") not in apigateway_backends[place.account][place.region].apis:
                raise ApiGatewayError("NotFoundException", "Invalid API identifier specified.", 404)
        domain.rules_made += 1
        identifier = f"rule{domain.rules_made}"
        kept = {name: body.get(name, []) for name in ("actions", "conditions")}
        rule = kept | {"priority": priority, "routingRuleId": identifier, "routingRuleArn": _arn(response, identifier)}
        domain.rules[identifier] = rule
        return 201, {"status": 201}, json.dumps(rule)

    def list_routing_rules(response: ApiGatewayV2Response) -> Answer:
        domain = _domain(domains, response)
        start = int(response._get_param("nextToken") or 0)  # noqa: SLF001  # moto's way to a query parameter
        end = start + int(response._get_param("maxResults") or _USUAL_PAGE)  # noqa: SLF001
        rules = sorted(domain.rules.values(), key=lambda rule: int(rule["priority"]))
        more = {"nextToken": str(end)} if end < len(rules) else {}
        return 200, {"status": 200}, json.dumps({"routingRules": rules[start:end], **more})

    def delete_routing_rule(response: ApiGatewayV2Response) -> tuple[int, dict[str, int], str]:
        identifier = unquote(response.path.split("/")[5])
        if _domain(domains, response).rules.pop(identifier, None) is None:
            raise ApiGatewayError("NotFoundException", "Invalid routing rule identifier specified.", 404)
        return 204, {"status": 204}, ""

    return {
        "create_routing_rule": create_routing_rule,
        "list_routing_rules": list_routing_rules,
        "delete_routing_rule": delete_routing_rule,
    }


def _domain(domains: Domains, response: ApiGatewayV2Response) -> Domain:
    found = domains.find(Place.of(response), _name(response))
    if found is None:
        raise ApiGatewayError("NotFoundException", "Invalid domain name identifier specified", 404)
    return found


def _arn(response: ApiGatewayV2Response, identifier: str) -> str:
    place = Place.of(response)
    path = f"/domainnames/{_name(response)}/routingrules/{identifier}"
    return f"arn:aws:apigateway:{place.region}:{place.account}:{path}"


def _name(response: ApiGatewayV2Response) -> str:
    return unquote(response.path.split("/")[3])
