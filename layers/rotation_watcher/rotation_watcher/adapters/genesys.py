"""The Genesys Cloud platform API: log in, list the data actions' client certificates.

Facts (from the official SDK 269.0.0): the token endpoint takes HTTP Basic and
``grant_type=client_credentials``; the certificates endpoint filters by ``status`` and ``type``, which are all the
parameters that it documents, and pages by ``nextUri``; 300 requests a minute a token. The API never redirects, so a
redirect means that something else answers. A token lives in this object's memory alone, and goes to one host over TLS.

What is harmless in an answer is taken (a byte order mark, a token's life as text or null, a next page named by http or
without its first slash); what is not is an error that says what it is.
"""

import math
import random
import re
import socket
import ssl
import time
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock, Timer
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import urlsplit
from uuid import UUID

import certifi
import httpx
import msgspec

from rotation_watcher.errors import UNDECODABLE, SourceError, SourceReason
from rotation_watcher.ports import Clock, Credentials

PATH = "/api/v2/integrations/actions/certificates"
PERMISSION = "integrations:actionCertificate:view"
MAX_ANSWER = 8 * 1024 * 1024
"""The most bytes of an answer, decompressed, and of all pages together: a full page of certificates is some 200 KB."""
MAX_PAGES = 50
MAX_ENTITIES = 10_000
"""The most entities of all pages together: a region has a handful."""
_MOST_COMMAS = 32 * MAX_ENTITIES
"""More between the entities of a page than so many entities can have: four million numbers take 300 MB once parsed."""
MAX_PAUSE = 20.0
"""The longest wait, in seconds, that a server may ask of one run."""
TRIES = 3
BUDGET = 60.0
"""Seconds that one source may take in all."""
_TOKEN_MARGIN = timedelta(seconds=60)
_USUAL_LIFE = 300.0
"""Seconds: the shortest life that Genesys gives a token, for an answer that does not say."""
_LONGEST_LIFE = 172_800.0
"""Seconds: the longest life that Genesys gives a token. An answer that claims more is not believed."""
_TRY_AGAIN = {429, 500, 502, 503, 504}
_REFUSALS = {401, 403}
"""What Genesys says in JSON, of the client or its role. As a web page it is the word of a proxy or firewall."""
_LIKE_A_SECRET = re.compile(r"[\w+/=.~-]{20,}", re.ASCII)
_PASSING_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""A connection that was lost while TLS began: it may be better in a moment."""


def make_client(ca_file: Path | None = None) -> httpx.Client:
    """An HTTP client that verifies TLS, follows no redirect and never waits for long.

    ``ca_file`` names roots to trust beside certifi's, for networks that inspect TLS. Raises SourceError(TLS_FAILED)
    where it cannot be loaded.
    """
    return httpx.Client(
        verify=_context(ca_file),
        timeout=httpx.Timeout(10.0, connect=5.0),
        follow_redirects=False,
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "genesys-certificate-rotation-watcher",
        },
    )


@lru_cache(1)  # reading a hundred roots takes longer than a whole observation
def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            words = f"the CA file {ca_file} cannot be loaded: {error.strerror or error}"
            raise SourceError(SourceReason.TLS_FAILED, words) from None
    return context


class _Token(msgspec.Struct, frozen=True):
    value: str
    until: datetime

    def __repr__(self) -> str:
        return f"_Token(…, until={self.until})"


class _Grant(msgspec.Struct, frozen=True):
    access_token: Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")]  # what a header takes
    token_type: Any = None
    expires_in: Any = None

    def __repr__(self) -> str:
        return f"_Grant(…, expires_in={self.expires_in})"


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    entities: msgspec.Raw = msgspec.Raw()  # counted before it is parsed
    total: Any = None
    next_uri: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    status: int
    headers: httpx.Headers
    body: bytes


class _Budget:
    """The time of one observation. When it is up, the connections that are open are shut, which wakes who waits there.

    httpx bounds each wait by itself, so a peer that sends a byte now and then would be listened to for days.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lock, self._open, self._over = Lock(), list[socket.socket](), False
        self._bell = Timer(seconds, self._shut)
        self._bell.daemon = True

    def __enter__(self) -> Self:
        self._bell.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bell.cancel()

    def left(self) -> float:
        """Seconds. Raises TimeoutError where it is up."""
        left = self._end - time.monotonic()
        if left <= 0 or self._over:
            raise TimeoutError
        return left

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Httpcore's extension "trace": told of each connection, and of what TLS makes of it."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):  # of a proxy as well
            with self._lock:
                self._open.append(info["return_value"].get_extra_info("socket"))
            self.left()

    def _shut(self) -> None:
        with self._lock:
            self._over = True
            for each in self._open:
                with suppress(OSError):  # it has been closed, or TLS has taken it over
                    socket.socket.shutdown(each, socket.SHUT_RDWR)


