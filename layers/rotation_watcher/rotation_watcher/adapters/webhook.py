"""A chat's incoming webhook: JSON by POST. The URL is a secret: it appears in no log, error or repr."""

import re
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from rotation_watcher.adapters import clients
from rotation_watcher.errors import DeliveryError

_HOST = re.compile(r"[A-Za-z0-9.-]+")
_LASTING = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


class JsonWebhook:
    """Posts payloads to one webhook of the chat called ``name``.

    ``secret`` is the webhook's URL, or JSON with it as ``url``. ``words`` matches the answers of this chat of which an
    error may quote the pattern's group, or the whole; ``taken`` is the HTTP status that means acceptance, where the
    answer is ``receipt`` too (None: whatever it is). Raises DeliveryError.
    """

    def __init__(
        self,
        http: httpx.Client,
        secret: str,
        *,
        name: str,
        words: re.Pattern[str],
        taken: int,
        receipt: str | None = None,
    ) -> None:
        clients.quiet_sdk_logs()  # httpx logs the whole URL of each request at INFO
        self._http = http
        self._name = name
        self._words = words
        self._taken = taken
        self._receipt = receipt
        self._url = _url(secret, name)

    def __repr__(self) -> str:
        return f"JsonWebhook({self._name}, …)"

    def post(self, payload: dict[str, Any]) -> None:
        """Post one message. Raises DeliveryError with the chat's status and word, without the URL."""
        body = msgspec.json.encode(payload)
        try:
            answer = self._http.post(
                self._url, content=body, headers={"Content-Type": "application/json"}, follow_redirects=False
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not "from error": its request holds the URL.
            raise DeliveryError(f"{self._name} cannot be reached: {type(error).__name__}") from None
        if answer.status_code != self._taken or self._receipt not in {None, answer.text.strip()}:
            raise DeliveryError(self._complaint(answer))

    def _complaint(self, answer: httpx.Response) -> str:
        match = self._words.fullmatch(answer.text.strip())
        said = f" ({match[match.lastindex or 0]})" if match else ""
        wait = answer.headers.get("retry-after", "")
        pause = f", asking to wait {wait} s" if wait.isdigit() else ""
        way_out = ""
        if answer.status_code == self._taken:
            way_out = (
                f" without its {self._receipt}: the secret does not hold the URL of an incoming webhook, or a proxy"
                " answers in its place"
            )
        if answer.status_code in _LASTING:
            way_out = ": the webhook was revoked or its channel is gone; make a new one and store its URL in the secret"
        return f"{self._name} answered with status {answer.status_code}{said}{pause}{way_out}"


def _url(secret: str, name: str) -> httpx.URL:
    """The webhook's URL. Raises DeliveryError, without the text."""
    text = secret.strip()
    if text.startswith("{"):
        try:
            text = str(msgspec.json.decode(text, type=dict[str, Any]).get("url", ""))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            text = ""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not _HOST.fullmatch(url.host) or (url.scheme != "https" and (url.scheme, url.host) != ("http", "127.0.0.1")):
        raise DeliveryError(
            f'the secret of the {name} webhook holds no https:// URL: store its URL, or {{"url": "https://…"}}'
        )
    return url
