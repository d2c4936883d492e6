"""The decision: every hostile case has its reason, whatever is presented, and nothing raises."""

import json
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.identity.decision import ADMITTED, LIST_UNKNOWN, REFUSED, decide
from rotation_watcher.identity.policy import MAX_BYTES, Policy, PolicyError, read_policy
from rotation_watcher.trust.assessment import assess
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.identity_filters import admits
from tests.support import doors
from tests.support.doors import Case, cases, leaves, policy_bytes, presented
from tests.support.pki import CLIENT, NAME, NOW, Pair, ec_key, make


def policy(word: str = "strict") -> Policy | None:
    try:
        return read_policy(policy_bytes(word))
    except PolicyError:
        return None


@pytest.mark.parametrize("case", cases("decision"), ids=lambda case: case.name)
def test_what_is_presented_gets_its_reason(case: Case) -> None:
    found = decide(presented(case.leaf), policy(case.policy), NOW, doors.revoked(), region=case.region)
    assert (found.allowed, found.reason) == (case.allowed, case.reason)
    assert found.reason in {*ADMITTED, *REFUSED}


def test_every_reason_but_the_age_of_the_policy_has_a_case() -> None:
    assert {case.reason for case in cases("decision")} == {*ADMITTED, *REFUSED} - {"policy-too-old"}


@pytest.mark.parametrize("leaf", sorted(leaves()))
@pytest.mark.parametrize("unknown", ["strict", "name"])
def test_no_leaf_is_admitted_by_its_name_that_collect_would_quarantine(leaf: str, unknown: str) -> None:
    found = decide(presented(leaf), policy(unknown), NOW, doors.revoked())
    assessed = assess(
        [leaves()[leaf].read, doors.shared_ca().read],
        defects=(),
        anchors=[one.read for one in (*doors.roots(), doors.shared_root())],
        expected=Expected((NAME,)),
        approval={},
        now=NOW,
    )
    if found.allowed and found.reason != "pinned":
        assert assessed.verdict.accepted, assessed.verdict.reasons
    if found.reason in {"weak-key", "weak-signature", "no-client-auth", "chain-untrusted"}:
        assert found.reason in {one.code for one in assessed.verdict.reasons}


KELVIN = "\N{KELVIN SIGN}"
"""What Python writes in lower case as an ASCII ``k``; TLS engines and DNS fold the letters of ASCII alone."""


def test_a_name_with_a_sign_that_only_looks_like_its_letter_is_another_name() -> None:
    ours, odd = "desk.example", f"des{KELVIN}.example"
    stranger = make(odd, doors.roots()[0], names=None, eku=CLIENT)
    document = doors.document()
    document["rules"] = [one | {"names": [ours]} for one in document["rules"]]
    found = decide(stranger.pem, read_policy(json.dumps(document).encode()), NOW, doors.revoked())
    assert (found.allowed, found.reason) == (False, "wrong-name")
    assessed = assess(
        [stranger.read],
        defects=(),
        anchors=[doors.roots()[0].read],
        expected=Expected((ours,)),
        approval={},
        now=NOW,
    )
    assert [one.code for one in assessed.verdict.reasons] == ["name-mismatch"]
    assert admits([f"subject-cn exact {ours}"], stranger.read) is False
    large = make(ours.upper(), doors.roots()[0], names=None, eku=CLIENT)
    assert decide(large.pem, read_policy(json.dumps(document).encode()), NOW, doors.revoked()).reason == "issued"


def test_who_it_is_comes_with_the_answer() -> None:
    found = decide(presented("digicert"), policy(), NOW, doors.revoked())
    assert found.who == doors.DIGICERT
    assert found.sha256 == leaves()["digicert"].read.fingerprint
    assert found.wake is None


def test_only_a_new_leaf_of_the_right_name_under_the_right_ca_wakes_its_source() -> None:
    woken = {leaf for leaf in leaves() if decide(presented(leaf), policy(), NOW, doors.revoked()).wake}
    assert woken == {"off-cycle"}
    assert decide(presented("off-cycle"), policy(), NOW, doors.revoked()).wake == "use1"


def test_a_leaf_whose_issuers_list_is_unknown_is_admitted_with_a_remark() -> None:
    known = decide(presented("renewed"), policy(), NOW, doors.revoked())
    unknown = decide(presented("renewed"), policy(), NOW)
    assert (known.allowed, known.remark) == (True, None)
    assert (unknown.allowed, unknown.remark) == (True, LIST_UNKNOWN)


