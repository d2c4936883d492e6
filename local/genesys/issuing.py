"""One builder for every certificate of the simulator, well made by default, and hostile in any way you ask for.

Serial numbers are derived from the content, so equal keys and equal times give equal certificates.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

CLIENT_AND_SERVER = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key. ``chain`` is what stands above it: intermediates, then the root."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate's DER, 64 lower-case hex digits."""
        return self.certificate.fingerprint(SHA256()).hex()

    @property
    def name(self) -> str:
        """The subject's common name."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    def pem(self) -> str:
        """The certificate alone."""
        return pem_of(self.certificate)

    def chain_pem(self) -> str:
        """What stands above the certificate, root last; empty for a root."""
        return "".join(map(pem_of, self.chain))

    def handshake_pem(self) -> str:
        """What a TLS client sends: the leaf and its intermediates, without the root."""
        return self.pem() + "".join(pem_of(each) for each in self.chain if each.subject != each.issuer)

    def key_pem(self) -> str:
        """The private key, PKCS #8, unencrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def pem_of(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM with LF, ending in one."""
    return certificate.public_bytes(Encoding.PEM).decode()


def subject(common_name: str, *, organization: str | None = None, **more: str) -> x509.Name:
    """Return a name in the usual order. ``more`` takes ``country``, ``state`` and ``locality``."""
    parts = (
        (NameOID.COUNTRY_NAME, more.get("country")),
        (NameOID.STATE_OR_PROVINCE_NAME, more.get("state")),
        (NameOID.LOCALITY_NAME, more.get("locality")),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value is not None])


def issue(
    issuer: Identity | None,
    name: x509.Name | str,
    key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
    *,
    authority: bool = False,
    path_length: int | None = None,
    eku: Collection[x509.ObjectIdentifier] | None = CLIENT_AND_SERVER,
    san: Collection[x509.GeneralName] | None = None,
    crl_url: str | None = None,
    serial: int | None = None,
    signature_hash: HashAlgorithm | None = None,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    without: Collection[type[x509.ExtensionType]] = (),
    adjust: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
) -> Identity:
    """Issue a certificate and return it with its key and chain.

    ``issuer`` None signs it with its own key. A ``name`` given as text becomes the common name and, for a leaf, the
    DNS name of the SAN (``san`` replaces it). ``eku`` None leaves that extension out. Every default can be overruled,
    so that hostile certificates come from here too: ``extra`` holds (extension, critical) pairs that replace or join
    the default ones, ``without`` names extension types to leave out, ``adjust`` is a last hand on the builder.

    Raises ValueError where ``cryptography`` itself refuses to build.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) if isinstance(name, str) else name
    issuer_name = issuer.certificate.subject if issuer else name
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .serial_number(_serial(issuer_name, name, key, not_before, not_after) if serial is None else serial)
    )
    if authority:
        wanted = _authority_extensions(path_length)
    else:
        if san is None:  # made only now: a hostile common name may be no DNS name at all
            san = [x509.DNSName(str(a.value)) for a in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
        wanted = _leaf_extensions(san, eku)
    wanted[x509.SubjectKeyIdentifier.oid] = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    if issuer is not None:
        wanted[x509.AuthorityKeyIdentifier.oid] = (_authority_key_identifier(issuer), False)
    if crl_url is not None:
        where = [x509.UniformResourceIdentifier(crl_url)]
        wanted[x509.CRLDistributionPoints.oid] = (
            x509.CRLDistributionPoints([x509.DistributionPoint(where, None, None, None)]),
            False,
        )
    wanted |= {extension.oid: (extension, critical) for extension, critical in extra}
    for oid, (extension, critical) in wanted.items():
        if oid not in {kind.oid for kind in without}:
            builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    certificate = adjust(builder).sign(signer, signature_hash or SHA256())  # type: ignore[arg-type]  # any hash, on purpose
    return Identity(certificate, key, (issuer.certificate, *issuer.chain) if issuer else ())


type _Extensions = dict[x509.ObjectIdentifier, tuple[x509.ExtensionType, bool]]


def _authority_extensions(path_length: int | None) -> _Extensions:
    return {
        x509.BasicConstraints.oid: (x509.BasicConstraints(ca=True, path_length=path_length), True),
        x509.KeyUsage.oid: (key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), True),
    }


def _leaf_extensions(
    san: Collection[x509.GeneralName],
    eku: Collection[x509.ObjectIdentifier] | None,
) -> _Extensions:
    extensions: _Extensions = {
        x509.BasicConstraints.oid: (x509.BasicConstraints(ca=False, path_length=None), True),
        x509.KeyUsage.oid: (key_usage(digital_signature=True, key_encipherment=True), True),
    }
    if san:
        extensions[x509.SubjectAlternativeName.oid] = (x509.SubjectAlternativeName(san), False)
    if eku is not None:
        extensions[x509.ExtendedKeyUsage.oid] = (x509.ExtendedKeyUsage(eku), False)
    return extensions


def key_usage(**wanted: bool) -> x509.KeyUsage:
    """Return a key usage in which only the named bits are set."""
    bits = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{bit: wanted.get(bit, False) for bit in bits.split()})


def _authority_key_identifier(issuer: Identity) -> x509.AuthorityKeyIdentifier:
    try:
        theirs = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs)


def _serial(issuer: x509.Name, name: x509.Name, key: PrivateKey, not_before: datetime, not_after: datetime) -> int:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    content = b"|".join(
        (
            issuer.public_bytes(),
            name.public_bytes(),
            public,
            f"{not_before.timestamp()}|{not_after.timestamp()}".encode(),
        ),
    )
    # 16 bytes whose top bit is clear: positive, and within the 20 bytes that RFC 5280 (4.1.2.2) allows.
    return int.from_bytes(hashlib.sha256(content).digest()[:16]) & ~(1 << 127) | 1
