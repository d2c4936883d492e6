"""Approvals: forgiving of unknown fields, strict on types and times."""

from datetime import UTC, datetime, timedelta

import pytest

from rotation_watcher.trust.approvals import INVALID, Approval, decode_approval
from rotation_watcher.trust.findings import Finding
from tests.support.pki import NOW

FINGERPRINT = "ab" * 32


def test_an_approval_is_read_and_its_end_is_utc() -> None:
    data = b'\xef\xbb\xbf{"by": "ops", "why": "new root, INC-7", "until": "2027-01-01T01:00:00+01:00", "ticket": 7}'
    approval = decode_approval(data, FINGERPRINT)
    assert approval == Approval(by="ops", why="new root, INC-7", until=datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(approval, Approval)
    assert approval.until is not None
    assert approval.until.tzinfo is UTC


def test_what_an_approval_covers_is_read_and_its_root_is_64_lower_case_digits() -> None:
    shouted = ":".join(["AB"] * 32)
    data = f'{{"by": "ops", "why": "x", "reasons": ["chain-untrusted"], "root": "{shouted}"}}'.encode()
    approval = decode_approval(data, FINGERPRINT)
    assert approval == Approval(by="ops", why="x", reasons=("chain-untrusted",), root="ab" * 32)


@pytest.mark.parametrize(
    ("reasons", "codes", "root", "covered"),
    [
        (("name-mismatch",), ["name-mismatch"], None, True),
        (("name-mismatch",), ["name-mismatch", "no-client-auth"], None, False),
        (("name-mismatch",), ["chain-untrusted"], "aa", False),
        (("name-mismatch", "chain-untrusted"), ["chain-untrusted", "name-mismatch"], "aa", True),
        (("chain-untrusted",), ["anchor-missing"], "aa", True),
        (("chain-untrusted",), ["chain-untrusted"], "bb", False),
        (("chain-untrusted",), ["chain-untrusted"], None, False),
        (None, ["name-mismatch"], None, False),
        (None, ["chain-untrusted"], "aa", False),
    ],
)
def test_an_approval_covers_its_reasons_and_its_root_alone(
    reasons: tuple[str, ...] | None, codes: list[str], root: str | None, *, covered: bool
) -> None:
    assert Approval(by="ops", why="x", reasons=reasons, root="aa").covers(codes, root) == covered


def test_an_approval_of_the_former_form_covers_what_was_lifted_then() -> None:
    former = Approval(by="ops", why="x")
    then = former.completed([Finding("chain-untrusted", "…")], "aa")
    assert then.covers(["chain-untrusted"], "aa")
    assert not then.covers(["chain-untrusted"], "bb")
    assert not then.covers(["chain-untrusted", "name-mismatch"], "aa")
    assert then.completed([Finding("name-mismatch", "…")], "bb") == then


def test_an_approval_without_an_end_holds_for_ever() -> None:
    approval = decode_approval(b'{"by": "ops", "why": "x", "until": null}', FINGERPRINT)
    assert approval == Approval(by="ops", why="x")
    assert isinstance(approval, Approval)
    assert approval.holds(NOW + timedelta(days=36500))


def test_an_approval_holds_until_its_end_and_not_after() -> None:
    approval = Approval(by="ops", why="x", until=NOW)
    assert approval.holds(NOW)
    assert not approval.holds(NOW + timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "truncated"),
        (b"secret", "malformed"),
        (b"null", "Expected `object`"),
        (b'["secret"]', "Expected `object`"),
        (b'{"by": "ops"}', "`why`"),
        (b'{"by": 7, "why": "secret"}', "$.by"),
        (b'{"by": "ops", "why": " "}', "by and why"),
        (b'{"by": " ", "why": "secret"}', "by and why"),
        (b'{"by": "\xff", "why": "secret"}', "not readable"),
        (b'{"x": ' + b"[" * 100_000, "not readable"),
        (b'{"by": "ops", "why": "secret", "reasons": []}', "reasons must name"),
        (b'{"by": "ops", "why": "secret", "reasons": ["secret"]}', "reasons must name"),
        (b'{"by": "ops", "why": "secret", "reasons": ["expired"]}', "reasons must name"),
        (b'{"by": "ops", "why": "secret", "reasons": "name-mismatch"}', "$.reasons"),
        (b'{"by": "ops", "why": "secret", "reasons": ["chain-untrusted"]}', "must name its root"),
        (b'{"by": "ops", "why": "secret", "reasons": ["chain-untrusted"], "root": "secret"}', "SHA-256"),
        (b'{"by": "ops", "why": "secret", "until": "2027-01-01"}', "$.until"),
        (b'{"by": "ops", "why": "secret", "until": 1893456000}', "$.until"),
        (b'{"by": "ops", "why": "secret", "until": "2027-01-01T00:00:00"}', "time zone"),
        (b'{"by": "ops", "why": "secret", "until": "9999-12-31T23:00:00-23:00"}', "out of range"),
    ],
)
def test_what_is_wrong_is_reported_with_the_files_name_and_without_its_content(data: bytes, said: str) -> None:
    problem = decode_approval(data, FINGERPRINT)
    assert isinstance(problem, Finding)
    assert problem.code == INVALID
    assert problem.detail.startswith(f"approvals/{FINGERPRINT}.json: ")
    assert said in problem.detail
    assert "secret" not in problem.detail
