"""The embedded AWS as a server: its life, its S3, its IAM and what it hands to other processes."""

import http.client
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from local.patience import seconds
from tests.support import certs
from tests.support.embedded import START, Bundles, download

ROOT, OTHER = certs.self_signed_ca("Root").pem, certs.self_signed_ca("Other").pem


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(VirtualClock(START)) as running:
        yield running


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_it_starts_and_stops_at_once() -> None:
    begun = time.monotonic()
    with EmbeddedAws(VirtualClock(START)) as aws:
        aws.client("s3").list_buckets()
    assert time.monotonic() - begun < seconds(3)


def get(connection: http.client.HTTPConnection, path: str = "/") -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_connection_serves_call_after_call_and_ends_when_the_server_stops() -> None:
    with EmbeddedAws(VirtualClock(START)) as aws:
        connection = http.client.HTTPConnection(aws.url.removeprefix("http://"), timeout=5)
        connection.auto_open = 0  # never a second one
        connection.connect()
        assert [get(connection) for _ in range(3)] == [200] * 3
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        get(connection)
    connection.close()


def test_what_fails_inside_is_an_answer_and_the_connection_ends(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr("local.aws.front.recognise", broken)
    answer = httpx.get(aws.url)
    assert (answer.status_code, answer.headers["connection"]) == (500, "close")
    assert "nobody thought of it" in caplog.text


def test_nothing_survives_a_stop() -> None:
    clock = VirtualClock(START)
    with EmbeddedAws(clock) as aws:
        Bundles(aws).trust_store(ROOT)
    with EmbeddedAws(clock) as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []
        assert aws.client("elbv2").describe_trust_stores()["TrustStores"] == []


def test_a_second_one_in_the_same_process_is_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(RuntimeError, match="only one"):
        EmbeddedAws(VirtualClock(START)).start()
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_an_unknown_knob_is_refused() -> None:
    with pytest.raises(TypeError):
        EmbeddedAws(VirtualClock(START), settle_raeds=2)


def test_moto_has_its_own_operations_back_after_a_stop() -> None:
    from moto.apigateway.models import RestAPI  # noqa: PLC0415  loads what the line below looks at
    from moto.elbv2.responses import ELBV2Response  # noqa: PLC0415

    before = (ELBV2Response.create_listener, RestAPI.apply_patch_operations)
    with EmbeddedAws(VirtualClock(START)):
        assert hasattr(ELBV2Response, "create_trust_store")
    assert not hasattr(ELBV2Response, "create_trust_store")
    assert (ELBV2Response.create_listener, RestAPI.apply_patch_operations) == before


def test_it_says_nothing_while_it_serves(
    aws: EmbeddedAws, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "werkzeug")
    aws.client("s3").list_buckets()
    assert capfd.readouterr() == ("", "")
    assert [each for each in caplog.records if each.name == "werkzeug"] == []


def test_after_a_stop_nobody_listens(aws: EmbeddedAws) -> None:
    download(aws.url)
    aws.stop()
    with pytest.raises(httpx.ConnectError):
        download(aws.url)


def test_a_child_process_with_plain_boto3_talks_to_it(aws: EmbeddedAws) -> None:
    Bundles(aws).put(ROOT, "child.pem")
    program = (
        "import boto3; s3 = boto3.client('s3');"
        "print(s3.get_object(Bucket='bundles', Key='child.pem')['Body'].read().decode(), end='');"
        "s3.put_object(Bucket='bundles', Key='answer', Body=b'from the child')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | aws.environment(), capture_output=True, check=True, text=True
    )
    assert ran.stdout.encode() == ROOT
    assert aws.client("s3").get_object(Bucket="bundles", Key="answer")["Body"].read() == b"from the child"


def test_the_environment_serves_this_process_too(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    assert boto3.session.Session().client("sts").get_caller_identity()["Account"] == aws.account


def test_buckets_are_versioned_and_know_their_region(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    assert aws.make_bucket("at-home") == "at-home"
    aws.make_bucket("in-frankfurt", region="eu-central-1")
    assert s3.get_bucket_location(Bucket="in-frankfurt")["LocationConstraint"] == "eu-central-1"
    for name in ("at-home", "in-frankfurt"):
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let threads take turns a thousand times as often, which makes two winners likely where there can be two."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless_threads")
def test_of_eight_writers_with_the_same_condition_one_wins(aws: EmbeddedAws) -> None:
    aws.make_bucket("race-bucket")
    clients = [aws.client("s3") for _ in range(8)]

    def race(key: str, **condition: str) -> list[str]:
        barrier = Barrier(len(clients))

        def write(number: int) -> str:
            barrier.wait()
            try:
                clients[number].put_object(
                    Bucket="race-bucket", Key=key, Body=f"{number} {condition}".encode(), **condition
                )
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return "won"

        with ThreadPoolExecutor(len(clients)) as pool:
            return sorted(pool.map(write, range(len(clients))))

    for attempt in range(20):
        key = f"record-{attempt}"
        assert race(key, IfNoneMatch="*") == ["PreconditionFailed"] * 7 + ["won"]
        etag = clients[0].head_object(Bucket="race-bucket", Key=key)["ETag"]
        assert race(key, IfMatch=etag) == ["PreconditionFailed"] * 7 + ["won"]
        assert len(clients[0].list_object_versions(Bucket="race-bucket", Prefix=key)["Versions"]) == 2


def test_iam_is_enforced_for_the_added_operations_when_asked(aws: EmbeddedAws) -> None:
    store, iam = Bundles(aws).trust_store(ROOT), aws.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "elasticloadbalancing:Describe*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    elb = session.client("elbv2", endpoint_url=aws.url)
    with aws.enforced_iam():
        assert elb.describe_trust_stores()["TrustStores"][0]["TrustStoreArn"] == store
        with pytest.raises(ClientError) as error:
            elb.delete_trust_store(TrustStoreArn=store)
        assert code_of(error) == ("AccessDenied", 403)
    elb.delete_trust_store(TrustStoreArn=store)
