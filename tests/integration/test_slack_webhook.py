"""The webhook's URL is a secret: it works from where people store it, and shows up nowhere else."""

import json
import logging
import re
import socket
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from local.aws.server import EmbeddedAws
from local.receiver import SlackReceiver
from rotation_watcher.adapters.chats import CHATS, over_webhook
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.webhook import JsonWebhook
from rotation_watcher.alerts import chat
from rotation_watcher.alerts.chat import ChatMessage
from rotation_watcher.alerts.slack_blocks import render
from rotation_watcher.bootstrap_chat import build as build_chat
from rotation_watcher.errors import ConfigurationError, DeliveryError, SourceError
from tests.support.alert_examples import EXAMPLES
from tests.support.functions import Context, load
from tests.support.plain_http import NO_ROOTS

CANARY = "not-a-real-webhook"
MESSAGE = chat.of_words("hello")


@pytest.fixture
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver() as receiver:
        yield receiver


def answering(
    status: int, body: str = "", *, asked: list[bytes] | None = None, headers: Mapping[str, str] | None = None
) -> SlackWebhook:
    """Give a webhook whose Slack answers so, and notes what it was ``asked``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request.content)
        return httpx.Response(status, text=body, headers=headers)

    transport = httpx.MockTransport(answer)
    return SlackWebhook(httpx.Client(transport=transport), f"https://hooks.slack.example/{CANARY}")


@pytest.mark.parametrize(
    "form", ["{url}", " {url}\n", '{{"url": "{url}"}}', '\n{{"note": 7, "url": "{url}", "more": {{"x": []}}}}']
)
def test_the_secret_is_the_url_or_json_with_it(slack: SlackReceiver, form: str) -> None:
    with httpx.Client(trust_env=False, verify=NO_ROOTS) as http:
        SlackWebhook(http, form.format(url=slack.url)).post(MESSAGE)
    assert slack.payloads == [render(MESSAGE)]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        CANARY,
        f"http://hooks.slack.com/{CANARY}",
        f"http://127.0.0.1@hooks.slack.com/{CANARY}",
        f"http://localhost/{CANARY}",
        f"ftp://127.0.0.1/{CANARY}",
        f"https://[{CANARY}",
        f"https://host:port/{CANARY}",
        f"https:///{CANARY}",
        f"https://a\x00b/{CANARY}",
        f'{{"url": "http://hooks.slack.com/{CANARY}"}}',
        f'{{"url": ["https://{CANARY}"]}}',
        f'{{"webhook": "https://{CANARY}"}}',
        f'{{"url": "https://{CANARY}"',
        '{"a":' * 100_000,
        "{\ud800",
    ],
)
def test_a_secret_without_an_https_url_is_refused_without_being_repeated(secret: str) -> None:
    with (
        httpx.Client(trust_env=False, verify=NO_ROOTS) as http,
        pytest.raises(DeliveryError, match="holds no https:// URL") as caught,
    ):
        SlackWebhook(http, secret)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_webhook_that_is_gone_comes_with_the_way_out(status: int) -> None:
    with pytest.raises(DeliveryError, match=rf"status {status} \(no_service\): .*store its URL in the secret"):
        answering(status, "no_service").post(MESSAGE)


@pytest.mark.parametrize("status", [201, 204, 400, 429, 500, 503])
def test_only_200_means_that_slack_took_it(status: int) -> None:
    with pytest.raises(DeliveryError, match=rf"status {status}"):
        answering(status).post(MESSAGE)


@pytest.mark.parametrize(
    "body",
    ["", "<html>please log in</html>", '{"ok":false,"error":"invalid_auth"}', "ok_but_not_really", "invalid_token"],
)
def test_a_200_without_slacks_ok_is_somebody_else(body: str) -> None:
    with pytest.raises(DeliveryError, match=r"status 200.* without its ok: .*URL of an incoming webhook"):
        answering(200, body).post(MESSAGE)


@pytest.mark.parametrize("body", ["ok", "ok\n"])
def test_slacks_ok_is_taken(body: str) -> None:
    asked: list[bytes] = []
    answering(200, body, asked=asked).post(MESSAGE)
    assert len(asked) == 1, "it is taken, and not sent again"


def test_slacks_own_word_is_repeated_and_nothing_else_of_its_answer() -> None:
    with pytest.raises(DeliveryError, match=r"status 400 \(invalid_blocks\)$"):
        answering(400, "invalid_blocks").post(MESSAGE)
    with pytest.raises(DeliveryError, match=r"status 502$"):
        answering(502, f"<html>proxy cannot reach https://hooks.slack.example/{CANARY}").post(MESSAGE)
    with pytest.raises(DeliveryError, match=r"status 429$"):
        answering(429, "", headers={"retry-after": f"{CANARY}"}).post(MESSAGE)


def everything_said(
    secret: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> tuple[str, DeliveryError | None]:
    """Post with every logger at DEBUG; give all that was logged, printed or raised, and the error."""
    said: DeliveryError | None = None
    caplog.set_level(logging.DEBUG)
    with httpx.Client(trust_env=False, verify=NO_ROOTS, timeout=5) as http:
        webhook = SlackWebhook(http, secret)
        try:
            webhook.post(MESSAGE)
        except DeliveryError as error:
            said = error
    raised = "".join(traceback.format_exception(said)) if said else ""
    printed = "".join(capfd.readouterr())
    return f"{caplog.text}{printed}{raised}{said!r}{webhook!r}", said


@pytest.mark.parametrize("status", [200, 404, 500])
def test_neither_log_nor_error_nor_repr_holds_the_url_after_an_answer(
    slack: SlackReceiver, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    slack.answers = [(status, {})]
    words, _ = everything_said(slack.url, caplog, capfd)
    assert CANARY not in words


def test_neither_log_nor_error_nor_repr_holds_the_url_when_nobody_answers(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:  # bound, but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        words, error = everything_said(f"http://127.0.0.1:{taken.getsockname()[1]}/{CANARY}", caplog, capfd)
    assert str(error) == "Slack cannot be reached: ConnectError"
    assert error is not None
    assert error.__cause__ is None  # httpx's error carries the request
    assert error.__suppress_context__
    assert CANARY not in words


def test_a_slack_that_never_answers_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        httpx.Client(trust_env=False, verify=NO_ROOTS, timeout=0.2) as http,
    ):
        webhook = SlackWebhook(http, f"http://127.0.0.1:{silent.getsockname()[1]}/{CANARY}")
        with pytest.raises(DeliveryError, match="Slack cannot be reached: ReadTimeout"):
            webhook.post(MESSAGE)


# As Lambda runs it


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(lambda: datetime.now(UTC)) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment().items():
            patch.setenv(name, value)
        patch.setenv("POWERTOOLS_SERVICE_NAME", "watcher")
        patch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
        yield running


def stored(aws: EmbeddedAws, kind: str, secret: str) -> str:
    """Store the secret and give its ARN."""
    if kind == "ssm":
        ssm = aws.client("ssm")
        ssm.put_parameter(Name="/slack/webhook", Type="SecureString", Value=secret, Overwrite=True)
        return str(ssm.get_parameter(Name="/slack/webhook")["Parameter"]["ARN"])
    return str(aws.client("secretsmanager").create_secret(Name="slack-webhook", SecretString=secret)["ARN"])


@pytest.mark.parametrize("kind", ["ssm", "secretsmanager"])
def test_the_function_posts_a_batch_and_names_what_failed_without_logging_the_secret(
    aws: EmbeddedAws,
    slack: SlackReceiver,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = slack.url if kind == "ssm" else json.dumps({"url": slack.url})
    monkeypatch.setenv("SLACK_SECRET_ARN", stored(aws, kind, secret))
    slack.answers = [(200, {}), (429, {"Retry-After": "1"}), (200, {})]
    names = ["rotated", "mtls_off", "drift_found"]
    records = [{"messageId": name, "body": msgspec.json.encode(EXAMPLES[name]).decode()} for name in names]

    answer = load("slack").handler({"Records": records}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "mtls_off"}]}
    assert len(slack.payloads) == 2
    printed = "".join(capsys.readouterr())
    assert "status 429" in printed
    assert CANARY not in printed
    assert EXAMPLES["mtls_off"].title not in printed  # events are not logged


def test_an_environment_without_the_secrets_arn_is_reported_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match="SLACK_SECRET_ARN"):
        build_chat({})


def test_a_function_that_is_given_two_chats_refuses_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHATS, "TEXT_SECRET_ARN", over_webhook(SlackWebhook))
    with pytest.raises(ConfigurationError, match="SLACK_SECRET_ARN and TEXT_SECRET_ARN: set together"):
        build_chat({"SLACK_SECRET_ARN": "a", "TEXT_SECRET_ARN": "b"})


class TextChat:
    """A second chat, as somebody would add one: a renderer, an adapter that delivers, one registration."""

    def __init__(self, http: httpx.Client, secret: str) -> None:
        self._webhook = JsonWebhook(http, secret, name="Text", words=re.compile("ok"), taken=200)

    def post(self, message: ChatMessage) -> None:
        self._webhook.post({"text": rendered(message)})


def rendered(message: ChatMessage) -> str:
    """The whole message as text."""
    head = " | ".join(part for part in (message.label, *message.about, message.at) if part)
    paragraphs = [
        "\n".join([each.heading, each.sentences, *(f"$ {command}" for command in each.commands)])
        for each in message.paragraphs
    ]
    facts = [f"{label}: {value}" for label, value in message.facts.items()]
    return "\n".join([message.title or "", head, *paragraphs, *facts, message.foot or ""]).strip()


def test_another_chat_is_a_renderer_an_adapter_and_one_registration(
    aws: EmbeddedAws, slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHATS, "TEXT_SECRET_ARN", over_webhook(TextChat))
    monkeypatch.delenv("SLACK_SECRET_ARN", raising=False)
    monkeypatch.setenv("TEXT_SECRET_ARN", stored(aws, "ssm", slack.url))
    slack.answers = [(200, {}), (200, {}), (500, {}), (200, {})]
    alarm = {"AlarmName": "Silence", "NewStateValue": "OK", "AlarmDescription": "No look has succeeded."}
    bodies = [msgspec.json.encode(EXAMPLES["quarantined"]), json.dumps(alarm).encode(), b"by hand", b"lines\n\nof two"]
    records = [{"messageId": str(place), "body": body.decode()} for place, body in enumerate(bodies)]

    assert load("slack").handler({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "2"}]}

    alert, over, plain = [payload["text"] for payload in slack.payloads]
    example = EXAMPLES["quarantined"]
    sentences, *commands = example.what_to_do.split("\n")
    assert f"What to do\n{sentences}\n" + "".join(f"$ {command}\n" for command in commands) in alert
    assert alert.startswith(f"{example.title}\nWarning | quarantined | use1 | 2026-11-23 15:30 UTC\n")
    assert alert.endswith(example.id)
    assert all(f"{label}: {value}" in alert for label, value in example.facts.items())
    assert over == "OK: Silence\nCloudWatch alarm | OK\nWhat it watches\nNo look has succeeded."
    assert plain == "lines\nof two"


def test_a_secret_that_does_not_exist_is_reported_by_its_arn(aws: EmbeddedAws) -> None:
    del aws
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter/slack/absent"
    with pytest.raises(SourceError, match="parameter/slack/absent"):
        build_chat({"SLACK_SECRET_ARN": arn})
