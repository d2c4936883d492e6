"""What is presented at doors, and what they judge by: the world of ``tests/hostile/door_cases.toml``."""

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from rotation_watcher.identity.decision import Revoked
from tests.support import pki
from tests.support.pki import CLIENT, DAY, NAME, NOW, Pair, make, name

CASES = Path(__file__).parents[1] / "hostile/door_cases.toml"
REGION, ELSEWHERE = "us-east-1", "eu-west-1"
GENESYS, DIGICERT = ("use1", REGION, "Genesys"), ("use1", REGION, "DigiCert")


class Case(NamedTuple):
    """One case. ``doors`` are those at which it is presented; ``encoded``: how often the header is URL-encoded."""

    name: str
    leaf: str
    reason: str
    allowed: bool
    policy: str
    region: str | None
    encoded: int
    doors: tuple[str, ...]


def cases(door: str) -> list[Case]:
    """The cases that are presented at a door."""
    every = ("decision", "authorizer", "middleware")
    found = [
        Case(
            name=one["name"],
            leaf=one["leaf"],
            reason=one["reason"],
            allowed=one.get("allowed", one["reason"] in {"pinned", "issued"}),
            policy=one.get("policy", "strict"),
            region=one.get("region"),
            encoded=one.get("encoded", 1),
            doors=tuple(one.get("doors", every)),
        )
        for one in tomllib.loads(CASES.read_text())["case"]
    ]
    return [one for one in found if door in one.doors]


@cache
def root() -> Pair:
    """The regional root."""
    return make("Regional root", ca=True)


def roots() -> list[Pair]:
    """All regional roots."""
    return [root(), fenced(), rsa_root(), weak_root(), sha1_root(), server_root()]


@cache
def shared_root() -> Pair:
    """The root above it."""
    return make("Shared root", ca=True)


@cache
def shared_ca() -> Pair:
    """An intermediate that signs for many customers."""
    return make("Shared CA", shared_root(), ca=True)


@cache
def fenced() -> Pair:
    """A regional root that may sign for names of Genesys alone."""
    return make("Fenced root", ca=True, extra=[(x509.NameConstraints([x509.DNSName("mypurecloud.com")], None), True)])


@cache
def rsa_root() -> Pair:
    """A regional root with an RSA key."""
    return make("RSA root", ca=True, key=pki.rsa_key(2048))


@cache
def sha1_root() -> Pair:
    """A regional root that is signed over SHA-1."""
    return _sha1(made := make("SHA-1 root", ca=True, key=pki.rsa_key(2048)), made)


@cache
def server_root() -> Pair:
    """A regional root for servers alone."""
    return make("Server root", ca=True, eku=pki.SERVER)


@cache
def weak_root() -> Pair:
    """A regional root whose key is too short."""
    return make("Weak root", ca=True, key=pki.rsa_key(1024))


@cache
def leaves() -> Mapping[str, Pair]:
    """Every certificate that is presented, by its word in the cases."""
    return {
        "genesys": client(NAME, root()),
        "renewed": client(NAME, root()),
        "digicert": client(NAME, shared_ca()),
        "off-cycle": client(NAME, shared_ca()),
        "customer": client("customer.example.com", shared_ca()),
        "forged-root": client(NAME, make("Regional root", ca=True)),
        "other-root": client(NAME, make("Another root", ca=True)),
        "self-signed": client(NAME),
        "other-name": client("other.example.com", root()),
        "longer-name": make("other", root(), names=(f"{NAME}.example.com", f"x.{NAME}"), eku=CLIENT),
        "right-cn-wrong-san": make(name(NAME), root(), names=("other.example.com",), eku=CLIENT),
        "expired-pin": client(NAME, shared_ca()),
        "elsewhere": client("dataactions.elsewhere", root()),
        "expired": make(NAME, root(), names=(NAME,), eku=CLIENT, start=NOW - 90 * DAY, end=NOW - DAY),
        "early": make(NAME, root(), names=(NAME,), eku=CLIENT, start=NOW + DAY),
        "server": make(NAME, root(), names=(NAME,), eku=pki.SERVER),
        "any-usage": make(NAME, root(), names=(NAME,), eku=pki.ANY),
        "approved-server": make(NAME, root(), names=(NAME,), eku=pki.SERVER),
        "a-ca": make(NAME, root(), names=(NAME,), eku=CLIENT, ca=True),
        "short-key": _odd(key=pki.rsa_key(1024)),
        "odd-curve": _odd(key=ec.generate_private_key(ec.SECP256K1())),
        "sha1": _sha1(client(NAME, rsa_root()), rsa_root()),
        "sha1-of-a-customer": _sha1(client("customer.example.com", rsa_root()), rsa_root()),
        "short-key-shared": _odd(shared_ca(), key=pki.rsa_key(1024)),
        "under-a-weak-root": client(NAME, weak_root()),
        "under-a-server-root": client(NAME, server_root()),
        "under-a-sha1-root": client(NAME, sha1_root()),
        "no-signature-usage": _odd(key_usage=_encipherment()),
        "agreement-usage": _odd(key_usage=_encipherment(key_agreement=True)),
        "approved-usage": _odd(key_usage=_encipherment()),
        "unknown-critical": _odd(extra=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]),
        "other-key-identifier": _odd(aki=False, extra=[(x509.AuthorityKeyIdentifier(b"\1" * 20, None, None), False)]),
        "within-the-fence": client(NAME, fenced()),
        "beyond-the-fence": _odd(fenced(), names=(NAME, "bank.example.com")),
        "approved-beyond-the-fence": _odd(fenced(), names=(NAME, "bank.example.com")),
        "revoked": client(NAME, root()),
        "revoked-pinned": client(NAME, shared_ca()),
        "known-revoked": client(NAME, root()),
        "known-revoked-unpinned": client(NAME, shared_ca()),
    }


