"""What is posted to a chat, whichever chat it is: one neutral message, made from an alert, an alarm or plain words.

Pure. A chat is a renderer of this message and an adapter that delivers it (decision record 0021). Texts of alerts are
taken as they are: each renderer makes them harmless in its own markup. What comes from elsewhere (alarms, plain words)
is made plain here, without anything that steers a terminal or the direction of reading.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from rotation_watcher.alerts import mail
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.model import Alert, Severity

_LONGEST = 2900
"""The most characters of a text that is not an alert's."""


class Urgency(StrEnum):
    """How a message asks for attention; a renderer has a sign or a colour for each."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    ALARM = "alarm"
    """A CloudWatch alarm was raised."""
    ALARM_OVER = "alarm-over"
    """A CloudWatch alarm ended."""
    ALARM_UNKNOWN = "alarm-unknown"
    """A CloudWatch alarm says something else: not enough data."""


_OF_SEVERITY = {
    Severity.INFO: (Urgency.INFO, "For your information"),
    Severity.WARNING: (Urgency.WARNING, "Warning"),
    Severity.CRITICAL: (Urgency.CRITICAL, "Critical: act now"),
}
_OF_STATE = {"ALARM": Urgency.ALARM, "OK": Urgency.ALARM_OVER}


class Paragraph(msgspec.Struct, frozen=True):
    """Sentences below a heading (empty: none), and the commands that belong to them, each to be copied whole."""

    heading: str
    sentences: str
    commands: tuple[str, ...] = ()


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message. What a kind of message does not have is None or empty, and is not shown.

    ``summary`` is one line for a notification. ``label`` is the urgency in words. ``about`` are short foreign words
    beside it (kind, subject, state), ``at`` the time in words. ``facts`` and ``where`` (the stack that sends it) are in
    reading order, ``links`` lead to URLs or paths, which are ours. ``foot`` is the alert's id.
    """

    summary: str
    title: str | None = None
    urgency: Urgency | None = None
    label: str = ""
    about: tuple[str, ...] = ()
    at: str = ""
    paragraphs: tuple[Paragraph, ...] = ()
    where: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    foot: str | None = None


class Chat(Protocol):
    """One channel of one chat."""

    def post(self, message: ChatMessage) -> None:
        """Show one message. Raises DeliveryError, which holds no secret."""


def of_alert(alert: Alert) -> ChatMessage:
    """The message for an alert of ours."""
    urgency, label = _OF_SEVERITY[alert.severity]
    return ChatMessage(
        summary=f"{alert.severity.upper()}{f' [{alert.origin.short}]' if alert.origin else ''}: {alert.title}",
        title=alert.title,
        urgency=urgency,
        label=label,
        about=(alert.kind, alert.source or alert.target or "the stack"),
        at=f"{alert.at:%Y-%m-%d %H:%M} UTC",
        paragraphs=(
            _paragraph("What happened", alert.what_happened),
            _paragraph("What it means for you", alert.what_it_means),
            _paragraph("What to do", alert.what_to_do),
        ),
        where=mail.where(alert.origin) if alert.origin else {},
        facts=alert.facts,
        links=alert.links,
        foot=alert.id,
    )


def of_alarm(name: str, state: str, description: str, facts: Mapping[str, str]) -> ChatMessage:
    """The message for a CloudWatch alarm, which comes over the same topic. ``state`` is ALARM, OK or the like."""
    name, state, description = plain(name), plain(state, 40), plain(description, _LONGEST)
    return ChatMessage(
        summary=f"{state}: {name}",
        title=f"{state}: {name}",
        urgency=_OF_STATE.get(state, Urgency.ALARM_UNKNOWN),
        label="CloudWatch alarm",
        about=(state,),
        paragraphs=(_paragraph("What it watches", description),) if description else (),
        facts={label: plain(value) for label, value in facts.items() if value},
    )


def of_words(words: str) -> ChatMessage:
    """The message for something that is neither: shown as plain text rather than lost."""
    lines = (plain(line.expandtabs(1), _LONGEST) for line in words[: 4 * _LONGEST].splitlines())
    shown = "\n".join(line for line in lines if line) or "(an empty message)"
    return ChatMessage(summary=shown, paragraphs=(Paragraph("", shown),))


def _paragraph(heading: str, words: str) -> Paragraph:
    """An alert's text: sentences, and below a line break each line a command."""
    sentences, *commands = words.split("\n")
    return Paragraph(heading, sentences, tuple(commands))
