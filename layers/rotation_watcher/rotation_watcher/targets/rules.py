"""What a target's service takes of a single certificate: one that it refuses would have the whole bundle refused."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from rotation_watcher.kinds import Limits
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.outline import outline_of


def refusal(limits: Limits, held: Certificate | Block) -> str | None:
    """The rule that the certificate breaks, in words for people; None where a target of these limits takes it."""
    if limits.certificate_bytes is not None and len(held.pem) > limits.certificate_bytes:
        return f"it is {len(held.pem)} bytes long as PEM, and at most {limits.certificate_bytes} are taken"
    key, signed = _key_and_hash(held)
    return _key_refusal(limits, key) or (
        f"it is signed with {signed}, and only {_listed(limits.hashes)} are taken"
        if limits.hashes is not None and signed not in limits.hashes
        else None
    )


def _key_refusal(limits: Limits, key: PublicKeyTypes | None) -> str | None:
    if isinstance(key, rsa.RSAPublicKey):
        if limits.rsa_sizes is not None and key.key_size not in limits.rsa_sizes:
            sizes = ", ".join(map(str, sorted(limits.rsa_sizes)))
            return f"its RSA key has {key.key_size} bits, and only {sizes} are taken"
        if limits.rsa_bits is None or limits.rsa_bits[0] <= key.key_size <= limits.rsa_bits[1]:
            return None
        return f"its RSA key has {key.key_size} bits, and {limits.rsa_bits[0]} to {limits.rsa_bits[1]} are taken"
    if limits.curves is None:
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        known = key.curve.name in limits.curves
        return (
            None if known else f"its key is on the curve {key.curve.name}, and only {_listed(limits.curves)} are taken"
        )
    return "its key is neither RSA nor on a curve that is taken"


def _key_and_hash(held: Certificate | Block) -> tuple[PublicKeyTypes | None, str]:
    certificate = held if isinstance(held, Certificate) else held.certificate
    if certificate is not None:
        return certificate.key, certificate.signature_hash
    outline = outline_of(held.der) if isinstance(held, Block) else None
    if outline is None:
        return None, "unknown"
    try:
        return load_der_public_key(outline.spki), outline.signature_hash
    except (ValueError, UnsupportedAlgorithm):
        return None, outline.signature_hash


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
