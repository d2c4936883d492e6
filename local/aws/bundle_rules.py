"""What the two services accept in a bundle. Pure: bytes in, certificates or faults out.

ALB refuses a whole bundle for one fault (PEM without blank lines, comments that start with ``#``
and hold no ``-``, no text, X.509v3 CA certificates, RSA 2048 to 8192 or P-256/384/521, SHA-256/384/512). CRLF is taken:
nothing is known against it (probe ``alb.bundle.crlf``). So is what OpenSSL reads and ``cryptography`` does not, such as
``&`` in a PrintableString.
CloudFront has the same rules with fewer keys (``CLOUDFRONT_KEYS``).
API Gateway takes any text and only warns of certificates that it cannot use.
"""

import base64
import binascii
import re
import warnings
from collections.abc import Container
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from rotation_watcher.x509.outline import Outline, outline_of

BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
END = re.compile(r"-----END ([A-Z0-9 ]+)-----")
_ANY_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_HASHES = ("sha256", "sha384", "sha512")
_VERSION, _SUBJECT = 0xA0, 4
"""The tag of a certificate's version, and the place of its subject among the fields behind that."""
MAX_SUBJECT_BYTES = 10_000
"""The quota of a trust store for the subjects of its CAs together (adjustable)."""


class Keys(NamedTuple):
    """The public keys that a service takes: lengths of RSA moduli, names of curves."""

    rsa_bits: Container[int]
    curves: tuple[str, ...]


ALB_KEYS = Keys(range(2048, 8192 + 1), ("secp256r1", "secp384r1", "secp521r1"))
CLOUDFRONT_KEYS = Keys((2048, 3072, 4096), ("secp256r1", "secp384r1"))


class BundleRefused(Exception):
    """The service refuses the bundle as a whole; the text says why, with the line or the certificate's place."""


def trust_store_certificates(
    bundle: bytes,
    *,
    max_certificates: int,
    max_bytes: int,
    max_subject_bytes: int = MAX_SUBJECT_BYTES,
    keys: Keys = ALB_KEYS,
) -> list[bytes]:
    """Return the certificates of a trust store's bundle as DER, in order. Raises BundleRefused at a fault.

    ``max_certificates`` is the quota of the store, ``max_bytes`` the size that one PEM block may have,
    ``max_subject_bytes`` what all subjects together may take, ``keys`` the keys that are taken.
    """
    certificates = []
    for place, (first_line, block) in enumerate(_blocks(bundle), start=1):
        if len(block) > max_bytes:
            raise BundleRefused(f"Certificate {place} (line {first_line}) is larger than {max_bytes} bytes.")
        try:
            der = _der(block)
            fault = ca_fault(der, keys)
        except ValueError:
            fault = "cannot be parsed"
        else:
            certificates.append(der)
        if fault:
            raise BundleRefused(f"Certificate {place} (line {first_line}) {fault}.")
    if not certificates:
        raise BundleRefused("The bundle holds no certificate.")
    if len(certificates) > max_certificates:
        raise BundleRefused(
            f"The bundle holds {len(certificates)} certificates; at most {max_certificates} are allowed."
        )
    if (taken := sum(len(subject_der(each)) for each in certificates)) > max_subject_bytes:
        raise BundleRefused(
            f"The subjects of the certificates take {taken} bytes; at most {max_subject_bytes} are allowed."
        )
    return certificates


def ca_fault(der: bytes, keys: Keys = ALB_KEYS) -> str | None:
    """Return why a service cannot use this certificate as an anchor, or None. Raises ValueError if it is malformed."""
    try:
        return _ca_fault(_parse(der), keys)
    except ValueError:
        outline = outline_of(der)
        if outline is None:
            raise
        return _ca_fault_of_outline(outline, keys)


def _ca_fault_of_outline(outline: Outline, keys: Keys) -> str | None:
    try:
        weakness = _key_fault(load_der_public_key(outline.spki), keys)
    except UnsupportedAlgorithm:
        weakness = "has a key of an unsupported kind"
    if weakness is None and outline.signature_hash not in _HASHES:
        weakness = f"is signed with {outline.signature_hash}"
    return weakness or (None if outline.is_ca else "is not a CA certificate")


def _ca_fault(certificate: x509.Certificate, keys: Keys) -> str | None:
    if certificate.version is not x509.Version.v3:
        return "is not X.509 version 3"
    try:
        weakness = _key_fault(certificate.public_key(), keys)
    except UnsupportedAlgorithm:
        weakness = "has a key of an unsupported kind"
    if weakness is not None:
        return weakness
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "is signed with an unsupported algorithm"
    if digest is None or digest.name not in _HASHES:
        return f"is signed with {digest.name if digest else 'an unsupported algorithm'}"
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return "is not a CA certificate"
    return None if constraints.ca else "is not a CA certificate"