class _Asking(NamedTuple):
    """What one observation asks with."""

    client: httpx.Client
    budget: _Budget
    login_url: str
    credentials: Credentials

    def request(self, method: str, url: str, **given: Any) -> httpx.Request:
        return self.client.build_request(method, url, extensions={"trace": self.budget.trace}, **given)


class Genesys:
    """``ports.GenesysApi``. Tokens are cached for their life, by login URL and client, over warm invocations.

    Several threads may ask at once: each observation has a client of its own. ``pause`` waits between tries and
    ``jitter`` (0 to 1) spreads them; both are injected.
    """

    def __init__(
        self,
        clock: Clock,
        make: Callable[[], httpx.Client] = make_client,
        *,
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        budget: float = BUDGET,
    ) -> None:
        self._clock = clock
        self._make = make
        self._pause = pause
        self._jitter = jitter
        self._budget = budget
        self._tokens: dict[tuple[str, str], _Token] = {}

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """See ``ports.GenesysApi``: the raw entities with status Current, then Upcoming."""
        try:
            with _Budget(self._budget) as budget, self._make() as client:
                asking = _Asking(client, budget, login_url, credentials)
                entities: list[bytes] = []
                for status in ("Current", "Upcoming"):
                    query = httpx.QueryParams({"status": status, "type": "Client"})
                    entities += self._pages(asking, f"{api_url.rstrip('/')}{PATH}?{query}", api_url)
                return entities
        except TimeoutError:
            raise SourceError(
                SourceReason.UNREACHABLE, f"{_host(api_url)} did not answer within {self._budget:.0f} seconds in all"
            ) from None
        except httpx.InvalidURL:
            words = f"{_harmless(api_url)} or {_harmless(login_url)} is a URL that cannot be asked"
            raise SourceError(SourceReason.ENDPOINT_MISSING, words) from None

    def _pages(self, asking: _Asking, url: str, api_url: str) -> list[bytes]:
        entities: list[bytes] = []
        asked: set[str] = set()
        size = 0
        while len(asked) < MAX_PAGES:
            asked.add(url)
            body = self._read(asking, url)
            size += len(body)
            if size > MAX_ANSWER:
                raise _too_large(_host(url))
            page = _decode(body, _Page, url)
            entities += _entities(page, url)
            if len(entities) > MAX_ENTITIES:
                raise _too_many(url)
            if not page.next_uri:
                return entities
            url = _next(page.next_uri, url, api_url)
            if url in asked:
                raise SourceError(SourceReason.ANSWER_INVALID, f"{_host(url)} answers with pages that go in a circle")
        raise SourceError(SourceReason.ANSWER_INVALID, f"{_host(url)} answers with more than {MAX_PAGES} pages")

    def _read(self, asking: _Asking, url: str) -> bytes:
        """One page; a token that the API no longer takes is renewed once."""
        for renewed in (False, True):
            token = self._token(asking)
            answer = self._send(asking, asking.request("GET", url, headers={"Authorization": f"Bearer {token}"}))
            if answer.status == httpx.codes.UNAUTHORIZED and not renewed:
                self._tokens.pop((asking.login_url, asking.credentials.client_id), None)
                continue
            return _checked(answer, url)
        raise SourceError(SourceReason.CREDENTIALS_REFUSED, f"{_host(url)} refuses a token that is new")

    def _token(self, asking: _Asking) -> str:
        login_url, credentials = asking.login_url, asking.credentials
        known = self._tokens.get((login_url, credentials.client_id))
        if known is not None and self._clock() < known.until:
            return known.value
        url = f"{login_url.rstrip('/')}/oauth/token"
        request = asking.request("POST", url, data={"grant_type": "client_credentials"})
        basic = httpx.BasicAuth(credentials.client_id, credentials.client_secret)
        answer = self._send(asking, next(basic.auth_flow(request)))
        _told_by_genesys(answer, url)
        if answer.status in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise SourceError(
                SourceReason.CREDENTIALS_REFUSED,
                f"{_host(url)} refuses the OAuth client {_named(credentials.client_id)} (status {answer.status})",
            )
        grant = _decode(_checked(answer, url), _Grant, url)
        if isinstance(grant.token_type, str) and grant.token_type.strip().lower() not in {"bearer", ""}:
            words = f"{_host(url)} gave a token of another type than bearer"
            raise SourceError(SourceReason.ANSWER_INVALID, words)
        until = self._clock() + _life(grant.expires_in) - _TOKEN_MARGIN
        self._tokens[login_url, credentials.client_id] = _Token(grant.access_token, until)
        return grant.access_token

    def _send(self, asking: _Asking, request: httpx.Request) -> _Answer:
        """Send with bounded retries. Only what may pass without anybody's doing is tried again."""
        host = request.url.host
        for attempt in range(1, TRIES + 1):
            wait = self._jitter() * 2.0**attempt
            try:
                with _streamed(asking.client, request) as response:
                    good = response.status_code == httpx.codes.OK
                    answer = _Answer(response.status_code, response.headers, _body(response) if good else b"")
            except httpx.TransportError as error:
                asking.budget.left()
                if _is_tls(error):
                    raise SourceError(SourceReason.TLS_FAILED, f"{host}: TLS failed: {_tls_words(error)}") from None
                if attempt == TRIES:
                    # Of other errors the words may quote what the peer sent.
                    said = f" ({_harmless(str(error))})" if isinstance(error, httpx.ConnectError) else ""
                    words = f"{host} cannot be reached: {type(error).__name__}{said}"
                    raise SourceError(SourceReason.UNREACHABLE, words) from None
            except httpx.DecodingError:
                raise SourceError(SourceReason.ANSWER_INVALID, f"{host} answered with a broken encoding") from None
            else:
                if answer.status not in _TRY_AGAIN:
                    return answer
                asked = _asked_to_wait(answer.headers, self._clock())
                throttled = answer.status == httpx.codes.TOO_MANY_REQUESTS
                if attempt == TRIES or (asked or 0) > MAX_PAUSE:
                    reason = SourceReason.THROTTLED if throttled else SourceReason.UNAVAILABLE
                    said = f", asking to wait {asked:.0f} s" if asked else ""
                    raise SourceError(reason, f"{host} answered with status {answer.status}{said}")
                wait = wait if asked is None else asked
            self._pause(min(wait, asking.budget.left()))
            asking.budget.left()
        raise SourceError(SourceReason.UNREACHABLE, f"{host} cannot be reached")


