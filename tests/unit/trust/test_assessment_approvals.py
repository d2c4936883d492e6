"""What an operator's word lifts, and what it never does."""

from datetime import timedelta

import pytest

from rotation_watcher.trust.approvals import APPROVABLE, INSUFFICIENT, OTHER_ROOT
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
    root,
    rsa_key,
)

OWN_ISSUING = intermediate("Issuing", OWN_ROOT)
OWN_LEAF_BELOW = leaf(OWN_ISSUING)


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
        assert after.verdict.remarks == (*before.verdict.remarks, Finding(Remark.APPROVED, "by ops: INC-7"))


def test_an_approved_chain_ends_in_its_own_root() -> None:
    for anchors in ((ROOT,), ()):
        assessed = judge(OWN_ROOT, OWN_LEAF, anchors=anchors, approval=word(OWN_LEAF))
        assert assessed.verdict.accepted
        assert assessed.chain == (OWN_LEAF.read, OWN_ROOT.read)


def test_an_unanchored_leaf_cannot_be_approved_without_a_root_of_its_own() -> None:
    for presented in ([OWN_LEAF], [LEAF, ISSUING]):
        assessed = judge(*presented, anchors=(), approval=word(presented[0]))
        assert reasons(assessed) == [Reason.ANCHOR_MISSING, OTHER_ROOT]
        assert (assessed.verdict.approvable, assessed.verdict.rootless) == (False, True)


def test_a_leaf_alone_is_approved_with_the_root_that_the_operator_adds() -> None:
    for anchors in ((ROOT,), ()):
        assessed = judge(OWN_LEAF, anchors=anchors, approval=word(OWN_LEAF, above=[OWN_ROOT]))
        assert assessed.verdict.accepted
        assert (assessed.chain, assessed.verdict.root) == ((OWN_LEAF.read, OWN_ROOT.read), OWN_ROOT.read)


def test_a_leaf_without_its_intermediate_is_approved_with_it_under_a_root_that_is_an_anchor() -> None:
    approval = word(LEAF, root=ROOT, above=[ISSUING])
    assert judge(LEAF).verdict.rootless
    assert judge(LEAF, approval=approval).chain == (LEAF.read, ISSUING.read, ROOT.read)


def test_what_the_operator_added_counts_under_the_named_root_alone() -> None:
    other = root("Other")
    assessed = judge(OWN_LEAF, approval=word(OWN_LEAF, root=other, above=[OWN_ROOT]))
    assert reasons(assessed) == [Reason.CHAIN_UNTRUSTED, OTHER_ROOT]
    assert assessed.verdict.root is None


def test_an_approval_lifts_no_reason_that_it_does_not_name() -> None:
    rogue = leaf(OWN_ROOT, names=["other.example"])
    for named, lacking in (
        ([Reason.NAME_MISMATCH], "chain-untrusted"),
        ([Reason.CHAIN_UNTRUSTED], "name-mismatch"),
        ([Reason.NO_CLIENT_AUTH], "chain-untrusted, name-mismatch"),
    ):
        assessed = judge(rogue, OWN_ROOT, approval=word(rogue, reasons=named))
        assert reasons(assessed) == [Reason.CHAIN_UNTRUSTED, Reason.NAME_MISMATCH, INSUFFICIENT]
        assert assessed.verdict.reasons[-1].detail == f"there is an approval, but not for {lacking}"
        assert assessed.verdict.lifted == ()


def test_an_approval_of_a_chain_lifts_it_under_its_own_root_alone_whatever_else_is_presented() -> None:
    rogue = root("Rogue")
    crossed = intermediate("Issuing", rogue, key=OWN_ISSUING.key)
    for presented in ((crossed, rogue), (crossed, rogue, OWN_ISSUING), (crossed,)):
        assert not judge(OWN_LEAF_BELOW, *presented, approval=word(OWN_LEAF_BELOW)).verdict.accepted
    assessed = judge(OWN_LEAF_BELOW, crossed, rogue, OWN_ISSUING, OWN_ROOT, approval=word(OWN_LEAF_BELOW))
    assert assessed.chain == (OWN_LEAF_BELOW.read, OWN_ISSUING.read, OWN_ROOT.read)


def test_a_missing_anchor_and_a_wrong_one_are_the_same_to_an_approval_that_names_the_root() -> None:
    for named in (Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED):
        for anchors in ((ROOT,), ()):
            approval = word(OWN_LEAF, reasons=[named])
            assert judge(OWN_LEAF, OWN_ROOT, anchors=anchors, approval=approval).verdict.accepted


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