def truststore_warnings(bundle: bytes, now: datetime) -> list[str]:
    """Return what API Gateway warns of in a truststore: one sentence per certificate that it cannot use, in order.

    Text between the blocks is no fault there. A truststore without any certificate gets one warning of its own.
    """
    said = []
    blocks = list(_ANY_BLOCK.finditer(bundle.decode("latin-1")))
    for place, block in enumerate(blocks, start=1):
        if block[1] != "CERTIFICATE":
            said.append(f"Block {place} is not a certificate.")
            continue
        try:
            der = _der(block[0])
            fault = ca_fault(der)
        except ValueError:
            said.append(f"Certificate {place} cannot be parsed.")
            continue
        if fault is None and _not_after(der) <= now:
            fault = "has expired"
        if fault is not None:
            said.append(f"Certificate {place} ({_name(der)}) {fault}.")
    return said or ([] if blocks else ["The truststore holds no certificate."])


def subject_der(der: bytes) -> bytes:
    """Return the subject as it stands, also where it holds text that ``cryptography`` cannot read, such as T61."""
    (certificate,) = _children(der)
    tbs = _children(certificate[1])[0]
    fields = [each for each in _children(tbs[1]) if each[0] != _VERSION]
    return fields[_SUBJECT][2]


def _name(der: bytes) -> str:
    try:
        return _parse(der).subject.rfc4514_string()
    except ValueError:
        return "a subject that is not shown"


def _not_after(der: bytes) -> datetime:
    try:
        return _parse(der).not_valid_after_utc
    except ValueError:
        outline = outline_of(der)
        if outline is None:
            raise
        return outline.facts.not_after


def _children(der: bytes) -> list[tuple[int, bytes, bytes]]:
    """Split DER into (tag, content, whole) of each element; of a certificate that is parsed, so it is well formed."""
    found, place = [], 0
    while place < len(der):
        first, start = der[place + 1], place + 2
        count = first & 0x7F if first & 0x80 else 0
        length = int.from_bytes(der[start : start + count]) if count else first
        end = start + count + length
        found.append((der[place], der[start + count : end], der[place:end]))
        place = end
    return found


def count_blocks(bundle: bytes) -> int:
    """Return how many PEM blocks of any kind the bytes hold."""
    return len(_ANY_BLOCK.findall(bundle.decode("latin-1")))


def _blocks(bundle: bytes) -> list[tuple[int, str]]:
    """Split into (line of BEGIN, PEM text), refusing whatever stands between the blocks but good comments."""
    try:
        text = bundle.decode("ascii")
    except UnicodeDecodeError as error:
        raise BundleRefused("The bundle holds characters outside ASCII.") from error
    if not text.strip():
        raise BundleRefused("The bundle is empty.")
    blocks: list[tuple[int, str]] = []
    inside: tuple[int, list[str]] | None = None
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        bare = line.removesuffix("\r")
        if not bare.strip():
            raise BundleRefused(f"Line {number} is blank.")
        if inside is not None:
            inside[1].append(bare)
            if END.fullmatch(bare):
                blocks.append((inside[0], "\n".join(inside[1]) + "\n"))
                inside = None
        elif _opens(number, bare):
            inside = (number, [bare])
    if inside is not None:
        raise BundleRefused(f"The block of line {inside[0]} does not end.")
    return blocks


def _opens(number: int, line: str) -> bool:
    """Return whether a line outside all blocks opens one. Raises BundleRefused unless it does, or is a good comment."""
    begin = BEGIN.fullmatch(line)
    if begin and begin[1] == "CERTIFICATE":
        return True
    if begin:
        raise BundleRefused(f"Line {number} opens a block that is not a certificate: {begin[1]}.")
    if not line.startswith("#"):
        raise BundleRefused(f"Line {number} is neither a certificate nor a comment.")
    if "-" in line:
        raise BundleRefused(f"The comment of line {number} holds a hyphen.")
    return False


def _der(block: str) -> bytes:
    """Read one PEM block strictly: the base64 in full. Raises ValueError."""
    lines = block.strip().splitlines()
    if lines[-1] != "-----END CERTIFICATE-----":
        raise ValueError("the block does not end as a certificate")
    try:
        return base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _parse(der: bytes) -> x509.Certificate:
    """Parse the DER of one certificate, without anything behind it. Raises ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd serial numbers, which the services take
        return x509.load_der_x509_certificate(der)


def _key_fault(key: object, keys: Keys) -> str | None:
    match key:
        case rsa.RSAPublicKey():
            return None if key.key_size in keys.rsa_bits else f"has an RSA key of {key.key_size} bits"
        case ec.EllipticCurvePublicKey():
            return None if key.curve.name in keys.curves else f"has a key on the curve {key.curve.name}"
        case _:
            return "has a key of an unsupported kind"
