"""Our account of how OpenSSL reads a file of certificates, held against OpenSSL itself over mutated files."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotation_watcher.x509 import openssl_pem, truststore
from rotation_watcher.x509.certificates import Certificate, extension
from rotation_watcher.x509.paths import Path as TrustPath
from rotation_watcher.x509.selection import candidates_in_order, chain_taken
from tests.hostile import fuzz
from tests.support import pki
from tests.support.pki import NOW, pem_of

FIRST, THEIRS = pki.root("First"), pki.root("Theirs")
DER = THEIRS.raw.public_bytes(Encoding.DER)
LEAF = pki.leaf(THEIRS)

FIXED = FIRST.pem
PIECES = [
    *(
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\xa0",
        "\xef\xbb\xbf",
        "-",
        "--",
        "-----",
        ":",
        "=",
        "#",
    ),
    *("A", "AAAA", "a: b\n", "\n\n", " " * 254, "A" * 64, "B" * 256, "X509 ", "TRUSTED ", "\\n"),
    *("\n-----END CERTIFICATE-----\n", "\n-----BEGIN CERTIFICATE-----\n"),
    *("-----BEGIN our roots-----\n", "-----END our roots-----\n"),
]
"""What is put in; each byte is one character."""
HOT = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\n", "BEGIN", "END", "CERTIFICATE", "-----", " "]


def loaded(data: bytes, folder: Path) -> set[bytes] | None:
    """The CA certificates that OpenSSL reads out of a file, as DER; None if it refuses the whole."""
    path = folder / "bundle"
    path.write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return None
    return {*context.get_ca_certs(binary_form=True)}


def wrapped(width: int) -> str:
    """The certificate with lines of so many characters."""
    body = "".join(THEIRS.pem.splitlines()[1:-1])
    lines = [body[at : at + width] for at in range(0, len(body), width)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def mutated(chance: Random) -> str:
    """A certificate's text, changed near its markers, in its body or in its DER."""
    text = chance.choice(
        [THEIRS.pem, THEIRS.pem, wrapped(chance.choice([76, 127, 253, 254, 255, 508, 4000])), THEIRS.pem + LEAF.pem]
    )
    if chance.random() < 0.15:
        text = pem_of(
            chance.choice([fuzz.mutated_asn1, fuzz.mutated_bytes])(DER, chance),
            chance.choice(["CERTIFICATE", "X509 CERTIFICATE"]),
        )
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(text) + 1)
        if chance.random() < 0.7 and (found := text.find(chance.choice(HOT), place)) >= 0:
            place = found + chance.choice([0, 0, 1, 5, 26, 27])
        cut = chance.choice([0, 0, 0, 1, 2, 5])
        text = text[:place] + chance.choice([*PIECES, ""]) + text[place + cut :]
    return text


@settings(max_examples=600, database=None)
@given(number=st.integers(0, 2**64), last=st.booleans())
@example(number=260_356_115_178, last=False)  # a CA whose key may not sign certificates
def test_nothing_is_plain_that_openssl_does_not_read_and_what_it_refuses_is_unsafe(
    tmp_path_factory: pytest.TempPathFactory, number: int, *, last: bool
) -> None:
    text = mutated(Random(number))  # noqa: S311 - to be repeated, not to be secret
    text = f"{text}\n{FIXED}" if last else FIXED + text
    check(text, tmp_path_factory.getbasetemp())


def check(text: str, folder: Path) -> None:
    data = text.encode("latin-1")
    held, contents = loaded(data, folder), truststore.read(data)
    assert contents.data == data
    if held is None:
        assert contents.unsafe, text
    else:
        assert openssl_pem.read(text).fault is None, text
        plain = {one.certificate for one in contents.blocks.values() if one.certificate is not None}
        assert {one.raw.public_bytes(Encoding.DER) for one in plain if is_listed(one)} <= held, text


def is_listed(one: Certificate) -> bool:
    """Whether OpenSSL lists it among its CAs (``X509_check_ca``): not where the usage of its key forbids to sign."""
    usage = extension(one, x509.KeyUsage)
    return one.is_ca and (usage is None or usage.key_cert_sign)


