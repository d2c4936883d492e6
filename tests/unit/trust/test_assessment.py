"""Verdicts: nothing unproven is trusted. Approvals have a file of their own; the rogues are in ``tests/hostile``."""

import warnings
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.trust.assessment import assess
from rotation_watcher.trust.findings import Finding, Reason, Remark
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.certificates import Defect, parse_text
from tests.support import openssl
from tests.support.judging import ISSUING, LEAF, OWN_LEAF, OWN_ROOT, ROOT, judge, reasons, remarks
from tests.support.pki import (
    ANY,
    CLIENT,
    DAY,
    NAME,
    NOW,
    SERVER,
    Pair,
    ec_key,
    intermediate,
    leaf,
    make,
    patched,
    pem_of,
    rekeyed,
    root,
    rsa_key,
    swap,
    usage,
    written_out,
)

# --- accepted


def test_a_good_leaf_is_accepted_with_its_whole_path_and_nothing_to_remark() -> None:
    assessed = judge(LEAF, ISSUING)
    assert assessed.leaf == LEAF.read
    assert assessed.chain == (LEAF.read, ISSUING.read, ROOT.read)
    assert assessed.verdict.accepted
    assert assessed.verdict == type(assessed.verdict)(accepted=True)


def test_a_leaf_alone_is_accepted_where_its_root_signed_it() -> None:
    assert judge(leaf(ROOT)).verdict.accepted


@settings(max_examples=50, database=None)
@given(order=st.permutations([LEAF, LEAF, ISSUING, ROOT, root("Unrelated")]))
def test_order_duplicates_and_company_never_change_the_verdict(order: list[Pair]) -> None:
    once = list(dict.fromkeys(pair.read for pair in order))
    assert judge(*once) == judge(LEAF, ISSUING)


BAD_CHAIN = [leaf(OWN_ROOT, eku=ANY, names=["x.example"]), OWN_ROOT, ISSUING, intermediate("Own", OWN_ROOT)]


@settings(max_examples=24, database=None)
@given(order=st.permutations(BAD_CHAIN))
def test_order_never_changes_what_is_wrong_either(order: list[Pair]) -> None:
    assert msgspec.structs.replace(judge(*order), chain=()) == msgspec.structs.replace(judge(*BAD_CHAIN), chain=())


@settings(max_examples=24, database=None)
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


def test_of_two_common_names_without_a_san_neither_is_its_name() -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text) for text in (NAME, "other.example")])
    assert reasons(judge(make(subject, ROOT, names=None, eku=CLIENT))) == [Reason.NO_NAME]


def test_a_flood_of_names_is_reported_in_a_few() -> None:
    many = leaf(ROOT, names=[f"{number:03}.example" for number in range(100)])
    (finding,) = judge(many).verdict.reasons
    assert finding.detail == (
        f"it names 000.example, 001.example, 002.example, 003.example, 004.example and 95 more; expected {NAME}"
    )


# --- reasons


def test_every_reason_is_reported_the_most_important_first() -> None:
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


def test_a_missing_anchor_is_distinguished_from_an_untrusted_chain() -> None:
    assert reasons(judge(LEAF, ISSUING, anchors=())) == [Reason.ANCHOR_MISSING]
    assert reasons(judge(LEAF, ISSUING, anchors=(ISSUING,))) == [Reason.ANCHOR_MISSING]
    assert reasons(judge(LEAF, ISSUING, anchors=(OWN_ROOT,))) == [Reason.CHAIN_UNTRUSTED]
    assert reasons(judge(LEAF)) == [Reason.CHAIN_UNTRUSTED]


def test_a_ca_above_it_that_is_not_for_clients_is_no_client_auth() -> None:
    servers = intermediate("Servers", ROOT, eku=SERVER)
    assessed = judge(leaf(servers), servers)
    assert reasons(assessed) == [Reason.NO_CLIENT_AUTH]
    assert assessed.chain[-1] == ROOT.read


def test_a_missing_client_auth_is_reported_once() -> None:
    servers = intermediate("Servers", ROOT, eku=SERVER)
    assert reasons(judge(leaf(servers, eku=SERVER), servers)) == [Reason.NO_CLIENT_AUTH]


def test_a_leaf_is_expired_only_after_its_last_moment() -> None:
    ending = leaf(ROOT, end=NOW)
    assert judge(ending).verdict.accepted
    assert reasons(judge(ending, now=NOW + timedelta(seconds=1))) == [Reason.EXPIRED]


