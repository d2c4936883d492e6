"""An alert as e-mail: plain text at 78 columns, readable by a tired person at three in the morning."""

import textwrap

from rotation_watcher.alerts.model import Alert, Severity

WIDTH = 78
SUBJECT = 99
"""SNS takes subjects of under 100 characters: ASCII, without line breaks or control characters (API reference)."""

_URGENCY = {
    Severity.INFO: "For your information.",
    Severity.WARNING: "Warning: please read this on the next working day.",
    Severity.CRITICAL: "CRITICAL: please act now.",
}
_LABEL = 24
"""The widest label to which the values of facts are aligned."""


def subject(alert: Alert) -> str:
    """``[CRITICAL] us-east-1: …``: fewer than 100 printable ASCII characters on one line."""
    words = " ".join(f"[{alert.severity.upper()}] {alert.title}".split())
    ascii_only = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in words)
    return ascii_only if len(ascii_only) <= SUBJECT else f"{ascii_only[: SUBJECT - 3]}..."


def text(alert: Alert) -> str:
    """The body: urgency and title, the three paragraphs, the facts in a column, the id at the foot.

    Lines are wrapped at ``WIDTH``. Commands stand on lines of their own and are never broken, nor is any word, so that
    both can be copied.
    """
    parts = [
        _URGENCY[alert.severity],
        _wrapped(alert.title),
        "",
        "WHAT HAPPENED",
        _paragraph(alert.what_happened),
        "",
        "WHAT IT MEANS FOR YOU",
        _paragraph(alert.what_it_means),
        "",
        "WHAT TO DO",
        _paragraph(alert.what_to_do),
        "",
        "FACTS",
        *_facts(alert),
        "",
        f"Alert id: {alert.id}",
        "Should this alert arrive twice, it carries the same id.",
    ]
    return "\n".join(parts) + "\n"


def _paragraph(words: str) -> str:
    """Sentences are wrapped; what follows a line break is a command, which stays whole."""
    sentences, *commands = words.split("\n")
    return "\n".join([_wrapped(sentences), *(f"\n    {command}" for command in commands)])


def _wrapped(words: str) -> str:
    return textwrap.fill(words, WIDTH, break_long_words=False, break_on_hyphens=False)


def _facts(alert: Alert) -> list[str]:
    facts = {"at": f"{alert.at:%Y-%m-%d %H:%M} UTC"}
    facts |= {"source": alert.source} if alert.source else {}
    facts |= {"region": alert.region} if alert.region else {}
    facts |= {"authority": alert.authority} if alert.authority else {}
    facts |= alert.facts
    column = 2 + min(_LABEL, max(len(label) for label in facts)) + len(": ")
    return [_fact(label, value, column) for label, value in facts.items()]


def _fact(label: str, value: str, column: int) -> str:
    """One fact; a word too long for the column (a fingerprint, an ARN) stands on a line of its own."""
    opening = f"  {label}:".ljust(column - 1)
    if len(value) > WIDTH - column and " " not in value:
        return f"{opening.rstrip()}\n      {value}"
    words = textwrap.wrap(value, WIDTH - column, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * column}".join([f"{opening} {words[0]}", *words[1:]] if words else [f"{opening} -"])
