"""Microsoft Teams: the webhook of a workflow that posts to a channel ("When a Teams webhook request is received")."""

import re
from http import HTTPStatus

import httpx

from rotation_watcher.adapters.webhook import JsonWebhook
from rotation_watcher.alerts import teams_card
from rotation_watcher.alerts.chat import ChatMessage

_WORDS = re.compile(r'\{\s*"error"\s*:\s*\{\s*"code"\s*:\s*"([A-Z][A-Za-z]{2,59})".*', re.DOTALL)
"""The code of Power Automate's errors, such as ``WorkflowTriggerIsNotEnabled``; its sentences are not quoted."""


class TeamsWebhook:
    """``chat.Chat`` over one workflow. ``secret`` is its URL, or JSON with it as ``url``. Raises DeliveryError.

    The URL's query holds the signature that lets anybody post. A workflow answers 202 when it has taken the message;
    what it does with it then is in its own history of runs.
    """

    def __init__(self, http: httpx.Client, secret: str) -> None:
        self._webhook = JsonWebhook(http, secret, name="Teams", words=_WORDS, taken=HTTPStatus.ACCEPTED)

    def __repr__(self) -> str:
        return "TeamsWebhook(…)"

    def post(self, message: ChatMessage) -> None:
        """See ``alerts.chat.Chat``."""
        self._webhook.post(teams_card.render(message))
