"""Each alert says what to do: commands that run as they stand, and advice that fits the case."""

import json
import shlex
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders.operator_files import FileChange
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.errors import FetchCode, SourceReason
from rotation_watcher.keys import Place
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.trust.approvals import Approval, decode_approval
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts
from tests.support.alert_examples import (
    ALB,
    BUCKET,
    CURRENT,
    DELIVERED,
    DOMAIN,
    ELSEWHERE,
    EXAMPLES,
    FRANKFURT,
    HELD_LIST,
    INTERMEDIATE,
    NOW,
    PARTNER,
    SINCE,
    SOURCE,
    STACK,
    TLS_ROOT,
    UPCOMING,
    at_targets,
    changed_issuer,
)


def command(alert: Alert) -> str:
    """Give the command that the alert asks for: the last one, if others only look."""
    _, *_, line = alert.what_to_do.split("\n")
    return line


def quarantined(
    status: str,
    *,
    authority: str = "DigiCert",
    root: CertificateFacts | None = None,
    approvable: bool = True,
    reasons: Sequence[Finding] = (),
    now: datetime = NOW,
) -> Alert:
    """Give an alert about ELSEWHERE."""
    return builders.quarantined(
        source=SOURCE,
        authority=authority,
        status=status,
        entity=ELSEWHERE.fingerprint,
        leaf=ELSEWHERE,
        root=root,
        reasons=reasons,
        approvable=approvable,
        accepted_before=True,
        anchors=Place(BUCKET, f"anchors/{'digicert' if authority == 'DigiCert' else 'us-east-1'}.pem"),
        since=SINCE,
        now=now,
    )


def failed(reason: str, missing: Sequence[CertificateFacts] = ()) -> Alert:
    """Give an alert about an update that failed."""
    return builders.truststore_update_failed(
        target=ALB, reason=reason, message="words", missing=missing, content="5e" * 32, since=SINCE, now=NOW
    )


def drift(**changed: object) -> Alert:
    """Give an alert about drift, with nothing but what is given."""
    values: dict[str, object] = {
        "added": [],
        "removed": [],
        "moved_from": None,
        "moved_to": None,
        "refused": [],
        "will_heal": False,
        "call": "UpdateDomainName",
        "proved": SINCE,
        **changed,
    }
    return builders.drift_found(target=DOMAIN, since=SINCE, now=NOW, **values)  # type: ignore[arg-type]  # by name


# Quarantine and approval


def test_the_approval_that_the_command_writes_is_one_that_the_watcher_takes() -> None:
    echo, _, upload = DELIVERED["quarantined"].what_to_do.split("\n")[-1].partition(" | ")
    written = subprocess.run(["sh", "-c", echo], capture_output=True, check=True).stdout
    approval = decode_approval(written, FRANKFURT.fingerprint)
    assert isinstance(approval, Approval)
    assert approval.covers(["chain-untrusted", "name-mismatch"], TLS_ROOT.fingerprint)
    assert not approval.lifts(["no-client-auth"])
    assert approval.until is not None
    assert (approval.until - NOW).days in range(390, 400)
    place = f"s3://{BUCKET}/approvals/{FRANKFURT.fingerprint}.json"
    assert shlex.split(upload) == ["aws", "s3", "cp", "-", place, "--region", "us-east-1"]


def test_no_command_is_offered_where_no_approval_helps() -> None:
    words = EXAMPLES["quarantined_for_good"].what_to_do
    assert "\n" not in words
    assert words.startswith("Open a case with Genesys support")


def test_a_quarantined_current_certificate_is_critical_and_an_upcoming_one_a_warning() -> None:
    assert quarantined("current").severity is Severity.CRITICAL
    assert quarantined("upcoming").severity is Severity.WARNING
    assert "a current DigiCert certificate" in quarantined("current").title
    assert "an upcoming DigiCert certificate" in quarantined("upcoming").title


