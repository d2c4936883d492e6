"""The use case ``slack``: post what the queue behind the topic holds to a channel, and lose nothing.

It knows no chat but the port: which one it is, the function's environment says (``adapters/chats.py``).

Contract. ``post_all`` returns the ids of the messages that the chat did not take; the queue keeps those and brings them
again, and what fails for long ends in its dead-letter queue. A message that is no alert of ours (a CloudWatch alarm
comes over the same topic) is shown as well as it can be, never dropped.
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
    """What became of a batch: how many were posted, the ids to bring again, and why, in words."""

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


def post_all(messages: Iterable[QueueMessage], to: Chat) -> Outcome:
    """Post each message by itself, so that one that fails does not repeat the others. Raises nothing of its own."""
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
    """The neutral message for a body of the queue. Never raises for its content."""
    envelope = _decode(body, _Envelope)
    if envelope is not None:
        body = envelope.message
    if (alert := _decode(body, Alert)) is not None:
        return chat.of_alert(alert)
    if (alarm := _decode(body, _Alarm)) is not None:
        facts = {"why": alarm.new_state_reason, "since": alarm.state_change_time, "region": alarm.region}
        return chat.of_alarm(
            alarm.alarm_name,
            alarm.new_state_value,
            alarm.alarm_description or "",
            {label: value for label, value in facts.items() if value},
        )
    subject = f"{envelope.subject}: " if envelope and envelope.subject else ""
    return chat.of_words(subject + body)


def _decode[T](body: str, form: type[T]) -> T | None:
    """The body as this form, or None where it is something else.

    Nested thousands deep it raises RecursionError, and half a surrogate pair is no UTF-8: both are something else.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
