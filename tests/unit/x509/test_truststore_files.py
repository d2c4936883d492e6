"""Whole truststores and operators' files: read with all that is foreign in them, and written canonically."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.x509.certificates import parse_bundle, render_bundle
from tests.support.pki import (
    Pair,
    intermediate,
    leaf,
    make,
    pem_of,
    root,
)

ROOT = root()
ISSUING = intermediate("Issuing", ROOT)
LEAF = leaf(ISSUING)
CHAIN = (LEAF, ISSUING, ROOT)


def der(pair: Pair) -> bytes:
    return pair.raw.public_bytes(Encoding.DER)


def test_a_foreign_truststore_is_read_with_its_comments_and_its_opaque_blocks() -> None:
    opaque = bytes.fromhex("300302012a")
    crooked = der(ISSUING) + b"\0\0"
    data = (
        f"# our roots\n\nsubject=/CN=x\n{ROOT.pem}\n{pem_of(opaque)}junk{pem_of(crooked)}{ROOT.pem}".encode()
        + b"\xff\xfe"
    )
    blocks, defects = parse_bundle(data)
    assert defects == ()
    assert [(block.certificate, block.defect.code if block.defect else None) for block in blocks] == [
        (ROOT.read, None),
        (None, "unparsable"),
        (None, "trailing-garbage"),
    ]
    assert blocks[1].fingerprint == hashlib.sha256(opaque).hexdigest()
    assert [block.pem for block in blocks] == [ROOT.pem, pem_of(opaque), pem_of(crooked)]


def test_an_opaque_block_survives_being_rendered_and_read_again() -> None:
    blocks, _ = parse_bundle((pem_of(bytes.fromhex("300302012a")) + ROOT.pem).encode())
    again, defects = parse_bundle(render_bundle(blocks))
    assert defects == ()
    assert {block.fingerprint for block in again} == {block.fingerprint for block in blocks}


def test_a_certificate_may_come_as_der() -> None:
    blocks, defects = parse_bundle(der(ROOT))
    assert ([block.certificate for block in blocks], defects) == ([ROOT.read], ())


@pytest.mark.parametrize(
    "data", [b"\x30\x82\x05", bytes(range(256)), b"PK\x03\x04", "\ufeffcertificate".encode("utf-16")]
)
def test_a_file_that_holds_no_certificate_says_so(data: bytes) -> None:
    blocks, defects = parse_bundle(data)
    assert (blocks, [defect.code for defect in defects]) == ((), ["no-certificate"])


def test_an_empty_file_is_an_empty_truststore() -> None:
    assert parse_bundle(b"") == ((), ())
    assert parse_bundle(b" \n") == ((), ())


def test_a_rendered_bundle_is_the_same_whatever_the_order_and_holds_no_blank_line_and_no_comment() -> None:
    pairs = [make(f"Root {number}", ca=True) for number in range(6)]
    certificates = [pair.read for pair in pairs]
    rendered = render_bundle(certificates)
    assert rendered == render_bundle([*reversed(certificates), *certificates])
    assert rendered == render_bundle(parse_bundle(b"# x\r\n" + rendered.replace(b"\n", b"\r\n\r\n"))[0])
    lines = rendered.decode().split("\n")
    assert lines.pop() == ""
    assert all(lines)
    assert max(map(len, lines)) == 64
    assert not any(line.startswith("#") for line in lines)
    found = [block.fingerprint for block in parse_bundle(rendered)[0]]
    assert found == sorted(pair.read.fingerprint for pair in pairs)


def test_nothing_renders_to_nothing() -> None:
    assert render_bundle([]) == b""


def test_openssl_reads_every_certificate_of_a_rendered_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(render_bundle([pair.read for pair in CHAIN]))
    command = ["openssl", "storeutl", "-noout", "-certs", str(bundle)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Total found: 3" in answer.stdout
