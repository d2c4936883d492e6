"""What is posted to a chat, whichever chat it is: one neutral message, made from an alert, an alarm or plain words.

Pure. A chat is a renderer of this message and an adapter that delivers it (decision record 0021). Texts of alerts are
taken as they are: each renderer makes them harmless in its own markup. What comes from elsewhere (alarms, plain words)
is made plain here, without anything that steers a terminal or the direction of reading.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from rotation_watcher.alerts import mail
from rotation_watcher.alerts.builders.wording import common_name, plain
from rotation_watcher.alerts.model import OPENINGS, Alert, Severity, Status

_LONGEST = 2900
"""The most characters of a text that is not an alert's."""


TO_DO = "What to do"
"""The heading of what people should do."""


class Urgency(StrEnum):
    """How a message asks for attention; a renderer has a sign or a colour for each."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    OVER = "over"
    """What an alert was about has ended."""
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
_STANDINGS = {Status.RESOLVED: "Over", Status.REMINDER: "Reminder"}
"""Where an alert stands in the life of its condition, in words. One that is opened, or has no life, needs none."""
_OF_STATE = {"ALARM": Urgency.ALARM, "OK": Urgency.ALARM_OVER}
ALARMS = frozenset({Urgency.ALARM, Urgency.ALARM_OVER, Urgency.ALARM_UNKNOWN})
_LONG = re.compile(r"(text-)?[0-9a-f]{32,}|(arn:|s3://|https?://)\S+")
_PART = r"(?:\\.|[^,\\])"
_NAME = re.compile(rf"(CN={_PART}+(?:,(?! ){_PART}*)*)(, .*)?")
"""A name of RFC 4514 (its commas have no space after them), and what is said of the certificate behind it."""


class Paragraph(msgspec.Struct, frozen=True):
    """Sentences below a heading (empty: none), and the commands that belong to them, each to be copied whole.

    What is ``aside`` is left out where a message has to be short.
    """

    heading: str
    sentences: str
    commands: tuple[str, ...] = ()
    aside: bool = False


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message. What a kind of message does not have is None or empty, and is not shown.

    ``summary`` is one line for a notification. ``label`` is the urgency in words, ``standing`` whether it is a reminder
    or over. ``about`` are short foreign words beside it (kind, subject, state), ``at`` the time in words. ``facts`` and
    ``where`` (the stack that sends it) are in reading order, ``links`` lead to URLs or paths, which are ours. ``foot``
    is the alert's id, ``tags`` what programs sort messages by.
    """

    summary: str
    title: str | None = None
    urgency: Urgency | None = None
    label: str = ""
    standing: str = ""
    about: tuple[str, ...] = ()
    at: str = ""
    paragraphs: tuple[Paragraph, ...] = ()
    where: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    foot: str | None = None
    tags: Mapping[str, str] = {}

    @property
    def whence(self) -> str:
        """Environment (or account) and stack in one word, as ``prod/genesys-watcher``."""
        named = self.where.get("environment") or self.where.get("account")
        return "/".join(part for part in (named, self.where.get("stack")) if part)

    @property
    def places(self) -> dict[str, str]:
        """Account and region, by label: what ``whence`` does not always say."""
        return {label: value for label, value in self.where.items() if label not in {"environment", "stack"}}

    def urls(self, longest: int | None = None) -> dict[str, str]:
        """Those of the links that a reader can open, of at most so many characters."""
        urls = {label: place for label, place in self.links.items() if place.startswith("https://")}
        return {label: url for label, url in urls.items() if longest is None or len(url) <= longest}


def cut(words: str, longest: int) -> str:
    """The words, of at most so many characters, with an ellipsis where some are missing."""
    return words if len(words) <= longest else f"{words[: max(longest - 1, 0)]}…"


def label(words: str, longest: int) -> str:
    """Our own words without marks that markup could be made of (a source may be called so); never empty."""
    harmless = "".join(sign if sign.isalnum() or sign in " .,-()/" else " " for sign in words)
    return cut(" ".join(harmless.split()), longest) or "-"


def split(facts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The facts that people read (names, dates, counts), and the long ones to copy: digests, ARNs, places."""
    long = {label: value for label, value in facts.items() if _LONG.fullmatch(value)}
    return {label: value for label, value in facts.items() if label not in long}, long


def brief(value: str) -> str:
    """A certificate's name cut down to its common name, with what is said behind it; any other value as it stands.

    Commas in the name stay escaped: nothing in it can pass for what is said behind it.
    """
    match = _NAME.fullmatch(value)
    return f"{common_name(match[1]).replace(',', '\\,')}{match[2] or ''}" if match else value


class Chat(Protocol):
    """One channel of one chat."""

    def post(self, message: ChatMessage) -> None:
        """Show one message. Raises DeliveryError, which holds no secret."""


def of_alert(alert: Alert) -> ChatMessage:
    """The message for an alert of ours."""
    urgency, label = _OF_SEVERITY[alert.severity]
    subject = alert.source or alert.target or "the stack"
    tags = {"kind": str(alert.kind), "severity": str(alert.severity), "status": str(alert.status), "subject": subject}
    tags |= {"genesys_region": alert.region or "", "authority": alert.authority or ""}
    if alert.origin:
        tags |= {name: getattr(alert.origin, name) for name in ("stack", "account", "environment", "region")}
    over = alert.status == Status.RESOLVED
    standing = _STANDINGS.get(alert.status, "")
    opening = (standing or alert.severity).upper()
    title = alert.title.removeprefix(OPENINGS.get(alert.status, ""))
    return ChatMessage(
        summary=f"{opening}{f' [{alert.origin.short}]' if alert.origin else ''}: {title}",
        title=alert.title,
        urgency=Urgency.OVER if over else urgency,
        label="" if over else label,
        standing=standing,
        about=(alert.kind, subject),
        at=f"{alert.at:%Y-%m-%d %H:%M} UTC",
        paragraphs=(
            _paragraph("What happened", alert.what_happened),
            msgspec.structs.replace(_paragraph("What it means for you", alert.what_it_means), aside=True),
            _paragraph(TO_DO, alert.what_to_do),
        ),
        where=mail.where(alert.origin) if alert.origin else {},
        facts=alert.facts,
        links=alert.links,
        foot=alert.id,
        tags={name: value for name, value in tags.items() if value},
    )


def of_alarm(name: str, state: str, description: str, facts: Mapping[str, str]) -> ChatMessage:
    """The message for a CloudWatch alarm, which comes over the same topic. ``state`` is ALARM, OK or the like."""
    name, state = plain(name), plain(state, 40)
    return ChatMessage(
        summary=f"{state}: {name}",
        title=f"{state}: {name}",
        urgency=_OF_STATE.get(state, Urgency.ALARM_UNKNOWN),
        label="CloudWatch alarm",
        about=(state,),
        paragraphs=_described(description[:_LONGEST]),
        facts={label: plain(value) for label, value in facts.items() if value},
    )


def _described(description: str) -> tuple[Paragraph, ...]:
    """An alarm's description: lines of sentences, and commands of the AWS CLI, each on a line of its own."""
    parts: list[tuple[list[str], list[str]]] = []
    for line in filter(None, (plain(each, _LONGEST).strip() for each in description.splitlines())):
        if parts and line.startswith("aws "):
            parts[-1][1].append(line)
        elif parts and not parts[-1][1]:
            parts[-1][0].append(line)
        else:
            parts.append(([line], []))
    return tuple(
        Paragraph("" if place else "What it watches", " ".join(sentences), tuple(commands))
        for place, (sentences, commands) in enumerate(parts)
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
