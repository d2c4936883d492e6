"""From the queue to a Teams workflow, over real sockets: nothing is lost, and the URL's signature shows up nowhere."""

import json
import logging
import socket
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from local.aws.server import EmbeddedAws
from local.receiver import TeamsReceiver
from rotation_watcher.adapters.sns import SnsSink
from rotation_watcher.adapters.teams import TeamsWebhook
from rotation_watcher.alerts import chat
from rotation_watcher.errors import DeliveryError
from rotation_watcher.slack import QueueMessage, post_all
from tests.support.alert_examples import DELIVERED, NOW
from tests.support.fakes import ManualClock
from tests.support.functions import Context, load
from tests.support.plain_http import NO_ROOTS
from tests.support.teams_cards import judged, texts

SIGNATURE = "not-a-real_signature"
URL = f"https://prod-01.westeurope.logic.example/workflows/0a1b?api-version=1&sig={SIGNATURE}"
MESSAGE = chat.of_words("hello")
DISABLED = (
    '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"The workflow 0a1b is not enabled for sig=…'
    f'{SIGNATURE}."}}}}'
)


@pytest.fixture
def teams() -> Iterator[TeamsReceiver]:
    with TeamsReceiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(teams: TeamsReceiver) -> Iterator[TeamsWebhook]:
    with httpx.Client(trust_env=False, verify=NO_ROOTS) as http:
        yield TeamsWebhook(http, teams.url)


def answering(status: int, body: str = "", **headers: str) -> TeamsWebhook:
    """Give a webhook whose workflow answers so."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=body, headers=headers))
    return TeamsWebhook(httpx.Client(transport=transport), URL)


def queued(name: str) -> QueueMessage:
    """Give an example as the queue brings it."""
    return QueueMessage(name, msgspec.json.encode(DELIVERED[name]).decode())


@pytest.mark.parametrize("name", DELIVERED)
def test_an_alert_is_posted_once_and_the_query_arrives_as_it_was_stored(
    teams: TeamsReceiver, webhook: TeamsWebhook, name: str
) -> None:
    outcome = post_all([queued(name)], webhook)

    assert (outcome.posted, outcome.failed, outcome.errors) == (1, (), ())
    (payload,) = teams.payloads
    assert texts(judged(payload))[0] == DELIVERED[name].title
    assert teams.paths == [TeamsReceiver.path]


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 413, 429, 500, 502])
def test_only_202_means_that_the_workflow_took_it(status: int) -> None:
    with pytest.raises(DeliveryError, match=rf"^Teams answered with status {status}"):
        answering(status).post(MESSAGE)


def test_a_message_that_fails_keeps_no_other_from_being_posted_and_alone_comes_again(
    teams: TeamsReceiver, webhook: TeamsWebhook
) -> None:
    teams.answers = [(202, {}), (429, {"Retry-After": "30"}), (202, {})]
    names = ["rotated", "expired", "quota_near"]
    outcome = post_all([queued(name) for name in names], webhook)

    assert outcome.failed == ("expired",)
    assert outcome.posted == len(teams.payloads) == 2
    assert "asking to wait 30 s" in outcome.errors[0]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_workflow_that_is_gone_or_refuses_comes_with_the_way_out(status: int) -> None:
    with pytest.raises(DeliveryError, match=rf"status {status}: .*store its URL in the secret"):
        answering(status).post(MESSAGE)


def test_of_an_error_only_the_code_is_repeated() -> None:
    with pytest.raises(DeliveryError, match=r"status 400 \(WorkflowTriggerIsNotEnabled\)$") as caught:
        answering(400, DISABLED).post(MESSAGE)
    assert SIGNATURE not in str(caught.value)
    for body in ("<html>", '{"error":{"code":"sig=1"}}', f'{{"error":{{"code":"{SIGNATURE}"}}}}'):
        with pytest.raises(DeliveryError, match=r"status 400$"):
            answering(400, body).post(MESSAGE)


@pytest.mark.parametrize("status", [202, 401, 404, 500])
def test_neither_log_nor_error_nor_repr_holds_the_signature(
    teams: TeamsReceiver, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    teams.answers = [(status, {"Location": teams.url})]
    raised = ""
    with httpx.Client(trust_env=False, verify=NO_ROOTS, timeout=5) as http:
        webhook = TeamsWebhook(http, teams.url)
        try:
            webhook.post(MESSAGE)
        except DeliveryError as error:
            raised = "".join(traceback.format_exception(error)) + repr(error)
    assert bool(raised) == (status != 202)
    said = f"{caplog.text}{''.join(capfd.readouterr())}{raised}{webhook!r}{webhook._webhook!r}"
    assert SIGNATURE not in said
    assert "workflows" not in said


def test_a_workflow_that_cannot_be_reached_is_named_without_its_url() -> None:
    with socket.socket() as taken, httpx.Client(trust_env=False, verify=NO_ROOTS, timeout=5) as http:
        taken.bind(("127.0.0.1", 0))
        webhook = TeamsWebhook(http, f"http://127.0.0.1:{taken.getsockname()[1]}/?sig={SIGNATURE}")
        with pytest.raises(DeliveryError, match=r"^Teams cannot be reached: ConnectError$") as caught:
            webhook.post(MESSAGE)
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))


def test_a_secret_without_a_url_is_refused_by_the_name_of_the_chat() -> None:
    with httpx.Client(trust_env=False, verify=NO_ROOTS) as http, pytest.raises(DeliveryError, match="of the Teams web"):
        TeamsWebhook(http, f"http://logic.example/?sig={SIGNATURE}")


# As Lambda runs it


@pytest.mark.parametrize("kind", ["ssm", "secretsmanager"])
def test_what_the_sink_publishes_comes_through_the_queue_and_the_function_into_the_channel(
    teams: TeamsReceiver, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedAws(ManualClock(NOW + timedelta(minutes=1))) as aws:
        sns, sqs = aws.client("sns"), aws.client("sqs")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        url = sqs.create_queue(QueueName="teams")["QueueUrl"]
        where = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=where, Attributes={"RawMessageDelivery": "true"})
        SnsSink(sns, topic).deliver(DELIVERED["quarantined"])
        messages = sqs.receive_message(QueueUrl=url)["Messages"]
    with EmbeddedAws(lambda: datetime.now(UTC)) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "watcher")
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
        monkeypatch.delenv("SLACK_SECRET_ARN", raising=False)
        if kind == "ssm":
            ssm = aws.client("ssm")
            ssm.put_parameter(Name="/teams", Type="SecureString", Value=teams.url)
            monkeypatch.setenv("TEAMS_SECRET_ARN", ssm.get_parameter(Name="/teams")["Parameter"]["ARN"])
        else:
            secret = json.dumps({"url": teams.url})
            made = aws.client("secretsmanager").create_secret(Name="teams", SecretString=secret)
            monkeypatch.setenv("TEAMS_SECRET_ARN", made["ARN"])
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
        assert load("slack").handler({"Records": records}, Context()) == {"batchItemFailures": []}

    (payload,) = teams.payloads
    assert set(DELIVERED["quarantined"].what_to_do.split("\n")) <= set(texts(judged(payload)))
    assert SIGNATURE not in "".join(capsys.readouterr())
