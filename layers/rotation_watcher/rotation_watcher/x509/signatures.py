"""What certificates and revocation lists have in common: what the library raises and warns of, and signatures."""

import warnings
from contextlib import AbstractContextManager, nullcontext

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

UNPARSABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises at certificates that it cannot take apart."""

_IGNORE = ("ignore", None, Warning, None, 0)
"""The filter that ignores every warning, as ``warnings.filters`` has it."""


def silenced() -> AbstractContextManager[object]:
    """No warnings of the library, about serial numbers, keys or versions: what is read is judged by us.

    Within another one it does nothing: setting the filters for each certificate is a twentieth of reading a truststore.
    """
    return nullcontext() if warnings.filters[:1] == [_IGNORE] else warnings.catch_warnings(action="ignore")


def is_signature(
    signed: x509.Certificate | x509.CertificateRevocationList, content: bytes, key: CertificatePublicKeyTypes
) -> bool:
    """Whether this key made the signature of ``signed`` over ``content``, its to-be-signed part. Never raises.

    Names are not compared. Keys of kinds that no service takes (DSA) sign nothing.
    """
    try:
        if isinstance(key, rsa.RSAPublicKey):
            padding, algorithm = signed.signature_algorithm_parameters, signed.signature_hash_algorithm
            if not isinstance(padding, PKCS1v15 | PSS) or algorithm is None:
                return False
            key.verify(signed.signature, content, padding, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            scheme = signed.signature_algorithm_parameters
            if not isinstance(scheme, ec.ECDSA):
                return False
            key.verify(signed.signature, content, scheme)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signed.signature, content)
        else:
            return False
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
