"""From the queue to Slack, over real sockets: nothing is lost, nothing is repeated for another's sake."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from local.aws.server import EmbeddedAws
from local.receiver import SlackReceiver
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.sns import SnsSink
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.slack_blocks import render
from rotation_watcher.slack import QueueMessage, message_of, post_all
from tests.support.alert_examples import EXAMPLES, NOW
from tests.support.fakes import ManualClock
from tests.support.plain_http import NO_ROOTS

ALARM = json.loads(
    json.loads((Path(__file__).resolve().parents[2] / "events/slack-alarm.json").read_text())["Records"][0]["body"]
)


@pytest.fixture
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(slack: SlackReceiver) -> Iterator[SlackWebhook]:
    with httpx.Client(trust_env=False, verify=NO_ROOTS) as http:
        yield SlackWebhook(http, slack.url)


def payload_of(body: str) -> dict[str, Any]:
    """Give the payload that Slack gets for a message of the queue."""
    return render(message_of(body))


def queued(body: object, name: str = "m1") -> QueueMessage:
    """Give a message of the queue."""
    return QueueMessage(name, body if isinstance(body, str) else msgspec.json.encode(body).decode())


def envelope(message: str, subject: str | None = None) -> dict[str, Any]:
    """Give what SNS makes of a message where raw delivery is off."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:alerts",
        "Subject": subject,
        "Message": message,
        "Timestamp": "2026-11-23T15:30:00.000Z",
        "SignatureVersion": "1",
    }


def shown(payload: dict[str, Any]) -> str:
    """Give everything that the channel shows, after Slack's own models have checked it."""
    for block in Block.parse_all(payload["blocks"]):
        block.validate_json()
    return json.dumps(payload["blocks"], ensure_ascii=False)


@pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
def test_an_alert_is_posted_once(slack: SlackReceiver, webhook: SlackWebhook, alert: Alert) -> None:
    outcome = post_all([queued(alert)], webhook)

    assert (outcome.posted, outcome.failed, outcome.errors) == (1, (), ())
    (payload,) = slack.payloads
    assert alert.title in shown(payload)
    assert alert.what_happened in shown(payload)


def test_raw_delivery_and_an_envelope_give_the_same_post() -> None:
    alert = EXAMPLES["drift_found"]
    raw = msgspec.json.encode(alert).decode()
    assert payload_of(raw) == payload_of(json.dumps(envelope(raw, "[CRITICAL] …")))


def test_an_alarm_over_the_same_topic_is_shown_decently(slack: SlackReceiver, webhook: SlackWebhook) -> None:
    post_all([queued(ALARM), queued(envelope(json.dumps(ALARM), "ALARM: …"))], webhook)

    first, second = slack.payloads
    assert first == second
    assert first["text"] == f"ALARM: {ALARM['AlarmName']}"
    commands = [line for line in ALARM["AlarmDescription"].splitlines() if line.startswith("aws ")]
    assert len(commands) == 2
    for command in commands:
        assert json.dumps(command)[1:-1] in shown(first), "whole, to be copied"
    assert "Threshold Crossed: no datapoints" in shown(first)
    assert "111122223333" in shown(first), "a channel may hear of several accounts, and stacks may have one name"


@pytest.mark.parametrize("state", ["OK", "ALARM", "INSUFFICIENT_DATA"])
def test_an_alarm_without_description_or_reason_is_shown_too(state: str) -> None:
    payload = payload_of(json.dumps({"AlarmName": "A", "NewStateValue": state, "AlarmDescription": None}))
    assert payload["text"] == f"{state}: A"
    assert state in shown(payload)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("somebody published this by hand", "somebody published this by hand"),
        (json.dumps(envelope("AWS Budgets: limit reached", "Budget")), "Budget: AWS Budgets: limit reached"),
        ('{"kind": "from-a-later-version", "title": "new"}', "from-a-later-version"),
        ("<!channel> \x1b[31m\u202ered", "<!channel> ?[31m?red"),
        ("", "(an empty message)"),
        (" \n ", "(an empty message)"),
        ("[" * 100_000, "[[[["),
        ('{"a":' * 100_000, '{\\"a\\":'),
        ("half a pair \ud800", "half a pair ?"),
        ("null", "null"),
        ("Line one.\r\n\r\n\tLine two.", "Line one.\\nLine two."),
        ("x" * 300_000, "xxxx"),
    ],
)
def test_what_nobody_knows_is_posted_as_plain_text_rather_than_lost(
    slack: SlackReceiver, webhook: SlackWebhook, body: str, words: str
) -> None:
    outcome = post_all([queued(body)], webhook)

    assert outcome.posted == 1
    (payload,) = slack.payloads
    assert words in shown(payload)
    assert [block["type"] for block in payload["blocks"]] == ["rich_text"]


def test_an_alert_of_a_later_version_with_more_fields_is_still_an_alert() -> None:
    later = json.loads(msgspec.json.encode(EXAMPLES["expired"])) | {"runbook": "https://example.com"}
    assert payload_of(json.dumps(later)) == payload_of(msgspec.json.encode(EXAMPLES["expired"]).decode())


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.text(max_size=200) | json_like.map(json.dumps))
def test_no_message_whatever_stops_the_function(body: str) -> None:
    assert shown(payload_of(body))


# When Slack does not take it


def test_a_message_that_fails_keeps_no_other_from_being_posted_and_alone_comes_again(
    slack: SlackReceiver, webhook: SlackWebhook
) -> None:
    slack.answers = [(200, {}), (500, {}), (200, {})]
    names = ["rotated", "expired", "quota_near"]
    outcome = post_all([queued(EXAMPLES[name], name) for name in names], webhook)

    assert outcome.failed == ("expired",)
    assert outcome.posted == len(slack.payloads) == 2


def test_a_throttled_message_fails_and_says_how_long_slack_wants_to_wait(
    slack: SlackReceiver, webhook: SlackWebhook
) -> None:
    slack.answers = [(429, {"Retry-After": "30"})]
    outcome = post_all([queued(EXAMPLES["expired"])], webhook)

    assert outcome.failed == ("m1",)
    assert "status 429" in outcome.errors[0]
    assert "asking to wait 30 s" in outcome.errors[0]
    assert post_all([queued(EXAMPLES["expired"])], webhook).failed == ()


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed_and_fails(slack: SlackReceiver, webhook: SlackWebhook, status: int) -> None:
    slack.answers = [(status, {"Location": slack.url})]
    assert post_all([queued(EXAMPLES["expired"])], webhook).failed == ("m1",)
    assert slack.payloads == []


def test_what_the_sink_publishes_comes_through_the_queue_into_the_channel(
    slack: SlackReceiver, webhook: SlackWebhook
) -> None:
    with EmbeddedAws(ManualClock(NOW + timedelta(minutes=1))) as aws:
        sns, sqs = aws.client("sns"), aws.client("sqs")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        url = sqs.create_queue(QueueName="slack")["QueueUrl"]
        where = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=where, Attributes=raw)
        SnsSink(sns, topic).deliver(EXAMPLES["quarantined"])
        messages = sqs.receive_message(QueueUrl=url)["Messages"]

    outcome = post_all([QueueMessage(one["MessageId"], one["Body"]) for one in messages], webhook)

    assert outcome.posted == 1
    commands = EXAMPLES["quarantined"].what_to_do.split("\n")[1:]
    assert commands
    assert commands == [
        part["elements"][0]["text"]
        for block in slack.payloads[0]["blocks"]
        for part in block.get("elements", [])
        if part["type"] == "rich_text_preformatted"
    ]
