"""Names in several kinds of string within a chain: a match for every engine, and no check is lost over it.

OpenSSL is the judge, over random mixes of string types in chains that are good or broken in one place.
"""

import ssl
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type as Type
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rotation_watcher.x509 import spelling
from rotation_watcher.x509.certificates import Certificate, certificate_block
from rotation_watcher.x509.paths import NoPath, Path, find_path
from tests.hostile import fuzz
from tests.support import openssl, pki
from tests.support.path_cases import CRL, POLICIES, UNKNOWN, netscape
from tests.support.pki import ANY, CLIENT, DAY, NAME, NOW, SERVER, Key, Pair, ec_key, rsa_key, usage

TYPES = (Type.UTF8String, Type.PrintableString, Type.T61String, Type.IA5String, Type.BMPString)
"""String types in which both sides read these names."""
SPELLINGS = ("{}", " {}", "{}  ")


def spelled(text: str, kind: Type, form: str = "{}") -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, form.format(text), _type=kind)])


def chain_of(
    kinds: Mapping[int, Type], faults: Mapping[str, Any], keys: Mapping[str, Key], form: str = "{}"
) -> tuple[Certificate, ...]:
    """Leaf, intermediate, intermediate, root; each place where a name stands is of the given kind.

    ``faults``: arguments of one certificate, by ``leaf``, ``lower``, ``upper`` and ``root``.
    """
    names = {"root": "R", "upper": "U", "lower": "L", "leaf": NAME}
    pairs: list[Pair] = []
    for place, (role, text) in enumerate(names.items()):
        above = pairs[-1] if pairs else None
        issuer = spelled([*names.values()][max(place - 1, 0)], kinds[2 * place], form)
        given_ones: dict[str, Any] = {"ca": role != "leaf", "key": keys.get(role)}
        given_ones |= {"names": (NAME,), "eku": CLIENT} if role == "leaf" else {}
        pairs.append(
            pki.make(
                spelled(text, kinds[2 * place + 1]), above, issuer_name=issuer, **(given_ones | faults.get(role, {}))
            )
        )
    return tuple(pair.read for pair in reversed(pairs))


def judged(chain: tuple[Certificate, ...]) -> Path | NoPath:
    leaf, *between, root = chain
    return find_path(leaf, intermediates=between, anchors=[root], at=NOW)


def openssl_accepts(chain: tuple[Certificate, ...]) -> bool:
    leaf, *between, root = chain
    return openssl.accepts(leaf, intermediates=between, anchors=[root], at=NOW)


DNS = x509.DNSName
BOTH: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a path length that suffices": {"root": {"path_length": 2}, "upper": {"path_length": 1}},
    "a path length that is exceeded": {"root": {"path_length": 1}},
    "a path length of an intermediate that is exceeded": {"upper": {"path_length": 0}},
    "a name within its constraint": {
        "upper": {"extra": [(x509.NameConstraints([DNS("mypurecloud.com")], None), True)]}
    },
    "a name outside its constraint": {"upper": {"extra": [(x509.NameConstraints([DNS("example.com")], None), True)]}},
    "a name that a root excludes": {"root": {"extra": [(x509.NameConstraints(None, [DNS("mypurecloud.com")]), True)]}},
    "an intermediate for servers": {"upper": {"eku": SERVER}},
    "an intermediate for any use": {"lower": {"eku": ANY}},
    "a leaf for servers": {"leaf": {"eku": SERVER}},
    "an intermediate that may not sign": {"upper": {"key_usage": usage(signs_certificates=False)}},
    "a root that may not sign": {"root": {"key_usage": usage(signs_certificates=False)}},
    "an expired intermediate": {"lower": {"end": NOW - DAY}},
    "an intermediate of tomorrow": {"upper": {"start": NOW + DAY}},
    "an expired root": {"root": {"end": NOW - DAY}},
    "an expired leaf": {"leaf": {"end": NOW - DAY}},
    "an unknown critical extension in an intermediate": {"upper": {"extra": [UNKNOWN]}},
    "an unknown critical extension in the root": {"root": {"extra": [UNKNOWN]}},
    "an unknown critical extension in the leaf": {"leaf": {"extra": [UNKNOWN]}},
    "an intermediate that is no CA": {"lower": {"ca": None}},
    "a key identifier of another key": {
        "lower": {"aki": False, "extra": [(x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False)]}
    },
}
"""What both judge alike."""
STRICTER: dict[str, dict[str, Any]] = {
    "critical policies": {"upper": {"extra": [POLICIES]}},
    "a critical CRL distribution point": {"upper": {"extra": [(CRL, True)]}},
}


