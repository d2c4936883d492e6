"""One HTTP connection of the simulator: reads requests, answers them or plays what was queued."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from threading import Event
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from local.genesys import answers
from local.genesys.answers import Answer
from local.genesys.control import Kind, Played, ScriptedAnswers, Turned
from local.genesys.service import Service
from local.genesys.world import Region, World
from rotation_watcher.regions import REGIONS

_BY_HOST = {host: name for name, region in REGIONS.items() for host in (region.api_host, region.login_host)}
"""The AWS region that each of Genesys Cloud's own hosts serves."""
_LOGGED_FIELDS = ("status", "type", "pageSize", "pageNumber")


@dataclass(frozen=True)
class Seen:
    """One request to a region's endpoints. ``status`` 0: closed without an answer."""

    at: str
    method: str
    path: str
    status: int


class Log:
    """The requests seen, oldest first. No header, no body, and of a query only the known fields."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.seen: list[Seen] = []

    def add(self, method: str, path: str, query: Mapping[str, str], status: int) -> None:
        """Note a request."""
        kept = urlencode({field: query[field] for field in _LOGGED_FIELDS if field in query})
        at = self._world.clock().isoformat()
        self.seen.append(Seen(at, method, f"{path}?{kept}" if kept else path, status))


@dataclass(frozen=True)
class Shared:
    """What every connection works with."""

    world: World
    service: Service
    scripted: ScriptedAnswers
    log: Log
    closing: Event
    latency: float = 0.0
    """Seconds of the wall's clock from a region's request to its answer."""


class Host(BaseServer):
    """The server that a connection belongs to."""

    shared: Shared
    url: str


class Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection until either side closes it."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Host
    _kinds: ClassVar[dict[tuple[str, str], Kind]] = {
        ("POST", "/oauth/token"): "token",
        ("GET", answers.CERTIFICATES_PATH): "certificates",
    }

    @property
    def _back(self) -> Shared:
        return self.server.shared

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay quiet: ``Simulator.requests`` holds what was seen."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(answers.error(411, "bad.request", "A request body needs a Content-Length."))
            return
        body = self.rfile.read(int(length))
        place = urlsplit(self.path)
        query = dict(parse_qsl(place.query, keep_blank_values=True))
        if place.path.startswith("/_"):
            self._send(self._control(place.path, body))
            return
        name, path = self._region_and_path(place.path)
        kind = self._kinds.get((self.command, path.rstrip("/")))
        played = kind and self._back.scripted.take(kind, name, query.get("status", ""))
        if played:
            self._back.log.add(self.command, place.path, query, 0 if played.close else played.status)
            self._play(played)
            return
        due = monotonic() + self._back.latency
        authorization = self.headers.get("Authorization", "")
        answer = self._back.service.answer(kind, name, authorization, query, body)
        self._back.log.add(self.command, place.path, query, answer.status)
        if self._back.latency:
            self._back.closing.wait(due - monotonic())  # what the simulator itself takes is part of it
        self._send(answer)

    def _region_and_path(self, path: str) -> tuple[str, str]:
        """Which region is meant: by the name that the client asked for, or else by the path's first part."""
        if (named := _BY_HOST.get(self.headers.get("Host", ""))) is not None:
            return named, path
        name, slash, rest = path.removeprefix("/").partition("/")
        return name, slash + rest

    def _control(self, path: str, body: bytes) -> Answer:
        try:
            match self.command, path:
                case "GET", "/_hosts":
                    return Answer(200, {"now": self._back.world.clock().isoformat(), "regions": self._hosts()})
                case "GET", "/_control/log":
                    return Answer(200, {"requests": [asdict(each) for each in self._back.log.seen]})
                case "POST", "/_control/next":
                    self._back.scripted.add(msgspec.json.decode(body, type=Played))
                case "POST", "/_control/clear":
                    self._back.scripted.clear(msgspec.json.decode(body or b"{}", type=dict[str, str]).get("region"))
                case "POST", "/_control/rotate":
                    turned = msgspec.json.decode(body, type=Turned)
                    _rotate(self._back.world.region(turned.region), turned)
                case _:
                    return answers.not_found()
        except (msgspec.MsgspecError, LookupError, ValueError) as wrong:
            return answers.error(400, "bad.request", str(wrong))
        return Answer(200, {})

    def _hosts(self) -> dict[str, dict[str, str]]:
        return {
            name: {"api_url": f"{self.server.url}/{name}", "login_url": f"{self.server.url}/{name}"}
            for name in self._back.world.names
        }

    def _send(self, answer: Answer) -> None:
        content = json.dumps(answer.body).encode()
        self._head(answer.status, {**answer.headers, "Content-Length": str(len(content))})
        self.wfile.write(content)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _play(self, played: Played) -> None:
        # Waits end early when the simulator closes.
        self._back.closing.wait(played.delay)
        if played.close:
            self.close_connection = True
            return
        content = played.content()
        length = len(content) if played.content_length is None else played.content_length
        self.close_connection = played.cut is not None or length != len(content)
        self._head(played.status, {"Content-Length": str(length), **played.headers})
        content = content[: played.cut]
        if played.drip is None:
            self.wfile.write(content)
            return
        for start in range(0, len(content), played.drip.size):
            self.wfile.write(content[start : start + played.drip.size])
            self.wfile.flush()
            if self._back.closing.wait(played.drip.pause):
                return


def _rotate(region: Region, turned: Turned) -> None:
    at = region.world.clock() + timedelta(seconds=turned.in_seconds) if turned.in_seconds else None
    flapping = timedelta(seconds=turned.flapping_seconds)
    if turned.emergency:
        region.schedule_emergency(turned.authority, at, flapping=flapping, root=turned.root)
    else:
        region.schedule_rotation(
            turned.authority, at, flapping=flapping, root=turned.root, intermediate=turned.intermediate
        )
