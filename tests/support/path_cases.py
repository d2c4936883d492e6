"""Chains that verify and chains that do not, each with a sentence: leaf, what is presented with it, and the anchors.

``STRICTER`` are those that we refuse and OpenSSL accepts, each with its reason; no others are known:

- a fourth intermediate (ALB's chain depth is 4);
- CA keys that ALB does not take: RSA below 2048 bits, other curves than P-256/384/521, Ed25519;
- critical extensions that the library does not know: certificatePolicies, policyConstraints, inhibitAnyPolicy, CRL
  distribution points (RFC 5280 wants the last one not to be critical);
- name constraints on directory names, on URIs that open with a dot or are excluded, and DNS constraints that open with
  a dot, end with one or are empty; below a DNS constraint names with an underscore; name constraints in a leaf;
- self-issued CAs, which the library counts towards a path length;
- nsCertType that is critical, and address blocks that are within those of the issuer.

Of the encoding, which is not made here: dates before 2050 as GeneralizedTime, serial numbers of more than 20 octets,
version 1, RSA signatures without their NULL, and RSA-PSS with a salt of another length than its hash.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from rotation_watcher.x509.certificates import Certificate
from tests.support.pki import (
    ANY,
    CLIENT,
    DAY,
    NAME,
    NOW,
    SERVER,
    Extra,
    Pair,
    compressed,
    ec_key,
    intermediate,
    leaf,
    make,
    name,
    rekeyed,
    root,
    rsa_key,
    usage,
)

type Case = tuple[Certificate, list[Certificate], list[Certificate]]
type Cases = Mapping[str, Callable[[], Case]]

ROOT = root()
DNS = x509.DNSName
DIRECTORY = x509.DirectoryName
MAIL = x509.RFC822Name
URI = x509.UniformResourceIdentifier

UNKNOWN: Extra = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)
POLICIES: Extra = (
    x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)]),
    True,
)
CRL = x509.CRLDistributionPoints([x509.DistributionPoint([URI("http://crl.example/x")], None, None, None)])
OCSP = x509.AuthorityInformationAccess(
    [x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1"), URI("http://ocsp.example"))]
)


PROXY, PROXY_RIGHTS = "1.3.6.1.5.5.7.1.14", "300c300a06082b06010505071501"
BLOCKS, NUMBERS = "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8"
TEN = "300c300a0402000130040302000a"
"""10.0.0.0/8 as address blocks (RFC 3779)."""


def under(*chain: Pair, **more: Any) -> Case:
    """A leaf under the last of a chain that begins with its root."""
    return leaf(chain[-1], **more).read, [pair.read for pair in chain[1:]], [chain[0].read]


def below(**more: Any) -> Case:
    """A leaf under an intermediate of these properties."""
    return under(ROOT, intermediate("Issuing", ROOT, **more))


def constrained(
    *permitted: x509.GeneralName, excluded: list[x509.GeneralName] | None = None, critical: bool = True
) -> Pair:
    """An intermediate with name constraints."""
    return intermediate("Bound", ROOT, extra=[(x509.NameConstraints([*permitted] or None, excluded), critical)])


def ladder(rungs: int, **first: Any) -> list[Pair]:
    """A root and so many intermediates, of which the first may have properties of its own."""
    chain = [ROOT]
    for number in range(rungs):
        chain.append(intermediate(f"Rung {number}", chain[-1], **({} if number else first)))
    return chain


def usage_of(*bits: str) -> x509.KeyUsage:
    """A keyUsage of these bits."""
    known = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
    return x509.KeyUsage(**{bit: bit in bits for bit in f"{known} crl_sign encipher_only decipher_only".split()})


def named(*names: x509.GeneralName) -> dict[str, Any]:
    """A leaf's SAN of other names than DNS names alone."""
    return {"names": None, "extra": [(x509.SubjectAlternativeName(names), False)]}


def akid(identifier: bytes | None = None, issuer: x509.Name | None = None, serial: int | None = None) -> Case:
    """A leaf whose authority key identifier says this."""
    kind = x509.AuthorityKeyIdentifier(identifier, [DIRECTORY(issuer)] if issuer else None, serial)
    return under(ROOT, aki=False, extra=[(kind, False)])


