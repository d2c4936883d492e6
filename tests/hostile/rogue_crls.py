"""Builders of rogue revocation lists; crl_cases.toml names them and says what must become of each."""

from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.x509.crl_facts import MAX_BYTES
from tests.support.crls import URL, Entry, crl_der, entry_extension, issuing_point, reason
from tests.support.pki import DAY, NOW, Extra, Pair, name, pem_of, root, rsa_key, tlv, usage

ROOT = root("Root", key=rsa_key(2048))
TWIN = root("Root", key=rsa_key(2048, 1))
"""Another root of the same name."""
OTHER = root("Other")
EDWARDS = root("Edwards", key=ed25519.Ed25519PrivateKey.generate())
MUTE = root("Root", key=rsa_key(2048), key_usage=usage(signs_certificates=False))
"""Root without cRLSign."""
ISSUERS = {"by-an-issuer-that-may-not-sign-lists": MUTE, "signed-with-ed25519": EDWARDS}
"""Who issued the certificates, where it is not Root."""
BEFORE = 7
"""The number of the list in force; it was made two days ago."""
SERIALS = (5, 1 << 127)
CRITICAL_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0"), True


def of(*extra: Extra, **more: Any) -> bytes:
    """A list of Root, newer than the one in force."""
    given: dict[str, Any] = {"number": BEFORE + 1, "extra": extra}
    return crl_der(ROOT, more.pop("entries", SERIALS), **(given | more))


def identifier(serial: int | None, issuer: x509.Name) -> Extra:
    keyed = x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.key.public_key()).key_identifier
    return x509.AuthorityKeyIdentifier(keyed, [x509.DirectoryName(issuer)], serial or ROOT.raw.serial_number), False


def changed(old: bytes, new: bytes, *, der: bytes | None = None) -> bytes:
    """A list with some bytes changed, signed by nobody; lengths stay."""
    der = der or of()
    assert len(old) == len(new)
    assert old in der
    return der.replace(old, new, 1)


def without_an_entry() -> bytes:
    """The first entry says another serial number than the issuer wrote."""
    return changed(b"\x02\x01\x05\x17", b"\x02\x01\x06\x17")


def first_version() -> bytes:
    """No version, no extensions (RFC 5280 5.1.2.1)."""
    return crl_der(ROOT, [5], number=None, aki=False, version=False)


def relative() -> Extra:
    part = x509.RelativeDistinguishedName([*name("part", organization=None)])
    return x509.IssuingDistributionPoint(None, part, False, False, None, False, False), True


def directory() -> Extra:
    names = [x509.DirectoryName(name("part"))]
    return x509.IssuingDistributionPoint(names, None, False, False, None, False, False), True


def twin(*, lies: bool) -> bytes:
    if not lies:
        return crl_der(TWIN, SERIALS, number=BEFORE + 1, aki=False)
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.key.public_key())
    return crl_der(TWIN, SERIALS, number=BEFORE + 1, aki=False, extra=[(own, False)])


def raw_entries(rows: bytes) -> bytes:
    return of(raw=rows)


def armoured(der: bytes) -> bytes:
    return pem_of(der, "X509 CRL").encode()


@cache
def huge() -> bytes:
    return b"\x30\x84" + (MAX_BYTES + 1).to_bytes(4) + bytes(MAX_BYTES)


