"""The two endpoints as functions of a request: who may ask, how often, and what is answered.

No sockets here: ``server`` carries these answers over HTTPS.
"""

import base64
import binascii
import math
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import parse_qsl

from local.genesys import answers
from local.genesys.answers import Answer
from local.genesys.control import Kind
from local.genesys.world import Region, World

WINDOW = timedelta(minutes=1)
DEFAULT_TOKEN_LIFE = timedelta(days=1)


@dataclass(frozen=True)
class _Client:
    secret: str
    permissions: frozenset[str]
    token_life: timedelta


@dataclass
class _Token:
    client_id: str
    region: str
    expires: datetime
    window_ends: datetime
    count: int = 0


class Service:
    """The OAuth clients, their tokens, and the endpoint of every region."""

    def __init__(
        self, world: World, *, page_size: int, largest_page: int, rate_limit: int, strict: bool = False
    ) -> None:
        self.world = world
        self.page_size = page_size
        self.largest_page = largest_page
        self.rate_limit = rate_limit
        self.strict = strict
        self._clients: dict[str, _Client] = {}
        self._tokens: dict[str, _Token] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def add_client(self, client_id: str, secret: str, permissions: Collection[str], token_life: timedelta) -> None:
        """Register an OAuth client of every region, or change one: permissions count at once, also for old tokens."""
        with self._lock:
            self._clients[client_id] = _Client(secret, frozenset(permissions), token_life)

    def revoke_tokens(self) -> None:
        """Forget every token that was given."""
        with self._lock:
            self._tokens.clear()

    def answer(
        self, kind: Kind | None, region: str, authorization: str, query: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer a request of any kind to any region's path (``kind`` None: to a path that does not exist)."""
        try:
            where = self.world.region(region)
        except (LookupError, ValueError):
            return answers.not_found()
        match kind:
            case "token":
                return self.token(region, authorization, dict(parse_qsl(body.decode("latin-1"))))
            case "certificates":
                return self.certificates(where, authorization, query)
            case None:
                return answers.not_found()

    def token(self, region: str, authorization: str, form: Mapping[str, str]) -> Answer:
        """Answer ``POST /oauth/token``."""
        client_id, secret = _basic(authorization)
        if client_id is None:
            return answers.oauth_error(400, "invalid_request", "client credentials are missing: invalid_request")
        with self._lock:
            client = self._clients.get(client_id)
            if client is None:
                return answers.oauth_error(400, "invalid_client", "client not found: invalid_client")
            if not secrets.compare_digest(client.secret.encode(), secret.encode()):
                return answers.oauth_error(401, "invalid_client", "authentication failed: invalid_client")
            if form.get("grant_type") != "client_credentials":
                return answers.oauth_error(400, "unsupported_grant_type", "grant type is not supported")
            now = self.world.clock()
            value = secrets.token_urlsafe(48)
            self._tokens[value] = _Token(client_id, region, now + client.token_life, now)
            return answers.token(value, int(client.token_life.total_seconds()))

    def certificates(self, region: Region, authorization: str, query: Mapping[str, str]) -> Answer:
        """Answer ``GET /api/v2/integrations/actions/certificates``."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            return answers.no_token()
        now = self.world.clock()
        with self._lock:
            token = self._tokens.get(value)
            if token is None or token.region != region.aws_region or now >= token.expires:
                return answers.bad_token()
            limits, refusal = self._count(token, now)
            permitted = answers.PERMISSION in self._clients[token.client_id].permissions
        if refusal is None:
            refusal = None if permitted else answers.no_permission()
        answer = refusal or self._page(region, query)
        return answer._replace(headers={**limits, **answer.headers})

    def _count(self, token: _Token, now: datetime) -> tuple[dict[str, str], Answer | None]:
        if now >= token.window_ends:
            token.count, token.window_ends = 0, now + WINDOW
        token.count += 1
        wait = math.ceil((token.window_ends - now).total_seconds())
        limits = {
            "inin-ratelimit-count": str(token.count),
            "inin-ratelimit-allowed": str(self.rate_limit),
            "inin-ratelimit-reset": str(wait),
        }
        return limits, answers.too_many(self.rate_limit, wait) if token.count > self.rate_limit else None

    def _page(self, region: Region, query: Mapping[str, str]) -> Answer:
        if self.strict and (unknown := sorted({*query} - {"status", "type", "pageNumber"})):
            return answers.unknown_parameter(unknown[0])
        for field, allowed in (("status", answers.STATUSES), ("type", answers.TYPES)):
            if query.get(field) and query[field].lower() not in {each.lower() for each in allowed}:
                return answers.bad_value(field, query[field], ", ".join(allowed))
        numbers = {}
        for field, usual in (("pageNumber", 1), ("pageSize", self.page_size)):
            text = query.get(field) or str(usual)
            if not re.fullmatch("[1-9][0-9]{0,8}", text):
                return answers.bad_value(field, text, "1 and above")
            numbers[field] = int(text)
        filters = {field: query[field] for field in ("status", "type") if query.get(field)}
        turn = self._turn(region, filters.get("status", "").lower(), first=numbers["pageNumber"] == 1)
        entities = [
            entity
            for entity in region.published(turn=turn)
            if all(str(entity.get(field)).lower() == wanted.lower() for field, wanted in filters.items())
        ]
        size = min(numbers["pageSize"], self.largest_page)
        return answers.listing(entities, filters, numbers["pageNumber"], size, sized=not self.strict)

    def _turn(self, region: Region, status: str, *, first: bool) -> int:
        """Count the readings by status filter, from 0; the later pages of a reading belong to its turn."""
        with self._lock:
            key = (region.aws_region, status)
            if first or key not in self._turns:
                self._turns[key] = self._turns.get(key, -1) + 1
            return self._turns[key]


def _basic(authorization: str) -> tuple[str | None, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, ""
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return client_id, secret
