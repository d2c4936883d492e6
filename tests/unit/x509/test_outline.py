"""What is said of a certificate that ``cryptography`` refuses agrees with what OpenSSL reads in it."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.trust.file_contents import extra
from rotation_watcher.x509 import pem
from rotation_watcher.x509.certificates import Block, parse_bundle
from rotation_watcher.x509.outline import UNKNOWN_TIME, bare_facts, outline_of
from tests.hostile import fuzz
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


def with_extensions(extensions: bytes) -> bytes:
    """The root's DER with this in the place of its extensions, whoever signed that."""
    tbs, algorithm, signature = certs._children(ROOT.der)
    parts = [part for part in certs._children(tbs) if part[0] != 0xA3]
    return certs._tlv(0x30, certs._tlv(0x30, b"".join([*parts, extensions])) + algorithm + signature)


EMPTY_CONSTRAINTS = certs._tlv(0x30, certs._tlv(0x30, bytes.fromhex("0603551d13") + b"\x04\x00"))


@pytest.mark.parametrize(
    "extensions",
    [
        b"\xa3\x00",
        b"\xa3\x02\x05\x00",
        certs._tlv(0xA3, EMPTY_CONSTRAINTS),
        certs._tlv(0xA3, certs._tlv(0x30, b"\x30\x00")),
    ],
    ids=["nothing in [3]", "no list in [3]", "an empty basicConstraints", "an empty extension"],
)
def test_a_certificate_that_lacks_a_value_where_one_must_be_is_no_ca_and_raises_nothing(extensions: bytes) -> None:
    der = with_extensions(extensions)
    outline = outline_of(der)

    assert outline is None or not outline.is_ca
    assert bare_facts("ab", der).subject == "CN=root"
    assert not extra("bucket", "extra/a.pem", pem.armour(der).encode()).held
    assert extra("bucket", "extra/a.pem", pem.armour(der).encode()).faults


@given(st.integers(), st.sampled_from(fuzz.SEEDS))
def test_no_certificate_whose_tree_is_broken_makes_a_reader_raise(number: int, der: bytes) -> None:
    chance = Random(number)  # noqa: S311 - to be repeated, not to be secret
    broken = fuzz.mutated_asn1(der, chance)
    outline_of(broken)
    bare_facts("ab", broken)
    extra("bucket", "extra/a.pem", pem.armour(broken).encode())


def test_of_what_is_no_certificate_only_the_fingerprint_is_reported() -> None:
    facts = bare_facts("ab", b"\x30\x03\x02\x01\x2a")

    assert (facts.fingerprint, facts.not_after, facts.issuer) == ("ab", UNKNOWN_TIME, "")