def test_a_quarantine_is_known_by_certificate_and_start_however_late_it_is_alerted() -> None:
    assert quarantined("current").id == quarantined("current", now=NOW + timedelta(days=3)).id
    assert quarantined("current").id == f"quarantined:use1:DigiCert:{ELSEWHERE.fingerprint}:20261123T083000Z"


def test_every_reason_is_named_with_its_detail() -> None:
    alert = quarantined("current", reasons=[Finding("no-client-auth", "serverAuth only"), Finding("weak-key", "")])
    assert "no-client-auth, weak-key" in alert.what_happened
    assert alert.facts["reason no-client-auth"] == "serverAuth only"
    assert alert.facts["reason weak-key"] == "weak-key"


def test_an_approval_says_who_why_until_when_and_which_file_undoes_it() -> None:
    alert = DELIVERED["approved"]
    assert "Ada Lovelace approved it until 2027-12-25 15:30 UTC" in alert.what_happened
    assert "case 0123456" in alert.what_happened
    place = f"s3://{BUCKET}/approvals/{ELSEWHERE.fingerprint}.json"
    assert alert.facts["approval"] == place
    assert command(alert) == f"aws s3 rm {place} --region us-east-1"


# Anchors and sources


def test_a_missing_anchor_comes_with_the_exact_upload() -> None:
    alert = DELIVERED["anchor_missing"]
    assert command(alert) == f"aws s3 cp root.pem s3://{BUCKET}/anchors/us-east-1.pem --region us-east-1"
    assert "mTLS support for data actions" in alert.what_to_do


def test_a_key_with_spaces_is_quoted_for_the_shell() -> None:
    alert = builders.anchor_missing(
        source=SOURCE, authority="Genesys", problem="x", bucket=BUCKET, key="my roots/a;b.pem", since=SINCE, now=NOW
    )
    assert shlex.split(command(alert))[-3] == f"s3://{BUCKET}/my roots/a;b.pem"


@pytest.mark.parametrize("reason", SourceReason)
def test_every_reason_of_a_failing_source_has_its_own_way_out(reason: SourceReason) -> None:
    alert = builders.source_failing(
        source=SOURCE, reason=reason, message="x", authority=None, since=SINCE, last_good=None, now=NOW
    )
    assert len(alert.what_to_do) > 20
    assert str(reason) in alert.title
    assert (alert.severity is Severity.CRITICAL) == reason.lasting
    assert "a rotation may go unnoticed" in alert.what_it_means
    assert "It has never been read." in alert.what_it_means


def test_the_permission_that_is_missing_is_named() -> None:
    alert = builders.source_failing(
        source=SOURCE,
        reason=SourceReason.PERMISSION_MISSING,
        message="403",
        authority=None,
        since=SINCE,
        last_good=SINCE,
        now=NOW,
    )
    assert "integrations:actionCertificate:view" in alert.what_to_do
    assert "It was last read at 2026-11-23 08:30 UTC." in alert.what_it_means


def test_a_learned_name_comes_with_the_setting_that_overrules_it_and_is_a_warning_against_the_catalogue() -> None:
    def learned(believed: str | None) -> Alert:
        return builders.name_learned(
            source=SOURCE,
            authority="DigiCert",
            leaf=CURRENT,
            names=("a.example", "b.example"),
            believed=believed,
            now=NOW,
        )

    assert "client_name" in learned(None).what_to_do
    assert "names a.example, b.example" in learned(None).what_happened
    assert [learned(name).severity for name in (None, "B.example", "c.example")] == [
        Severity.WARNING,
        Severity.INFO,
        Severity.WARNING,
    ]


def test_a_change_of_issuer_says_whether_it_bites_now_or_later() -> None:
    def means(status: str) -> str:
        return changed_issuer(builders.Reach.NOT_KEPT, status).what_it_means

    assert "data actions fail." in means("current")
    assert "data actions will fail." in means("upcoming")


