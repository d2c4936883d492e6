"""A subscriber of the alert topic as a person's mailbox is one: it must confirm first, then it gets the text."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self
from urllib.request import ProxyHandler, build_opener


class Mail(NamedTuple):
    """What SNS sent: the subject line and the text."""

    subject: str
    text: str


class Mailbox:
    """An HTTP endpoint for SNS, as a context manager. ``mails`` fills once ``confirm`` was called."""

    def __init__(self) -> None:
        mailbox = self
        self.mails: list[Mail] = []
        self._links: Queue[str] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Take what SNS posts: first the question whether to subscribe, then notifications."""
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if message["Type"] == "SubscriptionConfirmation":
                    mailbox._links.put(message["SubscribeURL"])
                else:
                    mailbox.mails.append(Mail(message.get("Subject", ""), message["Message"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def confirm(self) -> None:
        """Open the link that SNS sent. Raises queue.Empty if none comes within ten seconds."""
        build_opener(ProxyHandler({})).open(self._links.get(timeout=10), timeout=10).close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
