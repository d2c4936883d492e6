"""URLs that look and behave like pre-signed ones: good for a while by the clock, useless without their signature."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from urllib.parse import parse_qs, urlencode

from local.aws.knobs import ClockFunction, Knobs

PREFIX = "/elb-presigned/"
"""The path below which downloads lie; no bucket of a test may bear this name."""


@dataclass(frozen=True)
class _Offer:
    content: bytes
    expires: datetime
    signature: str


class Downloads:
    """The documents on offer. What a URL gives is fixed when it is made, whatever happens to the trust store later."""

    def __init__(self, clock: ClockFunction, knobs: Knobs) -> None:
        self._clock = clock
        self._knobs = knobs
        self._key = secrets.token_bytes(32)
        self._offers: dict[str, _Offer] = {}
        self._lock = Lock()

    def offer(self, base_url: str, region: str, content: bytes) -> str:
        """Return a URL that gives ``content`` until its lifetime is over. The query string is the secret."""
        now, lifetime = self._clock(), self._knobs.download_lifetime
        path = f"{PREFIX}{region}/{secrets.token_hex(16)}"
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signature = hmac.new(self._key, f"{path}\n{stamp}".encode(), hashlib.sha256).hexdigest()
        with self._lock:
            self._offers[path] = _Offer(content, now + lifetime, signature)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"ASIAEMBEDDEDAWS00000/{stamp[:8]}/{region}/s3/aws4_request",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(int(lifetime.total_seconds())),
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": signature,
        }
        return f"{base_url}{path}?{urlencode(query)}"

    def answer(self, path: str, query: str) -> tuple[int, bytes]:
        """Return status and body for a GET: the content, or 403 with an error document as S3 writes it."""
        with self._lock:
            offer = self._offers.get(path)
        given = parse_qs(query).get("X-Amz-Signature", [""])[0]
        if offer is None or not hmac.compare_digest(offer.signature, given):
            return 403, _refusal(
                "SignatureDoesNotMatch", "The request signature does not match the signature provided."
            )
        if self._clock() >= offer.expires:
            return 403, _refusal("AccessDenied", "Request has expired")
        return 200, offer.content


def _refusal(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