# Targets


@pytest.mark.parametrize("name", ["rolled_back", "removal_held", "truststore_held"])
def test_a_release_is_a_command_whose_event_names_the_target(name: str) -> None:
    alert = DELIVERED[name]
    words = shlex.split(command(alert))
    assert words[:3] == ["aws", "lambda", "invoke"]
    said = dict(zip(words[3:-1:2], words[4:-1:2], strict=True))
    assert said["--function-name"] == STACK.functions[Fill.PUBLISH]
    assert (said["--region"], said["--cli-binary-format"]) == ("us-east-1", "raw-in-base64-out")
    assert json.loads(said["--payload"]) == {"release": alert.target}


@pytest.mark.parametrize(
    "reason",
    [
        "target-failed",
        "target-not-found",
        "target-denied",
        "target-busy",
        "bundle-rejected",
        "still-updating",
        "held",
        "unproven",
        "would-refuse",
        "nothing-known",
        "foreign-unreadable",
        "too-many-certificates",
        "bucket-unusable",
        "role-refused",
        "role-unanswered",
    ],
)
def test_each_way_of_failing_has_its_own_advice(reason: str) -> None:
    assert failed(reason).facts["reason"] == reason
    if reason != "target-failed":
        assert failed(reason).what_to_do != failed("target-failed").what_to_do


def test_a_reason_that_is_not_known_yet_still_gives_advice() -> None:
    assert failed("something-new").what_to_do == failed("target-failed").what_to_do


def test_a_failed_update_is_critical_only_while_a_needed_leaf_is_refused() -> None:
    assert failed("target-busy").severity is Severity.WARNING
    assert "not known to refuse" in failed("target-busy").what_it_means
    refused = failed("target-busy", [CURRENT, UPCOMING])
    assert refused.severity is Severity.CRITICAL
    assert "refuses 2 accepted certificates" in refused.what_it_means
    assert [label for label in refused.facts if label.startswith("refused")] == ["refused 1", "refused 2"]


def test_drift_counts_what_came_and_went_and_where_it_points() -> None:
    assert "1 certificate came." in drift(added=[PARTNER]).what_happened
    both = drift(added=[PARTNER], removed=[INTERMEDIATE, CURRENT], moved_to="s3://b/k, version 1")
    assert "1 certificate came, 2 certificates went and it was pointed at another file" in both.what_happened
    assert "1 certificate came and 1 certificate went." in drift(added=[PARTNER], removed=[CURRENT]).what_happened
    assert both.facts["is at"] == "s3://b/k, version 1"
    assert "may let others in" in both.what_it_means
    assert "may let others in" not in drift(removed=[INTERMEDIATE]).what_it_means


def test_what_only_came_is_taken_out_by_hand_and_its_end_does_not_say_that_it_has_left() -> None:
    came = drift(added=[PARTNER]).what_to_do
    assert "take it out by hand" in came
    assert "on_drift" not in came
    assert "on_drift" in drift(removed=[PARTNER]).what_to_do
    assert "what others had put in stays" in EXAMPLES["resolved"].what_it_means


def test_drift_is_critical_only_when_data_actions_fail() -> None:
    assert drift(added=[PARTNER]).severity is Severity.WARNING
    assert drift(removed=[INTERMEDIATE], refused=[CURRENT]).severity is Severity.CRITICAL


def test_drift_that_this_run_heals_does_not_say_that_data_actions_go_on_failing() -> None:
    healed, left = (drift(removed=[INTERMEDIATE], refused=[CURRENT], will_heal=heals) for heals in (True, False))
    assert "fail until this run has put back what is missing" in healed.what_it_means
    assert "fail as long as one of them is presented" in left.what_it_means
    assert "still let in" in drift(removed=[INTERMEDIATE], will_heal=True).what_it_means


