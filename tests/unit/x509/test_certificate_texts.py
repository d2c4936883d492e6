"""The text of an API entity: every oddity that is known, and the article's own sample."""

import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.x509.certificates import MAX_TEXT, parse_bundle, parse_text
from tests.support.pki import (
    DAY,
    NAME,
    NOW,
    Pair,
    ec_key,
    intermediate,
    leaf,
    make,
    patched,
    pem_of,
    root,
    rsa_key,
    swap,
)

SAMPLE = Path(__file__).parents[1] / "data" / "article-sample.txt"
ROOT = root()
ISSUING = intermediate("Issuing", ROOT)
LEAF = leaf(ISSUING)
CHAIN = (LEAF, ISSUING, ROOT)


def der(pair: Pair) -> bytes:
    return pair.raw.public_bytes(Encoding.DER)


def codes(text: str) -> list[str]:
    return [defect.code for defect in parse_text(text).defects]


def fingerprints(text: str) -> list[str]:
    certificates, defects = parse_text(text)
    assert not defects
    return [certificate.fingerprint for certificate in certificates]


CRLF = "".join(pair.pem for pair in CHAIN).replace("\n", "\r\n")
LF = "".join(pair.pem for pair in CHAIN)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LF, id="LF, as Genesys sends"),
        pytest.param(CRLF, id="CRLF, as DigiCert sends"),
        pytest.param(LEAF.pem + CRLF, id="both in one text, and a duplicate"),
        pytest.param(LF.rstrip(), id="no final newline"),
        pytest.param(LF + "\n\n", id="two final newlines"),
        pytest.param("".join(pair.pem.strip() for pair in CHAIN), id="no newline between END and BEGIN"),
        pytest.param("\n\n".join(f"   {pair.pem}  " for pair in CHAIN), id="blank lines between"),
        pytest.param(LF.replace("\n", "\n\n  "), id="blanks and blank lines inside"),
        pytest.param(CRLF.replace("\r\n", "\\r\\n"), id="literal escapes"),
        pytest.param(LF.replace("\n", "\\n"), id="literal LF escapes"),
        pytest.param(LF.replace("-----BEGIN", "-----\r\nBEGIN").replace("E-----", "E -----"), id="inside the markers"),
        pytest.param(LF.replace("-----\n", "-----\n         \\r\\n"), id="the article's own mixture"),
    ],
)
def test_every_layout_of_a_chain_reads_the_same(text: str) -> None:
    assert fingerprints(text) == [pair.read.fingerprint for pair in CHAIN]


@settings(max_examples=60, database=None)
@given(order=st.permutations(CHAIN), data=st.data())
def test_blanks_wherever_they_fall_change_nothing(order: list[Pair], data: st.DataObject) -> None:
    blanks = st.sampled_from(["", "", "", " ", "\t", "\n", "\r\n", "\n\n", "\\n", "\\r\\n"])
    lines = [line for pair in order for line in pair.pem.splitlines()]
    text = "".join(line + data.draw(blanks) for line in lines)
    assert fingerprints(text) == [pair.read.fingerprint for pair in order]


@settings(max_examples=60, database=None)
@given(picked=st.lists(st.sampled_from(CHAIN), min_size=1, max_size=12))
def test_the_first_of_duplicates_gives_the_place(picked: list[Pair]) -> None:
    expected = list(dict.fromkeys(pair.read.fingerprint for pair in picked))
    assert fingerprints("".join(pair.pem for pair in picked)) == expected


@pytest.mark.parametrize("text", ["", " \r\n", "null", "no certificate at all", "\\n"])
def test_a_text_without_any_block_says_so(text: str) -> None:
    assert codes(text) == ["no-certificate"]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (ISSUING.pem.replace("MII", "MI", 1), "bad-base64"),
        (pem_of(der(ISSUING)[:-3]), "truncated"),
        (pem_of(der(ISSUING) + b"\0"), "trailing-garbage"),
        (pem_of(der(ISSUING) + der(ROOT)), "trailing-garbage"),
        (pem_of(bytes.fromhex("300302012a")), "unparsable"),
        (pem_of(der(ISSUING), "TRUSTED CERTIFICATE"), "not-a-certificate"),
        (pem_of(der(ISSUING), "CERTIFICATE REQUEST"), "not-a-certificate"),
        (ISSUING.pem.partition("-----END")[0], "unterminated"),
        (ISSUING.pem.partition("\n")[2], "unterminated"),
        (ISSUING.key_pem, "private-key"),
    ],
)
def test_what_must_be_refused_is_a_defect_and_the_rest_goes_on(broken: str, code: str) -> None:
    certificates, defects = parse_text(LEAF.pem + broken + "\n" + ROOT.pem)
    assert [one.fingerprint for one in certificates] == [LEAF.read.fingerprint, ROOT.read.fingerprint]
    assert [defect.code for defect in defects] == [code]