@contextmanager
def _streamed(client: httpx.Client, request: httpx.Request) -> Iterator[httpx.Response]:
    response = client.send(request, stream=True)
    try:
        yield response
    finally:
        response.close()


def _body(response: httpx.Response) -> bytes:
    """The body, decompressed and counted while it comes in: a small gzip may unfold to gigabytes.

    Codings on top of one another are refused: they unfold a thousandfold each, at once, before anyone can count.
    """
    if response.headers.get("content-encoding", "").strip().lower() not in {"", "identity", "gzip"}:
        words = f"{response.url.host} answered in an encoding that was not asked for"
        raise SourceError(SourceReason.ANSWER_INVALID, words)
    body = bytearray()
    for chunk in response.iter_bytes(64 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise _too_large(response.url.host)
    return bytes(body)


def _too_large(host: str) -> SourceError:
    return SourceError(SourceReason.ANSWER_TOO_LARGE, f"{host} answered with more than {MAX_ANSWER} bytes")


def _checked(answer: _Answer, url: str) -> bytes:
    """The body of a good answer, or the error that its status stands for."""
    host, status = _host(url), answer.status
    _told_by_genesys(answer, url)
    if httpx.codes.is_redirect(status):
        target = _harmless(_host(answer.headers.get("location", "")))
        raise SourceError(SourceReason.REDIRECTED, f"{host} redirects to {target}; the API never does")
    if status == httpx.codes.UNAUTHORIZED:
        raise SourceError(SourceReason.CREDENTIALS_REFUSED, f"{host} refuses the access token (status 401)")
    if status == httpx.codes.FORBIDDEN:
        words = f"{host}: the OAuth client's role lacks the permission {PERMISSION} (status 403)"
        raise SourceError(SourceReason.PERMISSION_MISSING, words)
    if status == httpx.codes.NOT_FOUND:
        raise SourceError(SourceReason.ENDPOINT_MISSING, f"{host} does not know {_path(url)} (status 404)")
    if status == httpx.codes.BAD_REQUEST:
        words = f"{host} does not take this query of {_path(url)} (status 400)"
        raise SourceError(SourceReason.ANSWER_INVALID, words)
    if status != httpx.codes.OK:
        raise SourceError(SourceReason.ANSWER_INVALID, f"{host} answered with status {status}")
    return answer.body


def _told_by_genesys(answer: _Answer, url: str) -> None:
    """Raise SourceError where a refusal is somebody else's."""
    if answer.status in _REFUSALS and "html" in answer.headers.get("content-type", "").lower():
        words = f"{_host(url)} answers with a web page (status {answer.status}): a proxy or firewall on the way"
        raise SourceError(SourceReason.UNREACHABLE, words)


def _decode[T](body: bytes, kind: type[T], url: str) -> T:
    try:
        return msgspec.json.decode(body.removeprefix(BOM_UTF8), type=kind)
    except UNDECODABLE:
        words = f"{_host(url)} answered with {len(body)} bytes that are not the JSON expected{_kind(body)}"
        raise SourceError(SourceReason.ANSWER_INVALID, words) from None


def _kind(body: bytes) -> str:
    """That it is a web page: the sign of a proxy or portal. Nothing of its text: it may be, or echo, a token."""
    start = body.removeprefix(BOM_UTF8).lstrip()[:2]
    if start[:1] == b"<":
        return " but a web page"
    return " but text in UTF-16" if start in {BOM_UTF16_LE, BOM_UTF16_BE, b"{\0", b"\0{"} else ""


def _entities(page: _Page, url: str) -> list[bytes]:
    """The raw entities of a page. Null or nothing is none where the page says itself that there are none in all."""
    raw = bytes(page.entities)
    if raw in {b"null", b""} and str(page.total).strip() == "0":
        return []
    if raw[:1] != b"[":
        raise SourceError(SourceReason.ANSWER_INVALID, f"{_host(url)} answered without a list of entities")
    if raw.count(b",") > _MOST_COMMAS:
        raise _too_many(url)
    return [bytes(entity) for entity in msgspec.json.decode(raw, type=list[msgspec.Raw])]


def _too_many(url: str) -> SourceError:
    return SourceError(SourceReason.ANSWER_TOO_LARGE, f"{_host(url)} answered with more than {MAX_ENTITIES} entities")


def _life(said: object) -> timedelta:
    """How long a token lives by its answer, which may say it as text, or not at all."""
    try:
        seconds = float(said) if isinstance(said, str | int | float) and not isinstance(said, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    return timedelta(seconds=_USUAL_LIFE if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_LIFE))


def _next(next_uri: str, url: str, api_url: str) -> str:
    """The next page's URL. Genesys gives it relative to the host; an absolute one must lead to the same host.

    One that names that host by http, as a service behind a proxy does, is asked for over TLS: the token never goes out
    in the open. ``api_url`` may carry a path of its own (a proxy, a simulator), which the API does not know of.
    """
    base = httpx.URL(api_url)
    try:
        target = httpx.URL(url).join(f"/{next_uri}" if next_uri.startswith(PATH[1:]) else next_uri)
    except (httpx.InvalidURL, ValueError):
        words = f"{_host(url)} names a next page that is no URL"
        raise SourceError(SourceReason.ANSWER_INVALID, words) from None
    if (target.scheme, base.scheme, target.host) == ("http", "https", base.host) and target.port in {None, base.port}:
        target = target.copy_with(scheme="https", port=base.port)
    if (target.scheme, target.netloc, target.userinfo) != (base.scheme, base.netloc, base.userinfo):
        words = f"{_host(url)} sends on to the host {_harmless(target.host)} for the next page"
        raise SourceError(SourceReason.ANSWER_INVALID, words)
    prefix = base.raw_path.rstrip(b"/")
    rooted = next_uri.startswith("/") or target.raw_path.startswith(PATH.encode())
    if rooted and not target.raw_path.startswith(prefix + b"/"):
        target = target.copy_with(raw_path=prefix + target.raw_path)
    return str(target)


def _asked_to_wait(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds that the server asks for: Retry-After in seconds or as a date, else the reset of a used-up rate limit."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    if said:
        try:
            moment = parsedate_to_datetime(said)
        except (ValueError, OverflowError):  # the latter for a year of many digits
            moment = None
        if moment is not None:
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(0.0, (aware - now).total_seconds())
    try:
        used, allowed = int(headers["inin-ratelimit-count"]), int(headers["inin-ratelimit-allowed"])
        reset = float(headers["inin-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    return max(0.0, reset) if used >= allowed and math.isfinite(reset) else None


def _is_tls(error: httpx.TransportError) -> bool:
    """Whether the two cannot agree on TLS, which no further try will change."""
    cause: BaseException | None = error if isinstance(error, httpx.ConnectError) else None
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return not isinstance(cause, _PASSING_TLS)
        cause = cause.__cause__ or cause.__context__
    return False


def _tls_words(error: Exception) -> str:
    return _harmless(str(error).partition("] ")[2] or str(error))[:160]


def _named(client_id: str) -> str:
    """The client's id, unless it may be a secret that was put in its place: an id of Genesys is a UUID."""
    try:
        return str(UUID(client_id))
    except ValueError:
        swapped = _LIKE_A_SECRET.search(client_id)
        return "(its client_id is no UUID: are id and secret swapped?)" if swapped else _harmless(client_id)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "(no host)"
    except ValueError:
        return "(no host)"


def _path(url: str) -> str:
    """The path of a URL of ours; of a next page never, for the peer wrote that and may echo a token."""
    path = urlsplit(url).path
    return path if path.endswith((PATH, "/oauth/token")) else "the next page that it names itself"


def _harmless(text: str) -> str:
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)[:160]
