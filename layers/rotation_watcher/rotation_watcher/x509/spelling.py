"""Copies of a chain for a verifier that compares names byte by byte.

Engines compare names in canonical form (``names``): a UTF8String and a PrintableString of one text are one name.
``cryptography`` compares the encoded values, and counts a certificate as self-issued only if they are equal. Where a
chain spells a name in two ways, copies of its certificates are verified, in which each name is spelled in one way.

Why that is sound. A changed name breaks the signature, so each copy is signed again; only a temporary key can do that,
so it takes the place of every CA's key in the copies. The copies are made of the very bytes of the originals: all but
names, CA keys and signatures stays (validity, path lengths, name constraints, usages, every extension and whether it is
critical, serial numbers). So the copies verify if and only if the chain does, apart from what depends on the real keys
and signatures: the signature itself, its algorithm, the kind and length of the issuer's key. All of these concern one
certificate and its issuer. ``links`` gives them pair by pair with the real key, and with the real certificate below it;
only the issuer's name, which is an anchor there, is spelled as below. Both must verify.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.names import Name, first, values
from rotation_watcher.x509.signatures import silenced

_SEQUENCE, _BIT_STRING, _VERSION = 0x30, 0x03, 0xA0
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_LONG_FORM = 0x80


class _Parts(NamedTuple):
    """The to-be-signed part of a certificate, as encoded values."""

    version: bytes
    serial: bytes
    algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    key: bytes
    rest: tuple[bytes, ...]


def is_uniform(chain: Sequence[Certificate]) -> bool:
    """Whether the chain spells every name in one way, so that it can be verified as it is. Raises ValueError."""
    return len({*_spellings(chain)}) == len({name for name, _ in _spellings(chain)})


def uniform(chain: Sequence[Certificate]) -> list[x509.Certificate]:
    """Copies of a chain, leaf first, that spell each name in one way (the module says what they prove).

    Raises ValueError for what cannot be copied.
    """
    spelled: dict[Name, bytes] = {}
    for name, encoded in _spellings(chain):
        spelled.setdefault(name, encoded)
    key = ec.generate_private_key(ec.SECP256R1())
    ours = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [
        _signed(
            (parts if one is chain[0] else parts._replace(key=ours))._replace(
                issuer=spelled[one.names.issuer], subject=spelled[one.names.subject]
            ),
            key,
        )
        for one, parts in ((one, _parts(one.raw)) for one in chain)
    ]


def links(chain: Sequence[Certificate]) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
    """Each certificate as it is, with a copy of its issuer to be its anchor.

    The copy has the issuer's real key, and the name that the certificate below gives its issuer. An anchor's own
    signature is not verified (RFC 5280 6.1.1), so a temporary key makes it. Raises ValueError.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    for below, above in pairwise(chain):
        name = _parts(below.raw).issuer
        yield below.raw, _signed(_parts(above.raw)._replace(issuer=name, subject=name), key)


def _spellings(chain: Sequence[Certificate]) -> Iterator[tuple[Name, bytes]]:
    """Each name of the chain, in canonical form and as it is encoded."""
    for one in chain:
        parts = _parts(one.raw)
        yield one.names.issuer, parts.issuer
        yield one.names.subject, parts.subject


@lru_cache(256)  # as many as are parsed once (``certificates``)
def _parts(raw: x509.Certificate) -> _Parts:
    signed, algorithm, _signature = values(first(raw.public_bytes(Encoding.DER)).content)
    version, *parts = (value.whole for value in values(signed.content))
    if version[0] != _VERSION:  # version 1, which has no extensions: no CA, but perhaps a leaf
        version, parts = b"", [version, *parts]
    serial, inner, issuer, validity, subject, key, *rest = parts
    if inner != algorithm.whole:
        raise ValueError("two different signature algorithms in one certificate")
    return _Parts(version, serial, inner, issuer, validity, subject, key, tuple(rest))


def _signed(parts: _Parts, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    *fields, rest = parts._replace(algorithm=_ECDSA_WITH_SHA256)
    signed = _encoded(_SEQUENCE, b"".join([*fields, *rest]))
    signature = _encoded(_BIT_STRING, b"\0" + key.sign(signed, ec.ECDSA(hashes.SHA256())))
    with silenced():  # the serial number is the original's
        return x509.load_der_x509_certificate(_encoded(_SEQUENCE, signed + _ECDSA_WITH_SHA256 + signature))


def _encoded(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _LONG_FORM:
        return bytes([tag, length]) + content
    octets = (length.bit_length() + 7) // 8
    return bytes([tag, _LONG_FORM | octets]) + length.to_bytes(octets) + content