def key_of(form: PrivateFormat, password: bytes | None = None) -> bytes:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return rsa_key(2048).private_bytes(Encoding.DER, form, protection)


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(key_of(PrivateFormat.PKCS8), id="PKCS8"),
        pytest.param(key_of(PrivateFormat.TraditionalOpenSSL), id="PKCS1"),
        pytest.param(key_of(PrivateFormat.PKCS8, b"password"), id="encrypted"),
        pytest.param(der(LEAF) + key_of(PrivateFormat.PKCS8), id="behind a certificate"),
    ],
)
def test_a_private_key_under_a_certificates_label_is_found_and_never_kept(hidden: bytes) -> None:
    text = pem_of(hidden) + ROOT.pem
    certificates, defects = parse_text(text)
    assert (len(certificates), [defect.code for defect in defects]) == (1, ["private-key"])
    blocks, found = parse_bundle(text.encode())
    assert ([block.fingerprint for block in blocks], [defect.code for defect in found]) == (
        [ROOT.read.fingerprint],
        ["private-key"],
    )


def test_no_defect_repeats_what_the_text_held() -> None:
    body = "".join(LEAF.key_pem.splitlines()[1:-1])
    texts = [LEAF.key_pem, LEAF.key_pem[:-20], pem_of(b"secret" * 20), LEAF.key_pem.replace("-----BEGIN", "---begin")]
    for text in (*texts, LEAF.pem + "".join(texts), LEAF.key_pem.replace("PRIVATE KEY", "CERTIFICATE")):
        told = " ".join(f"{defect.code} {defect.detail}" for defect in parse_text(text).defects)
        assert told
        assert "secret" not in told
        assert not any(body[place : place + 8] in told for place in range(len(body) - 8))


def test_a_text_of_more_than_a_mebibyte_is_not_read() -> None:
    assert codes(LEAF.pem + " " * MAX_TEXT) == ["too-large"]
    assert fingerprints(LEAF.pem + " " * (MAX_TEXT - len(LEAF.pem))) == [LEAF.read.fingerprint]


def test_more_than_a_hundred_certificates_are_not_read() -> None:
    key = ec_key()
    texts = [make(f"Number {number}", key=key).pem for number in range(101)]
    assert len(fingerprints("".join(texts[:100]))) == 100
    certificates, defects = parse_text("".join(texts))
    assert (len(certificates), [defect.code for defect in defects]) == (100, ["too-many"])


def test_a_certificate_that_alb_would_not_take_for_its_size_is_refused() -> None:
    assert codes(leaf(ROOT, names=[f"{number}.{NAME}" for number in range(300)]).pem) == ["too-large"]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a negative serial", lambda tbs: re.sub(rb"(?s)(\x02\x14)[\x00-\x7f]", b"\\1\xff", tbs, count=1)),
        ("version 7", swap(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06")),
        ("a date that no calendar knows", swap(b"261124120000Z", b"261399999999Z")),
        ("basicConstraints twice", swap(bytes.fromhex("0603551d0f"), bytes.fromhex("0603551d13"))),
        ("a key of no known kind", swap(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0277"))),
        (
            "a point that is not on the curve",
            lambda tbs: re.sub(rb"(?s)(\x03\x42\x00\x04).{8}", b"\\1" + bytes(8), tbs),
        ),
    ],
)
def test_what_no_library_should_take_is_a_defect_without_any_warning(what: str, change: object) -> None:
    pair = leaf(ROOT, end=NOW + DAY, key=ec_key())
    assert callable(change)
    while pair.raw.serial_number.bit_length() < 153:  # so that the serial number has its twenty bytes
        pair = leaf(ROOT, end=NOW + DAY, key=ec_key())
    odd = patched(pair, ROOT.key, change, hashes.SHA256())
    assert odd != patched(pair, ROOT.key, lambda tbs: tbs, hashes.SHA256()), what
    certificates, defects = parse_text(pem_of(odd))
    assert (certificates, [defect.code for defect in defects]) == ((), ["unparsable"])


def test_the_far_end_of_time_is_read() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert root(start=datetime(1950, 1, 1, tzinfo=UTC), end=end).read.facts.not_after == end


def test_a_signature_of_no_known_algorithm_is_reported_as_unknown() -> None:
    odd = patched(
        LEAF, ISSUING.key, swap(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040377")), hashes.SHA256()
    )
    assert parse_text(pem_of(odd)).certificates[0].signature_hash == "unknown"


def test_a_certificate_broken_at_random_is_read_or_a_defect_and_nothing_else() -> None:
    chance = random.Random(20261123)  # noqa: S311 - a seed, so that a failure can be repeated
    sources = [der(pair) for pair in CHAIN]
    read = 0
    for _ in range(4000):
        broken = bytearray(chance.choice(sources))
        for _ in range(chance.choice([1, 1, 2, 4])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        certificates, defects = parse_text(pem_of(bytes(broken)))
        assert len(certificates) + len(defects) == 1
        read += len(certificates)
    assert 100 < read < 3900


# --- the article's own


def test_the_articles_sample_is_no_json_and_its_elided_bodies_are_defects() -> None:
    sample = SAMPLE.read_text()
    with pytest.raises(json.JSONDecodeError):
        json.loads(sample)
    strings = re.findall(r'"certificate": "(.*?)"', sample, re.DOTALL)
    assert len(strings) == 2
    for string, blocks in zip(strings, (3, 1), strict=True):
        assert string.count("BEGIN CERTIFICATE") == blocks
        certificates, defects = parse_text(string)
        assert certificates == ()
        assert {defect.code for defect in defects} == {"bad-base64"}
