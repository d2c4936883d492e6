"""How many subscriptions of a topic are confirmed, which moto counts as none.

A queue or function of the account is confirmed as it subscribes; whoever must answer (a mailbox, a URL) is pending
until ConfirmSubscription, whose token moto does not have: here for ever.
"""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.sns.responses import SNSResponse

_AT_ONCE = {"sqs", "lambda", "firehose", "application"}
_attributes = SNSResponse.get_topic_attributes


def operations() -> dict[str, Callable[..., Any]]:
    """Return the operation as the service answers it."""
    return {"get_topic_attributes": _get_topic_attributes}


def _get_topic_attributes(response: Any) -> ActionResult:
    answer: Any = _attributes(response)
    found = answer.result["Attributes"]
    protocols = [one.protocol for one in response.backend.subscriptions.values() if one.topic_arn == found["TopicArn"]]
    confirmed = sum(one in _AT_ONCE for one in protocols)
    counts = {"SubscriptionsConfirmed": confirmed, "SubscriptionsPending": len(protocols) - confirmed}
    return ActionResult({"Attributes": found | counts})
