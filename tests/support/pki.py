"""Certificates made to order for tests: good ones, odd ones, and ones that no library would agree to make.

``make`` builds what ``cryptography`` is willing to build; ``patched`` changes the DER of such a certificate byte by
byte and signs it again, which gives negative serial numbers, SHA-1 signatures, impossible dates and the like.
"""

import base64
import subprocess
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rotation_watcher.x509.certificates import Certificate, parse_text
from rotation_watcher.x509.names import first, values

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "dataactions.prod.us-east-1.mypurecloud.com"

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
type Extra = tuple[x509.ExtensionType, bool]

CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
ANY = (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)


class Pair(NamedTuple):
    """A certificate and its private key."""

    raw: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """The certificate as ``cryptography`` writes it."""
        return self.raw.public_bytes(Encoding.PEM).decode()

    @property
    def read(self) -> Certificate:
        """The certificate as the watcher reads it."""
        return _read(self.pem)

    @property
    def key_pem(self) -> str:
        """The private key, unencrypted: what must never travel in a certificate text."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def _read(pem: str) -> Certificate:
    """What the watcher reads; once for each text, as worlds ask for their certificates again and again."""
    certificates, defects = parse_text(pem)
    assert not defects, defects
    return certificates[0]


def name(common: str | None, *, organization: str | None = "Tests") -> x509.Name:
    """A subject of an organisation and a common name, either of which may be left out."""
    attributes = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in attributes if text is not None])


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """A keyUsage of digitalSignature, with keyCertSign or without."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


@cache
def rsa_key(bits: int, number: int = 0) -> rsa.RSAPrivateKey:  # noqa: ARG001 - tells keys of one size apart
    """An RSA key, made once a size and number."""
    return rsa.generate_private_key(65537, bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A fresh EC key, of P-256 unless told."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def make(
    subject: x509.Name | str,
    issuer: Pair | None = None,
    *,
    key: Key | None = None,
    ca: bool | None = False,
    path_length: int | None = None,
    names: Sequence[str] | None = (),
    eku: Sequence[x509.ObjectIdentifier] | None = None,
    key_usage: x509.KeyUsage | None = None,
    aki: bool = True,
    start: datetime = NOW - 100 * DAY,
    end: datetime = NOW + 265 * DAY,
    extra: Iterable[Extra] = (),
    issuer_name: x509.Name | None = None,
    algorithm: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
) -> Pair:
    """Make one certificate, self-signed where there is no issuer.

    ``ca`` None leaves basicConstraints out; ``names`` empty or None leaves the SAN out; ``aki`` False leaves both key
    identifiers out. ``issuer_name`` lies about the issuer.
    """
    key = key or ec_key()
    subject = name(subject) if isinstance(subject, str) else subject
    signer = issuer.key if issuer else key
    extensions: list[Extra] = [*extra]
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca=ca, path_length=path_length), True))
    if names:
        extensions.append((x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False))
    if eku is not None:
        extensions.append((x509.ExtendedKeyUsage(eku), False))
    if key_usage is not None:
        extensions.append((key_usage, True))
    if aki:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.raw.subject if issuer else subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
    return Pair(builder.sign(signer, hashed), key)


def root(common: x509.Name | str = "Root", *, key: Key | None = None, years: int = 20, **more: Any) -> Pair:
    """A self-signed CA."""
    given: dict[str, Any] = {
        "start": NOW - 365 * DAY,
        "end": NOW + years * 365 * DAY,
        "key_usage": usage(signs_certificates=True),
    }
    return make(common, key=key, ca=True, **(given | more))


def intermediate(common: str, issuer: Pair, *, key: Key | None = None, **more: Any) -> Pair:
    """A CA under another one."""
    given: dict[str, Any] = {
        "start": NOW - 365 * DAY,
        "end": NOW + 3650 * DAY,
        "key_usage": usage(signs_certificates=True),
    }
    return make(common, issuer, key=key, ca=True, **(given | more))


def leaf(issuer: Pair, *, common: str | None = NAME, key: Key | None = None, **more: Any) -> Pair:
    """A client certificate as Genesys presents it: one DNS name, clientAuth, digitalSignature."""
    given: dict[str, Any] = {"names": (NAME,), "eku": CLIENT, "key_usage": usage(signs_certificates=False)}
    return make(name(common), issuer, key=key, **(given | more))


def patched(pair: Pair, signer: Key, change: Callable[[bytes], bytes], hashed: hashes.HashAlgorithm) -> bytes:
    """The DER of a certificate whose to-be-signed part was changed, signed again with ``hashed``.

    The outer algorithm identifier is changed like the inner one, so ``change`` must be able to take both.
    """
    der = pair.raw.public_bytes(Encoding.DER)
    inner = pair.raw.tbs_certificate_bytes
    after = der[der.index(inner) + len(inner) :]
    algorithm = after[: 2 + after[1]]
    tbs = change(inner)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(signer, rsa.RSAPrivateKey):
            signature = signer.sign(tbs, padding.PKCS1v15(), hashed)
        elif isinstance(signer, ec.EllipticCurvePrivateKey):
            signature = signer.sign(tbs, ec.ECDSA(hashed))
        else:
            signature = signer.sign(tbs)
    return tlv(0x30, tbs + change(algorithm) + tlv(0x03, b"\0" + signature))


def rekeyed(pair: Pair, signer: Key, spki: bytes) -> Certificate:
    """A certificate with another SubjectPublicKeyInfo, signed again, as the watcher reads it."""
    version, serial, algorithm, issuer, validity, subject, _key, *rest = (
        value.whole for value in values(first(pair.raw.tbs_certificate_bytes).content)
    )
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    tbs = tlv(0x30, b"".join([version, serial, algorithm, issuer, validity, subject, spki, *rest]))
    return _read(pem_of(tlv(0x30, tbs + algorithm + tlv(3, b"\0" + signer.sign(tbs, ec.ECDSA(hashes.SHA256()))))))


def written_out(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a key with the parameters of its curve in place of the curve's name."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    command = "openssl ec -pubin -inform DER -param_enc explicit -pubout -outform DER"
    return subprocess.run(command.split(), input=public, capture_output=True, check=True).stdout


def compressed(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The SubjectPublicKeyInfo of a P-256 key with its point compressed."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return tlv(0x30, bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107") + tlv(3, b"\0" + point))


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change of some bytes into others of the same length, in every place."""
    assert len(old) == len(new)
    return lambda der: der.replace(old, new)


def pem_of(der: bytes, label: str = "CERTIFICATE") -> str:
    """Any bytes in PEM armour."""

    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def tlv(tag: int, value: bytes) -> bytes:
    """One DER value."""
    length = len(value)
    if length < 0x80:
        return bytes([tag, length]) + value
    octets = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | octets]) + length.to_bytes(octets) + value