FORMS: dict[str, Callable[[str], str]] = {
    "base64 on the BEGIN line": lambda text: text.replace("BEGIN CERTIFICATE-----\n", "BEGIN CERTIFICATE-----", 1),
    "CR alone ends the lines": lambda text: text.replace("\n", "\r") + "\n",
    "blanks in the BEGIN marker": lambda text: text.replace("-----BEGIN CERT", "----- BEGIN  CERT"),
    "a line end in the BEGIN marker": lambda text: text.replace("BEGIN CERT", "BEGIN\nCERT"),
    "a form feed in the body": lambda text: text[:200] + "\x0c" + text[200:],
    "a no-break space in the body": lambda text: text[:200] + "\xa0" + text[200:],
    "a BEGIN line that is continued": lambda text: text.replace("-----\n", "----- of our partner\n", 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_openssl_does_not_read_is_not_the_certificate(form: str, tmp_path: Path) -> None:
    text = FIXED + FORMS[form](THEIRS.pem)
    held, contents = loaded(text.encode("latin-1"), tmp_path), truststore.read(text.encode("latin-1"))
    assert held is None or DER not in held
    assert THEIRS.read.fingerprint not in contents.blocks
    assert bool(contents.unsafe) is (held is None)


PLAIN: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "CR LF": lambda text: text.replace("\n", "\r\n"),
    "blanks behind the lines": lambda text: text.replace("\n", " \t\n"),
    "blanks before the lines of the body": lambda text: text.replace("\nMII", "\n  MII"),
    "one long line": lambda _: wrapped(4000),
    "no end of line": lambda text: text.rstrip("\n"),
    "blanks and no end of line": lambda text: text.rstrip("\n") + "  ",
}


@pytest.mark.parametrize("form", PLAIN)
def test_a_form_that_every_engine_reads_is_the_certificate(form: str, tmp_path: Path) -> None:
    text = FIXED + PLAIN[form](THEIRS.pem)
    assert DER in (loaded(text.encode(), tmp_path) or set())
    assert THEIRS.read.fingerprint in truststore.read(text.encode()).blocks
    assert truststore.read(text.encode()).unsafe == ()


# --- TRUSTED CERTIFICATE

SETTINGS = {
    "no settings": [],
    "an alias": ["-setalias", "ours"],
    "clientAuth is rejected": ["-addreject", "clientAuth"],
    "any purpose is rejected": ["-addreject", "anyExtendedKeyUsage"],
    "serverAuth is rejected": ["-addreject", "serverAuth"],
    "serverAuth is trusted": ["-addtrust", "serverAuth"],
    "clientAuth is trusted": ["-addtrust", "clientAuth"],
    "both are trusted": ["-addtrust", "serverAuth", "-addtrust", "clientAuth"],
    "any purpose is trusted": ["-addtrust", "anyExtendedKeyUsage"],
    "clientAuth is trusted and rejected": ["-addtrust", "clientAuth", "-addreject", "clientAuth"],
}


def trusted(options: list[str], pair: pki.Pair = THEIRS) -> str:
    """The certificate as a TRUSTED CERTIFICATE block."""
    command = ["openssl", "x509", "-trustout", *options]
    return subprocess.run(command, input=pair.pem, capture_output=True, check=True, text=True).stdout


def lets_in(bundle: str, leaf: Certificate, folder: Path) -> bool:
    (folder / "trusted").write_text(bundle)
    (folder / "leaf").write_text(leaf.pem)
    command = ["openssl", "verify", "-purpose", "sslclient", "-attime", f"{NOW.timestamp():.0f}", "-no-CApath"]
    command += ["-no-CAstore", "-CAfile", str(folder / "trusted"), str(folder / "leaf")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def admits(bundle: str, leaf: Certificate) -> bool:
    held = candidates_in_order([*truststore.read(bundle.encode()).blocks.values()])
    return isinstance(chain_taken(leaf, held, at=NOW), TrustPath)


@pytest.mark.parametrize("said", SETTINGS)
@pytest.mark.parametrize("first", [True, False], ids=["before the plain one", "behind the plain one"])
def test_settings_that_refuse_clients_count_where_openssl_heeds_them(said: str, tmp_path: Path, *, first: bool) -> None:
    block = trusted(SETTINGS[said])
    bundle = block + THEIRS.pem if first else THEIRS.pem + block
    assert truststore.read(bundle.encode()).unsafe == ()
    assert admits(bundle, LEAF.read) is lets_in(bundle, LEAF.read, tmp_path)


@pytest.mark.parametrize("said", SETTINGS)
def test_settings_of_an_intermediate_count_too(said: str, tmp_path: Path) -> None:
    between = pki.intermediate("Issuing", THEIRS)
    leaf = pki.leaf(between).read
    bundle = trusted(SETTINGS[said], between) + between.pem + THEIRS.pem
    assert admits(bundle, leaf) is lets_in(bundle, leaf, tmp_path)


def test_settings_that_cannot_be_read_count_as_a_refusal_and_make_the_file_unsafe(tmp_path: Path) -> None:
    der = DER + b"\x30\x03\x02\x01\x01"
    text = FIXED + pem_of(der, "TRUSTED CERTIFICATE")
    assert openssl_pem.refuses_clients(der)
    assert loaded(text.encode(), tmp_path) is None
    assert [one.defect.code for one in truststore.read(text.encode()).unsafe] == ["refused-whole"]
