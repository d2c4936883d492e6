"""An alert as e-mail: plain text at 78 columns, readable by a tired person at three in the morning."""

import textwrap
from collections.abc import Mapping

from rotation_watcher.alerts.model import OPENINGS, Alert, Origin, Severity, shortened

WIDTH = 78
SUBJECT = 99
"""SNS takes subjects of under 100 characters: ASCII, without line breaks or control characters (API reference)."""

_URGENCY = {
    Severity.INFO: "For your information.",
    Severity.WARNING: "Warning: please read this within one working day.",
    Severity.CRITICAL: "CRITICAL: please act now.",
}
_LABEL = 24
"""The widest label to which the values of facts are aligned."""


_LEAST = 12
"""The fewest characters that are left of what an alert is about, where a subject is cut."""


def subject(alert: Alert) -> str:
    """``[CRITICAL][prod] us-east-1: …``: fewer than 100 printable ASCII characters on one line.

    What is too long loses of what the alert is about (``shortened``), so that its words stay whole.
    """
    whence = f"[{alert.origin.short}]" if alert.origin else ""
    opening, title = _ascii(f"[{alert.severity.upper()}]{whence}"), _ascii(alert.title)
    life = OPENINGS.get(alert.status, "")
    opening, title = f"{opening} {life}".rstrip(), title.removeprefix(life)
    about, colon, words = title.partition(": ")
    over = len(opening) + 1 + len(title) - SUBJECT
    less = shortened(about, len(about) - over)
    if over > 0 and colon and (not less.endswith("...") or len(less) - len("...") >= _LEAST):
        title = f"{less}: {words}"
    line = f"{opening} {title}".rstrip()
    return line if len(line) <= SUBJECT else f"{line[: SUBJECT - 3]}..."


def _ascii(words: str) -> str:
    """The words on one line, in signs that SNS takes."""
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in " ".join(words.split()))


def text(alert: Alert) -> str:
    """The body: urgency and title, the three paragraphs, where from, the facts, links, the id at the foot.

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
        *(["WHERE", *_column(where(alert.origin) | _release(alert.origin)), ""] if alert.origin else []),
        "FACTS",
        *_facts(alert),
        "",
        *(["LINKS", *_links(alert), ""] if alert.links else []),
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


def where(origin: Origin) -> dict[str, str]:
    """Where an alert comes from, by label: what is not known is left out."""
    known = {
        "environment": origin.environment,
        "stack": origin.stack,
        "account": origin.account,
        "AWS region": origin.region,
    }
    return {label: value for label, value in known.items() if value}


def _release(origin: Origin) -> dict[str, str]:
    """Chats are short, and say it in their data alone."""
    return {"release": origin.version} if origin.version else {}


def _facts(alert: Alert) -> list[str]:
    facts = {"at": f"{alert.at:%Y-%m-%d %H:%M} UTC"}
    facts |= {"source": alert.source} if alert.source else {}
    facts |= {"Genesys region": alert.region} if alert.region else {}
    facts |= {"authority": alert.authority} if alert.authority else {}
    return _column({**facts, **alert.facts})


def _links(alert: Alert) -> list[str]:
    """Each on a line of its own, so that a mail reader makes a link of the whole."""
    return [line for label, place in alert.links.items() for line in (f"  {label}:", f"      {place}")]


def _column(facts: Mapping[str, str]) -> list[str]:
    column = 2 + min(_LABEL, max(len(label) for label in facts)) + len(": ")
    return [_fact(label, value, column) for label, value in facts.items()]


def _fact(label: str, value: str, column: int) -> str:
    """One fact; what has a word too long for the column (a fingerprint, an ARN) stands below its label."""
    opening = f"  {label}:".ljust(column - 1)
    words = _lines(value, WIDTH - column)
    if any(len(line) > WIDTH - column for line in words):
        return "\n      ".join([opening.rstrip(), *_lines(value, WIDTH - len("      "))])
    return f"\n{' ' * column}".join([f"{opening} {words[0]}", *words[1:]] if words else [f"{opening} -"])


def _lines(words: str, width: int) -> list[str]:
    """The words in lines of that width, but for a longer word, which is never broken."""
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
