"""The object store: one suite for the fake and for S3."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.ports import ObjectStore, Written
from tests.support.fakes import InMemoryStore

TEXT = "text/plain"
KEYS = [f"arn:aws:kms:us-east-1:123456789012:key/{name}" for name in ("a-1", "b-2")]
NUMBERS = itertools.count()


@pytest.fixture
def bucket(aws: EmbeddedAws) -> str:
    return aws.make_bucket(f"bucket-{next(NUMBERS)}")


@pytest.fixture
def real(bucket: str) -> S3Store:
    return S3Store(clients.make("s3"), bucket)


@pytest.fixture(params=["fake", "S3", "S3 under a key"])
def store(request: pytest.FixtureRequest, aws: EmbeddedAws) -> ObjectStore:
    if request.param == "fake":
        return InMemoryStore()
    found: S3Store = request.getfixturevalue("real")
    if request.param == "S3 under a key":
        aws.encrypt_bucket(found.bucket, "arn:aws:kms:us-east-1:123456789012:key/own")
    return found


@pytest.fixture(params=["fake", "S3 without versions", "S3 with versions suspended"])
def plain_store(request: pytest.FixtureRequest, aws: EmbeddedAws) -> ObjectStore:
    if request.param == "fake":
        return InMemoryStore(versioned=False)
    suspended = "suspended" in request.param
    name = aws.make_bucket(f"plain-{suspended}".lower(), versioned=False)
    if suspended:
        for status in ("Enabled", "Suspended"):
            aws.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    return S3Store(clients.make("s3"), name)


def put(store: ObjectStore, key: str, body: bytes) -> Written:
    return store.put(key, body, content_type=TEXT)


def put_if(store: ObjectStore, key: str, body: bytes, etag: str | None) -> Written:
    return store.put_if(key, body, etag=etag, content_type=TEXT)


def test_what_was_never_written_is_not_there(store: ObjectStore) -> None:
    assert store.get("nothing") is None
    assert store.get("nothing", version="version-0001") is None
    assert store.list("") == []


def test_what_is_written_is_read_back_with_the_tag_and_version_of_the_write(store: ObjectStore) -> None:
    written = put(store, "a/b.pem", b"one\r\n\x00two")
    read = store.get("a/b.pem")

    assert read is not None
    assert read.body == b"one\r\n\x00two"
    assert (read.etag, read.version) == (written.etag, written.version)
    assert read.version


def test_an_empty_object_is_there(store: ObjectStore) -> None:
    put(store, "empty", b"")
    read = store.get("empty")

    assert read is not None
    assert read.body == b""


def test_every_write_is_a_version_that_stays_readable(store: ObjectStore) -> None:
    written = [put(store, "key", body) for body in (b"one", b"two", b"one")]

    assert len({each.version for each in written}) == 3
    for each, body in zip(written, (b"one", b"two", b"one"), strict=True):
        read = store.get("key", version=each.version)
        assert read is not None
        assert (read.body, read.etag, read.version) == (body, each.etag, each.version)
    newest = store.get("key")
    assert newest is not None
    assert newest.version == written[-1].version


def test_a_version_belongs_to_its_key(store: ObjectStore) -> None:
    other = put(store, "other", b"other")
    put(store, "key", b"key")

    assert store.get("key", version=other.version) is None


def test_the_first_conditional_write_wins_and_the_second_changes_nothing(store: ObjectStore) -> None:
    put_if(store, "key", b"first", None)
    with pytest.raises(Conflict, match=f"s3://{store.bucket}/key"):
        put_if(store, "key", b"second", None)

    read = store.get("key")
    assert read is not None
    assert read.body == b"first"


def test_a_conditional_write_goes_over_the_tag_that_was_read_and_over_no_other(store: ObjectStore) -> None:
    first = put(store, "key", b"first")
    second = put_if(store, "key", b"second", first.etag)
    with pytest.raises(Conflict):
        put_if(store, "key", b"third", first.etag)

    read = store.get("key")
    assert read is not None
    assert (read.body, read.etag, read.version) == (b"second", second.etag, second.version)


def test_what_is_gone_cannot_be_written_over(store: ObjectStore) -> None:
    elsewhere = put(store, "elsewhere", b"body")
    with pytest.raises(Conflict):
        put_if(store, "gone", b"body", elsewhere.etag)

    assert store.get("gone") is None


def test_a_listing_is_sorted_and_holds_what_begins_with_the_prefix(store: ObjectStore) -> None:
    for key in ("b/2", "b/10", "a/1", "b", "bb/1"):
        put(store, key, b"")
        put(store, key, b"again")

    assert store.list("b/") == ["b/10", "b/2"]
    assert store.list("") == ["a/1", "b", "b/10", "b/2", "bb/1"]
    assert store.list("c") == []


def test_without_versioning_nothing_has_a_version(plain_store: ObjectStore) -> None:
    written = put(plain_store, "key", b"one")
    read = plain_store.get("key")

    assert read is not None
    assert (written.version, read.version) == (None, None)
    assert put_if(plain_store, "key", b"two", read.etag).version is None


def test_a_listing_names_the_newest_version_of_each_object_by_its_etag(store: ObjectStore) -> None:
    put(store, "a/1", b"x")
    put(store, "a/2", b"y")
    put(store, "b/1", b"z")
    newest = put(store, "a/1", b"xx")
    found = {key: one.etag for key, one in store.listed("a/").items()}
    assert {*found} == {"a/1", "a/2"}
    assert found["a/1"] == newest.etag
    read = store.get("a/2")
    assert read is not None
    assert found["a/2"] == read.etag
    assert store.listed("c/") == {}
    assert {*store.listed("", after="a/1")} == {"a/2", "b/1"}
    assert {*store.listed("a/", after="a/")} == {"a/1", "a/2"}


def test_a_listing_of_more_than_the_caller_has_use_for_is_refused(store: ObjectStore) -> None:
    for key in ("a/1", "a/2", "b/1"):
        put(store, key, b"")
    assert [*store.listed("a/", most=2)] == ["a/1", "a/2"]
    with pytest.raises(StoreError, match=f"s3://{store.bucket}/a/ holds more than 1 objects"):
        store.listed("a/", most=1)


def test_a_listing_says_when_each_was_written(store: ObjectStore) -> None:
    put(store, "a/1", b"one")
    put(store, "a/2", b"two")
    put(store, "b/1", b"three")
    found = store.listed("a/")
    read = {key: store.get(key) for key in ("a/1", "a/2")}
    assert {key: one.etag for key, one in found.items()} == {key: one.etag for key, one in read.items() if one}
    assert all(one.modified.utcoffset() == timedelta(0) and not one.modified.microsecond for one in found.values())
    assert [*store.listed("", after="a/1")] == ["a/2", "b/1"]


def test_the_versions_of_an_object_come_newest_first_and_are_of_no_other(store: ObjectStore) -> None:
    written = [put(store, "a", body) for body in (b"one", b"two", b"3")]
    put(store, "a.pem", b"another")
    found = store.versions_of("a")
    assert [(one.id, one.etag, one.size, one.deleted) for one in found] == [
        (one.version, one.etag, size, False) for one, size in zip(reversed(written), (1, 3, 3), strict=True)
    ]
    assert store.listed("a")["a"].modified == found[0].modified
    assert store.versions_of("nothing") == []


class InSmallPages:
    """An S3 client whose pages of versions are of three."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.pages = 0

    def list_object_versions(self, **given: Any) -> Any:
        """See S3."""
        self.pages += 1
        return self._client.list_object_versions(**given, MaxKeys=3)


