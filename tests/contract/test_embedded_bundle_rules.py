"""The embedded AWS refuses, and takes, the bundles that a real trust store refuses and takes."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.aws.bundle_rules import truststore_warnings
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support import certs
from tests.support.embedded import START, Bundles, joined


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(clock, direct=True) as running:
        yield running


@pytest.fixture
def bundles(aws: EmbeddedAws) -> Bundles:
    return Bundles(aws)


@cache
def root() -> certs.Issued:
    return certs.self_signed_ca("Good Root")


@cache
def wanted() -> bytes:
    return certs.self_signed_ca("Root Before").pem


def with_key(key: certs.PublicKey) -> bytes:
    return certs.issue(root(), "CA With A Key", ca=True, public_key=key).pem


def ed25519_ca() -> bytes:
    """A CA with an Ed25519 key, put together from a P-256 one: the issuer's signature is not what is judged here."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    carrier = certs.issue(root(), "Ed25519", ca=True, public_key=point)
    old = point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    new = ed25519.Ed25519PrivateKey.generate().public_key()
    return certs.with_public_key(carrier, old, new.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def truncated(pem: bytes) -> bytes:
    lines = pem.splitlines(keepends=True)
    return b"".join([*lines[:-3], lines[-1]])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "one blank line between certificates": (lambda: root().pem + b"\n" + wanted(), "blank"),
    "one blank line at the end": (lambda: root().pem + b"\n", "blank"),
    "one blank line at the start": (lambda: b"\n" + root().pem, "blank"),
    "a line of spaces": (lambda: root().pem + b"  \n" + wanted(), "blank"),
    "a blank line inside a block": (lambda: root().pem.replace(b"-----\n", b"-----\n\n", 1), "blank"),
    "a text preamble": (lambda: b"subject=CN = Good Root\n" + root().pem, "neither a certificate nor a comment"),
    "text behind the last certificate": (lambda: root().pem + b"the end\n", "neither a certificate nor a comment"),
    "an indented comment": (lambda: b" # comment\n" + root().pem, "neither a certificate nor a comment"),
    "a comment with a hyphen": (lambda: b"# us-east-1\n" + root().pem, "hyphen"),
    "a leaf": (lambda: root().pem + certs.issue(root()).pem, "not a CA certificate"),
    "an RSA key of 1024 bits": (lambda: with_key(certs.rsa_public_key(1024)), "RSA key of 1024"),
    "an RSA key of 2047 bits": (lambda: with_key(certs.rsa_public_key(2047)), "RSA key of 2047"),
    "an RSA key of 8193 bits": (lambda: with_key(certs.rsa_public_key(8193)), "RSA key of 8193"),
    "a key on secp256k1": (lambda: with_key(certs.ec_key(ec.SECP256K1()).public_key()), "secp256k1"),
    "a key on P-224": (lambda: with_key(certs.ec_key(ec.SECP224R1()).public_key()), "secp224r1"),
    "an Ed25519 key": (ed25519_ca, "unsupported kind"),
    "a SHA-1 signature": (lambda: certs.sha1_signed(root()), "sha1"),
    "X.509 version 1": (lambda: certs.version_1(root()), "version 3"),
    "a block that ends too soon": (lambda: truncated(root().pem), "cannot be parsed"),
    "a block that is not base64": (lambda: root().pem.replace(b"M", b"!", 1), "cannot be parsed"),
    "a block without an end": (lambda: root().pem + wanted().rsplit(b"-----END", 1)[0], "does not end"),
    "a private key": (lambda: root().pem + root().key_pem, "PRIVATE KEY"),
    "26 certificates": (lambda: joined([root().pem] * 26), "26 certificates"),
    "a certificate above 16 KB": (lambda: certs.oversized_ca().pem, "larger than 16384"),
    "nothing": (lambda: b"", "empty"),
    "a comment alone": (lambda: b"# no certificate\n", "no certificate"),
    "a letter outside ASCII": (lambda: "# Zürich\n".encode() + root().pem, "ASCII"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_bundle_with_one_fault_is_refused_whole_and_nothing_changes(
    aws: EmbeddedAws, bundles: Bundles, why: str
) -> None:
    make, said = REFUSED[why]
    elb = aws.client("elbv2")
    arn = bundles.trust_store(wanted())
    with pytest.raises(elb.exceptions.InvalidCaCertificatesBundleException, match=said):
        bundles.load(arn, make())
    with pytest.raises(elb.exceptions.InvalidCaCertificatesBundleException, match=said):
        bundles.trust_store(make(), "another")
    assert bundles.downloaded(arn) == wanted()
    assert [each["NumberOfCaCertificates"] for each in elb.describe_trust_stores()["TrustStores"]] == [1]


def test_the_subjects_of_a_trust_store_have_a_quota_together(aws: EmbeddedAws, bundles: Bundles) -> None:
    long = [certs.self_signed_ca(f"{number} {'x' * 60}") for number in range(4)]
    taken = sum(len(each.certificate.subject.public_bytes()) for each in long)
    aws.knobs.max_subject_bytes = taken
    arn = bundles.trust_store(joined(each.pem for each in long))
    aws.knobs.max_subject_bytes = taken - 1
    elb = aws.client("elbv2")
    with pytest.raises(elb.exceptions.InvalidCaCertificatesBundleException, match=f"subjects .* take {taken} bytes"):
        bundles.load(arn, joined(each.pem for each in long))


def t61(value: bytes) -> bytes:
    """A root whose common name is T61 text, which ``cryptography`` reads only as far as it is UTF-8."""
    issued = certs.self_signed_ca("x" * len(value))
    der = issued.der.replace(b"\x0c" + bytes([len(value)]) + b"x" * len(value), b"\x14" + bytes([len(value)]) + value)
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()


def test_a_subject_in_t61_text_is_counted_and_no_reason_to_fail(aws: EmbeddedAws, bundles: Bundles) -> None:
    strange = t61("Zürich Wurzel".encode("latin-1"))
    arn = bundles.trust_store(strange)
    assert aws.live_bundle(arn) == strange
    assert truststore_warnings(strange, START) == []
    assert truststore_warnings(strange, datetime(2050, 1, 1, tzinfo=UTC)) == [
        "Certificate 1 (a subject that is not shown) has expired."
    ]
    aws.knobs.max_subject_bytes = 10
    with pytest.raises(aws.client("elbv2").exceptions.InvalidCaCertificatesBundleException, match="subjects"):
        bundles.load(arn, strange)


ODD = sorted((Path(__file__).parents[1] / "unit" / "x509" / "cases" / "extra").iterdir())


@pytest.mark.parametrize("path", ODD, ids=lambda path: path.stem)
def test_what_openssl_reads_is_taken_by_both_services(bundles: Bundles, aws: EmbeddedAws, path: Path) -> None:
    arn = bundles.trust_store(path.read_bytes())

    assert aws.live_bundle(arn) == path.read_bytes()
    assert truststore_warnings(path.read_bytes(), START) == []
    (warning,) = truststore_warnings(path.read_bytes(), datetime(2050, 1, 1, tzinfo=UTC))
    assert warning.endswith("has expired.")


TAKEN: dict[str, tuple[Callable[[], bytes], int]] = {
    "25 certificates": (lambda: joined([root().pem] * 25), 25),
    "comments without hyphens": (lambda: b"# Good Root\n" + root().pem + b"#\n" + wanted(), 2),
    "no final newline": (lambda: root().pem.rstrip(b"\n"), 1),
    "CRLF": (lambda: root().pem.replace(b"\n", b"\r\n"), 1),
    "an intermediate": (lambda: certs.issue(root(), "Intermediate", ca=True).pem, 1),
    "an RSA key of 2048 bits": (lambda: with_key(certs.rsa_public_key(2048)), 1),
    "an RSA key of 8192 bits": (lambda: with_key(certs.rsa_public_key(8192)), 1),
    "P-384 and SHA-384": (lambda: certs.self_signed_ca(key=certs.ec_key(ec.SECP384R1()), digest=SHA384()).pem, 1),
    "P-521 and SHA-512": (lambda: certs.self_signed_ca(key=certs.ec_key(ec.SECP521R1()), digest=SHA512()).pem, 1),
    "a real RSA root": (lambda: certs.self_signed_ca(key=certs.rsa_key()).pem, 1),
    "a certificate of 15 KB": (lambda: certs.oversized_ca(11_000).pem, 1),
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_good_bundle_is_taken_and_given_back_byte_for_byte(aws: EmbeddedAws, bundles: Bundles, what: str) -> None:
    make, count = TAKEN[what]
    content = make()
    arn = bundles.trust_store(content)
    (described,) = aws.client("elbv2").describe_trust_stores(TrustStoreArns=[arn])["TrustStores"]
    assert described == {
        "Name": "store",
        "TrustStoreArn": arn,
        "Status": "ACTIVE",
        "NumberOfCaCertificates": count,
        "TotalRevokedEntries": 0,
    }
    assert bundles.downloaded(arn) == content
    assert aws.live_bundle(arn) == content
