"""Whether an API asks our authorizer at every operation, by the definition that API Gateway exports of a stage.

An export is OpenAPI 3.0: an operation names what secures it (``security``), and ``components.securitySchemes`` has for
each authorizer its function, how long its answers are reused, and what they are reused by (API Gateway's developer
guide, "x-amazon-apigateway-authorizer object"). Pure; whatever is not understood counts as not asked.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from rotation_watcher.errors import UNDECODABLE

MAX_DEFINITION = 8 << 20
"""The longest definition that is read, in bytes."""
_OPERATIONS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"}


class _Authorizer(msgspec.Struct, rename="camel"):
    type: str
    authorizer_uri: str = ""
    authorizer_result_ttl_in_seconds: int | None = None
    identity_source: Any = None


class _Scheme(msgspec.Struct):
    authorizer: _Authorizer | None = msgspec.field(name="x-amazon-apigateway-authorizer", default=None)


class _Components(msgspec.Struct, rename="camel"):
    security_schemes: dict[str, _Scheme] = {}


class _Definition(msgspec.Struct):
    paths: dict[str, dict[str, Any]]
    components: _Components = msgspec.field(default_factory=_Components)


class _Operation(msgspec.Struct):
    security: list[dict[str, Any]] = []


def asks_always(definition: bytes, authorizer: str, *, of_http: bool) -> bool:
    """Whether each operation asks the function with the ARN ``authorizer``, and no answer is ever reused.

    Its answers say nothing of another certificate, and the certificate is nothing by which they could be told apart.
    ``of_http``: it is an HTTP API, which reuses answers only where it is told to; a REST API does unless told not to.
    """
    if len(definition) > MAX_DEFINITION:
        return False
    try:
        document = msgspec.json.decode(definition, type=_Definition)
        operations = [*_operations(document)]
    except UNDECODABLE:
        return False
    ours = {
        name
        for name, scheme in document.components.security_schemes.items()
        if scheme.authorizer and _is_ours(scheme.authorizer, authorizer, of_http=of_http)
    }
    asked = [{name for requirement in one.security for name in requirement} for one in operations]
    return bool(asked) and all(names & ours for names in asked)


def _is_ours(said: _Authorizer, authorizer: str, *, of_http: bool) -> bool:
    usual = 0 if of_http and not said.identity_source else None
    reused = usual if said.authorizer_result_ttl_in_seconds is None else said.authorizer_result_ttl_in_seconds
    _, _, function = said.authorizer_uri.partition("/functions/")
    return said.type == "request" and reused == 0 and function == f"{authorizer}/invocations"


def _operations(document: _Definition) -> Iterator[_Operation]:
    for path in document.paths.values():
        for name, operation in path.items():
            if name.lower() in _OPERATIONS:
                yield msgspec.convert(operation, _Operation)
