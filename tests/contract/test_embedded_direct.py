"""A client in the process reaches the embedded AWS directly, and has the answers that it would have over a socket."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from local.aws import direct
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSING = {"date", "server", "x-amzn-requestid", "x-amz-request-id", "connection", "x-amzn-trace-id"}


def lived(aws: EmbeddedAws) -> list[Any]:
    """Calls of every protocol, a name that must be quoted and errors among them: what is seen of each answer."""
    s3, sqs, elb = aws.client("s3"), aws.client("sqs"), aws.client("elbv2")
    aws.make_bucket("bucket")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"].replace(aws.url, "")
    asked: list[tuple[Any, dict[str, Any]]] = [
        (s3.put_object, {"Bucket": "bucket", "Key": "a name+with ü%41", "Body": b"content"}),
        (s3.get_object, {"Bucket": "bucket", "Key": "a name+with ü%41", "IfMatch": '"no such"'}),
        (s3.get_object, {"Bucket": "bucket", "Key": "a name+with ü%41"}),
        (s3.head_object, {"Bucket": "bucket", "Key": "missing"}),
        (s3.list_objects_v2, {"Bucket": "bucket", "Prefix": "a name+"}),
        (sqs.send_message, {"QueueUrl": aws.url + queue, "MessageBody": "hello"}),
        (sqs.get_queue_attributes, {"QueueUrl": aws.url + queue, "AttributeNames": ["ApproximateNumberOfMessages"]}),
        (elb.describe_trust_stores, {}),
        (elb.describe_trust_stores, {"Names": ["missing"]}),
        (aws.client("apigateway").get_domain_name, {"domainName": "missing.example.com"}),
        (aws.client("sns").create_topic, {"Name": "topic"}),
        (aws.client("ssm").get_parameter, {"Name": "missing"}),
    ]
    seen = [_seen(call, arguments) for call, arguments in asked]
    aws.fail_next("s3", "HeadObject", "SlowDown", 503)  # its text is no answer to HEAD
    return [*seen, _seen(s3.head_object, {"Bucket": "bucket", "Key": "a name+with ü%41"})]


def _seen(call: Any, arguments: dict[str, Any]) -> list[Any]:
    try:
        answer = call(**arguments)
    except ClientError as error:
        answer = error.response
    meta = answer["ResponseMetadata"]
    headers = {name for name in meta["HTTPHeaders"] if name not in PASSING}
    shown = [answer.get(name) for name in ("Error", "KeyCount", "Attributes", "TrustStores", "TopicArn", "ETag")]
    body = answer["Body"].read() if "Body" in answer else None
    return [meta["HTTPStatusCode"], headers, shown, body]


def test_both_ways_give_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedAws(VirtualClock(START)) as aws:
        over_a_socket = lived(aws)
    with EmbeddedAws(VirtualClock(START), direct=True) as aws:
        monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", None)  # nobody may ask for a connection
        assert lived(aws) == over_a_socket


def test_who_would_be_hung_up_on_has_the_error_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(*_: Any) -> Any:
        raise ConnectionResetError

    with EmbeddedAws(VirtualClock(START), direct=True) as aws:
        client = aws.client("sqs")
        monkeypatch.setattr(direct, "run", hang_up)
        with pytest.raises(ConnectionClosedError, match=aws.url):
            client.list_queues()


def test_after_its_end_nobody_answers() -> None:
    with EmbeddedAws(VirtualClock(START), direct=True) as aws:
        client = aws.client("sqs")
    with pytest.raises(Exception, match="Could not connect to the endpoint URL"):
        client.list_queues()
