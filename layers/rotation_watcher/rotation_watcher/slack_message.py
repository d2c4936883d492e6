"""An alert as a Slack message (Block Kit), for an incoming webhook.

Limits (Slack's reference of blocks): header 150 characters, section text 3,000, a field 2,000, 10 fields a section, 50
blocks. Everything is escaped so that no name of a certificate becomes a link, a mention or formatting.
"""

from typing import Any

from rotation_watcher.alerts import Alert, Severity

_HEADER, _TEXT, _FIELD, _FIELDS = 150, 3000, 2000, 10
_SIGNS = {
    Severity.INFO: ":information_source: For your information",
    Severity.WARNING: ":warning: Warning",
    Severity.CRITICAL: ":rotating_light: Critical: act now",
}


def message(alert: Alert) -> dict[str, Any]:
    """The webhook's payload: ``text`` as the fallback for notifications, ``blocks`` for the channel."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(alert.title, _HEADER), "emoji": False}},
        {"type": "context", "elements": [_mrkdwn(f"{_SIGNS[alert.severity]} · {_about(alert)}", _TEXT)]},
        _section("What happened", alert.what_happened),
        _section("What it means for you", alert.what_it_means),
        _section("What to do", alert.what_to_do),
    ]
    labelled = [*alert.facts.items()]
    for start in range(0, len(labelled), _FIELDS):
        fields = [_mrkdwn(f"*{escape(k)}*\n{escape(v)}", _FIELD) for k, v in labelled[start : start + _FIELDS]]
        blocks.append({"type": "section", "fields": fields})
    blocks.append({"type": "context", "elements": [_mrkdwn(f"Alert {escape(alert.id)}", _TEXT)]})
    return {"text": _cut(escape(f"{alert.severity.upper()}: {alert.title}"), _TEXT), "blocks": blocks[:50]}


def plain_message(words: str) -> dict[str, Any]:
    """A payload for something that is no alert of ours: shown as plain text rather than lost."""
    return {
        "text": _cut(escape(words), _TEXT),
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": _cut(words, _TEXT), "emoji": False}}],
    }


def escape(words: str) -> str:
    """Harmless mrkdwn: control characters as entities, formatting marks kept apart from what they mark."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        words = words.replace(sign, entity)
    for mark in "*_~`@#":
        words = words.replace(mark, f"\u200b{mark}\u200b" if mark in "@#" else f"{mark}\u200b")
    return words


def _about(alert: Alert) -> str:
    subject = alert.source or alert.target or "the stack"
    place = f" · {escape(alert.region)}" if alert.region else ""
    return f"{alert.kind} · {escape(subject)}{place} · {alert.at:%Y-%m-%d %H:%M} UTC"


def _section(heading: str, words: str) -> dict[str, Any]:
    """Sentences as mrkdwn; a command (after a line break of our own) as preformatted text."""
    first, *commands = words.split("\n")
    body = f"*{heading}*\n{escape(first)}"
    for command in commands:
        body += f"\n```{_entities(command)}```"
    return {"type": "section", "text": _mrkdwn(body, _TEXT)}


def _entities(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")


def _mrkdwn(words: str, longest: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut(words, longest), "verbatim": True}


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[: longest - 1] + "…"
