"""Finding the blocks of a text, and the canonical form."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.x509 import pem
from tests.support.pki import root

DER = bytes.fromhex("300302012a")  # SEQUENCE { INTEGER 42 }: a whole DER value, though no certificate
BLOCK = pem.armour(DER)


def test_the_canonical_form_is_what_cryptography_and_openssl_write() -> None:
    pair = root()
    assert pem.armour(pair.raw.public_bytes(Encoding.DER)) == pair.pem


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BLOCK, id="canonical"),
        pytest.param(BLOCK.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(BLOCK.replace("\n", "\r"), id="CR alone"),
        pytest.param(BLOCK.replace("\n", ""), id="one line"),
        pytest.param(BLOCK.rstrip("\n"), id="no final newline"),
        pytest.param(BLOCK + "\n\n", id="several final newlines"),
        pytest.param("\n \t\n" + BLOCK.replace("\n", "\n \n\t"), id="blanks and blank lines everywhere"),
        pytest.param(
            BLOCK.replace("-----BEGIN CERTIFICATE-----", "----- BEGIN  CERTIFICATE -----"), id="blanks inside"
        ),
        pytest.param(BLOCK.replace("BEGIN CERTIFICATE", "BEGIN \r\n CERTIFICATE"), id="a newline inside a marker"),
        pytest.param(BLOCK.replace("MAMC", "M A\nM\tC"), id="blanks inside the body"),
        pytest.param("-" + BLOCK + "-", id="a dash too many"),
        pytest.param("\ufeffsubject=CN = somebody\n# --- a comment ---\n" + BLOCK + "and after", id="text around"),
    ],
)
def test_a_block_is_read_however_it_is_laid_out(text: str) -> None:
    assert pem.blocks(text) == ([DER], [])


def test_blocks_need_no_newline_between_end_and_begin() -> None:
    other = bytes.fromhex("300302012b")
    assert pem.blocks(BLOCK.rstrip() + pem.armour(other)) == ([DER, other], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BLOCK.partition("-----END")[0] + "-----EN", ["unterminated"]),
        (BLOCK.rstrip("-\n"), ["bad-marker", "unterminated"]),
        (BLOCK[:40], ["unterminated"]),
        (BLOCK.partition("\n")[2], ["unterminated"]),
        (BLOCK.replace("END CERTIFICATE", "END TRUST"), ["unterminated"]),
        (BLOCK.replace("MAMC", "MAM"), ["bad-base64"]),
        (BLOCK.replace("MAMC", "MA*C"), ["bad-base64"]),
        (BLOCK.replace("MAMC", "MAüC"), ["bad-base64"]),
        (BLOCK.replace("MAMCASo=", "MAMCASo=MAMC"), ["bad-base64"]),
        (BLOCK.replace("MAMCASo=", ""), ["bad-base64"]),
        (BLOCK.replace("-----BEGIN", "----BEGIN"), ["bad-marker", "unterminated"]),
        (BLOCK.lower(), ["bad-marker", "bad-marker"]),
        (BLOCK.replace("CERTIFICATE", "X509 CRL"), ["not-a-certificate"]),
        (BLOCK.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), ["not-a-certificate"]),
        (BLOCK.replace("CERTIFICATE", "PRIVATE KEY"), ["private-key"]),
        (BLOCK.replace("CERTIFICATE", "ENCRYPTED PRIVATE KEY"), ["private-key"]),
        (BLOCK.replace("CERTIFICATE", "EC  PRIVATE \n KEY"), ["private-key"]),
        (BLOCK.replace("CERTIFICATE", "private key"), ["private-key", "private-key"]),
        ("--" + BLOCK.strip("-\n").replace("CERTIFICATE", "PRIVATE KEY"), ["private-key"]),
    ],
)
def test_a_crooked_block_is_a_defect_and_gives_nothing(text: str, expected: list[str]) -> None:
    found, defects = pem.blocks(text)
    assert found == []
    assert {defect.code for defect in defects} == {*expected}


def test_a_block_that_begins_inside_another_one_is_still_read() -> None:
    assert pem.blocks("-----BEGIN CERTIFICATE-----\nMAMC\n" + BLOCK) == (
        [DER],
        [pem.Defect("unterminated", "a block begins inside another one")],
    )


def test_a_crooked_block_does_not_stop_the_good_ones_around_it() -> None:
    found, defects = pem.blocks(BLOCK + BLOCK.replace("MAMC", "MAM") + BLOCK.replace("CERTIFICATE", "X509 CRL") + BLOCK)
    assert found == [DER, DER]
    assert [defect.code for defect in defects] == ["bad-base64", "not-a-certificate"]


@pytest.mark.parametrize(
    ("der", "code"),
    [
        (DER, None),
        (DER + b"\0", "trailing-garbage"),
        (DER[:-1], "truncated"),
        (b"0", "trailing-garbage"),
        (b"0\x80" + DER, "trailing-garbage"),
        (b"0\x85\0\0\0\0\1\0", "trailing-garbage"),
        (b"0\x82\xff\xff" + bytes(10), "truncated"),
        (b"0\x81\x80" + bytes(128), None),
    ],
)
def test_the_length_that_der_claims_is_compared_with_what_is_there(der: bytes, code: str | None) -> None:
    defect = pem.shape(der)
    assert (defect.code if defect else None) == code


def test_a_private_key_is_reported_first_and_a_flood_of_defects_is_counted() -> None:
    flood = [pem.Defect("bad-base64", str(number)) for number in range(50)]
    told = pem.distinct([*flood, *flood, pem.Defect("private-key", "x")])
    assert len(told) == pem.MAX_DEFECTS + 1
    assert told[0].code == "private-key"
    assert told[-1] == pem.Defect("more-defects", "41 more defects")
