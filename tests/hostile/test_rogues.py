"""Each rogue of ``cases.toml``, read and judged as the watcher does it: exactly the reasons that are written there."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rotation_watcher.trust.approvals import APPROVABLE, Approval
from rotation_watcher.trust.assessment import Assessed, assess
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.certificates import Parsed, parse_text
from tests.hostile.rogues import ROGUES, ROOT
from tests.support import openssl
from tests.support.pki import NAME, NOW
from tests.support.processor import within

CASES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())


def judge(parsed: Parsed, approval: dict[str, Approval] | None = None) -> Assessed:
    return assess(
        parsed.certificates,
        defects=parsed.defects,
        anchors=[ROOT.read],
        expected=Expected((NAME,)),
        approval=approval or {},
        now=NOW,
    )


def test_every_case_has_its_builder_and_every_builder_its_case() -> None:
    assert [*CASES] == [*ROGUES]
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES)
def test_a_rogue_gets_exactly_the_verdict_that_is_written(case: str) -> None:
    expected, text = CASES[case], ROGUES[case]()
    with within(1):
        parsed = parse_text(text)
        verdict = judge(parsed).verdict
    assert [defect.code for defect in parsed.defects] == expected.get("defects", [])
    assert [finding.code for finding in verdict.reasons] == expected.get("reasons", [])
    assert [finding.code for finding in verdict.remarks if verdict.accepted] == expected.get("remarks", [])
    assert verdict.accepted == expected.get("accepted", False)
    assert verdict.approvable == expected.get("approvable", False)


@pytest.mark.parametrize("case", CASES)
def test_an_operators_word_lets_only_the_approvable_pass(case: str) -> None:
    expected, parsed = CASES[case], parse_text(ROGUES[case]())
    verdict = judge(parsed).verdict
    root = verdict.root.fingerprint if verdict.root else None
    word = Approval(by="ops", why="a mistake", reasons=tuple(APPROVABLE), root=root)
    words = {one.fingerprint: word for one in parsed.certificates}
    allowed = expected.get("accepted", False) or expected.get("approvable", False)
    assert judge(parsed, words).verdict.accepted == allowed


@pytest.mark.parametrize("case", [case for case, expected in CASES.items() if expected.get("accepted")])
def test_what_is_accepted_openssl_accepts_as_well(case: str) -> None:
    judged = judge(parse_text(ROGUES[case]()))
    leaf, chain = judged.leaf, judged.chain
    assert judged.verdict.accepted
    assert leaf is not None
    at = max(NOW, leaf.facts.not_before)
    assert openssl.accepts(leaf, intermediates=chain[1:-1], anchors=chain[-1:], at=at)


@pytest.mark.parametrize("case", [case for case in CASES if "private-key" in case])
def test_nothing_of_a_private_key_is_reported(case: str) -> None:
    text = ROGUES[case]()
    parsed = parse_text(text)
    told = repr((parsed.defects, judge(parsed).verdict, [one.facts for one in parsed.certificates]))
    lines = {line for line in text.splitlines() if not line.startswith("-----")}
    assert not [line for line in lines if line[:16] in told]
