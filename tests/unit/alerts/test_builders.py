"""What holds for every alert, whatever it is about."""

import inspect
import re
import unicodedata
from datetime import timedelta

import msgspec
import pytest

from rotation_watcher.alerts import builders, chat
from rotation_watcher.alerts.builders import ending
from rotation_watcher.alerts.builders.wording import TITLE, days, headline, listed, plain, sentence
from rotation_watcher.alerts.mail import subject
from rotation_watcher.alerts.model import Alert, Kind, Origin, Severity, TargetName
from rotation_watcher.errors import SourceReason
from tests.support.alert_examples import ALB, CURRENT, DELIVERED, EXAMPLES, NOW, SINCE, SOURCE, UPCOMING

every_alert = pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
NASTY = "\x1b[31mRED\r\nSubject: you won\u202egnp.exe\u2066\u200b\x00\x07\u2028next \U000e0041"


def paragraphs(alert: Alert) -> list[str]:
    """Give the sentences of the three paragraphs, without commands."""
    return [text.partition("\n")[0] for text in (alert.what_happened, alert.what_it_means, alert.what_to_do)]


def test_the_examples_show_every_builder_and_every_kind() -> None:
    names = {name for name, one in inspect.getmembers(builders, inspect.isfunction)}
    assert names <= set(EXAMPLES), "add an example of that name to tests/support/alert_examples.py"
    shown = {alert.kind for alert in EXAMPLES.values()}
    assert shown == set(Kind), "add an example of that kind to tests/support/alert_examples.py, and a builder"


@every_alert
def test_a_title_is_ascii_on_one_line_under_90_characters(alert: Alert) -> None:
    assert re.fullmatch(r"[ -~]+", alert.title)
    assert len(alert.title) < 90


@every_alert
def test_each_paragraph_is_one_to_four_short_sentences(alert: Alert) -> None:
    for text in paragraphs(alert):
        sentences = re.split(r"(?<=[.!?:])\s+(?=[A-Z])", text)
        assert 1 <= len(sentences) <= 5
        commands = alert.what_to_do.count("\n") if text == paragraphs(alert)[-1] else 0
        assert len(text) <= (420 if commands < 2 else 640)  # each command with its own condition
        assert text.endswith((".", ":", "?", "!"))
        assert text == " ".join(text.split())


@every_alert
def test_an_alert_has_one_subject_and_its_id_opens_with_kind_and_subject(alert: Alert) -> None:
    of_the_stack = alert.id.split(":")[1] == "stack"
    if alert.kind is Kind.DIGEST or ":more:" in alert.id:  # about several things: what they have in common
        assert of_the_stack
        assert (alert.region is None) == (alert.source is None)
        return
    assert [alert.source, alert.target].count(None) == (2 if of_the_stack else 1)
    assert (alert.region is None) == (alert.source is None)
    assert alert.id.startswith(f"{alert.kind}:{alert.source or alert.target or 'stack'}:")


@every_alert
def test_an_alert_survives_its_json(alert: Alert) -> None:
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


@every_alert
def test_facts_have_labels_and_values_and_no_pre_signed_url(alert: Alert) -> None:
    assert all(label and value for label, value in alert.facts.items())
    assert "X-Amz-" not in msgspec.json.encode(alert).decode()


def test_every_example_has_an_id_of_its_own() -> None:
    assert len({alert.key for alert in EXAMPLES.values()}) == len(EXAMPLES)


def test_dates_are_shown_as_people_read_them() -> None:
    facts = EXAMPLES["rotated"].facts
    assert facts["new valid until"] == "2027-12-23 15:30 UTC (395 days left)"
    assert EXAMPLES["expired"].facts["valid until"] == "2026-11-21 15:30 UTC (expired 2 days ago)"


def test_a_certificate_is_described_in_reading_order() -> None:
    assert list(EXAMPLES["expired"].facts) == ["SHA-256", "subject", "issuer", "names", "valid from", "valid until"]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=65), "65 days left"),
        (timedelta(days=1, hours=23), "1 day left"),
        (timedelta(hours=23), "0 days left"),
        (timedelta(0), "0 days left"),
        (timedelta(seconds=-1), "expired today"),
        (timedelta(days=-1, seconds=-1), "expired 1 day ago"),
        (timedelta(days=-40), "expired 40 days ago"),
    ],
)
def test_days_left_are_whole_days_and_never_negative(left: timedelta, words: str) -> None:
    assert days(NOW + left, NOW) == words


