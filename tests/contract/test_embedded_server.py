"""The embedded AWS as a server: its life, its call log, its faults, its S3 and what it hands to other processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
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
    assert time.monotonic() - begun < 3


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


def test_it_says_nothing_while_it_serves(aws: EmbeddedAws, capfd: pytest.CaptureFixture[str]) -> None:
    aws.client("s3").list_buckets()
    assert capfd.readouterr() == ("", "")


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


def test_every_protocol_is_recognised_in_the_call_log(aws: EmbeddedAws) -> None:
    aws.make_bucket("log-bucket")
    s3, elb, ssm = aws.client("s3"), aws.client("elbv2", "eu-central-1"), aws.client("ssm")
    queue = aws.client("sqs").create_queue(QueueName="log-queue")["QueueUrl"]
    aws.calls.clear()
    s3.put_object(Bucket="log-bucket", Key="a/key with spaces", Body=b"x")
    s3.get_object(Bucket="log-bucket", Key="a/key with spaces")
    s3.head_object(Bucket="log-bucket", Key="a/key with spaces")
    s3.list_objects_v2(Bucket="log-bucket", Prefix="a/")
    s3.delete_object(Bucket="log-bucket", Key="a/key with spaces")
    elb.describe_trust_stores()
    ssm.put_parameter(Name="/genesys/oauth", Value="secret-canary", Type="SecureString")
    ssm.get_parameter(Name="/genesys/oauth", WithDecryption=True)
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    aws.client("apigateway").get_rest_apis()
    aws.client("apigatewayv2").get_apis()
    aws.client("sts").get_caller_identity()
    aws.client("secretsmanager").create_secret(Name="slack", SecretString="secret-canary")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="log-bucket", Key="none")
    key = "log-bucket/a/key with spaces"
    home = [
        ("s3", "PutObject", True, key, 200),
        ("s3", "GetObject", False, key, 200),
        ("s3", "HeadObject", False, key, 200),
        ("s3", "ListObjectsV2", False, "log-bucket", 200),
        ("s3", "DeleteObject", True, key, 204),
        ("elbv2", "DescribeTrustStores", False, "", 200),
        ("ssm", "PutParameter", True, "/genesys/oauth", 200),
        ("ssm", "GetParameter", False, "/genesys/oauth", 200),
        ("sqs", "SendMessage", True, queue, 200),
        ("apigateway", "GetRestApis", False, "", 200),
        ("apigatewayv2", "GetApis", False, "", 200),
        ("sts", "GetCallerIdentity", False, "", 200),
        ("secretsmanager", "CreateSecret", True, "slack", 200),
        ("s3", "GetObject", False, "log-bucket/none", 404),
    ]
    assert [(each.service, each.operation, each.mutating, each.resource, each.status) for each in aws.calls] == home
    assert [each.region for each in aws.calls.of("elbv2")] == ["eu-central-1"]
    assert "secret-canary" not in repr(aws.calls.snapshot())


def test_a_quiet_run_can_be_counted(aws: EmbeddedAws) -> None:
    bundles = Bundles(aws)
    store = bundles.trust_store(ROOT)
    aws.calls.clear()
    bundles.downloaded(store)
    assert [each.operation for each in aws.calls] == ["GetTrustStoreCaCertificatesBundle", "GetObject"]
    assert aws.calls.mutating() == []
    assert "Signature" not in repr(aws.calls.snapshot())
    bundles.load(store, OTHER)
    assert [each.operation for each in aws.calls.mutating()] == ["PutObject", "ModifyTrustStore"]
    assert (len(aws.calls), len(aws.calls.of("elbv2", "ModifyTrustStore"))) == (4, 1)


def test_calls_from_many_threads_are_all_logged(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: s3.list_buckets(), range(40)))
    assert len(aws.calls.of("s3", "ListBuckets")) == 40


def test_a_fault_strikes_as_often_as_ordered_and_the_call_takes_no_effect(aws: EmbeddedAws) -> None:
    bundles, elb = Bundles(aws), aws.client("elbv2")
    store = bundles.trust_store(ROOT)
    aws.fail_next("elbv2", "ModifyTrustStore", "InvalidCaCertificatesBundle", times=2, message="It is <bad> & ugly.")
    for _ in range(2):
        with pytest.raises(elb.exceptions.InvalidCaCertificatesBundleException, match="It is <bad> & ugly"):
            bundles.load(store, OTHER)
    assert bundles.downloaded(store) == ROOT
    assert [each.status for each in aws.calls.of("elbv2", "ModifyTrustStore")] == [400, 400]
    bundles.load(store, OTHER)
    assert (bundles.downloaded(store), aws.faults.pending()) == (OTHER, 0)


def test_a_fault_after_the_effect_loses_only_the_answer(aws: EmbeddedAws) -> None:
    bundles = Bundles(aws)
    store = bundles.trust_store(ROOT)
    aws.fail_next("elbv2", "ModifyTrustStore", "InternalFailure", 500, after=True)
    with pytest.raises(ClientError) as error:
        bundles.load(store, OTHER)
    assert code_of(error) == ("InternalFailure", 500)
    assert bundles.downloaded(store) == OTHER


def test_faults_speak_the_protocol_of_each_service(aws: EmbeddedAws) -> None:
    aws.make_bucket("fault-bucket")
    s3, sqs, sns = aws.client("s3"), aws.client("sqs"), aws.client("sns")
    v1, v2, ssm = aws.client("apigateway"), aws.client("apigatewayv2"), aws.client("ssm")
    cases: list[tuple[Any, str, str, type[Exception], dict[str, Any]]] = [
        (s3, "GetObject", "NoSuchKey", s3.exceptions.NoSuchKey, {"Bucket": "fault-bucket", "Key": "k"}),
        (v1, "GetDomainName", "NotFoundException", v1.exceptions.NotFoundException, {"domainName": "a.example.com"}),
        (v2, "GetDomainName", "ConflictException", v2.exceptions.ConflictException, {"DomainName": "a.example.com"}),
        (ssm, "GetParameter", "ParameterNotFound", ssm.exceptions.ParameterNotFound, {"Name": "/x"}),
        (sns, "Publish", "NotFound", sns.exceptions.NotFoundException, {"TopicArn": "arn:x", "Message": "m"}),
        (sqs, "CreateQueue", "QueueNameExists", sqs.exceptions.QueueNameExists, {"QueueName": "q"}),
    ]
    for client, operation, code, expected, parameters in cases:
        service = client.meta.service_model.service_name
        aws.fail_next(service, operation, code, 404, message="ordered")
        method = client.meta.method_to_api_mapping
        name = next(python for python, api in method.items() if api == operation)
        with pytest.raises(expected, match="ordered") as error:
            getattr(client, name)(**parameters)
        assert isinstance(error.value, ClientError)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    aws.fail_next("s3", "PutObject", "SlowDown", 503)
    with pytest.raises(ClientError) as unmodelled:
        s3.put_object(Bucket="fault-bucket", Key="k", Body=b"")
    assert code_of(unmodelled) == ("SlowDown", 503)
    aws.fail_next("s3", "HeadObject", "403", 403)
    with pytest.raises(ClientError) as bodiless:
        s3.head_object(Bucket="fault-bucket", Key="k")
    assert code_of(bodiless) == ("403", 403)


def test_faults_in_waiting_can_be_forgotten(aws: EmbeddedAws) -> None:
    aws.fail_next("s3", "ListBuckets", "SlowDown", 503, times=3)
    aws.faults.clear()
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_a_presigned_url_of_s3_itself_works_and_is_logged(aws: EmbeddedAws) -> None:
    Bundles(aws).put(ROOT, "own.pem")
    url = aws.client("s3").generate_presigned_url("get_object", {"Bucket": "bundles", "Key": "own.pem"})
    aws.calls.clear()
    assert download(url).content == ROOT
    assert [(each.operation, each.resource) for each in aws.calls] == [("GetObject", "bundles/own.pem")]


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
