"""Who writes an operator's file and wants nobody to see what: the alert shows it, or says what it does not know."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys, operator_changes
from rotation_watcher.alerts.model import Alert
from rotation_watcher.ports import FileEvent
from rotation_watcher.status import files_read
from rotation_watcher.status.files_state import Known
from tests.support.fakes import FakeFileEvents
from tests.support.operators_bucket import ANCHOR, EXTRA, MINUTE, Bucket, fingerprint_of, pem, watched

SAME = "It holds the same certificates as before."


@pytest.fixture
def bucket() -> Bucket:
    """See ``watched``."""
    return watched()


def drop_newest(bucket: Bucket, key: str, *, said: bool = True) -> None:
    """Delete the newest version for good: the one before it is the file again."""
    bucket.store.versions[key].pop()
    if said:
        bucket.events.say(key, bucket.clock(), "AWS:AROAMALLORY:mallory")  # type: ignore[union-attr]


def only(alerts: Sequence[Alert]) -> Alert:
    (alert,) = alerts
    return alert


@pytest.mark.parametrize("times", [1, 4, 19, 200])
def test_one_text_written_often_hides_no_other_text(bucket: Bucket, times: int) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Stranger"))
    for _ in range(times):
        bucket.clock.advance(timedelta(seconds=1))
        bucket.write(EXTRA, pem("Partner"))
    alert = only(bucket.told())
    assert alert.facts["for a while"].startswith("Stranger, ")
    assert SAME not in alert.what_it_means


def test_versions_that_were_not_read_are_counted_and_nothing_is_said_to_be_as_before(bucket: Bucket) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Stranger"))
    for number in range(30):
        bucket.clock.advance(timedelta(seconds=1))
        bucket.write(EXTRA, pem("Partner") + b"# %d" % number)
    alert = only(bucket.told())
    assert SAME not in alert.what_it_means
    assert f"{30 - files_read.BETWEEN} versions that it had meanwhile were not read." in alert.what_it_means


def test_a_version_that_is_too_large_to_read_counts_and_hides_no_other(bucket: Bucket) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Stranger"))
    bucket.write(EXTRA, pem("Stranger") + b" " * files_read.LARGEST)
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Partner"))
    alert = only(bucket.told())
    assert alert.facts["for a while"].startswith("Stranger, ")
    assert "1 version that it had meanwhile was not read." in alert.what_it_means


def test_a_file_that_cannot_be_read_now_still_shows_what_it_held_meanwhile(bucket: Bucket) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Stranger"))
    bucket.write(EXTRA, b" " * (files_read.LARGEST + 1))
    alert = only(bucket.told())
    assert "What it holds is not known" in alert.what_it_means
    assert alert.facts["for a while"].startswith("Stranger, ")


@pytest.mark.parametrize("key", [EXTRA, ANCHOR])
@pytest.mark.parametrize("said", [True, False])
def test_what_comes_back_as_the_newest_version_is_deleted_is_named(bucket: Bucket, key: str, *, said: bool) -> None:
    kept = "Partner" if key == EXTRA else "Root"
    bucket.write(key, pem(kept) + pem("Out"))
    bucket.told()
    bucket.write(key, pem(kept))
    bucket.told()
    bucket.clock.advance(timedelta(days=400))
    drop_newest(bucket, key, said=said)
    alert = only(bucket.told())
    assert "was set back to an older version" in alert.what_happened
    assert alert.facts["came"].startswith("Out, ")
    assert "went" not in alert.facts
    assert "deleted for good" in alert.what_it_means
    assert bucket.clock() - alert.at < timedelta(minutes=6), "not the day of that version"
    assert ("mallory" in alert.what_happened) == said
    assert bucket.told() == []


def test_what_left_with_a_deleted_version_is_named_by_what_report_knew(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Partner") + pem("New"))
    bucket.told()
    drop_newest(bucket, EXTRA)
    alert = only(bucket.told())
    assert fingerprint_of("New") in alert.facts["went"]


def test_where_nobody_knows_what_a_file_held_all_that_it_holds_is_named(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Partner") + pem("New"))
    bucket.told()
    files = {key: msgspec.structs.replace(one, holds=None, unread=True) for key, one in bucket.state.files.items()}
    bucket.store.seed(keys.OPERATOR_FILES, msgspec.json.encode(msgspec.structs.replace(bucket.state, files=files)))
    drop_newest(bucket, EXTRA)
    alert = only(bucket.told())
    assert alert.facts["holds"].startswith("Partner, ")
    assert "What it held before nobody knows any more" in alert.what_it_means


def test_a_deletion_that_is_undone_names_what_is_back(bucket: Bucket) -> None:
    bucket.delete(EXTRA)
    bucket.told()
    drop_newest(bucket, EXTRA)
    alert = only(bucket.told())
    assert "was brought back" in alert.what_happened
    assert alert.facts["came"].startswith("Partner, ")


def test_a_version_that_came_and_was_deleted_for_good_between_two_looks_is_told_by_its_events(bucket: Bucket) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Stranger"))
    bucket.clock.advance(MINUTE)
    drop_newest(bucket, EXTRA)
    alert = only(bucket.told())
    assert "was changed and set back by mallory" in alert.what_happened
    assert "deleted for good: what that held nobody knows" in alert.what_it_means
    assert SAME not in alert.what_it_means
    bucket.events.say(EXTRA, bucket.clock() - 5 * MINUTE)  # type: ignore[union-attr]
    assert bucket.told() == [], "the same event a second time"


def test_a_new_file_whose_versions_are_all_gone_again_is_not_said_to_have_held_nothing(bucket: Bucket) -> None:
    bucket.write("extra/new.pem", pem("Stranger"))
    bucket.clock.advance(MINUTE)
    bucket.store.remove("extra/new.pem")
    alert = only(bucket.told())
    assert "what that held nobody knows" in alert.what_it_means


@pytest.mark.parametrize("gone", [False, True])
def test_a_claim_of_the_state_that_no_look_bears_out_mutes_nothing(bucket: Bucket, *, gone: bool) -> None:
    bucket.clock.advance(MINUTE)
    if gone:
        bucket.delete(ANCHOR)
        known = Known(at=bucket.clock() + MINUTE)
    else:
        bucket.write(ANCHOR, pem("Root") + pem("Stranger"))
        listed = bucket.store.listed(ANCHOR)[ANCHOR]
        known = Known(etag=listed.etag, at=listed.modified, heard=bucket.clock() + timedelta(days=1))
    forged = msgspec.structs.replace(bucket.state, files={**bucket.state.files, ANCHOR: known})
    bucket.store.seed(keys.OPERATOR_FILES, msgspec.json.encode(forged))
    alert = only(bucket.told())
    assert "status/files.json claimed that this was told" in alert.what_happened
    assert (alert.facts["went"] if gone else alert.facts["came"]).startswith("Root, " if gone else "Stranger, ")
    bucket.events.say(ANCHOR, bucket.clock() - 9 * MINUTE)  # type: ignore[union-attr]
    assert bucket.told() == []


def test_an_event_that_comes_late_or_twice_accuses_nobody(bucket: Bucket) -> None:
    for number in range(3):
        bucket.write(EXTRA, pem(f"Partner {number}"))
        at = bucket.clock()
        bucket.told()
        bucket.events.say(EXTRA, at, "AWS:AIDALATE")  # type: ignore[union-attr]
        assert bucket.told() == []


def test_decoys_hide_no_change_of_a_file_that_was_there_and_no_ca(bucket: Bucket) -> None:
    for number in range(100):
        bucket.write(f"anchors/{number:03}.pem", b"nothing")
    bucket.clock.advance(MINUTE)
    bucket.write(EXTRA, pem("Partner") + pem("Stranger"))
    alert = only(bucket.told())
    assert f"1. {EXTRA}" in alert.facts
    assert alert.facts["came"].startswith("Stranger, ")
    assert "60 of them were looked into, the next runs tell the other 41." in alert.what_happened


def test_who_goes_on_writing_decoys_keeps_no_new_file_from_being_looked_into(bucket: Bucket) -> None:
    bucket.write("extra/zzz.pem", pem("Stranger"))
    found = []
    for look in range(3):
        for number in range(100):
            bucket.write(f"extra/{look}-{number:03}.pem", b"nothing")
        found += bucket.told(after=MINUTE)
    assert any("Stranger, " in alert.facts.get("came", "") for alert in found)


def test_a_file_of_many_cas_does_not_hide_the_one_of_another_file(bucket: Bucket) -> None:
    bucket.write("extra/a.pem", b"".join(pem(f"Decoy {number}") for number in range(30)))
    for name in ("b", "c"):
        bucket.write(f"extra/{name}.pem", b"")
    bucket.write("extra/d.pem", pem("Stranger"))
    alert = only(bucket.told())
    assert "Stranger, " in "".join(alert.facts.values())


def test_several_files_come_back_by_the_first_commands_and_the_others_list_each_folder(bucket: Bucket) -> None:
    for name in ("a", "b"):
        bucket.write(f"extra/{name}.pem", pem("Partner"))
    bucket.told()
    former = {key: bucket.store.versions[key][-1].version for key in (ANCHOR, EXTRA, "extra/a.pem", "extra/b.pem")}
    for key in former:
        bucket.delete(key)
    bucket.write("approvals/x.json", b"{}")
    alert = only(bucket.told())
    for key, version in former.items():
        assert f"--copy-source 'watcher/{key}?versionId={version}'" in alert.what_to_do
    assert "The first commands do so with 4 of them" in alert.what_to_do
    for folder in ("anchors/", "approvals/", "extra/"):
        assert f"list-object-versions --bucket watcher --prefix {folder} " in alert.what_to_do
    assert "--prefix ''" not in alert.what_to_do


class Meanwhile(FakeFileEvents):
    """Somebody writes just as the queue is asked."""

    def __init__(self, bucket: Bucket, key: str, body: bytes) -> None:
        super().__init__()
        self.todo = [(key, body)]
        self.bucket = bucket

    def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
        """See ``ports.FileEvents``."""
        while self.todo:
            self.bucket.write(*self.todo.pop())
        return super().receive(wait=wait)


@pytest.mark.parametrize("key", ["extra/new.pem", EXTRA])
def test_a_file_that_is_written_while_report_looks_is_told_once_and_rightly(bucket: Bucket, key: str) -> None:
    bucket.events = Meanwhile(bucket, key, pem("Stranger"))
    alert = only(bucket.told() + bucket.told())
    assert "and deleted again" not in alert.what_happened
    assert alert.facts["came"].startswith("Stranger, ")
    assert alert.facts["who"].startswith("alice")


@pytest.mark.parametrize("key", ["extra/new.pem", EXTRA, ANCHOR])
def test_what_is_heard_while_report_waits_for_who_is_told_by_the_next_look_where_it_was_done_later(
    bucket: Bucket, key: str
) -> None:
    class Waiting(FakeFileEvents):
        def receive(self, *, wait: bool) -> Sequence[FileEvent] | None:
            if wait and bucket.watch_file:
                bucket.clock.advance(timedelta(seconds=9))
                bucket.write(key, pem("Later"))
                bucket.watch_file = ""
            return super().receive(wait=wait)

    bucket.events = Waiting()
    bucket.write(ANCHOR, pem("Stranger"), who="")
    once = [*bucket.told(), *bucket.told(), *bucket.told()]
    assert [alert.facts["came"].partition(",")[0] for alert in once] == ["Stranger", "Later"]
    assert once[1].facts["who"].startswith("alice")
    assert not any("again" in alert.what_happened or "for good" in alert.what_it_means for alert in once)


def test_a_version_newer_than_the_listing_is_left_to_the_next_look(bucket: Bucket) -> None:
    def meanwhile(operation: str, subject: str) -> None:
        if (operation, subject) == ("versions", EXTRA):
            bucket.store.before = lambda _operation, _subject: None
            bucket.clock.advance(timedelta(seconds=9))
            bucket.write(EXTRA, pem("Third"))

    bucket.write(EXTRA, pem("Second"))
    bucket.store.before = meanwhile
    assert only(bucket.told()).facts["came"].startswith("Second, ")
    assert only(bucket.told()).facts["came"].startswith("Third, ")


def test_a_folder_that_the_console_makes_or_deletes_is_told_by_no_event(bucket: Bucket) -> None:
    bucket.write("extra/partners/", b"")
    assert bucket.told() == []
    bucket.delete("extra/partners/")
    assert bucket.told() == []


def test_a_new_file_says_what_it_holds_and_not_what_it_held(bucket: Bucket) -> None:
    bucket.write("extra/new.pem", b"nothing")
    alert = only(bucket.told())
    assert alert.what_it_means.startswith("It holds no certificate.")


def test_a_command_names_the_longest_key_whole(bucket: Bucket) -> None:
    """Of a key that was cut, S3 would take the deletion for done: nothing lies there."""
    key = f"extra/{'a' * 1014}.pem"
    assert len(key) == 1024
    bucket.write(key, b"no certificate")
    assert f"--key {key} " in only(bucket.told()).what_to_do
    bucket.write(key, b"another text")
    assert f"/{key}?versionId=" in only(bucket.told()).what_to_do


def test_names_that_no_command_of_the_usual_form_can_hold(bucket: Bucket) -> None:
    bucket.write("extra/a\nb.pem", pem("Stranger"))
    assert "delete it by hand, since no command can hold its name" in only(bucket.told()).what_to_do
    bucket.write("extra/a?versionId=b.pem", pem("Stranger"))
    bucket.told()
    former = bucket.store.versions["extra/a?versionId=b.pem"][-1].version
    bucket.delete("extra/a?versionId=b.pem")
    alert = only(bucket.told())
    assert "copy-object" not in alert.what_to_do
    assert f"get-object --bucket watcher --key 'extra/a?versionId=b.pem' --version-id {former}" in alert.what_to_do
    assert "put-object --bucket watcher --key 'extra/a?versionId=b.pem' --body former-version" in alert.what_to_do


def test_files_that_were_never_read_are_read_in_later_looks_and_once(bucket: Bucket) -> None:
    for number in range(30):
        bucket.store.seed(f"extra/{number:02}.pem", pem("Partner"))
    files = {key: msgspec.structs.replace(one, holds=None) for key, one in bucket.state.files.items()}
    bucket.store.seed(keys.OPERATOR_FILES, msgspec.json.encode(msgspec.structs.replace(bucket.state, files=files)))
    bucket.told()
    while bucket.store.writes:
        bucket.told()
    assert all(one.holds for key, one in bucket.state.files.items() if key.startswith("extra/"))
    bucket.told()
    assert {operation for operation, _ in bucket.store.calls} == {"get", "list"}
    assert operator_changes.LEARNED < 30
