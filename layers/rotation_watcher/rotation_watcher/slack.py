"""The use case ``slack``: post what the queue behind the topic holds to a Slack channel, and lose nothing.

Contract. ``post_all`` returns the ids of the messages that Slack did not take; the queue keeps those and brings them
again, and what fails for long ends in its dead-letter queue. A message that is no alert of ours (a CloudWatch alarm
comes over the same topic) is shown as well as it can be, never dropped.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.slack_blocks import alarm, message, plain_message
from rotation_watcher.errors import DeliveryError

_LONGEST = 2900


class Webhook(Protocol):
    """Where messages are posted."""

    def post(self, payload: dict[str, Any]) -> None:
        """Post one. Raises DeliveryError."""


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


def post_all(letters: Iterable[QueueMessage], webhook: Webhook) -> Outcome:
    """Post each message by itself, so that one that fails does not repeat the others. Raises nothing of its own."""
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
    envelope = _decode(body, _Envelope)
    if envelope is not None:
        body = envelope.message
    alert = _decode(body, Alert)
    if alert is not None:
        return message(alert)
    alarmed = _decode(body, _Alarm)
    if alarmed is not None:
        return _of_alarm(alarmed)
    subject = f"{envelope.subject}: " if envelope and envelope.subject else ""
    lines = (plain(line.expandtabs(1), _LONGEST) for line in (subject + body)[: 4 * _LONGEST].splitlines())
    return plain_message("\n".join(line for line in lines if line) or "(an empty message)")


def _of_alarm(alarmed: _Alarm) -> dict[str, Any]:
    facts = {
        "why": alarmed.new_state_reason,
        "since": alarmed.state_change_time,
        "region": alarmed.region,
    }
    return alarm(
        plain(alarmed.alarm_name),
        plain(alarmed.new_state_value, 40),
        plain(alarmed.alarm_description or "", _LONGEST),
        {label: plain(value) for label, value in facts.items() if value},
    )


def _decode[T](body: str, form: type[T]) -> T | None:
    """The body as this form, or None where it is something else.

    Nested thousands deep it raises RecursionError, and half a surrogate pair is no UTF-8: both are something else.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
