"""A chat message as Slack shows it (Block Kit), for an incoming webhook.

Sentences and commands go into ``rich_text`` blocks, whose text elements Slack shows as they are: there is nothing in
them that a hostile name could turn into a link, a mention or formatting, and nothing that breaks copying. Slack's other
markup, mrkdwn, knows no escape for ``*_~`` (only ``& < >`` become entities), so foreign text stands there in code spans
alone.

Limits (Slack's reference of blocks): header 150 characters, a field 2,000, 10 fields a section, 50 blocks; the texts
are held to 3,000 characters, as a section's text is.
"""

from collections.abc import Mapping
from typing import Any

from rotation_watcher.alerts.chat import ChatMessage, Paragraph, Urgency

HEADER, TEXT, FIELD, FIELDS, BLOCKS = 150, 3000, 2000, 10, 50
_NAME, _VALUE = 80, 300
"""The most characters of a label and a value: as entities five times as many, which still fits a field."""
_SIGNS = {
    Urgency.INFO: ":information_source:",
    Urgency.WARNING: ":warning:",
    Urgency.CRITICAL: ":rotating_light:",
    Urgency.ALARM: ":rotating_light:",
    Urgency.ALARM_OVER: ":white_check_mark:",
    Urgency.ALARM_UNKNOWN: ":grey_question:",
}


def render(message: ChatMessage) -> dict[str, Any]:
    """The webhook's payload: ``text`` is the fallback for notifications, ``blocks`` what the channel shows."""
    blocks = [] if message.title is None else [_header(message.title)]
    if message.urgency is not None:
        urgency = f"{_SIGNS[message.urgency]} *{message.label}*"
        about = (urgency, *(_code(words) for words in (*message.where.values(), *message.about)), message.at)
        blocks.append(_context(" · ".join(words for words in about if words)))
    blocks += [_paragraph(each) for each in message.paragraphs]
    foot = [_links(message.links)] if message.links else []
    foot += [] if message.foot is None else [_context(f"Alert {_code(message.foot)}")]
    blocks += _facts(message.facts)[: BLOCKS - len(blocks) - len(foot)]
    return {
        "text": entities(_cut(message.summary, HEADER)) or "-",
        "mrkdwn": False,
        "blocks": [*blocks, *foot],
    }


def entities(words: str) -> str:
    """``& < >`` as the entities by which Slack takes them literally: no mention and no link comes of them."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(words: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(words, HEADER) or "-", "emoji": False}}


def _context(markup: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup, "verbatim": True}]}


def _paragraph(paragraph: Paragraph) -> dict[str, Any]:
    """Sentences below a heading, and commands as preformatted text."""
    title = [{**_text(f"{paragraph.heading}\n"), "style": {"bold": True}}] if paragraph.heading else []
    parts = [{"type": "rich_text_section", "elements": [*title, _text(paragraph.sentences)]}]
    parts += [{"type": "rich_text_preformatted", "elements": [_text(command)]} for command in paragraph.commands]
    return _rich(*parts)


def _rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


def _text(words: str) -> dict[str, Any]:
    """A literal text; Slack refuses an empty one."""
    return {"type": "text", "text": _cut(words, TEXT) or "-"}


def _links(links: Mapping[str, str]) -> dict[str, Any]:
    """URLs as links, in one line; what has none as it stands, below them."""
    urls = {label: place for label, place in links.items() if place.startswith("https://")}
    parts: list[dict[str, Any]] = []
    for label, place in urls.items():
        parts += [*([_text(" · ")] if parts else []), {"type": "link", "url": place, "text": label}]
    for label, place in links.items():
        if label not in urls:
            parts.append(_text(f"{chr(10) if parts else ''}{label}: {place}"))
    return _rich({"type": "rich_text_section", "elements": parts})


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
