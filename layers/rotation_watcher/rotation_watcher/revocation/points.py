"""Which lists are to be fetched: those that the accepted leaves name, and the CAs above them, but not the roots.

Pure. Only what was proved to an anchor in this run is asked about: an address in any other certificate is a stranger's.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher import keys
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.distribution_points import distribution_points, named_by
from rotation_watcher.x509.names import names_of


class Member(NamedTuple):
    """A certificate of ours, and the first leaf's source and authority that it serves. ``ca``: it stands above it.

    ``replaced``: that leaf is presented no more.
    """

    certificate: Certificate
    source: str
    region: str
    authority: str
    ca: bool
    replaced: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex."""
        return self.certificate.fingerprint


class Link(NamedTuple):
    """A certificate of a path that was proved, and the one above it, which signed it."""

    member: Member
    issuer: Certificate


class Point(NamedTuple):
    """One list: that of the certificates of one issuer (a key and a name) that name the same URLs.

    ``folder`` is its key's beginning. ``ways`` are these URLs in the certificates' order, each with the names of its
    distribution point. ``members`` are CAs, or none of them is (``ca``): a list may be for the one kind alone.
    """

    folder: str
    issuer: Certificate
    ways: dict[str, frozenset[str]]
    ca: bool
    members: tuple[Member, ...]

    @property
    def url(self) -> str:
        """The first URL that its certificates name."""
        return next(iter(self.ways))

    @property
    def fingerprints(self) -> frozenset[str]:
        """Those of the members."""
        return frozenset(member.fingerprint for member in self.members)


class Gathered(NamedTuple):
    """The lists to follow, by folder; and what is not followed, in words that may quote hostile text."""

    points: dict[str, Point]
    remarks: tuple[str, ...]


def gather(links: Iterable[Link]) -> Gathered:
    """The lists of these certificates, each of which counts once."""
    points: dict[str, Point] = {}
    remarks: list[str] = []
    seen: set[str] = set()
    for member, issuer in links:
        if member.fingerprint not in seen:
            seen.add(member.fingerprint)
            remarks += _add(points, member, issuer)
    return Gathered(points, tuple(remarks))


@lru_cache(256)  # a door asks it of the same few leaves at every request
def folders_of(issuer_key: str, leaf: x509.Certificate) -> frozenset[str] | None:
    """The folders of the lists that speak of a leaf: that of all places that it names, and that of each place alone.

    None where it names no place; empty where none of them can be fetched. A list that is kept for certificates which
    name further places, or other names of a place, may be the one for those: it does not speak of this leaf.
    """
    named, names = named_by(leaf), names_of(leaf.public_bytes(Encoding.DER))
    if not (named.names or named.untaken):
        return None
    if names is None:
        return frozenset()
    places = [{url: names for url, names in named.names.items() if url in place} for place in named.names.values()]
    issuer = repr(names.issuer)
    return frozenset(keys.crl(issuer_key, issuer, ways, ca=False) for ways in (named.names, *places) if ways)


def folder_of(issuer: Certificate, ways: Mapping[str, Collection[str]], *, ca: bool) -> str:
    """Where a list is kept (``keys.crl``). One key under two names signs two lists: each is for its own name alone."""
    return keys.crl(issuer.facts.spki_sha256, repr(issuer.names.subject), ways, ca=ca)


def _add(points: dict[str, Point], member: Member, issuer: Certificate) -> list[str]:
    """Add a certificate to its list; what is not followed, in words."""
    named, name = distribution_points(member.certificate), f"certificate {member.fingerprint[:16]}"
    remarks = [f"{name}: {one.code}: {one.name}" for one in named.untaken]
    if not named.urls:
        return [*remarks, f"{name} names no revocation list that can be fetched"]
    folder = folder_of(issuer, named.names, ca=member.ca)
    known = points.get(folder) or Point(folder, issuer, named.names, member.ca, ())
    points[folder] = known._replace(members=(*known.members, member))
    return remarks
