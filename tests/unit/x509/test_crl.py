"""Reading lists: against the library on random ones, against OpenSSL as a judge, and what a caller asks of one."""

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.x509.crl import Crl, CrlDefect, is_revoked, pem_of, read, share_left
from rotation_watcher.x509.crl_refusal import refusal
from tests.support import openssl
from tests.support.crls import URL, Entry, crl, crl_der, entry_extension, reason
from tests.support.pki import DAY, NOW, Pair, leaf, root, rsa_key

ROOT = root("Root", key=rsa_key(2048))
EC_ROOT = root("EC Root")
REMOVED = 8
serials = st.integers(-(1 << 159), (1 << 160) - 1) | st.integers(-300, 300)
entries = st.builds(
    Entry,
    serials,
    st.sampled_from([b"", *(reason(code) for code in (1, 5, 6, REMOVED))])
    | st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001  # hypothesis wants them naive
        lambda moment: entry_extension("2.5.29.24", f"\x18\x0f{moment:%Y%m%d%H%M%S}Z".encode(), critical=False)
    ),
)


@settings(max_examples=60)
@given(st.lists(entries, max_size=40), st.lists(serials, max_size=10))
def test_the_same_serials_are_read_as_by_the_library(rows: list[Entry], others: list[int]) -> None:
    der = crl_der(EC_ROOT, rows)
    theirs = x509.load_der_x509_crl(der)
    ours = read(der)
    assert isinstance(ours, Crl)
    revoked = {one.serial_number for one in theirs if not is_removed(one)}
    assert ours.facts.entries == len(theirs) == len(rows)
    assert ours.signed == theirs.tbs_certlist_bytes
    assert {one for one in {*revoked, *others, *(row.serial for row in rows)} if is_revoked(ours.serials, one)} == (
        revoked
    )


def is_removed(one: x509.RevokedCertificate) -> bool:
    try:
        found = one.extensions.get_extension_for_class(x509.CRLReason).value
    except x509.ExtensionNotFound:
        return False
    return found.reason is x509.ReasonFlags.remove_from_crl


@pytest.mark.parametrize("issuer", [ROOT, EC_ROOT], ids=["rsa", "ec"])
@pytest.mark.parametrize("hashed", [hashes.SHA256(), hashes.SHA384()], ids=lambda each: each.name)
def test_a_genuine_list_is_used_and_a_forged_one_is_not_as_openssl_says(
    issuer: Pair, hashed: hashes.HashAlgorithm
) -> None:
    for signer in (issuer, root("x", key=rsa_key(2048, 2)), root("x", key=ec.generate_private_key(ec.SECP256R1()))):
        der = crl_der(signer, [5, -5], name=issuer.raw.subject, aki=False, hashed=hashed)
        found = read(der)
        assert isinstance(found, Crl)
        refused = refusal(found, issuer=issuer.read, distribution_point=URL, at=NOW, before=None)
        assert (refused is None) == openssl.takes_crl(der, issuer=issuer.read) == (signer is issuer)


@pytest.mark.parametrize("revocation", ["none", "revoked", "hold", "removed"])
def test_a_certificate_is_revoked_where_openssl_refuses_it(revocation: str) -> None:
    client = leaf(ROOT).read
    own = client.raw.serial_number
    rows = {"none": [], "revoked": [Entry(own)], "hold": [Entry(own, reason(6))], "removed": [Entry(own, reason(8))]}
    found = crl(ROOT, [3, *rows[revocation], -3])
    admitted = openssl.accepts_with_crl(client, issuer=ROOT.read, crl=pem_of(found), at=NOW)
    assert admitted != is_revoked(found.serials, own)
    assert is_revoked(found.serials, own) == (revocation in {"revoked", "hold"})


def test_the_pem_is_what_the_library_writes_whatever_the_length() -> None:
    for count in (0, 1, 2, 3, 12_000):
        der = crl_der(EC_ROOT, range(count))
        found = read(der)
        assert isinstance(found, Crl)
        assert pem_of(found) == x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
        again = read(pem_of(found))
        assert isinstance(again, Crl)
        assert again.facts == found.facts


def test_the_facts_say_what_the_list_says() -> None:
    facts = crl(ROOT, [1, Entry(2, reason(8))], number=(1 << 159) - 1, next_update=NOW.replace(year=2060)).facts
    assert (facts.issuer, facts.number, facts.entries) == ("O=tests, CN=root", "7" + "F" * 39, 2)
    assert (facts.this_update, facts.next_update) == (NOW - DAY, NOW.replace(year=2060))
    assert crl(ROOT, number=None, next_update=None).facts.number is None


@pytest.mark.parametrize(
    ("days", "left"), [(-1.0, 1.0), (0.0, 1.0), (1.0, 0.9), (5.0, 0.5), (9.0, 0.1), (10.0, 0.0), (30.0, 0.0)]
)
def test_what_is_left_is_a_share_of_the_lists_own_period(days: float, left: float) -> None:
    found = crl(ROOT, this_update=NOW, next_update=NOW + 10 * DAY)
    assert share_left(found, NOW + timedelta(days=days)) == pytest.approx(left)
    assert share_left(found.facts, NOW + timedelta(days=days)) == pytest.approx(left)


@pytest.mark.parametrize("end", [None, NOW, NOW - DAY])
def test_of_a_list_without_a_period_nothing_is_left(end: datetime | None) -> None:
    assert share_left(crl(ROOT, this_update=NOW, next_update=end), NOW - DAY) == 0.0


def test_more_entries_than_the_bound_are_refused() -> None:
    assert isinstance(read(crl_der(ROOT, range(3)), max_entries=3), Crl)
    found = read(crl_der(ROOT, range(4)), max_entries=3)
    assert isinstance(found, CrlDefect)
    assert found.code == "too-many"


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda each: b"\x30" + bytes([len(each)]) + each))
def test_garbage_is_a_defect_and_raises_nothing(data: bytes) -> None:
    assert isinstance(read(data), CrlDefect)


GOOD = crl_der(ROOT, [Entry(5, reason(1)), -7, 1 << 90])


@settings(max_examples=200)
@given(st.data())
def test_a_list_with_garbage_in_it_raises_nothing(data: st.DataObject) -> None:
    der = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at] = data.draw(st.integers(0, 255))
    assert isinstance(read(bytes(der)), Crl | CrlDefect)
