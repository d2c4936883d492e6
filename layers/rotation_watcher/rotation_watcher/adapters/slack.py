"""Slack's incoming webhook. Its URL is the secret: it appears in no log, error or repr."""

import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from rotation_watcher.errors import DeliveryError

# httpx logs every request's whole URL at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class SlackWebhook:
    """Posts payloads to one webhook."""

    def __init__(self, http: httpx.Client, secret: str) -> None:
        self._http = http
        self._url = _url(secret)

    def __repr__(self) -> str:
        return "SlackWebhook(…)"

    def post(self, payload: dict[str, Any]) -> None:
        """Post one message. Raises DeliveryError with Slack's status, without the URL."""
        try:
            answer = self._http.post(self._url, json=payload, follow_redirects=False)
        except httpx.HTTPError as error:
            # Not "from error": its request holds the URL.
            raise DeliveryError(f"Slack cannot be reached: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            wait = answer.headers.get("retry-after", "")
            said = f", asking to wait {wait} s" if wait.isdigit() else ""
            raise DeliveryError(f"Slack answered with status {answer.status_code}{said}")


def _url(secret: str) -> str:
    """The webhook's URL: the secret itself, or the ``url`` of a JSON object. Raises DeliveryError, without the text."""
    text = secret.strip()
    if text.startswith("{"):
        try:
            text = msgspec.json.decode(text, type=dict[str, str]).get("url", "")
        except msgspec.DecodeError:
            text = ""
    parts = urlsplit(text)
    if not parts.hostname or (parts.scheme != "https" and parts.hostname != "127.0.0.1"):
        raise DeliveryError('the Slack secret holds no https:// URL: store the webhook\'s URL, or {"url": "https://…"}')
    return text
