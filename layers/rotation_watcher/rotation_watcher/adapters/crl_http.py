"""Files from hosts that certificates name, over HTTP. Every URL, name, address and answer is taken for hostile.

* Where to: http and https, and the ports 80 and 443 alone, where every public CA keeps its CRLs; another port is a way
  to make us speak to other services. Public addresses alone, checked at the connection (``checked_backend``). At most
  three redirects, each checked like a first URL, and none from https to http.
* What is sent: no credentials, no cookies, no Referer, and no proxy of the environment is asked. A proxy resolves names
  itself, so no address could be checked. In a network that has no other way out every fetch fails as unreachable or
  timed out: open a route to these hosts (NAT), or switch the fetching off.
* What is taken: status 200 or 304, no content coding, at most 50 MB, counted while it comes in, all within one budget
  of seconds, look-ups and redirects included. What a server sends beyond its Content-Length is not read. Without a
  length a body that was cut off looks whole: whoever reads it must verify a signature.

httpcore is used without httpx, which adds redirects, cookies, proxies and decoding that would have to be turned off.
"""

import math
import re
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO

import certifi
import httpcore

from rotation_watcher.adapters.checked_backend import (
    BoundedLookup,
    CheckedBackend,
    Deadline,
    Lookup,
    Rule,
    system_lookup,
)
from rotation_watcher.adapters.clients import quiet_sdk_logs
from rotation_watcher.adapters.fetch_urls import Place, follow, parse
from rotation_watcher.adapters.public_addresses import is_public
from rotation_watcher.errors import FetchCode, FetchError
from rotation_watcher.ports import Fetched, NotModified, Validators

BUDGET = 30.0
"""Seconds that one fetch may take in all."""
MAX_BYTES = 50 * 1000 * 1000
"""The most bytes of a file: a trust store takes CRLs of 50 MB."""
MAX_REDIRECTS = 3
PORTS = frozenset({80, 443})
_TIMEOUTS = {"connect": 5.0, "read": 10.0, "write": 5.0}
_HEADERS = [
    ("User-Agent", "genesys-certificate-rotation-watcher"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
]
_REDIRECTS = {301, 302, 303, 307, 308}
_ETAG = re.compile(r'(?:W/)?"[!#-~]{0,250}"')
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)


@lru_cache(1)  # reading a hundred roots takes longer than a fetch
def public_roots() -> ssl.SSLContext:
    """TLS as browsers verify it. What is fetched proves itself by its own signature."""
    return ssl.create_default_context(cafile=certifi.where())


class HttpDistributionPoints:
    """``ports.DistributionPoints``. It keeps nothing from one fetch to the next; several threads may use it.

    ``budget`` is the seconds of one fetch, ``remaining`` gives those that are left of the run: the fewer count.
    ``allowed``, ``ports`` and ``lookup`` say where connections may go; the defaults are the safe ones. ``tls`` gives
    the context for https, for networks that inspect TLS.
    """

    def __init__(
        self,
        *,
        remaining: Callable[[], float] = lambda: math.inf,
        budget: float = BUDGET,
        limit: int = MAX_BYTES,
        allowed: Rule = is_public,
        ports: Collection[int] = PORTS,
        lookup: Lookup = system_lookup,
        tls: Callable[[], ssl.SSLContext] = public_roots,
    ) -> None:
        quiet_sdk_logs()
        self._remaining = remaining
        self._budget = budget
        self._limit = limit
        self._allowed = allowed
        self._ports = ports
        self._lookup = BoundedLookup(lookup)
        self._tls = tls

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        try:
            place = parse(url)
        except ValueError as error:
            raise FetchError(FetchCode.URL_REFUSED, f"the URL {error}") from None
        conditions = _conditions(known or Validators())
        deadline = Deadline(min(self._budget, self._remaining()))
        for _ in range(MAX_REDIRECTS + 1):
            with self._asked(place, conditions, deadline) as answer:
                if answer.status not in _REDIRECTS:
                    return _read(answer, place.host, self._limit, conditional=bool(conditions))
                place = _next(answer, place)
        raise FetchError(FetchCode.REDIRECT_REFUSED, f"{place.host} comes after more than {MAX_REDIRECTS} redirects")

    @contextmanager
    def _asked(
        self, place: Place, conditions: list[tuple[str, str]], deadline: Deadline
    ) -> Iterator[httpcore.Response]:
        """The answer of one place, open. A connection serves one request: nothing is shared between names."""
        host = place.host
        if place.port not in self._ports:
            words = f"{host} is to be asked at port {place.port}; only {_listed(self._ports)} are"
            raise FetchError(FetchCode.URL_REFUSED, words)
        url = httpcore.URL(scheme=place.scheme, host=host, port=place.port, target=place.target)
        backend = CheckedBackend(self._lookup, self._allowed, deadline)
        context = self._tls() if place.scheme == "https" else None
        headers = [("Host", place.authority), *_HEADERS, *conditions]
        try:
            with (
                httpcore.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
                pool.stream("GET", url, headers=headers, extensions={"timeout": _TIMEOUTS}) as answer,
            ):
                yield answer
        except (TimeoutError, httpcore.TimeoutException):
            raise FetchError(FetchCode.TIMED_OUT, f"{host} did not answer, or not to the end, in time") from None
        except httpcore.NetworkError as error:
            words = f"{host} cannot be reached: {type(error).__name__}"
            raise FetchError(FetchCode.UNREACHABLE, words) from None
        except httpcore.ProtocolError:  # its words may quote the peer
            raise FetchError(FetchCode.ANSWER_INVALID, f"{host} does not keep to HTTP, or hung up early") from None