def test_a_summary_shows_what_all_of_them_hold_alike() -> None:
    many = builders.more_alike(at_targets("truststore_update_failed", 9), NOW)
    assert "(listed below)" in many.what_it_means
    assert many.facts["refused"] == EXAMPLES["truststore_update_failed"].facts["refused"]
    assert "ARN" not in many.facts


def test_a_digest_puts_what_leads_over_to_commands_last() -> None:
    told = [EXAMPLES["rotated"], EXAMPLES["upcoming_published"], changed_issuer(builders.Reach.COMING)]
    sentences, *commands = builders.summed_up(told, NOW).what_to_do.split("\n")
    assert commands
    assert sentences.startswith("Give the new CA certificates")
    assert sentences.endswith(":")
    assert "(a pin) needs the new one now. Nothing for targets" in sentences


def test_a_revocation_list_that_ran_out_asks_for_something_and_one_that_is_only_late_does_not() -> None:
    assert "Open a case" in EXAMPLES["crl_stale_overdue"].what_to_do
    assert '"revocation" to "off"' in EXAMPLES["crl_stale_overdue"].what_to_do
    late = builders.crl_stale(
        source=SOURCE,
        authority="DigiCert",
        folder="crls/aa",
        url="http://crl.example/a.crl",
        issuer="CN=a",
        reason="not-replaced",
        failure=None,
        held=HELD_LIST,
        since=SINCE,
        now=NOW,
    )
    assert late.severity is Severity.WARNING
    assert late.what_to_do.startswith("Nothing yet")


def test_the_files_that_are_listed_and_those_that_are_counted_are_all_that_changed() -> None:
    alert = EXAMPLES["operator_files_changed"]
    listed = [label for label in alert.facts if label[0].isdigit()]
    assert "13 files" in alert.title
    assert len(listed) + int(alert.facts["more"]) == 13


def test_the_figures_of_a_flood_add_up() -> None:
    alert = EXAMPLES["flood"]
    assert "20000" in alert.title
    assert sum(int(value) for value in alert.facts.values() if value.isdigit()) == 20_000


def test_a_trust_store_that_lost_its_list_is_not_said_to_hold_an_older_one() -> None:
    assert "a list revokes that it does not hold is let in" in EXAMPLES["revocations_behind"].what_it_means


@pytest.mark.parametrize("name", ["revoked", "revoked_ca"])
def test_what_is_urgent_stands_before_what_only_shows(name: str) -> None:
    # The status page has room for the first sentence.
    sentences, *commands = EXAMPLES[name].what_to_do.split("\n")
    assert sentences.startswith("Open an urgent case")
    assert sentences.endswith(":")
    assert len(commands) == 2
    assert "data actions" in EXAMPLES[name].what_it_means


def test_an_alert_never_says_that_the_watcher_heals_when_it_does_not() -> None:
    assert "The watcher puts back" in drift(removed=[INTERMEDIATE], will_heal=True).what_to_do
    assert "The watcher leaves it as it is" in drift(removed=[INTERMEDIATE], will_heal=False).what_to_do
    off = {
        heals: builders.mtls_off(
            target=DOMAIN,
            endpoint=None,
            detail="off",
            door=Door(DoorKind.DOMAIN, "api.example.com"),
            truststore="targets/api/bundle.pem",
            version=None,
            will_heal=heals,
            since=SINCE,
            now=NOW,
        ).what_to_do
        for heals in (True, False)
    }
    assert "is turning mutual TLS on again" in off[True]
    assert "does not do it for you" in off[False]


CHANGES = {
    *("modify-listener", "update-domain-name", "update-rest-api", "update-api", "create-deployment"),
    "update-distribution",
}


