"""The default ``execute-api`` endpoints of the APIs behind a domain: an open one leads past mutual TLS.

Mappings are listed by both APIs: v1 knows those to REST APIs, v2 those to APIs of either kind. A domain whose routing
mode says so leads to further APIs by routing rules, which stand in a list of their own (v2) with an IAM action of its
own; where the role lacks it, that is reported as an endpoint, since any API may be behind the rules. An API that cannot
be read (it was deleted, or the role may not) is left out with a line in the log: it must not keep a truststore from its
update. Throttling and outages are no such case and raise.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from rotation_watcher.adapters.aws_errors import code
from rotation_watcher.ports import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

_LOG = logging.getLogger(__name__)
_ABSENT = {"NotFoundException", "BadRequestException"}
LIST_RULES = "apigateway:ListRoutingRules"
"""IAM knows this action by the operation's name, not by the verb GET (Service Authorization Reference)."""
_DENIED = {"AccessDeniedException", "UnauthorizedException"}


class _Api(NamedTuple):
    name: str
    closed: bool


def default_endpoints(
    rest: "APIGatewayClient", http: "ApiGatewayV2Client", domain: str, *, rules: bool
) -> tuple[Endpoint, ...]:
    """One endpoint for each API behind the domain, by API id. ``rules``: whether its routing mode uses routing rules.

    Raises ClientError, BotoCoreError.
    """
    of_rest = {*_rest_mappings(rest, domain)}
    ruled, endpoints = _ruled(http, domain) if rules else (set[str](), [])
    for api_id in sorted(of_rest | {*_http_mappings(http, domain)} | ruled):
        api = (None if api_id in of_rest else _http_api(http, api_id)) or _rest_api(rest, api_id)
        if api is None:
            _LOG.warning("The API %s behind the domain %s cannot be read and is left out.", api_id, domain)
            continue
        state = "closed" if api.closed else "open, and leads past mutual TLS"
        detail = f"The default execute-api endpoint of the API {api.name} is {state}."
        endpoints.append(Endpoint(f"execute-api of {api_id} ({api.name})", api.closed, detail))
    return tuple(endpoints)


def _rest_mappings(rest: "APIGatewayClient", domain: str) -> Iterator[str]:
    try:
        for page in rest.get_paginator("get_base_path_mappings").paginate(domainName=domain):
            yield from (mapping["restApiId"] for mapping in page.get("items", []) if mapping.get("restApiId"))
    except ClientError as error:
        _pass_over(error, f"the REST mappings of {domain}")


def _http_mappings(http: "ApiGatewayV2Client", domain: str) -> Iterator[str]:
    more: Any = {}
    try:
        while True:
            page = http.get_api_mappings(DomainName=domain, **more)
            yield from (mapping["ApiId"] for mapping in page.get("Items", []))
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}
    except ClientError as error:
        _pass_over(error, f"the API mappings of {domain}")


def _ruled(http: "ApiGatewayV2Client", domain: str) -> tuple[set[str], list[Endpoint]]:
    """The APIs that routing rules lead to; or, where the rules may not be listed, an endpoint that says so."""
    found: set[str] = set()
    more: Any = {}
    try:
        while True:
            page = http.list_routing_rules(DomainName=domain, **more)
            actions = [action for rule in page.get("RoutingRules", []) for action in rule.get("Actions", [])]
            found |= {action["InvokeApi"]["ApiId"] for action in actions}
            if not page.get("NextToken"):
                return found, []
            more = {"NextToken": page["NextToken"]}
    except ClientError as error:
        _pass_over(error, f"the routing rules of {domain}")
        if code(error) not in _DENIED:
            return found, []
    detail = (
        f"The routing rules of {domain} cannot be listed, so the APIs behind them are not known: an open execute-api"
        f" endpoint among them leads past mutual TLS. The function's role lacks the action {LIST_RULES}."
    )
    return found, [Endpoint(f"routing rules of {domain}", False, detail)]


def _rest_api(rest: "APIGatewayClient", api_id: str) -> _Api | None:
    try:
        api = rest.get_rest_api(restApiId=api_id)
    except ClientError as error:
        _pass_over(error, f"the REST API {api_id}")
        return None
    return _Api(api.get("name", ""), bool(api.get("disableExecuteApiEndpoint")))


def _http_api(http: "ApiGatewayV2Client", api_id: str) -> _Api | None:
    try:
        api = http.get_api(ApiId=api_id)
    except ClientError as error:
        _pass_over(error, f"the API {api_id}")
        return None
    return _Api(api.get("Name", ""), bool(api.get("DisableExecuteApiEndpoint")))


def _pass_over(error: ClientError, what: str) -> None:
    """Let pass what concerns one API or one list (where the role may not read it, the log says so); raise the rest."""
    if code(error) not in {*_ABSENT, *_DENIED}:
        raise error
    if code(error) in _DENIED:
        _LOG.warning("%s cannot be read: %s", what, error)
