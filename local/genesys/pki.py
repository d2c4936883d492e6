"""The certificate authorities behind the simulator, and the strangers that a truststore must turn away.

The profiles are those of Genesys: a region's private root signs the leaf directly; the public authority is
root, intermediate, leaf. The public one is shaped like DigiCert's, and named so that nobody takes it for DigiCert.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, Self

from cryptography.x509.oid import ExtendedKeyUsageOID

from local.genesys.issuing import Identity, PrivateKey, issue, subject
from local.genesys.keys import KeyStore

__all__ = [
    "Identity",
    "Issuer",
    "PrivateKey",
    "PrivateRoot",
    "PublicHierarchy",
    "StrangerKind",
    "issue",
    "stranger",
]

CRL_BASE = "http://crl.simulator.invalid"
"""Where CRLs are said to lie; ``.invalid`` never resolves (RFC 6761)."""

ROOT_BITS = 4096
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_ROOT_AGE, _ROOT_LEFT = 5 * _YEAR, 25 * _YEAR
_INTERMEDIATE_AGE, _INTERMEDIATE_LEFT = 3 * _YEAR, 20 * _YEAR


class Issuer(Protocol):
    """Whoever signs the leaves of an authority."""

    @property
    def signer(self) -> Identity:
        """The certificate authority directly above the leaf."""
        ...

    def leaf(self, name: str, key: PrivateKey, not_before: datetime, not_after: datetime, **how: Any) -> Identity:
        """Issue a client certificate in this authority's profile; ``how`` overrules it, see ``issue``."""
        ...


@dataclass(frozen=True)
class PrivateRoot:
    """A region's private root, which signs the region's leaf without an intermediate."""

    root: Identity
    crl_url: str

    @classmethod
    def make(
        cls,
        keys: KeyStore,
        aws_region: str,
        epoch: datetime,
        *,
        generation: int = 1,
        bits: int = ROOT_BITS,
        crl_base: str = CRL_BASE,
    ) -> Self:
        """Return the region's root of this generation, valid from 5 years before ``epoch`` to 25 years after."""
        name = subject(
            f"Simulated data actions {aws_region} Root CA G{generation}",
            organization="Simulated Genesys Cloud",
            country="US",
            state="Indiana",
            locality="Indianapolis",
        )
        key = keys.rsa(cls.key_purpose(aws_region, generation), bits)
        root = issue(None, name, key, epoch - _ROOT_AGE, epoch + _ROOT_LEFT, authority=True, path_length=0)
        return cls(root, f"{crl_base}/{aws_region}-g{generation}.crl")

    @staticmethod
    def key_purpose(aws_region: str, generation: int = 1) -> str:
        """Under which name the root's key is kept."""
        return f"{aws_region}/root-{generation}"

    @property
    def signer(self) -> Identity:
        """The root itself."""
        return self.root

    def leaf(self, name: str, key: PrivateKey, not_before: datetime, not_after: datetime, **how: Any) -> Identity:
        """Issue a client certificate; ``how`` overrules the profile, see ``issue``."""
        return issue(self.root, name, key, not_before, not_after, **{"crl_url": self.crl_url} | how)


@dataclass(frozen=True)
class PublicHierarchy:
    """A public authority with many customers: root, intermediate, leaf."""

    root: Identity
    intermediate: Identity
    crl_url: str
    root_crl_url: str

    @classmethod
    def make(
        cls,
        keys: KeyStore,
        epoch: datetime,
        *,
        root_generation: int = 1,
        generation: int = 1,
        crl_base: str = CRL_BASE,
    ) -> Self:
        """Return the hierarchy with this root and this intermediate. Other generations have other names and keys."""
        organization = "Simulated Public Trust"
        root = issue(
            None,
            subject(f"Simulated Assured ID Root G{root_generation}", organization=organization, country="US"),
            keys.rsa(f"public/root-{root_generation}"),
            epoch - _ROOT_AGE,
            epoch + _ROOT_LEFT,
            authority=True,
        )
        which = f"{root_generation}.{generation}"
        intermediate = issue(
            root,
            subject(f"Simulated Assured ID Client CA G{which}", organization=organization, country="US"),
            keys.rsa(f"public/intermediate-{which}"),
            epoch - _INTERMEDIATE_AGE,
            epoch + _INTERMEDIATE_LEFT,
            authority=True,
            path_length=0,
            crl_url=(of_root := f"{crl_base}/public-root-g{root_generation}.crl"),
        )
        return cls(root, intermediate, f"{crl_base}/public-client-ca-g{which}.crl", of_root)

    @property
    def signer(self) -> Identity:
        """The intermediate."""
        return self.intermediate

    def leaf(self, name: str, key: PrivateKey, not_before: datetime, not_after: datetime, **how: Any) -> Identity:
        """Issue a client certificate; ``how`` overrules the profile, see ``issue``."""
        return issue(self.intermediate, name, key, not_before, not_after, **{"crl_url": self.crl_url} | how)


type StrangerKind = Literal[
    "self-made-root",
    "other-customer",
    "no-client-auth",
    "expired",
    "not-yet-valid",
]


def stranger(kind: StrangerKind, issuer: Issuer, name: str, keys: KeyStore, now: datetime) -> Identity:
    """Return an identity that resembles the real one, and is not.

    ``self-made-root`` copies every name of the real chain with keys of its own; ``other-customer`` is a faultless
    leaf of the same issuer for somebody else; the rest carry the right name from the right issuer with one fault.
    Valid from yesterday for 90 days, but for the two that are about validity.
    """
    key = keys.rsa(f"stranger/{kind}")
    start, end = now - _DAY, now + 90 * _DAY
    match kind:
        case "self-made-root":
            forged: Identity | None = None
            above = (issuer.signer.certificate, *issuer.signer.chain)
            for depth, real in enumerate(reversed(above)):
                own = keys.rsa(f"stranger/authority-{depth}")
                forged = issue(forged, real.subject, own, start - _YEAR, end + _YEAR, authority=True)
            return issue(forged, name, key, start, end)
        case "other-customer":
            return issuer.leaf("mtls.somebody-else.example", key, start, end)
        case "no-client-auth":
            return issuer.leaf(name, key, start, end, eku=[ExtendedKeyUsageOID.SERVER_AUTH])
        case "expired":
            return issuer.leaf(name, key, start - _YEAR, start)
        case "not-yet-valid":
            return issuer.leaf(name, key, now + _DAY, end)
