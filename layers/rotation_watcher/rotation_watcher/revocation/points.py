"""Which lists are to be fetched: those that the accepted leaves name, and the CAs above them, but not the roots.

Pure. Only what was proved to an anchor in this run is asked about: an address in any other certificate is a stranger's.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.x509.certificates import Certificate
from rotation_watcher.x509.distribution_points import distribution_points
from rotation_watcher.x509.paths import Path

MOST = 64
"""Lists that one run follows; a source has one or two."""


class Member(NamedTuple):
    """A certificate of ours, and the first leaf's source and authority that it serves. ``ca``: it stands above it."""

    certificate: Certificate
    source: str
    region: str
    authority: str
    ca: bool

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex."""
        return self.certificate.fingerprint


class Point(NamedTuple):
    """One list. ``folder`` is its key's beginning, ``url`` the first URL that its certificates name.

    ``ways`` are all URLs that they name, in order, each with the names of its distribution point; ``members`` are the
    certificates that name it, ``issuer`` signed them all.
    """

    folder: str
    url: str
    issuer: Certificate
    ways: dict[str, frozenset[str]]
    members: tuple[Member, ...]


class Gathered(NamedTuple):
    """The lists to follow, by folder; and what is not followed, in words that may quote hostile text."""

    points: dict[str, Point]
    remarks: tuple[str, ...]


def gather(needs: Iterable[Need], now: datetime) -> Gathered:
    """The lists of these leaves, all of them proved, and of the CAs above them."""
    points: dict[str, Point] = {}
    remarks: list[str] = []
    seen: set[str] = set()
    for need in sorted(needs, key=lambda one: (one.source, one.authority, one.certificate.fingerprint)):
        chains = [path.chain for path in need.paths(now) if isinstance(path, Path)]
        for certificate, issuer in (pair for chain in chains for pair in pairwise(chain)):
            if certificate.fingerprint in seen:
                continue
            seen.add(certificate.fingerprint)
            ca = certificate.fingerprint != need.certificate.fingerprint
            member = Member(certificate, need.source, need.region, need.authority, ca)
            remarks += _add(points, member, issuer)
    return Gathered(points, tuple(remarks))


def _add(points: dict[str, Point], member: Member, issuer: Certificate) -> list[str]:
    """Add a certificate to its list; what is not followed, in words."""
    named, name = distribution_points(member.certificate), f"certificate {member.fingerprint[:16]}"
    remarks = [f"{name}: {one.code}: {one.name}" for one in named.untaken]
    if not named.urls:
        return [*remarks, f"{name} names no revocation list that can be fetched"]
    url = named.urls[0]
    folder = keys.crl(issuer.facts.spki_sha256, url)
    known = points.get(folder) or Point(folder, url, issuer, {}, ())
    if folder not in points and len(points) == MOST:
        return [*remarks, f"{name}: more than {MOST} lists: {url} is not followed"]
    ways = dict(known.ways)
    for way, names in named.names.items():
        ways[way] = ways.get(way, frozenset()) | names
    points[folder] = known._replace(ways=ways, members=(*known.members, member))
    return remarks
