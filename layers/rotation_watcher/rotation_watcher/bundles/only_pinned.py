"""Pinned leaves whose chain is lost, or of whose source nothing is known any more: they are held against lists, too.

They stay pinned until their grace is over, so what is revoked of them must go. What may have signed them is what the
bundle has published, or publish has noted beside the leaf when it pinned it. It vouches for nothing here: a list counts
only if the key that signed the leaf signed it, too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Self

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles.files import listed_pins, noted
from rotation_watcher.bundles.pins import Pin
from rotation_watcher.bundles.wanted import Need, proved
from rotation_watcher.config import Authority, Source, Watch
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources.history import Leaf, Status
from rotation_watcher.sources.repository import load_seen
from rotation_watcher.trust.findings import Reason
from rotation_watcher.trust.operator_files import load_anchors
from rotation_watcher.x509.certificates import Certificate, parse_bundle
from rotation_watcher.x509.distribution_points import distribution_points

replace = msgspec.structs.replace


class Pinned(msgspec.Struct, frozen=True):
    """The pins of a bundle as they lie in the bucket, borne out or not, and the sources by id."""

    bundle: str
    pins: Sequence[Pin]
    sources: Mapping[str, Source]

    def of(self, sources: Collection[str] | None) -> Self:
        """The pins of these sources alone (ids); None: of all."""
        return self if sources is None else replace(self, pins=[pin for pin in self.pins if pin.source in sources])

    def source_of(self, pin: Pin, authority: Authority) -> Source:
        """The source of a pin, for one authority alone; without credentials where the watch file has it no longer.

        One that reads another region by the same id is another source.
        """
        source = self.sources.get(pin.source)
        if source is None or source.region != pin.region:
            source = Source(id=pin.source, region=pin.region, credentials="")
        return replace(source, authorities=(authority,))


def pinned_in(store: ObjectStore, bundle: str, watch: Watch) -> Pinned:
    """Read the pins of a bundle. Raises StoreError."""
    return Pinned(bundle, listed_pins(store, bundle), {source.id: source for source in watch.sources})


def only_pinned(
    known: Pinned, store: ObjectStore, others: Iterable[Need], gone: Collection[str], now: datetime
) -> list[Need]:
    """The pinned leaves that name a list, and that none of ``others`` proves; ``gone`` are no longer pinned.

    Raises StoreError.
    """
    shown = {need.certificate.fingerprint for need in others if proved(need, now)}.union(gone)
    pinned = [pin for pin in known.pins if pin.certificate.fingerprint not in shown]
    stored = store.get(keys.wanted(known.bundle)) if pinned else None
    chain = tuple(block.certificate for block in parse_bundle(stored.body)[0] if block.certificate) if stored else ()
    found = []
    for pin in pinned:
        key = pin.certificate.fingerprint
        held = load_seen(store, pin.source, (key,)) or noted(store, key)
        counts = held and held[0].facts.not_after >= now and pin.authority in {*Authority}
        if counts and distribution_points(held[0]).urls:
            need = _need(known, store, pin, held[0], chain)
            above = () if proved(need, now) else noted(store, key)[1:]
            found.append(_need(known, store, pin, held[0], (*chain, *above)) if above else need)
    return found


def unheld(needs: Iterable[Need], now: datetime) -> list[str]:
    """Those of them that no list can be held against, in words."""
    return [
        f"leaf {need.certificate.fingerprint[:16]} is pinned and held against no revocation list: its issuer is lost"
        for need in needs
        if not proved(need, now)
    ]


def _need(known: Pinned, store: ObjectStore, pin: Pin, leaf: Certificate, chain: Sequence[Certificate]) -> Need:
    authority = Authority(pin.authority)
    anchors = load_anchors(store, known.source_of(pin, authority)).certificates.get(authority, ())
    return Need(
        source=pin.source,
        region=pin.region,
        authority=pin.authority,
        certificate=leaf,
        state=Leaf(facts=leaf.facts, chain=(), status=Status.RETIRING, since=pin.since, first_seen=pin.since),
        chain=tuple(chain),
        anchors=(*anchors, *(one for one in chain if one.self_signed)),
        client_auth=Reason.NO_CLIENT_AUTH not in pin.approved,
    )