def with_mail_in_its_subject(issuer: Pair) -> Case:
    """A leaf with a mail address in its subject, beside the DNS name in its SAN."""
    subject = x509.Name([*name(NAME), x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@other.example")])
    return make(subject, issuer, names=[NAME], eku=CLIENT).read, [issuer.read], [ROOT.read]


def unread(oid: str, value: str, *, critical: bool = False) -> Extra:
    """An extension that the library passes over: its value in hex."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value)), critical


def netscape(bits: int, *, critical: bool = False) -> Extra:
    """An nsCertType of these bits (0x80: TLS client, 0x40: TLS server, 0x04: a CA for TLS)."""
    return unread("2.16.840.1.113730.1.1", f"030200{bits:02x}", critical=critical)


def impostor(kind: Pair) -> Case:
    """A leaf by one that only bears the root's name."""
    return leaf(kind).read, [], [ROOT.read]


NOT_A_SIGNER = usage(signs_certificates=False)

ACCEPTED: Cases = {
    "a leaf right under its root, as Genesys has it": lambda: under(ROOT),
    "leaf, intermediate and root, as DigiCert has it": lambda: under(ROOT, intermediate("Issuing", ROOT)),
    "three intermediates": lambda: under(*ladder(3)),
    "no SAN": lambda: under(ROOT, names=None),
    "a bare leaf": lambda: under(ROOT, names=None, aki=False, key_usage=None, eku=None),
    "no basicConstraints in the leaf": lambda: under(ROOT, ca=None),
    "an empty subject": lambda: (make(x509.Name([]), ROOT, names=[NAME], eku=CLIENT).read, [], [ROOT.read]),
    "a bare root": lambda: under(root("Bare", key_usage=None, aki=False)),
    "a bare intermediate": lambda: below(key_usage=None, aki=False),
    "an intermediate for clients": lambda: below(eku=CLIENT + SERVER),
    "a critical EKU": lambda: under(ROOT, eku=None, extra=[(x509.ExtendedKeyUsage(CLIENT), True)]),
    "clientAuth among others": lambda: under(ROOT, eku=SERVER + CLIENT + ANY),
    "keyAgreement in place of digitalSignature": lambda: under(ROOT, key_usage=usage_of("key_agreement")),
    "an unknown extension that is not critical": lambda: under(ROOT, extra=[(UNKNOWN[0], False)]),
    "a CRL distribution point": lambda: under(ROOT, extra=[(CRL, False)]),
    "P-384": lambda: under(root("P384", key=ec_key(ec.SECP384R1())), algorithm=hashes.SHA384()),
    "P-521": lambda: under(root("P521", key=ec_key(ec.SECP521R1())), algorithm=hashes.SHA512()),
    "RSA": lambda: under(root("RSA", key=rsa_key(2048)), key=rsa_key(2048, 1)),
    "a path length that just suffices": lambda: under(*ladder(3, path_length=2)),
    "a name within its constraint": lambda: under(ROOT, constrained(DNS("mypurecloud.com"))),
    "a constraint on addresses, of which it has none": lambda: under(
        ROOT, constrained(excluded=[x509.IPAddress(ip_network("0.0.0.0/0"))])
    ),
    "a constraint on mail addresses, of which it has none": lambda: under(ROOT, constrained(MAIL("example.com"))),
    "an authority key identifier by issuer and serial": lambda: akid(None, ROOT.raw.subject, ROOT.raw.serial_number),
    "an nsCertType for clients": lambda: under(ROOT, extra=[netscape(0xC0)]),
    "an intermediate whose nsCertType is for mail": lambda: below(extra=[netscape(0x02)]),
    "a point that is compressed": lambda: (rekeyed(leaf(ROOT), ROOT.key, compressed(ec_key())), [], [ROOT.read]),
    "a root among the intermediates": lambda: (leaf(ROOT).read, [ROOT.read], [ROOT.read]),
}

REFUSED: Cases = {
    "a root nobody trusts": lambda: (leaf(root("Own")).read, [], [ROOT.read]),
    "a self-made root of the right name": lambda: impostor(root()),
    "a self-made root of the right name, presented": lambda: (leaf(own := root()).read, [own.read], [ROOT.read]),
    "an intermediate that is missing": lambda: (leaf(intermediate("Gone", ROOT)).read, [], [ROOT.read]),
    "an intermediate of the right name and another key": lambda: (
        leaf(intermediate("Issuing", ROOT), aki=False).read,
        [intermediate("Issuing", ROOT, aki=False).read],
        [ROOT.read],
    ),
    "a self-signed leaf": lambda: (make(NAME, names=[NAME], eku=CLIENT).read, [], [ROOT.read]),
    "anyEKU alone": lambda: under(ROOT, eku=ANY),
    "serverAuth alone": lambda: under(ROOT, eku=SERVER),
    "an intermediate for servers": lambda: below(eku=SERVER),
    "an intermediate for any use": lambda: below(eku=ANY),
    "a root for servers": lambda: under(root("Servers", eku=SERVER)),
    "keyEncipherment alone": lambda: under(ROOT, key_usage=usage_of("key_encipherment")),
    "an expired root": lambda: under(root("Old", end=NOW - DAY)),
    "a root of tomorrow": lambda: under(root("New", start=NOW + DAY)),
    "an expired intermediate": lambda: below(end=NOW - DAY),
    "an expired leaf": lambda: under(ROOT, end=NOW - DAY),
    "a leaf of tomorrow": lambda: under(ROOT, start=NOW + DAY),
    "a root that may not sign": lambda: under(root("Mute", key_usage=NOT_A_SIGNER)),
    "an intermediate that may not sign": lambda: below(key_usage=NOT_A_SIGNER),
    "an intermediate without basicConstraints": lambda: under(ROOT, make("Issuing", ROOT, ca=None)),
    "a leaf that signs another leaf": lambda: under(ROOT, leaf(ROOT, common="Between")),
    "a path length that is exceeded": lambda: under(*ladder(3, path_length=1)),
    "an nsCertType for servers": lambda: under(ROOT, extra=[netscape(0x40)]),
    "an nsCertType that is none": lambda: under(ROOT, extra=[unread("2.16.840.1.113730.1.1", "0500")]),
    "an intermediate's nsCertType that is none": lambda: below(extra=[unread("2.16.840.1.113730.1.1", "ffff")]),
    "a proxy": lambda: under(ROOT, extra=[unread(PROXY, PROXY_RIGHTS)]),
    "an intermediate that is a proxy": lambda: below(extra=[unread(PROXY, PROXY_RIGHTS)]),
    "addresses that its issuer does not have": lambda: under(ROOT, extra=[unread(BLOCKS, TEN)]),
    "AS numbers that its issuer does not have": lambda: under(ROOT, extra=[unread(NUMBERS, "3007a0053003020101")]),
    "an unknown critical extension in the leaf": lambda: under(ROOT, extra=[UNKNOWN]),
    "an unknown critical extension in an intermediate": lambda: below(extra=[UNKNOWN]),
    "an unknown critical extension in the root": lambda: under(root("Odd", extra=[UNKNOWN])),
    "a critical authority information access": lambda: under(ROOT, extra=[(OCSP, True)]),
    "a critical subject key identifier": lambda: under(
        ROOT, aki=False, extra=[(x509.SubjectKeyIdentifier(b"x" * 20), True)]
    ),
    "an authority key identifier of another key": lambda: akid(b"x" * 20),
    "an authority key identifier of another serial": lambda: akid(None, ROOT.raw.subject, 7),
    "an authority key identifier of another issuer": lambda: akid(None, name("Other"), ROOT.raw.serial_number),
    "a name outside its constraint": lambda: under(ROOT, constrained(DNS("example.com"))),
    "a name that is excluded": lambda: under(ROOT, constrained(excluded=[DNS("us-east-1.mypurecloud.com")])),
    "a root's own constraint": lambda: under(
        root("Bound", extra=[(x509.NameConstraints([DNS("example.com")], None), True)])
    ),
    "a common name outside its constraint": lambda: under(ROOT, constrained(DNS("example.com")), names=None),
    "a common name outside its constraint, and a SAN without DNS names": lambda: under(
        ROOT, constrained(DNS("example.com")), **named(URI("http://other.example/"))
    ),
    "a directory name outside its constraint": lambda: under(ROOT, constrained(DIRECTORY(name("x", organization="y")))),
    "a directory name outside a constraint that is not critical": lambda: under(
        ROOT, constrained(DIRECTORY(name("x", organization="y")), critical=False)
    ),
    "a mail address outside its constraint": lambda: under(
        ROOT, constrained(MAIL("example.com")), **named(DNS(NAME), MAIL("a@other.example"))
    ),
    "a mail address in the subject outside its constraint": lambda: with_mail_in_its_subject(
        constrained(MAIL("example.com"))
    ),
    "an address outside its constraint": lambda: under(
        ROOT,
        constrained(x509.IPAddress(ip_network("10.0.0.0/8"))),
        **named(DNS(NAME), x509.IPAddress(ip_address("11.0.0.1"))),
    ),
    "a URI outside its constraint": lambda: under(
        ROOT, constrained(URI("example.com")), **named(DNS(NAME), URI("http://other.example/"))
    ),
}

STRICTER: Cases = {
    "four intermediates": lambda: under(*ladder(4)),
    "a root of RSA-1024": lambda: under(root("Weak", key=rsa_key(1024))),
    "a root on secp256k1": lambda: under(root("Odd", key=ec_key(ec.SECP256K1()))),
    "a root on brainpool": lambda: under(root("Odd", key=ec_key(ec.BrainpoolP256R1()))),
    "a root on P-224": lambda: under(root("Odd", key=ec_key(ec.SECP224R1()))),
    "a root of Ed25519": lambda: under(root("Odd", key=ed25519.Ed25519PrivateKey.generate())),
    "critical policies in the leaf": lambda: under(ROOT, extra=[POLICIES]),
    "critical policies in an intermediate": lambda: below(extra=[POLICIES]),
    "critical policy constraints": lambda: below(extra=[(x509.PolicyConstraints(0, None), True)]),
    "critical inhibitAnyPolicy": lambda: below(extra=[(x509.InhibitAnyPolicy(0), True)]),
    "a critical CRL distribution point": lambda: under(ROOT, extra=[(CRL, True)]),
    "a directory name within its constraint": lambda: under(ROOT, constrained(DIRECTORY(name(None)))),
    "a DNS constraint that opens with a dot": lambda: under(ROOT, constrained(DNS(".mypurecloud.com"))),
    "a URI within a constraint that opens with a dot": lambda: under(
        ROOT, constrained(URI(".example.com")), **named(DNS(NAME), URI("http://a.example.com/"))
    ),
    "another URI than the one that is excluded": lambda: under(
        ROOT, constrained(excluded=[URI("other.example")]), **named(DNS(NAME), URI("http://a.example.com/"))
    ),
    "a name with an underscore below a DNS constraint": lambda: under(
        ROOT, constrained(DNS("mypurecloud.com")), names=["a_b.mypurecloud.com"]
    ),
    "another name than the one that is excluded, which ends with a dot": lambda: under(
        ROOT, constrained(excluded=[DNS("example.com.")])
    ),
    "name constraints in a leaf": lambda: under(ROOT, extra=[(x509.NameConstraints([DNS("example.com")], None), True)]),
    "a CA that issued itself below a path length": lambda: under(
        ROOT, own := intermediate("Self", ROOT, path_length=0), intermediate("Self", own)
    ),
    "a critical nsCertType": lambda: under(ROOT, extra=[netscape(0x80, critical=True)]),
    "addresses that its issuers have": lambda: under(
        root("Has", extra=[unread(BLOCKS, TEN)]), extra=[unread(BLOCKS, TEN)]
    ),
    "an empty DNS constraint": lambda: under(ROOT, constrained(DNS(""))),
}
