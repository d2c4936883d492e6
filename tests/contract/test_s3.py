"""What only S3 can do: races, pages, and all that can go wrong on the way to it."""

import io
import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.s3 import MOST, RegionBucket, S3Store
from rotation_watcher.errors import BucketUnusable, Conflict, StoreError, TargetError
from rotation_watcher.ports import ObjectStore, StoredObject, Written

NUMBERS = itertools.count()


@pytest.fixture
def bucket(aws: EmbeddedAws) -> str:
    return aws.make_bucket(f"bucket-{next(NUMBERS)}")


@pytest.fixture
def real(bucket: str) -> S3Store:
    return S3Store(clients.make("s3"), bucket)


@pytest.fixture
def impatient(aws: EmbeddedAws, bucket: str) -> S3Store:
    """A store whose client never asks twice, so that a fault is met once and without waiting."""
    return S3Store(aws.client("s3"), bucket)


def put(store: ObjectStore, key: str, body: bytes) -> Written:
    return store.put(key, body, content_type="text/plain")


def put_if(store: ObjectStore, key: str, body: bytes, etag: str | None) -> Written:
    return store.put_if(key, body, etag=etag, content_type="text/plain")


def test_of_sixteen_writers_at_once_one_wins(real: S3Store) -> None:
    put(real, "key", b"before")
    before = real.get("key")
    assert before is not None
    together = threading.Barrier(16)

    def write(number: int) -> str:
        together.wait()
        try:
            return put_if(real, "key", f"{number}".encode(), before.etag).etag
        except Conflict:
            return ""

    with ThreadPoolExecutor(16) as writers:
        won = [etag for etag in writers.map(write, range(16)) if etag]

    after = real.get("key")
    assert after is not None
    assert won == [after.etag]


def test_a_long_listing_is_read_page_by_page(real: S3Store, bucket: str, aws: EmbeddedAws) -> None:
    client: Any = clients.make("s3")
    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", _two_a_page)
    for number in range(5):
        put(real, f"key-{number}", b"")
    aws.calls.clear()

    assert S3Store(client, bucket).list("key") == [f"key-{number}" for number in range(5)]
    assert len(aws.calls.of("s3", "ListObjectsV2")) == 3


@pytest.mark.parametrize(
    ("keys", "found", "calls"),
    [
        (["a", "s/1", "s/2", "s/3", "s/4", "s/5", "s1", "z"], ["a", "s/1", "s1", "z"], 2),
        (["a", "b", "s/1", "s/2", "z"], ["a", "b", "s/1", "s/2", "z"], 3),
        (["s/1", "s/2", "s/3", "s/4", "s/5"], ["s/1", "s/2"], 2),
        (["a", "s/1"], ["a", "s/1"], 1),
    ],
)
def test_what_may_be_skipped_is_passed_over_where_it_is_more_than_a_page(
    keys: list[str], found: list[str], calls: int, bucket: str, aws: EmbeddedAws
) -> None:
    client: Any = clients.make("s3")
    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", _two_a_page)
    store = S3Store(client, bucket)
    for key in keys:
        put(store, key, b"")
    aws.calls.clear()
    assert [*store.listed("", skip=[("s/", "s0")])] == found
    assert len(aws.calls.of("s3", "ListObjectsV2")) == calls


@pytest.mark.parametrize(("most", "calls"), [(2, 2), (3, 2), (5, 3)])
def test_a_listing_that_may_hold_so_many_asks_for_a_page_beyond_them_at_most(
    most: int, calls: int, bucket: str, aws: EmbeddedAws
) -> None:
    client: Any = clients.make("s3")
    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", _two_a_page)
    store = S3Store(client, bucket)
    for number in range(5):
        put(store, f"key-{number}", b"")
    aws.calls.clear()
    if most < 5:
        with pytest.raises(StoreError, match="more than"):
            store.listed("", most=most)
    else:
        assert len(store.listed("", most=most)) == 5
    assert len(aws.calls.of("s3", "ListObjectsV2")) == calls


def _two_a_page(params: dict[str, Any], **_: object) -> None:
    params["MaxKeys"] = 2


def test_writes_carry_a_sha256_and_leave_the_encryption_to_the_bucket(bucket: str) -> None:
    client: Any = clients.make("s3")
    sent: list[dict[str, Any]] = []
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(dict(request.headers)))
    put(S3Store(client, bucket), "key", b"body")

    names = {name.lower() for name in sent[0]}
    assert "x-amz-checksum-sha256" in names | {str(sent[0].get("X-Amz-Trailer", b""), "ascii")}
    assert not {name for name in names if "encryption" in name}


def test_an_object_that_was_deleted_is_not_there_but_its_versions_are(real: S3Store, aws: EmbeddedAws) -> None:
    written = put(real, "key", b"body")
    marker = aws.client("s3").delete_object(Bucket=real.bucket, Key="key")["VersionId"]

    assert real.get("key") is None
    assert real.get("key", version=marker) is None
    old = real.get("key", version=written.version)
    assert old is not None
    assert old.body == b"body"
    with pytest.raises(Conflict):
        put_if(real, "key", b"over", written.etag)


