"""The Genesys simulator without sockets: its service answers the real adapter through httpx's transport seam."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec

from local.genesys import answers
from local.genesys.control import Kind, Played, ScriptedAnswers
from local.genesys.handler import Log, Seen
from local.genesys.service import DEFAULT_TOKEN_LIFE, Service
from local.genesys.world import World

URL = "https://simulator.invalid"


class InProcessGenesys(httpx.BaseTransport):
    """What ``local.genesys.server.Simulator`` offers, as a transport. Of a scripted answer only status, headers and
    body are played: what is about the connection needs one.
    """

    client_id = "in-process"
    client_secret = "not-a-real-secret-but-a-canary"

    def __init__(self, world: World) -> None:
        self.service = Service(world, page_size=20, largest_page=100, rate_limit=1_000_000)
        self._scripted, self._log = ScriptedAnswers(), Log(world)
        self.add_client(self.client_id, self.client_secret)

    def add_client(
        self,
        client_id: str,
        secret: str,
        permissions: Collection[str] = (answers.PERMISSION,),
        *,
        token_life: timedelta = DEFAULT_TOKEN_LIFE,
    ) -> None:
        """Register an OAuth client, or change one."""
        self.service.add_client(client_id, secret, permissions, token_life)

    def api_url(self, region: str) -> str:
        """What stands in for ``https://api.<host>`` of the region."""
        return f"{URL}/{region}"

    login_url = api_url

    @property
    def requests(self) -> list[Seen]:
        """The requests so far, oldest first."""
        return list(self._log.seen)

    def play(self, region: str | None, kind: Kind, **how: Any) -> None:
        """Let the next request of this kind be answered so; the fields are those of ``control.Played``."""
        unheard = {"close", "cut", "content_length", "drip", "delay"} & how.keys()
        if unheard:
            raise ValueError(f"without a connection there is no {unheard}")
        self._scripted.add(msgspec.convert({"region": region, "kind": kind, **how}, Played))

    def clear(self, region: str | None = None) -> None:
        """Play nothing more."""
        self._scripted.clear(region)

    def client(self) -> httpx.Client:
        """What the adapter's ``make_client`` gives, connected to this."""
        return httpx.Client(transport=self, trust_env=False, follow_redirects=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the simulator's server does."""
        region, _, path = request.url.path.removeprefix("/").partition("/")
        kind: Kind = "token" if path == "oauth/token" else "certificates"
        query = dict(parse_qsl(request.url.query.decode()))
        body = request.read()
        if played := self._scripted.take(kind, region, query.get("status", "")):
            self._log.add(request.method, request.url.path, query, played.status)
            headers = {"Content-Type": "application/json", **played.headers}
            return httpx.Response(played.status, content=played.content(), headers=headers)
        answer = self.service.answer(kind, region, request.headers.get("Authorization", ""), query, body)
        self._log.add(request.method, request.url.path, query, answer.status)
        return httpx.Response(answer.status, json=answer.body, headers=answer.headers)
