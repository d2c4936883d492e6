"""A chat message as Microsoft Teams shows it (an Adaptive Card), for the webhook of a workflow.

``TextBlock`` and ``FactSet`` interpret Markdown, for which a card knows no escape. So every text is a ``TextRun``,
whose formatting is in its properties. Should a client replace dates in a run (``{{DATE(…)}}``) or interpret Markdown
after all, neither a date nor a link comes of it: the signs with which they begin are taken apart. A mention needs an
entry of its own in the card, which is never there.

Colours are the card's own names (``Attention``, ``Good``, …), which each theme shows in a shade that can be read.

Limits (Microsoft's connector of Teams): a message of about 28 KB; it is held to ``LIMIT``, since the workflow
adds something of its own. Facts are left out first, from the end, then texts are cut.
"""

from typing import Any

import msgspec

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.chat import ChatMessage, Paragraph, Urgency, cut

LIMIT = 24_000
"""The most bytes of a payload."""
_TEXT, _VALUE, _LABEL, _TITLE, _ID = 3000, 300, 80, 200, 500
"""The most characters of a sentence or command, a value, a label, a title, an id."""
_LINES, _COMMANDS = 20, 10
"""The most lines and commands of a paragraph."""
_BUTTONS = 6
"""As many as a card shows in its row of buttons."""
_COLOURS = {
    Urgency.INFO: "Accent",
    Urgency.WARNING: "Warning",
    Urgency.CRITICAL: "Attention",
    Urgency.OVER: "Good",
    Urgency.ALARM: "Attention",
    Urgency.ALARM_OVER: "Good",
    Urgency.ALARM_UNKNOWN: "Warning",
}


def render(message: ChatMessage) -> dict[str, Any]:
    """The webhook's payload: a message with one card, of at most ``LIMIT`` bytes."""
    shown, longest = message, _TEXT
    payload = _payload(shown, longest, left_out=0)
    while _size(payload) > LIMIT and (shown.facts or longest):
        if shown.facts:
            kept = list(shown.facts.items())[: len(shown.facts) // 2]
            shown = msgspec.structs.replace(shown, facts=dict(kept))
        else:
            longest //= 2
        payload = _payload(shown, longest, left_out=len(message.facts) - len(shown.facts))
    return payload


def _payload(message: ChatMessage, longest: int, left_out: int) -> dict[str, Any]:
    short, long = chat.split(message.facts)
    body = [] if message.title is None else [_block(_run(message.title, _TITLE, size="Large", weight="Bolder"))]
    body += [_standing(message)] if message.urgency is not None else []
    body += [block for each in message.paragraphs for block in _paragraph(each, longest)]
    body += [_fact(label, chat.brief(value)) for label, value in short.items()]
    body += [_fact(label, value, small=True) for label, value in long.items()]
    urls = message.urls()
    body += [_fact(label, place, small=True) for label, place in message.links.items() if label not in urls]
    body += [_note(f"{left_out} more facts did not fit: the mail has them")] if left_out else []
    body += [] if message.foot is None else [_note(f"Alert {message.foot}")]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "msteams": {"width": "full"},
        "body": body,
    }
    if urls:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": cut(label.capitalize(), _LABEL), "url": url}
            for label, url in list(urls.items())[:_BUTTONS]
        ]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _standing(message: ChatMessage) -> dict[str, Any]:
    """How urgent, from where, what about, when: in one line."""
    assert message.urgency is not None  # noqa: S101 - the caller's condition
    words = " · ".join(words for words in (message.standing, message.label) if words)
    rest = (message.whence, *message.about, *message.places.values(), message.at)
    about = " · ".join(word for word in rest if word)
    return _block(
        _run(words, weight="Bolder", color=_COLOURS[message.urgency]),
        _run(f" · {about}", isSubtle=True),
        spacing="Small",
    )


def _paragraph(paragraph: Paragraph, longest: int) -> list[dict[str, Any]]:
    """A heading, the sentences below it, and each command in a box of its own, to be copied whole."""
    blocks = [_block(_run(paragraph.heading, weight="Bolder"), spacing="Medium")] if paragraph.heading else []
    blocks += [_block(_run(line, longest), spacing="Small") for line in paragraph.sentences.split("\n")[:_LINES]]
    blocks += [
        {
            "type": "Container",
            "style": "emphasis",
            "spacing": "Small",
            "items": [_block(_run(command, longest, fontType="Monospace", size="Small"))],
        }
        for command in paragraph.commands[:_COMMANDS]
    ]
    return blocks


def _fact(label: str, value: str, *, small: bool = False) -> dict[str, Any]:
    more: dict[str, Any] = {"size": "Small", "isSubtle": True} if small else {}
    font: dict[str, Any] = {"fontType": "Monospace"} if small else {}
    return _block(
        _run(f"{cut(label, _LABEL)}: ", weight="Bolder", **more), _run(value, **more, **font), spacing="Small"
    )


def _note(words: str) -> dict[str, Any]:
    return _block(_run(words, _ID, size="Small", isSubtle=True), spacing="Small")


def _block(*runs: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **more}


def _run(words: str, longest: int = _VALUE, **more: object) -> dict[str, Any]:
    """A literal text."""
    return {"type": "TextRun", "text": cut(words, longest).replace("](", "] (").replace("{{", "{ {") or "-", **more}


def _size(payload: dict[str, Any]) -> int:
    return len(msgspec.json.encode(payload))
