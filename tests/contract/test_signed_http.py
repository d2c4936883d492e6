"""The authorizer's way to S3 and Lambda: signed as AWS wants it, within its time, and never a surprise."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import EndpointConnectionError

from local.aws.server import EmbeddedAws
from local.patience import seconds
from rotation_watcher.adapters.clients import CONFIG
from rotation_watcher.adapters.mapped import MappedFiles
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.adapters.signed_http import Access, InvokedCollect, SignedS3
from rotation_watcher.errors import Conflict, StoreError

SOON = 5.0
KEYS = ReadOnlyCredentials("AKIDEXAMPLE", "example", "token")


@pytest.fixture
def bucket(aws: EmbeddedAws, unused: object) -> str:
    return aws.make_bucket(unused("door"))  # type: ignore[operator]


@pytest.fixture
def known(aws: EmbeddedAws, bucket: str) -> S3Store:
    return S3Store(aws.client("s3"), bucket)


@pytest.fixture
def signed(aws: EmbeddedAws, bucket: str) -> SignedS3:
    given = aws.environment()
    keys = ReadOnlyCredentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], None)
    return SignedS3(Access("us-east-1", keys, {"s3": given["AWS_ENDPOINT_URL"]}), bucket)


def test_an_object_is_read_once_and_then_only_asked_for(signed: SignedS3, known: S3Store) -> None:
    known.put("bundles/main/identity.json", b"{}", content_type="application/json")
    first = signed.get("bundles/main/identity.json", etag=None, within=SOON)
    assert first.body == b"{}"
    assert signed.get("bundles/main/identity.json", etag=first.etag, within=SOON) == (None, first.etag)
    known.put("bundles/main/identity.json", b"[]", content_type="application/json")
    assert signed.get("bundles/main/identity.json", etag=first.etag, within=SOON).body == b"[]"


@pytest.mark.parametrize(
    ("region", "fips"),
    [*product(["us-east-1", "eu-central-1", "us-gov-west-1"], [False, True]), ("cn-north-1", False)],
)  # China has no FIPS endpoints
@pytest.mark.parametrize("bucket_name", ["watcher-bucket", "genesys.certificates.example", "a.b"])
def test_an_object_is_asked_for_where_the_sdk_asks_for_it(
    bucket_name: str, region: str, *, fips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with dots is no host of S3's certificate: the SDK writes it into the path."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    asked: list[str] = []

    def left(request: AWSPreparedRequest, **_: object) -> None:
        asked.append(str(request.url))
        raise EndpointConnectionError(endpoint_url=str(request.url))

    config = CONFIG.merge(Config(use_fips_endpoint=fips, retries={"total_max_attempts": 1}))
    sdk = boto3.client("s3", region_name=region, aws_access_key_id="x", aws_secret_access_key="x", config=config)
    sdk.meta.events.register("before-send.s3", left)
    with pytest.raises(EndpointConnectionError):
        sdk.get_object(Bucket=bucket_name, Key="bundles/main/identity.json")
    signed = SignedS3(Access(region, KEYS, {}, fips), bucket_name)
    assert asked == [signed._url("bundles/main/identity.json")]


def test_what_is_not_there_has_no_etag(signed: SignedS3) -> None:
    assert signed.get("wakes/use1.json", etag=None, within=SOON) == (None, "")


def test_a_part_of_an_exact_version(signed: SignedS3, known: S3Store) -> None:
    version = known.put("crls/0/index.bin", b"0123456789", content_type="x/y").version
    known.put("crls/0/index.bin", b"abcdefghij", content_type="x/y")
    assert signed.part("crls/0/index.bin", version=version, begin=4, length=3, within=SOON) == b"456"
    assert signed.part("crls/0/index.bin", version=None, begin=8, length=9, within=SOON) == b"ij"


def test_two_writers_and_only_one_wins(signed: SignedS3) -> None:
    signed.put_if("wakes/a b+.json", b"1", etag=None, within=SOON)
    with pytest.raises(Conflict):
        signed.put_if("wakes/a b+.json", b"2", etag=None, within=SOON)
    etag = signed.get("wakes/a b+.json", etag=None, within=SOON).etag
    signed.put_if("wakes/a b+.json", b"2", etag=etag, within=SOON)
    with pytest.raises(Conflict):
        signed.put_if("wakes/a b+.json", b"3", etag=etag, within=SOON)
    assert signed.get("wakes/a b+.json", etag=None, within=SOON).body == b"2"


def test_a_bucket_that_came_into_another_account_is_refused(aws: EmbeddedAws, bucket: str, known: S3Store) -> None:
    """A name that was given up is anybody's: who takes it must not say whom the authorizer lets in."""
    version = known.put("bundles/main/identity.json", b"{}", content_type="application/json").version
    given = aws.environment()
    keys = ReadOnlyCredentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], None)
    access = Access("us-east-1", keys, {"s3": given["AWS_ENDPOINT_URL"]})
    own, strange = (SignedS3(access, bucket, owner=one) for one in (aws.account, "999999999999"))
    assert own.get("bundles/main/identity.json", etag=None, within=SOON).body == b"{}"
    assert strange.get("bundles/main/identity.json", etag=None, within=SOON) == (None, "")
    with pytest.raises(StoreError, match="403"):
        strange.part("bundles/main/identity.json", version=version, begin=0, length=1, within=SOON)
    with pytest.raises(StoreError, match="403"):
        strange.put_if("wakes/use1.json", b"1", etag=None, within=SOON)


