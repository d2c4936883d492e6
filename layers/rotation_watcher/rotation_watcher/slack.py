"""The use case ``slack``: post the messages of the queue behind the alert topic to a chat, and lose none.

It works over the port ``Chat``; the function's environment selects the chat (``adapters/chats.py``).

Contract. ``post_all`` returns the ids of the messages that the chat did not accept; the queue delivers those again, and
finally moves them to its dead-letter queue. A message that is not one of our alerts (a CloudWatch alarm comes over the
same topic) is shown as an alarm or as plain text, never dropped.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.chat import Chat, ChatMessage
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError


class QueueMessage(NamedTuple):
    """One message of the queue."""

    id: str
    body: str


class Outcome(NamedTuple):
    """The result of a batch: how many were posted, the ids to deliver again, and an error text for each of them."""

    posted: int
    failed: tuple[str, ...]
    errors: tuple[str, ...]


class _Envelope(msgspec.Struct, frozen=True, rename="pascal"):
    """What SNS puts around a message where raw delivery is off."""

    type: str
    message: str
    subject: str | None = None


class _Alarm(msgspec.Struct, frozen=True, rename="pascal"):
    """A CloudWatch alarm's notification (CloudWatch's user guide)."""

    alarm_name: str
    new_state_value: str
    new_state_reason: str | None = None
    alarm_description: str | None = None
    state_change_time: str | None = None
    region: str | None = None
    account: str | None = msgspec.field(default=None, name="AWSAccountId")


def post_all(messages: Iterable[QueueMessage], to: Chat) -> Outcome:
    """Post each message separately, so that a failure repeats no other message. DeliveryErrors are in the result."""
    posted, failed, errors = 0, [], []
    for message in messages:
        try:
            to.post(message_of(message.body))
        except DeliveryError as error:
            failed.append(message.id)
            errors.append(str(error))
        else:
            posted += 1
    return Outcome(posted, tuple(failed), tuple(errors))


def message_of(body: str) -> ChatMessage:
    """The neutral message for a message body. No content makes it raise."""
    envelope = _decode(body, _Envelope)
    if envelope is not None:
        body = envelope.message
    if (alert := _decode(body, Alert)) is not None:
        return chat.of_alert(alert)
    if (alarm := _decode(body, _Alarm)) is not None:
        facts = {
            "why": alarm.new_state_reason,
            "since": alarm.state_change_time,
            "account": alarm.account,
            "region": alarm.region,
        }
        return chat.of_alarm(
            alarm.alarm_name,
            alarm.new_state_value,
            alarm.alarm_description or "",
            {label: value for label, value in facts.items() if value},
        )
    subject = f"{envelope.subject}: " if envelope and envelope.subject else ""
    return chat.of_words(subject + body)


def _decode[T](body: str, form: type[T]) -> T | None:
    """The body decoded as this form, or None if it is something else, too deeply nested, or not UTF-8."""
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
