"""The bodies of the simulated API's answers: pages, tokens and errors, shaped as Genesys shapes them.

Sources: the entity listing and the error body are the official SDK's models ``ActionCertificateListing`` and
``ErrorBody``; the URIs of a listing are paths from the API host's root (``/api/v2/…``), so a client puts the host, or
here the host and the region's prefix, before them. That an unknown client is a 400 and a wrong secret a 401 is known
from clients tested against the real service. Which words and codes stand in the bodies is believed, not verified
(probes ``genesys.error.no-token``, ``genesys.error.bad-token``, ``genesys.query.bad-status``).
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

CERTIFICATES_PATH = "/api/v2/integrations/actions/certificates"
PERMISSION = "integrations:actionCertificate:view"

STATUSES = ("Current", "Upcoming")
TYPES = ("Client",)


class Answer(NamedTuple):
    """What is sent back: a status, a JSON body, and headers beyond the usual ones."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed, and NamedTuple knows no default factory


def listing(
    entities: Sequence[dict[str, Any]], filters: dict[str, str], page: int, size: int, *, sized: bool = True
) -> Answer:
    """Return one page of the entities. ``nextUri`` is absent on the last page, ``previousUri`` on the first.

    ``sized`` says whether the URIs name the size of a page.
    """
    pages = math.ceil(len(entities) / size)

    def uri(number: int) -> str:
        named = {"pageSize": size} if sized else {}
        return f"{CERTIFICATES_PATH}?{urlencode({**filters, **named, 'pageNumber': number})}"

    body = {
        "entities": list(entities[(page - 1) * size : page * size]),
        "pageSize": size,
        "pageNumber": page,
        "total": len(entities),
        "pageCount": pages,
        "firstUri": uri(1),
        "selfUri": uri(page),
        "lastUri": uri(max(pages, 1)),
    }
    if page < pages:
        body["nextUri"] = uri(page + 1)
    if page > 1:
        body["previousUri"] = uri(page - 1)
    return Answer(200, body)


def token(value: str, seconds: int) -> Answer:
    """Return what a successful login gives."""
    return Answer(200, {"access_token": value, "token_type": "bearer", "expires_in": seconds})


def oauth_error(status: int, error: str, description: str) -> Answer:
    """Return an error of the token endpoint. Genesys gives the description under two names."""
    return Answer(status, {"error": error, "description": description, "error_description": description})


def error(status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **params: str) -> Answer:
    """Return an error of the platform API; ``params`` are the values that stand in the message."""
    body = {
        "message": message,
        "code": code,
        "status": status,
        "messageParams": params,
        "contextId": str(uuid4()),
        "details": [],
        "errors": [],
    }
    return Answer(status, body, headers or {})


def no_token() -> Answer:
    """Return the answer to a call without a bearer token."""
    return error(401, "authentication.required", "No authentication bearer token specified in authorization header.")


def bad_token() -> Answer:
    """Return the answer to an unknown or expired token."""
    return error(401, "bad.credentials", "Invalid login credentials.")


def no_permission() -> Answer:
    """Return the answer to a client whose role lacks the permission."""
    message = "Unable to perform the requested action. You are missing the following permission(s): "
    return error(403, "missing.permissions", message + PERMISSION, permissions=PERMISSION)


def too_many(allowed: int, wait: int) -> Answer:
    """Return the answer to a token that asked too often. ``wait``: seconds until its window ends."""
    message = f"Rate limit exceeded the maximum [{allowed}] requests within [60] seconds"
    return error(429, "too.many.requests", message, headers={"Retry-After": str(wait)})


def bad_value(field: str, value: str, allowed: str) -> Answer:
    """Return the answer to a query parameter that means nothing."""
    message = f"Value [{value}] is not valid for field type [{field}]. Allowable values are: {allowed}"
    return error(400, "invalid.value", message, value=value, field=field)


def unknown_parameter(name: str) -> Answer:
    """Return the answer to a query parameter that the operation does not know."""
    return error(400, "bad.request", f"The request has an unknown query parameter: {name}", parameter=name)


def not_found() -> Answer:
    """Return the answer to a path or region that does not exist."""
    return error(404, "not.found", "The requested resource was not found.")
