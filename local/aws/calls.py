"""Which operation of which service a request is, and a log of all that came.

Operations are found by moto's routing over botocore's service models, so every protocol is covered: query, JSON, REST.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from moto.core.model import OperationModel
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import NotFound

READS = (
    "Get",
    "List",
    "Describe",
    "Head",
    "Select",
    "Query",
    "Scan",
    "BatchGet",
    "Lookup",
    "Search",
    "Export",
    "AssumeRole",
)
"""Operations that begin so change nothing. All others count as mutating: ReceiveMessage hides what it takes."""

_BY_SIGNING_NAME = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "email": "ses",
    "execute-api": "apigateway",
}
_HINTS = (
    "TrustStoreArn",
    "ListenerArn",
    "LoadBalancerArn",
    "TopicArn",
    "QueueUrl",
    "QueueName",
    "SecretId",
    "FunctionName",
    "ResourceArn",
    "Name",
)


@dataclass(frozen=True)
class Call:
    """One call. ``resource`` hints at what it was about (bucket/key, an ARN, a name); ``status`` is the HTTP status."""

    service: str
    operation: str
    mutating: bool
    resource: str
    region: str
    status: int = 0


@dataclass(frozen=True)
class Recognised:
    """A call with the model of its operation, which a fault needs to answer in the right protocol; None if unknown."""

    call: Call
    model: OperationModel | None


class CallLog:
    """The calls that the server has answered, oldest first. Safe to read and clear while others write."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = Lock()

    def add(self, call: Call) -> None:
        """Append a call."""
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def snapshot(self) -> list[Call]:
        """Return the calls so far."""
        with self._lock:
            return list(self._calls)

    def of(self, service: str, operation: str | None = None) -> list[Call]:
        """Return the calls of a service, or of one operation of it."""
        return [each for each in self.snapshot() if each.service == service and operation in (None, each.operation)]

    def mutating(self) -> list[Call]:
        """Return the calls that may have changed something."""
        return [each for each in self.snapshot() if each.mutating]

    def __iter__(self) -> Iterator[Call]:
        return iter(self.snapshot())

    def __len__(self) -> int:
        return len(self.snapshot())


def recognise(environ: dict[str, Any], body: bytes) -> Recognised:
    """Return the call that a WSGI request is. A request that fits no model has its method and path as operation."""
    signing_name, region = _scope(environ)
    service = _service(signing_name, environ, body)
    request = Request(environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    unknown = Call(service or "unknown", f"{request.method} {request.path}", mutating=True, resource="", region=region)
    if service is None:
        return Recognised(unknown, None)
    try:
        model, labels = get_service_router(service).match(request)
    except (NotFound, NotImplementedError):
        return Recognised(unknown, None)
    call = replace(
        unknown,
        operation=model.name,
        mutating=not model.name.startswith(READS),
        resource=_resource(request, body, labels),
    )
    return Recognised(call, model)


def _scope(environ: dict[str, Any]) -> tuple[str, str]:
    """Return signing name and region of a signature, in the header or, as in a pre-signed URL, in the query."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    header = environ.get("HTTP_AUTHORIZATION", "")
    credential = header.partition("Credential=")[2].partition(",")[0] or query.get("X-Amz-Credential", [""])[0]
    match credential.split("/"):
        case [*_, region, name, "aws4_request"]:
            return name, region
        case _:
            # boto3 still pre-signs URLs of S3 in some regions with the older signature, which names no service.
            return ("s3" if "AWSAccessKeyId" in query else ""), ""


def _service(signing_name: str, environ: dict[str, Any], body: bytes) -> str | None:
    if signing_name == "apigateway" and environ.get("PATH_INFO", "").startswith("/v2/"):
        return "apigatewayv2"
    if signing_name == "elasticloadbalancing" and b"Version=2012-06-01" in body:
        return "elb"
    return _BY_SIGNING_NAME.get(signing_name, signing_name) or None


def _resource(request: Request, body: bytes, labels: dict[str, Any]) -> str:
    if labels:
        return "/".join(str(value) for value in labels.values())
    given: dict[str, Any] = dict(request.values)
    if "json" in (request.content_type or ""):
        try:
            parsed = json.loads(body or b"{}")
        except ValueError:
            return ""
        given |= parsed if isinstance(parsed, dict) else {}
    return _first(str(given[name]) for name in _HINTS if name in given)


def _first(values: Iterable[str]) -> str:
    return next(iter(values), "")
