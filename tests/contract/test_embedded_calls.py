"""The call log of the embedded AWS, and the faults that a test may order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
