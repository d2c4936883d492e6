"""Builders of the texts that ``cases.toml`` judges: each gives what the API's ``certificate`` string would hold.

``ROOT`` is the region's root and the only anchor; the name that is expected is ``NAME``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.pki import (
    ANY,
    CLIENT,
    DAY,
    NAME,
    NOW,
    SERVER,
    Key,
    Pair,
    ec_key,
    intermediate,
    leaf,
    make,
    name,
    patched,
    pem_of,
    root,
    rsa_key,
    swap,
    usage,
)

ROOT = root("Genesys us-east-1")
RSA_ROOT_KEY = rsa_key(2048)
ISSUING = intermediate("Issuing", ROOT)
KEY_DER = rsa_key(2048, 1).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
OTHER_KEY = (x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False)
ENCIPHERS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
BALLAST = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.6"), bytes(1 << 20)), False)
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)

_RSA_SHA256 = bytes.fromhex("2a864886f70d01010b")
_RSA_SHA1 = bytes.fromhex("2a864886f70d010105")
_RSA_MD5 = bytes.fromhex("2a864886f70d010104")
_ECDSA_SHA256 = bytes.fromhex("2a8648ce3d040302")


def text(*pairs: Pair) -> str:
    """Several certificates, one after the other."""
    return "".join(pair.pem for pair in pairs)


def der(pair: Pair) -> bytes:
    """The certificate's bytes."""
    return pair.raw.public_bytes(Encoding.DER)


def odd(change: Callable[[bytes], bytes], made: Pair | None = None) -> str:
    """A leaf of the root whose signed part was changed before signing."""
    return pem_of(patched(made or wide_serial(), ROOT.key, change, hashes.SHA256()))


def wide_serial() -> Pair:
    """A leaf whose serial number takes twenty bytes, the first of them positive."""
    while True:
        made = leaf(ROOT, end=NOW + DAY)
        if 153 <= made.raw.serial_number.bit_length() < 160:
            return made


def hashed_with(hashed: hashes.HashAlgorithm, identifier: bytes) -> str:
    """A leaf under an RSA intermediate, signed with a hash of another age."""
    issuing = intermediate("Issuing", ROOT, key=RSA_ROOT_KEY)
    weak = patched(leaf(issuing), RSA_ROOT_KEY, swap(_RSA_SHA256, identifier), hashed)
    return pem_of(weak) + issuing.pem


def with_key(key: Key) -> str:
    """A leaf of the root with this key."""
    return text(leaf(ROOT, key=key))


def constrained() -> Pair:
    """An intermediate that may sign for one domain only, and not ours."""
    return intermediate("Bound", ROOT, extra=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)])


def between(issuing: Pair, **more: Any) -> str:
    """A leaf under an intermediate, with it."""
    return text(leaf(issuing, **more), issuing)


def other_region() -> str:
    """The good leaf of eu-central-1, with its root."""
    other = root("Genesys eu-central-1")
    return text(leaf(other, names=["dataactions.prod-euc1.eu-central-1.mypurecloud.com"]), other)


def circle() -> str:
    """Two CAs that certify each other, and a leaf below."""
    one, two = intermediate("One", ROOT), intermediate("Two", ROOT)
    first = make("One", two, key=one.key, ca=True)
    second = make("Two", one, key=two.key, ca=True)
    return text(leaf(one), first, second)


def ladder(rungs: int) -> str:
    """A leaf under so many intermediates."""
    chain = [ROOT]
    for number in range(rungs):
        chain.append(intermediate(f"Rung {number}", chain[-1]))
    return text(leaf(chain[-1]), *chain[1:])


def path_length() -> str:
    """An intermediate that may have none below it, and has one."""
    last = intermediate("Last", ROOT, path_length=0)
    below = intermediate("Below", last)
    return text(leaf(below), below, last)


def swapped() -> str:
    """An intermediate of the right name and key identifier, but another key."""
    identifier = (x509.SubjectKeyIdentifier.from_public_key(ISSUING.key.public_key()), False)
    twin = make("Issuing", ROOT, ca=True, aki=False, extra=[identifier])
    return text(leaf(ISSUING), twin)