def _odd(issuer: Pair | None = None, **more: Any) -> Pair:
    """A client certificate of the right name with something odd."""
    given: dict[str, Any] = {"names": (NAME,), "eku": CLIENT}
    return make(NAME, issuer or root(), **(given | more))


def _encipherment(*, key_agreement: bool = False) -> x509.KeyUsage:
    """A usage without digitalSignature."""
    unset = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "data_encipherment",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(key_encipherment=True, key_agreement=key_agreement, **unset)


def _sha1(one: Pair, issuer: Pair) -> Pair:
    """The same, signed over SHA-1."""
    change = pki.swap(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    der = pki.patched(one, issuer.key, change, hashes.SHA1())  # noqa: S303  # the weak one
    return Pair(x509.load_der_x509_certificate(der), one.key)


def client(bears: str, issuer: Pair | None = None, *, end: datetime = NOW + 265 * DAY) -> Pair:
    """A client certificate of that one name."""
    return make(bears, issuer, names=(bears,), eku=CLIENT, end=end)


@cache
def presented(leaf: str) -> str:
    """The text that a front door hands on."""
    good = leaves()["genesys"].pem
    odd = {
        "none": "",
        "garbage": "-----BEGIN CERTIFICATE-----\n<script>alert(1)</script>\r\nX-Evil: 1\n-----END CERTIFICATE-----\n",
        "truncated": good[: len(good) // 2] + "\n-----END CERTIFICATE-----\n",
        "private-key": leaves()["genesys"].key_pem,
        "surrounded": f"subject=somebody\n{good}",
        "two": good + leaves()["customer"].pem,
        "megabyte": good.replace("\n-----END", f"\n{'A' * (1 << 20)}\n-----END"),
        "encoded": quote(good, safe="+=/"),
    }
    return odd[leaf] if leaf in odd else leaves()[leaf].pem


def document(unknown: str = "strict") -> dict[str, Any]:
    """The identity.json of this world."""
    return {
        "format": 1,
        "bundle": "main",
        "rules": [
            _rule(GENESYS, "issued", unknown, *roots()),
            _rule(DIGICERT, "pinned", unknown, shared_ca()),
        ],
        "pins": [
            _pin("genesys", GENESYS, root()),
            _pin("digicert", DIGICERT, shared_ca()),
            _pin("expired-pin", DIGICERT, shared_ca(), until=NOW - timedelta(seconds=1)),
            _pin("elsewhere", ("euw1", ELSEWHERE, "Genesys"), root()),
            _pin("expired", GENESYS, root()),
            _pin("early", GENESYS, root()),
            _pin("approved-server", GENESYS, root(), lifted=["no-client-auth"]),
            _pin("approved-usage", GENESYS, root(), lifted=["no-client-auth"]),
            _pin("approved-beyond-the-fence", GENESYS, fenced(), lifted=["chain-untrusted"]),
            _pin("revoked-pinned", DIGICERT, shared_ca()),
        ],
        "lists": [{"issuer_key": ca.read.facts.spki_sha256, "folder": f"crls/{n:032x}"} for n, ca in enumerate(CAS())],
        "revoked": [leaves()[name].read.fingerprint for name in ("known-revoked", "known-revoked-unpinned")],
    }


def CAS() -> tuple[Pair, Pair]:  # noqa: N802  # a constant that is made when it is first asked for
    """Who signs lists, in the order of the folders."""
    return root(), shared_ca()


@cache
def policy_bytes(policy: str = "strict") -> bytes:
    """The bytes of the policy that a case names."""
    known = {
        "unreadable": b"{not JSON",
        "newer": json.dumps(document() | {"format": 2}).encode(),
        "empty": json.dumps(document() | {"rules": [], "pins": []}).encode(),
    }
    return known[policy] if policy in known else json.dumps(document(policy)).encode()


def revoked() -> Revoked:
    """The lists of both CAs, which name the leaves that are called so."""
    named = {
        (ca.read.facts.spki_sha256, leaves()[leaf].raw.serial_number)
        for ca, leaf in ((root(), "revoked"), (shared_ca(), "revoked-pinned"))
    }
    return lambda key, serial: (key, serial) in named


def _rule(who: tuple[str, str, str], mode: str, unknown: str, *cas: Pair) -> dict[str, Any]:
    issuers = [issuer(ca) for ca in cas]
    return _who(who) | {"mode": mode, "unknown": unknown, "names": [NAME], "issuers": issuers}


def issuer(ca: Pair) -> dict[str, str]:
    """A CA as a rule names it."""
    return {"sha256": ca.read.fingerprint, "key": ca.read.facts.spki_sha256, "pem": ca.pem}


def _pin(leaf: str, who: tuple[str, str, str], ca: Pair, **more: Any) -> dict[str, Any]:
    one, until = leaves()[leaf], more.get("until")
    return _who(who) | {
        "sha256": one.raw.fingerprint(SHA256()).hex(),
        "not_before": one.raw.not_valid_before_utc.isoformat(),
        "not_after": one.raw.not_valid_after_utc.isoformat(),
        "until": until.isoformat() if until else None,
        "lifted": more.get("lifted", []),
        "issuer_key": ca.read.facts.spki_sha256,
    }


def _who(who: tuple[str, str, str]) -> dict[str, Any]:
    return dict(zip(("source", "region", "authority"), who, strict=True))