def test_a_version_that_marks_a_deletion_is_no_object(impatient: S3Store, aws: EmbeddedAws) -> None:
    aws.fail_next("s3", "GetObject", "MethodNotAllowed", 405)

    assert impatient.get("key", version="marker") is None


@pytest.mark.usefixtures("aws")
def test_the_version_that_suspended_versioning_overwrites_is_none() -> None:
    client: Any = boto3.client("s3")
    stub = Stubber(client)
    stub.add_response("put_object", {"ETag": '"1"', "VersionId": "null"})
    stub.add_response("get_object", {"ETag": '"1"', "VersionId": "null", "Body": StreamingBody(io.BytesIO(b"body"), 4)})
    stub.activate()
    store = S3Store(client, "bucket")

    assert put(store, "key", b"body").version is None
    assert store.get("key") == StoredObject(b"body", '"1"', None)


@pytest.mark.parametrize("store", [S3Store, RegionBucket])
def test_an_object_that_would_fill_the_memory_is_not_read(store: type[S3Store], bucket: str, aws: EmbeddedAws) -> None:
    """Whoever can write one file must not kill every run that reads it."""
    refusal = StoreError if store is S3Store else TargetError
    own = store(aws.client("s3"), bucket, owner=aws.account)
    large = bytes(MOST + 1)
    version = put(own, "approvals/0a.json", large).version
    for pinned in (None, version):
        with pytest.raises(refusal, match=rf"approvals/0a\.json: it holds {MOST + 1} bytes, at most {MOST} are read"):
            own.get("approvals/0a.json", version=pinned)
    put(own, "crls/0/list.pem", large)
    found = own.get("crls/0/list.pem")
    assert found is not None, "a revocation list may be long"
    assert len(found.body) == len(large)


@pytest.mark.parametrize("store", [S3Store, RegionBucket])
def test_a_bucket_of_another_account_is_refused(store: type[S3Store], bucket: str, aws: EmbeddedAws) -> None:
    refusal = StoreError if store is S3Store else BucketUnusable
    own, strange = (store(aws.client("s3"), bucket, owner=one) for one in (aws.account, "999999999999"))
    version = put(own, "key", b"body").version
    assert own.list("") == ["key"]
    calls: list[Callable[[], object]] = [
        lambda: put(strange, "key", b"other"),
        lambda: put_if(strange, "key", b"other", None),
        lambda: strange.list(""),
    ]
    for call in calls:
        with pytest.raises(refusal, match="AccessDenied"):
            call()
    if store is RegionBucket:
        for pinned in (None, version):
            with pytest.raises(BucketUnusable, match="AccessDenied"):
                strange.get("key", version=pinned)
    else:
        assert strange.get("key") is None, "without ListBucket a 403 is absence: nothing of it is used"
    found = own.get("key")
    assert found is not None
    assert found.body == b"body"


def test_a_bucket_of_another_region_says_what_may_pass_and_what_does_not(bucket: str, aws: EmbeddedAws) -> None:
    there = RegionBucket(aws.client("s3"), bucket, owner=aws.account)
    there.check(prove=True)
    passing: list[tuple[str, str, int, Callable[[], object]]] = [
        (
            "HeadBucket",
            "SlowDown",
            503,
            lambda: there.check(prove=True),
        ),  # an answer without a body: the status alone says it
        ("PutObject", "InternalError", 500, lambda: put(there, "key", b"body")),
        ("PutObject", "SlowDown", 503, lambda: put(there, "key", b"body")),
    ]
    for operation, code, status, call in passing:
        aws.fail_next("s3", operation, code, status, times=4)
        with pytest.raises(TargetError) as error:
            call()
        assert not isinstance(error.value, BucketUnusable)
        aws.faults.clear()
    aws.fail_next("s3", "PutObject", "AccessDenied", 403)
    with pytest.raises(BucketUnusable) as refused:
        put(there, "key", b"body")
    assert refused.value.denied
    with pytest.raises(BucketUnusable, match="does not exist") as gone:
        RegionBucket(aws.client("s3"), f"not-{bucket}").check(prove=False)
    assert not gone.value.denied
    with pytest.raises(BucketUnusable, match=r"is in us-east-1, not in eu-west-1 as its name says"):
        RegionBucket(aws.client("s3", "eu-west-1"), bucket).check(prove=False)


CALLS: list[tuple[str, str, Callable[[ObjectStore], object]]] = [
    ("GetObject", "read", lambda store: store.get("a/key")),
    ("GetObject", "read", lambda store: store.get("a/key", version="1")),
    ("PutObject", "write", lambda store: put(store, "a/key", b"")),
    ("PutObject", "write", lambda store: put_if(store, "a/key", b"", None)),
    ("PutObject", "write", lambda store: put_if(store, "a/key", b"", '"tag"')),
    ("ListObjectsV2", "list", lambda store: store.list("a/key")),
]


