"""Builds the chat of a function from its environment: apart from ``bootstrap``, which loads what no chat needs."""

import os
from collections.abc import Mapping

from rotation_watcher import libraries, settings  # noqa: F401  # libraries: before adapters
from rotation_watcher.adapters.chats import CHATS
from rotation_watcher.alerts.chat import Chat


def build(environment: Mapping[str, str] | None = None) -> Chat:
    """The chat of the function that runs. Raises ConfigurationError, SourceError, DeliveryError."""
    settings.forget_key_log(os.environ)
    chosen = settings.chat_from_environment(os.environ if environment is None else environment, CHATS)
    return CHATS[chosen.variable](chosen.arn)
