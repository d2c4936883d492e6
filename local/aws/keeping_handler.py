"""An HTTP/1.1 handler for the embedded AWS that keeps connections: werkzeug's own closes each after its answer.

A new connection, with a thread of its own, costs as much as the call. Werkzeug cannot keep one because it does not know
whether the application has read the request to its end; ``Front`` says so: it replaces the input with what it has read.
"""

import traceback
from contextlib import suppress
from http import HTTPStatus
from socket import SHUT_RDWR
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer

from local.aws.front import run

_open: dict[BaseWSGIServer, set[Any]] = {}
_changing = Lock()


def end_connections(server: BaseWSGIServer) -> None:
    """Hang up on everybody who still has a connection to a server that has stopped."""
    with _changing:
        left = [*_open.pop(server, ())]
    for connection in left:
        with suppress(OSError):  # the other side was faster
            connection.shutdown(SHUT_RDWR)


class KeepingHandler(MotoRequestHandler):
    """moto's handler without a line per request: the call log says more."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a large answer is several packets

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        with _changing:
            _open.setdefault(self.server, set()).add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        with _changing:
            _open.get(self.server, set()).discard(self.connection)
        super().finish()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def run_wsgi(self) -> None:
        """Answer one request. Who goes away in the middle, or is made to by the application, gets no answer."""
        self.environ = environ = self.make_environ()
        given = environ["wsgi.input"]
        try:
            status, headers, chunks = run(self.server.app, environ)
            self._send(status, headers, b"".join(chunks), keep=environ["wsgi.input"] is not given)
        except (ConnectionError, TimeoutError) as error:
            self.close_connection = True
            self.connection_dropped(error, environ)
        except Exception:  # noqa: BLE001  # whatever it is, a service answers
            self.server.log("error", traceback.format_exc())
            self._send("500 Internal Server Error", [], b"", keep=False)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes, *, keep: bool) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        bare = self.command == "HEAD" or int(code) in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        if not bare and "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(body)))
        if not keep:
            self.send_header("Connection", "close")
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n" if bare else b"\r\n" + body)
        self.flush_headers()  # one packet: each wakes the other side
