"""The clients that the adapters are given: their waits, their tries, and their silence."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.utils import parse_timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients, nlb_listener
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.adapters.roles import Roles
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


WRITTEN = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S+0000", "%a, %d %b %Y %H:%M:%S GMT")


@given(st.integers(86_400_000, 253_402_214_400_000), st.sampled_from(WRITTEN))
def test_a_time_is_read_as_botocore_reads_it(milliseconds: int, written: str) -> None:
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).strftime(written)
    assert clients.read_time(text) == parse_timestamp(text)
    assert clients.read_time(text).utcoffset() == parse_timestamp(text).utcoffset()


@example(1_764_403_200)
@example(1_764_403_200.5)
@example("1764403200")
@example("20231114")
@example("2026-11-29 09:00:00 GMT")
@example("2026-11-29T09:00:00")
@example("29 Nov 2026 09:00 GMT")
@example("Sun Nov 29 09:00:00 2026")
@example("2026-13-29T09:00:00Z")
@example("Sun, 32 Nov 2026 09:00:00 GMT")
@example("")
@given(st.one_of(st.integers(0, 2**33), st.floats(0, 2.0**33), st.text("0123456789-:TZ +GMSunNov,.", max_size=30)))
def test_what_is_no_usual_time_is_left_to_botocore(value: object) -> None:
    assert _read(clients.read_time, value) == _read(parse_timestamp, value)


def _read(read: Callable[[Any], datetime], value: object) -> object:
    try:
        return read(value)
    except (ValueError, RuntimeError) as error:
        return type(error)


def test_no_client_of_ours_guesses_in_what_format_a_time_is(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    usual = aws.client("s3")
    usual.create_bucket(Bucket="times")
    usual.put_object(Bucket="times", Key="one", Body=b"1")
    own, theirs = (
        clients.make("s3"),
        clients.make("s3", session=Roles().session("arn:aws:iam::123456789012:role/watched", None)),
    )
    with patch("dateutil.parser.parse", side_effect=ValueError("a guess")):
        for client in (own, theirs):
            [listed] = client.list_objects_v2(Bucket="times")["Contents"]
            assert listed["LastModified"].tzinfo == UTC
            assert client.get_object(Bucket="times", Key="one")["LastModified"].tzinfo == UTC
        with pytest.raises(ValueError, match="a guess"):
            usual.list_objects_v2(Bucket="times")