def crowd(count: int) -> str:
    """A good chain, and many CAs of the same name behind it."""
    return text(leaf(ISSUING), ISSUING) + "".join(intermediate("Issuing", ROOT).pem for _ in range(count - 2))


def many_leaves() -> str:
    """More leaves than are read."""
    key = ec_key()
    return "".join(leaf(ROOT, key=key, names=None, eku=None).pem for _ in range(150))


def twin(other: Pair) -> Pair:
    """A good leaf of the same issuer and serial number as another one."""
    made = wide_serial()
    serial, own = (one.raw.serial_number.to_bytes(20) for one in (other, made))
    raw = x509.load_der_x509_certificate(patched(made, ROOT.key, swap(own, serial), hashes.SHA256()))
    assert (raw.issuer, raw.serial_number) == (other.raw.issuer, other.raw.serial_number)
    return Pair(raw, made.key)


def organization(words: str) -> str:
    """A good leaf whose subject holds more than a subject should."""
    return text(
        make(name(NAME, organization=words), ROOT, names=[NAME], eku=CLIENT, key_usage=usage(signs_certificates=False))
    )


ROGUES: Mapping[str, Callable[[], str]] = {
    "self-made-root-of-the-right-name": lambda: text(leaf(own := root("Genesys us-east-1")), own),
    "self-made-root-of-the-right-name-not-presented": lambda: text(leaf(root("Genesys us-east-1"))),
    "right-name-under-the-wrong-root": lambda: text(leaf(root("Genesys eu-central-1"))),
    "wrong-name-under-the-right-root": lambda: text(leaf(ROOT, names=["admin.example"], common="admin.example")),
    "another-regions-leaf": other_region,
    "another-customer-of-the-same-ca": lambda: between(ISSUING, names=["shop.example"], common="shop.example"),
    "right-name-as-a-prefix": lambda: text(leaf(ROOT, names=[f"{NAME}.evil.example"])),
    "right-name-with-a-null-byte": lambda: text(leaf(ROOT, names=[f"{NAME}\0.evil.example"])),
    "right-name-in-the-common-name-only": lambda: text(leaf(ROOT, names=["evil.example"], common=NAME)),
    "right-name-as-a-wildcard": lambda: text(leaf(ROOT, names=["*.us-east-1.mypurecloud.com"])),
    "leaf-that-is-a-ca": lambda: text(leaf(ROOT, ca=True)),
    "root-as-a-leaf": lambda: text(ROOT),
    "two-leaves": lambda: text(leaf(ROOT), leaf(ROOT)),
    "leaf-signed-by-a-leaf": lambda: between(leaf(ROOT, common="Between")),
    "server-certificate": lambda: text(leaf(ROOT, eku=SERVER)),
    "any-eku-alone": lambda: text(leaf(ROOT, eku=ANY)),
    "intermediate-for-servers": lambda: between(intermediate("Servers", ROOT, eku=SERVER)),
    "key-usage-that-forbids-signing": lambda: text(leaf(ROOT, key_usage=ENCIPHERS)),
    "expired": lambda: text(leaf(ROOT, end=NOW - DAY)),
    "expired-intermediate": lambda: between(intermediate("Old", ROOT, end=NOW - DAY)),
    "not-yet-valid": lambda: text(leaf(ROOT, start=NOW + DAY)),
    "bare-but-good": lambda: text(leaf(ROOT, names=None, eku=None, key_usage=None, aki=False)),
    "valid-for-ever": lambda: text(leaf(ROOT, end=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))),
    "sha1": lambda: hashed_with(hashes.SHA1(), _RSA_SHA1),  # noqa: S303 - the weakness that is tested
    "md5": lambda: hashed_with(hashes.MD5(), _RSA_MD5),  # noqa: S303 - the weakness that is tested
    "signature-algorithm-unknown": lambda: odd(swap(_ECDSA_SHA256, _ECDSA_SHA256[:-1] + b"\x77")),
    "signature-of-other-bytes": lambda: pem_of(der(leaf(ROOT)).replace(b"mypurecloud", b"mypurecl0ud", 1)),
    "rsa-1024": lambda: with_key(rsa_key(1024)),
    "rsa-1024-in-an-intermediate": lambda: between(intermediate("Weak", ROOT, key=rsa_key(1024))),
    "secp256k1": lambda: with_key(ec_key(ec.SECP256K1())),
    "p-224": lambda: with_key(ec_key(ec.SECP224R1())),
    "brainpool": lambda: with_key(ec_key(ec.BrainpoolP256R1())),
    "ed25519": lambda: with_key(ed25519.Ed25519PrivateKey.generate()),
    "unknown-critical-extension": lambda: text(leaf(ROOT, extra=[UNKNOWN])),
    "name-constraint-broken": lambda: between(constrained()),
    "name-constraint-broken-by-the-common-name": lambda: between(constrained(), names=None),
    "path-length-broken": path_length,
    "swapped-intermediate-with-the-same-key-identifier": swapped,
    "authority-key-identifier-of-another": lambda: text(leaf(ROOT, aki=False, extra=[OTHER_KEY])),
    "issuers-in-a-circle": circle,
    "chain-of-ninety-nine": lambda: ladder(99),
    "a-hundred-intermediates-of-one-name": lambda: crowd(101),
    "a-hundred-and-fifty-certificates": many_leaves,
    "a-megabyte-of-begin": lambda: "-----BEGIN" * 100_000,
    "more-than-a-megabyte": lambda: text(leaf(ROOT)) + "\n" * (1 << 20),
    "a-certificate-of-a-hundred-kilobytes": lambda: text(leaf(ROOT, names=[f"{n}.{NAME}" for n in range(2000)])),
    "private-key-in-the-text": lambda: text(leaf(ROOT)) + ROOT.key_pem,
    "private-key-as-a-certificate": lambda: text(leaf(ROOT)) + pem_of(KEY_DER),
    "private-key-behind-a-certificate": lambda: pem_of(der(leaf(ROOT)) + KEY_DER),
    "truncated": lambda: text(leaf(ROOT)).replace("\n-----END", "A\n-----END"),
    "trailing-garbage": lambda: pem_of(der(leaf(ROOT)) + b"garbage"),
    "negative-serial": lambda: odd(lambda tbs: re.sub(rb"(?s)(\x02\x14)[\x00-\x7f]", b"\\1\xff", tbs, count=1)),
    "extension-twice": lambda: odd(swap(bytes.fromhex("0603551d0f"), bytes.fromhex("0603551d13"))),
    "version-seven": lambda: odd(swap(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06")),
    "month-thirteen": lambda: odd(swap(b"261124120000Z", b"261324120000Z")),
    "validity-backwards": lambda: odd(swap(b"261124120000Z", b"251124120000Z"), leaf(ROOT, start=NOW, end=NOW + DAY)),
    "subject-with-a-newline": lambda: organization("Genesys\nSeverity: info"),
    "subject-with-terminal-escapes": lambda: organization("\x1b[2J\x1b]0;owned\x07"),
    "subject-with-a-mention": lambda: organization("<!channel> <http://evil.example|click>"),
    "name-with-a-newline": lambda: text(leaf(ROOT, names=[f"{NAME}\nX-Injected: 1"])),
    "subject-with-html": lambda: organization("<script>alert(1)</script><img src=x>"),
    "the-serial-of-another": lambda: text(twin(wide_serial()), ROOT),
    "a-name-with-two-issuers": lambda: text(leaf(ISSUING), ISSUING, make("Issuing", root("Elsewhere"), ca=True)),
    "line-ends-and-escapes-mixed": lambda: between(ISSUING).replace("\n", "\r\n", 9).replace("\n", r"\r\n", 3),
    "pem-with-headers": lambda: text(leaf(ROOT)).replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
    "a-certificate-of-a-megabyte": lambda: pem_of(der(leaf(ROOT, extra=[BALLAST]))),
    "html": lambda: "<html><body>Sign in</body></html>",
    "another-kind-of-pem": lambda: text(leaf(ROOT)) + pem_of(b"0\0", "X509 CRL"),
}