class Lambda(ThreadingHTTPServer):
    """Answers every request with ``status``, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.asked = 202, [("", {"": ""}, b"")]
        self.release = threading.Event()
        self.release.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Lambda

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
        self.server.release.wait(SOON)
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * ((8 << 20) + 1))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[Lambda]:
    with Lambda() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_collect_is_invoked_asynchronously_for_one_source(served: Lambda) -> None:
    InvokedCollect(Access("us-east-1", KEYS, {"lambda": served.url}), "stack-Collect-1").look("use1", within=SOON)
    path, headers, body = served.asked[-1]
    assert path == "/2015-03-31/functions/stack-Collect-1/invocations"
    assert headers["x-amz-invocation-type"] == "Event"
    assert "/us-east-1/lambda/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert json.loads(body) == {"sources": ["use1"]}


@pytest.mark.parametrize("status", [200, 302, 403, 429, 500])
def test_any_other_answer_is_a_failure_and_no_redirect_is_followed(served: Lambda, status: int) -> None:
    served.status = status
    with pytest.raises(StoreError, match=str(status)):
        InvokedCollect(Access("us-east-1", KEYS, {"lambda": served.url}), "f").look("use1", within=SOON)
    assert len(served.asked) == 2


def test_who_hangs_is_left_in_time(served: Lambda) -> None:
    served.release.clear()
    with pytest.raises(StoreError, match=r"Timeout|no whole answer"):
        InvokedCollect(Access("us-east-1", KEYS, {"lambda": served.url}), "f").look("use1", within=0.05)
    served.release.set()


def test_an_answer_without_end_is_not_read(served: Lambda) -> None:
    with pytest.raises(StoreError, match="more than"):
        SignedS3(Access("us-east-1", KEYS, {"s3": served.url}), "b").get("k", etag=None, within=SOON)


def test_what_cannot_be_reached_is_a_failure_without_the_credentials() -> None:
    with pytest.raises(StoreError) as caught:
        SignedS3(Access("us-east-1", KEYS, {"s3": "http://127.0.0.1:1"}), "b").get("k", etag=None, within=0.5)
    assert "AKID" not in str(caught.value)


def test_an_index_is_mapped_and_leaves_no_file(tmp_path: Path) -> None:
    mapped = MappedFiles(tmp_path)(b"index")
    assert bytes(mapped) == b"index"
    assert not [*tmp_path.iterdir()]
    with pytest.raises(StoreError):
        MappedFiles(tmp_path / "gone")(b"index")
    with pytest.raises(StoreError):
        MappedFiles(tmp_path)(b"")


def test_a_server_that_answers_a_range_with_the_whole_is_understood() -> None:
    class Whole(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"0123456789")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Whole) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        objects = SignedS3(Access("us-east-1", KEYS, {"s3": place}), "bucket")
        assert objects.part("crls/0/index.bin", version="1", begin=4, length=3, within=SOON) == b"456"
        assert objects.part("crls/0/index.bin", version="1", begin=0, length=10, within=SOON) == b"0123456789"
        server.shutdown()


@pytest.mark.parametrize("head", [True, False], ids=["headers", "body"])
def test_an_answer_that_comes_drop_by_drop_ends_in_time(*, head: bool) -> None:
    stopped = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
            self.wfile.write(b"" if head else said)
            for byte in said if head else b"x" * 500:
                if stopped.wait(0.02):
                    return
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        objects = SignedS3(Access("us-east-1", KEYS, {"s3": f"http://127.0.0.1:{server.server_port}"}), "bucket")
        begin = time.monotonic()
        with pytest.raises(StoreError, match=r"no whole answer within 0\.20 s"):
            objects.get("bundles/main/identity.json", etag=None, within=0.2)
        assert time.monotonic() - begin < seconds(1)
        with pytest.raises(StoreError, match="still on its way"):
            objects.get("bundles/main/identity.json", etag=None, within=0.2)
        stopped.set()
        server.shutdown()
