"""What an operator's file of certificates holds, however an editor has saved it, and what is reported of the rest."""

import codecs
from pathlib import Path

import pytest

from rotation_watcher.trust.file_contents import OperatorFile, anchors, extra
from rotation_watcher.x509 import pem
from rotation_watcher.x509.certificates import certificate_block
from tests.support import certs

CASES = Path(__file__).parents[1] / "x509" / "cases"
ROOT, OTHER = certs.self_signed_ca("Root"), certs.self_signed_ca("Other")
LEAF = certs.issue(ROOT)
ONE, TWO = ROOT.pem.decode(), OTHER.pem.decode()
LINES = ONE.count("\n")
KEY = ROOT.key_pem.decode()
PKCS7 = (CASES / "others-blocks" / "pkcs7.pem").read_bytes()


def read(text: str | bytes) -> OperatorFile:
    return extra("bucket", "extra/a.pem", text if isinstance(text, bytes) else text.encode())


def held(file: OperatorFile) -> set[str]:
    return {one.fingerprint for one in file.held}


def faults(file: OperatorFile) -> list[tuple[int, str]]:
    return [(fault.line, fault.defect.code) for fault in file.faults]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + (ONE + TWO).encode(),
        codecs.BOM_UTF16_LE + (ONE + TWO).encode("utf-16-le"),
        codecs.BOM_UTF16_BE + (ONE + TWO).encode("utf-16-be"),
        (ONE + TWO).replace("\n", "\r\n").encode(),
        (ONE + TWO).replace("\n", "\r").encode(),
        codecs.BOM_UTF16_LE + (ONE + TWO).replace("\n", "\r\n").encode("utf-16-le"),
    ],
    ids=["UTF-8 mark", "UTF-16 LE", "UTF-16 BE", "CR LF", "CR", "UTF-16 LE with CR LF"],
)
def test_a_file_saved_by_windows_is_read(data: bytes) -> None:
    file = read(data)

    assert held(file) == {ROOT.fingerprint, OTHER.fingerprint}
    assert faults(file) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ONE + TWO[:300], [(LINES + 1, "unterminated")]),
        (ONE + TWO[:80] + TWO[90:], [(LINES + 1, "bad-base64")]),
        (ONE + LEAF.pem.decode(), [(LINES + 1, "not-a-ca")]),
        (ONE + KEY, [(LINES + 1, "private-key")]),
        (ONE + KEY.replace("PRIVATE KEY", "CERTIFICATE"), [(LINES + 1, "private-key")]),
        (ONE.replace("\n", "\r") + TWO.replace("\n", "\r")[:300], [(LINES + 1, "unterminated")]),
        (ONE + TWO.replace("-----END", "---END"), [(LINES * 2, "bad-marker"), (LINES + 1, "unterminated")]),
    ],
    ids=["no END", "damaged", "a leaf", "a private key", "a key under another label", "no END, CR alone", "bad END"],
)
def test_what_is_wrong_is_reported_with_its_line_and_the_good_is_used(text: str, found: list[tuple[int, str]]) -> None:
    file = read(text)

    assert held(file) == {ROOT.fingerprint}
    assert faults(file) == found


def test_nothing_of_a_private_key_is_repeated() -> None:
    file = read(ONE + KEY)

    assert file.exposes_key
    assert KEY.splitlines()[1][:20] not in repr(file.faults)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        ONE.encode("utf-16-le"),
        LEAF.der,
        (CASES / "others-blocks" / "pkcs7.pem").read_bytes()[-900:],
        b"\x30\x80",
    ],
    ids=["empty", "blank", "UTF-16 without a mark", "a leaf as DER", "PKCS7", "no certificate"],
)
def test_a_file_of_which_nothing_can_be_used_has_a_fault(data: bytes) -> None:
    file = read(data)

    assert file.held == ()
    assert file.faults


def test_a_pkcs7_block_beside_a_certificate_is_reported() -> None:
    assert [code for _, code in faults(read(PKCS7))] == ["not-a-certificate"]
    assert len(read(PKCS7).held) == 1


@pytest.mark.parametrize("case", sorted(path.stem for path in (CASES / "extra").iterdir()))
def test_a_ca_that_openssl_reads_is_taken(case: str) -> None:
    file = read((CASES / "extra" / f"{case}.pem").read_bytes())

    assert len(file.held) == 1
    assert file.faults == ()
    assert file.held[0].facts.not_after.year == 2046


def test_what_cannot_be_read_and_is_no_ca_is_refused() -> None:
    leaf = certs.issue(ROOT, extensions=[]).der
    odd = leaf.replace(b"leaf.example.com", b"leaf&example.com").replace(b"\x0c\x10leaf&", b"\x13\x10leaf&")
    file = read(pem.armour(odd))

    assert certificate_block(odd).certificate is None
    assert file.held == ()
    assert faults(file) == [(1, "not-a-ca")]


def test_an_anchor_file_with_a_damaged_block_keeps_its_good_root() -> None:
    file, certificates = anchors("bucket", "anchors/a.pem", (ONE + TWO[:300]).encode())

    assert [one.fingerprint for one in file.held] == [ROOT.fingerprint]
    assert faults(file) == [(LINES + 1, "unterminated")]
    assert len(certificates) == 1


DASHES = {
    "an em dash": "\u2014",
    "hyphens": "\u2010" * 5,
    "en dashes": "\u2013\u2013-",
    "minus signs": "\u2212" * 5,
    "one hyphen": "-",
    "none": "",
    "underscores of a form": "=====",
    "an em dash of Windows-1252": "\udc97",
}


@pytest.mark.parametrize("dash", DASHES)
@pytest.mark.parametrize("label", ["CERTIFICATE", "X509 CERTIFICATE", "certificate"])
def test_a_root_whose_dashes_an_editor_replaced_is_reported(dash: str, label: str) -> None:
    second = TWO.replace("CERTIFICATE", label).replace("-----", DASHES[dash])
    data = (ONE + second).encode("utf-8", "surrogateescape").replace(b"\xed\xb2\x97", b"\x97")
    file, _ = anchors("bucket", "anchors/a.pem", data)

    assert [one.fingerprint for one in file.held] == [ROOT.fingerprint]
    assert faults(file) == [(LINES + 1, "bad-marker"), (LINES * 2, "bad-marker")]
    alone = data.replace(b"\n", b"\r")
    assert faults(anchors("bucket", "anchors/a.pem", alone)[0]) == faults(file)


def test_a_private_key_whose_dashes_an_editor_replaced_is_found() -> None:
    assert read(ONE + KEY.replace("-----", "\u2014")).exposes_key


@pytest.mark.parametrize(
    "comment",
    [
        "# BEGIN CERTIFICATE",
        "; end certificate",
        "// begin certificate",
        "We begin certificate rotation here",
        "This file must end with a certificate",
        "The end \u2014 of the list",
    ],
)
def test_a_comment_that_speaks_of_certificates_is_none(comment: str) -> None:
    assert faults(read(f"{comment}\n{ONE}{comment}\n")) == []