def _next(answer: httpcore.Response, place: Place) -> Place:
    """Where a redirect leads."""
    try:
        return follow(place, b" ".join(_values(answer, b"location")))  # none, or several, make no URL
    except ValueError as error:
        raise FetchError(FetchCode.REDIRECT_REFUSED, f"{place.host} redirects, and the URL {error}") from None


def _read(answer: httpcore.Response, host: str, limit: int, *, conditional: bool) -> Fetched | NotModified:
    if answer.status == HTTPStatus.NOT_MODIFIED:
        if not conditional:
            raise FetchError(FetchCode.ANSWER_INVALID, f"{host} answered with status 304 and was not asked so")
        return NotModified()
    if answer.status != HTTPStatus.OK:
        words = f"{host} answered with status {answer.status}"
        raise FetchError(FetchCode.STATUS_UNEXPECTED, words, status=answer.status)
    if any(coding.strip().lower() not in {b"", b"identity"} for coding in _values(answer, b"content-encoding")):
        raise FetchError(FetchCode.ANSWER_INVALID, f"{host} answered in an encoding that was not asked for")
    if any(int(length) > limit for length in _values(answer, b"content-length")):  # h11 lets only numbers pass
        raise _too_large(host, limit)
    body = BytesIO()  # gives its bytes without a copy
    for chunk in answer.iter_stream():
        if body.tell() + len(chunk) > limit:
            raise _too_large(host, limit)
        body.write(chunk)
    return Fetched(body.getvalue(), kept(_only(answer, b"etag"), _only(answer, b"last-modified")))


def kept(etag: str | None, last_modified: str | None) -> Validators:
    """What is well-formed of a server's validators; the rest is dropped, and costs a download."""
    return Validators(
        etag if etag is not None and _ETAG.fullmatch(etag) else None,
        last_modified if last_modified is not None and _DATE.fullmatch(last_modified) else None,
    )


def _conditions(known: Validators) -> list[tuple[str, str]]:
    """The headers that ask for another version only. What is known came from a server, so its form is checked again."""
    sent = kept(known.etag, known.last_modified)
    named = [("If-None-Match", sent.etag), ("If-Modified-Since", sent.last_modified)]
    return [(name, value) for name, value in named if value is not None]


def _values(answer: httpcore.Response, name: bytes) -> list[bytes]:
    return [value for each, value in answer.headers if each.lower() == name]


def _only(answer: httpcore.Response, name: bytes) -> str | None:
    """The value of a header that there is once."""
    values = _values(answer, name)
    return values[0].decode("latin-1") if len(values) == 1 else None


def _listed(ports: Collection[int]) -> str:
    return " and ".join(str(port) for port in sorted(ports))


def _too_large(host: str, limit: int) -> FetchError:
    return FetchError(FetchCode.ANSWER_TOO_LARGE, f"{host} answered with more than {limit} bytes")
