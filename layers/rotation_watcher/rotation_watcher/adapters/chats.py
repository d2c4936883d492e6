"""Which adapter speaks to which chat: by the variable of the function's environment that names the chat's secret."""

from collections.abc import Callable

import httpx

from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.alerts.chat import Chat

CHATS: dict[str, Callable[[httpx.Client, str], Chat]] = {"SLACK_SECRET_ARN": SlackWebhook}
"""Each is built from an HTTP client and the secret's text; it may raise DeliveryError for a secret that is none."""
