"""Certificates for tests, straight from ``cryptography``: good ones by default, weak and broken ones when asked.

Keys are EC P-256 unless told otherwise, because RSA keys take long to make. All are valid from 2025 to 2045 by default.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
type PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2045, 1, 1, tzinfo=UTC)
_OVERSIZED = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate as PEM: LF, one at the end."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The private key as PEM, PKCS #8, unencrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 lower-case hex digits."""
        return self.certificate.fingerprint(SHA256()).hex()


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Return a new EC key, on P-256 by default."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a new RSA key (about 0.1 s for 2048 bits)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def self_signed_ca(
    name: str = "Test Root",
    *,
    key: Key | None = None,
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: SHA256 | SHA384 | SHA512 | None = None,
) -> Issued:
    """Return a root. ``extensions`` come on top, each with its criticality."""
    key = key or ec_key()
    builder = _builder(name, key.public_key(), not_before, not_after, ca=True).issuer_name(_name(name))
    return Issued(_with(builder, extensions).sign(key, digest or SHA256()), key)


def issue(
    issuer: Issued,
    name: str = "leaf.example.com",
    *,
    ca: bool = False,
    key: Key | None = None,
    public_key: PublicKey | None = None,
    eku: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    not_before: datetime = NOT_BEFORE,
    not_after: datetime = NOT_AFTER,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> Issued:
    """Return a leaf, or with ``ca`` an intermediate. ``public_key`` puts in a key that nobody holds."""
    key = key or ec_key()
    builder = _builder(name, public_key or key.public_key(), not_before, not_after, ca=ca)
    builder = builder.issuer_name(issuer.certificate.subject)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
    )
    if not ca and eku is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(eku), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return Issued(_with(builder, extensions).sign(issuer.key, SHA256()), key)


def crl(issuer: Issued, revoked: Sequence[int], *, at: datetime = NOT_BEFORE, days: int = 7) -> bytes:
    """Return a PEM CRL that revokes those serial numbers."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(at).next_update(at + timedelta(days=days))
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, SHA256()).public_bytes(Encoding.PEM)


def rsa_public_key(bits: int) -> rsa.RSAPublicKey:
    """Return an RSA public key of exactly that size at once, of any size: its modulus is no product of known primes."""
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()


def oversized_ca(size: int = 20_000) -> Issued:
    """Return a root of more than ``size`` bytes, by an extension full of zeros."""
    return self_signed_ca("Oversized Root", extensions=[(x509.UnrecognizedExtension(_OVERSIZED, bytes(size)), False)])


def sha1_signed(issued: Issued) -> bytes:
    """Return the certificate as PEM, named as signed by ECDSA with SHA-1. The signature itself is not made anew."""
    sha256, sha1 = bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300906072a8648ce3d0401")
    tbs, _, signature = _children(issued.der)
    parts = [sha1 if part == sha256 else part for part in _children(tbs)]
    return _pem(_tlv(0x30, _tlv(0x30, b"".join(parts)) + sha1 + signature))


def version_1(issued: Issued) -> bytes:
    """Return the certificate as PEM in X.509 version 1: no version, no extensions. The signature is not made anew."""
    tbs, algorithm, signature = _children(issued.der)
    parts = [part for part in _children(tbs) if part[0] not in (0xA0, 0xA3)]
    return _pem(_tlv(0x30, _tlv(0x30, b"".join(parts)) + algorithm + signature))


def with_public_key(issued: Issued, old: bytes, new: bytes) -> bytes:
    """Return the certificate as PEM with another SubjectPublicKeyInfo (DER). The signature is not made anew."""
    tbs, algorithm, signature = _children(issued.der)
    parts = [new if part == old else part for part in _children(tbs)]
    return _pem(_tlv(0x30, _tlv(0x30, b"".join(parts)) + algorithm + signature))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    name: str, key: PublicKey, not_before: datetime, not_after: datetime, *, ca: bool
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _with(
    builder: x509.CertificateBuilder, extensions: Iterable[tuple[x509.ExtensionType, bool]]
) -> x509.CertificateBuilder:
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _children(der: bytes) -> list[bytes]:
    """Split the content of a DER element into its elements, tag and length included."""
    content, parts = der[_header(der) :], []
    while content:
        start = _header(content)
        length = content[1] if start == 2 else int.from_bytes(content[2:start])
        parts.append(content[: start + length])
        content = content[start + length :]
    return parts


def _header(der: bytes) -> int:
    """Return how many bytes tag and length take."""
    return 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    width = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + size.to_bytes(width) + content


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
