"""Slack messages: Slack's own models accept them, and nothing foreign becomes markup."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.slack_blocks import render
from tests.support.alert_examples import EXAMPLES

every_alert = pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
HOSTILE = "<!channel> <@U123> <https://evil.example|click> *bold* _it_ ~no~ `code` ```pre``` :bomb: &amp; > quote"
MARKUP = re.compile(
    r"\*[\w .,:()/…-]+\*|`[^`\n]+`|:(?:information_source|warning|rotating_light|white_check_mark|grey_question):"
)
"""All the markup that is ours: bold labels, code spans, and the signs of urgency."""


def message(alert: Alert) -> dict[str, Any]:
    return render(chat.of_alert(alert))


def alarm(name: str, state: str, description: str, facts: dict[str, str]) -> dict[str, Any]:
    return render(chat.of_alarm(name, state, description, facts))


def plain_message(words: str) -> dict[str, Any]:
    return render(chat.of_words(words))


def judged(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Let slack_sdk read and check the payload's blocks, hold them to Slack's limits, and give them."""
    blocks: list[dict[str, Any]] = payload["blocks"]
    models = Block.parse_all(blocks)
    assert len(models) == len(blocks) <= 50
    for model, block in zip(models, blocks, strict=True):
        model.validate_json()
        assert model.to_dict() == block
    assert 0 < len(payload["text"]) <= 3000
    for kind, words in texts(blocks):
        limit = {"header": 150, "field": 2000}.get(kind, 3000)
        assert 0 < len(words) <= limit, kind
    for block in blocks:
        assert len(block.get("fields", [])) <= 10
    return blocks


def texts(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Give every text with the place where it stands: header, field, context, or rich (shown literally)."""
    found = []
    for block in blocks:
        if block["type"] == "header":
            found.append(("header", block["text"]["text"]))
        elif block["type"] == "section":
            found += [("field", field["text"]) for field in block["fields"]]
        elif block["type"] == "context":
            found += [("context", element["text"]) for element in block["elements"]]
        else:
            assert block["type"] == "rich_text"
            found += [("rich", text["text"]) for part in block["elements"] for text in part["elements"]]
    return found


def markup(blocks: list[dict[str, Any]]) -> list[str]:
    """Give the texts that Slack reads as mrkdwn."""
    return [words for kind, words in texts(blocks) if kind in {"field", "context"}]


@every_alert
def test_slack_takes_every_alert(alert: Alert) -> None:
    judged(message(alert))


@every_alert
def test_everything_that_an_alert_says_is_shown(alert: Alert) -> None:
    shown = [words for _, words in texts(judged(message(alert)))]
    for words in (alert.title, alert.what_happened, alert.what_it_means, *alert.what_to_do.split("\n")):
        assert words in shown
    for label, value in alert.facts.items():
        assert f"*{label}*\n`{value}`" in shown


def test_urgency_is_shown_by_a_sign_and_by_words() -> None:
    context = {name: markup(judged(message(EXAMPLES[name])))[0] for name in ("mtls_off", "quota_near", "rotated")}
    assert context["mtls_off"].startswith(":rotating_light: *Critical: act now*")
    assert context["quota_near"].startswith(":warning: *Warning*")
    assert context["rotated"].startswith(":information_source: *For your information*")
    assert "`api`" in context["mtls_off"]


def test_a_command_is_preformatted_and_literal() -> None:
    alert = EXAMPLES["quarantined"]
    blocks = judged(message(alert))
    preformatted = [
        part for block in blocks for part in block.get("elements", []) if part["type"] == "rich_text_preformatted"
    ]
    assert [part["elements"][0]["text"] for part in preformatted] == alert.what_to_do.split("\n")[1:]


def test_the_fallback_is_no_markup() -> None:
    payload = message(msgspec.structs.replace(EXAMPLES["expired"], title="<!channel> & more"))
    assert payload["text"] == "CRITICAL: &lt;!channel&gt; &amp; more"
    assert payload["mrkdwn"] is False


def hostile_everywhere(words: str) -> Alert:
    """Give an alert that holds nothing but these words."""
    return msgspec.structs.replace(
        EXAMPLES["expired"],
        id=words,
        source=words,
        region=words,
        title=words,
        what_happened=words,
        what_it_means=words,
        what_to_do=words,
        facts={"subject": words, words: "x"},
    )


def assert_harmless(payload: dict[str, Any]) -> None:
    """Hold that no mention, link, or formatting but our own is left for Slack to read."""
    for words in markup(judged(payload)):
        rest = MARKUP.sub("", words)
        assert not re.search(r"[*_~`<>]", rest), words
        assert not re.search(r"&(?!amp;|lt;|gt;)", words)
        assert "<" not in words
    assert "<" not in payload["text"]
    assert all(
        element.get("verbatim", True) is True
        for block in payload["blocks"]
        for element in [*block.get("fields", []), *block.get("elements", [])]
    )


def test_a_hostile_name_becomes_neither_mention_nor_link_nor_formatting() -> None:
    assert_harmless(message(hostile_everywhere(HOSTILE)))
    assert_harmless(plain_message(HOSTILE))
    assert_harmless(alarm(HOSTILE, HOSTILE, HOSTILE, {"why": HOSTILE}))


@given(st.text(alphabet=st.sampled_from("<>&*_~`@#!|: ab\né"), max_size=80) | st.text(max_size=4000))
def test_no_text_whatever_is_refused_or_becomes_markup(words: str) -> None:
    payload = message(hostile_everywhere(words))
    judged(payload)
    for text in markup(payload["blocks"]):
        assert "<" not in text
        assert text.count("`") % 2 == 0
    judged(plain_message(words))
    judged(alarm(words, words, words, {"why": words}))


@pytest.mark.parametrize("sign", ["x", "&", "`", "é"])
def test_texts_of_any_length_are_cut_to_slacks_limits(sign: str) -> None:
    alert = hostile_everywhere(sign * 100_000)
    judged(message(alert))
    judged(plain_message(sign * 100_000))
    # No entity may be cut in two: Slack would show its remains.
    assert all(not re.search(r"&(?!amp;|lt;|gt;)", words) for words in markup(message(alert)["blocks"]))


def test_more_facts_than_slack_takes_leave_room_for_the_foot() -> None:
    alert = msgspec.structs.replace(EXAMPLES["expired"], facts={f"fact {n}": "x" for n in range(1000)})
    blocks = judged(message(alert))
    assert len(blocks) == 50
    assert alert.id in json.dumps(blocks[-1])


def test_an_alarm_shows_its_state_what_it_watches_and_why() -> None:
    blocks = judged(alarm("SilenceAlarm", "ALARM", "No look has succeeded.", {"why": "Threshold Crossed"}))
    shown = [words for _, words in texts(blocks)]
    assert shown[0] == "ALARM: SilenceAlarm"
    assert ":rotating_light:" in shown[1]
    assert "No look has succeeded." in shown
    assert "*why*\n`Threshold Crossed`" in shown
    assert ":white_check_mark:" in texts(judged(alarm("SilenceAlarm", "OK", "", {})))[1][1]
