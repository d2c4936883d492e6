"""What is known of a certificate once it is read."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable
from datetime import UTC

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import rotation_watcher
from rotation_watcher.x509 import certificates
from rotation_watcher.x509.certificates import Certificate, extension
from tests.support.pki import (
    DAY,
    NAME,
    NOW,
    compressed,
    ec_key,
    intermediate,
    leaf,
    make,
    name,
    rekeyed,
    root,
    rsa_key,
    written_out,
)

ROOT = root()
ISSUING = intermediate("Issuing", ROOT)
LEAF = leaf(ISSUING)
CHAIN = (LEAF, ISSUING, ROOT)
read_anew = certificates._certificate.__wrapped__
"""Reads one as if no other had been read in this process."""


def test_the_facts_are_those_of_the_certificate() -> None:
    pair = leaf(ISSUING, names=("B.example", "a.example", "b.example"), start=NOW - DAY, end=NOW + DAY)
    certificate = pair.read
    facts = certificate.facts
    assert facts.fingerprint == pair.raw.fingerprint(hashes.SHA256()).hex() == certificate.fingerprint
    assert len(facts.spki_sha256) == 64
    assert facts.subject == f"CN={NAME},O=Tests"
    assert facts.issuer == "CN=Issuing,O=Tests"
    assert int(facts.serial, 16) == pair.raw.serial_number
    assert facts.serial == facts.serial.upper()
    assert facts.names == ("a.example", "b.example")
    assert (facts.not_before, facts.not_after) == (NOW - DAY, NOW + DAY)
    assert facts.not_before.tzinfo is UTC
    assert certificate.pem == pair.pem
    assert certificate.signature_hash == "sha256"


def test_the_spki_hash_is_that_of_the_key_whatever_certificate_it_is_in() -> None:
    key = ec_key()
    one, two = leaf(ROOT, key=key).read, leaf(ISSUING, key=key).read
    assert one.fingerprint != two.fingerprint
    assert one.facts.spki_sha256 == two.facts.spki_sha256 != LEAF.read.facts.spki_sha256


@pytest.mark.parametrize("written", [compressed, written_out])
def test_the_spki_hash_is_that_of_the_key_as_the_certificate_holds_it(
    written: Callable[[ec.EllipticCurvePrivateKey], bytes],
) -> None:
    key = written(ec_key())
    assert rekeyed(leaf(ROOT), ROOT.key, key).facts.spki_sha256 == hashlib.sha256(key).hexdigest()


@pytest.mark.parametrize(
    ("names", "common", "expected"),
    [
        ((NAME, "other.example"), "Common", (NAME, "other.example")),
        (None, "Common.Example", ("common.example",)),
        (None, None, ()),
    ],
)
def test_the_common_name_counts_only_where_there_is_no_san(
    names: tuple[str, ...] | None, common: str | None, expected: tuple[str, ...]
) -> None:
    assert leaf(ROOT, names=names, common=common).read.facts.names == expected


def test_a_san_without_dns_names_does_not_bring_the_common_name_back() -> None:
    san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example/x")])
    assert make(NAME, ROOT, extra=[(san, False)]).read.facts.names == ()


def test_ca_and_self_signed_are_known_by_constraints_and_signature() -> None:
    impostor = make("Impostor", ROOT, ca=True, issuer_name=name("Impostor"))
    told = [(one.is_ca, one.self_signed) for one in (ROOT.read, ISSUING.read, LEAF.read, impostor.read)]
    assert told == [(True, True), (True, False), (False, False), (True, False)]
    assert not make("No constraints", ca=None).read.is_ca
    assert make("A leaf of its own").read.self_signed


def test_certificates_are_equal_by_their_fingerprint() -> None:
    assert LEAF.read == LEAF.read
    assert {LEAF.read, LEAF.read, ROOT.read} == {ROOT.read, LEAF.read}
    assert LEAF.read != ROOT.read
    assert LEAF.read != LEAF.read.fingerprint


def test_a_certificate_that_is_read_anew_is_no_other() -> None:
    once, anew = read_anew(LEAF.read.der), read_anew(LEAF.read.der)
    assert once is not anew
    assert once == anew
    assert not once != anew  # noqa: SIM202 - a Struct has a != of its own
    assert {once, anew} == {once}


def test_what_is_equal_by_a_rule_of_its_own_is_unequal_by_it_too() -> None:
    classes = {
        value
        for info in pkgutil.walk_packages(rotation_watcher.__path__, "rotation_watcher.")
        for value in vars(importlib.import_module(info.name)).values()
        if isinstance(value, type) and value.__module__.startswith("rotation_watcher") and "__eq__" in vars(value)
    }
    own = {one for one in classes if issubclass(one, msgspec.Struct)}
    assert Certificate in own
    assert {one for one in own if "__ne__" not in vars(one)} == set()


def test_an_extension_is_given_or_none() -> None:
    assert extension(ROOT.read, x509.BasicConstraints) == x509.BasicConstraints(ca=True, path_length=None)
    assert extension(ROOT.read, x509.NameConstraints) is None


def test_keys_of_every_kind_that_alb_takes_are_read() -> None:
    for key in (rsa_key(2048), ec_key(ec.SECP384R1()), ec_key(ec.SECP521R1())):
        assert isinstance(leaf(ROOT, key=key).read, Certificate)
