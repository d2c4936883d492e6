"""Teams cards: Microsoft's own models accept them, and nothing foreign is where a client interprets it."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.teams_card import LIMIT, render
from tests.support.alert_examples import DELIVERED, hostile_everywhere
from tests.support.lives import lived
from tests.support.teams_cards import BYTES, elements, judged, texts

every_alert = pytest.mark.parametrize("alert", DELIVERED.values(), ids=DELIVERED)
HOSTILE = "[click](https://evil.example) **b** _i_ <at>all</at> <!channel> {{DATE(2026-11-23T00:00:00Z)}} ![x](https://e.example/p)"


def card_of(alert: Alert) -> dict[str, Any]:
    return judged(render(chat.of_alert(alert)))


@every_alert
def test_teams_takes_every_alert_and_shows_all_that_it_says(alert: Alert) -> None:
    card = card_of(alert)
    shown = texts(card)
    for words in (alert.title, alert.what_happened, alert.what_it_means, *alert.what_to_do.split("\n")):
        assert words in shown
    for label, value in alert.facts.items():
        assert f"{label}: {chat.brief(value)}" in shown
    assert f"Alert {alert.id}" in shown
    urls = [place for place in alert.links.values() if place.startswith("https://")]
    assert [action["url"] for action in card["actions"]] == urls
    assert {action["type"] for action in card["actions"]} == {"Action.OpenUrl"}


@every_alert
def test_every_text_is_a_run_which_no_client_reads_as_markdown(alert: Alert) -> None:
    kinds = {element["type"] for element in elements(card_of(alert))}
    assert kinds <= {"AdaptiveCard", "RichTextBlock", "TextRun", "Container", "Action.OpenUrl"}


def test_commands_stand_in_boxes_of_their_own_in_monospace() -> None:
    alert = DELIVERED["quarantined"]
    boxes = [element for element in elements(card_of(alert)) if element["type"] == "Container"]
    runs = [run for box in boxes for block in box["items"] for run in block["inlines"]]
    assert [run["text"] for run in runs] == alert.what_to_do.split("\n")[1:]
    assert {run["fontType"] for run in runs} == {"Monospace"}
    assert {box["style"] for box in boxes} == {"emphasis"}


@pytest.mark.parametrize(
    ("status", "colour", "words"),
    [
        ("event", "Attention", "Critical: act now · prod/genesys-watcher · mtls-off · api · 111122223333 · us-"),
        ("reminder", "Attention", "Reminder · Critical: act now · prod/genesys-watcher · mtls-off · "),
        ("resolved", "Good", "Over · prod/genesys-watcher · mtls-off · api · "),
    ],
)  # fmt: skip
def test_urgency_has_a_colour_of_the_theme_and_words(status: str, colour: str, words: str) -> None:
    card = card_of(lived("mtls_off", status))
    second = card["body"][1]
    assert second["inlines"][0]["color"] == colour
    assert texts(card)[1].startswith(words)
    assert f"Alert {DELIVERED['mtls_off'].id}" in texts(card)


def test_no_colour_is_fixed_so_that_a_dark_theme_can_be_read() -> None:
    named = {run["color"] for alert in DELIVERED.values() for run in elements(card_of(alert)) if "color" in run}
    assert named == {"Accent", "Good", "Warning", "Attention"}
    assert "#" not in json.dumps([card_of(lived("mtls_off", "resolved"))["body"]])


def test_a_hostile_name_becomes_neither_link_nor_mention_nor_date() -> None:
    for message in (
        chat.of_alert(hostile_everywhere(HOSTILE)),
        chat.of_words(HOSTILE),
        chat.of_alarm(HOSTILE, HOSTILE, HOSTILE, {"why": HOSTILE}),
    ):
        card = judged(render(message))
        assert card["msteams"] == {"width": "full"}, "no entities, so no mentions"
        for text in texts(card):
            assert "](" not in text
            assert "{{" not in text
        assert not any("evil.example" in action["url"] for action in card.get("actions", []))


@given(st.text(alphabet=st.sampled_from("[]()<>&*_~`@#!|{}: ab\né"), max_size=80) | st.text(max_size=4000))
def test_no_text_whatever_is_refused(words: str) -> None:
    for message in (
        chat.of_alert(hostile_everywhere(words)),
        chat.of_words(words),
        chat.of_alarm(words, words, words, {"why": words}),
    ):
        judged(render(message))


@pytest.mark.parametrize("sign", ["x", "é", "🙂", '"', "\x01"])
def test_a_card_fits_whatever_it_is_about(sign: str) -> None:
    facts = {f"fact {number}": sign * 280 for number in range(500)}
    alert = msgspec.structs.replace(DELIVERED["quarantined"], facts=facts)
    payload = render(chat.of_alert(alert))
    assert len(msgspec.json.encode(payload)) <= LIMIT < BYTES
    shown = texts(judged(payload))
    assert any(re.fullmatch(r"\d+ more facts did not fit: the mail has them", text) for text in shown)
    assert f"Alert {alert.id}" in shown
    assert set(alert.what_to_do.split("\n")) <= set(shown), "facts are left out before what is to be done"
    for words in (sign * 100_000, f"{sign * 5000}\n" * 40):
        for message in (chat.of_alert(hostile_everywhere(words)), chat.of_words(words)):
            assert len(msgspec.json.encode(render(message))) <= LIMIT
            judged(render(message))


def test_plain_words_are_a_card_of_lines() -> None:
    card = judged(render(chat.of_words("lines\n\nof two")))
    assert texts(card) == ["lines", "of two"]
    assert "actions" not in card


def test_the_judge_refuses_what_microsoft_does_not_know() -> None:
    for change in ({"colour": "red"}, {"color": "red"}, {"type": "TextRun", "fontType": "Courier"}):
        payload = render(chat.of_alert(DELIVERED["expired"]))
        payload["attachments"][0]["content"]["body"][0]["inlines"][0] |= change
        with pytest.raises((AssertionError, ValidationError)):
            judged(payload)
