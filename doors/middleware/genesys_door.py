"""WSGI and ASGI middleware for a backend behind an ALB: only accepted client certificates of Genesys Cloud get through.

An ALB in mTLS ``verify`` mode hands the client's certificate on in ``X-Amzn-Mtls-Clientcert-Leaf``, URL-encoded PEM in
which ``+``, ``=`` and ``/`` stand as they are. The decision is the watcher's own (``rotation_watcher.identity``), by
the file ``bundles/<id>/identity.json`` that publish keeps up to date. Nothing but ``cryptography`` is needed.

The header proves something only where the ALB is the only way in: a client that reaches the backend past it writes the
header itself. README.md beside this file says what to set.
"""

import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from rotation_watcher.identity.decision import MAX_LEAF, Decision, Revoked, decide, no_list, told
from rotation_watcher.identity.policy import Policy, PolicyError, read_policy

HEADER = "X-Amzn-Mtls-Clientcert-Leaf"
"""As an ALB in mode ``verify`` names it (Elastic Load Balancing's user guide, "Mutual TLS headers")."""
EVERY = 60.0
"""Seconds after which the policy is asked for again."""
LIMIT = 24 * 3600.0
"""Seconds after which a policy that could not be read again lets nobody in."""
AGAIN = 3600.0
"""Seconds after which it is said again that the policy cannot be read."""
MAX_HEADER = 3 * MAX_LEAF
"""The longest header that is decoded: each character may be written as three."""

type Environ = dict[str, Any]
type StartResponse = Callable[..., Any]
type Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


log = logging.getLogger("genesys_door")
"""What it says of itself; of a request it logs nothing."""


class _Told(NamedTuple):
    """What was said last of a policy that cannot be read."""

    at: float
    shut: bool
    """Whether nobody was let in."""


class Guard:
    """The decision with its policy, which is read again every minute; several threads may ask at once.

    ``source`` gives the bytes of ``identity.json``: a callable, or the path of a file that something else keeps up to
    date. Whatever it raises leaves the last good policy in force, for a day at most. That is logged when it begins,
    every ``AGAIN`` while it lasts, when the day is over, and when it ends; ``name`` is what the log calls the policy of
    a callable, such as its S3 URI. ``region`` lets in the leaves of one Genesys Cloud region alone. ``revoked`` may be
    given where the ALB's trust store holds no revocation lists.
    """

    def __init__(
        self,
        source: Callable[[], bytes] | str | Path,
        *,
        name: str = "of the given callable",
        region: str | None = None,
        revoked: Revoked = no_list,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source if callable(source) else Path(source).read_bytes
        self._name = name if callable(source) else str(source)
        self._region, self._revoked, self._clock, self._elapsed = region, revoked, clock, elapsed
        self._policy: Policy | None = None
        self._asked: float | None = None
        self._confirmed = 0.0
        self._told: _Told | None = None
        self._lock = Lock()

    def decide(self, headers: Iterable[str]) -> Decision:
        """The decision on all values of the header. Never raises."""
        policy = self._current()
        if policy is not None and self._is_too_old():
            return Decision(allowed=False, reason="policy-too-old")
        given = [*headers]
        if len(given) > 1 or any("," in one for one in given):  # a server may have joined two
            return Decision(allowed=False, reason="two-certificates")
        leaf = decoded(given[0]) if given else None
        return decide(leaf, policy, self._clock(), self._revoked, region=self._region)

    def _current(self) -> Policy | None:
        """The policy in force, asked for again if it is time. One thread asks, the others go on with what there is."""
        if not self._lock.acquire(blocking=self._asked is None):
            return self._policy
        try:
            now = self._elapsed()
            if self._asked is None or now - self._asked >= EVERY:
                self._read()
                self._asked = now
            return self._policy
        finally:
            self._lock.release()

    def _read(self) -> None:
        try:
            self._policy = read_policy(self._source())
        except Exception as error:  # noqa: BLE001  # whatever it is, the last good one stays, for a day
            self._tell(error)
            return
        self._confirmed = self._elapsed()
        if self._told is not None:
            self._told = None
            _say(logging.WARNING, f"the policy {self._name} can be read again: it decides from now on")

    def _tell(self, error: Exception) -> None:
        """Say that the policy cannot be read, unless that was said a short while ago."""
        now, shut = self._elapsed(), self._policy is None or self._is_too_old()
        if self._told is not None and self._told.shut == shut and now - self._told.at < AGAIN:
            return
        self._told = _Told(now, shut)
        what = "" if isinstance(error, PolicyError) else f"{type(error).__name__}: "
        left = (self._confirmed + LIMIT - now) / 3600
        meanwhile = "nobody is let in" if shut else f"the last good one decides, for {left:.1f} more hours"
        _say(
            logging.ERROR,
            f"the policy {self._name} cannot be read ({what}{error}): {meanwhile}. Let it be fetched again from"
            " bundles/<id>/identity.json in the stack's bucket (s3:GetObject on that key); where it is bad there too,"
            " run publish, which writes it anew",
        )

    def _is_too_old(self) -> bool:
        return self._elapsed() - self._confirmed > LIMIT


def _say(level: int, text: str) -> None:
    """Log one line. A handler that fails stops no request."""
    with contextlib.suppress(Exception):
        log.log(level, "%s", " ".join(text.split())[:1000])


def decoded(header: str) -> str | None:
    """The PEM in a header; None where there is nothing. What is no such text comes back as no certificate either."""
    if not header.strip():
        return None
    if len(header) > MAX_HEADER:
        return "too long"
    try:
        return unquote_to_bytes(header).decode("ascii")
    except ValueError:
        return "not ASCII"


def wsgi(application: Wsgi, guard: Guard) -> Wsgi:
    """The application behind the guard. Who came stands in ``environ["genesys.identity"]`` (``decision.told``)."""

    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        value = environ.get(_WSGI_HEADER)
        decision = guard.decide([] if value is None else [value])
        if not decision.allowed:
            body = _refusal(decision)
            start_response("403 Forbidden", [*_HEADERS, ("Content-Length", str(len(body)))])
            return [body]
        return application({**environ, "genesys.identity": told(decision)}, start_response)

    return guarded


def asgi(application: Asgi, guard: Guard) -> Asgi:
    """The application behind the guard. Who came stands in ``scope["genesys.identity"]``; lifespan passes through.

    A policy is read where the request waits: give a ``source`` that takes no longer than a file does.
    """

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
            return
        values = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == _ASGI_HEADER]
        decision = guard.decide(values)
        if decision.allowed:
            await application({**scope, "genesys.identity": told(decision)}, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the client's wish to connect, which is to be refused: the server answers 403
            await send({"type": "websocket.close", "code": 1008, "reason": decision.reason})
        else:
            body = _refusal(decision)
            headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS]
            headers.append((b"content-length", str(len(body)).encode()))
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return guarded


_WSGI_HEADER = f"HTTP_{HEADER.upper().replace('-', '_')}"
_ASGI_HEADER = HEADER.lower().encode()
_HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


def _refusal(decision: Decision) -> bytes:
    """A reason is one of a fixed list: nothing that somebody presented stands in the answer."""
    return json.dumps({"error": "forbidden", "reason": decision.reason}).encode()
