"""API Gateway v1: domains with mutual TLS, patch operations, and two faults of moto mended.

moto reads the patch value ``"false"`` of ``disableExecuteApiEndpoint`` as true, and fails on a domain without mappings.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from moto.apigateway.models import RestAPI, apigateway_backends
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.utilities.utils import get_partition

from local.aws.domains import ApiGatewayError, Domain, Domains, Place, Truststore, bad_request, domain_arn
from local.aws.routing_rules import MODES, mode_of

type Answer = tuple[int, dict[str, int], str]

_URI, _VERSION = "/mutualTlsAuthentication/truststoreUri", "/mutualTlsAuthentication/truststoreVersion"
_PLAIN = {
    "/certificateArn": "certificate_arn",
    "/regionalCertificateArn": "regional_certificate_arn",
    "/regionalCertificateName": "regional_certificate_name",
    "/securityPolicy": "security_policy",
}
"""The other patches that are taken, by the attribute of moto's domain that holds their value."""


def operations(domains: Domains) -> dict[str, Callable[[APIGatewayResponse], Any]]:
    """Return the domain operations of v1 by moto's names."""
    create, delete = APIGatewayResponse.create_domain_name, APIGatewayResponse.delete_domain_name

    def create_domain_name(response: APIGatewayResponse) -> Answer:
        place, body = Place.of(response), json.loads(response.body)
        name = body["domainName"]
        with domains.lock:
            if domains.find(place, name) is not None:
                raise bad_request("The domain name you provided already exists.")
            truststore = _wanted(domains, place, body)
            mode = mode_of(body.get("routingMode") or "API_MAPPING_ONLY")
            create(response)
            domains.add(place, name, truststore).routing_mode = mode
            backend = apigateway_backends[place.account][place.region]
            backend.base_path_mappings.setdefault(name, {})
            if "REGIONAL" in _types(body):
                _mirror(place, name, body)
            return 201, {"status": 201}, json.dumps(_described(domains, place, name, counts=False))

    def get_domain_name(response: APIGatewayResponse) -> Answer:
        return _ok(_described(domains, Place.of(response), _name(response), counts=True))

    def get_domain_names(response: APIGatewayResponse) -> Answer:
        place = Place.of(response)
        names = [each.domain_name for each in apigateway_backends[place.account][place.region].get_domain_names()]
        return _ok({"item": [_described(domains, place, name, counts=False) for name in names]})

    def update_domain_name(response: APIGatewayResponse) -> Answer:
        place, name = Place.of(response), _name(response)
        patches = json.loads(response.body or "{}").get("patchOperations", [])
        with domains.lock:
            domains.pace(place)
            domain = _found(domains, place, name)
            domains.ensure_settled(domain)
            _patch(domains, place, name, domain, patches)
            return _ok(_described(domains, place, name, counts=False))

    def delete_domain_name(response: APIGatewayResponse) -> Any:
        place, name = Place.of(response), _name(response)
        answer = delete(response)
        domains.remove(place, name)
        apigateway_backends[place.account][place.region].base_path_mappings.pop(name, None)
        apigatewayv2_backends[place.account][place.region].domain_names.pop(name, None)
        return answer

    return {
        "create_domain_name": create_domain_name,
        "get_domain_name": get_domain_name,
        "get_domain_names": get_domain_names,
        "update_domain_name": update_domain_name,
        "delete_domain_name": delete_domain_name,
    }


def rest_api_mendings() -> dict[str, Callable[..., Any]]:
    """Return RestAPI.apply_patch_operations that understands ``"false"``."""
    apply = RestAPI.apply_patch_operations

    def apply_patch_operations(api: RestAPI, patch_operations: list[dict[str, Any]]) -> None:
        def mended(patch: dict[str, Any]) -> dict[str, Any]:
            is_switch = patch.get("path") == "/disableExecuteApiEndpoint"
            # moto takes bool() of the text, so the empty text is its only false.
            return patch | {"value": ""} if is_switch and str(patch.get("value")).lower() != "true" else patch

        apply(api, [mended(patch) for patch in patch_operations])

    return {"apply_patch_operations": apply_patch_operations}


def _patch(domains: Domains, place: Place, name: str, domain: Domain, patches: list[dict[str, str]]) -> None:
    """Apply all patch operations, or none."""
    held = domain.truststore
    uri, version = (held.uri, held.version) if held else (None, None)
    plain, mode = {}, domain.routing_mode
    for patch in patches:
        path, value = patch.get("path", ""), patch.get("value", "")
        if patch.get("op") != "replace":
            raise bad_request(f"Invalid patch operation specified: {patch.get('op')} {path}")
        if path == _URI:
            uri = value
        elif path == _VERSION:
            version = value
        elif path == "/routingMode":
            mode = mode_of(value)
        elif path in _PLAIN:
            plain[_PLAIN[path]] = value
        else:
            raise bad_request(f"Invalid patch path '{path}' specified for op 'replace'.")
    if not uri and not any(patch["path"] == _VERSION and patch.get("value") for patch in patches):
        version = None  # the version goes with the truststore that is switched off
    truststore = domains.load(place, uri, version)
    for attribute, value in plain.items():
        setattr(apigateway_backends[place.account][place.region].get_domain_name(name), attribute, value)
    domain.routing_mode = mode
    domains.start_update(domain, truststore)


def _wanted(domains: Domains, place: Place, body: dict[str, Any]) -> Truststore | None:
    wanted = body.get("mutualTlsAuthentication") or {}
    truststore = domains.load(place, wanted.get("truststoreUri"), wanted.get("truststoreVersion"))
    if truststore is not None and "REGIONAL" not in _types(body):
        raise bad_request("Mutual TLS authentication needs a regional domain name.")
    return truststore


def _types(body: dict[str, Any]) -> list[str]:
    return list((body.get("endpointConfiguration") or {}).get("types") or ["EDGE"])


def _mirror(place: Place, name: str, body: dict[str, Any]) -> None:
    """Make a regional domain known to v2, which sees the domains of both APIs."""
    configuration = {"endpointType": "REGIONAL", "certificateArn": body.get("regionalCertificateArn") or ""}
    apigatewayv2_backends[place.account][place.region].create_domain_name(
        domain_name=name,
        domain_name_configurations=[configuration],
        mutual_tls_authentication={},
        tags=body.get("tags") or {},
    )


def _found(domains: Domains, place: Place, name: str) -> Domain:
    apigateway_backends[place.account][place.region].get_domain_name(name)  # raises where v1 does not know it
    domain = domains.find(place, name)
    if domain is None:
        raise ApiGatewayError("NotFoundException", "Invalid domain name identifier specified", 404)
    return domain


def _described(domains: Domains, place: Place, name: str, *, counts: bool) -> dict[str, Any]:
    domain = _found(domains, place, name)
    status = domains.status(domain, counts=counts)
    shown = apigateway_backends[place.account][place.region].get_domain_name(name).to_json()
    shown["domainNameArn"] = domain_arn(place.region, get_partition(place.region), name)
    shown["routingMode"] = MODES[domain.routing_mode]
    shown["domainNameStatus"] = status
    shown["domainNameStatusMessage"] = "" if status == "AVAILABLE" else "Domain name update in progress"
    if (mutual_tls := domain.mutual_tls()) is not None:
        shown["mutualTlsAuthentication"] = mutual_tls
    return shown


def _name(response: APIGatewayResponse) -> str:
    return unquote(response.path.split("/")[2])


def _ok(body: dict[str, Any]) -> Answer:
    return 200, {"status": 200}, json.dumps(body)
