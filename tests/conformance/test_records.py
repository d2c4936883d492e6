"""Where a record of a real account disagrees with what the local world claims, these tests fail."""

import re
from pathlib import Path

import msgspec
import pytest

from genesys_certs.conformance.model import Answer, Outcome, Record, claims, read_record, write_record
from genesys_certs.conformance.redaction import Redactor
from tests.conformance.records import RECORDS, disagreements


def record(service: str = "alb", **answers: Answer) -> Record:
    named = {name.replace("__", ".").replace("_", "-"): answer for name, answer in answers.items()}
    return Record(
        format=1, service=service, date="2026-11-28", region="us-east-1", sdk="1.44.8", kit="0.1.0", answers=named
    )


def test_no_record_of_reality_disagrees_with_what_the_local_world_claims() -> None:
    assert disagreements(RECORDS) == {}, (
        "the local world is wrong there: mend it, and run `python -m tests.conformance`"
    )


def test_every_record_names_nothing_personal_and_bears_its_services_name_and_date() -> None:
    for path in RECORDS.glob("*.json"):
        content = path.read_text()
        assert Redactor([]).leaks(content) == [], path.name
        held = read_record(content.encode())
        assert re.fullmatch(rf"{held.service}-{held.date}(-[0-9]+)?\.json", path.name)


def test_a_record_that_disagrees_is_found_by_its_outcome_its_code_and_its_facts(tmp_path: Path) -> None:
    made_up = record(
        alb__bundle__crlf=Answer(outcome=Outcome.REFUSED, code="InvalidCaCertificatesBundle", facts={"kept": True}),
        alb__error__no_store=Answer(outcome=Outcome.REFUSED, code="ValidationError"),
        alb__read_back__url_life=Answer(outcome=Outcome.TAKEN, facts={"good_for_seconds": 300}),
        alb__bundle__two_roots=claims()["alb.bundle.two-roots"],
        alb__bundle__leaf=Answer(outcome=Outcome.NOT_ASKED, code="AccessDenied"),
        alb__bundle__unheard_of=Answer(outcome=Outcome.TAKEN),
    )
    (tmp_path / "alb-2026-11-28.json").write_bytes(write_record(made_up))
    found = {place.partition(": ")[2]: words for place, words in disagreements(tmp_path).items()}
    assert found == {
        "alb.bundle.crlf": (
            "claimed taken (certificates=2, read_back=literal),"
            " answered refused InvalidCaCertificatesBundle (kept=True)"
        ),
        "alb.error.no-store": "claimed refused TrustStoreNotFound, answered refused ValidationError",
        "alb.read-back.url-life": "claimed taken (good_for_seconds=600), answered taken (good_for_seconds=300)",
        "alb.bundle.unheard-of": "no such probe",
    }


def test_texts_and_times_are_no_disagreement(tmp_path: Path) -> None:
    claim = claims()["alb.bundle.leaf"]
    other = msgspec.structs.replace(claim, text="Certificate is not a CA", seconds=4.5)
    (tmp_path / "alb-2026-11-28.json").write_bytes(write_record(record(alb__bundle__leaf=other)))
    assert disagreements(tmp_path) == {}


@pytest.mark.parametrize("change", [{"format": 2}, {"account": "123456789012"}])
def test_what_is_no_record_of_this_format_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    document = msgspec.json.decode(write_record(record())) | change
    (tmp_path / "alb-2026-11-28.json").write_bytes(msgspec.json.encode(document))
    with pytest.raises(msgspec.ValidationError):
        disagreements(tmp_path)
