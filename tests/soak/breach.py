"""What judges of a script have in common: the breach, the name of a way in, and certificates by fingerprint."""

from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tests.soak.acts import AuthorityName, Source


class Breach(Exception):
    """An invariant does not hold."""


class Way(NamedTuple):
    """Whose leaf: a source and an authority."""

    source: Source
    authority: AuthorityName


_fingerprints: dict[int, tuple[x509.Certificate, str]] = {}


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's DER, remembered: hashing is most of what a check does otherwise."""
    found = _fingerprints.get(id(certificate))
    if found is None or found[0] is not certificate:
        found = (certificate, certificate.fingerprint(SHA256()).hex())
        if len(_fingerprints) > 20_000:
            _fingerprints.clear()
        _fingerprints[id(certificate)] = found
    return found[1]


def short(fingerprints: set[str] | frozenset[str]) -> str:
    """Fingerprints, cut to eight digits."""
    return ", ".join(sorted(key[:8] for key in fingerprints)) or "nothing"
