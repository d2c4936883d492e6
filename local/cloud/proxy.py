"""An HTTPS proxy (CONNECT) through which a function reaches the simulator by Genesys Cloud's real host names.

A deployed function asks ``login.mypurecloud.com``, as it would anywhere. With HTTPS_PROXY set to this, it meets the
simulator; every other host is refused, so that nothing of a test leaves the machine.
"""

import socket
from collections.abc import Container
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from types import TracebackType
from typing import Self

_LONGEST_HEAD = 8192


class SimulatorProxy:
    """Tunnels to ``address`` what is meant for one of ``hosts``, as a context manager. ``asked``: all hosts seen."""

    def __init__(self, address: tuple[str, int], hosts: Container[str]) -> None:
        proxy = self
        self.asked: list[str] = []

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                """Read one CONNECT, then copy bytes both ways until either side ends."""
                client: socket.socket = self.request
                head = b""
                while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD and (piece := client.recv(4096)):
                    head += piece
                method, _, rest = head.partition(b" ")
                host, _, port = rest.split(b" ")[0].decode("latin-1").partition(":")
                proxy.asked.append(host)
                if method != b"CONNECT" or port != "443" or host not in hosts:
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                with socket.create_connection(address) as behind:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = Thread(target=_copy, args=(behind, client), daemon=True)
                    back.start()
                    _copy(client, behind)
                    back.join()

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.socket.close()
        self._thread.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, then end the sink too."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
