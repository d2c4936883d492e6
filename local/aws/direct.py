"""The way from a client of this process to the embedded AWS without a socket: ``EmbeddedAws(direct=True)``.

The SDK builds, signs and parses as ever, and the application answers as it answers HTTP. Only urllib3, the connection
and werkzeug's handler are left out, a fifth of a call's time. Other processes, downloads and probes use the socket.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from botocore import handlers
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from urllib3 import HTTPHeaderDict, HTTPResponse

from local.aws.front import Application, Environ, run

_UNPREFIXED = {"CONTENT_TYPE", "CONTENT_LENGTH"}
_BARE = {"204", "304"}
"""What is answered without a body, as to HEAD (``keeping_handler``)."""
_applications: dict[str, Application] = {}


@contextmanager
def served(url: str, application: Application) -> Iterator[None]:
    """For the length of the block requests of this process to ``url`` (scheme, host, port) go to the application."""
    _applications[url] = application
    try:
        yield
    finally:
        del _applications[url]


def answer(request: Any, **_: Any) -> Any:
    """The AWSResponse to an AWSPreparedRequest, by the SDK's event ``before-send``; None: it is not ours.

    Raises ConnectionClosedError where a server would hang up.
    """
    parts = urlsplit(str(request.url))
    application = _applications.get(f"{parts.scheme}://{parts.netloc}")
    if application is None:
        return None
    try:
        status, headers, chunks = run(application, _environ(request))
    except (ConnectionError, TimeoutError) as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
    told, body = HTTPHeaderDict(headers), b"".join(chunks)
    if request.method == "HEAD" or status[:3] in _BARE:
        body = b""
    else:
        told.setdefault("Content-Length", str(len(body)))
    # urllib3's, since the SDK knows its way of reading.
    raw = HTTPResponse(
        io.BytesIO(body),
        headers=told,
        status=int(status.split()[0]),
        preload_content=False,
        request_method=request.method,
    )
    response = AWSResponse(request.url, raw.status, cast("Any", raw.headers), raw)
    if not request.stream_output:
        response.content  # noqa: B018  # as the SDK's own session does: it is read at once
    return response


def _environ(request: Any) -> Environ:
    """WSGI's view of a request, as werkzeug's handler gives it."""
    parts, body = urlsplit(str(request.url)), _body(request)
    whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
    environ: Environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "SERVER_SOFTWARE": "direct",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": str(parts.hostname),
        "SERVER_PORT": str(parts.port),
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": whole,
        "RAW_URI": whole,
        "HTTP_HOST": parts.netloc,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        environ[key if key in _UNPREFIXED else f"HTTP_{key}"] = text
    environ.pop("HTTP_TRANSFER_ENCODING", None)  # the body is whole
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _body(request: Any) -> bytes:
    body = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body if isinstance(body, bytes | bytearray) else body.read())


handlers.BUILTIN_HANDLERS.append(("before-send", answer))  # every session that is made from now on asks it first
