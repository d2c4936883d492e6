"""Amazon Q's notifications: the guide's schema takes them, and nothing foreign is markup in Slack or in Teams."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError

from rotation_watcher.alerts import chat
from rotation_watcher.alerts.amazon_q import DESCRIPTION, render
from rotation_watcher.alerts.model import Alert
from tests.support.alert_examples import DELIVERED, hostile_everywhere
from tests.support.amazon_q import judged, marked_up
from tests.support.lives import lived

every_alert = pytest.mark.parametrize("alert", DELIVERED.values(), ids=DELIVERED)
HOSTILE = (
    "<!channel> <@U123> <https://evil.example|click> [click](https://evil.example) **b** *b* _i_ ~no~ `code` ```pre```"
    " :bomb: @here @all <at>all</at> https://evil.example"
)
OURS = re.compile(
    r"```(?:(?!```)[^\n])+```|`[^`\n]+`|^\*[\w .,:()/…-]+\*(?= ·|:|$)|(?<=· )\*[\w .,:()/-]+\*(?= ·)|^[\w .,()/-]+: https://\S+$",
    re.MULTILINE,
)
"""All the markup that is ours: commands, code spans, bold labels, the links of the alert."""


def message(alert: Alert) -> dict[str, Any]:
    return render(chat.of_alert(alert))


def harmless(words: str) -> str:
    """Give our own sentences as they are shown: a URL in them is no link, a placeholder no tag."""
    return words.replace("://", "[:]//").replace("<", "‹").replace(">", "›")  # noqa: RUF001 - look-alikes


@every_alert
def test_amazon_q_takes_every_alert_and_shows_what_happened_and_every_step(alert: Alert) -> None:
    content = judged(message(alert))
    assert content["title"].partition(" ")[2] == alert.title
    assert harmless(alert.what_happened) in content["description"]
    sentences, *commands = alert.what_to_do.split("\n")
    assert content["nextSteps"] == [harmless(sentences), *(f"```{command}```" for command in commands)]
    for label, value in alert.facts.items():
        assert f"{label}" in content["description"]
        assert f"`{chat.brief(value)}`" in content["description"]
    assert content["description"].endswith(f"\nAlert `{alert.id}`")
    assert len(content["description"]) <= DESCRIPTION


def test_what_is_opened_reminded_of_and_over_stands_in_one_thread() -> None:
    told = {status: message(lived("mtls_off", status)) for status in ("open", "reminder", "resolved")}
    assert {each["metadata"]["threadId"] for each in told.values()} == {DELIVERED["mtls_off"].id}
    opening = {status: each["content"]["description"].partition(" · `")[0] for status, each in told.items()}
    assert opening == {
        "open": "*Critical: act now*",
        "reminder": "*Reminder* · *Critical: act now*",
        "resolved": "*Over*",
    }
    assert [each["content"]["title"][0] for each in told.values()] == ["🚨", "🚨", "✅"]
    assert [each["metadata"]["additionalContext"]["status"] for each in told.values()] == [*told]


def test_programs_find_kind_severity_stack_and_resources() -> None:
    metadata = message(DELIVERED["quota_near"])["metadata"]
    assert metadata["eventType"] == "quota-near"
    assert metadata["relatedResources"] == [DELIVERED["quota_near"].facts["ARN"]]
    assert metadata["additionalContext"] == {
        "kind": "quota-near",
        "severity": "warning",
        "status": "event",
        "subject": "alb",
        "stack": "genesys-watcher",
        "account": "111122223333",
        "environment": "prod",
        "region": "us-east-1",
    }
    assert message(DELIVERED["quota_near"])["content"]["keywords"][1:] == ["quota-near", "alb", "prod/genesys-watcher"]


def assert_harmless(notification: dict[str, Any]) -> None:
    judged(notification)
    for text in marked_up(notification):
        assert "<" not in text
        assert "@" not in text
        rest = OURS.sub("", text)
        assert not re.search(r"[*~`<>@]|\]\(|://", rest), rest
        assert not re.search(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", rest), rest
        assert not re.search(r"(?<![A-Za-z0-9]):[A-Za-z][\w+-]*:", rest), rest


def every_kind_of(words: str) -> list[dict[str, Any]]:
    return [
        message(hostile_everywhere(words)),
        render(chat.of_words(words)),
        render(chat.of_alarm(words, words, words, {"why": words})),
    ]


def test_a_hostile_name_becomes_neither_mention_nor_link_nor_formatting() -> None:
    for notification in every_kind_of(HOSTILE):
        assert_harmless(notification)


@given(st.text(alphabet=st.sampled_from("<>&*_~`@#!|[]():/ ab\né"), max_size=80))
def test_no_signs_whatever_become_markup(words: str) -> None:
    for notification in every_kind_of(" ".join(words.split("\n"))):
        assert_harmless(notification)


@given(st.text(max_size=4000))
def test_no_text_whatever_is_refused(words: str) -> None:
    for notification in every_kind_of(words):
        judged(notification)


@pytest.mark.parametrize("sign", ["x", "`", "<", "*", ":a:", "\n"])
def test_texts_of_any_length_and_any_number_of_facts_are_cut(sign: str) -> None:
    many = msgspec.structs.replace(DELIVERED["expired"], facts={f"fact {n}": sign * 200 for n in range(1000)})
    for notification in [*every_kind_of(sign * 100_000), message(many)]:
        assert len(judged(notification)["description"]) <= DESCRIPTION
        assert len(msgspec.json.encode(notification)) < 30_000
    description = message(many)["content"]["description"]
    assert re.search(r"\n\d+ more facts are in the mail\n", description)
    assert description.endswith(f"\nAlert `{many.id}`")


def test_a_command_with_backticks_can_still_be_copied() -> None:
    assert "```aws cloudtrail" in (step := message(DELIVERED["contended"])["content"]["nextSteps"][1])
    assert step.strip("`") == DELIVERED["contended"].what_to_do.split("\n")[1]


def test_the_schema_refuses_what_the_guide_does_not_know() -> None:
    notification = message(DELIVERED["expired"])
    changes: list[dict[str, object]] = [
        {"version": "2.0"},
        {"source": "aws"},
        {"content": {}},
        {"metadata": {"x": "y"}},
    ]
    for change in changes:
        with pytest.raises(ValidationError):
            judged(notification | change)
