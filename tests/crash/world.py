"""An environment that can be held still, so that it can be copied: every future of a moment starts from the same world.

Between two runs of a function nothing is served and this process has one thread. A function runs in a child that was
forked at such a moment, a new container with nothing remembered, and speaks real HTTP to its parent; so the parent can
kill it at any call. ``processes.apart`` tries out a future in a copy of the whole world: AWS, Genesys, Slack, clock.
"""

import dataclasses
import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal, NamedTuple, Self

import msgspec

from local.aws.keeping_handler import end_connections
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import bootstrap_chat
from rotation_watcher import collect as collecting
from rotation_watcher import publish as publishing
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.errors import RequestRefused
from rotation_watcher.slack import QueueMessage, post_all
from rotation_watcher.targets.requests import decode_request
from tests.crash import processes
from tests.crash.clock import SharedClock
from tests.crash.gate import Gate, GatedAnswers, GatedCalls, GatedFaults, GatedLog, Phase, Point
from tests.crash.processes import Child, Ended

type Function = Literal["collect", "publish", "refresh_crls", "slack"]

_HOOK = "/services/T000/B000/not-a-real-webhook"
_LONG = "43200"  # the longest visibility timeout: SQS counts the wall's seconds, this world's are others


class Message(NamedTuple):
    """One message of a queue, as the function gets it and as it is deleted."""

    id: str
    body: str
    receipt: str


class CrashEnvironment(Environment):
    """See the module. ``posts`` is what Slack has taken, oldest first; ``runs`` how many functions have run."""

    def __init__(self, start: datetime) -> None:
        clock, self.gate = SharedClock(start), Gate()
        super().__init__(start, DEFAULT_CACHE, clock=clock, world={"root_key_bits": 2048})
        self.clock: SharedClock = clock
        self.aws.faults, self.aws.calls = GatedFaults(self.gate), GatedCalls(self.gate)
        self.simulator._shared = dataclasses.replace(
            self.simulator._shared, scripted=GatedAnswers(self.gate), log=GatedLog(self.world, self.gate)
        )
        self.posts: list[dict[str, Any]] = []
        self.runs = 0
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        super().__enter__()
        slack = _slack_server(self)
        self._exit.callback(slack.server_close)
        self.letters_url = self._queue("slack")
        self._subscribe(self.letters_url)
        for url in (self.queue_url, self.letters_url, self.mailbox_url):
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": _LONG})
        credentials = {"client_id": self.simulator.client_id, "client_secret": self.simulator.client_secret}
        self.second_secret = self._secret("/genesys/second", json.dumps(credentials))
        self._slack_secret = self._secret("/slack/webhook", f"http://127.0.0.1:{slack.server_address[1]}{_HOOK}")
        # Built ahead, as a container is: each child starts from here, with nothing remembered and nothing connected.
        _ = self.watcher.collect, self.watcher.publish, self.watcher.refresh_crls
        aws, aws_thread = self.aws._server, self.aws._thread
        if aws is None or aws_thread is None:
            raise RuntimeError("the embedded AWS does not run")
        aws.server_close = lambda: None  # type: ignore[method-assign]  # werkzeug closes what shall serve again
        self._servers: tuple[Any, ...] = (aws, self.simulator._server, slack)
        self._threads = [aws_thread, self.simulator._thread]
        self.hold_still()
        return self

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer calls for the length of the block; a block within a block changes nothing."""
        if self._threads:
            yield
            return
        self._threads = [Thread(target=server.serve_forever, args=(0.004,), daemon=True) for server in self._servers]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.hold_still()

    def hold_still(self) -> None:
        """Serve no longer, let go of every connection, and wait until this process has one thread."""
        for server, thread in zip(self._servers, self._threads, strict=False):
            server.shutdown()
            thread.join()
        self._threads = []
        end_connections(self._servers[0])
        self.s3.close()
        self.sqs.close()
        gc.collect()  # clients that were used once hold their connections until then
        gc.freeze()  # what is left stays: a collector that walks through it would make each copy's memory its own
        processes.alone()

    def run(self, function: Function, event: Any, kill: tuple[Point, Phase] | None = None) -> Ended:
        """Run a function in a process of its own, and kill it at a point; what it gave, and whether it was killed."""
        return self.run_together([(function, event)], kill)[0]

    def run_together(
        self, wanted: Sequence[tuple[Function, Any]], kill: tuple[Point, Phase] | None = None
    ) -> list[Ended]:
        """Run functions at the same time, each in a process of its own; only the first can be killed."""
        children = []
        for function, event in wanted:
            self.runs += 1
            children.append(Child(partial(self._function, function, event)))
        self.gate.arm(children[0].pid, kill)
        try:
            with self.serving():
                for child in children:
                    child.go()
                return [child.end() for child in children]
        finally:
            self.gate.disarm()

    def take(self, url: str, most: int = 1) -> list[Message]:
        """Receive messages of a queue, which are in flight from then on."""
        with self.serving():
            answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most)
        return [Message(one["MessageId"], one["Body"], one["ReceiptHandle"]) for one in answer.get("Messages", ())]

    def delete(self, url: str, messages: Sequence[Message]) -> None:
        """Delete messages of a queue: the function has answered."""
        with self.serving():
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)

    def read_still(self, key: str) -> bytes:
        """An object of the bucket, as it is now."""
        with self.serving():
            return self.read(key)

    def news_still(self) -> None:
        """Take up the alerts that have arrived."""
        with self.serving():
            self.new_alerts()

    def _function(self, function: Function, event: Any) -> Any:
        """What the handlers of ``functions/`` do, on this world's clock."""
        summary: Any = None
        try:
            match function:
                case "collect":
                    looking = msgspec.convert(event, collecting.Request)
                    asked = msgspec.structs.replace(self.watcher.collect, sink=self.watcher.sink(Fill.COLLECT))
                    summary = collecting.collect(self.watcher.watch(), looking, asked)
                case "publish":
                    sink = self.watcher.sink(Fill.PUBLISH)
                    ports = msgspec.structs.replace(self.watcher.publish, owner=f"run-{self.runs}", sink=sink)
                    wish = decode_request(event)
                    summary = publishing.publish(self.watcher.watch(), wish, ports)
                case "refresh_crls":
                    summary = self.refresh_crls()
                case "slack":
                    variables = {"SLACK_SECRET_ARN": self._slack_secret}
                    letters = [QueueMessage(*letter) for letter in event]
                    outcome = post_all(letters, bootstrap_chat.build(variables))
                    summary = {"posted": outcome.posted, "failed": outcome.failed, "errors": outcome.errors}
        except RequestRefused as refusal:
            return {"refused": str(refusal)}
        return msgspec.to_builtins(summary)

    def _secret(self, name: str, text: str) -> str:
        ssm = self.aws.client("ssm")
        ssm.put_parameter(Name=name, Type="SecureString", Value=text)
        return str(ssm.get_parameter(Name=name)["Parameter"]["ARN"])


def _slack_server(environment: CrashEnvironment) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                environment.gate.arrive("slack post")
                environment.posts.append(body)
                environment.gate.answered("slack post")
            except ConnectionResetError:
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
