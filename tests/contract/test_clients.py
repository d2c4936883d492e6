"""The clients that the adapters are given: their waits, their tries, and their silence."""

import logging

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients, nlb_listener
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.deadline import CALL_TAKES

CANARY = "canary-secret-5f3b"


def test_a_client_takes_its_place_from_the_environment_unless_given(aws: EmbeddedAws) -> None:
    found, told = clients.make("sqs"), clients.make("sqs", region="eu-west-1", endpoint_url="http://127.0.0.1:1")

    assert (found.meta.region_name, found.meta.endpoint_url) == ("us-east-1", aws.url)
    assert (told.meta.region_name, told.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:1")


TRIES = {"apigateway": 1, "apigatewayv2": 1, "elbv2": 4, "s3": 3, "sns": 3, "sqs": 3, "ssm": 3, "secretsmanager": 3}
"""How often each service is asked: where an update may have been carried out, its answer is not asked for again."""
LONGEST_PAUSE = 1 + 2
"""Seconds between three tries at the most (SDK and tools guide: a random part of 1, 2, 4 … seconds)."""


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("service", TRIES)
def test_every_client_has_bounds_and_only_those_of_api_gateway_never_ask_twice(service: str) -> None:
    config = clients.make(service).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": TRIES[service]}
    assert (config.connect_timeout, config.read_timeout) == ((3, 5) if TRIES[service] == 3 else (5, 15))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("service", [name for name, tries in TRIES.items() if tries == 3])
def test_a_call_with_all_its_tries_ends_within_what_the_use_cases_reckon_with(service: str) -> None:
    config = clients.make(service).meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) + LONGEST_PAUSE <= CALL_TAKES


def test_aws_can_distinguish_our_calls_by_their_user_agent(aws: EmbeddedAws) -> None:
    agents: list[str] = []
    client = clients.make("sqs")
    client.meta.events.register(
        "before-send.sqs", lambda request, **_: agents.append(str(request.headers["User-Agent"]))
    )
    client.list_queues()

    assert "genesys-certificate-rotation-watcher" in agents[0]
    assert len(aws.calls) == 1


def test_an_object_is_put_without_waiting_for_a_continue(aws: EmbeddedAws) -> None:
    given: list[object] = []
    client, usual = clients.make("s3"), aws.client("s3")
    client.create_bucket(Bucket="small")
    for one in (client, usual):
        one.meta.events.register("before-send.s3", lambda request, **_: given.append(request.headers.get("Expect")))
        one.put_object(Bucket="small", Key="a", Body=b"some kilobytes")

    assert given == [None, b"100-continue"]


def test_a_transient_fault_is_tried_again(aws: EmbeddedAws) -> None:
    aws.fail_next("sqs", "ListQueues", "ServiceUnavailable", 503)
    clients.make("sqs").list_queues()

    assert [call.status for call in aws.calls] == [503, 200]


def test_a_secret_is_in_no_log_at_any_level(aws: EmbeddedAws, caplog: pytest.LogCaptureFixture) -> None:
    aws.client("ssm").put_parameter(Name="/secret", Type="SecureString", Value=CANARY)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        read = clients.make("ssm").get_parameter(Name="/secret", WithDecryption=True)
        logging.getLogger("ours").debug("We still log.")

    assert read["Parameter"]["Value"] == CANARY
    assert "We still log." in caplog.text
    assert CANARY not in caplog.text
    assert "Signature=" not in caplog.text


@pytest.mark.usefixtures("aws")
def test_the_locked_sdk_knows_every_member_of_mutual_tls_that_is_read_or_sent() -> None:
    model = clients.make("elbv2").meta.service_model
    mutual = model.shape_for("MutualAuthenticationAttributes").members
    assert {*mutual} == nlb_listener._KNOWN  # what the adapter relies on
    assert {*mutual[nlb_listener.FILTERS].member.members} == {"Action", "Field", "MatchType", "Value"}


@pytest.mark.usefixtures("aws")
def test_a_client_is_made_when_it_is_first_used() -> None:
    client = Connections().client("sqs")
    assert "_client" not in vars(client)
    assert client.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert vars(client)["_client"].meta.service_model.service_name == "sqs"
