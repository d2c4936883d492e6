"""CloudFront key value stores: the data API (DescribeKeyValueStore, ListKeys, UpdateKeys) on a port of 127.0.0.1.

A server of its own, because moto does not have this API, and because the SDK puts the account's number before whatever
host it is given: no name of this machine answers to that. So it is reached as an HTTP proxy (``EmbeddedStores.proxy``).

The rules are those of the API reference and the quotas (decision 0034): a lost If-Match is a ConflictException, an
update is carried out as a whole or not at all, 50 pairs a request and a page, 512 bytes a key, 1,024 a value, 5 MB a
store.
Stricter than is documented: a key may not appear twice in a request, and only a key that exists can be deleted.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MOST_PAIRS, LONGEST_KEY, LARGEST_VALUE, LARGEST_STORE = 50, 512, 1024, 5 * 1024 * 1024
DEFAULT_PAGE, LARGEST_PAGE = 10, 50
SIGNED_WITH_SIGV4A = "AWS4-ECDSA-P256-SHA256 "
HOST = "cloudfront-kvs.invalid"
"""The endpoint to give to the SDK; no resolver knows it, and the proxy needs none to."""


class Refused(Exception):
    """An answer that is an error: its code, and its HTTP status as in the service's model."""

    def __init__(self, code: str, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class KeyValueStore:
    """One store. ``stale_reads``: as many reads more show what was there before the last update."""

    arn: str
    pairs: dict[str, str] = field(default_factory=dict)
    etag: str = field(default_factory=lambda: f"KV{secrets.token_hex(6).upper()}")
    before: tuple[str, dict[str, str]] = ("", {})
    stale_reads: int = 0

    def put(self, pairs: Mapping[str, str]) -> None:
        """Somebody else writes: a new version."""
        self.before = (self.etag, self.pairs)
        self.pairs = self.pairs | dict(pairs)
        self.etag = f"KV{secrets.token_hex(6).upper()}"


class EmbeddedStores:
    """The stores and what tests may ask. ``signed``: refuse requests that SigV4A has not signed.

    ``before_update`` runs once, before the next UpdateKeys: it may change the store meanwhile. ``updates`` holds the
    body of each update that was carried out.
    """

    def __init__(self, *, signed: bool) -> None:
        self.signed = signed
        self.stores: dict[str, KeyValueStore] = {}
        self.updates: list[dict[str, Any]] = []
        self.before_update: Callable[[], None] | None = None
        self.proxy = ""
        self._lock = Lock()

    def make(self, arn: str, pairs: Mapping[str, str] | None = None) -> KeyValueStore:
        """Create a store."""
        self.stores[arn] = KeyValueStore(arn, dict(pairs or {}))
        return self.stores[arn]

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, dict[str, Any]]:
        """Answer one request: status, ETag (empty where there is none), document. Raises Refused."""
        if self.signed and not headers.get("Authorization", "").startswith(SIGNED_WITH_SIGV4A):
            raise Refused("AccessDeniedException", HTTPStatus.FORBIDDEN, "The request is not signed with SigV4A.")
        parts = urlsplit(url)
        segments = [unquote(each) for each in parts.path.strip("/").split("/")]
        store = self.stores.get(segments[1]) if segments[0] == "key-value-stores" and len(segments) > 1 else None
        if store is None:
            raise Refused("ResourceNotFoundException", HTTPStatus.NOT_FOUND, "The key value store does not exist.")
        match method, segments[2:]:
            case "GET", []:
                return self._describe(store)
            case "GET", ["keys"]:
                return self._list(store, {name: each[-1] for name, each in parse_qs(parts.query).items()})
            case "POST", ["keys"]:
                if self.before_update is not None:
                    meanwhile, self.before_update = self.before_update, None
                    meanwhile()
                with self._lock:
                    return self._update(store, headers.get("If-Match", ""), json.loads(body))
        raise Refused("UnknownOperationException", HTTPStatus.NOT_FOUND, f"{method} {parts.path} is not embedded.")

    def _describe(self, store: KeyValueStore) -> tuple[int, str, dict[str, Any]]:
        etag, pairs = _seen(store)
        document = _size(pairs) | {"KvsARN": store.arn, "Created": 1764115200, "Status": "READY"}
        return HTTPStatus.OK, etag, document

    def _list(self, store: KeyValueStore, query: Mapping[str, str]) -> tuple[int, str, dict[str, Any]]:
        most = int(query.get("MaxResults", DEFAULT_PAGE))
        if not 1 <= most <= LARGEST_PAGE:
            raise _invalid(f"MaxResults is between 1 and {LARGEST_PAGE}.")
        _, pairs = _seen(store)
        start = int(query.get("NextToken", 0))
        shown = [{"Key": key, "Value": pairs[key]} for key in sorted(pairs)[start : start + most]]
        more = {"NextToken": str(start + most)} if start + most < len(pairs) else {}
        return HTTPStatus.OK, "", {"Items": shown} | more

    def _update(self, store: KeyValueStore, if_match: str, body: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
        puts = {each["Key"]: each["Value"] for each in body.get("Puts", [])}
        deletes = [each["Key"] for each in body.get("Deletes", [])]
        asked = len(body.get("Puts", [])) + len(deletes)
        if not if_match:
            raise _invalid("If-Match is missing.")
        if if_match != store.etag:
            raise Refused("ConflictException", HTTPStatus.CONFLICT, "The pre-condition given in If-Match was not met.")
        if asked > MOST_PAIRS:
            raise _too_much(f"A request takes at most {MOST_PAIRS} pairs.")
        if asked == 0 or len({*puts, *deletes}) < asked:
            raise _invalid("A request needs a pair, and each key only once.")
        if any(not 1 <= len(key.encode()) <= LONGEST_KEY for key in puts):
            raise _too_much(f"A key takes at most {LONGEST_KEY} bytes.")
        if any(len(value.encode()) > LARGEST_VALUE for value in puts.values()):
            raise _too_much(f"A value takes at most {LARGEST_VALUE} bytes.")
        if not store.pairs.keys() >= set(deletes):
            raise Refused("ResourceNotFoundException", HTTPStatus.NOT_FOUND, "A key to delete does not exist.")
        after = {key: value for key, value in (store.pairs | puts).items() if key not in deletes}
        if _size(after)["TotalSizeInBytes"] > LARGEST_STORE:
            raise _too_much("A key value store takes at most 5 MB.")
        store.before, store.pairs = (store.etag, store.pairs), after
        store.etag = f"KV{secrets.token_hex(6).upper()}"
        self.updates.append(body)
        return HTTPStatus.OK, store.etag, _size(after)


@contextmanager
def embedded_stores(*, signed: bool = False) -> Iterator[EmbeddedStores]:
    """Run the service. ``signed`` as in EmbeddedStores."""
    stores = EmbeddedStores(signed=signed)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"stores": stores}))
    stores.proxy = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), name="key-value-stores", daemon=True)
    thread.start()
    try:
        yield stores
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    stores: EmbeddedStores

    def do_GET(self) -> None:
        """Describe or list."""
        self._serve()

    def do_POST(self) -> None:
        """Update."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the standard library's
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind, etag = "", ""
        try:
            status, etag, document = self.stores.answer(self.command, self.path, dict(self.headers.items()), body)
        except Refused as refusal:
            status, kind, document = refusal.status, refusal.code, {"Message": str(refusal)}
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if etag:
            self.send_header("ETag", etag)
        if kind:
            self.send_header("x-amzn-ErrorType", kind)
        self.end_headers()
        self.wfile.write(content)


def _seen(store: KeyValueStore) -> tuple[str, dict[str, str]]:
    if store.stale_reads > 0 and store.before[0]:
        store.stale_reads -= 1
        return store.before
    return store.etag, store.pairs


def _size(pairs: Mapping[str, str]) -> dict[str, Any]:
    total = sum(len(key.encode()) + len(value.encode()) for key, value in pairs.items())
    return {"ItemCount": len(pairs), "TotalSizeInBytes": total}


def _invalid(message: str) -> Refused:
    return Refused("ValidationException", HTTPStatus.BAD_REQUEST, message)


def _too_much(message: str) -> Refused:
    return Refused("ServiceQuotaExceededException", HTTPStatus.PAYMENT_REQUIRED, message)
