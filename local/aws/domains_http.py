"""API Gateway v2: the same domains as ``domains_rest``, in v2's words, and mappings to both kinds of API."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from moto.apigateway.models import APIGatewayBackend, apigateway_backends
from moto.apigatewayv2.models import ApiGatewayV2Backend, ApiMapping, apigatewayv2_backends
from moto.apigatewayv2.responses import ApiGatewayV2Response

from local.aws import routing_rules
from local.aws.domains import ApiGatewayError, Domain, Domains, Place, bad_request
from local.aws.routing_rules import mode_of

type Answer = tuple[int, dict[str, int], str]


def operations(domains: Domains) -> dict[str, Callable[[ApiGatewayV2Response], Any]]:
    """Return the domain and mapping operations of v2 by moto's names."""
    create, delete = ApiGatewayV2Response.create_domain_name, ApiGatewayV2Response.delete_domain_name

    def create_domain_name(response: ApiGatewayV2Response) -> Answer:
        place, body = Place.of(response), json.loads(response.body)
        name, wanted = body["domainName"], body.get("mutualTlsAuthentication") or {}
        with domains.lock:
            if domains.find(place, name) is not None:
                raise ApiGatewayError("ConflictException", "The domain name resource already exists.", 409)
            truststore = domains.load(place, wanted.get("truststoreUri"), wanted.get("truststoreVersion"))
            create(response)
            domains.add(place, name, truststore).routing_mode = mode_of(body.get("routingMode") or "API_MAPPING_ONLY")
            if domains.knobs.http_domains_visible_in_v1:
                _mirror(place, name, body)
            return 201, {"status": 201}, json.dumps(_described(domains, place, name, counts=False))

    def get_domain_name(response: ApiGatewayV2Response) -> Answer:
        return _ok(_described(domains, Place.of(response), _name(response), counts=True))

    def get_domain_names(response: ApiGatewayV2Response) -> Answer:
        place = Place.of(response)
        names = [each.domain_name for each in _http(place).get_domain_names()]
        return _ok({"items": [_described(domains, place, name, counts=False) for name in names]})

    def update_domain_name(response: ApiGatewayV2Response) -> Answer:
        place, name, body = Place.of(response), _name(response), json.loads(response.body or "{}")
        with domains.lock:
            _update(domains, place, name, body)
            return _ok(_described(domains, place, name, counts=False))

    def delete_domain_name(response: ApiGatewayV2Response) -> Any:
        place, name = Place.of(response), _name(response)
        answer = delete(response)
        domains.remove(place, name)
        rest = _rest(place)
        rest.domain_names.pop(name, None)
        rest.base_path_mappings.pop(name, None)
        return answer

    return {
        "create_domain_name": create_domain_name,
        "get_domain_name": get_domain_name,
        "get_domain_names": get_domain_names,
        "update_domain_name": update_domain_name,
        "delete_domain_name": delete_domain_name,
        "create_api": _create_api,
        **_mapping_operations(),
        **routing_rules.operations(domains),
    }


_MAKE_API = ApiGatewayV2Response.create_api


def _create_api(response: ApiGatewayV2Response) -> Answer:
    """Make an API with an id of ten characters, as the service does; moto's have eight."""
    backend = _http(Place.of(response))
    known = {*backend.apis}
    _MAKE_API(response)
    (made,) = {*backend.apis} - known
    api = backend.apis.pop(made)
    api.api_id, api.api_endpoint = f"{made}00", api.api_endpoint.replace(made, f"{made}00")
    backend.apis[api.api_id] = api
    return 201, {"status": 201}, json.dumps(api.to_json())


def _update(domains: Domains, place: Place, name: str, body: dict[str, Any]) -> None:
    domains.pace(place)
    domain = _found(domains, place, name)
    domains.ensure_settled(domain)
    configurations, wanted = body.get("domainNameConfigurations"), body.get("mutualTlsAuthentication")
    if not configurations and domains.knobs.v2_update_wants_configurations:
        raise bad_request("DomainNameConfigurations must be specified.")
    truststore = domain.truststore
    if wanted is not None:
        truststore = domains.load(place, wanted.get("truststoreUri"), wanted.get("truststoreVersion"))
    if configurations:
        _http(place).get_domain_name(name).domain_name_configurations = configurations
    if body.get("routingMode"):
        domain.routing_mode = mode_of(body["routingMode"])
    domains.start_update(domain, truststore)


