"""Runs MiniStack, hands some services to another endpoint, and lets the Scheduler's minutes pass faster.

Alarms on expressions are kept as alarms on the metric that the expression uses: MiniStack knows no metric math.

A program of its own: ``.venv-stack/bin/python local/cloud/gateway.py``. Its environment is not the project's, so it
imports nothing of it. Beside MiniStack's own variables it reads

- FORWARD_TO, the URL of the server that answers for ``FORWARDED``;
- SCHEDULE_MINUTE, how many real seconds one minute lasts in a ``rate(…)``, and in the five within which a FIFO queue
  takes a message for a duplicate.
"""

import asyncio
import http.client
import os
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app as ministack
from ministack.core import lambda_runtime
from ministack.services import eventbridge, scheduler, sqs
from ministack.services.cloudformation import provisioners

FORWARDED = {"elasticloadbalancing", "apigateway"}
"""Services by the name that stands in a signature's credential scope (AWS Signature Version 4)."""
_SCOPE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]


async def gateway(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI application: forwards what is not MiniStack's, and leaves all else to it."""
    if scope["type"] == "http" and _service(scope) in FORWARDED:
        status, headers, body = await asyncio.to_thread(_forward, scope, await _body(receive))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    else:
        await ministack(scope, receive, send)


def _service(scope: Message) -> str:
    """Which service a request was signed for; empty if it was not."""
    for name, value in scope["headers"]:
        if name == b"authorization" and (found := _SCOPE.search(value)):
            return str(found[1].decode())
    return ""


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def _forward(scope: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Ask the other server the same, and return its answer."""
    there = urlsplit(os.environ["FORWARD_TO"])
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=30)
    path = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
    headers = {name.decode(): value.decode() for name, value in scope["headers"] if name.decode() not in _HOP_BY_HOP}
    try:
        connection.request(scope["method"], path, body=body, headers=headers)
        answer = connection.getresponse()
        kept = [(n.encode(), v.encode()) for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP]
        return answer.status, kept, answer.read()
    finally:
        connection.close()


def _hurry(minute: float) -> None:
    """Let a minute last so many seconds. AWS knows no rate below one minute."""
    rate = eventbridge._parse_rate_seconds  # noqa: SLF001 - MiniStack has no setting for this

    def faster(expression: str) -> float | None:
        seconds = rate(expression)
        return None if seconds is None else seconds * minute / 60

    eventbridge._parse_rate_seconds = faster  # noqa: SLF001
    sqs._DEDUP_WINDOW_S = 5 * minute  # noqa: SLF001
    scheduler._SCHEDULE_TICK_INTERVAL = min(1.0, minute / 4)  # noqa: SLF001


def _keep_metric_math() -> None:
    """Let a stack have alarms on expressions: MiniStack refuses them, so it keeps the alarm of the metric in it."""
    record = provisioners._cw_metric_alarm_record  # noqa: SLF001 - MiniStack has no setting for this

    def of_the_metric(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        for query in properties.get("Metrics") or ():
            if "MetricStat" in query:
                metric = query["MetricStat"]
                plain = {key: value for key, value in properties.items() if key != "Metrics"} | metric["Metric"]
                properties = plain | {"Period": metric["Period"], "Statistic": metric["Stat"]}
                break
        return dict(record(name, properties))

    provisioners._cw_metric_alarm_record = of_the_metric  # noqa: SLF001


def _let_runs_end() -> None:
    """Let an update of a function leave its runs alone, as Lambda does: MiniStack kills them."""
    kill = lambda_runtime.kill_workers

    def once_idle(worker: Any) -> None:
        with worker._lock:  # noqa: SLF001 - held for as long as a run lasts
            kill([worker])

    def kill_the_idle(workers: list[Any]) -> None:
        kill([worker for worker in workers if not worker.in_use])
        for worker in workers:
            if worker.in_use:
                threading.Thread(target=once_idle, args=(worker,), daemon=True).start()

    lambda_runtime.kill_workers = kill_the_idle


def main() -> None:
    """Serve on BIND_HOST and GATEWAY_PORT until SIGTERM."""
    _hurry(float(os.environ.get("SCHEDULE_MINUTE", "60")))
    _keep_metric_math()
    _let_runs_end()
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.loglevel = "WARNING"
    asyncio.run(serve(gateway, config))


if __name__ == "__main__":
    main()
