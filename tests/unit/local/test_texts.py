import pytest
from cryptography import x509

from local.genesys.keys import KeyStore
from local.genesys.pki import Identity, PublicHierarchy
from local.genesys.texts import DIGICERT_STYLE, GENESYS_STYLE, LITERAL_CRLF, TextStyle
from tests.unit.local.conftest import DAY, START


@pytest.fixture
def identity(keys: KeyStore) -> Identity:
    return PublicHierarchy.make(keys, START).leaf("a.example", keys.rsa("test/leaf"), START, START + DAY)


def read(text: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(text.encode())


def test_the_digicert_text_holds_the_whole_chain_with_crlf_and_stray_spaces(identity: Identity) -> None:
    text = DIGICERT_STYLE.write(identity)

    assert text.count("-----BEGIN CERTIFICATE----- \r\n") == 3
    assert text.count("-----END CERTIFICATE-----\r\n -----BEGIN") == 2
    assert text.count("\n") == text.count("\r\n")
    assert text.endswith("-----END CERTIFICATE-----")
    straight = "\n".join(line.strip() for line in text.splitlines())
    assert read(straight) == [identity.certificate, *identity.chain]


def test_the_genesys_text_holds_the_leaf_alone_and_ends_in_two_line_breaks(identity: Identity) -> None:
    text = GENESYS_STYLE.write(identity)

    assert read(text) == [identity.certificate]
    assert "\r" not in text
    assert text.endswith("-----END CERTIFICATE-----\n\n")


def test_order_and_extent_can_be_varied(identity: Identity) -> None:
    intermediate, root = identity.chain

    assert read(TextStyle(order="root-first").write(identity)) == [root, intermediate, identity.certificate]
    assert read(TextStyle(order="leaf-last-but-one").write(identity)) == [intermediate, identity.certificate, root]
    assert read(TextStyle(holds="without-root").write(identity)) == [identity.certificate, intermediate]


def test_markers_can_touch_and_line_breaks_can_be_literal_escapes(identity: Identity) -> None:
    assert "-----END CERTIFICATE----------BEGIN CERTIFICATE-----" in TextStyle(between="").write(identity)

    text = TextStyle(line_break=LITERAL_CRLF, between=LITERAL_CRLF, ending=LITERAL_CRLF).write(identity)
    assert "\n" not in text
    assert read(text.replace(r"\r\n", "\n")) == [identity.certificate, *identity.chain]
