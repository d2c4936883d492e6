"""The functions as Lambda runs them: whatever goes wrong, no secret shows anywhere."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

import boto3
import msgspec
import pytest

from local.receiver import TeamsReceiver
from rotation_watcher.adapters.sns import SnsSink
from rotation_watcher.alerts.model import Alert
from tests.secrets.conftest import CanaryEnvironment, store
from tests.support.alert_examples import EXAMPLES

type CanaryRun = tuple[CanaryEnvironment, Callable[[], list[str]]]
REGION = "us-east-1"


def granted(canary: CanaryEnvironment) -> None:
    """Let Genesys give the canary token, which its API then does not know."""
    canary.environment.simulator.play(
        REGION, "token", body=json.dumps({"access_token": canary.token, "expires_in": 86400}), times=0
    )


def test_the_canaries_are_what_the_functions_really_use(canary: CanaryRun) -> None:
    world, _ = canary
    credentials = boto3.session.Session().get_credentials()
    assert credentials is not None
    assert credentials.secret_key == world.aws["AWS secret key"]
    assert credentials.token == world.aws["AWS session token"]
    answer = world.invoke("collect", {})
    assert answer["sources"]["use1"]["outcome"] != "failed", answer
    assert any(name.startswith("token ") for name in world.scan().secrets)


def test_a_good_run_of_everything_leaks_nothing(canary: CanaryRun) -> None:
    world, leaks = canary
    world.environment.world.region(REGION).schedule_rotation("Genesys")
    for _ in range(2):
        assert not isinstance(world.invoke("collect", {}), Exception)
    assert not isinstance(world.invoke("publish", {}), Exception)
    assert any(name.startswith("signature ") for name in world.scan().secrets)
    assert not isinstance(world.invoke("publish", {"targets": ["alb"], "dry_run": True}), Exception)
    body = msgspec.json.encode(EXAMPLES["rotated"]).decode()
    assert world.invoke("slack", {"Records": [{"messageId": "1", "body": body}]}) == {"batchItemFailures": []}
    assert leaks() == []
    kinds = {"s3", "mail", "sns", "queue", "payload", "slack", "logging", "stdout", "collect", "publish"}
    assert kinds <= world.looked_at


@pytest.mark.parametrize("where", ["log", "stdout", "s3", "alert", "queue", "exception"])
def test_a_planted_leak_is_found_wherever_it_stands(canary: CanaryRun, where: str) -> None:
    world, leaks = canary
    secret = f"it was {world.client_secret[3:30]} …"
    match where:
        case "log":
            logging.getLogger("rotation_watcher.somewhere").debug(secret)
        case "stdout":
            print(secret)  # noqa: T201 - the leak
        case "s3":
            world.environment.put("sources/use1/seen/x.pem", secret)
        case "alert":
            alert = msgspec.structs.replace(EXAMPLES["rotated"], what_happened=secret)
            SnsSink(world.environment.aws.client("sns"), world.environment.topic_arn).deliver(alert)
        case "queue":
            world.environment.sqs.send_message(
                QueueUrl=world.environment.queue_url, MessageBody=secret, MessageGroupId="x", MessageDeduplicationId="x"
            )
        case "exception":
            world.hear_error("collect", ValueError("harmless", {"deep": [secret]}))
    assert leaks()


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 418])
def test_a_login_that_echoes_what_it_was_sent_leaks_nothing(canary: CanaryRun, status: int) -> None:
    world, leaks = canary
    both = f"{world.client_secret} {world.token}"
    location = f"https://evil.example/{world.token}?secret={world.token}"
    for body in (
        both,
        json.dumps({"error": both, "error_description": both}),
        f"<html>{both}</html>",
        json.dumps({"access_token": [world.token], "expires_in": world.client_secret}),
    ):
        world.environment.simulator.play(REGION, "token", status=status, body=body, headers={"Location": location})
        world.invoke("collect", {})
        assert world.environment.simulator.requests[-1].status == status
    assert leaks() == []


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 418])
def test_an_api_that_echoes_the_token_leaks_nothing(canary: CanaryRun, status: int) -> None:
    world, leaks = canary
    granted(world)
    headers = {"Location": f"https://evil.example/{world.token}", "WWW-Authenticate": world.token}
    for body in (
        world.token,
        json.dumps({"entities": world.token, "message": world.token}),
        f"<html>{world.token}</html>",
        json.dumps({"entities": [], "nextUri": f"https://evil.example/{world.token}"}),
    ):
        world.environment.simulator.play(REGION, "certificates", status=status, body=body, headers=headers)
        world.invoke("collect", {})
        assert status in [seen.status for seen in world.environment.simulator.requests[-3:]]
    assert leaks() == []


def test_a_next_page_whose_path_echoes_the_token_and_is_gone_leaks_nothing(canary: CanaryRun) -> None:
    world, leaks = canary
    granted(world)
    page = json.dumps({"entities": [], "nextUri": f"/api/v2/{world.token}?token={world.token}"})
    world.environment.simulator.play(REGION, "certificates", body=page)
    world.invoke("collect", {})
    assert leaks() == []


def test_a_private_key_in_an_answer_leaks_nothing_and_is_reported(canary: CanaryRun) -> None:
    world, leaks = canary
    region = world.environment.world.region(REGION)
    texts = [region.presented("Genesys").pem() + world.key_pem, world.key_pem, world.key_pem.replace("-----", "----")]
    entities = [
        {"signingAuthority": "Genesys", "certificate": text, "status": "Current", "type": "Client"} for text in texts
    ]
    body = json.dumps({"entities": entities})
    world.environment.simulator.play(REGION, "certificates", for_status="current", body=body, times=0)
    for _ in range(2):
        assert not isinstance(world.invoke("collect", {}), Exception)
    assert leaks() == []
    assert "private-key" in json.dumps([msgspec.to_builtins(alert) for alert in world.environment.alerts])


@pytest.mark.parametrize(
    "form", ["raw", "swapped", "half", "list", "space", "unterminated", "number", "key", "surrogate"]
)
def test_a_secret_that_is_stored_wrongly_is_not_repeated(canary: CanaryRun, form: str) -> None:
    world, leaks = canary
    mine, client = world.client_secret, world.environment.simulator.client_id
    stored = {
        "raw": mine,
        "swapped": json.dumps({"client_id": world.token, "client_secret": client}),
        "half": json.dumps({"client_secret": mine}),
        "list": json.dumps([client, mine]),
        "space": json.dumps({"client_id": client, "client_secret": mine + "\n"}),
        "unterminated": '{"client_id": "x", "client_secret": "' + mine,
        "number": json.dumps({"client_id": client, "client_secret": {"value": mine}}),
        "key": json.dumps({mine: client}),
        "surrogate": '{"client_id": "\\ud800", "client_secret": "' + world.token + '"}',
    }[form]
    store(world, stored)
    answer = world.invoke("collect", {})
    assert isinstance(answer, Exception) or answer["sources"]["use1"]["outcome"] == "failed", answer
    assert leaks() == []


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ssm", "GetParameter", "AccessDeniedException"),
        ("s3", "GetObject", "AccessDenied"),
        ("s3", "PutObject", "AccessDenied"),
        ("sns", "Publish", "AuthorizationError"),
        ("sqs", "SendMessage", "AccessDenied"),
    ],
)
def test_aws_that_refuses_collect_leaks_nothing(canary: CanaryRun, service: str, operation: str, code: str) -> None:
    world, leaks = canary
    world.environment.aws.fail_next(service, operation, code, status=403, times=20)
    world.invoke("collect", {})
    world.environment.aws.faults.clear()
    assert leaks() == []


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("GetTrustStoreCaCertificatesBundle", "AccessDenied"),
        ("DescribeTrustStores", "TrustStoreNotFound"),
        ("ModifyTrustStore", "InvalidCaCertificatesBundle"),
        ("ModifyTrustStore", "AccessDenied"),
    ],
)
def test_aws_that_refuses_publish_leaks_nothing(canary: CanaryRun, operation: str, code: str) -> None:
    world, leaks = canary
    world.invoke("collect", {})
    world.environment.aws.fail_next("elbv2", operation, code, times=20)
    world.invoke("publish", {})
    world.environment.aws.faults.clear()
    assert leaks() == []


def test_a_signed_url_that_is_refused_leaks_nothing(canary: CanaryRun) -> None:
    world, leaks = canary
    knobs = world.environment.aws.knobs
    usual, knobs.download_lifetime = knobs.download_lifetime, timedelta(0)
    try:
        answer = world.invoke("publish", {})
    finally:
        knobs.download_lifetime = usual
    assert "403" in str(answer)
    assert leaks() == []


@pytest.mark.parametrize("status", [200, 302, 400, 404, 410, 500])
def test_slack_leaks_nothing_whatever_it_answers(canary: CanaryRun, status: int) -> None:
    world, leaks = canary
    world.slack.answers = [(status, {"Location": f"https://evil.example/{world.webhook_path}"})] * 2
    alerts: list[Alert] = [EXAMPLES["rotated"], EXAMPLES["mtls_off"]]
    records = [{"messageId": alert.id, "body": msgspec.json.encode(alert).decode()} for alert in alerts]
    answer = world.invoke("slack", {"Records": records})
    assert len(answer["batchItemFailures"]) == (0 if status == 200 else 2)
    assert leaks() == []


@pytest.mark.parametrize("status", [202, 302, 400, 401, 404, 500])
def test_teams_leaks_nothing_whatever_it_answers(
    canary: CanaryRun, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature in the query of a workflow's URL is what lets anybody post."""
    world, leaks = canary
    ssm = world.environment.aws.client("ssm")
    with TeamsReceiver() as teams:
        url = f"{teams.url.partition('?')[0]}?api-version=1&sig={world.webhook_path}"
        ssm.put_parameter(Name="/teams/webhook", Type="SecureString", Value=url, Overwrite=True)
        monkeypatch.delenv("SLACK_SECRET_ARN")
        monkeypatch.setenv("TEAMS_SECRET_ARN", ssm.get_parameter(Name="/teams/webhook")["Parameter"]["ARN"])
        teams.answers = [(status, {"Location": url})]
        body = msgspec.json.encode(EXAMPLES["rotated"]).decode()
        answer = world.invoke("slack", {"Records": [{"messageId": "1", "body": body}]})
        assert len(answer["batchItemFailures"]) == (0 if status == 202 else 1)
        assert teams.paths[0].endswith(world.webhook_path), "the query is what was stored"
    assert leaks() == []


@pytest.mark.parametrize(
    "form", ["{path}", "http://hooks.example/{path}", '{{"webhook": "{path}"}}', "https://[{path}"]
)
def test_a_webhook_that_is_stored_wrongly_is_not_repeated(canary: CanaryRun, form: str) -> None:
    world, leaks = canary
    ssm = world.environment.aws.client("ssm")
    before = ssm.get_parameter(Name="/slack/webhook", WithDecryption=True)["Parameter"]["Value"]
    ssm.put_parameter(
        Name="/slack/webhook", Type="SecureString", Value=form.format(path=world.webhook_path), Overwrite=True
    )
    answer = world.invoke("slack", {"Records": [{"messageId": "1", "body": "{}"}]})
    ssm.put_parameter(Name="/slack/webhook", Type="SecureString", Value=before, Overwrite=True)
    assert isinstance(answer, Exception)
    assert leaks() == []


@pytest.mark.parametrize("function", ["collect", "publish", "slack"])
def test_an_event_that_is_not_understood_leaks_nothing(canary: CanaryRun, function: str) -> None:
    world, leaks = canary
    assert isinstance(world.invoke(function, {"sources": 7, "targets": 7, "Records": [{}]}), Exception)
    assert leaks() == []
