"""Each change of an operator's file is told once and as it was: by late events, within a second, beside another run."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from rotation_watcher import keys, operator_changes
from rotation_watcher.alerts.model import Alert
from rotation_watcher.errors import DeliveryError, StoreError
from rotation_watcher.operator_changes import Ports
from rotation_watcher.ports import Version
from rotation_watcher.status import files_read
from tests.support.fakes import InMemoryStore
from tests.support.operators_bucket import ANCHOR, EXTRA, MINUTE, Bucket, fingerprint_of, pem, watched

NEW = "extra/new.pem"
ALICE, MALLORY = "AWS:AROAALICE:alice", "AWS:AROAMALLORY:mallory"
SECOND = timedelta(seconds=1)
FOR_GOOD = "deleted for good: what that held nobody knows"


@pytest.fixture
def bucket() -> Bucket:
    """See ``watched``."""
    return watched()


def only(alerts: Sequence[Alert]) -> Alert:
    (alert,) = alerts
    return alert


def say(bucket: Bucket, key: str, at: datetime, who: str = ALICE) -> None:
    assert bucket.events is not None
    bucket.events.say(key, at, who)


def in_parts(bucket: Bucket, key: str, body: bytes, begun: datetime) -> None:
    """An upload in parts: S3 gives the time at which it was begun (S3 user guide, object metadata)."""
    bucket.store.seed(key, body)
    *_, newest = bucket.store.versions[key]
    etag = f'{newest.etag[:-1]}-2"'
    bucket.store.versions[key][-1] = dataclasses.replace(newest, modified=begun.replace(microsecond=0), etag=etag)


def test_a_run_that_looked_before_another_one_did_tells_nothing_that_is_over(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Second"))
    other = [Ports(bucket.store, bucket.events, bucket.sink, bucket.clock, bucket.watch_file)]

    def meanwhile(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", keys.OPERATOR_FILES) and other:
            bucket.clock.advance(9 * SECOND)
            bucket.write(EXTRA, pem("Third"))
            operator_changes.tell(other.pop())

    bucket.store.before = meanwhile
    alert = only(bucket.told() + bucket.told() + bucket.told())
    assert alert.facts["came"].startswith("Third, ")
    assert alert.facts["for a while"].startswith("Second, ")


def test_what_such_a_run_alone_had_seen_is_told_by_the_next_one_with_who(bucket: Bucket) -> None:
    other = [Ports(bucket.store, None, bucket.sink, bucket.clock)]  # it sees that the watch file is another

    def meanwhile(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", keys.OPERATOR_FILES) and other:
            versions = bucket.store.versions
            bucket.store.versions = {name: held for name, held in versions.items() if name != NEW}
            operator_changes.tell(other.pop())
            bucket.store.versions |= {NEW: versions[NEW]}

    bucket.write(NEW, pem("Stranger"), MALLORY)
    bucket.store.before = meanwhile
    assert bucket.told() == []
    assert only(bucket.told()).facts["who"].startswith("mallory")


def test_what_is_done_twice_in_one_second_with_a_look_between_are_two_alerts_with_ids_of_their_own() -> None:
    bucket = Bucket(events=False)
    bucket.store.seed(EXTRA, pem("Partner"))
    bucket.look()
    bucket.clock.advance(MINUTE)
    ids = []
    for name in ("Stranger", "Other", "Stranger"):
        bucket.store.seed(EXTRA, pem(name))
        ids.append(only(bucket.told(after=SECOND / 10)).id)
    bucket.store.mark_deleted(EXTRA)
    ids.append(only(bucket.told(after=SECOND / 10)).id)
    assert len({*ids}) == 4, "one of them would be dropped while the other waits"


class Pages(InMemoryStore):
    """A bucket that lists a thousand versions, and more only to who asks for those of a time."""

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:
        """See ``ports.ObjectStore``."""
        found = super().versions_of(key, until=until)
        return found if until else found[:1000]


def test_a_thousand_versions_before_a_deletion_do_not_hide_the_one_that_was_there() -> None:
    bucket = Bucket()
    bucket.store = Pages()
    bucket.store.clock = bucket.clock
    former = bucket.store.seed(EXTRA, pem("Partner"))
    bucket.look()
    bucket.clock.advance(MINUTE)
    for number in range(1001):
        bucket.store.seed(EXTRA, b"%d" % number)
    bucket.delete(EXTRA, who="")
    assert f"--copy-source 'watcher/{EXTRA}?versionId={former}'" in only(bucket.told()).what_to_do


def test_what_lay_there_for_a_while_is_named_also_where_the_file_was_deleted_before_its_last_text(
    bucket: Bucket,
) -> None:
    for what in (pem("Stranger"), None, pem("Partner")):
        bucket.clock.advance(MINUTE)
        bucket.delete(NEW) if what is None else bucket.write(NEW, what)
    alert = only(bucket.told())
    assert alert.facts["came"].startswith("Partner, ")
    assert alert.facts["for a while"].startswith("Stranger, ")
    assert FOR_GOOD not in alert.what_it_means, "all its versions are there"


def test_what_was_told_of_a_former_file_of_that_name_is_not_told_again(bucket: Bucket) -> None:
    bucket.write(NEW, pem("Stranger"))
    bucket.told()
    bucket.delete(NEW)
    bucket.told()
    for _ in range(2):
        bucket.clock.advance(timedelta(days=10))
        bucket.write(EXTRA, pem("Partner"))  # what is old is forgotten as something is written
        bucket.told()
    assert NEW not in bucket.state.files
    bucket.write(NEW, pem("Partner"))
    assert "for a while" not in only(bucket.told()).facts


def test_an_event_of_what_was_told_that_comes_again_accuses_nobody_of_what_was_done_after_it(bucket: Bucket) -> None:
    bucket.write(ANCHOR, pem("Root") + pem("First"), ALICE)
    at = bucket.clock()
    bucket.told(after=2 * SECOND)
    bucket.clock.advance(MINUTE)
    bucket.write(ANCHOR, pem("Second"), MALLORY)
    bucket.told()
    bucket.store.versions[ANCHOR].pop()
    say(bucket, ANCHOR, at, ALICE)
    alert = only(bucket.told())
    assert "was set back to an older version, on " in alert.what_happened
    assert "alice" not in alert.what_happened


@pytest.mark.parametrize("deleted", [False, True])
def test_who_set_a_file_back_is_said_late_and_tells_it_no_second_time(bucket: Bucket, *, deleted: bool) -> None:
    bucket.delete(EXTRA) if deleted else bucket.write(EXTRA, pem("Second"))
    bucket.told()
    bucket.clock.advance(MINUTE)
    bucket.store.versions[EXTRA].pop()
    at = bucket.clock()
    alert = only(bucket.told(after=SECOND))
    assert ("brought back" if deleted else "set back") in alert.what_happened
    say(bucket, EXTRA, at)
    assert bucket.told() == []


def test_the_event_of_an_undone_deletion_is_no_version_that_is_lost(bucket: Bucket) -> None:
    bucket.delete(EXTRA)
    bucket.told()
    bucket.clock.advance(MINUTE)
    bucket.store.versions[EXTRA].pop()
    say(bucket, EXTRA, bucket.clock(), MALLORY)
    alert = only(bucket.told())
    assert "was brought back by mallory" in alert.what_happened
    assert FOR_GOOD not in alert.what_it_means
    assert "Its deletion was undone." in alert.what_it_means


def test_a_set_back_and_a_change_within_the_second_of_its_look_have_ids_of_their_own(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Second"))
    bucket.told()
    bucket.store.versions[EXTRA].pop()
    back = only(bucket.told())
    bucket.write(EXTRA, pem("Third"))
    assert only(bucket.told()).id != back.id
    assert fingerprint_of("Second") in back.facts["went"]


@pytest.mark.parametrize("failing", ["versions", "get"])
def test_what_could_not_be_read_for_a_moment_is_read_by_the_next_look(bucket: Bucket, failing: str) -> None:
    def trouble(operation: str, key: str) -> None:
        if (operation, key) == (failing, NEW):
            raise StoreError("slow down")

    bucket.write(NEW, pem("Stranger"))
    bucket.store.before = trouble
    assert "slow down" in only(bucket.told()).what_it_means
    bucket.store.before = lambda _operation, _key: None
    bucket.told()
    assert bucket.state.files[NEW].holds == (fingerprint_of("Stranger"),)


def test_what_is_too_large_is_asked_for_no_second_time(bucket: Bucket) -> None:
    bucket.write(NEW, b"x" * (files_read.LARGEST + 1))
    bucket.told()
    assert bucket.told() == []
    assert not [one for one in bucket.store.calls if one[1] == NEW]


def test_what_a_file_held_is_never_learned_of_the_text_that_replaced_it(bucket: Bucket) -> None:
    files = {key: msgspec.structs.replace(one, holds=None) for key, one in bucket.state.files.items()}
    bucket.store.seed(keys.OPERATOR_FILES, msgspec.json.encode(msgspec.structs.replace(bucket.state, files=files)))
    bucket.clock.advance(MINUTE)
    bucket.store.remove(EXTRA)
    bucket.store.seed(EXTRA, pem("Partner") + pem("Stranger"))
    assert bucket.told(after=SECOND) == [], "it waits for who"
    alert = only(bucket.told())
    assert fingerprint_of("Stranger") in str(alert.facts)
    assert "What it held before nobody knows any more" in alert.what_it_means


def test_a_change_that_is_told_in_a_summary_is_told(bucket: Bucket) -> None:
    def refuse(_operation: str, _subject: str) -> None:
        raise DeliveryError("throttled")

    bucket.sink.before = refuse
    for number in range(9):
        bucket.write(f"extra/{number}.pem", pem("Stranger"))
        at = bucket.clock()
        assert bucket.look().failed
        say(bucket, f"extra/{number}.pem", at)
    bucket.look()
    assert not [one for one in bucket.state.outbox if "claimed" in one.what_happened]
    assert not any("claimed" in text for one in bucket.state.outbox for text in one.facts.values())
    assert [one.facts["summarised"] for one in bucket.state.outbox if "summarised" in one.facts] == ["5"]


def test_a_set_back_is_one_also_where_its_versions_cannot_be_listed(bucket: Bucket) -> None:
    def trouble(operation: str, _key: str) -> None:
        if operation == "versions":
            raise StoreError("slow down")

    bucket.write(EXTRA, pem("Second"))
    first = only(bucket.told())
    bucket.write(EXTRA, pem("Third"))
    bucket.told()
    bucket.store.versions[EXTRA].pop()
    bucket.store.before = trouble
    back = only(bucket.told())
    assert "was set back to an older version" in back.what_happened
    assert "What it holds is not known: slow down." in back.what_it_means
    assert bucket.clock() - back.at < MINUTE
    assert back.id != first.id


@pytest.mark.parametrize("key", [EXTRA, NEW])
@pytest.mark.parametrize("said", [True, False])
def test_an_upload_in_parts_that_was_begun_long_ago_is_no_older_version(
    bucket: Bucket, key: str, *, said: bool
) -> None:
    begun = bucket.clock() - timedelta(days=1)
    bucket.write(EXTRA, pem("Partner"))
    bucket.told()
    former = bucket.store.versions[EXTRA][-1].version
    bucket.clock.advance(MINUTE)
    in_parts(bucket, key, pem("Stranger"), begun)
    done = bucket.clock()
    if said:
        say(bucket, key, done, MALLORY)
    alert = only(bucket.told(after=MINUTE))
    assert f"was {'replaced' if key == EXTRA else 'written'}{' by mallory' if said else ', on'}" in alert.what_happened
    assert alert.facts["came"].startswith("Stranger, ")
    assert "for good" not in alert.what_it_means
    assert alert.facts["when"].startswith("2026-11-23 ")
    assert (f"versionId={former}'" in alert.what_to_do) == (key == EXTRA)
    say(bucket, key, done, MALLORY)
    assert bucket.told() == [], "its event comes late, or twice"


@pytest.mark.parametrize("key", [EXTRA, NEW])
def test_nor_does_it_hide_what_it_held_for_a_while(bucket: Bucket, key: str) -> None:
    bucket.clock.advance(MINUTE)
    if key == EXTRA:
        bucket.store.remove(key)  # the version that was seen is deleted for good
    in_parts(bucket, key, pem("Stranger"), bucket.clock() - timedelta(days=30))
    bucket.delete(key)
    bucket.write(key, pem("Partner"))
    assert only(bucket.told()).facts["for a while"].startswith("Stranger, ")


def test_what_was_deleted_at_once_and_is_brought_back_has_an_id_of_its_own(bucket: Bucket) -> None:
    bucket.write(NEW, pem("Stranger"))
    first = only(bucket.told(after=SECOND / 10))
    bucket.clock.advance(SECOND)
    bucket.delete(NEW, MALLORY)
    assert only(bucket.told()).facts["who"].startswith("mallory"), "whoever wrote it was heard before"
    bucket.store.versions[NEW].pop()
    assert only(bucket.told()).id != first.id