@settings(max_examples=80, database=None)
@given(
    kinds=st.lists(st.sampled_from(TYPES), min_size=8, max_size=8),
    fault=st.sampled_from(sorted(BOTH)),
    form=st.sampled_from(SPELLINGS),
)
def test_whatever_the_kinds_of_string_openssl_agrees(kinds: list[Type], fault: str, form: str) -> None:
    chain = chain_of(dict(enumerate(kinds)), BOTH[fault], {}, form)
    verdict = judged(chain)
    event(f"{type(verdict).__name__}")
    assert isinstance(verdict, Path) is openssl_accepts(chain), verdict


MIXED = dict(enumerate([Type.UTF8String, Type.PrintableString] * 4))
ALIKE = dict.fromkeys(range(8), Type.UTF8String)


@pytest.mark.parametrize("fault", [*BOTH, *STRICTER])
def test_a_chain_of_mixed_spellings_is_judged_as_its_like_in_one_spelling(fault: str) -> None:
    faults = BOTH.get(fault) or STRICTER.get(fault) or {}
    mixed, alike = (judged(chain_of(kinds, faults, {})) for kinds in (MIXED, ALIKE))
    assert type(mixed) is type(alike), (mixed, alike)
    if isinstance(mixed, NoPath) and isinstance(alike, NoPath):
        assert mixed.detail.split("(")[0][:40] == alike.detail.split("(")[0][:40]


KEYS: dict[str, dict[str, Key]] = {
    f"{said} in {role}": {role: key}
    for role in ("root", "upper", "lower")
    for said, key in (
        ("RSA of 1024 bits", rsa_key(1024)),
        ("RSA of 2048 bits", rsa_key(2048)),
        ("Ed25519", ed25519.Ed25519PrivateKey.generate()),
        ("secp256k1", ec_key(ec.SECP256K1())),
        ("P-384", ec_key(ec.SECP384R1())),
    )
}


@pytest.mark.parametrize("case", KEYS)
def test_the_real_key_of_each_ca_counts_whatever_the_spelling(case: str) -> None:
    mixed, alike = (judged(chain_of(kinds, {}, KEYS[case])) for kinds in (MIXED, ALIKE))
    assert isinstance(alike, Path) is case.startswith(("RSA of 2048", "P-384"))
    assert mixed == alike or type(mixed) is type(alike)


