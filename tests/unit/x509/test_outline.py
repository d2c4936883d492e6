"""What is said of a certificate that ``cryptography`` refuses agrees with what OpenSSL reads in it."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.x509.certificates import Block, parse_bundle
from rotation_watcher.x509.outline import UNKNOWN_TIME, bare_facts, outline_of
from tests.support import certs

CASES = sorted((Path(__file__).parent / "cases" / "extra").iterdir())
ROOT = certs.self_signed_ca("Root")
LEAF = certs.issue(ROOT)


def block(path: Path) -> Block:
    return parse_bundle(path.read_bytes())[0][0]


def openssl(path: Path, what: str) -> str:
    command = ["openssl", "x509", "-in", str(path), "-noout", what]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip().partition("=")[2]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_outline_is_what_openssl_reads(path: Path) -> None:
    outline = outline_of(block(path).der)

    assert outline is not None
    assert outline.is_ca
    assert outline.signature_hash == "sha256"
    assert outline.facts.serial == openssl(path, "-serial")
    assert f"{outline.facts.not_after:%b %d %H:%M:%S %Y} GMT" == openssl(path, "-enddate")
    assert "root" in outline.facts.subject or "wurzel" in outline.facts.subject


@pytest.mark.parametrize("one", [ROOT, LEAF], ids=["a CA", "a leaf"])
def test_the_outline_agrees_with_cryptography_where_that_can_read(one: certs.Issued) -> None:
    outline, (read,) = outline_of(one.der), parse_bundle(one.pem)[0]

    assert outline is not None
    assert read.certificate is not None
    assert outline.is_ca is read.certificate.is_ca
    for name in ("fingerprint", "spki_sha256", "serial", "not_before", "not_after"):
        assert getattr(outline.facts, name) == getattr(read.certificate.facts, name)


def test_times_beyond_2050_are_read() -> None:
    outline = outline_of(certs.self_signed_ca(not_after=datetime(2060, 1, 2, 3, 4, 5, tzinfo=UTC)).der)

    assert outline is not None
    assert outline.facts.not_after == datetime(2060, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(st.integers(0, len(ROOT.der) - 1), st.integers(0, 255))
def test_no_broken_certificate_whatever_makes_the_outline_fail(place: int, value: int) -> None:
    broken = ROOT.der[:place] + bytes([value]) + ROOT.der[place + 1 :]

    outline = outline_of(broken)
    assert outline is None or outline.facts.fingerprint == bare_facts(outline.facts.fingerprint, broken).fingerprint
    outline_of(broken[:place])


def test_of_what_is_no_certificate_only_the_fingerprint_is_reported() -> None:
    facts = bare_facts("ab", b"\x30\x03\x02\x01\x2a")

    assert (facts.fingerprint, facts.not_after, facts.issuer) == ("ab", UNKNOWN_TIME, "")
