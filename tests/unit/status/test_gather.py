"""Everything that is kept comes together in one value, whatever one object holds."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher import keys
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.errors import StoreError
from rotation_watcher.revocation import state as crl_state
from rotation_watcher.sources import history
from rotation_watcher.status import model
from rotation_watcher.status.gather import gather
from rotation_watcher.status.model import Level, TargetState
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Hold, HoldReason, Pending
from tests.support.kept_state import DAY, FOLDER, HOUR, NOW, YEAR, KeptState, alert, facts, folder, root
from tests.support.small_world import SmallWorld

replace = msgspec.structs.replace


def gathered(kept: KeptState) -> model.Status:
    return gather(kept.watch, kept.store, NOW, stack="watcher", account="111122223333")


def test_what_functions_have_written_is_all_there() -> None:
    world = SmallWorld()
    world.publish(targets=["alb", "api"])
    status = gather(world.watch, world.store, world.clock())
    (source,) = status.sources
    assert [(one.role, one.state, one.authority) for one in source.certificates] == [("leaf", "current", "Genesys")]
    assert [one.subject for one in source.anchors] == ["CN=Root 0"]
    assert [(one.subject, one.role, one.state) for one in status.bundles[0].certificates] == [
        ("CN=Root 0", "ca", "needed")
    ]
    alb, api = status.targets
    assert (alb.state, api.state) == (
        TargetState.IN_STEP,
        TargetState.UPDATING if api.updating else TargetState.IN_STEP,
    )
    assert alb.deployed is not None
    assert (alb.deployed.certificates, alb.deployed.ours, alb.deployed.proof) == (2, 1, "bytes")
    assert status.unreadable == ()


def test_all_is_good_where_all_is_as_it_should_be() -> None:
    status = gathered(KeptState(2, 4))
    assert status.verdict == model.Verdict(level=Level.GOOD, text="All good.")
    levels = [one.level for one in status.sources] + [one.level for one in status.targets]
    assert {*levels} == {Level.GOOD}
    assert [one.state for one in status.sources[0].certificates] == ["current", "upcoming", "retiring"]
    assert status.lists[0].entries == 12


def test_reading_writes_nothing() -> None:
    kept = KeptState(2, 4)
    gathered(kept)
    assert kept.store.writes == []


def test_json_holds_every_field_and_comes_back_as_it_was() -> None:
    kept = KeptState(1, 1)
    kept.quarantine("us-east-1", "name-mismatch")
    kept.tell(alert(), NOW - HOUR)
    status = gathered(kept)
    written = model.encode(status)
    assert model.decode(written) == status
    document = msgspec.json.decode(written)
    assert document["format"] == 1
    assert {"verdict", "sources", "targets", "lists", "conditions", "quarantine", "alerts", "unreadable"} <= {*document}
    assert document["targets"][0]["hold"] is None, "an absent thing is null, and no missing field"


def test_what_differs_by_the_time_alone_is_the_same() -> None:
    status = gathered(KeptState())
    assert model.same(status, replace(status, at=NOW + HOUR))
    assert not model.same(status, replace(status, mode="observe"))


@pytest.mark.parametrize(
    "key",
    [
        keys.history("us-east-1"),
        keys.record(folder("t0")),
        keys.manifest("main"),
        keys.revocations("main"),
        keys.CRL_STATE,
        keys.CONFIGURATION,
        f"{FOLDER}/manifest.json",
        keys.target_revocations(folder("t0")),
    ],
)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "x"}', b"\xff\xfe", b"[" * 5000])
def test_one_unreadable_object_is_said_in_its_place_and_loses_nothing_else(key: str, content: bytes) -> None:
    kept = KeptState(2, 2)
    key = key.replace("us-east-1", kept.watch.sources[0].id)
    whole = gathered(kept)
    kept.store.seed(key, content)
    status = gathered(kept)
    (broken,) = status.unreadable
    assert broken.place == f"s3://{kept.store.bucket}/{key}"
    assert broken.why
    assert not broken.newer
    assert status.verdict.level is Level.LOOK
    assert any(broken.place in reason for reason in status.verdict.reasons)
    assert status.sources[1] == whole.sources[1]
    assert status.targets[1].deployed == whole.targets[1].deployed
    assert len(status.sources) == len(status.targets) == 2


def test_what_cannot_be_read_is_named_at_its_source_target_and_bundle() -> None:
    kept = KeptState(1, 1)
    for key in (keys.history("us-east-1"), keys.record(folder("t0")), keys.manifest("main")):
        kept.store.seed(key, b"{")
    status = gathered(kept)
    assert status.sources[0].problem
    assert status.bundles[0].problem
    assert status.targets[0].problem
    assert status.targets[0].state is TargetState.UNKNOWN
    assert status.targets[0].level is Level.LOOK


def test_the_state_of_a_newer_release_is_named() -> None:
    kept = KeptState(1, 1)
    for key in (keys.history("us-east-1"), keys.record(folder("t0"))):
        kept.store.seed(key, b'{"format": "99", "what": "ever"}')
    status = gathered(kept)
    assert [one.newer for one in status.unreadable] == [True, True]
    assert "newer release" in status.unreadable[0].why


@pytest.mark.parametrize("error", [StoreError("cannot be read: SlowDown"), RuntimeError("nobody thought of it")])
def test_a_store_that_fails_at_one_object_costs_that_object_alone(error: Exception) -> None:
    kept = KeptState(2, 2)

    def fail(_: str, key: str) -> None:
        if key == keys.record(folder("t0")):
            raise error

    kept.store.before = fail
    status = gathered(kept)
    assert [one.place for one in status.unreadable] == [f"s3://{kept.store.bucket}/{keys.record(folder('t0'))}"]
    assert status.targets[1].deployed


def test_a_bucket_that_cannot_be_read_at_all_gives_a_status_that_says_so() -> None:
    kept = KeptState(1, 1)

    def fail(_: str, key: str) -> None:
        raise StoreError(f"cannot read s3://{kept.store.bucket}/{key}: AccessDenied")

    kept.store.before = fail
    status = gathered(kept)
    assert status.verdict.level is Level.LOOK
    assert len(status.unreadable) > 5


def test_before_the_first_run_nothing_is_good() -> None:
    kept = KeptState(1, 1)
    kept.store.versions.clear()
    status = gathered(kept)
    assert status.verdict.level is Level.LOOK
    assert "has not been read yet" in status.verdict.text
    assert status.targets[0].state is TargetState.NEW
    assert status.stale == ("source us-east-1 has not been read yet",)


def test_a_condition_that_was_told_stands_there_with_the_words_of_its_alert() -> None:
    kept = KeptState(1, 2)
    since = NOW - 3 * HOUR
    kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND, since=since, severity=Severity.CRITICAL)
    ours = f"drift-found:t0:{stamp(since)}"
    kept.tell(alert(id=f"watcher/111122223333/us-east-1/{ours}"), since)
    kept.tell(alert(id=f"watcher/111122223333/us-east-1/{ours}9", what_to_do="Of another one."), NOW - HOUR)
    kept.tell(alert(id=ours, kind=Kind.CONTENDED, what_to_do="Of another kind."), NOW - HOUR)
    status = gathered(kept)
    (one,) = status.conditions
    assert (one.of, one.about, one.kind, one.since) == ("target", "t0", "drift-found", since)
    assert one.alert == f"watcher/111122223333/us-east-1/{ours}"
    assert one.severity is Severity.CRITICAL
    assert one.title == "ALB trust store clients-0: somebody else changed it"
    assert one.to_do.splitlines()[1].startswith("sam remote invoke")
    assert (status.targets[0].drift, status.targets[0].level, status.targets[0].alerts) == (since, Level.ACT, 1)
    assert status.targets[1].level is Level.GOOD


def test_a_condition_whose_alert_lies_behind_hundreds_of_others_names_the_runbook() -> None:
    kept = KeptState(1, 1)
    kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND, since=NOW - 3 * HOUR, severity=Severity.CRITICAL)
    (one,) = gathered(kept).conditions
    assert (one.alert, one.to_do) == (None, "The runbook says what to do: docs/runbook.md#drift-found.")


def test_a_condition_that_nobody_was_told_yet_does_not_count() -> None:
    kept = KeptState(1, 1)
    kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND)
    held = kept.records["t0"]
    untold = {key: replace(one, alerted=None) for key, one in held.conditions.items()}
    kept.keep_record(replace(held, conditions=untold))
    status = gathered(kept)
    assert status.conditions == ()
    assert status.verdict.level is Level.GOOD


def test_open_doors_are_named() -> None:
    kept = KeptState(1, 1)
    kept.disturb_target("t0", "mtls-off:arn:aws:elasticloadbalancing:x", Kind.MTLS_OFF)
    status = gathered(kept)
    assert status.targets[0].open_doors == ("arn:aws:elasticloadbalancing:x",)
    assert status.targets[0].level is status.verdict.level is Level.ACT


def test_a_target_that_lacks_what_its_bundle_wants_is_behind() -> None:
    kept = KeptState(1, 1)
    kept.needed.append(facts("A New Root", begins=NOW - DAY, ends=NOW + 9 * YEAR))
    kept.keep_manifest("main")
    (target,) = gathered(kept).targets
    assert (target.state, target.missing, target.level) == (TargetState.BEHIND, ("CN=A New Root",), Level.LOOK)


def test_a_hold_comes_with_the_command_that_ends_it() -> None:
    kept = KeptState(1, 1)
    hold = Hold(reason=HoldReason.ROLLED_BACK, sha256="0a", since=NOW - HOUR)
    kept.keep_record(replace(kept.records["t0"], hold=hold))
    (target,) = gathered(kept).targets
    assert target.state is TargetState.HELD
    assert target.hold is not None
    assert target.hold.command.startswith("aws lambda invoke --function-name <publish> --region us-east-1 ")
    assert target.hold.command.endswith("""--payload '{"release": "t0"}' /dev/stdout""")


def test_an_update_without_proof_is_under_way() -> None:
    kept = KeptState(1, 1)
    pending = Pending(version="v", sha256="0a", fingerprints=("0a",), ours=(), at=NOW - 2 * HOUR)
    kept.keep_record(replace(kept.records["t0"], pending=pending))
    status = gathered(kept)
    assert (status.targets[0].state, status.targets[0].updating) == (TargetState.UPDATING, NOW - 2 * HOUR)
    assert "unproved" in status.verdict.text


def test_in_observe_mode_a_target_is_watched() -> None:
    status = gathered(KeptState(1, 1, mode="observe"))
    assert (status.mode, status.targets[0].state) == ("observe", TargetState.WATCHED)


def test_a_record_of_another_target_says_nothing_of_this_one() -> None:
    kept = KeptState(1, 1)
    kept.store.seed(keys.record(folder("t0")), record.encode(replace(kept.records["t0"], arn="arn:of:another")))
    assert gathered(kept).targets[0].state is TargetState.NEW


def test_quarantine_comes_with_the_command_that_approves() -> None:
    kept = KeptState(1, 1)
    fingerprint = kept.quarantine("us-east-1", "name-mismatch")
    (entry,) = gathered(kept).quarantine
    assert (entry.id, entry.presence, entry.shown) == (fingerprint, "current", True)
    assert entry.reasons == ("name-mismatch: what was found",)
    assert entry.commands[-1].endswith(
        f"aws s3 cp - s3://{kept.store.bucket}/approvals/{fingerprint}.json --region {kept.store.region}"
    )
    assert '"reasons": ["name-mismatch"]' in entry.commands[-1]


def test_under_an_unknown_root_it_is_the_root_that_comes_first() -> None:
    kept = KeptState(1, 1)
    fingerprint = kept.quarantine("us-east-1", "chain-untrusted")
    held = kept.histories["us-east-1"]
    waiting = held.authorities["Genesys"].quarantine[fingerprint]
    known = replace(
        held.authorities["Genesys"],
        quarantine={fingerprint: replace(waiting, chain=(fingerprint, root().fingerprint))},
    )
    kept.keep_history(replace(held, authorities={"Genesys": known}))
    kept.store.seed(keys.seen("us-east-1", root().fingerprint), root().pem)
    (entry,) = gathered(kept).quarantine
    assert root().fingerprint in entry.commands[0]
    assert "anchors/us-east-1.pem" in entry.commands[0]


def test_what_no_approval_can_lift_has_no_command() -> None:
    kept = KeptState(1, 1)
    kept.quarantine("us-east-1", "weak-key")
    (entry,) = gathered(kept).quarantine
    assert entry.commands == ()
    assert "No approval can lift" in entry.to_do


def test_the_last_alerts_are_listed_each_message_once() -> None:
    kept = KeptState(1, 1)
    for number in range(60):
        kept.tell(alert(number), NOW - number * HOUR)
    kept.tell(alert(0), NOW - 100 * HOUR)
    status = gathered(kept)
    assert len(status.alerts) == 50
    assert [one.at for one in status.alerts] == sorted((one.at for one in status.alerts), reverse=True)
    assert status.alerts[0].at == NOW


def test_an_alert_that_cannot_be_read_leaves_the_others() -> None:
    kept = KeptState(1, 1)
    kept.tell(alert(), NOW)
    kept.store.seed(keys.told(NOW, "another"), b"{")
    status = gathered(kept)
    assert len(status.alerts) == len(status.unreadable) == 1


def test_a_revoked_certificate_is_marked() -> None:
    kept = KeptState(1, 1)
    leaf = next(iter(kept.histories["us-east-1"].authorities["Genesys"].leaves))
    held = crl_state.State(
        conditions=kept.condition(f"revoked:{leaf}", Kind.REVOKED),
        about={f"revoked:{leaf}": crl_state.About(source="us-east-1", region="us-east-1", name="x")},
    )
    crl_state.write(kept.store, held, None)
    status = gathered(kept)
    assert [one.revoked for one in status.sources[0].certificates] == [True, False, False]
    assert [(one.about, one.severity) for one in status.conditions] == [("us-east-1", Severity.CRITICAL)]
    assert status.sources[0].level is Level.ACT


def test_an_overdue_list_and_a_stale_source_are_said() -> None:
    kept = KeptState(1, 1)
    kept.keep_list(next_update=NOW - HOUR)
    kept.keep_history(replace(kept.histories["us-east-1"], fresh_at=NOW - 9 * HOUR))
    status = gathered(kept)
    assert status.lists[0].overdue
    assert len(status.stale) == 2
    assert status.sources[0].stale


@pytest.mark.parametrize("ahead", [timedelta(hours=1), 400 * DAY])
def test_a_time_from_the_future_counts_for_nothing(ahead: timedelta) -> None:
    kept = KeptState(1, 1)
    kept.keep_history(replace(kept.histories["us-east-1"], fresh_at=NOW + ahead))
    status = gathered(kept)
    assert (status.sources[0].read, status.sources[0].stale) == (None, True)


def test_what_ends_next_and_what_nothing_replaces() -> None:
    kept = KeptState(1, 1)
    status = gathered(kept)
    assert status.next_expiry is not None
    assert (status.next_expiry.role, status.next_expiry.successor) == ("leaf", True)
    assert status.next_expiry.at == NOW + 40 * DAY
    assert status.unreplaced is not None
    assert status.unreplaced.at == NOW + 360 * DAY


def test_foreign_text_is_made_harmless() -> None:
    hostile = "\u202e<script>alert(1)</script>\n\x1b[31m" + "A" * 10_000
    kept = KeptState(1, 1, suffix=hostile)
    kept.quarantine("us-east-1", "name-mismatch")
    kept.tell(alert(suffix=hostile), NOW)
    text = model.encode(gathered(kept)).decode()
    assert "\u202e" not in text
    assert "\\u001b" not in text
    assert "A" * 2000 not in text


def test_a_name_of_a_newer_release_is_shown_as_it_stands() -> None:
    kept = KeptState(1, 1)
    kept.disturb_source("us-east-1", "what:ever", Kind("something-new"))
    kept.store.seed(keys.history("us-east-1"), history.encode(kept.histories["us-east-1"]))
    assert [one.kind for one in gathered(kept).conditions] == ["something-new"]
