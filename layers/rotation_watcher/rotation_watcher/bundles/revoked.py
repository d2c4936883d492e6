"""Which certificates of a bundle are revoked, and what that takes from it.

A revoked leaf is wanted and pinned no longer, and a revoked CA vouches for nothing; a leaf that stands under revoked
CAs alone is treated like a revoked one. Nothing leaves a truststore because of it: while a revoked certificate is in a
history, removals wait, and a person decides (the alert ``revoked`` says how).

What ``refresh_crls`` keeps is asked each time, and believed as far as issuers signed it (``revocation.lists``). Which
list took something is remembered beside the bundle (``decided``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from rotation_watcher.bundles import decided
from rotation_watcher.bundles.wanted import Need, proved
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation.kept import Manifest
from rotation_watcher.revocation.points import Gathered, Link, Member, Point, gather
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.distribution_points import distribution_points
from rotation_watcher.x509.paths import Path


class Found(msgspec.Struct, frozen=True):
    """The revoked certificates, by fingerprint. ``faults``: why that may not be all, in words.

    ``lists`` are those that decided, as ``decided.Remembered`` holds them. ``kept``: what is in force of
    the lists that its certificates name, each with its manifest.
    """

    revoked: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    lists: Mapping[str, str] = {}
    kept: tuple[tuple[Point, Manifest], ...] = ()


class Struck(msgspec.Struct, frozen=True):
    """What revocation leaves of some needs; the leaves that it takes, by fingerprint; and why, in words."""

    needs: list[Need]
    leaves: frozenset[str]
    words: tuple[str, ...]


def find(store: ObjectStore, bundle: str, needs: Sequence[Need], now: datetime) -> Found:
    """What the lists that are kept revoke of these needs. Raises StoreError."""
    if not any(map(_names_a_list, needs)):
        return Found()  # the paths need not be looked for
    revoked: set[str] = set()
    faults: dict[str, str] = {}
    lists: dict[str, str] = {}
    before: decided.Remembered | None = None
    kept: dict[str, tuple[Point, Manifest]] = {}
    for point in (point for each in rounds(needs, revoked, now) for point in each.points.values()):
        from rotation_watcher.revocation.lists import says  # noqa: PLC0415  # many a bundle has no list

        if before is None:
            before = decided.recall(store, bundle)
        folder = point.folder
        said = says(store, point, before.lists.get(folder), now, known=folder in before.folders)
        if said.manifest is not None:
            kept[point.folder] = point, said.manifest
        revoked |= said.revoked
        if said.version is not None:
            lists[point.folder] = said.version
        if said.fault is not None:
            faults[point.folder] = said.fault
    return Found(frozenset(revoked), tuple(faults.values()), lists, tuple(kept.values()))


def links(needs: Iterable[Need], now: datetime) -> Iterator[Link]:
    """The certificates on the proved paths of some needs, each with its issuer, in a fixed order."""
    for need in sorted(needs, key=lambda one: (one.source, one.authority, one.certificate.fingerprint)):
        for path in need.paths(now):
            for certificate, issuer in pairwise(path.chain) if isinstance(path, Path) else ():
                ca = certificate.fingerprint != need.certificate.fingerprint
                # One that is known by its pin alone has no end: nobody knows whether it is shown.
                replaced = need.state.status is Status.RETIRING and need.state.retire_after is not None
                yield Link(Member(certificate, need.source, need.region, need.authority, ca, replaced), issuer)


def _names_a_list(need: Need) -> bool:
    shown = (need.certificate, *need.chain, *(one for chain in need.alternatives for one in chain))
    return any(distribution_points(one).urls for one in shown)


def rounds(needs: Sequence[Need], revoked: Collection[str], now: datetime) -> Iterator[Gathered]:
    """The lists to ask, each round those that are new: also of the CAs that come in when a revoked one is left out.

    ``revoked`` grows in the hands of who asks. A list comes again where another round brings it further members; the
    remarks are of all rounds so far. The last round is empty.
    """
    asked: dict[str, frozenset[str]] = {}
    seen = [*links(needs, now)]
    while True:
        gathered = gather(seen)
        due = {key: point for key, point in gathered.points.items() if asked.get(key) != point.fingerprints}
        yield gathered._replace(points=due)
        if not due:
            return
        asked |= {key: point.fingerprints for key, point in due.items()}
        if revoked:
            seen += links(strike(needs, revoked, now).needs, now)


def strike(needs: Iterable[Need], revoked: Collection[str], now: datetime) -> Struck:
    """Take from the needs what is revoked (fingerprints): leaves, and the CAs above the others."""
    if not revoked:
        return Struck([*needs], frozenset(), ())
    left, leaves, words = [], set(), []
    for need in needs:
        leaf, chains = need.certificate.fingerprint, (need.chain, *need.alternatives)
        bad = {one.fingerprint for chain in chains for one in chain} & {*revoked}
        if leaf in revoked:
            leaves.add(leaf)
            words.append(f"leaf {leaf[:16]} is revoked")
            continue
        if bad:
            chains = tuple(tuple(one for one in chain if one.fingerprint not in bad) for chain in chains)
            need = msgspec.structs.replace(need, chain=chains[0], alternatives=chains[1:])  # noqa: PLW2901  # it goes on with less
            words.append(f"a CA certificate above leaf {leaf[:16]} is revoked: {min(bad)[:16]}")
            if not proved(need, now):
                leaves.add(leaf)
                continue
        left.append(need)
    return Struck(left, frozenset(leaves), tuple(words))
