"""The WSGI application in front of moto: recognises, logs, fails on demand, and serves pre-signed downloads.

It takes invocations of functions itself: moto would run them in Docker.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from threading import Lock
from typing import Any

from local.aws import bucket_owner, faults, plain_reads, plain_writes
from local.aws.calls import Call, CallLog, Recognised, recognise
from local.aws.presigned import PREFIX, Downloads

type Environ = dict[str, Any]
type StartResponse = Callable[..., Any]
type Answer = tuple[str, list[tuple[str, str]], list[bytes]]
"""Status, headers, and the content in pieces."""
type Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_CONTROL = "/moto-api"


class Front:
    """Stands between the socket and ``behind``."""

    def __init__(
        self,
        behind: Application,
        log: CallLog,
        waiting: faults.Faults,
        downloads: Downloads,
        functions: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        self._behind = behind
        self._log = log
        self._waiting = waiting
        self._downloads = downloads
        self._functions = functions
        self._s3_writes = Lock()
        self._at_work = Lock()
        self.invoked: list[tuple[str, bytes]] = []
        """The functions that were invoked, each with its event."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(_CONTROL):
            return self._behind(environ, start_response)
        body = _take_body(environ)
        if path.startswith(PREFIX):
            return self._download(path, environ, start_response)
        plain = plain_reads.of(environ) or plain_writes.of(environ, body)
        recognised = recognise(environ, body) if plain is None else Recognised(plain.call, None)
        fault = self._waiting.take(recognised.call) or bucket_owner.refused(environ)
        if fault is not None and fault.meanwhile is not None:
            fault.meanwhile()
        if fault is not None and not fault.after:
            return self._send(recognised.call, faults.answer(fault, recognised), start_response)
        if (recognised.call.service, recognised.call.operation) == ("lambda", "Invoke"):
            return self._invoke(recognised.call, environ, body, start_response)
        with self._guard(recognised.call):
            status, headers, chunks = self._answered(plain, environ)
        if fault is not None:
            return self._send(recognised.call, faults.answer(fault, recognised), start_response)
        self._log.add(_with_status(recognised.call, int(status.split()[0])))
        start_response(status, headers)
        return chunks

    def _answered(self, plain: plain_reads.Read | plain_writes.Write | None, environ: Environ) -> Answer:
        """What a plain read finds or a plain write is answered, the short way; else what moto answers."""
        found: tuple[list[tuple[str, str]], bytes] | None = None
        if isinstance(plain, plain_reads.Read):
            found = plain_reads.answer(plain)
        elif plain is not None:
            found = plain_writes.answer(plain)
        if found is None:
            return run(self._behind, environ)
        headers, content = found
        return "200 OK", headers, [content]

    def _guard(self, call: Call) -> AbstractContextManager[object]:
        """Let S3 write one object at a time: moto compares and sets in two steps, so races had two winners."""
        return self._s3_writes if call.service == "s3" and call.mutating else nullcontext()

    def _download(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, content = self._downloads.answer(path, environ.get("QUERY_STRING", ""))
        kind = "application/x-pem-file" if status == HTTPStatus.OK else "application/xml"
        call = Call("s3", "GetObject", mutating=False, resource=path.removeprefix("/"), region="")
        return self._send(call, (status, [("Content-Type", kind)], content), start_response)

    def _invoke(self, call: Call, environ: Environ, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_INVOCATION_TYPE") != "Event":
            return self._answer(call, body, start_response)
        self.invoked.append((call.resource, body))
        return self._send(call, (202, [], b""), start_response)

    def _answer(self, call: Call, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
        """The answer of a function that is there, one at a time; an exception as Lambda reports it."""
        function = self._functions.get(call.resource.rpartition(":")[2])
        if function is None:
            return self._send(call, (501, [], b"no such function answers here"), start_response)
        headers = [("Content-Type", "application/json")]
        try:
            with self._at_work:
                answer = function(json.loads(body or b"{}"))
        except Exception as error:  # noqa: BLE001  # whatever it is, Lambda answers with 200
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return self._send(call, (200, headers, json.dumps(answer).encode()), start_response)

    def _send(
        self, call: Call, answer: tuple[int, list[tuple[str, str]], bytes], start_response: StartResponse
    ) -> Iterable[bytes]:
        status, headers, content = answer
        self._log.add(_with_status(call, status))
        start_response(f"{status} {_phrase(status)}", [*headers, ("Content-Length", str(len(content)))])
        return [content]


def run(application: Application, environ: Environ) -> Answer:
    """Run an application to its end, so that the log holds the call before the client has its answer.

    Gives status, headers and the answer in pieces.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
        started.append((status, headers))
        return lambda _chunk: None

    answer = application(environ, start_response)
    try:
        chunks = list(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return *started[-1], chunks


def _take_body(environ: Environ) -> bytes:
    """Read the request's body and put it back, so that it can be read again. Raises ConnectionResetError."""
    source = environ["wsgi.input"]
    chunked = "chunked" in environ.pop("HTTP_TRANSFER_ENCODING", "").lower()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = source.read() if chunked else source.read(length)
    if not chunked and len(body) < length:
        raise ConnectionResetError("the caller went away in the middle of its request")
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _with_status(call: Call, status: int) -> Call:
    return Call(call.service, call.operation, call.mutating, call.resource, call.region, status)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
