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
from tests.support.alert_examples import DELIVERED, EXAMPLES, hostile_everywhere
from tests.support.lives import lived

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
        for button in block["elements"] if block["type"] == "actions" else ():
            assert button["url"].startswith("https://")
            assert len(button["url"]) <= 3000
            assert 0 < len(button["text"]["text"]) <= 75
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
        elif block["type"] == "actions":
            found += [("button", element["text"]["text"]) for element in block["elements"]]
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
def test_what_happened_what_to_do_and_every_fact_are_shown(alert: Alert) -> None:
    found = texts(judged(message(alert)))
    shown = [words for _, words in found]
    for words in (alert.title, alert.what_happened, *alert.what_to_do.split("\n")):
        assert words in shown
    assert alert.what_it_means not in shown, "short: the mail says it"
    small = " · ".join(words for kind, words in found if kind == "context")
    for label, value in alert.facts.items():
        brief = f"`{chat.brief(value)}`"
        assert f"*{label}*\n{brief}" in shown or f"{label} {brief}" in small, label
    assert f"Alert `{alert.id}`" in small


def test_digests_and_arns_stand_in_one_small_line_names_and_dates_in_fields() -> None:
    found = texts(judged(message(EXAMPLES["rotated"])))
    assert not [words for kind, words in found if kind == "field" and re.search("[0-9a-f]{32}|arn:|s3://", words)]
    assert len([words for kind, words in found if kind == "context" and "SHA-256" in words]) == 1
    assert ("field", "*new issuer*\n`DigiCert Assured ID Client CA G2`") in found
    assert ("field", "*new valid until*\n`2027-12-23 15:30 UTC (395 days left)`") in found


@pytest.mark.parametrize(
    ("value", "brief"),
    [
        ("CN=Root G2,O=DigiCert Inc,C=US", "Root G2"),
        ("CN=Root G2,O=Genesys\\, Inc.,OU=…, 90 days left, SHA-256 0a1b", "Root G2, 90 days left, SHA-256 0a1b"),
        ("CN=a\\, 90 days left\\,O=b,C=US", "a\\, 90 days left\\,O=b"),
        ("O=No Name,C=US", "O=No Name,C=US"),
        ("CN=", "CN="),
        ("no path to an anchor: CN=Other", "no path to an anchor: CN=Other"),
    ],
)
def test_of_a_certificates_name_the_common_one_is_shown(value: str, brief: str) -> None:
    assert chat.brief(value) == brief


ACT_NOW = ":rotating_light: *Critical: act now*"


@pytest.mark.parametrize(
    ("status", "context", "summary"),
    [
        ("event", f"{ACT_NOW} · `prod/genesys-watcher` · `mtls-off` · `api` · 2026-", "CRITICAL [prod]: "),
        ("open", f"{ACT_NOW} · `prod/genesys-watcher` · `mtls-off` · `api` · 2026-", "CRITICAL [prod]: "),
        ("reminder", f"{ACT_NOW.replace(' ', ' *Reminder* · ', 1)} · `prod/genesys-watcher` · ", "REMINDER [prod]: "),
        ("resolved", ":white_check_mark: *Over* · `prod/genesys-watcher` · `mtls-off` · ", "OVER [prod]: "),
    ],
)
def test_a_reminder_and_an_end_say_so_and_bear_the_id_of_the_beginning(status: str, context: str, summary: str) -> None:
    alert = lived("mtls_off", status)
    payload = message(alert)
    shown = markup(judged(payload))
    assert shown[0].startswith(context)
    assert payload["text"].startswith(summary)
    assert f"Alert `{DELIVERED['mtls_off'].id}`" in shown[-1]


def test_buttons_lead_to_urls_and_a_path_is_named_in_the_foot() -> None:
    blocks = judged(message(DELIVERED["mtls_off"]))
    (actions,) = [block for block in blocks if block["type"] == "actions"]
    assert [button["text"]["text"] for button in actions["elements"]] == ["Runbook", "Log", "State", "Stack"]
    assert "status page `s3://" in markup(blocks)[-1]
    page = {
        "status page": "https://status.example.com/",
        "odd": "javascript:alert(1)",
        "long": f"https://x/{'x' * 3000}",
    }
    blocks = judged(message(msgspec.structs.replace(DELIVERED["mtls_off"], links=page)))
    (actions,) = [block for block in blocks if block["type"] == "actions"]
    assert [button["url"] for button in actions["elements"]] == ["https://status.example.com/"]


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


def test_of_very_many_facts_the_first_are_shown_and_the_rest_counted() -> None:
    alert = msgspec.structs.replace(EXAMPLES["expired"], facts={f"fact {n}": "x" for n in range(1000)})
    blocks = judged(message(alert))
    assert len(blocks) < 10
    assert alert.id in json.dumps(blocks[-1])
    assert "980 more facts are in the mail" in json.dumps(blocks[-1])


def test_an_alarm_shows_its_state_what_it_watches_and_why() -> None:
    blocks = judged(alarm("SilenceAlarm", "ALARM", "No look has succeeded.", {"why": "Threshold Crossed"}))
    shown = [words for _, words in texts(blocks)]
    assert shown[0] == "ALARM: SilenceAlarm"
    assert ":rotating_light:" in shown[1]
    assert "No look has succeeded." in shown
    assert "*why*\n`Threshold Crossed`" in shown
    assert ":white_check_mark:" in texts(judged(alarm("SilenceAlarm", "OK", "", {})))[1][1]


def test_the_commands_of_an_alarm_stand_whole_each_below_what_it_is_for() -> None:
    said = (
        "It does\nnot run. Run it:\naws lambda invoke --payload '{}'\n\nWhy:\naws logs tail one\naws logs tail two\nd#x"
    )
    (first, second, last) = chat.of_alarm("StoppedAlarm", "ALARM", said, {}).paragraphs
    assert first == chat.Paragraph("What it watches", "It does not run. Run it:", ("aws lambda invoke --payload '{}'",))
    assert second == chat.Paragraph("", "Why:", ("aws logs tail one", "aws logs tail two"))
    assert last == chat.Paragraph("", "d#x")
    judged(alarm("StoppedAlarm", "ALARM", said, {}))
    judged(alarm("TheirAlarm", "ALARM", "aws is down\n\naws\n\x00", {}))
