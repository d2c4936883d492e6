"""Rogue revocation lists, one by one: what each must lead to stands in crl_cases.toml."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rotation_watcher.x509.crl import Crl, CrlDefect, is_revoked, read
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.crl_refusal import CrlReason, CrlRefusal, refusal
from tests.hostile.rogue_crls import BEFORE, ROGUES, SERIALS, issuer_of, of
from tests.support.crls import URL, Entry, entry_extension
from tests.support.pki import DAY, NOW
from tests.support.processor import within

CASES: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("crl_cases.toml").read_text())
IN_FORCE = CrlFacts(
    fingerprint="0" * 64,
    issuer="cn=root",
    number=f"{BEFORE:X}",
    this_update=NOW - 2 * DAY,
    next_update=NOW + DAY,
    entries=0,
)


def judged(case: str, *, before: CrlFacts | None = IN_FORCE) -> Crl | CrlDefect | CrlRefusal:
    crl = read(ROGUES[case]())
    if isinstance(crl, CrlDefect):
        return crl
    before = None if case == "of-the-first-version" else before
    return refusal(crl, issuer=issuer_of(case).read, distribution_point=URL, at=NOW, before=before) or crl


@pytest.mark.parametrize("case", CASES)
def test_a_rogue_list_comes_to_its_end(case: str) -> None:
    expected = CASES[case]
    with within(1):
        found = judged(case)
    match found:
        case CrlDefect():
            assert expected == {"defect": found.code}, found
        case CrlRefusal():
            assert expected == {"refused": found.code.value}, found
        case Crl():
            assert expected == {"entries": found.facts.entries, "revoked": found.serials.rows}


def test_each_builder_has_its_outcome_and_each_code_its_rogue() -> None:
    assert set(ROGUES) == set(CASES)
    assert {each["refused"] for each in CASES.values() if "refused" in each} == {reason.value for reason in CrlReason}


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("replayed") or "older" in case])
def test_what_is_refused_as_a_replay_is_good_where_there_was_no_list(case: str) -> None:
    assert isinstance(judged(case, before=None), Crl)


def test_a_list_cut_short_or_bent_anywhere_is_refused_and_nothing_raises() -> None:
    der = of()
    issuer = issuer_of("genuine").read
    for at in range(len(der)):
        for data in (der[:at], der[:at] + bytes([der[at] ^ 0x81]) + der[at + 1 :]):
            crl = read(data)
            if isinstance(crl, Crl):
                assert refusal(crl, issuer=issuer, distribution_point=URL, at=NOW, before=None), at


def test_every_entry_with_extensions_of_its_own_is_read_in_good_time() -> None:
    entries = [
        Entry(each, entry_extension("2.5.29.24", f"\x18\x0f20250101{each:06}Z".encode(), critical=False))
        for each in range(20_000)
    ]
    der = of(entries=entries)
    with within(1):
        crl = read(der)
    assert isinstance(crl, Crl)
    assert crl.serials.rows == 20_000
    assert not is_revoked(crl.serials, SERIALS[1])
