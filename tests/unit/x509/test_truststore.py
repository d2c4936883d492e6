"""A truststore is carried on as it stands: every form in which others keep certificates, in its order."""

import subprocess
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.x509 import truststore
from tests.support import pki
from tests.support.pki import pem_of

CASES = Path(__file__).parent / "cases"
BLOCKS = sorted((CASES / "others-blocks").glob("*.pem"))
REFUSED = {"lost-padding", "pem-headers", "url-safe"}
"""Those for which OpenSSL refuses the file as a whole."""
ROOT, OURS = pki.root("Theirs"), pki.root("Ours")
PLAIN = pem_of(ROOT.read.raw.public_bytes(Encoding.DER))


@given(st.binary(max_size=400))
def test_any_bytes_are_taken_apart_without_loss(data: bytes) -> None:
    assert truststore.read(data).data == data


@given(
    st.lists(
        st.sampled_from(["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "AAAA", "\n", "\r\n", " ", "#"])
    )
)
def test_any_order_of_markers_is_taken_apart_without_loss(parts: list[str]) -> None:
    data = "".join(parts).encode()
    contents = truststore.read(data)
    assert contents.data == data
    assert truststore.changed(contents).rstrip(b"\n") == data.rstrip(b"\n")


@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: path.stem)
def test_a_file_that_openssl_refuses_as_a_whole_cannot_be_carried_on(path: Path) -> None:
    codes = [one.defect.code for one in truststore.read(path.read_bytes()).unsafe]
    assert (loaded(path) is None) is (path.stem in REFUSED)
    assert codes == (["refused-whole"] if path.stem in REFUSED else [])


@pytest.mark.parametrize("path", [one for one in BLOCKS if one.stem not in REFUSED], ids=lambda path: path.stem)
def test_a_block_of_others_in_an_unusual_form_stays_byte_for_byte_when_ours_is_added(path: Path) -> None:
    data = path.read_bytes()
    contents = truststore.read(data)
    assert contents.unsafe == ()
    assert len(contents.blocks) == 2
    after = truststore.changed(contents, last=[OURS.read])
    assert after == data + OURS.read.pem.encode()
    assert [*truststore.read(after).blocks] == [*contents.blocks, OURS.read.fingerprint]


FORMS = {
    "a comment between": f"# of our partner\n{PLAIN}",
    "a preamble": f"Subject: CN=Theirs\n\n{PLAIN}",
    "four dashes": PLAIN.replace("-----", "----"),
    "lower case": PLAIN.replace("BEGIN CERTIFICATE", "begin certificate").replace("END CERTIFICATE", "end certificate"),
    "Windows line ends": PLAIN.replace("\n", "\r\n"),
    "blank lines": f"\n\n{PLAIN}\n\n",
    "no end of line": PLAIN.rstrip("\n"),
    "a certificate request": pem_of(b"0\x03\x02\x01\x01", "CERTIFICATE REQUEST"),
    "an END alone": f"-----END CERTIFICATE-----\n{PLAIN}",
    "Latin-1 in a comment": f"# Z\xfcrich\n{PLAIN}",
}


@pytest.mark.parametrize("form", FORMS)
def test_what_stands_beside_a_plain_certificate_is_kept_as_it_stands(form: str) -> None:
    data = (PLAIN + FORMS[form]).encode("latin-1")
    contents = truststore.read(data)
    assert contents.unsafe == ()
    after = truststore.changed(contents, last=[OURS.read])
    assert after.startswith(data)
    left = truststore.without(truststore.read(after), {OURS.read.fingerprint})
    assert left.data.rstrip(b"\n") == data.rstrip(b"\n")


TWIN = pki.make("Ours", ca=True, aki=False)
MINE, NAMESAKE = TWIN.read.pem, pki.make("Ours", ca=True, aki=False).read.pem
COPIES = {
    "the one copy": (PLAIN + MINE, PLAIN),
    "the one copy, whatever its line ends": (PLAIN + MINE.replace("\n", "\r\n"), PLAIN),
    "theirs first": ("# theirs\n" + MINE + PLAIN + MINE, "# theirs\n" + MINE + PLAIN),
    "theirs last": (MINE + PLAIN + "# theirs\n" + MINE, PLAIN + "# theirs\n" + MINE),
    "theirs of other bytes first": (MINE.replace("\n", "\r\n") + MINE, MINE.replace("\n", "\r\n")),
    "theirs of other bytes last": (MINE + MINE.replace("\n", "\r\n"), MINE.replace("\n", "\r\n")),
    "three": (MINE + "# theirs\n" + MINE + PLAIN + MINE, MINE + "# theirs\n" + MINE + PLAIN),
    "none of ours": (MINE.replace("\n", "\r\n") * 2, MINE.replace("\n", "\r\n") * 2),
    "a namesake between them": (MINE + NAMESAKE + MINE, MINE + NAMESAKE),
    "a namesake before theirs of other bytes": (
        MINE + NAMESAKE + MINE.replace("\n", "\r\n"),
        MINE + NAMESAKE + MINE.replace("\n", "\r\n"),
    ),
}


@pytest.mark.parametrize("case", COPIES)
def test_of_several_copies_of_a_certificate_only_ours_leaves(case: str) -> None:
    before, after = COPIES[case]
    contents = truststore.read(before.encode())
    assert truststore.without(contents, {TWIN.read.fingerprint}).data.decode() == after


KEY = pki.root("Key").key_pem
UNSAFE = {
    "a private key": (PLAIN + KEY, len(PLAIN.splitlines()) + 1, "private-key"),
    "a private key in a certificate's clothes": (
        PLAIN + KEY.replace("PRIVATE KEY", "CERTIFICATE"),
        len(PLAIN.splitlines()) + 1,
        "private-key",
    ),
    "a private key behind broken markers": (
        PLAIN + KEY.replace("-----", "----"),
        len(PLAIN.splitlines()) + 1,
        "private-key",
    ),
    "a missing END": (PLAIN + PLAIN.partition("-----END")[0], len(PLAIN.splitlines()) + 1, "unterminated"),
    "a missing END in between": (PLAIN.partition("-----END")[0] + PLAIN, 1, "unterminated"),
    "another END": (PLAIN.replace("END CERTIFICATE", "END X509 CERTIFICATE"), 1, "unterminated"),
    **{
        name: (PLAIN + form, len(PLAIN.splitlines()) + 1, "refused-whole")
        for name, form in {
            "a comment inside": PLAIN.replace("\n", "\n# inside\n", 1),
            "a revocation list that is none": pem_of(b"0\x03\x02\x01\x01", "X509 CRL"),
            "base64 of no certificate": pem_of(b"0\x03\x02\x01\x01"),
            "text behind END": PLAIN.rstrip("\n") + " # ours\n",
            "a blank line in the body": PLAIN.replace("\n", "\n\n", 2).replace("\n\n", "\n", 1),
            "END glued to BEGIN": PLAIN.rstrip("\n") + PLAIN,
            "a certificate with headers": PLAIN.replace("\n", "\nComment: ours\n\n", 1),
        }.items()
    },
    "no PEM": ("\x30\x82\x01\x02 this is DER", 1, "no-certificate"),
    "UTF-16": (PLAIN.encode("utf-16").decode("latin-1"), 1, "no-certificate"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_cannot_be_carried_on_is_named_with_its_line(name: str) -> None:
    text, line, code = UNSAFE[name]
    contents = truststore.read(text.encode("latin-1"))
    assert [(one.line, one.defect.code) for one in contents.unsafe] == [(line, code)]
    assert contents.unsafe[0].words.startswith(f"line {line}: ")
    assert KEY.splitlines()[1] not in contents.unsafe[0].words


def test_a_certificate_of_others_is_the_same_certificate_whatever_its_line_ends() -> None:
    (key,) = truststore.read(PLAIN.replace("\n", "\r\n").encode()).blocks
    assert key == ROOT.read.fingerprint


def test_a_label_that_not_every_engine_reads_is_not_the_certificate_that_it_holds() -> None:
    text = PLAIN.replace("CERTIFICATE", "X509 CERTIFICATE")
    (block,) = truststore.read(text.encode()).blocks.values()
    assert block.certificate is None
    assert block.fingerprint != ROOT.read.fingerprint
    assert block.pem == text


def test_openssl_reads_the_same_certificates_before_and_after(tmp_path: Path) -> None:
    readable = 0
    for path in [*BLOCKS, CASES / "order" / "live.pem"]:
        before, after = path.read_bytes(), tmp_path / path.name
        after.write_bytes(truststore.changed(truststore.read(before), last=[OURS.read]))
        held = loaded(path)
        assert loaded(after) == (None if held is None else held + 1), path.name
        readable += held is not None
    assert readable >= 4


def loaded(path: Path) -> int | None:
    """How many certificates OpenSSL reads out of a file; None where it refuses the whole."""
    made = subprocess.run(["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(path)], capture_output=True, check=False)
    if made.returncode:
        return None
    command = ["openssl", "pkcs7", "-print_certs", "-noout"]
    return subprocess.run(command, input=made.stdout, capture_output=True, check=True).stdout.count(b"subject=")


def test_few_large_truststores_are_remembered_so_that_a_run_over_many_of_them_has_the_memory() -> None:
    size = 4_000_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(6):
            truststore.read(b"# %d" % number + b"#" * size)
        assert tracemalloc.get_traced_memory()[0] - before < 5 * size
    finally:
        tracemalloc.stop()
