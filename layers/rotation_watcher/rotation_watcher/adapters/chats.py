"""The chats: what builds each, by the environment variable that holds the ARN of its secret or of its topic."""

from collections.abc import Callable

import httpx

from rotation_watcher.adapters import clients
from rotation_watcher.adapters.amazon_q import AmazonQTopic
from rotation_watcher.adapters.secrets import AwsSecrets
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.teams import TeamsWebhook
from rotation_watcher.alerts.chat import Chat


def over_webhook(chat: Callable[[httpx.Client, str], Chat]) -> Callable[[str], Chat]:
    """Builds a chat from the ARN of its webhook's secret. Raises SourceError, DeliveryError for one without a URL."""

    def build(arn: str) -> Chat:
        return chat(httpx.Client(timeout=10.0, follow_redirects=False), AwsSecrets().get(arn))

    return build


def over_topic(arn: str) -> Chat:
    """Builds Amazon Q's from the ARN of its topic."""
    return AmazonQTopic(clients.make("sns"), arn)


CHATS: dict[str, Callable[[str], Chat]] = {
    "SLACK_SECRET_ARN": over_webhook(SlackWebhook),
    "TEAMS_SECRET_ARN": over_webhook(TeamsWebhook),
    "AMAZON_Q_TOPIC_ARN": over_topic,
}