def test_versions_are_followed_over_pages_to_those_of_a_time_and_no_further(real: S3Store, aws: EmbeddedAws) -> None:
    written = [put(real, "a", b"%d" % number).version for number in range(11)]
    aws.client("s3").delete_object(Bucket=real.bucket, Key="a")
    put(real, "a.pem", b"another")
    client = InSmallPages(aws.client("s3"))
    store = S3Store(cast("Any", client), real.bucket)
    assert len(store.versions_of("a")) == 3
    assert client.pages == 1
    found = store.versions_of("a", until=datetime(2000, 1, 1, tzinfo=UTC))
    assert [one.id for one in found if not one.deleted] == written[::-1]
    assert sum(one.deleted for one in found) == 1
    client.pages = 0
    assert len(store.versions_of("a", until=datetime(2100, 1, 1, tzinfo=UTC))) == 3
    assert client.pages == 1


class Begun(InSmallPages):
    """One whose version ``begun`` was uploaded in parts: S3 says when that was begun, years ago."""

    begun: str | None = None

    def list_object_versions(self, **given: Any) -> Any:
        """See S3."""
        answer = super().list_object_versions(**given)
        for one in answer.get("Versions", []):
            if one["VersionId"] == self.begun:
                one["LastModified"] = datetime(2001, 1, 1, tzinfo=UTC)
        return answer


@pytest.mark.parametrize("place", [0, 1, 5])
def test_what_was_uploaded_in_parts_is_as_new_as_it_is_and_hides_nothing(
    real: S3Store, aws: EmbeddedAws, place: int
) -> None:
    since = datetime.now(UTC).replace(microsecond=0)
    written = [put(real, "a", b"%d" % number).version for number in range(5)]
    aws.client("s3").delete_object(Bucket=real.bucket, Key="a")
    written.append(put(real, "a", b"again").version)
    client = Begun(aws.client("s3"))
    client.begun = written[place]
    found = S3Store(cast("Any", client), real.bucket).versions_of("a", until=since)
    assert [one.id for one in found if not one.deleted] == written[::-1]
    assert found[0].id == written[-1]
    assert [one.deleted for one in found].index(True) == 1, "the mark lies below the newest one"


