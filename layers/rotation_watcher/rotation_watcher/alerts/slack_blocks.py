"""An alert as a Slack message (Block Kit), for an incoming webhook.

Sentences and commands go into ``rich_text`` blocks, whose text elements Slack shows as they are: there is nothing in
them that a hostile name could turn into a link, a mention or formatting, and nothing that breaks copying. Slack's other
markup, mrkdwn, knows no escape for ``*_~`` (only ``& < >`` become entities), so foreign text stands there in code spans
alone.

Limits (Slack's reference of blocks): header 150 characters, a field 2,000, 10 fields a section, 50 blocks; the texts
are held to 3,000 characters, as a section's text is.
"""

from collections.abc import Mapping
from typing import Any

from rotation_watcher.alerts.model import Alert, Severity

HEADER, TEXT, FIELD, FIELDS, BLOCKS = 150, 3000, 2000, 10, 50
_NAME, _VALUE = 80, 300
"""The most characters of a label and a value: as entities five times as many, which still fits a field."""
_SIGNS = {
    Severity.INFO: (":information_source:", "For your information"),
    Severity.WARNING: (":warning:", "Warning"),
    Severity.CRITICAL: (":rotating_light:", "Critical: act now"),
}


def message(alert: Alert) -> dict[str, Any]:
    """The webhook's payload: ``text`` is the fallback for notifications, ``blocks`` what the channel shows."""
    sign, urgency = _SIGNS[alert.severity]
    subject = alert.source or alert.target or "the stack"
    about = [f"{sign} *{urgency}*", _code(alert.kind), _code(subject), f"{alert.at:%Y-%m-%d %H:%M} UTC"]
    blocks = [
        _header(alert.title),
        _context(" · ".join(about)),
        _paragraph("What happened", alert.what_happened),
        _paragraph("What it means for you", alert.what_it_means),
        _paragraph("What to do", alert.what_to_do),
    ]
    foot = _context(f"Alert {_code(alert.id)}")
    blocks += _facts(alert.facts)[: BLOCKS - len(blocks) - 1]
    return _payload(f"{alert.severity.upper()}: {alert.title}", [*blocks, foot])


def alarm(name: str, state: str, description: str, facts: Mapping[str, str]) -> dict[str, Any]:
    """The payload for a CloudWatch alarm, which comes over the same topic. ``state`` is ALARM, OK or the like."""
    sign = {"ALARM": ":rotating_light:", "OK": ":white_check_mark:"}.get(state, ":grey_question:")
    blocks = [_header(f"{state}: {name}"), _context(f"{sign} *CloudWatch alarm* · {_code(state)}")]
    blocks += [_paragraph("What it watches", description)] if description else []
    blocks += _facts(facts)[: BLOCKS - len(blocks)]
    return _payload(f"{state}: {name}", blocks)


def plain_message(words: str) -> dict[str, Any]:
    """A payload for something that is neither: shown as plain text rather than lost."""
    return _payload(words, [_rich({"type": "rich_text_section", "elements": [_text(words)]})])


def entities(words: str) -> str:
    """``& < >`` as the entities by which Slack takes them literally: no mention and no link comes of them."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _payload(fallback: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"text": entities(_cut(fallback, HEADER)) or "-", "mrkdwn": False, "blocks": blocks}


def _header(words: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(words, HEADER) or "-", "emoji": False}}


def _context(markup: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup, "verbatim": True}]}


def _paragraph(heading: str, words: str) -> dict[str, Any]:
    """Sentences below a heading; what follows a line break is a command, as preformatted text."""
    sentences, *commands = words.split("\n")
    title = {**_text(f"{heading}\n"), "style": {"bold": True}}
    parts = [{"type": "rich_text_section", "elements": [title, _text(sentences)]}]
    parts += [{"type": "rich_text_preformatted", "elements": [_text(command)]} for command in commands]
    return _rich(*parts)


def _rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


def _text(words: str) -> dict[str, Any]:
    """A literal text; Slack refuses an empty one."""
    return {"type": "text", "text": _cut(words, TEXT) or "-"}


def _facts(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Labelled values in sections of two columns."""
    fields = [
        {"type": "mrkdwn", "text": f"*{_label(label)}*\n{_code(value)}", "verbatim": True}
        for label, value in facts.items()
    ]
    return [{"type": "section", "fields": fields[start : start + FIELDS]} for start in range(0, len(fields), FIELDS)]


def _label(words: str) -> str:
    """Our own words, as bold text; a mark in them (a source may be called so) would end it early."""
    harmless = "".join(sign if sign.isalnum() or sign in " .,-()/" else " " for sign in words)
    return _cut(" ".join(harmless.split()), _NAME) or "-"


def _code(words: str) -> str:
    """A code span: in it Slack formats nothing. Cut before it is escaped, so that no entity is cut in two."""
    words = " ".join(words.replace("`", "'").split())
    return f"`{entities(_cut(words, _VALUE)) or '-'}`"


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
