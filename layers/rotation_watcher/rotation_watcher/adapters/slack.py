"""Slack's incoming webhooks."""

import re
from http import HTTPStatus

import httpx

from rotation_watcher.adapters.webhook import JsonWebhook
from rotation_watcher.alerts import slack_blocks
from rotation_watcher.alerts.chat import ChatMessage

_WORDS = re.compile(r"[a-z][a-z_]{1,48}")
"""Slack's error codes, such as ``invalid_blocks`` or ``no_service``; any other answer is not quoted in an error."""


class SlackWebhook:
    """``chat.Chat`` over one webhook. ``secret`` is its URL, or JSON with it as ``url``. Raises DeliveryError."""

    def __init__(self, http: httpx.Client, secret: str) -> None:
        self._webhook = JsonWebhook(http, secret, name="Slack", words=_WORDS, taken=HTTPStatus.OK, receipt="ok")

    def __repr__(self) -> str:
        return "SlackWebhook(…)"

    def post(self, message: ChatMessage) -> None:
        """See ``alerts.chat.Chat``."""
        self._webhook.post(slack_blocks.render(message))