@pytest.mark.parametrize(("operation", "verb", "call"), CALLS)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ExpiredToken", 400),
        ("InvalidAccessKeyId", 403),
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
        ("NoSuchBucket", 404),
    ],
)
def test_a_failure_is_reported_with_the_object_that_it_is_about(
    operation: str,
    verb: str,
    call: Callable[[ObjectStore], object],
    code: str,
    status: int,
    impatient: S3Store,
    aws: EmbeddedAws,
) -> None:
    aws.fail_next("s3", operation, code, status)
    with pytest.raises(StoreError, match=rf"cannot {verb} s3://{impatient.bucket}/a/key: .*{code}") as caught:
        call(impatient)

    assert not isinstance(caught.value, Conflict)


@pytest.mark.parametrize("call", [call for _, _, call in CALLS])
def test_a_server_that_is_not_there_is_reported_too(call: Callable[[ObjectStore], object], bucket: str) -> None:
    once = Config(retries={"total_max_attempts": 1})
    with socket.socket() as bound:  # it does not listen, so nobody answers at its port
        bound.bind(("127.0.0.1", 0))
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{bound.getsockname()[1]}", config=once)
        with pytest.raises(StoreError, match=f"s3://{bucket}/a/key"):
            call(S3Store(client, bucket))


@pytest.mark.parametrize(
    ("message", "hidden"),
    [
        ("Access Denied", True),
        ("User: arn:aws:sts::1:r is not authorized to perform: s3:ListBucket because no policy allows it", True),
        ("User is not authorized to perform: s3:GetObject on resource because no identity-based policy", False),
        ("User is not authorized to perform: s3:GetObjectVersion on resource", False),
        ("User is not authorized to perform: s3:ListBucket with an explicit deny in a resource-based policy", False),
        ("User is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k", False),
        ("The ciphertext refers to a KMS key that is disabled", False),
    ],
)
def test_a_403_means_absence_only_where_it_cannot_mean_anything_else(
    message: str, *, hidden: bool, impatient: S3Store, aws: EmbeddedAws
) -> None:
    put(impatient, "key", b"body")
    aws.fail_next("s3", "GetObject", "AccessDenied", 403, message=message)
    if hidden:
        assert impatient.get("key") is None
    else:
        with pytest.raises(StoreError, match="cannot read"):
            impatient.get("key")


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("GetObject", "AccessDenied", "not authorized to perform: kms:Decrypt on resource: arn:aws:kms:r:1:key/k"),
        (
            "PutObject",
            "AccessDenied",
            "not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:r:1:key/k",
        ),
        ("PutObject", "KMS.DisabledException", "arn:aws:kms:r:1:key/k is disabled."),
        ("PutObject", "KMS.KMSInvalidStateException", "arn:aws:kms:r:1:key/k is pending deletion."),
    ],
)
def test_an_error_of_a_key_names_the_key_and_where_to_read_on(
    operation: str, code: str, message: str, impatient: S3Store, aws: EmbeddedAws
) -> None:
    aws.fail_next("s3", operation, code, 403 if code == "AccessDenied" else 400, message=message)
    with pytest.raises(StoreError, match=r"key/k.*docs/runbook\.md, \"A KMS key is disabled or denies\""):
        impatient.get("key") if operation == "GetObject" else put(impatient, "key", b"")


def test_an_error_that_is_no_keys_sends_nobody_to_the_keys(impatient: S3Store, aws: EmbeddedAws) -> None:
    aws.fail_next("s3", "PutObject", "AccessDenied", 403)
    with pytest.raises(StoreError) as caught:
        put(impatient, "key", b"")
    assert "KMS" not in str(caught.value)


def test_a_forbidden_write_is_no_lost_race(impatient: S3Store, aws: EmbeddedAws) -> None:
    aws.fail_next("s3", "PutObject", "AccessDenied", 403)
    with pytest.raises(StoreError) as caught:
        put_if(impatient, "key", b"", None)

    assert not isinstance(caught.value, Conflict)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_two_writers_at_the_same_moment_are_a_conflict(code: str, impatient: S3Store, aws: EmbeddedAws) -> None:
    aws.fail_next("s3", "PutObject", code, 409)
    with pytest.raises(Conflict):
        put_if(impatient, "key", b"", None)


def test_a_write_whose_answer_was_lost_is_known_as_our_own(real: S3Store, aws: EmbeddedAws) -> None:
    first = put(real, "key", b"first")
    aws.fail_next("s3", "PutObject", "InternalError", 500, after=True)
    written = put_if(real, "key", b"second", first.etag)

    read = real.get("key")
    assert read is not None
    assert (read.body, read.etag, read.version) == (b"second", written.etag, written.version)


def test_a_repeated_write_that_lost_to_another_writer_is_a_conflict(real: S3Store, aws: EmbeddedAws) -> None:
    put(real, "key", b"theirs")
    aws.fail_next("s3", "PutObject", "InternalError", 500)
    with pytest.raises(Conflict):
        put_if(real, "key", b"ours", None)
