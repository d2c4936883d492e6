"""Keys that are made to make a checker work: no signature is ever checked with one."""

import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from rotation_watcher.x509.certificates import MAX_EXPONENT_BITS, MAX_RSA_BITS, parse_bundle, parse_text
from tests.support import certs
from tests.support.processor import spent as processor


def modulus(bits: int) -> int:
    """An odd number of that length: nobody asks whose product it is."""
    return int.from_bytes(os.urandom(bits // 8)) | (1 << (bits - 1)) | 1


def ca_with(exponent: int, bits: int = 3072) -> bytes:
    """A CA with this RSA key that names itself as its issuer, and carries a signature of the key's length."""
    key = rsa.RSAPublicNumbers(exponent, modulus(bits)).public_key()
    return certs.issue(SIGNER, "Signer", ca=True, public_key=key).pem


SIGNER = certs.self_signed_ca("Signer", key=certs.rsa_key(3072))
HUGE = (1 << 3070) | 1
FLOOD = 60


@pytest.mark.parametrize(
    ("exponent", "bits", "taken"),
    [
        (3, 2048, True),
        (65537, 8192, True),
        (65537, MAX_RSA_BITS, True),
        ((1 << (MAX_EXPONENT_BITS - 1)) | 1, 2048, True),
        ((1 << MAX_EXPONENT_BITS) | 1, 2048, False),
        ((1 << 64) | 1, 4096, False),
        (HUGE, 3072, False),
        (65537, MAX_RSA_BITS + 8, False),
    ],
    ids=lambda value: f"{value.bit_length()} bits" if type(value) is int and value > MAX_RSA_BITS + 8 else str(value),
)
def test_a_key_is_read_up_to_the_bounds_and_not_beyond(exponent: int, bits: int, *, taken: bool) -> None:
    pem = ca_with(exponent, bits)
    parsed = parse_text(pem.decode())

    assert len(parsed.certificates) == taken
    assert [defect.code for defect in parsed.defects] == ([] if taken else ["costly-key"])


def test_a_defect_says_what_is_wrong_with_the_key() -> None:
    (defect,) = parse_text(ca_with(HUGE).decode()).defects
    assert defect.detail == "an RSA key of 3072 bits with an exponent of 3071 bits"


@pytest.mark.parametrize(("bits", "codes"), [(2048, []), (3072, ["costly-key"])])
def test_a_long_dsa_key_is_not_used_either(bits: int, codes: list[str]) -> None:
    parameters = dsa.DSAParameterNumbers(modulus(bits), modulus(256), 2)
    key = dsa.DSAPublicNumbers(3, parameters).public_key()
    pem = certs.issue(SIGNER, "Signer", ca=True, public_key=key).pem  # type: ignore[arg-type]  # what nobody issues
    assert [defect.code for defect in parse_text(pem.decode()).defects] == codes


def test_others_certificate_with_such_a_key_is_carried_on_as_it_stands() -> None:
    pem = ca_with(HUGE)
    (block,), defects = parse_bundle(pem)

    assert (block.pem.encode(), block.certificate) == (pem, None)
    assert block.defect is not None
    assert block.defect.code == "costly-key"
    assert defects == ()


def spent(make: Callable[[], bytes]) -> float:
    """Processor seconds that reading a flood of fresh certificates takes."""
    text = b"".join(make() for _ in range(FLOOD)).decode()
    with processor() as taken:
        parse_text(text)
    return taken.seconds


def test_a_flood_of_huge_exponents_costs_no_more_than_one_of_ordinary_keys() -> None:
    """Without the bound it costs fifty times as much: each names itself as its issuer, so each is checked."""
    assert spent(lambda: ca_with(HUGE)) < 5 * spent(lambda: ca_with(65537))
