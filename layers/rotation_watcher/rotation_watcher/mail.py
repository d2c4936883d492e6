"""An alert as e-mail: plain text at 78 columns, readable by a tired person at three in the morning."""

import textwrap

from rotation_watcher.alerts import Alert, Severity

WIDTH = 78
_SUBJECT = 99
"""SNS takes subjects of under 100 characters, ASCII, without line breaks."""


def subject(alert: Alert) -> str:
    """``[CRITICAL] us-east-1: …``: fewer than 100 ASCII characters on one line."""
    words = " ".join(f"[{alert.severity.upper()}] {alert.title}".split())
    ascii_only = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in words)
    return ascii_only if len(ascii_only) <= _SUBJECT else f"{ascii_only[: _SUBJECT - 3]}..."


def text(alert: Alert) -> str:
    """The body. Commands stand on lines of their own and are never broken, so that they can be copied."""
    urgency = {
        Severity.INFO: "For your information",
        Severity.WARNING: "Warning: please read this working day",
        Severity.CRITICAL: "CRITICAL: please act now",
    }
    parts = [
        _wrapped(alert.title),
        urgency[alert.severity],
        "",
        "WHAT HAPPENED",
        _paragraphs(alert.what_happened),
        "",
        "WHAT IT MEANS FOR YOU",
        _paragraphs(alert.what_it_means),
        "",
        "WHAT TO DO",
        _paragraphs(alert.what_to_do),
        "",
        "FACTS",
        *_facts(alert),
        "",
        f"Alert {alert.id}",
        "The same alert may arrive twice; it then carries the same id.",
    ]
    return "\n".join(parts) + "\n"


def _paragraphs(words: str) -> str:
    """Sentences are wrapped; what stands after a line break of our own is a command and stays whole, indented."""
    first, *commands = words.split("\n")
    return "\n".join([_wrapped(first), *(f"\n    {command}" for command in commands)])


def _wrapped(words: str) -> str:
    return textwrap.fill(words, WIDTH, break_long_words=False, break_on_hyphens=False)


def _facts(alert: Alert) -> list[str]:
    facts = {"when": f"{alert.at:%Y-%m-%d %H:%M} UTC"}
    facts |= {"source": alert.source} if alert.source else {}
    facts |= alert.facts
    width = min(24, max(len(label) for label in facts))
    return [
        textwrap.fill(
            f"{label + ':':<{width + 1}} {value}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, value in facts.items()
    ]
