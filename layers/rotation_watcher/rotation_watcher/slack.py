"""The use case ``slack``: post what the queue behind the topic holds to a Slack channel, and lose nothing.

Contract. ``post_all`` returns the ids of the messages that Slack did not take; the queue keeps those and brings them
again, and what fails for long ends in its dead-letter queue. A message that is no alert of ours (a CloudWatch alarm
comes over the same topic) is shown as well as it can be, never dropped.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from rotation_watcher.alerts import Alert
from rotation_watcher.errors import DeliveryError
from rotation_watcher.messages.wording import plain
from rotation_watcher.slack_message import message, plain_message


class Webhook(Protocol):
    """Where messages are posted."""

    def post(self, payload: dict[str, Any]) -> None:
        """Post one. Raises DeliveryError."""


class Letter(NamedTuple):
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
    """A CloudWatch alarm's notification."""

    alarm_name: str
    new_state_value: str
    new_state_reason: str = ""
    alarm_description: str | None = None


def post_all(letters: Iterable[Letter], webhook: Webhook) -> Outcome:
    """Post each message by itself, so that one that fails does not repeat the others."""
    posted, failed, errors = 0, [], []
    for letter in letters:
        try:
            webhook.post(payload_of(letter.body))
        except DeliveryError as error:
            failed.append(letter.id)
            errors.append(str(error))
        else:
            posted += 1
    return Outcome(posted, tuple(failed), tuple(errors))


def payload_of(body: str) -> dict[str, Any]:
    """The Slack payload for a message of the queue. Never raises for its content."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except msgspec.DecodeError:
        pass
    else:
        body = envelope.message
    try:
        return message(msgspec.json.decode(body, type=Alert))
    except msgspec.DecodeError:
        pass
    try:
        alarm = msgspec.json.decode(body, type=_Alarm)
    except msgspec.DecodeError:
        return plain_message(plain(body, 2900) or "(an empty message)")
    words = f"{alarm.new_state_value}: {alarm.alarm_name}. {alarm.alarm_description or ''} {alarm.new_state_reason}"
    return plain_message(plain(words, 2900))