def test_more_certificates_than_can_be_read_are_counted() -> None:
    lines = listed("came", [CURRENT] * 13, NOW)
    assert len(lines) == 11
    assert lines["came more"] == "and 3 more"


# What comes from outside


def test_nothing_that_steers_a_terminal_or_a_reader_is_left_of_a_name() -> None:
    shown = plain(NASTY)
    assert shown == "?[31mRED??Subject: you won?gnp.exe???? next ?"
    assert not [sign for sign in shown if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029"]


def test_names_in_other_scripts_stay_readable() -> None:
    assert plain("CN=Zürich Größe, 東京, Ελλάδα") == "CN=Zürich Größe, 東京, Ελλάδα"


def test_a_megabyte_is_cut_to_the_longest_that_is_shown() -> None:
    assert len(plain("x" * 1_000_000)) == 200
    assert plain("x" * 1_000_000).endswith("…")
    assert len(plain(" " * 1_000_000 + "x")) <= 200
    assert plain("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("throttled", "Throttled."),
        ("login.example.com refused it", "login.example.com refused it."),
        ("anchors/x.pem is gone!", "anchors/x.pem is gone!"),
        ("", ""),
    ],
)
def test_foreign_words_become_a_sentence(words: str, shown: str) -> None:
    assert sentence(words) == shown


def test_a_long_title_loses_the_end_of_its_subject_and_keeps_what_happened() -> None:
    title = headline(f"API Gateway domain {'a' * 63}.{'b' * 63}.example.com", "clients get in without a certificate")
    assert len(title) == TITLE
    assert title.startswith("API Gateway domain aaaa")
    assert title.endswith("...: clients get in without a certificate")


LABEL = "API Gateway domain data-actions.example.com"
LONG = "2 certificates will leave on 2026-05-02, wanted by nothing"


def test_a_long_title_of_a_target_loses_its_kind_before_its_name() -> None:
    assert headline(LABEL, LONG) == f"data-actions.example.com: {LONG}"
    assert headline("ALB trust store a", LONG) == f"ALB trust store a: {LONG}"
    assert headline("API Gateway domain a", LONG) == f"API Gateway domain a: {LONG}"
    several = "2 targets (data-actions.example.com, payments.example.com)"
    assert headline(several, LONG).startswith("2 targets (data-actions.e...: ")


def test_a_title_that_a_word_makes_too_long_still_names_its_target() -> None:
    alert = msgspec.structs.replace(EXAMPLES["removal_planned"], title=headline("API Gateway domain x.eu", LONG))
    assert alert.title == f"API Gateway domain x.eu: {LONG}"
    reminded = ending.reminder(alert, SINCE, 1)
    assert reminded.title == f"Still: x.eu: {LONG}"
    stamped = msgspec.structs.replace(alert, origin=Origin(stack="s", environment="production", region="eu-west-1"))
    assert subject(stamped) == f"[{alert.severity.upper()}][production] x.eu: {LONG}"


# Identity


def test_the_same_condition_alerted_later_has_the_same_id_and_a_second_one_does_not() -> None:
    def failing(since: timedelta, told: timedelta) -> str:
        return builders.source_failing(
            source=SOURCE,
            reason=SourceReason.THROTTLED,
            message="429",
            authority=None,
            since=SINCE + since,
            last_good=None,
            now=NOW + told,
        ).id

    first = failing(timedelta(0), timedelta(0))
    assert failing(timedelta(0), timedelta(hours=9)) == first
    assert failing(timedelta(days=1), timedelta(days=1)) != first


