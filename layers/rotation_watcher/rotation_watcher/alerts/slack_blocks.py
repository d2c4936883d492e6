"""A chat message as Slack shows it (Block Kit), for an incoming webhook.

Short: what happened and what to do, names and dates; what is long (digests, ARNs) in one line of small text. An
incoming webhook can neither change a message nor answer in its thread: that something is over is a message of its own
with the same id (decision record 0041).

Sentences and commands go into ``rich_text`` blocks, whose text elements Slack shows as they are: there is nothing in
them that a hostile name could turn into a link, a mention or formatting, and nothing that breaks copying. Slack's other
markup, mrkdwn, knows no escape for ``*_~`` (only ``& < >`` become entities), so foreign text stands there in code spans
alone.

Limits (Slack's reference of blocks): header 150 characters, a field 2,000, 10 fields a section, a button's text 75 and
URL 3,000, 50 blocks; the texts are held to 3,000 characters, as a section's text is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.chat import ChatMessage, Paragraph, Urgency, cut

HEADER, TEXT, FIELDS, LABEL, URL = 150, 3000, 10, 75, 3000
_NAME, _VALUE, _ID = 80, 300, 500
"""The most characters of a label, a value and an id: as entities five times as many, which still fits their place."""
_SHOWN = 2 * FIELDS
"""The most facts: who needs the rest reads the mail or the event."""
_BUTTONS = 5
_SIGNS = {
    Urgency.INFO: ":information_source:",
    Urgency.WARNING: ":warning:",
    Urgency.CRITICAL: ":rotating_light:",
    Urgency.OVER: ":white_check_mark:",
    Urgency.ALARM: ":rotating_light:",
    Urgency.ALARM_OVER: ":white_check_mark:",
    Urgency.ALARM_UNKNOWN: ":grey_question:",
}


def render(message: ChatMessage) -> dict[str, Any]:
    """The webhook's payload: ``text`` is the fallback for notifications, ``blocks`` what the channel shows."""
    blocks = [] if message.title is None else [_header(message.title)]
    if message.urgency is not None:
        words = (f"*{words}*" for words in (message.standing, message.label) if words)
        about = (message.whence, *message.about)
        parts = (" · ".join(words), *(_code(word) for word in about if word), message.at)
        blocks.append(_context([f"{_SIGNS[message.urgency]} " + " · ".join(part for part in parts if part)]))
    blocks += [_paragraph(each) for each in message.paragraphs if not each.aside]
    short, long = chat.split(message.facts)
    blocks += _facts(short)
    blocks += [_context([f"{_label(label)} {_code(value)}" for label, value in long.items()])] if long else []
    urls = message.urls(URL)
    blocks += [_buttons(urls)] if urls else []
    foot = [] if message.foot is None else [f"Alert {_code(message.foot, _ID)}"]
    foot += [f"{label} {_code(value)}" for label, value in message.places.items()]
    foot += [f"{_label(label)} {_code(place)}" for label, place in message.links.items() if label not in urls]
    foot += [f"{len(short) - _SHOWN} more facts are in the mail"] if len(short) > _SHOWN else []
    return {
        "text": entities(cut(message.summary, HEADER)) or "-",
        "mrkdwn": False,
        "blocks": [*blocks, _context(foot)] if foot else blocks,
    }


def entities(words: str) -> str:
    """``& < >`` as the entities by which Slack takes them literally: no mention and no link comes of them."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(words: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(words, HEADER) or "-", "emoji": False}}


def _context(parts: Iterable[str]) -> dict[str, Any]:
    """One line of small text; whole parts are left out at the end where it would grow too long."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if len(longer) > TEXT:
            break
        line = longer
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": line, "verbatim": True}]}


def _paragraph(paragraph: Paragraph) -> dict[str, Any]:
    """Sentences below a heading, and commands as preformatted text."""
    title = [{**_text(f"{paragraph.heading}\n"), "style": {"bold": True}}] if paragraph.heading else []
    parts = [{"type": "rich_text_section", "elements": [*title, _text(paragraph.sentences)]}]
    parts += [{"type": "rich_text_preformatted", "elements": [_text(command)]} for command in paragraph.commands]
    return {"type": "rich_text", "elements": parts}


def _text(words: str) -> dict[str, Any]:
    """A literal text; Slack refuses an empty one."""
    return {"type": "text", "text": cut(words, TEXT) or "-"}


def _buttons(urls: Mapping[str, str]) -> dict[str, Any]:
    """A button for each place to read on."""
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": cut(label.capitalize(), LABEL)}, "url": url}
            for label, url in list(urls.items())[:_BUTTONS]
        ],
    }


def _facts(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Labelled values in sections of two columns; of a certificate's names the common one."""
    fields = [
        {"type": "mrkdwn", "text": f"*{_label(label)}*\n{_code(chat.brief(value))}", "verbatim": True}
        for label, value in list(facts.items())[:_SHOWN]
    ]
    return [{"type": "section", "fields": fields[start : start + FIELDS]} for start in range(0, len(fields), FIELDS)]


def _label(words: str) -> str:
    """As bold text: a mark would end it early."""
    return chat.label(words, _NAME)


def _code(words: str, longest: int = _VALUE) -> str:
    """A code span: in it Slack formats nothing. Cut before it is escaped, so that no entity is cut in two."""
    words = " ".join(words.replace("`", "'").split())
    return f"`{entities(cut(words, longest)) or '-'}`"
