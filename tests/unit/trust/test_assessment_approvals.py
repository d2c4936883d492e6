"""What an operator's word lifts, and what it never does."""

from datetime import timedelta

import pytest

from rotation_watcher.trust.assessment import APPROVABLE
from rotation_watcher.trust.findings import Finding, Reason, Remark
from rotation_watcher.x509.certificates import Defect
from tests.support.judging import ISSUING, LEAF, OWN_LEAF, OWN_ROOT, ROOT, judge, reasons, word
from tests.support.pki import (
    ANY,
    DAY,
    NOW,
    SERVER,
    Pair,
    intermediate,
    leaf,
    rsa_key,
)


def test_what_an_approval_can_lift_is_lifted_and_stays_listed() -> None:
    for presented, lifted in (
        ([leaf(ROOT, names=["other.example"])], Reason.NAME_MISMATCH),
        ([leaf(ROOT, names=None, common=None)], Reason.NO_NAME),
        ([leaf(ROOT, eku=ANY)], Reason.NO_CLIENT_AUTH),
        ([OWN_LEAF, OWN_ROOT], Reason.CHAIN_UNTRUSTED),
    ):
        before = judge(*presented)
        assert (before.verdict.accepted, before.verdict.approvable, before.verdict.lifted) == (False, True, ())
        after = judge(*presented, approval=word(presented[0]))
        assert after.verdict.accepted
        assert [finding.code for finding in after.verdict.lifted] == [lifted] == reasons(before)
        assert after.verdict.remarks[-1] == Finding(Remark.APPROVED, "by ops: INC-7")


def test_an_approved_chain_ends_in_its_own_root() -> None:
    for anchors in ((ROOT,), ()):
        assessed = judge(OWN_ROOT, OWN_LEAF, anchors=anchors, approval=word(OWN_LEAF))
        assert assessed.verdict.accepted
        assert assessed.chain == (OWN_LEAF.read, OWN_ROOT.read)


def test_an_unanchored_leaf_cannot_be_approved_without_a_root_of_its_own() -> None:
    for presented in ([OWN_LEAF], [LEAF, ISSUING]):
        assessed = judge(*presented, anchors=(), approval=word(presented[0]))
        assert reasons(assessed) == [Reason.ANCHOR_MISSING]
        assert not assessed.verdict.approvable


def test_a_chain_to_its_own_root_is_held_to_the_same_purpose() -> None:
    servers = intermediate("Servers", OWN_ROOT, eku=SERVER)
    presented = leaf(servers), servers, OWN_ROOT
    assert reasons(judge(*presented)) == [Reason.CHAIN_UNTRUSTED, Reason.NO_CLIENT_AUTH]
    lifted = judge(*presented, approval=word(presented[0])).verdict.lifted
    assert [finding.code for finding in lifted] == [Reason.CHAIN_UNTRUSTED, Reason.NO_CLIENT_AUTH]


def test_an_approval_counts_for_its_fingerprint_and_until_its_end() -> None:
    rogue = leaf(ROOT, names=["other.example"])
    assert not judge(rogue, approval=word(leaf(ROOT, names=["other.example"]))).verdict.accepted
    assert not judge(rogue, approval=word(ROOT)).verdict.accepted
    assert judge(rogue, approval=word(rogue, until=NOW)).verdict.accepted
    assert not judge(rogue, approval=word(rogue, until=NOW - timedelta(seconds=1))).verdict.accepted


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (leaf(ROOT, end=NOW - DAY), Reason.EXPIRED),
        (leaf(ROOT, key=rsa_key(1024)), Reason.WEAK_KEY),
        (leaf(ROOT, ca=True), Reason.LEAF_IS_CA),
    ],
)
def test_no_approval_lifts_what_no_target_would_take(made: Pair, code: Reason) -> None:
    assessed = judge(made, approval=word(made))
    assert reasons(assessed) == [code]
    assert not assessed.verdict.approvable
    assert code not in APPROVABLE


def test_no_approval_lifts_anything_beside_a_defect() -> None:
    rogue = leaf(ROOT, names=["other.example"])
    assessed = judge(rogue, approval=word(rogue), defects=[Defect("private-key", "x")])
    assert reasons(assessed) == [Reason.MALFORMED, Reason.NAME_MISMATCH]
    assert assessed.verdict.lifted == ()


def test_an_approval_of_what_needs_none_changes_nothing() -> None:
    assert judge(LEAF, ISSUING, approval=word(LEAF)) == judge(LEAF, ISSUING)