def test_a_certificate_is_announced_by_its_fingerprint_and_authority() -> None:
    def announced(authority: str, hours: int = 0) -> str:
        return builders.upcoming_published(
            source=SOURCE, authority=authority, upcoming=UPCOMING, current=None, now=NOW + timedelta(hours=hours)
        ).id

    assert announced("DigiCert") == announced("DigiCert", hours=5)
    assert announced("DigiCert") != announced("Genesys")
    assert UPCOMING.fingerprint in announced("DigiCert")


def test_an_update_is_known_by_content_and_by_when_it_was_asked_for() -> None:
    alert = EXAMPLES["truststore_updated"]
    assert alert.id == f"truststore-updated:alb:{'5e' * 32}:20261123T083000Z"


def test_severities_say_who_has_to_get_up_at_night() -> None:
    critical = {name for name, alert in EXAMPLES.items() if alert.severity is Severity.CRITICAL}
    assert critical == {
        "rotated_early",
        "early_at_first",
        "issuer_changed",
        "quarantined_for_good",
        "quarantined_on_day_one",
        "anchor_missing",
        "expired",
        "expiring_now",
        "source_failing",
        "truststore_update_failed",
        "truststore_bucket_unusable",
        "truststore_held",
        "configuration_refused",
        "configuration_forged",
        "alerts_forged",
        "state_deleted",
        "history_deleted",
        "rolled_back",
        "change_planned_refusing",
        "filters_planned_refusing",
        "filters_unnamed",
        "filters_not_updated",
        "mtls_off",
        "mtls_off_domain",
        "mtls_off_listener",
        "file_damaged_key",
        "filtered_out",
        "ocsp_unanswered",
        "mtls_off_distribution",
        "left_out_needed",
        "still_trusted",
        "target_locked",
        "state_forged",
        "revoked",
        "approved",
        "revoked_and_replaced",
        "revoked_ca",
        "crl_stale_overdue",
        "crl_stale_cut_off",
        "revocations_behind_open",
        "more_alike",
    }, "name each example that is critical here, and no other"
    info = {name for name, alert in EXAMPLES.items() if alert.severity is Severity.INFO}
    assert info == {
        "upcoming_published",
        "rotated",
        "expiring_later",
        "resolved_source",
        "trial",
        "truststore_updated",
        "filters_updated",
        "removal_planned",
        "resolved",
        "summed_up",
        "weekly",
    }, "name each example that is for information alone here, and no other"


@pytest.mark.parametrize("label", ["ALB trust store a", f"ALB trust store {'a' * 60}"])
@pytest.mark.parametrize("kind", Kind)
def test_an_end_and_a_reminder_say_whole_what_was_the_matter_and_cut_what_it_is_about(label: str, kind: Kind) -> None:
    over = builders.resolved(
        subject=TargetName("alb", ALB.arn, label),
        kind=kind,
        opened=None,
        reason=None,
        since=SINCE,
        severity=None,
        reminders=0,
        why="",
        goes_on=None,
        now=NOW,
    )
    opened = msgspec.structs.replace(over, title=over.title.removeprefix("Over: "))
    still = ending.reminder(opened, SINCE, 1)
    matter = over.title.rpartition(": ")[2]
    assert matter == ending.MEANS.get(kind, (f"what was alerted as {kind}",))[0]
    assert still.title.endswith(f": {matter}")
    assert "......" not in still.title
    assert max(len(over.title), len(still.title)) <= TITLE


@pytest.mark.parametrize("name", ["resolved", "reminder", "drift_found"])
def test_a_notification_says_once_that_something_is_over_or_lasts(name: str) -> None:
    summary = chat.of_alert(DELIVERED[name]).summary
    assert summary.count("Over:") == summary.count("Still:") == 0
    assert summary.startswith(
        {"resolved": "OVER [prod]: ", "reminder": "REMINDER [prod]: "}.get(name, "WARNING [prod]: ")
    )


OURS = r"(named|said|words|warnings|message|see) above|\b(anchors?(?!/)|observations?|grace|episode|outbox)\b"


@every_alert
def test_sentences_neither_point_upwards_nor_use_words_that_only_our_code_has(alert: Alert) -> None:
    found = re.findall(rf"(?:{OURS})", " ".join([alert.title, *paragraphs(alert)]))
    assert found == [], "people read this without our documents"