@pytest.mark.parametrize("role", ["leaf", "lower", "upper"])
def test_a_weak_signature_counts_whatever_the_spelling(role: str) -> None:
    place = ["leaf", "lower", "upper"].index(role)
    for kinds in (MIXED, ALIKE):
        keys: dict[str, Key] = {name: rsa_key(2048, place) for place, name in enumerate(("root", "upper", "lower"))}
        chain = chain_of(kinds, {}, keys)
        signer = [*keys][::-1][place]
        weak = pki.patched(
            Pair(chain[place].raw, ec_key()),
            keys[signer],
            pki.swap(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")),
            hashes.SHA1(),  # noqa: S303 - the weak one
        )
        block = certificate_block(weak)
        assert block.certificate is not None
        verdict = judged((*chain[:place], block.certificate, *chain[place + 1 :]))
        assert isinstance(verdict, NoPath)
        assert "Forbidden signature algorithm" in verdict.detail


def test_what_the_library_does_not_check_counts_whatever_the_spelling() -> None:
    for kinds in (MIXED, ALIKE):
        chain = chain_of(kinds, {"leaf": {"extra": [netscape(0x40)]}}, {})
        verdict = judged(chain)
        assert isinstance(verdict, NoPath)
        assert "nsCertType" in verdict.detail
        assert not openssl_accepts(chain)


def test_a_false_signature_counts_whatever_the_spelling() -> None:
    one, other = chain_of(MIXED, {}, {}), chain_of(MIXED, {"lower": {"aki": False}, "leaf": {"aki": False}}, {})
    for place in range(1, 4):
        assert isinstance(judged((*other[:place], *one[place:])), NoPath)
    assert isinstance(judged(one), Path)


def test_a_self_issued_intermediate_in_another_spelling_does_not_count_in_a_path_length() -> None:
    root = pki.make(spelled("R", Type.UTF8String), ca=True, path_length=0)
    again = pki.make(spelled("R", Type.PrintableString), root, ca=True)
    leaf = pki.make(spelled(NAME, Type.UTF8String), again, names=(NAME,), eku=CLIENT)
    chain = leaf.read, again.read, root.read
    assert isinstance(judged(chain), Path)
    assert openssl_accepts(chain)


# --- odd roots


def odd(**how: Any) -> tuple[Certificate, ...]:
    """Leaf and root, whose name the leaf spells in another way; the root is changed in DER."""
    key = ec_key()
    root = pki.make(spelled("R", Type.UTF8String), key=key, ca=True)
    parts = spelling._parts(root.raw)._replace(**how)
    block = certificate_block(signed(parts, key))
    assert block.certificate is not None, block.defect
    leaf = pki.make(
        spelled(NAME, Type.UTF8String),
        Pair(root.raw, key),
        issuer_name=spelled("R", Type.PrintableString),
        names=(NAME,),
        eku=CLIENT,
        aki=False,
    )
    return leaf.read, block.certificate


def signed(parts: spelling._Parts, key: ec.EllipticCurvePrivateKey) -> bytes:
    return spelling._signed(parts, key).public_bytes(Encoding.DER)


ODD: dict[str, dict[str, bytes]] = {
    "a serial number of zero": {"serial": b"\x02\x01\x00"},
    "a serial number of 160 bits": {"serial": b"\x02\x15\x00" + b"\xff" * 20},
    "a validity from before 1950": {"validity": pki.tlv(0x30, b"\x18\x0f19400101000000Z\x18\x0f20600101000000Z")},
    "no odd thing": {},
}


@pytest.mark.parametrize("oddity", ODD)
def test_an_odd_root_raises_nothing_and_is_judged_as_openssl_judges_it(oddity: str) -> None:
    chain = odd(**ODD[oddity])
    verdict = judged(chain)
    assert isinstance(verdict, Path) is openssl_accepts(chain), verdict
    assert isinstance(verdict, Path)


BLANKS = (
    " ",
    "  ",
    "\t",
    "\n",
    "\x0b",
    "\x0c",
    "\r",
    "\x1c",
    "\x1f",
    "\x85",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\0",
    "\u017f",
    "\u212a",
)
"""Between two letters: what ASCII has for blanks, what Unicode has, and letters whose small form is one of ASCII's."""


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
@pytest.mark.parametrize("usual", [" ", "s", "k"])
def test_what_counts_as_a_blank_or_a_capital_is_what_openssl_takes_for_one(blank: str, usual: str) -> None:
    root = pki.make(spelled(f"A{blank}B", Type.UTF8String), ca=True, aki=False)
    named = spelled(f"a{usual}B", Type.UTF8String)
    leaf = pki.make(NAME, root, names=(NAME,), eku=CLIENT, aki=False, issuer_name=named)
    chain = (leaf.read, root.read)
    assert isinstance(judged(chain), Path) is openssl_accepts(chain)


def openssl_reads(der: bytes) -> bool:
    """Whether the OpenSSL of this interpreter parses one certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError:
        return False
    return True


@pytest.mark.parametrize("kind", [*TYPES, Type.VisibleString, Type.UniversalString])
def test_a_name_in_a_string_that_openssl_does_not_read_makes_no_certificate(kind: Type) -> None:
    der = pki.make(spelled(NAME, kind)).raw.public_bytes(Encoding.DER)
    read = certificate_block(der)
    assert (read.certificate is not None) is openssl_reads(der), read
    assert (read.certificate is None) is (kind is Type.VisibleString)


@settings(max_examples=300, database=None)
@given(number=st.integers(), der=st.sampled_from(fuzz.SEEDS))
def test_what_is_read_here_as_a_certificate_openssl_reads(number: int, der: bytes) -> None:
    chance = Random(number)  # noqa: S311 - to be repeated, not to be secret
    broken = chance.choice([fuzz.mutated_asn1, fuzz.mutated_bytes])(der, chance)
    if certificate_block(broken).certificate is not None:
        event("read")
        assert openssl_reads(broken)


def test_a_certificate_that_names_two_signature_algorithms_is_refused_in_any_spelling() -> None:
    chain = chain_of(MIXED, {}, {})
    assert not spelling.is_uniform(chain)
    root = chain[-1].raw
    other = bytes.fromhex("300a06082a8648ce3d040303")
    parts = spelling._parts(root)._replace(algorithm=other)
    with pytest.raises(ValueError, match="two different"):
        spelling._parts(x509.load_der_x509_certificate(misnamed(parts)))


def misnamed(parts: spelling._Parts) -> bytes:
    *fields, rest = parts
    signed_part = pki.tlv(0x30, b"".join([*fields, *rest]))
    return pki.tlv(0x30, signed_part + bytes.fromhex("300a06082a8648ce3d040302") + b"\x03\x02\x00\x00")


def test_copies_change_names_keys_and_signatures_alone() -> None:
    chain = chain_of(MIXED, BOTH["a name within its constraint"], {})
    copies = spelling.uniform(chain)
    for copy, one in zip(copies, chain, strict=True):
        mine, theirs = spelling._parts(copy), spelling._parts(one.raw)
        for field in ("version", "serial", "validity", "rest"):
            assert getattr(mine, field) == getattr(theirs, field)
    assert spelling._parts(copies[0]).key == spelling._parts(chain[0].raw).key
    for below, above in spelling.links(chain):
        assert below in {one.raw for one in chain}
        assert spelling._parts(above).key in {spelling._parts(one.raw).key for one in chain}
