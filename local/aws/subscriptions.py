"""Subscriptions of topics as SNS keeps them, which moto takes for confirmed and counts as none.

E-mail and HTTP endpoints are pending until somebody confirms them, and are deleted after 48 hours if nobody does (SNS
developer guide, "Confirm the subscription"; API reference of Subscribe and GetTopicAttributes). What AWS itself can
check, a queue or a function, is confirmed at once. A pending one gets no message.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from local.aws.knobs import ClockFunction

DELETED_AFTER = timedelta(hours=48)
_ASKS = {"email", "email-json", "http", "https"}
_OPERATION = Callable[[SNSResponse], Any]


class Subscriptions:
    """Which subscriptions are pending. ``clock`` gives aware UTC."""

    def __init__(self, clock: ClockFunction) -> None:
        self._clock = clock
        self._asked: dict[str, Any] = {}
        self._deleted: dict[str, int] = {}

    def forget(self) -> None:
        """Know of none."""
        self._asked.clear()
        self._deleted.clear()

    def confirm(self, backend: SNSBackend, endpoint: str) -> None:
        """Somebody confirms every subscription of an endpoint. Raises KeyError where none waits for it."""
        self._expire(backend)
        found = [arn for arn, one in backend.subscriptions.items() if one.endpoint == endpoint and arn in self._asked]
        if not found:
            raise KeyError(endpoint)
        for arn in found:
            del self._asked[arn]

    def operations(self) -> dict[str, _OPERATION]:
        """Return the operations by moto's names."""
        subscribe, attributes = SNSResponse.subscribe, SNSResponse.get_topic_attributes
        listed = SNSResponse.list_subscriptions_by_topic

        def subscribe_and_ask(response: SNSResponse) -> Any:
            answer: Any = subscribe(response)
            arn = str(answer.result["SubscriptionArn"])
            if response._get_param("Protocol") not in _ASKS:  # noqa: SLF001  # moto's way to a parameter
                return answer
            self._asked.setdefault(arn, self._clock())
            shown = str(response._get_param("ReturnSubscriptionArn") or "").lower() == "true"  # noqa: SLF001
            return answer if shown else ActionResult({"SubscriptionArn": "pending confirmation"})

        def get_topic_attributes(response: SNSResponse) -> Any:
            self._expire(response.backend)
            answer: Any = attributes(response)
            topic = str(response._get_param("TopicArn"))  # noqa: SLF001
            of_topic = [arn for arn, one in response.backend.subscriptions.items() if one.topic.arn == topic]
            pending = [arn for arn in of_topic if arn in self._asked]
            answer.result["Attributes"] |= {
                "SubscriptionsConfirmed": str(len(of_topic) - len(pending)),
                "SubscriptionsPending": str(len(pending)),
                "SubscriptionsDeleted": str(self._deleted.get(topic, 0)),
            }
            return answer

        def list_subscriptions_by_topic(response: SNSResponse) -> Any:
            self._expire(response.backend)
            answer: Any = listed(response)
            shown = [
                {
                    "SubscriptionArn": "PendingConfirmation" if one.arn in self._asked else one.arn,
                    "TopicArn": one.topic.arn,
                    "Protocol": one.protocol,
                    "Endpoint": one.endpoint,
                    "Owner": one.account_id,
                }
                for one in answer.result["Subscriptions"]
            ]
            return ActionResult(answer.result | {"Subscriptions": shown})

        return {
            "subscribe": subscribe_and_ask,
            "get_topic_attributes": get_topic_attributes,
            "list_subscriptions_by_topic": list_subscriptions_by_topic,
        }

    def deliveries(self) -> dict[str, Callable[..., None]]:
        """Return what moto's subscription does with a message: nothing, while it is pending."""
        publish = Subscription.publish

        def publish_if_confirmed(subscription: Subscription, *message: Any, **more: Any) -> None:
            if subscription.arn not in self._asked:
                publish(subscription, *message, **more)

        return {"publish": publish_if_confirmed}

    def _expire(self, backend: SNSBackend) -> None:
        for arn in [arn for arn, asked in self._asked.items() if self._clock() - asked >= DELETED_AFTER]:
            del self._asked[arn]
            if arn in backend.subscriptions:
                topic = str(backend.subscriptions[arn].topic.arn)
                self._deleted[topic] = self._deleted.get(topic, 0) + 1
                backend.unsubscribe(arn)
