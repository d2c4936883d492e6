"""The simulator over real HTTPS on 127.0.0.1: one path prefix a region, a health page, and a control endpoint.

==========================================  ===========================================================================
``POST /<region>/oauth/token``              login, as ``https://login.<host>/oauth/token``
``GET /<region>/api/v2/integrations/…``     the certificates, as ``https://api.<host>/api/v2/integrations/…``
``GET /_hosts``                             alive; the virtual now, and each region's URLs
``POST /_control/next``                     play this raw answer (``control.Played``)
``POST /_control/clear``                    play nothing more; ``{"region": …}`` limits it
``POST /_control/rotate``                   let a leaf be replaced (``control.Turned``)
``GET /_control/log``                       the requests seen: method, path, status; no header, no body
==========================================  ===========================================================================

A client that asks for one of Genesys Cloud's own hosts (``Host: api.mypurecloud.com``) needs no prefix.
Whoever reaches the port controls it: it listens on the loopback address alone.
"""

import ssl
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import msgspec

from local.genesys import answers
from local.genesys.control import Kind, Played, ScriptedAnswers
from local.genesys.handler import Handler, Host, Log, Seen, Shared
from local.genesys.service import DEFAULT_TOKEN_LIFE, Service
from local.genesys.tls import server_context
from local.genesys.world import World

HANDSHAKE_SECONDS = 10.0


class Simulator:
    """A world over HTTPS, for as long as the ``with`` lasts.

    Inside it ``url`` is ``https://127.0.0.1:<port>``, ``ca_file`` the CA certificate that a client must trust, and
    ``client_id`` with ``client_secret`` an OAuth client that has the permission.
    """

    url: str
    ca_file: Path
    client_id = "6b1d3c7e-0c1a-4f6b-9c55-5f1f0a3d2e10"

    def __init__(
        self,
        world: World,
        *,
        page_size: int = 20,
        largest_page: int = 100,
        rate_limit: int = 300,
        strict: bool = False,
        names: Sequence[str] = ("127.0.0.1", "localhost"),
        latency: float = 0.0,
    ) -> None:
        """Prepare a simulator of this world.

        ``page_size`` is what a page holds unless the client asks for another, ``largest_page`` its limit: 1 and 1
        make every client follow ``nextUri``. ``rate_limit``: requests a minute of the virtual clock and a token.
        ``strict`` refuses every query parameter but ``status``, ``type`` and ``pageNumber``: no other is documented.
        ``names`` stand in the HTTPS certificate. ``latency``: real seconds before a region answers a request.
        """
        self.world = world
        self.service = Service(
            world, page_size=page_size, largest_page=largest_page, rate_limit=rate_limit, strict=strict
        )
        self._shared = Shared(world, self.service, ScriptedAnswers(), Log(world), Event(), latency)
        self.client_secret = token_urlsafe(24)
        self.add_client(self.client_id, self.client_secret)
        self._names = names

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="genesys-simulator-")
        context, self.ca_file = server_context(Path(self._folder.name), self._names)
        self._server = _Server(self._shared, context)
        self.url = self._server.url
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="genesys-simulator", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._shared.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server.close_connections()
        self._folder.cleanup()

    def api_url(self, region: str) -> str:
        """Return what stands in for ``https://api.<host>`` of the region."""
        return f"{self.url}/{region}"

    def login_url(self, region: str) -> str:
        """Return what stands in for ``https://login.<host>`` of the region."""
        return f"{self.url}/{region}"

    @property
    def requests(self) -> list[Seen]:
        """The requests to the regions' endpoints so far, oldest first."""
        return list(self._shared.log.seen)

    def add_client(
        self,
        client_id: str,
        secret: str,
        permissions: Collection[str] = (answers.PERMISSION,),
        *,
        token_life: timedelta = DEFAULT_TOKEN_LIFE,
    ) -> None:
        """Register an OAuth client, or change one. Its tokens live so long by the virtual clock."""
        self.service.add_client(client_id, secret, permissions, token_life)

    def revoke_tokens(self) -> None:
        """Let every token given so far be refused from now on."""
        self.service.revoke_tokens()

    def play(self, region: str | None, kind: Kind, *, body: str | bytes = "", **how: Any) -> None:
        """Answer the next request of this kind with exactly this; see ``control.Played`` for ``how``.

        Raises msgspec.ValidationError for what cannot be played.
        """
        given = {"body": body} if isinstance(body, str) else {"body_base64": msgspec.to_builtins(body)}
        self._shared.scripted.add(msgspec.convert({"region": region, "kind": kind, **given, **how}, Played))

    def clear(self, region: str | None = None) -> None:
        """Play nothing more, for this region or at all."""
        self._shared.scripted.clear(region)


class _Server(ThreadingHTTPServer, Host):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, shared: Shared, context: ssl.SSLContext) -> None:
        self.shared = shared
        self._context = context
        self._open: set[socket] = set()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent client holds up nobody else."""
        request.settimeout(HANDSHAKE_SECONDS)
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return  # the client did not like our certificate, or is no TLS client: its business
        self._open.add(secured)
        try:
            secured.settimeout(None)
            Handler(secured, client_address, self)
        except OSError:
            pass  # the client went away, as clients do, or the simulator is closing
        finally:
            self._open.discard(secured)
            secured.close()

    def close_connections(self) -> None:
        """End what clients keep open."""
        for each in list(self._open):
            with suppress(OSError):
                # The plain socket's shutdown: it wakes the thread that reads, which then closes the connection itself.
                socket.shutdown(each, SHUT_RDWR)
