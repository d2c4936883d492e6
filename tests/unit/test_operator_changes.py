"""Who changes a file that decides whom to trust is told of, once, whatever becomes of S3's event and of the run."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys, operator_changes
from rotation_watcher.alerts.ledger import RENEWED
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.errors import DeliveryError, StoreError
from rotation_watcher.operator_changes import Ports, Told
from rotation_watcher.status import files_read, files_seen
from rotation_watcher.trust.approvals import Approval, encode_approval
from tests.support.fakes import NOON
from tests.support.operators_bucket import ANCHOR, EXTRA, MINUTE, ROLE, Bucket, fingerprint_of, pem, watched


@pytest.fixture
def bucket() -> Bucket:
    """See ``watched``."""
    return watched()


def nothing(_operation: str, _subject: str) -> None:
    """Nothing is in the way."""


def refuse(_operation: str, _subject: str) -> None:
    """The sink takes nothing."""
    raise DeliveryError("throttled")


def text(alert: Alert) -> str:
    return msgspec.json.encode(alert).decode()


def test_the_first_look_learns_what_is_there_and_tells_nobody(bucket: Bucket) -> None:
    assert bucket.sink.delivered == []
    assert {*bucket.state.files} == {ANCHOR, EXTRA, "watch.yaml"}
    assert Bucket().look().learned == 0


def test_a_look_at_files_that_nobody_touched_writes_nothing_and_lists(bucket: Bucket) -> None:
    told = bucket.look()
    assert told == Told()
    assert bucket.store.writes == []
    assert {operation for operation, _ in bucket.store.calls} == {"get", "list"}


def test_a_replaced_file_is_told_once_with_who_and_which_certificates(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Partner") + pem("Stranger"))
    (alert,) = bucket.told()
    assert (alert.kind, alert.severity) == (Kind.OPERATOR_FILE_CHANGED, Severity.WARNING)
    assert alert.facts["who"] == "alice@bank.example (a session of the role AROAEXAMPLE1)"
    assert alert.facts["from"] == "203.0.113.7"
    assert alert.facts["came"] == f"Stranger, SHA-256 {fingerprint_of('Stranger')}"
    assert "went" not in alert.facts
    assert "1 certificate came and 0 certificates went" in alert.what_it_means
    assert bucket.told() == [], "once"
    assert bucket.events is not None
    assert bucket.events.waiting == []


def test_the_command_puts_exactly_the_former_version_back(bucket: Bucket) -> None:
    former = bucket.store.versions[ANCHOR][-1].version
    bucket.write(ANCHOR, pem("Other"))
    (alert,) = bucket.told()
    assert f"--copy-source 'watcher/{ANCHOR}?versionId={former}'" in alert.what_to_do
    assert alert.facts["went"].startswith("Root, ")
    assert alert.title == f"{ANCHOR}: replaced, 1 certificate came and 1 went"


def test_a_root_that_is_taken_out_is_named_in_the_title(bucket: Bucket) -> None:
    bucket.write(ANCHOR, pem("Other"))
    bucket.told()
    bucket.write(ANCHOR, b"")
    (alert,) = bucket.told()
    assert alert.title == f"{ANCHOR}: replaced, 1 certificate went"


def test_a_file_that_is_new_is_taken_back_by_deleting_it(bucket: Bucket) -> None:
    bucket.write("extra/new.pem", pem("New"))
    (alert,) = bucket.told()
    assert alert.title == "extra/new.pem: written, 1 certificate came"
    assert "aws s3api delete-object --bucket watcher --key extra/new.pem" in alert.what_to_do


def test_a_deletion_is_told_with_what_went(bucket: Bucket) -> None:
    former = bucket.store.versions[EXTRA][-1].version
    bucket.clock.advance(MINUTE)
    bucket.delete(EXTRA)
    at = bucket.clock()
    (alert,) = bucket.told()
    assert "was deleted by alice@bank.example" in alert.what_happened
    assert alert.facts["went"].startswith("Partner, ")
    assert alert.facts["when"] == f"{at:%Y-%m-%d %H:%M} UTC"
    assert former in alert.what_to_do
    assert bucket.told() == []
    bucket.write(EXTRA, pem("Partner"))
    (alert,) = bucket.told()
    assert "written by" in alert.what_happened


def test_what_is_deleted_for_good_is_told_all_the_same(bucket: Bucket) -> None:
    bucket.store.remove(EXTRA)
    (alert,) = bucket.told()
    assert alert.title.startswith(EXTRA)
    assert "if the first command still lists it" in alert.what_to_do


def test_without_an_event_it_is_told_by_the_state_of_the_file(bucket: Bucket) -> None:
    bucket.write(ANCHOR, pem("Other"), who="")
    (alert,) = bucket.told()
    assert "S3 has not said by whom" in alert.what_happened
    assert "CloudTrail" in alert.what_to_do
    assert "who" not in alert.facts
    bucket.events.say(ANCHOR, alert.at - 5 * MINUTE)  # type: ignore[union-attr]
    assert bucket.told() == [], "an event that comes late is dropped"


def test_a_bucket_that_tells_nobody_is_looked_at_too() -> None:
    bucket = Bucket(events=False)
    bucket.store.seed(ANCHOR, pem("Root"))
    bucket.look()
    bucket.write(ANCHOR, pem("Other"))
    assert len(bucket.told(after=timedelta(seconds=1))) == 1, "there is nothing to wait for"


def test_what_was_done_just_now_waits_for_who_and_no_longer_than_that(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Other"), who="")
    assert bucket.told(after=timedelta(seconds=30)) == []
    bucket.events.say(EXTRA, bucket.clock() - timedelta(seconds=30), ROLE)  # type: ignore[union-attr]
    (alert,) = bucket.told(after=timedelta(seconds=30))
    assert alert.facts["who"].startswith("alice")
    bucket.delete(EXTRA, who="")
    assert bucket.told(after=timedelta(seconds=30)) == []
    (alert,) = bucket.told(after=operator_changes.UNTIL_SAID)
    assert "who" not in alert.facts


def test_what_was_replaced_and_put_back_between_two_looks_is_told(bucket: Bucket) -> None:
    bucket.clock.advance(MINUTE)
    bucket.write(ANCHOR, pem("Stranger"), who="AWS:AROAMALLORY:mallory")
    bucket.clock.advance(MINUTE)
    bucket.write(ANCHOR, pem("Root"), who="AWS:AROAMALLORY:mallory")
    (alert,) = bucket.told()
    assert alert.facts["for a while"].startswith("Stranger, ")
    assert "For a while it held 1 certificate that it holds no more" in alert.what_it_means


def test_what_was_written_and_deleted_between_two_looks_is_told_by_its_event(bucket: Bucket) -> None:
    key = "anchors/eu-west-1.pem"
    bucket.clock.advance(MINUTE)
    bucket.write(key, pem("Stranger"))
    bucket.clock.advance(MINUTE)
    bucket.delete(key)
    (alert,) = bucket.told()
    assert "was written and deleted again" in alert.what_happened
    assert alert.facts["for a while"].startswith("Stranger, ")
    bucket.events.say(key, bucket.clock() - 7 * MINUTE)  # type: ignore[union-attr]
    assert bucket.told() == [], "the same event a second time"


def approve(bucket: Bucket, fingerprint: str) -> None:
    until = NOON + timedelta(days=30)
    approval = Approval(by="Ada", why="case 4711", until=until, reasons=("chain-untrusted",), root="0a" * 32)
    bucket.write(keys.approval(fingerprint), encode_approval(approval))


def test_an_approval_says_which_certificate_it_admits_and_until_when_and_nothing_of_its_words(bucket: Bucket) -> None:
    fingerprint = fingerprint_of("partner.example")
    bucket.store.seed(keys.seen("use1", fingerprint), pem("partner.example"))
    bucket.write(keys.approved_chain(fingerprint), pem("Partner Root"))
    approve(bucket, fingerprint)
    (alert,) = bucket.told()
    assert alert.title.startswith("approvals/")
    assert alert.facts["certificate SHA-256"] == fingerprint
    assert alert.facts["certificate"] == "partner.example"
    assert alert.facts["until"] == "2026-12-23 12:00 UTC"
    assert alert.facts["with the root"] == "0a" * 32
    assert alert.facts["with it"] == keys.approved_chain(fingerprint)
    assert alert.facts["came"].startswith("Partner Root, ")
    assert "case 4711" not in text(alert)
    assert "If that was you or a colleague, nothing." in alert.what_to_do
    bucket.delete(keys.approval(fingerprint))
    (alert,) = bucket.told()
    assert "goes back into quarantine" in alert.what_it_means


def test_the_watch_file_is_told_of_without_a_word_of_it(bucket: Bucket) -> None:
    bucket.write("watch.yaml", b"client_name: evil.example")
    (alert,) = bucket.told()
    assert alert.title.startswith("watch.yaml: replaced")
    assert "evil" not in text(alert)


def test_no_content_but_names_and_digests_of_certificates_is_repeated(bucket: Bucket) -> None:
    secret = b"-----BEGIN PRIVATE KEY-----\nMIIsecretsecret\n-----END PRIVATE KEY-----\n# password hunter2\n"
    bucket.write(EXTRA, secret + pem("Partner"))
    (alert,) = bucket.told()
    assert not {"secretsecret", "hunter2", "PRIVATE"} & {
        one for one in ("secretsecret", "hunter2", "PRIVATE") if one in text(alert)
    }
    assert "It holds the same certificates as before." in alert.what_it_means


def test_a_file_that_is_too_large_is_not_read(bucket: Bucket) -> None:
    bucket.write(EXTRA, b"x" * (files_read.LARGEST + 1))
    (alert,) = bucket.told()
    assert f"it has {files_read.LARGEST + 1} bytes" in alert.what_it_means
    reads = [key for operation, key in bucket.store.calls if operation == "get"]
    assert reads.count(EXTRA) == 1, "the former version alone"


def test_a_thousand_files_at_once_are_one_alert_a_look_and_bounded_state(bucket: Bucket) -> None:
    for number in range(1000):
        bucket.write(f"extra/{number:04}.pem", pem("Stranger"))
    left = 1000
    while left:
        (alert,) = bucket.told()
        assert alert.title == f"operators' files: {left} files changed"
        assert len([1 for operation, _ in bucket.store.calls if operation in {"get", "versions"}]) < 200
        assert alert.facts["came"].startswith("Stranger, ")
        assert "alice" in alert.what_happened, "events are left for who tells their files"
        left = max(0, left - operator_changes.INTO)
        assert (f"the next runs tell the other {left}" in alert.what_happened) == bool(left)
    assert bucket.events.waiting == []  # type: ignore[union-attr]
    assert bucket.told() == []
    assert len(bucket.store.body(keys.OPERATOR_FILES)) < 400 * 1024


@pytest.mark.parametrize(("files", "alerts"), [(3, 3), (4, 1), (12, 1), (13, 1)])
def test_a_few_files_are_told_one_by_one_and_more_of_them_as_one_with_what_matters_most_first(
    bucket: Bucket, files: int, alerts: int
) -> None:
    for number in range(files - 1):
        bucket.write(f"extra/{number:02}.pem", pem("Partner"))
    bucket.write(ANCHOR, pem("Stranger"))
    told = bucket.told()
    assert len(told) == alerts
    assert ANCHOR in told[0].title or f"1. {ANCHOR}" in told[0].facts
    if alerts == 1:
        assert told[0].title == f"operators' files: {files} files changed"
        assert told[0].facts["came 1"].startswith("Stranger, ")


def test_more_files_than_are_known_one_by_one_are_still_watched(bucket: Bucket) -> None:
    many = files_seen.MOST + 100
    for number in range(many):
        bucket.write(f"extra/{number:05}.pem", b"", who="")
    while bucket.told():
        pass
    bucket.store.seed(f"extra/{many - 1:05}.pem", pem("Stranger"))
    assert len(bucket.told()) == 1
    bucket.store.seed(ANCHOR, pem("Stranger"))
    (alert,) = bucket.told()
    assert alert.title.startswith(ANCHOR), "who was known stays so"
    assert len(bucket.store.body(keys.OPERATOR_FILES)) < 512 * 1024


@pytest.mark.parametrize("failing", ["versions", "get", "receive", "take"])
def test_what_cannot_be_read_costs_no_alert(bucket: Bucket, failing: str) -> None:
    def fail(operation: str, subject: str) -> None:
        if operation == failing and subject != keys.OPERATOR_FILES and not subject.startswith("alerts/"):
            raise StoreError("AccessDenied")

    bucket.write(EXTRA, pem("Stranger"))
    bucket.store.before = fail
    bucket.events.before = fail  # type: ignore[union-attr]
    told = bucket.look()
    assert len(bucket.sink.delivered) == 1
    assert told.failed == (), "it costs the run nothing"
    assert (failing in {"receive", "take"}) == bool(told.unheard)


@pytest.mark.parametrize("dying", ["put", "put_if"])
def test_a_run_that_ends_before_it_could_note_it_leaves_it_to_the_next(bucket: Bucket, dying: str) -> None:
    def die(operation: str, _: str) -> None:
        if operation == dying:
            raise StoreError("out of time")

    bucket.write(EXTRA, pem("Stranger"))
    bucket.store.before = die
    assert bucket.look().failed
    assert bucket.sink.delivered == []
    bucket.store.before = nothing
    (alert,) = bucket.told()
    assert alert.facts["who"].startswith("alice"), "the event was not taken"


def test_what_was_noted_and_not_delivered_is_delivered_by_the_next_run_with_the_same_id(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Stranger"))
    bucket.sink.before = refuse
    assert bucket.look().failed
    (waiting,) = bucket.state.outbox
    bucket.sink.before = nothing
    (alert,) = bucket.told()
    assert alert.id == waiting.id
    assert bucket.state.outbox == ()


def test_two_runs_at_once_tell_it_once(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Stranger"))
    other: list[Callable[[], object]] = [
        lambda: operator_changes.tell(Ports(bucket.store, None, bucket.sink, bucket.clock, bucket.watch_file))
    ]

    def meanwhile(operation: str, key: str) -> None:
        if operation == "put_if" and key == keys.OPERATOR_FILES and other:
            other.pop()()

    bucket.store.before = meanwhile
    assert bucket.look().failed == ()
    assert len(bucket.sink.delivered) == 1


@pytest.mark.parametrize("lost", ["deleted", "broken"])
def test_a_state_that_somebody_deletes_or_breaks_hides_no_change(bucket: Bucket, lost: str) -> None:
    if lost == "deleted":
        bucket.store.mark_deleted(keys.OPERATOR_FILES)
    else:
        bucket.store.seed(keys.OPERATOR_FILES, b"{")
    bucket.write(ANCHOR, pem("Stranger"))
    (alert,) = bucket.told()
    assert alert.title.startswith(ANCHOR)


def test_an_alert_that_the_watcher_did_not_write_is_not_delivered(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Stranger"))
    bucket.sink.before = refuse
    bucket.look()
    bucket.sink.before = nothing
    (waiting,) = bucket.state.outbox
    forged = msgspec.structs.replace(bucket.state, outbox=(msgspec.structs.replace(waiting, title="do this"),))
    bucket.store.seed(keys.OPERATOR_FILES, msgspec.json.encode(forged))
    assert [one.kind for one in bucket.told()] == [Kind.STATE_FORGED]


def test_a_dry_run_says_what_would_be_told_and_takes_nothing(bucket: Bucket) -> None:
    bucket.write(EXTRA, pem("Stranger"))
    told = bucket.look(dry_run=True)
    assert (len(told.alerts), told.changed) == (1, (EXTRA,))
    assert bucket.store.writes == []
    assert bucket.sink.delivered == []
    assert len(bucket.events.waiting) == 1  # type: ignore[union-attr]
    assert len(bucket.told()) == 1


def test_a_folder_that_the_console_makes_is_no_file(bucket: Bucket) -> None:
    bucket.store.seed("extra/adopted/", b"")
    assert bucket.told() == []


def test_another_watch_file_is_no_deletion_of_the_former_one_and_no_news(bucket: Bucket) -> None:
    bucket.store.seed("fleet.yaml", b"mode: apply")
    bucket.watch_file = "fleet.yaml"
    assert bucket.told() == []
    assert {*bucket.state.files} == {ANCHOR, EXTRA, "fleet.yaml"}
    bucket.write("fleet.yaml", b"mode: observe")
    assert len(bucket.told()) == 1
    bucket.watch_file = ""
    assert bucket.told() == []


def test_an_alert_that_nobody_takes_for_years_keeps_its_note_and_is_still_the_watchers_own(bucket: Bucket) -> None:
    bucket.sink.before = refuse
    bucket.write(EXTRA, pem("Stranger"))
    assert bucket.look().failed
    (note,) = [key for key in bucket.store.versions if key.startswith("alerts/ledger/")]
    for _ in range(5):
        bucket.look(after=RENEWED)
        assert note in bucket.store.writes, "the bucket would remove it"
    bucket.sink.before = nothing
    assert [alert.kind for alert in bucket.told()] == [Kind.OPERATOR_FILE_CHANGED]
