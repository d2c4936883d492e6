"""A chat message as a custom notification of Amazon Q Developer in chat applications, for an SNS topic.

Schema: "Custom notifications" of its administrator guide (version 1.0, source custom). ``threadId`` is the alert's id:
what is opened, reminded of and over stands in one thread, where the channel's preferences allow threads.

``client-markdown`` is shown in the markup of the chat behind it: Slack's mrkdwn, which knows no escape for ``*_~``, or
Markdown, whose escape Slack would show. So foreign text is made harmless in both: values stand in code spans, commands
in fences, and in sentences the signs that begin markup, links, mentions and emojis are replaced by others that look
alike, or taken apart. ``*bold*`` is bold in Slack and italic in Teams.

The guide gives no lengths; the description is held to what Slack shows of one section (3,000 characters).
"""

import re
from typing import Any

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.chat import ChatMessage, Urgency, cut

DESCRIPTION = 2900
_TITLE, _STEP, _VALUE, _LABEL, _ID = 200, 2000, 300, 80, 500
_STEPS, _RESOURCES, _LINKS = 10, 10, 5
"""The most steps, resources and links that a notification lists."""
_SIGNS = {
    Urgency.INFO: "ℹ️",  # noqa: RUF001 - an emoji
    Urgency.WARNING: "⚠️",
    Urgency.CRITICAL: "🚨",
    Urgency.OVER: "✅",
    Urgency.ALARM: "🚨",
    Urgency.ALARM_OVER: "✅",
    Urgency.ALARM_UNKNOWN: "❔",
}
_TAG = re.compile(r"<([^<>\n]*)>")
_EMOJI = re.compile(r"(?<![A-Za-z0-9]):([A-Za-z][\w+-]*):")
_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "*": "∗", "~": "∼", "`": "'", "@": "＠"})  # noqa: RUF001 - the point
_ARN = re.compile(r"arn:[A-Za-z0-9:/._*+=-]+")


def render(message: ChatMessage) -> dict[str, Any]:
    """The notification, as the topic's message."""
    steps, description = _steps(message), _description(message)
    content: dict[str, Any] = {"textType": "client-markdown"}
    if message.title is not None:
        sign = f"{_SIGNS[message.urgency]} " if message.urgency is not None else ""
        content["title"] = f"{sign}{_harmless(message.title, _TITLE) or '-'}"
    content["description"] = description
    content |= {"nextSteps": steps} if steps else {}
    keywords = [_label(word) for word in (message.label, *message.about, message.whence) if word]
    content |= {"keywords": keywords} if keywords else {}
    metadata: dict[str, Any] = {"summary": _harmless(message.summary, _TITLE) or "-"}
    if message.foot:
        metadata["threadId"] = cut(message.foot, _ID)
    tags = {name: cut(value, _VALUE) for name, value in message.tags.items()}
    metadata |= {"eventType": tags["kind"]} if "kind" in tags else {}
    resources = [value for value in message.facts.values() if _ARN.fullmatch(value)]
    metadata |= {"relatedResources": resources[:_RESOURCES]} if resources else {}
    metadata |= {"additionalContext": tags} if tags else {}
    return {"version": "1.0", "source": "custom", "content": content, "metadata": metadata}


def _description(message: ChatMessage) -> str:
    """Everything but the title and the steps. Long sentences are cut, and facts that do not fit are counted out."""
    words = [f"*{word}*" for word in (message.standing, message.label) if word]
    about = [_code(word) for word in (message.whence, *message.about) if word]
    head = " · ".join([*words, *about, *([message.at] if message.at else [])])
    urls = list(message.urls(_VALUE).items())[:_LINKS]
    end = "".join(f"\n{_label(label)}: {url}" for label, url in urls)
    end += "" if message.foot is None else f"\nAlert {_code(message.foot, _ID)}"
    text = head
    for paragraph in message.paragraphs:
        if paragraph.aside or paragraph.heading == chat.TO_DO:
            continue
        text += f"\n\n*{paragraph.heading}*\n" if paragraph.heading else "\n\n"
        sentences = "\n".join(_harmless(line, DESCRIPTION) for line in paragraph.sentences.split("\n"))
        text += cut(sentences, max(DESCRIPTION - len(text) - len(end), 1))
    return f"{text}{_facts(message, DESCRIPTION - len(text) - len(end))}{end}".strip() or "-"


def _facts(message: ChatMessage, room: int) -> str:
    """A line for each fact, in so many characters."""
    short, long = chat.split(message.facts)
    lines = [f"*{_label(label)}*: {_code(chat.brief(value))}" for label, value in short.items()]
    lines += [f"{_label(label)}: {_code(value)}" for label, value in long.items()]
    shown = "\n"
    for place, line in enumerate(lines):
        more = f"\n{len(lines) - place} more facts are in the mail"
        if len(shown) + len(line) + len(more) + 1 > room:
            return f"{shown}{more}" if len(shown) + len(more) <= room else ""
        shown += f"\n{line}"
    return shown if lines else ""


def _steps(message: ChatMessage) -> list[str]:
    found = [
        step
        for paragraph in message.paragraphs
        if paragraph.heading == chat.TO_DO
        for step in (_harmless(paragraph.sentences, _STEP) or "-", *(_fence(each) for each in paragraph.commands))
    ]
    return found[:_STEPS]


def _harmless(words: str, longest: int) -> str:
    """Words outside of code: nothing in them begins markup, a link, a mention or an emoji."""
    words = _EMOJI.sub(r": \1 :", cut(words, longest).translate(_LOOKALIKES))
    return _EDGE.sub("＿", words.replace("](", "] (").replace("://", "[:]//"))  # noqa: RUF001 - a wide one, no markup


def _code(words: str, longest: int = _VALUE) -> str:
    """A code span, in which neither markup formats anything."""
    return f"`{cut(' '.join(words.split()), longest).translate(_IN_CODE) or '-'}`"


_IN_CODE = str.maketrans({"<": "‹", ">": "›", "`": "'", "@": "＠"})  # noqa: RUF001 - look-alikes


def _fence(command: str) -> str:
    """A command, to be copied whole: only what would begin a mention or end the fence is changed."""
    words = _TAG.sub(r"‹\1›", cut(command, _STEP)).replace("<", "‹").replace("@", "＠")  # noqa: RUF001 - look-alikes
    return f"```{words.replace('```', "'''").strip('`') or '-'}```"


def _label(words: str) -> str:
    return chat.label(words, _LABEL)
