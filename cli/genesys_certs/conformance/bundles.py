"""The bundles that trust stores are tried with: each asks for one rule. Pure.

Elastic Load Balancing and CloudFront are asked with the same ones, since their guides name the same rules.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA384

from genesys_certs.conformance.material import Key, Material, fake_rsa, pem, sha1, version_1

MOST = 25
"""CA certificates of a trust store: the default quota, which may be higher in an account."""


class Case(NamedTuple):
    """``make`` gives the bundle; ``asks`` what is asked with it."""

    asks: str
    make: Callable[[Material], bytes]


def _two(material: Material, between: bytes = b"", before: bytes = b"", behind: bytes = b"") -> bytes:
    return before + material.root().pem + between + material.root().pem + behind


def _with_key(key: Callable[[], Key]) -> Callable[[Material], bytes]:
    return lambda material: material.root(key=key()).pem


def _curve(curve: ec.EllipticCurve) -> Callable[[Material], bytes]:
    return _with_key(lambda: ec.generate_private_key(curve))


def _rsa(bits: int) -> Callable[[Material], bytes]:
    """An intermediate: nobody holds its key, so it cannot sign itself."""
    return lambda material: material.below(material.root(), ca=True, public_key=fake_rsa(bits)).pem


def _real_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _inside(material: Material) -> bytes:
    return material.root().pem.replace(b"-----\n", b"-----\n\n", 1)


def _twice(material: Material) -> bytes:
    return material.root().pem * 2


def _same_name(material: Material, key: Key | None = None) -> bytes:
    name = "Conformance Same Name"
    return b"".join(material.root(name, key=key, ends=days).pem for days in (300, 365))


def _relabelled(label: str) -> Callable[[Material], bytes]:
    return lambda material: material.root().pem + pem(material.root().der, label)


def _many(count: int) -> Callable[[Material], bytes]:
    return lambda material: b"".join(material.root().pem for _ in range(count))


def _long_subjects(material: Material) -> bytes:
    """Some 11,000 bytes of subjects in fewer certificates than the quota has."""
    return b"".join(material.root(units=[f"{n}{'x' * 60}" for n in range(7)]).pem for _ in range(MOST - 1))


def _leaf_beside_root(material: Material) -> bytes:
    root = material.root()
    return root.pem + material.below(root).pem


def _intermediate(material: Material) -> bytes:
    return material.below(material.root(), ca=True).pem


def _revocation_list(material: Material) -> bytes:
    return material.root().pem + b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"


CASES: Mapping[str, Case] = {
    "two-roots": Case("Two roots, PEM with LF: the plainest bundle.", _two),
    "blank-line": Case("A blank line between two certificates.", lambda m: _two(m, between=b"\n")),
    "blank-line-first": Case("A blank line before the first certificate.", lambda m: _two(m, before=b"\n")),
    "blank-line-last": Case("A blank line behind the last certificate.", lambda m: _two(m, behind=b"\n")),
    "blank-line-inside": Case("A blank line behind a BEGIN line.", _inside),
    "line-of-spaces": Case("A line of spaces between two certificates.", lambda m: _two(m, between=b"  \n")),
    "comment": Case("A comment that starts with # and holds no hyphen.", lambda m: _two(m, before=b"# Two roots\n")),
    "comment-hyphen": Case("A comment with a hyphen.", lambda m: _two(m, before=b"# us-east\n")),
    "comment-indented": Case("A comment behind a blank.", lambda m: _two(m, before=b" # Two roots\n")),
    "comment-not-ascii": Case(
        "A comment with a letter outside ASCII.", lambda m: _two(m, before="# Zürich\n".encode())
    ),
    "crlf": Case("CRLF at each line's end.", lambda m: _two(m).replace(b"\n", b"\r\n")),
    "no-final-newline": Case("No newline at the end.", lambda m: _two(m).rstrip(b"\n")),
    "preamble": Case("A line of text before a certificate.", lambda m: _two(m, before=b"subject=CN = A Root\n")),
    "text-behind": Case("A line of text behind the last certificate.", lambda m: _two(m, behind=b"the end\n")),
    "leaf": Case("A leaf (CA:FALSE) alone, as an anchor.", lambda m: m.below(m.root()).pem),
    "leaf-beside-root": Case("A leaf behind the root that signed it.", _leaf_beside_root),
    "intermediate": Case("An intermediate without its root.", _intermediate),
    "expired": Case("A root that has expired.", lambda m: m.root(begins=-30, ends=-1).pem),
    "not-yet-valid": Case("A root that is not valid yet.", lambda m: m.root(begins=30).pem),
    "duplicate": Case("One root twice.", _twice),
    "same-named-roots": Case("Two roots of one name with different keys.", _same_name),
    "same-key-roots": Case(
        "Two roots of one name and one key.", lambda m: _same_name(m, ec.generate_private_key(ec.SECP256R1()))
    ),
    "version-1": Case("A root in X.509 version 1.", lambda m: version_1(m.root())),
    "ed25519": Case("A root with an Ed25519 key.", _with_key(ed25519.Ed25519PrivateKey.generate)),
    "p224": Case("A root on P-224.", _curve(ec.SECP224R1())),
    "p384": Case(
        "A root on P-384, signed with SHA-384.",
        lambda m: m.root(key=ec.generate_private_key(ec.SECP384R1()), digest=SHA384()).pem,
    ),
    "p521": Case("A root on P-521, signed with SHA-512.", _curve(ec.SECP521R1())),
    "secp256k1": Case("A root on secp256k1.", _curve(ec.SECP256K1())),
    "rsa-2048": Case("A root with a 2048-bit RSA key.", _with_key(_real_rsa)),
    "rsa-2047": Case("A CA with a 2047-bit RSA key.", _rsa(2047)),
    "rsa-8192": Case("A CA with an 8192-bit RSA key.", _rsa(8192)),
    "rsa-8200": Case("A CA with an 8200-bit RSA key.", _rsa(8200)),
    "pss": Case("A root signed with RSASSA-PSS.", lambda m: m.root(key=_real_rsa(), pss=True).pem),
    "sha1": Case("A root that says it is signed with SHA-1.", lambda m: sha1(m.root())),
    "x509-label": Case("A block with the label X509 CERTIFICATE.", _relabelled("X509 CERTIFICATE")),
    "trusted-label": Case("A block with the label TRUSTED CERTIFICATE.", _relabelled("TRUSTED CERTIFICATE")),
    "other-block": Case("A block that is no certificate, behind a root.", _revocation_list),
    "not-base64": Case("A block whose text is no base64.", lambda m: m.root().pem.replace(b"M", b"!", 1)),
    "no-end": Case("A block without an END line.", lambda m: _two(m).rsplit(b"-----END", 1)[0]),
    "empty": Case("An empty file.", lambda _: b""),
    "comment-alone": Case("A comment and no certificate.", lambda _: b"# nothing\n"),
    "25-certificates": Case("25 certificates, the default quota.", _many(MOST)),
    "26-certificates": Case("26 certificates, one above the default quota.", _many(MOST + 1)),
    "too-large": Case("A certificate of more than 16 KB.", lambda m: m.root(bytes_more=20_000).pem),
    "15-kb": Case("A certificate of 15 KB.", lambda m: m.root(bytes_more=10_800).pem),
    "long-subjects": Case("Subjects of more than 10,000 bytes together.", _long_subjects),
}
"""By the last part of the probe's id."""
