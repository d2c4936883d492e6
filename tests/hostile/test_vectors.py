"""Everything that ``cryptography_vectors`` holds on X.509, PKITS first, through reader and assessment: no exception.

Files are read as they are (PEM, with what surrounds it) and, where they are DER, in PEM armour. Revocation lists,
requests and PKCS #12 files of the package come along: people put such things into certificate fields, too.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
import pytest

from rotation_watcher.trust.assessment import Assessed, assess
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.certificates import Certificate, Parsed, parse_bundle, parse_text
from tests.hostile.rogues import ROOT
from tests.support.pki import NAME, NOW, pem_of
from tests.support.processor import within

VECTORS = Path(cryptography_vectors.__file__).parent / "x509"
PKITS = VECTORS / "PKITS_data" / "certs"
LONGEST = 1.0
"""Seconds of processor time that one file may take."""


def texts(file: Path) -> Iterator[str]:
    """What the API's string would hold."""
    content = file.read_bytes()
    yield content.decode("utf-8", "replace")
    if b"-----BEGIN" not in content:
        yield pem_of(content)


def judged(parsed: Parsed, anchors: list[Certificate]) -> Assessed:
    """What the assessment says of a text, for one who expects our name."""
    return assess(
        parsed.certificates,
        defects=parsed.defects,
        anchors=anchors,
        expected=Expected((NAME,)),
        approval={},
        now=NOW,
    )


def read(file: Path, anchors: list[Certificate]) -> int:
    """Put a file through everything; how many certificates were read."""
    found = 0
    for text in texts(file):
        parsed = parse_text(text)
        assert parsed.certificates or parsed.defects
        assessed = judged(parsed, anchors)
        assert not assessed.verdict.accepted
        assert assessed.verdict.reasons
        found += len(parsed.certificates)
    blocks, defects = parse_bundle(file.read_bytes())
    assert blocks or defects
    return found


@pytest.fixture(scope="module")
def anchors() -> list[Certificate]:
    """Our root and that of PKITS."""
    theirs = (PKITS / "TrustAnchorRootCertificate.crt").read_bytes()
    return [ROOT.read, *parse_text(pem_of(theirs)).certificates]


@pytest.mark.parametrize(
    ("folder", "files", "certificates"),
    [("PKITS_data/certs", 405, 400), ("custom", 120, 75), (".", 1700, 500)],
)
def test_every_vector_is_read_or_refused_in_good_time(
    folder: str, files: int, certificates: int, anchors: list[Certificate]
) -> None:
    found = read_files = 0
    for file in sorted(each for each in (VECTORS / folder).rglob("*") if each.is_file()):
        with (
            within(LONGEST, file),
            warnings.catch_warnings(action="error"),
        ):  # in this order: what others left is no error
            found += read(file, anchors)
        read_files += 1
    assert read_files >= files, "the package holds less than it did"
    assert found >= certificates


def test_all_of_pkits_in_one_text_is_bounded(anchors: list[Certificate]) -> None:
    text = "".join(pem_of(each.read_bytes()) for each in sorted(PKITS.glob("*.crt")))
    with within(LONGEST):
        parsed = parse_text(text)
        judged(parsed, anchors)
    assert 90 < len(parsed.certificates) <= 100
    assert "too-many" in {defect.code for defect in parsed.defects}
