"""The chats: an adapter for each environment variable that can hold the ARN of a chat's secret."""

from collections.abc import Callable

import httpx

from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.alerts.chat import Chat

CHATS: dict[str, Callable[[httpx.Client, str], Chat]] = {"SLACK_SECRET_ARN": SlackWebhook}
"""Built from an HTTP client and the secret's text; raises DeliveryError for a secret without a usable URL."""
