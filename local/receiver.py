"""A stand-in for Slack's incoming webhook: a real HTTP server on loopback that keeps what is posted to it."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self


class SlackReceiver:
    """Answers ``ok`` to every POST, as Slack does, and keeps the payloads in their order, while the ``with`` lasts.

    ``answers`` may hold (status, headers) for the next posts, to play a Slack that is throttled or gone.
    """

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                if status == 200:  # noqa: PLR2004 - HTTP's OK
                    receiver.payloads.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T000/B000/not-a-real-webhook"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
