"""Whatever part of S3's events the queue gives at once, a change is told once, with who did just that."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import pytest

from rotation_watcher import keys
from rotation_watcher.errors import StoreError
from rotation_watcher.operator_changes import LEARNED
from rotation_watcher.ports import FileEvent
from tests.support.fakes import FakeFileEvents, InMemoryStore, Stored
from tests.support.operators_bucket import ANCHOR, EXTRA, MINUTE, Bucket, fingerprint_of, pem, watched
from tests.unit.test_operator_changes_once import ALICE, MALLORY, NEW, SECOND, in_parts, only, say


@pytest.fixture
def bucket() -> Bucket:
    """See ``watched``."""
    return watched()


class Sampled(FakeFileEvents):
    """A queue that asks a part of its servers where nobody waits (SQS developer guide, short polling)."""

    def __init__(self, at_once: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._at_once = at_once
        self._meanwhile: list[Callable[[], None]] = [meanwhile]

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """See ``ports.FileEvents``; ``meanwhile`` is what is done as it is waited for."""
        if wait:
            while self._meanwhile:
                self._meanwhile.pop()()
            self._at_once = len(self.waiting)
        if self._received >= self._at_once:
            return None
        some = self.waiting[self._received : self._at_once]
        self._received = self._at_once
        return some or None


def replaced_in_parts(bucket: Bucket) -> None:
    in_parts(bucket, EXTRA, pem("Stranger"), bucket.clock() - timedelta(days=1))


def set_back(bucket: Bucket) -> None:
    bucket.store.versions[EXTRA].pop()


@pytest.mark.parametrize("done", [replaced_in_parts, set_back])
def test_who_did_what_bears_another_time_is_named_where_s3_has_said_it_before_the_look(
    bucket: Bucket, done: Callable[[Bucket], None]
) -> None:
    bucket.write(EXTRA, pem("Second"))
    bucket.told()
    bucket.events = Sampled(0)
    bucket.clock.advance(MINUTE)
    done(bucket)
    say(bucket, EXTRA, bucket.clock(), MALLORY)
    alerts = bucket.told() + bucket.told()
    assert only(alerts).facts["who"].startswith("mallory")


def test_who_changed_one_file_is_asked_for_though_the_queue_has_spoken_of_another(bucket: Bucket) -> None:
    bucket.events = Sampled(1)
    bucket.write(ANCHOR, pem("Other"), ALICE)
    bucket.write(EXTRA, pem("Stranger"), MALLORY)
    assert [one.facts["who"].partition(" ")[0] for one in bucket.told()] == ["alice", "mallory"]
    assert bucket.told() == []


def test_who_writes_a_file_again_after_it_was_listed_as_gone_is_not_who_deleted_it(bucket: Bucket) -> None:
    def written_again() -> None:
        bucket.clock.advance(SECOND)
        bucket.write(EXTRA, pem("Later"), MALLORY)

    bucket.events = Sampled(0, written_again)
    bucket.delete(EXTRA, ALICE)
    deleted = only(bucket.told())
    written = only(bucket.told())
    assert "was deleted by alice (a session of the role AROAALICE) from" in deleted.what_happened
    assert "was written by mallory (a session of the role AROAMALLORY) from" in written.what_happened
    assert bucket.told() == []


def test_what_is_set_back_while_the_queue_is_read_is_told_once(bucket: Bucket) -> None:
    done: list[datetime] = []

    class Slow(FakeFileEvents):
        def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
            if not done:
                bucket.clock.advance(30 * SECOND)
                set_back(bucket)
                done.append(bucket.clock())
                bucket.clock.advance(10 * SECOND)
            return super().receive(wait=wait)

    bucket.write(EXTRA, pem("Second"))
    bucket.told()
    bucket.events = Slow()
    assert "was set back" in only(bucket.told()).what_happened
    say(bucket, EXTRA, done[0], MALLORY)
    assert bucket.told() == []


@pytest.mark.parametrize("key", [EXTRA, NEW])
def test_what_lay_below_a_deletion_and_was_deleted_for_good_is_told_once_though_its_event_comes_again(
    bucket: Bucket, key: str
) -> None:
    class Kept(FakeFileEvents):
        def take(self, *, leave: Collection[str] = (), in_time: Callable[[], bool] = lambda: True) -> None:
            del leave, in_time
            raise StoreError("slow down")

    bucket.events = Kept()
    bucket.clock.advance(MINUTE)
    if key == NEW:
        bucket.write(key, pem("Stranger"), MALLORY)
        bucket.clock.advance(MINUTE)
    bucket.delete(key, MALLORY)
    bucket.clock.advance(MINUTE)
    del bucket.store.versions[key][0]
    say(bucket, key, bucket.clock(), MALLORY)
    assert only(bucket.told()).facts["who"].startswith("mallory")
    assert bucket.told() == []


def test_files_that_nobody_can_read_keep_no_other_from_being_read(bucket: Bucket) -> None:
    def denied(operation: str, key: str) -> None:
        if operation == "get" and key.startswith("anchors/denied"):
            raise StoreError("AccessDenied")

    for number in range(LEARNED + 5):
        bucket.store.seed(f"anchors/denied-{number:02}.pem", pem("Root"))
    bucket.store.seed(NEW, pem("Stranger"))
    bucket.store.before = denied
    for _ in range(20):
        bucket.told()
    assert bucket.state.files[NEW].holds == (fingerprint_of("Stranger"),)


def test_who_writes_the_chain_beside_the_approval_of_another_is_named(bucket: Bucket) -> None:
    fingerprint = fingerprint_of("partner.example")
    bucket.write(keys.approval(fingerprint), b"{}", ALICE)
    bucket.write(keys.approved_chain(fingerprint), pem("Stranger Root"), MALLORY)
    approval, chain = sorted(bucket.told(), key=lambda one: one.facts["who"])
    assert approval.facts["who"].startswith("alice")
    assert "with it" not in approval.facts
    assert chain.facts["who"].startswith("mallory")
    assert chain.facts["came"].startswith("Stranger Root, ")


@pytest.mark.parametrize("failing", ["", "versions"])
def test_what_lay_below_an_upload_in_parts_is_an_older_version_also_where_that_was_begun_before_it(
    bucket: Bucket, failing: str
) -> None:
    def trouble(operation: str, _key: str) -> None:
        if operation == failing:
            raise StoreError("slow down")

    bucket.write(EXTRA, pem("Second"))
    first = only(bucket.told())
    bucket.clock.advance(MINUTE)
    replaced_in_parts(bucket)
    bucket.told()
    bucket.clock.advance(MINUTE)
    set_back(bucket)
    say(bucket, EXTRA, bucket.clock(), MALLORY)
    bucket.store.before = trouble
    alert = only(bucket.told())
    assert "was set back to an older version by mallory" in alert.what_happened
    assert bucket.clock() - alert.at < 6 * MINUTE
    assert alert.id != first.id


def test_what_comes_and_is_deleted_for_good_just_after_a_look_is_told(bucket: Bucket) -> None:
    replaced_in_parts(bucket)
    bucket.told()
    bucket.clock.advance(SECOND / 2)
    bucket.write(EXTRA, pem("Later"), MALLORY)
    bucket.clock.advance(SECOND / 2)
    set_back(bucket)
    say(bucket, EXTRA, bucket.clock(), MALLORY)
    assert "was changed and set back by mallory" in only(bucket.told()).what_happened


def test_nor_does_what_was_deleted_for_good_before_that_look_hide_it(bucket: Bucket) -> None:
    bucket.store.remove(EXTRA)
    assert "was deleted, on" in only(bucket.told()).what_happened
    bucket.clock.advance(SECOND)
    bucket.write(EXTRA, pem("Later"), MALLORY)
    bucket.store.remove(EXTRA)
    assert "was written and deleted again by mallory" in only(bucket.told()).what_happened


def test_a_change_in_the_second_in_which_an_upload_in_parts_was_seen_has_an_id_of_its_own(bucket: Bucket) -> None:
    replaced_in_parts(bucket)
    first = only(bucket.told())
    bucket.clock.advance(SECOND / 2)
    bucket.write(EXTRA, pem("Later"))
    assert only(bucket.told()).id != first.id


class VersionedLater(InMemoryStore):
    """A bucket whose versioning was enabled when files lay there: their version is S3's ``null``, and bears no id."""

    def _named(self, stored: Stored) -> str | None:
        return None if stored.body == pem("Partner") else stored.version


def test_what_was_written_before_the_bucket_kept_versions_is_not_taken_for_what_is_there_now() -> None:
    bucket = Bucket()
    bucket.store = VersionedLater()
    bucket.store.clock = bucket.clock
    bucket.store.seed(EXTRA, pem("Partner"))
    bucket.look()
    bucket.write(EXTRA, pem("Stranger"))
    alert = only(bucket.told())
    assert alert.facts["came"].startswith("Stranger, ")
    assert fingerprint_of("Partner") in alert.facts["went"]


def test_a_late_event_accuses_nobody_of_what_a_summary_tells(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Partner"), ALICE)
    at = bucket.clock()
    bucket.told()
    say(bucket, EXTRA, at, ALICE)
    for number in range(70):
        bucket.write(f"extra/{number:02}.pem", b"", MALLORY if number else "AWS:AROABOB:bob")
    alert = only(bucket.told())
    assert "changed by bob (a session of the role AROABOB) and mallory (" in alert.what_happened
    assert "alice" not in alert.what_happened