def _mapping_operations() -> dict[str, Callable[[ApiGatewayV2Response], Any]]:
    """Return mappings as v2 sees them: it maps REST APIs as well (AWS: "API mappings for REST APIs"), and lists all."""
    create = ApiGatewayV2Response.create_api_mapping

    def create_api_mapping(response: ApiGatewayV2Response) -> Any:
        place, body = Place.of(response), json.loads(response.body)
        name, api = unquote(response.path.split("/")[3]), body.get("apiId")
        http, rest = _http(place), _rest(place)
        if api in http.apis or api not in rest.apis:
            return create(response)
        http.get_domain_name(name)  # raises where there is none
        key, stage = body.get("apiMappingKey", ""), body.get("stage", "")
        identifier = f"rest{len(http.api_mappings)}"
        mapping = ApiMapping(api_id=api, api_mapping_key=key, api_mapping_id=identifier, domain_name=name, stage=stage)
        http.api_mappings[identifier] = mapping
        return 201, {"status": 201}, json.dumps(mapping.to_json())

    def get_api_mappings(response: ApiGatewayV2Response) -> Answer:
        place, name = Place.of(response), unquote(response.path.split("/")[3])
        http, rest = _http(place), _rest(place)
        http.get_domain_name(name)  # moto answers an unknown domain with an empty list
        mappings = [each.to_json() for each in http.get_api_mappings(name)]
        for each in rest.base_path_mappings.get(name, {}).values():
            key = "" if each.base_path == "(none)" else each.base_path
            identifier = f"v1-{key or 'none'}"
            mapping = {
                "apiId": each.rest_api_id,
                "apiMappingId": identifier,
                "apiMappingKey": key,
                "stage": each.stage or "",
            }
            mappings.append(mapping)
        return _ok({"items": mappings})

    return {"create_api_mapping": create_api_mapping, "get_api_mappings": get_api_mappings}


def _mirror(place: Place, name: str, body: dict[str, Any]) -> None:
    """Make the domain known to v1."""
    configuration = (body.get("domainNameConfigurations") or [{}])[0]
    tags: Any = body.get("tags")  # moto types them as a list, and treats them as what they are, a mapping
    backend = _rest(place)
    mirrored = backend.create_domain_name(
        domain_name=name,
        certificate_name="",
        tags=tags,
        certificate_arn="",
        certificate_body="",
        certificate_private_key="",
        certificate_chain="",
        regional_certificate_name="",
        regional_certificate_arn=configuration.get("certificateArn") or "",
        endpoint_configuration={"types": [configuration.get("endpointType") or "REGIONAL"]},
        security_policy=configuration.get("securityPolicy") or "TLS_1_2",
    )
    backend.base_path_mappings.setdefault(mirrored.domain_name, {})


def _http(place: Place) -> ApiGatewayV2Backend:
    return apigatewayv2_backends[place.account][place.region]


def _rest(place: Place) -> APIGatewayBackend:
    return apigateway_backends[place.account][place.region]


def _found(domains: Domains, place: Place, name: str) -> Domain:
    _http(place).get_domain_name(name)  # raises where v2 does not know it
    domain = domains.find(place, name)
    if domain is None:
        raise ApiGatewayError(
            "NotFoundException", "The domain name resource specified in the request was not found.", 404
        )
    return domain


def _described(domains: Domains, place: Place, name: str, *, counts: bool) -> dict[str, Any]:
    domain = _found(domains, place, name)
    status = domains.status(domain, counts=counts)
    shown = _http(place).get_domain_name(name).to_json()
    given = {"apiGatewayDomainName": f"d-{name.replace('.', '')}.execute-api.{place.region}.amazonaws.com"}
    shown["domainNameConfigurations"] = [
        given | {"hostedZoneId": "Z2FDTNDATAQYW2"} | each | {"domainNameStatus": status}
        for each in shown["domainNameConfigurations"]
    ]
    shown["routingMode"] = domain.routing_mode
    del shown["mutualTlsAuthentication"]
    if (mutual_tls := domain.mutual_tls()) is not None:
        shown["mutualTlsAuthentication"] = mutual_tls
    return shown


def _name(response: ApiGatewayV2Response) -> str:
    return unquote(response.path.split("/")[3])


def _ok(body: dict[str, Any]) -> Answer:
    return 200, {"status": 200}, json.dumps(body)
