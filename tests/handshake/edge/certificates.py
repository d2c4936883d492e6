"""Certificates for the edge to judge: valid now, by the machine's clock, as nginx judges by it."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.edge import ClientIdentity
from local.genesys.issuing import Identity, PrivateKey, issue

DAY = timedelta(days=1)
NAME = "dataactions.example"


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(name: str, issuer: Identity | None = None) -> Identity:
    now = datetime.now(UTC)
    return issue(issuer, name, new_key(), now - 10 * DAY, now + 100 * DAY, authority=True)


def new_leaf(
    issuer: Identity,
    *,
    name: str = NAME,
    days: tuple[int, int] = (-1, 30),
    usage: str = "client",
    key: PrivateKey | None = None,
) -> Identity:
    now = datetime.now(UTC)
    eku = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}[usage]
    return issue(issuer, name, key or new_key(), now + days[0] * DAY, now + days[1] * DAY, eku=[eku])


def client_of(leaf: Identity, *, alone: bool = False) -> ClientIdentity:
    chain = leaf.pem() if alone else leaf.handshake_pem()
    return ClientIdentity(NAME, chain.encode(), leaf.key_pem().encode())


def bundle_of(*authorities: Identity) -> bytes:
    return "".join(each.pem() for each in authorities).encode()