def test_a_deletion_is_the_newest_version_and_has_no_etag(real: S3Store, aws: EmbeddedAws) -> None:
    fake = InMemoryStore()
    fake.seed("a", b"one")
    fake.mark_deleted("a")
    put(real, "a", b"one")
    aws.client("s3").delete_object(Bucket=real.bucket, Key="a")
    for store in (real, fake):
        deleted, before = store.versions_of("a")
        assert (deleted.deleted, deleted.etag, before.deleted, before.size) == (True, "", False, 3)
        assert store.get("a") is None
        assert store.get("a", version=deleted.id) is None
        assert store.listed("a") == {}
        assert put_if(store, "a", b"again", None).etag, "it is there no more"


def test_whether_somebody_has_deleted_an_object_is_told(real: S3Store, aws: EmbeddedAws) -> None:
    fake = InMemoryStore()
    for store in (real, fake):
        put(store, "a", b"one")
        assert [store.deleted(key) for key in ("a", "never/there")] == [False, False]
    aws.client("s3").delete_object(Bucket=real.bucket, Key="a")
    fake.mark_deleted("a")
    for store in (real, fake):
        assert store.deleted("a")
        put(store, "a", b"again")
        assert not store.deleted("a")


def test_to_whom_it_is_hidden_nothing_was_deleted(real: S3Store, aws: EmbeddedAws) -> None:
    """A role without ListBucket is answered 403 (S3's API reference, HeadObject)."""
    aws.fail_next("s3", "HeadObject", "403", 403)
    assert not real.deleted("a")


def test_who_cannot_be_asked_whether_it_was_deleted_is_an_error(real: S3Store, aws: EmbeddedAws) -> None:
    for _ in range(10):
        aws.fail_next("s3", "HeadObject", "500", 500)
    with pytest.raises(StoreError, match="cannot see whether"):
        real.deleted("a")


def test_without_versions_an_object_has_one_that_cannot_be_named(plain_store: ObjectStore) -> None:
    put(plain_store, "a", b"one")
    put(plain_store, "a", b"two")
    assert [(one.id, one.size) for one in plain_store.versions_of("a")] == [(None, 3)]


@pytest.mark.parametrize("kind", ["fake", "S3"])
def test_a_version_lies_under_a_former_key_once_the_bucket_gives_another_or_none(
    kind: str, bucket: str, aws: EmbeddedAws
) -> None:
    store: ObjectStore = InMemoryStore() if kind == "fake" else S3Store(clients.make("s3"), bucket)

    def put_under(key: str) -> str:
        if isinstance(store, InMemoryStore):
            store.kms_key = key
        elif key:
            aws.encrypt_bucket(bucket, key)
        else:
            aws.client("s3").delete_bucket_encryption(Bucket=bucket)
        return put(store, "a", b"the same").version or ""

    def former() -> list[bool]:
        return [store.under_former_key("a", one) for one in versions]

    versions = [put_under("")]
    assert former() == [False]
    versions.append(put_under(KEYS[0]))
    assert former() == [False, False], "what lies under no key is left alone"
    versions.append(put_under(KEYS[1]))
    assert former() == [False, True, False]
    versions.append(put_under(""))
    assert former() == [False, True, True, False]


@pytest.mark.parametrize(
    ("named", "former"),
    [
        (KEYS[0].rpartition("/")[2], False),
        (KEYS[1].rpartition("/")[2], True),
        ("alias/mine", False),
        ("arn:aws:kms:us-east-1:123456789012:alias/mine", False),
        (None, False),
    ],
)
def test_a_bucket_may_name_its_key_in_other_forms(
    named: str | None, *, former: bool, real: S3Store, aws: EmbeddedAws
) -> None:
    aws.encrypt_bucket(real.bucket, KEYS[0])
    version = put(real, "a", b"one").version or ""
    rule: Any = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": named} if named else {})
    rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    aws.client("s3").put_bucket_encryption(Bucket=real.bucket, ServerSideEncryptionConfiguration=rules)
    assert real.under_former_key("a", version) is former


def test_who_may_not_see_the_buckets_key_takes_no_version_for_a_former_ones(real: S3Store, aws: EmbeddedAws) -> None:
    aws.encrypt_bucket(real.bucket, KEYS[0])
    version = put(real, "a", b"one").version or ""
    aws.encrypt_bucket(real.bucket, KEYS[1])
    aws.fail_next("s3", "GetBucketEncryption", "AccessDenied", 403, times=1)
    assert not real.under_former_key("a", version)
    aws.fail_next("s3", "GetBucketEncryption", "InternalError", 500, times=9)
    with pytest.raises(StoreError, match="cannot see the encryption of s3://"):
        real.under_former_key("a", version)
