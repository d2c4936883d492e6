"""The default ``execute-api`` endpoints of the APIs behind a domain: an open one leads past mutual TLS.

Mappings are listed by both APIs: v1 knows those to REST APIs, v2 those to APIs of either kind. A domain whose routing
mode says so leads to further APIs, or to these alone, by routing rules, which stand in a list of their own (v2) with an
IAM action of its own; where the role lacks it, that is reported as an endpoint, since any API may be behind the rules.
So is an API that the role may not read; one that was deleted is left out with a line in the log. Neither keeps a
truststore from its update. Throttling and outages are no such case and raise.
"""

import logging
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from botocore.exceptions import ClientError

from rotation_watcher.adapters.api_gateway_authorizers import MAX_DEFINITION, asks_always
from rotation_watcher.adapters.aws_errors import code
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.ports import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

_LOG = logging.getLogger(__name__)
_ABSENT = {"NotFoundException", "BadRequestException"}
MAPPINGS, RULES = "mappings", "rules"
"""The two ways by which a domain leads to APIs."""
LIST_RULES = "apigateway:ListRoutingRules"
"""IAM knows this action by the operation's name, not by the verb GET (Service Authorization Reference)."""
READ = "apigateway:GET"
_DENIED = {"AccessDeniedException", "UnauthorizedException"}


class _Api(msgspec.Struct, frozen=True):
    name: str
    closed: bool
    http: bool


class _Behind(NamedTuple):
    """A stage of an API to which a domain leads."""

    api: str
    stage: str


def default_endpoints(
    rest: "APIGatewayClient",
    http: "ApiGatewayV2Client",
    domain: str,
    *,
    ways: Container[str],
    authorizer: str | None = None,
) -> tuple[Endpoint, ...]:
    """One endpoint for each API behind the domain, by API id. ``ways``: which of the two its routing mode uses.

    ``authorizer`` is the ARN of the stack's own authorizer: each mapped stage is searched for it. Raises ClientError,
    BotoCoreError.
    """
    of_rest = {*_rest_mappings(rest, domain)} if MAPPINGS in ways else set[_Behind]()
    mapped = of_rest | {*_http_mappings(http, domain)} if MAPPINGS in ways else of_rest
    ruled, endpoints = _ruled(http, domain) if RULES in ways else (set[_Behind](), [])
    behind = mapped | ruled
    known_to_rest = {one.api for one in of_rest}
    for api_id in sorted({one.api for one in behind}):
        api = (None if api_id in known_to_rest else _http_api(http, api_id)) or _rest_api(rest, api_id)
        if api is None:
            _LOG.warning("The API %s behind the domain %s is not there any more, and is left out.", api_id, domain)
            continue
        if isinstance(api, Endpoint):
            endpoints.append(api)
            continue
        state = "closed" if api.closed else "open, and leads past mutual TLS"
        detail = f"The default execute-api endpoint of the API {api.name} is {state}."
        authorized = authorizer is not None and all(
            _authorized(rest, http, one, authorizer, of_http=api.http) for one in sorted(behind) if one.api == api_id
        )
        name = f"execute-api of {api_id} ({api.name})"
        stage = next((one.stage for one in sorted(behind) if one.api == api_id), "")
        door = Door(DoorKind.HTTP_API if api.http else DoorKind.REST_API, api_id, stage)
        endpoints.append(Endpoint(name, api.closed, detail, authorized=authorized, door=door))
    return tuple(endpoints)


def _authorized(
    rest: "APIGatewayClient", http: "ApiGatewayV2Client", behind: _Behind, authorizer: str, *, of_http: bool
) -> bool:
    """Whether each operation of a stage, as it is deployed, asks the authorizer. What cannot be read does not."""
    if not behind.stage:  # the first part of a path names it: any stage is meant
        return False
    try:
        if of_http:
            exported: Any = http.export_api(
                ApiId=behind.api, StageName=behind.stage, Specification="OAS30", OutputType="JSON"
            )
        else:
            exported = rest.get_export(
                restApiId=behind.api,
                stageName=behind.stage,
                exportType="oas30",
                parameters={"extensions": "authorizers"},
                accepts="application/json",
            )
    except ClientError as error:
        _pass_over(error, f"the definition of the stage {behind.stage} of the API {behind.api}")
        return False
    return asks_always(exported["body"].read(MAX_DEFINITION + 1), authorizer, of_http=of_http)


def _rest_mappings(rest: "APIGatewayClient", domain: str) -> Iterator[_Behind]:
    try:
        for page in rest.get_paginator("get_base_path_mappings").paginate(domainName=domain):
            for mapping in page.get("items", []):
                if mapping.get("restApiId"):
                    yield _Behind(mapping["restApiId"], mapping.get("stage", ""))
    except ClientError as error:
        _pass_over(error, f"the REST mappings of {domain}")


def _http_mappings(http: "ApiGatewayV2Client", domain: str) -> Iterator[_Behind]:
    more: Any = {}
    try:
        while True:
            page = http.get_api_mappings(DomainName=domain, **more)
            yield from (_Behind(mapping["ApiId"], mapping["Stage"]) for mapping in page.get("Items", []))
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}
    except ClientError as error:
        _pass_over(error, f"the API mappings of {domain}")


def _ruled(http: "ApiGatewayV2Client", domain: str) -> tuple[set[_Behind], list[Endpoint]]:
    """The stages that routing rules lead to; or, where the rules may not be listed, an endpoint that says so."""
    found: set[_Behind] = set()
    more: Any = {}
    try:
        while True:
            page = http.list_routing_rules(DomainName=domain, **more)
            actions = [action for rule in page.get("RoutingRules", []) for action in rule.get("Actions", [])]
            found |= {_Behind(action["InvokeApi"]["ApiId"], action["InvokeApi"]["Stage"]) for action in actions}
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


def _rest_api(rest: "APIGatewayClient", api_id: str) -> _Api | Endpoint | None:
    try:
        api = rest.get_rest_api(restApiId=api_id)
    except ClientError as error:
        return _unread(error, f"the REST API {api_id}", api_id)
    return _Api(api.get("name", ""), bool(api.get("disableExecuteApiEndpoint")), http=False)


def _http_api(http: "ApiGatewayV2Client", api_id: str) -> _Api | Endpoint | None:
    try:
        api = http.get_api(ApiId=api_id)
    except ClientError as error:
        return _unread(error, f"the API {api_id}", api_id)
    return _Api(api.get("Name", ""), bool(api.get("DisableExecuteApiEndpoint")), http=True)


def _unread(error: ClientError, what: str, api_id: str) -> Endpoint | None:
    """An API that the role may not read, whose default endpoint may be open; None for one that is not there."""
    _pass_over(error, what)
    if code(error) not in _DENIED:
        return None
    detail = (
        f"The API {api_id} cannot be read: whether its default execute-api endpoint leads past mutual TLS is not known."
        f" The function's role lacks {READ} on it."
    )
    return Endpoint(f"execute-api of {api_id}", False, detail)


def _pass_over(error: ClientError, what: str) -> None:
    """Let pass what concerns one API or one list (where the role may not read it, the log says so); raise the rest."""
    if code(error) not in {*_ABSENT, *_DENIED}:
        raise error
    if code(error) in _DENIED:
        _LOG.warning("%s cannot be read: %s", what, error)
