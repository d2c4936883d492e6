"""Stand-ins for chats' webhooks: real HTTP servers on loopback that keep what is posted to them."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Self


class SlackReceiver:
    """Answers ``ok`` to every POST, as Slack does, and keeps the payloads in their order, while the ``with`` lasts.

    ``answers`` may hold (status, headers) for the next posts, to play a Slack that is throttled or gone. ``paths`` are
    those that were posted to, with their queries.
    """

    taken: ClassVar[int] = 200
    body: ClassVar[bytes] = b"ok"
    path: ClassVar[str] = "/services/T000/B000/not-a-real-webhook"

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.payloads: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (receiver.taken, {})
                receiver.paths.append(self.path)
                if status == receiver.taken:
                    receiver.payloads.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.path}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TeamsReceiver(SlackReceiver):
    """Answers as the webhook of a Teams workflow does: 202 and nothing more. Its URL's query holds a signature."""

    taken = 202
    body = b""
    path = (
        "/workflows/0a1b2c3d/triggers/manual/paths/invoke"
        "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=not-a-real_signature"
    )
