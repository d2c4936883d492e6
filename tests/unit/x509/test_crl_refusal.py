"""Where the line runs between lists that may be used and lists that may not; rogues stand in tests/hostile."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.crl_refusal import SKEW, CrlReason, refusal
from tests.support.crls import URL, crl, issuing_point
from tests.support.pki import DAY, NOW, Extra, intermediate, make, name, root

ROOT = root("Root")
SECOND = timedelta(seconds=1)


def refused(
    *extra: Extra, before: CrlFacts | None = None, asked: dict[str, Any] | None = None, **more: Any
) -> CrlReason | None:
    """The code for a list of Root; ``asked`` are further arguments of ``refusal``, ``more`` those of the list."""
    found = crl(ROOT, [5], extra=extra, **more)
    answer = refusal(found, issuer=ROOT.read, distribution_point=URL, at=NOW, before=before, **asked or {})
    return answer.code if answer else None


def test_a_list_with_all_that_cas_put_into_lists_is_used() -> None:
    names = [x509.UniformResourceIdentifier(URL)]
    point = x509.DistributionPoint(names, None, None, None)
    assert refused(
        issuing_point(URL), (x509.FreshestCRL([point]), False), (x509.IssuerAlternativeName(names), False)
    ) is (None)


def test_the_clock_may_differ_by_the_skew_and_no_more() -> None:
    assert refused(this_update=NOW + SKEW) is None
    assert refused(this_update=NOW + SKEW + SECOND) is CrlReason.NOT_YET_VALID


def test_the_list_ends_at_next_update() -> None:
    assert refused(next_update=NOW + SECOND) is None
    assert refused(next_update=NOW) is CrlReason.EXPIRED


def test_the_list_in_force_may_come_again_and_a_newer_one_may_follow() -> None:
    before = crl(ROOT, number=0x10).facts
    assert refused(number=0x10, before=before) is None
    assert refused(number=0x11, this_update=NOW, before=before) is None
    assert refused(number=0x9, this_update=NOW, before=before) is CrlReason.OLDER
    assert refused(number=0x11, this_update=NOW - DAY - SECOND, before=before) is CrlReason.OLDER


def test_a_number_may_come_where_there_was_none_and_not_go() -> None:
    bare = crl(ROOT, number=None).facts
    assert refused(number=1, before=bare) is None
    assert refused(number=None, before=bare) is None
    assert refused(number=None, before=crl(ROOT, number=0).facts) is CrlReason.OLDER


@pytest.mark.parametrize("number", [0x9, None])
def test_once_the_list_in_force_has_run_out_a_later_one_is_used_whatever_its_number(number: int | None) -> None:
    before = crl(ROOT, number=0x10, next_update=NOW).facts
    assert refused(number=number, this_update=NOW - SECOND, before=before) is None
    assert refused(number=number, this_update=NOW - DAY, before=before) is CrlReason.OLDER
    assert refused(number=0x11, this_update=NOW - DAY - SECOND, before=before) is CrlReason.OLDER
    in_force = crl(ROOT, number=0x10, next_update=NOW + SECOND).facts
    assert refused(number=number, this_update=NOW - SECOND, before=in_force) is CrlReason.OLDER


def test_the_issuing_point_may_be_any_name_of_the_certificates_point() -> None:
    other = "ldap://crl.example.com/cn=one"
    assert refused(issuing_point(other)) is CrlReason.WRONG_DISTRIBUTION_POINT
    assert refused(issuing_point(other), asked={"other_names": (other,)}) is None
    assert refused(issuing_point(URL.upper())) is CrlReason.WRONG_DISTRIBUTION_POINT  # OpenSSL compares octets, too


USER, CA = issuing_point(user=True), issuing_point(ca=True)


@pytest.mark.parametrize(
    ("point", "asked", "good"),
    [
        (USER, {"covers_leaves"}, True),
        (USER, {"covers_cas"}, False),
        (USER, {"covers_leaves", "covers_cas"}, False),
        (CA, {"covers_cas"}, True),
        (CA, {"covers_leaves"}, False),
        (CA, {"covers_leaves", "covers_cas"}, False),
    ],
)
def test_the_list_must_speak_of_the_certificates_that_are_asked_for(
    point: Extra, asked: set[str], *, good: bool
) -> None:
    code = refused(point, asked={each: each in asked for each in ("covers_leaves", "covers_cas")})
    assert code is (None if good else CrlReason.OUT_OF_SCOPE)


def test_the_issuers_name_is_compared_as_engines_compare_it() -> None:
    found = crl(ROOT, name=name("  rOOT "))
    assert refusal(found, issuer=ROOT.read, distribution_point=URL, at=NOW, before=None) is None


def test_an_issuer_without_key_usage_or_identifier_may_sign_lists() -> None:
    bare = make("Bare", ca=True, aki=False)
    assert refusal(crl(bare), issuer=bare.read, distribution_point=URL, at=NOW, before=None) is None


def test_the_identifier_names_the_issuer_of_the_issuer() -> None:
    between = intermediate("Between", ROOT)
    for above, code in ((ROOT, None), (between, CrlReason.WRONG_ISSUER)):
        named = [x509.DirectoryName(above.raw.subject)]
        keyed = x509.AuthorityKeyIdentifier(None, named, between.raw.serial_number), False
        found = crl(between, extra=[keyed], aki=False)
        answer = refusal(found, issuer=between.read, distribution_point=URL, at=NOW, before=None)
        assert (answer.code if answer else None) is code


def test_the_signature_is_what_is_told_before_anything_that_the_list_says_of_itself() -> None:
    twin = root("Root")
    forged = crl(twin, aki=False, next_update=NOW - DAY, extra=[(x509.DeltaCRLIndicator(1), True)])
    answer = refusal(forged, issuer=ROOT.read, distribution_point=URL, at=NOW, before=None)
    assert answer is not None
    assert answer.code is CrlReason.BAD_SIGNATURE