def test_a_pin_whose_issuer_is_not_known_is_admitted_with_a_remark() -> None:
    pins = [one | {"issuer_key": None} for one in doors.document()["pins"]]
    held = read_policy(json.dumps(doors.document() | {"pins": pins}).encode())
    found = decide(presented("digicert"), held, NOW, doors.revoked())
    assert (found.reason, found.remark) == ("pinned", LIST_UNKNOWN)


def test_the_other_list_of_an_issuer_does_not_hide_that_one_names_the_leaf() -> None:
    held = read_policy(policy_bytes())
    twice = held._replace(rules=(held.rules[0], held.rules[0]))
    assert decide(presented("revoked"), twice, NOW, doors.revoked()).reason == "revoked"


def test_a_ca_that_stands_under_two_others_is_held_to_the_one_that_allows_more() -> None:
    fence = x509.NameConstraints([x509.DNSName("mypurecloud.com")], None), True
    key, upper_key = ec_key(), ec_key()
    bound, free = (make("Upper", doors.shared_root(), key=upper_key, ca=True, extra=more) for more in ([fence], []))
    lower = make("Lower", bound, key=key, ca=True)
    leaf = make(NAME, lower, names=(NAME, "bank.example.com"), eku=CLIENT)
    rule = doors.document()["rules"][0] | {"issuers": [doors.issuer(lower)]}

    def answer(*above: Pair) -> str:
        rules = [rule | {"above": [doors.issuer(one) for one in above]}]
        return decide(leaf.pem, read_policy(json.dumps(doors.document() | {"rules": rules}).encode()), NOW).reason

    assert answer() == "issued"
    assert answer(bound, doors.shared_root()) == "chain-untrusted"
    assert answer(bound, free, doors.shared_root()) == "issued"


def test_a_ca_that_is_past_its_validity_vouches_for_nobody() -> None:
    late = doors.root().raw.not_valid_after_utc + timedelta(seconds=1)
    leaf = doors.client(NAME, doors.root(), end=late + timedelta(days=9))
    assert decide(leaf.pem, policy(), NOW, doors.revoked()).reason == "issued"
    assert decide(leaf.pem, policy(), late, doors.revoked()).reason == "wrong-issuer"


def test_names_are_compared_without_case_and_final_dot() -> None:
    leaf = doors.client(f"{NAME.upper()}.", doors.root())
    assert decide(leaf.pem, policy(), NOW, doors.revoked()).allowed


@pytest.mark.parametrize("leaf", [b"-----BEGIN CERTIFICATE-----", 7, ["x"], object(), {"a": 1}, "\x00", "é" * 50])
def test_what_is_no_text_is_refused(leaf: object) -> None:
    assert decide(leaf, policy(), NOW, doors.revoked()).reason == "unreadable"


def test_a_list_that_fails_lets_nobody_in() -> None:
    def broken(_key: str, _serial: int) -> bool:
        raise OSError("the disk is gone")

    assert decide(presented("genesys"), policy(), NOW, broken).allowed is False


@given(st.integers(0, 20_000), st.integers(0, 255))
def test_no_changed_octet_of_a_file_lets_a_stranger_in_or_raises(at: int, octet: int) -> None:
    body = bytearray(policy_bytes())
    body[at % len(body)] = octet
    try:
        changed = read_policy(bytes(body))
    except PolicyError:
        return
    assert not decide(presented("customer"), changed, NOW, doors.revoked()).allowed


@pytest.mark.parametrize(
    "change",
    [
        {"format": "1"},
        {"rules": None},
        {"pins": [{}]},
        {"pins": [7]},
        {"lists": [{"issuer_key": "0" * 64, "folder": "crls/../bundles"}]},
        {"revoked": ["0" * 63]},
        {"revoked": None},
        {"format": True},
        {"revoked": "0" * 64},
        {"rules": [doors.document()["rules"][0] | {"mode": "open"}]},
        {"rules": [doors.document()["rules"][0] | {"unknown": "let in"}]},
        {"rules": [doors.document()["rules"][0] | {"names": [7]}]},
        {"pins": [doors.document()["pins"][0] | {"until": "2026-01-01T00:00:00"}]},
        {"pins": [doors.document()["pins"][0] | {"sha256": "AB" * 32}]},
    ],
)
def test_a_file_that_is_not_understood_is_refused_as_a_whole(change: dict[str, object]) -> None:
    with pytest.raises(PolicyError):
        read_policy(json.dumps(doors.document() | change).encode())


def test_a_file_without_bounds_is_not_read() -> None:
    with pytest.raises(PolicyError, match="at most"):
        read_policy(b" " * (MAX_BYTES + 1))
    with pytest.raises(PolicyError):
        read_policy(b"[" * 100_000)
