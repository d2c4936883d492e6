"""The authorizer as API Gateway speaks to it: the event about a client, what an answer says, and how an API asks it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rotation_watcher import authorize as authorizing


def event(leaf: str) -> dict[str, Any]:
    """What an HTTP API (payload 2.0) asks about a client that presented this certificate (PEM)."""
    certificate = {"clientCert": {"clientCertPem": leaf}}
    return {"version": "2.0", "type": "REQUEST", "requestContext": {"authentication": certificate}}


def verdict(answer: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether an answer to such an event lets the client in, and the reason."""
    return bool(answer["isAuthorized"]), str(answer["context"]["reason"])


def uri(function: str, region: str) -> str:
    """The AuthorizerUri of a function's ARN, as API Gateway writes it."""
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"


class Authorizer(NamedTuple):
    """A container of the authorizer."""

    ports: authorizing.Ports

    def decide(self, leaf: str) -> tuple[bool, str]:
        """Whether a certificate (PEM) is let in at an HTTP API, and the reason."""
        return verdict(authorizing.authorize(event(leaf), self.ports))


def attach_to_rest(client: Any, api: str, stage: str, function_uri: str) -> None:
    """The one operation of a REST API (GET on its root) asks the authorizer once the stage is deployed again."""
    known = {"name": "genesys", "type": "REQUEST", "authorizerUri": function_uri, "authorizerResultTtlInSeconds": 0}
    authorizer = client.create_authorizer(restApiId=api, **known)["id"]
    resource = client.get_resources(restApiId=api)["items"][0]["id"]
    place = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
    client.put_method(**place, authorizationType="CUSTOM", authorizerId=authorizer)
    client.put_integration(**place, type="MOCK")
    client.create_deployment(restApiId=api, stageName=stage)


def attach_to_http(client: Any, api: str, function_uri: str) -> None:
    """The default route of an HTTP API asks the authorizer from now on."""
    authorizer = client.create_authorizer(
        ApiId=api,
        Name="genesys",
        AuthorizerType="REQUEST",
        AuthorizerUri=function_uri,
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        IdentitySource=[],
    )["AuthorizerId"]
    client.create_route(ApiId=api, RouteKey="$default", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
