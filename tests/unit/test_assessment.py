"""Verdicts: promise 3, with approvals. The rogue certificates themselves are in ``tests/hostile``."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.assessment import APPROVABLE, Approval, Assessed, Finding, Reason, Remark, assess
from rotation_watcher.certificates import Certificate, Defect, parse_text
from tests.support.pki import (
    ANY,
    DAY,
    NAME,
    NOW,
    SERVER,
    Pair,
    intermediate,
    leaf,
    make,
    patched,
    pem_of,
    root,
    rsa_key,
    swap,
    usage,
)

ROOT = root()
ISSUING = intermediate("Issuing", ROOT)
LEAF = leaf(ISSUING)
OWN_ROOT = root("Own")
OWN_LEAF = leaf(OWN_ROOT)


def judge(
    *presented: Pair | Certificate,
    anchors: Sequence[Pair] = (ROOT,),
    expected: str | None = NAME,
    approval: Mapping[str, Approval] | None = None,
    now: datetime = NOW,
    defects: Sequence[Defect] = (),
) -> Assessed:
    return assess(
        [one.read if isinstance(one, Pair) else one for one in presented],
        defects=defects,
        anchors=[anchor.read for anchor in anchors],
        expected_name=expected,
        approval=approval or {},
        now=now,
    )


def reasons(assessed: Assessed) -> list[str]:
    assert assessed.verdict.accepted == (not assessed.verdict.reasons)
    return [finding.code for finding in assessed.verdict.reasons]


def remarks(assessed: Assessed) -> list[str]:
    return [finding.code for finding in assessed.verdict.remarks]


def word(*presented: Pair, until: datetime | None = None) -> dict[str, Approval]:
    return {one.read.fingerprint: Approval(by="ops", why="INC-7", until=until) for one in presented}


# --- accepted


def test_a_good_leaf_is_accepted_with_its_whole_path_and_nothing_to_remark() -> None:
    assessed = judge(LEAF, ISSUING)
    assert assessed.leaf == LEAF.read
    assert assessed.chain == (LEAF.read, ISSUING.read, ROOT.read)
    assert assessed.verdict.accepted
    assert assessed.verdict == type(assessed.verdict)(accepted=True)


def test_a_leaf_alone_is_accepted_where_its_root_signed_it() -> None:
    assert judge(leaf(ROOT)).verdict.accepted


@settings(max_examples=50, deadline=None, database=None)
@given(order=st.permutations([LEAF, LEAF, ISSUING, ROOT, root("Unrelated")]))
def test_order_duplicates_and_company_never_change_the_verdict(order: list[Pair]) -> None:
    once = list(dict.fromkeys(pair.read for pair in order))
    assert judge(*once) == judge(LEAF, ISSUING)


BAD_CHAIN = [leaf(OWN_ROOT, eku=ANY, names=["x.example"]), OWN_ROOT, ISSUING, intermediate("Own", OWN_ROOT)]


@settings(max_examples=24, deadline=None, database=None)
@given(order=st.permutations(BAD_CHAIN))
def test_order_never_changes_what_is_wrong_either(order: list[Pair]) -> None:
    assert judge(*order)._replace(chain=()) == judge(*BAD_CHAIN)._replace(chain=())


@settings(max_examples=24, deadline=None, database=None)
@given(order=st.permutations([ISSUING, intermediate("Other", ROOT), OWN_ROOT]))
def test_order_never_changes_which_ca_is_taken_for_the_leaf(order: list[Pair]) -> None:
    assert judge(*order).leaf == judge(ISSUING, *order).leaf


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"start": NOW + DAY, "end": NOW + 90 * DAY}, Remark.NOT_YET_VALID),
        ({"eku": None}, Remark.NO_EKU),
        ({"names": None}, Remark.NO_SAN),
        ({"key_usage": None}, Remark.NO_KEY_USAGE),
        ({"aki": False}, Remark.NO_AKI),
        ({"names": (NAME, "other.example")}, Remark.EXTRA_NAMES),
    ],
)
def test_what_is_merely_unusual_is_a_remark(more: dict[str, Any], code: Remark) -> None:
    assessed = judge(leaf(ROOT, **more))
    assert assessed.verdict.accepted
    assert remarks(assessed) == [code]


def test_an_upcoming_leaf_is_verified_when_it_becomes_valid_not_now() -> None:
    coming = root("Coming", start=NOW + 5 * DAY)
    assert judge(leaf(coming, start=NOW + 10 * DAY), anchors=[coming]).verdict.accepted
    assert reasons(judge(leaf(coming, start=NOW + DAY), anchors=[coming])) == [Reason.CHAIN_UNTRUSTED]
    ending = root("Ending", end=NOW + 5 * DAY)
    assert reasons(judge(leaf(ending, start=NOW + 10 * DAY), anchors=[ending])) == [Reason.CHAIN_UNTRUSTED]


# --- names


@pytest.mark.parametrize("expected", [NAME, NAME.upper(), None])
def test_names_are_compared_without_case_and_only_where_one_is_known(expected: str | None) -> None:
    assert judge(leaf(ROOT, names=[NAME.title()]), expected=expected).verdict.accepted


def test_an_unknown_name_enforces_nothing_and_remarks_no_further_names() -> None:
    assessed = judge(leaf(ROOT, names=["a.example", "b.example"]), expected=None)
    assert (assessed.verdict.accepted, remarks(assessed)) == (True, [])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"names": ["other.example"]}, Reason.NAME_MISMATCH),
        ({"names": ["other.example"], "common": NAME}, Reason.NAME_MISMATCH),
        ({"names": ["*.us-east-1.mypurecloud.com"]}, Reason.NAME_MISMATCH),
        ({"names": None, "common": "Other"}, Reason.NAME_MISMATCH),
        ({"names": None, "common": None}, Reason.NO_NAME),
    ],
)
def test_another_name_or_none_is_quarantined(more: dict[str, Any], code: Reason) -> None:
    assessed = judge(leaf(ROOT, **more))
    assert reasons(assessed) == [code]
    assert assessed.verdict.approvable


def test_a_flood_of_names_is_told_in_a_few() -> None:
    many = leaf(ROOT, names=[f"{number:03}.example" for number in range(100)])
    (finding,) = judge(many).verdict.reasons
    assert finding.detail == (
        f"it names 000.example, 001.example, 002.example, 003.example, 004.example and 95 more; expected {NAME}"
    )


# --- reasons


def test_every_reason_is_told_the_most_important_first() -> None:
    worst = leaf(OWN_ROOT, key=rsa_key(1024), names=["x.example"], eku=SERVER, end=NOW - DAY)
    assessed = judge(worst, OWN_ROOT, defects=[Defect("private-key", "a block PRIVATE KEY")])
    assert reasons(assessed) == [
        "malformed",
        "chain-untrusted",
        "no-client-auth",
        "name-mismatch",
        "weak-key",
        "expired",
    ]
    assert not assessed.verdict.approvable


def test_a_missing_anchor_is_told_from_an_untrusted_chain() -> None:
    assert reasons(judge(LEAF, ISSUING, anchors=())) == [Reason.ANCHOR_MISSING]
    assert reasons(judge(LEAF, ISSUING, anchors=(ISSUING,))) == [Reason.ANCHOR_MISSING]
    assert reasons(judge(LEAF, ISSUING, anchors=(OWN_ROOT,))) == [Reason.CHAIN_UNTRUSTED]
    assert reasons(judge(LEAF)) == [Reason.CHAIN_UNTRUSTED]


def test_a_ca_above_it_that_is_not_for_clients_is_no_client_auth() -> None:
    servers = intermediate("Servers", ROOT, eku=SERVER)
    assessed = judge(leaf(servers), servers)
    assert reasons(assessed) == [Reason.NO_CLIENT_AUTH]
    assert assessed.chain[-1] == ROOT.read


def test_a_missing_client_auth_is_told_once() -> None:
    servers = intermediate("Servers", ROOT, eku=SERVER)
    assert reasons(judge(leaf(servers, eku=SERVER), servers)) == [Reason.NO_CLIENT_AUTH]


def test_a_leaf_is_expired_only_after_its_last_moment() -> None:
    ending = leaf(ROOT, end=NOW)
    assert judge(ending).verdict.accepted
    assert reasons(judge(ending, now=NOW + timedelta(seconds=1))) == [Reason.EXPIRED]


def test_a_weak_root_is_found_though_it_is_only_an_anchor() -> None:
    weak = root("Weak", key=rsa_key(1024))
    assert reasons(judge(leaf(weak), weak, anchors=[weak])) == [Reason.CHAIN_UNTRUSTED, Reason.WEAK_KEY]


def test_a_defect_beside_a_good_leaf_quarantines_it_and_names_the_defect() -> None:
    assessed = judge(LEAF, ISSUING, defects=[Defect("bad-base64", "12 characters")])
    assert assessed.verdict.reasons == (Finding(Reason.MALFORMED, "bad-base64: 12 characters"),)
    assert assessed.leaf == LEAF.read


@pytest.mark.parametrize(
    ("presented", "code", "has_leaf"),
    [
        ([], Reason.NO_LEAF, False),
        ([LEAF, OWN_LEAF], Reason.SEVERAL_LEAVES, False),
        ([ROOT], Reason.LEAF_IS_CA, True),
        ([ROOT, ISSUING], Reason.LEAF_IS_CA, True),
    ],
)
def test_a_text_without_exactly_one_leaf_is_quarantined(presented: list[Pair], code: str, *, has_leaf: bool) -> None:
    assessed = judge(*presented, expected=None)
    assert code in reasons(assessed)
    assert not assessed.verdict.approvable
    assert (assessed.leaf is not None) == has_leaf


def test_an_issuer_without_ca_true_is_not_taken_for_a_second_leaf() -> None:
    false_issuer = make("Issuing", ROOT, ca=None, key_usage=usage(signs_certificates=True))
    assessed = judge(leaf(false_issuer), false_issuer)
    assert assessed.leaf is not None
    assert reasons(assessed) == [Reason.CHAIN_UNTRUSTED]


# --- approvals


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


def test_a_validity_that_ends_before_it_begins_is_malformed() -> None:
    made = leaf(ROOT, start=NOW + DAY, end=NOW + 2 * DAY)
    backwards = patched(made, ROOT.key, swap(b"261124120000Z", b"261126120000Z"), hashes.SHA256())
    (certificate,) = parse_text(pem_of(backwards)).certificates
    assessed = judge(certificate)
    assert Reason.MALFORMED in reasons(assessed)
    assert not assessed.verdict.approvable
