"""The certificates that probes load: throwaway keys, good ones and each fault of the rules. They name nobody.

Every certificate is new, so that what a service shows can only be what was loaded just then.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_PADDING = x509.ObjectIdentifier("2.25.218473648")
"""Of an extension that is there for its size alone; below the arc of UUIDs, which needs no registration."""
_SHA256, _SHA1 = bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300906072a8648ce3d0401")
"""The AlgorithmIdentifiers of ECDSA with SHA-256 and with SHA-1 (RFC 5758, RFC 3279)."""
_VERSION, _EXTENSIONS = 0xA0, 0xA3


class Made(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """LF, one at the end."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def serial(self) -> int:
        """Its serial number."""
        return self.certificate.serial_number

    @property
    def der(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.DER)


class Material:
    """Makes certificates that are valid from a day before ``now`` to a year after it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._made = 0

    def root(
        self,
        name: str = "",
        *,
        key: Key | None = None,
        begins: int = -1,
        ends: int = 365,
        digest: HashAlgorithm | None = None,
        bytes_more: int = 0,
        pss: bool = False,
        units: Sequence[str] = (),
    ) -> Made:
        """A self-signed CA, by default with a P-256 key. ``begins``, ``ends``: days from now. ``units``: OUs."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        subject = self._name(name, units)
        builder = self._builder(subject, own.public_key(), begins, ends, ca=True).issuer_name(subject)
        if bytes_more:
            builder = builder.add_extension(x509.UnrecognizedExtension(_PADDING, bytes(bytes_more)), critical=False)
        return Made(_signed(builder, own, digest, pss=pss), own)

    def below(
        self,
        issuer: Made,
        name: str = "",
        *,
        ca: bool = False,
        public_key: rsa.RSAPublicKey | None = None,
        begins: int = -1,
        ends: int = 365,
        usage: x509.ObjectIdentifier | None = None,
    ) -> Made:
        """A leaf or, with ``ca``, an intermediate. ``public_key``: one that nobody holds. ``usage``: its only one."""
        own = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self._name(name), public_key or own.public_key(), begins, ends, ca=ca)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return Made(_signed(builder.issuer_name(issuer.certificate.subject), issuer.key, None), own)

    def crl(
        self, issuer: Made, serials: int, *, ended: bool = False, point: str = "", revoked: Sequence[Made] = ()
    ) -> x509.CertificateRevocationList:
        """A revocation list with so many made-up serial numbers. ``point``: a critical IDP names it.

        ``revoked``: certificates that are on it besides.
        """
        begin = self.now - timedelta(days=9 if ended else 1)
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
        builder = builder.last_update(begin).next_update(begin + timedelta(days=7))
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        if point:
            where = x509.IssuingDistributionPoint(
                [x509.UniformResourceIdentifier(point)], None, False, False, None, False, False
            )
            builder = builder.add_extension(where, critical=True)
        numbers = [*(x509.random_serial_number() for _ in range(serials)), *(one.serial for one in revoked)]
        for number in numbers:
            entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(begin)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(issuer.key, SHA256())

    def _name(self, name: str, units: Sequence[str] = ()) -> x509.Name:
        self._made += 1
        parts = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
        return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name or f"Conformance {self._made}")])

    def _builder(self, subject: x509.Name, key: object, begins: int, ends: int, *, ca: bool) -> x509.CertificateBuilder:
        public: ec.EllipticCurvePublicKey = key  # type: ignore[assignment]  # of any kind that the library takes
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=begins))
            .not_valid_after(self.now + timedelta(days=ends))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )


def fake_rsa(bits: int) -> rsa.RSAPublicKey:
    """An RSA public key of exactly that size, at once: nobody knows the factors of its modulus."""
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()


def version_1(made: Made) -> bytes:
    """The certificate in X.509 version 1, without extensions, signed anew. PEM."""
    body, algorithm, _ = _parts(made.der)
    new = _element(0x30, b"".join(one for one in _parts(body) if one[0] not in {_VERSION, _EXTENSIONS}))
    if not isinstance(made.key, ec.EllipticCurvePrivateKey):
        raise TypeError("only EC keys sign anew here")
    signature = made.key.sign(new, ec.ECDSA(SHA256()))
    return pem(_element(0x30, new + algorithm + _element(0x03, b"\0" + signature)))


def sha1(made: Made) -> bytes:
    """The certificate as PEM, named as signed by ECDSA with SHA-1. The signature is left: the library makes none."""
    body, _, signature = _parts(made.der)
    parts = [_SHA1 if one == _SHA256 else one for one in _parts(body)]
    return pem(_element(0x30, _element(0x30, b"".join(parts)) + _SHA1 + signature))


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """DER as a PEM block."""
    text = base64.b64encode(der).decode()
    lines = [text[place : place + 64] for place in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()


def _signed(
    builder: x509.CertificateBuilder, key: Key, digest: HashAlgorithm | None, *, pss: bool = False
) -> x509.Certificate:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None)
    if pss:
        scheme = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
        return builder.sign(key, SHA256(), rsa_padding=scheme)
    large = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp521r1"
    return builder.sign(key, digest or (SHA512() if large else SHA256()))  # type: ignore[arg-type]


def _parts(der: bytes) -> list[bytes]:
    """The elements within a DER element, each whole."""
    found, place = [], _start(der)
    while place < len(der):
        rest = der[place:]
        start = _start(rest)
        length = rest[1] if rest[1] < 0x80 else int.from_bytes(rest[2:start])  # noqa: PLR2004  # the long form
        found.append(rest[: start + length])
        place += start + length
    return found


def _start(der: bytes) -> int:
    return 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004  # the short form
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width) + content