def test_a_weak_root_is_found_though_it_is_only_an_anchor() -> None:
    weak = root("Weak", key=rsa_key(1024))
    assert reasons(judge(leaf(weak), weak, anchors=[weak])) == [Reason.CHAIN_UNTRUSTED, Reason.WEAK_KEY]


def test_a_curve_that_is_written_out_is_a_weak_key_as_openssl_has_it() -> None:
    odd = rekeyed(leaf(ROOT), ROOT.key, written_out(ec_key()))
    assert not openssl.accepts(odd, intermediates=[], anchors=[ROOT.read], at=NOW)
    judged = assess([odd], defects=[], anchors=[ROOT.read], expected=Expected((NAME,)), approval={}, now=NOW)
    assert reasons(judged) == [Reason.WEAK_KEY]
    assert not judged.verdict.approvable


def test_a_defect_beside_a_good_leaf_quarantines_it_and_names_the_defect() -> None:
    assessed = judge(LEAF, ISSUING, defects=[Defect("bad-base64", "12 characters")] * 2)
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


@pytest.mark.parametrize(("bits", "weak"), [(2047, True), (2048, False), (8192, False), (8193, True)])
def test_rsa_keys_count_from_2048_to_8192_bits(bits: int, *, weak: bool) -> None:
    public = rsa.RSAPublicNumbers(65537, 2 ** (bits - 1) + 1).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (Reason.WEAK_KEY in reasons(judge(rekeyed(leaf(ROOT), ROOT.key, spki)))) is weak


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_that_the_services_take_is_taken(curve: ec.EllipticCurve) -> None:
    assert judge(leaf(ROOT, key=ec_key(curve))).verdict.accepted


@pytest.mark.parametrize(("last", "hashed"), [(2, hashes.SHA256()), (3, hashes.SHA384()), (4, hashes.SHA512())])
def test_every_hash_of_sha_2_that_the_services_take_is_taken(last: int, hashed: hashes.HashAlgorithm) -> None:
    ecdsa = bytes.fromhex("2a8648ce3d0403")
    der = patched(leaf(ROOT), ROOT.key, swap(ecdsa + b"\2", ecdsa + bytes([last])), hashed)
    assert judge(*parse_text(pem_of(der)).certificates).verdict.accepted


def test_of_cas_alone_the_one_that_issued_none_of_them_is_named_as_the_leaf() -> None:
    for number in range(5):  # else the fingerprints might happen to say the same
        below = intermediate(f"Below {number}", ISSUING)
        assert judge(ROOT, below, ISSUING).leaf == below.read


def test_an_issuer_without_ca_true_is_not_taken_for_a_second_leaf() -> None:
    false_issuer = make("Issuing", ROOT, ca=None, key_usage=usage(signs_certificates=True))
    assessed = judge(leaf(false_issuer), false_issuer)
    assert assessed.leaf is not None
    assert reasons(assessed) == [Reason.CHAIN_UNTRUSTED]


def test_nor_is_one_whose_name_the_leaf_spells_in_another_way() -> None:
    same_key = make("ROOT", key=ROOT.key, ca=None)  # beside the anchor of that key, which vouches for the leaf
    assessed = judge(leaf(ROOT), same_key)
    assert assessed.leaf is not None
    assert assessed.verdict.accepted


def test_a_validity_that_ends_before_it_begins_is_malformed() -> None:
    made = leaf(ROOT, start=NOW + DAY, end=NOW + 2 * DAY)
    backwards = patched(made, ROOT.key, swap(b"261124120000Z", b"261126120000Z"), hashes.SHA256())
    (certificate,) = parse_text(pem_of(backwards)).certificates
    assessed = judge(certificate)
    assert Reason.MALFORMED in reasons(assessed)
    assert not assessed.verdict.approvable


def test_a_chain_with_a_root_of_an_overlong_name_is_judged_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of it wherever it reads such a name
        common = x509.NameAttribute(NameOID.COMMON_NAME, "r" * 65, _validate=False)
        long = root(x509.Name([common]))
        presented = leaf(long)
    read = parse_text(f"{long.pem}{presented.pem}")
    assert judge(*read.certificates).leaf == presented.read
    assert [one.facts.issuer for one in read.certificates] == [f"CN={'r' * 65}"] * 2
