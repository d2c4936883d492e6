"""Mails are read at 78 columns, copied from, and let through by SNS."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.alerts.mail import WIDTH, subject, text
from rotation_watcher.alerts.model import Alert, Severity
from tests.support.alert_examples import EXAMPLES

every_alert = pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
SNS_SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
"""SNS: ASCII, opening with a letter, number or punctuation mark, no line break or control character, under 100."""


def section(body: str, heading: str) -> list[str]:
    """Give the lines below a heading."""
    lines = body.splitlines()
    start = lines.index(heading) + 1
    return lines[start : start + lines[start:].index("")]


@every_alert
def test_a_subject_is_one_that_sns_takes_and_holds_severity_and_the_whole_title(alert: Alert) -> None:
    assert SNS_SUBJECT.fullmatch(subject(alert))
    assert subject(alert) == f"[{alert.severity.upper()}] {alert.title}"


@given(st.text(max_size=300))
def test_no_title_whatever_makes_a_subject_that_sns_refuses(title: str) -> None:
    alert = msgspec.structs.replace(EXAMPLES["expired"], title=title)
    assert SNS_SUBJECT.fullmatch(subject(alert))


def test_a_subject_that_is_too_long_ends_with_dots() -> None:
    alert = msgspec.structs.replace(EXAMPLES["expired"], title="x" * 300)
    assert len(subject(alert)) == 99
    assert subject(alert).endswith("x...")


@every_alert
def test_only_what_is_to_be_copied_is_wider_than_78_columns(alert: Alert) -> None:
    wide = [line.strip().removesuffix(":") for line in text(alert).splitlines() if len(line) > WIDTH]
    _, *commands = alert.what_to_do.split("\n")
    assert set(wide) <= {*commands, f"Alert id: {alert.id}", *alert.facts.values()}


@every_alert
def test_a_command_stands_whole_on_a_line_of_its_own(alert: Alert) -> None:
    sentences, *commands = alert.what_to_do.split("\n")
    lines = section(text(alert), "WHAT TO DO")
    assert " ".join(lines) == sentences
    for command in commands:
        assert f"\n\n    {command}\n" in text(alert)


@every_alert
def test_every_word_of_the_alert_is_in_the_mail(alert: Alert) -> None:
    words = text(alert).split()
    for part in (alert.title, alert.what_happened, alert.what_it_means, alert.what_to_do, *alert.facts.values()):
        assert set(part.split()) <= set(words)
    assert text(alert).rstrip().splitlines()[-2] == f"Alert id: {alert.id}"


@every_alert
def test_the_paragraphs_come_in_the_order_of_their_questions(alert: Alert) -> None:
    questions = ["WHAT HAPPENED", "WHAT IT MEANS FOR YOU", "WHAT TO DO", "FACTS"]
    assert [line for line in text(alert).splitlines() if line in questions] == questions


@pytest.mark.parametrize(
    ("name", "urgency"),
    [("mtls_off", "CRITICAL: please act now."), ("quota_near", "Warning: "), ("rotated", "For your information.")],
)
def test_the_first_line_says_how_urgent_it_is(name: str, urgency: str) -> None:
    assert text(EXAMPLES[name]).startswith(urgency)


def test_values_are_aligned_and_continue_below_each_other() -> None:
    lines = section(text(EXAMPLES["expired"]), "FACTS")
    columns = {line.index(value) for line in lines for value in ("2026-11-23", "CN=", "2025-") if value in line}
    assert columns == {18}
    assert "                  Services\\, Inc.,L=Menlo Park,ST=California,C=US" in lines


def test_a_word_too_long_for_its_column_stands_on_its_own_line() -> None:
    fingerprint = EXAMPLES["expired"].facts["SHA-256"]
    lines = section(text(EXAMPLES["expired"]), "FACTS")
    assert lines[lines.index("  SHA-256:") + 1] == f"      {fingerprint}"


def test_source_region_and_authority_are_among_the_facts() -> None:
    body = text(EXAMPLES["expired"])
    for line in (
        "source:         use1",
        "Genesys region: us-east-1",
        "authority:      DigiCert",
        "at:             2026-11-23 15:30 UTC",
    ):
        assert f"\n  {line}\n" in body


@given(st.sampled_from(Severity), st.dictionaries(st.text(max_size=60), st.text(max_size=300), max_size=5))
def test_no_facts_whatever_stop_a_mail(severity: Severity, facts: dict[str, str]) -> None:
    alert = msgspec.structs.replace(EXAMPLES["expired"], severity=severity, facts=facts)
    assert text(alert).endswith("it carries the same id.\n")