DATE = tlv(0x17, b"250101000000Z")
ROGUES: dict[str, Callable[[], bytes]] = {
    "genuine": of,
    "empty": lambda: of(entries=()),
    "empty-with-an-empty-sequence": lambda: raw_entries(b""),
    "in-pem": lambda: b"Revoked, all of them:\r\n" + armoured(of()).replace(b"\n", b"\r\n"),
    "negative-and-long-serials": lambda: of(entries=(-1, -128, -129, 0, (1 << 160) - 1, -(1 << 159))),
    "on-hold": lambda: of(entries=[Entry(5, reason(6))]),
    "removed-from-the-list": lambda: of(entries=[Entry(5, reason(8)), 6]),
    "removed-and-revoked": lambda: of(entries=[5, Entry(5, reason(8))]),
    "removal-in-another-extension": lambda: of(
        entries=[Entry(5, entry_extension("1.2.3.4", b"\x0a\x01\x08", critical=False))]
    ),
    "of-the-first-version": first_version,
    "forged-by-a-key-of-the-same-name": lambda: twin(lies=False),
    "forged-with-the-issuers-identifier": lambda: twin(lies=True),
    "an-entry-taken-out": without_an_entry,
    "of-another-issuer": lambda: crl_der(OTHER, SERIALS, number=BEFORE + 1),
    "of-the-issuers-key-under-another-name": lambda: of(name=OTHER.raw.subject),
    "of-the-same-name-and-another-key-identifier": lambda: crl_der(TWIN, SERIALS, number=BEFORE + 1),
    "identifier-of-another-serial": lambda: of(identifier(77, ROOT.raw.subject), aki=False),
    "identifier-of-another-name": lambda: of(identifier(None, OTHER.raw.subject), aki=False),
    "signed-with-sha1": lambda: of(hashed=hashes.SHA1()),  # noqa: S303
    "signed-with-md5": lambda: of(hashed=hashes.MD5()),  # noqa: S303
    "by-an-issuer-that-may-not-sign-lists": of,
    "signed-with-ed25519": lambda: crl_der(EDWARDS, SERIALS, number=BEFORE + 1),
    "delta": lambda: of((x509.DeltaCRLIndicator(3), True)),
    "indirect": lambda: of(issuing_point(URL, indirect=True)),
    "indirect-by-an-entry-alone": lambda: of(
        entries=[Entry(5, entry_extension("2.5.29.29", tlv(0x30, b""), critical=True))]
    ),
    "unknown-critical-extension": lambda: of(CRITICAL_UNKNOWN),
    "critical-number": lambda: of((x509.CRLNumber(BEFORE + 1), True), number=None),
    "unknown-critical-extension-of-an-entry": lambda: of(
        entries=[5, Entry(6, entry_extension("1.2.3.4", b"\x05\0", critical=True))]
    ),
    "critical-reason": lambda: of(entries=[Entry(6, entry_extension("2.5.29.21", b"\x0a\x01\x01", critical=True))]),
    "of-another-partition": lambda: of(issuing_point(URL.replace("one", "two"))),
    "of-a-place-named-relatively": lambda: of(relative()),
    "of-a-place-named-by-directory": lambda: of(directory()),
    "of-cas-only": lambda: of(issuing_point(URL, ca=True)),
    "of-attribute-certificates-only": lambda: of(issuing_point(URL, attribute=True)),
    "of-one-reason": lambda: of(issuing_point(URL, some=frozenset({x509.ReasonFlags.key_compromise}))),
    "from-the-future": lambda: of(this_update=NOW + DAY),
    "without-an-end": lambda: of(next_update=None),
    "expired": lambda: of(next_update=NOW - DAY / 24),
    "replayed-with-an-older-number": lambda: of(number=BEFORE - 1),
    "replayed-without-a-number": lambda: of(number=None),
    "made-earlier-with-a-newer-number": lambda: of(this_update=NOW - 3 * DAY),
    "a-serial-too-long": lambda: raw_entries(tlv(0x30, tlv(2, b"\x01" * 22) + DATE)),
    "a-serial-of-no-length": lambda: raw_entries(tlv(0x30, tlv(2, b"") + DATE)),
    "an-entry-without-a-date": lambda: raw_entries(tlv(0x30, tlv(2, b"\x05"))),
    "an-entry-longer-than-the-list": lambda: raw_entries(b"\x30\x7f\x02\x01\x05" + DATE),
    "a-number-too-long": lambda: of(number=1 << 160),
    "a-negative-number": lambda: of(number=None, more=tlv(0x30, bytes.fromhex("0603551d14") + tlv(4, tlv(2, b"\xff")))),
    "two-signature-algorithms": lambda: changed(bytes.fromhex("0d01010b"), bytes.fromhex("0d01010c")),
    "an-extension-twice": lambda: of((x509.CRLNumber(3), False)),
    "a-month-of-no-calendar": lambda: changed(f"{NOW - DAY:%y%m%d}".encode(), f"{NOW:%y}1399".encode()),
    "a-certificate": lambda: ROOT.raw.public_bytes(Encoding.DER),
    "a-page-of-html": lambda: b"<!doctype html><title>Sign in</title>",
    "nothing": lambda: b"",
    "one-octet": lambda: b"\x30",
    "cut-short": lambda: of()[:-9],
    "with-more-behind": lambda: of() + b"\n",
    "length-of-no-end": lambda: b"\x30\x80" + of(),
    "pem-twice": lambda: armoured(of()) * 2,
    "pem-of-a-certificate": ROOT.pem.encode,
    "pem-that-is-no-base64": lambda: armoured(of()).replace(b"\nMI", b"\nM", 1),
    "pem-padded-within": lambda: armoured(of()).replace(b"\nMI", b"\nM=", 1),
    "pem-without-an-end": lambda: armoured(of())[:-20],
    "pem-with-a-key": lambda: armoured(of()) + ROOT.key_pem.encode(),
    "huge": huge,
}


def issuer_of(case: str) -> Pair:
    return ISSUERS.get(case, ROOT)