@pytest.mark.parametrize("kind", DoorKind)
def test_each_way_in_has_its_own_commands_and_what_looks_comes_before_what_changes(kind: DoorKind) -> None:
    alert = builders.mtls_off(
        target=ALB,
        endpoint=ALB.arn,
        detail="words",
        door=Door(kind, "its-id", "prod"),
        truststore="targets/alb/bundle.pem",
        version="v1",
        will_heal=False,
        since=SINCE,
        now=NOW,
    )
    _, *lines = alert.what_to_do.split("\n")
    calls = [shlex.split(line)[2] for line in lines]
    changing = [call in CHANGES for call in calls]
    assert not changing[0]
    assert changing == sorted(changing)
    assert any(changing) == (kind not in {DoorKind.UNREAD, DoorKind.UNSHARED, DoorKind.NOT_TLS})
    assert ("without a certificate" in alert.title) == (
        kind not in {DoorKind.OTHER_STORE, DoorKind.OTHER_DISTRIBUTION, DoorKind.UNSHARED}
    )


@pytest.mark.parametrize(
    ("secret", "service", "stored"),
    [
        ("arn:aws:ssm:us-east-1:111122223333:parameter/genesys/oauth", "ssm", "/genesys/oauth"),
        ("arn:aws:ssm:us-east-1:111122223333:parameter/oauth", "ssm", "Parameter.Name"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:oauth-AbCdEf", "secretsmanager", "secret:oauth-AbCdEf"),
    ],
)
def test_credentials_are_looked_at_without_their_value_and_stored_over_what_is_there(
    secret: str, service: str, stored: str
) -> None:
    alert = builders.source_failing(
        source=SOURCE,
        reason=SourceReason.CREDENTIALS_REFUSED,
        message="401",
        authority=None,
        since=SINCE,
        last_good=None,
        now=NOW,
        secret=secret,
    )
    _, look, store = alert.what_to_do.split("\n")
    assert look.startswith(f"aws {service} ")
    assert "decrypt" not in look
    assert "get-secret-value" not in look
    assert stored in store
    assert "--overwrite" in store or "put-secret-value" in store
    assert "file://oauth.json" in store
    # SSM stores a value under the account's own key where none is named, put-secret-value under the secret's.
    assert service != "ssm" or "$(aws ssm describe-parameters" in store
    assert service != "ssm" or '"--key-id"' in store


def test_what_leaves_at_once_is_named_in_full_in_commands_alone_and_no_more_than_fit_into_a_chat() -> None:
    leaving = [msgspec.structs.replace(PARTNER, fingerprint=f"{number:064x}") for number in range(5)]
    alert = builders.unwanted(target=ALB, leaving=leaving, until=NOW, soon=False, since=SINCE, now=NOW)
    words, look, leave = alert.what_to_do.split("\n")
    assert "the first 3 of them" in words
    for one in leaving[:3]:
        assert one.fingerprint in look
        assert one.fingerprint in leave
    shown = " ".join([words, alert.what_happened, alert.what_it_means, *alert.facts.values()])
    assert not any(one.fingerprint in shown for one in leaving)
    assert leaving[3].fingerprint not in leave
    assert json.loads(shlex.split(look)[-2])["dry_run"] is True


def test_a_plan_says_how_to_have_it_done() -> None:
    assert "set the mode to apply" in EXAMPLES["change_planned"].what_to_do
    assert "add 2 certificates, remove 0 and keep 3" in EXAMPLES["change_planned"].what_happened
    nothing_new = builders.change_planned(
        target=ALB,
        bundle="main",
        added=[],
        removed=[],
        kept=3,
        refused=[],
        presented=False,
        content="5e",
        since=SINCE,
        now=NOW,
    )
    assert "back at its own file" in nothing_new.what_happened


def test_the_level_of_proof_is_said_in_words() -> None:
    assert "read back" in EXAMPLES["truststore_updated"].what_it_means
    assert EXAMPLES["truststore_updated"].facts["proof"] == "bytes"


def test_the_digicert_trap_names_the_pins_and_the_header() -> None:
    alert = DELIVERED["shared_authority_deployed"]
    assert "X-Amzn-Mtls-Clientcert-Leaf" in alert.what_to_do
    assert "identity filters" in alert.what_to_do
    assert alert.facts["pins"] == f"s3://{BUCKET}/bundles/main/pins.json"
    assert alert.severity is Severity.WARNING
    domain = EXAMPLES["shared_authority_deployed_domain"].what_to_do
    assert "authorizer" in domain
    assert "X-Amzn" not in domain


def test_an_automatic_rollback_is_critical_and_one_by_hand_is_not() -> None:
    def rolled(*, by_hand: bool) -> Alert:
        return builders.rolled_back(
            target=ALB,
            from_version="b",
            to_version="a",
            why="asked for",
            by_hand=by_hand,
            returned=[CURRENT],
            left=[],
            now=NOW,
        )

    assert rolled(by_hand=False).severity is Severity.CRITICAL
    assert rolled(by_hand=True).severity is Severity.WARNING
    assert "nothing new is deployed" in rolled(by_hand=True).what_it_means
    assert CURRENT.fingerprint[:16] in rolled(by_hand=True).facts["came back"]


AWAY = TargetName("pay", "arn:aws:elasticloadbalancing:eu-west-1:222222222222:truststore/pay/1a", "pay", "222222222222")
PLACE = TargetName("files", "arn:aws:s3:::their-files/genesys/", "files", "222222222222")


def advice(target: TargetName, reason: str, adopt: str = "") -> str:
    return builders.truststore_update_failed(
        target=target, reason=reason, message="it", missing=[], content="", adopt=adopt, since=SINCE, now=NOW
    ).what_to_do


def test_each_command_about_a_target_of_another_account_says_whose_credentials_it_needs() -> None:
    assert advice(AWAY, "target-failed").startswith(
        "It is in the account 222222222222; the command below is for the account of the watcher. Read what"
    )
    assert advice(AWAY, "held").startswith(
        "It is in the account 222222222222; the commands below are for the account of the watcher."
    )
    edge = "arn:aws:cloudfront::222222222222:trust-store/ts_1"
    assert advice(msgspec.structs.replace(AWAY, arn=edge), "content-unknown", "extra/adopted/a.pem").startswith(
        "It is in the account 222222222222: the first and second commands need credentials of that account, what else"
        " is below is for the watcher's."
    )

    def drift(target: TargetName, call: str) -> str:
        return builders.drift_found(
            target=target,
            added=[],
            removed=[],
            moved_from=None,
            moved_to=None,
            refused=[],
            will_heal=True,
            call=call,
            proved=None,
            since=SINCE,
            now=NOW,
        ).what_to_do

    for each, call in ((AWAY, "ModifyTrustStore"), (PLACE, "PutObject")):
        assert drift(each, call).startswith(
            "It is in the account 222222222222, and the command below needs credentials of that account."
        )
    home = msgspec.structs.replace(AWAY, account=None)
    assert "account" not in drift(home, "ModifyTrustStore").partition(".")[0]


@pytest.mark.parametrize("reason", ["target-denied", "target-not-found"])
def test_what_a_role_is_denied_is_mended_at_its_own_stack(reason: str) -> None:
    home = msgspec.structs.replace(AWAY, account=None)
    assert "of its role's stack (accounts/target-role.yaml)" in advice(AWAY, reason)
    assert "accounts/" not in advice(home, reason)
    behind = builders.revocations_behind(
        target=AWAY, reason="target-denied", folder="", url="", message="it", revoked=False, since=SINCE, now=NOW
    )
    assert "Deploy its role's stack" in behind.what_to_do


def test_a_regional_bucket_of_another_stack_is_never_offered_as_its_state() -> None:
    def told(*, marked: bool, holds_state: bool) -> str:
        return builders.two_stacks(
            target=AWAY, bucket="b-eu-west-1", marked=marked, holds_state=holds_state, since=SINCE, now=NOW
        ).what_to_do

    assert "deploy this one with ExistingBucketName = b-eu-west-1" in told(marked=True, holds_state=True)
    assert "do not give it as ExistingBucketName" in told(marked=False, holds_state=False)


def test_a_list_that_nobody_answers_for_may_be_the_fault_of_its_server_too() -> None:
    for reason in (FetchCode.UNREACHABLE, FetchCode.TIMED_OUT, FetchCode.TLS_FAILED, FetchCode.UNRESOLVABLE):
        alert = builders.crl_stale(
            source=SOURCE,
            authority="DigiCert",
            folder="crls/3c3c",
            url="http://crl.example.com/one.crl",
            issuer="CN=One",
            reason=reason,
            failure="no answer",
            held=HELD_LIST,
            since=SINCE,
            now=NOW,
        )
        assert "from another network" in alert.what_to_do
        assert "open a case with Genesys support" in alert.what_to_do


def test_what_was_loosened_while_it_lasted_is_to_be_tightened_when_it_is_over() -> None:
    over = builders.resolved(
        subject=SOURCE,
        kind=Kind.CRL_STALE,
        opened=None,
        reason="overdue",
        since=SINCE,
        severity=Severity.CRITICAL,
        reminders=1,
        why="",
        goes_on=None,
        now=NOW,
    )
    assert '"revocation" to "off"' in over.what_to_do
    ended = msgspec.structs.replace(CURRENT, not_after=NOW - timedelta(days=1))
    rotated = builders.rotated(source=SOURCE, authority="DigiCert", new=UPCOMING, old=ended, retire_after=NOW, now=NOW)
    assert "IgnoreClientCertificateExpiry" in rotated.what_to_do
    rotated = builders.rotated(
        source=SOURCE, authority="DigiCert", new=UPCOMING, old=CURRENT, retire_after=NOW, now=NOW
    )
    assert "IgnoreClientCertificateExpiry" not in rotated.what_to_do


def test_the_versions_of_what_was_changed_below_crls_are_found_by_its_alert() -> None:
    what = "crls/2cf45574b93ef518ffec37ba1a273202/manifest.json is missing."
    alert = builders.state_forged(target=ALB, what=what, since=SINCE, now=NOW)
    assert "and crls/" in alert.what_to_do
    assert "--prefix crls/2cf45574b93ef518ffec37ba1a273202/ " in command(alert)
    other = builders.state_forged(target=ALB, what="The record is not ours.", since=SINCE, now=NOW)
    assert "--prefix targets/" in command(other)


def test_a_target_that_is_not_there_goes_on_with_nothing() -> None:
    alert = builders.truststore_update_failed(
        target=ALB, reason="target-not-found", message="none", missing=(), content="a" * 64, since=SINCE, now=NOW
    )
    assert "goes on with what it holds" not in alert.what_it_means
    assert "out of them" in alert.what_to_do


@pytest.mark.parametrize(
    ("verb", "says"), [("replaced", "unless it is refused"), ("deleted", "the last one that it accepted")]
)
def test_a_watch_file_that_is_broken_or_gone_is_not_what_the_next_runs_do(verb: str, says: str) -> None:
    change = FileChange(key="watch.json", was_there=True, is_there=verb == "replaced", former="v1", at=NOW)
    assert says in builders.operator_file_changed(change=change, bucket=BUCKET, now=NOW).what_it_means


@pytest.mark.parametrize("reason", [SourceReason.CREDENTIALS_REFUSED, SourceReason.PERMISSION_MISSING])
def test_a_refusal_by_genesys_may_be_of_the_address_that_it_comes_from(reason: SourceReason) -> None:
    secret = "arn:aws:ssm:us-east-1:111122223333:parameter/genesys/oauth"
    alert = builders.source_failing(
        source=SOURCE, reason=reason, message="x", authority=None, since=SINCE, last_good=None, now=NOW, secret=secret
    )
    assert "addresses" in alert.what_to_do
