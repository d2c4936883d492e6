"""What a bundle should hold now, from the histories of its sources, the anchors, the approvals and the extra files.

Nothing here writes. What cannot be proved now (a certificate's file is gone, an approval withdrawn, an anchor missing)
is not wanted, and stops every removal until it is cleared up.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles import judging
from rotation_watcher.bundles import revoked as revocation
from rotation_watcher.bundles.files import known_pins
from rotation_watcher.bundles.grounds import without_ground
from rotation_watcher.bundles.only_pinned import Pinned, only_pinned, pinned_in, unheld
from rotation_watcher.bundles.pins import Pin, lacking
from rotation_watcher.bundles.pins import pins as pins_wanted
from rotation_watcher.bundles.wanted import BundleView, Need, SourceRead, Wanted, compose
from rotation_watcher.config import Authority, Bundle, Source, Watch
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources import repository
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Status
from rotation_watcher.sources.repository import load_history, load_seen, overwritten
from rotation_watcher.trust.file_contents import OperatorFile
from rotation_watcher.trust.findings import CHAIN_REASONS, Reason
from rotation_watcher.trust.operator_files import load_anchors, load_approvals, load_extra
from rotation_watcher.x509.certificates import Block, Certificate

replace = msgspec.structs.replace


class _Found(NamedTuple):
    """What becomes of leaves. ``needs``: those that are needed; ``missing``: what is lacking to prove others, in words.

    ``unvouched``: those that nothing vouches for any more; ``forged``: those of them that no history should hold.
    """

    needs: list[Need]
    missing: list[str]
    unvouched: set[str]
    forged: list[str]


class _OfSources(NamedTuple):
    """What the sources of a bundle give it.

    ``found``: of all their leaves; ``missing`` also says which source was not read. ``read``: the sources that were.
    ``known``: every leaf that their histories name. ``anchors``: the regions' roots, by the key of their file, where
    leaves of Genesys' own authority are needed; ``faulty``: those files.
    """

    found: _Found
    known: set[str]
    read: list[SourceRead]
    anchors: dict[str, Sequence[Certificate | Block]]
    faulty: list[OperatorFile]


def view_bundle(
    watch: Watch,
    bundle: Bundle,
    store: ObjectStore,
    now: datetime,
    *,
    revoked: revocation.Found | None = None,
    pins_of: Collection[str] | None = None,
) -> BundleView:
    """The wanted set of a bundle, from the histories of its sources. Raises StoreError.

    ``revoked`` is what is known to be revoked; None: the lists that are kept are asked. ``pins_of``: of what is pinned
    the leaves of these sources alone (ids) are looked at; None: all.
    """
    of_sources = _read_sources(watch, bundle, store, now)
    needs, removal_blockers, unvouched, forged = of_sources.found
    problems: list[str] = []
    files = tuple(load_extra(store, key) for key in bundle.extra)
    extra = of_sources.anchors | {file.key: file.held for file in files}
    for file in (*of_sources.faulty, *files):
        # What a damaged file was meant to hold is not known: nothing leaves, or a certificate that it lost would.
        faults = [f"{file.key}: {fault.defect.code}: {fault.words}" for fault in file.faults]
        problems += faults
        removal_blockers += faults
        problems += [f"{file.key}: {one.facts.subject}: in an unusual form, added all the same" for one in file.unusual]
    pinned = pinned_in(store, bundle.id, watch).of(pins_of)
    former = _former(pinned, watch, bundle, store, of_sources.known | unvouched, now)
    unvouched |= former.unvouched
    bare = only_pinned(pinned, store, [*needs, *former.needs], unvouched, now)
    asked = (*needs, *former.needs, *bare)
    lists = revocation.find(store, bundle.id, asked, now) if revoked is None else revoked
    struck = revocation.strike(needs, lists.revoked, now)
    wanted = compose(struck.needs, extra, now)
    removal_blockers += (*struck.words, *lists.faults)
    forged += (*lists.faults, *unheld(bare, now))
    removal_blockers += [
        *(f"leaf {need.certificate.fingerprint[:16]} does not verify: {detail}" for need, detail in wanted.unproven),
        *_without_current(watch, bundle, wanted),
    ]
    gone, lost = (revocation.strike(each, lists.revoked, now) for each in (former.needs, bare))
    removal_blockers += (*gone.words, *lost.words)
    unvouched |= struck.leaves | gone.leaves | lost.leaves
    view = BundleView(
        bundle,
        wanted,
        tuple(removal_blockers),
        (*problems, *struck.words, *forged),
        frozenset(unvouched),
        files,
        tuple(forged),
        revocations=lists.lists,
        lists=lists.kept,
        former=tuple(gone.needs),
        revoked=lists.revoked,
        read=tuple(of_sources.read),
        grace=timedelta(days=watch.policy.retain_days),
        asked=asked,
    )
    missing = lacking(pinned.pins, pins_wanted(bundle.id, view.carried(now)))
    return replace(view, unpinned=frozenset(pin.certificate.fingerprint for pin in missing))


def _read_sources(watch: Watch, bundle: Bundle, store: ObjectStore, now: datetime) -> _OfSources:
    """What the histories of the bundle's sources say. Raises StoreError."""
    of = _OfSources(_Found([], [], set(), []), set(), [], {}, [])
    for source in (source for source in watch.sources if source.id in bundle.sources):
        state = load_history(store, source)
        if state is None:
            of.found.missing.append(f"source {source.id} has not been read yet")
            continue
        if state.stale(now, watch.policy):
            of.found.missing.append(f"source {source.id} {_last_read(state)}")
        for authority in bundle.authorities:
            of.known.update(state.authorities[authority].leaves if authority in state.authorities else ())
        loaded = load_anchors(store, source)
        anchors = loaded.certificates
        of.read.append(SourceRead(source, state, anchors))
        found = _needs(store, source, state, bundle, anchors, now)
        of.found.needs.extend(found.needs)
        of.found.missing.extend(found.missing)
        of.found.unvouched.update(found.unvouched)
        of.found.forged.extend(found.forged)
        if any(need.authority == Authority.GENESYS for need in found.needs):
            # The operator trusts every root in the region's file. Genesys announces no change of its root, so a new one
            # must be in the truststore before its first leaf is presented (docs/decisions/0003).
            of.anchors[source.anchors_key] = anchors[Authority.GENESYS]
            of.faulty.extend(file for file in loaded.files.values() if file.key == source.anchors_key)
    return of


def _former(
    pinned: Pinned, watch: Watch, bundle: Bundle, store: ObjectStore, known: AbstractSet[str], now: datetime
) -> _Found:
    """Pinned leaves of which the bundle's histories know nothing: they stay pinned until their grace is over.

    A source or an authority may have been taken out of the bundle by mistake, or a history be lost. ``pins.json`` says
    when the grace ends; whether the leaf may be let in is judged again, as for any other.
    """
    found = _Found([], [], set(), [])
    latest = now + timedelta(days=watch.policy.retain_days)
    for pin in pinned.pins:
        key, until = pin.certificate.fingerprint, min(pin.until or latest, latest)
        if key in known or until <= now or pin.authority not in {*Authority}:
            continue
        authority = Authority(pin.authority)
        source = pinned.source_of(pin, authority)
        leaf = _remembered(store, source, authority, key)
        if leaf is None and source.enforced_names(authority):  # without a history only the catalogue says whose it is
            leaf = Leaf(facts=pin.certificate, chain=(), status=Status.CURRENT, since=now, first_seen=pin.since)
        if leaf is None:
            continue
        begun = min(pin.since, now) if pin.until else now
        leaf = replace(leaf, status=Status.RETIRING, since=begun, retire_after=until)
        alone = AuthorityHistory(leaves={key: leaf})
        state = History(source=source.id, region=source.region, authorities={authority.value: alone})
        narrowed = replace(bundle, authorities=(authority,))
        judged = _needs(store, source, state, narrowed, load_anchors(store, source).certificates, now)
        found.needs.extend(judged.needs)
        found.unvouched.update(judged.unvouched)
    return found


def _remembered(store: ObjectStore, source: Source, authority: Authority, key: str) -> Leaf | None:
    """What the history of a source, which nobody may read any more, says of a leaf."""
    try:
        state = repository.former(store, source.id, source.region)
    except StoreError:
        return None
    known = state.authorities.get(authority.value) if state else None
    return known.leaves.get(key) if known else None


def _without_current(watch: Watch, bundle: Bundle, wanted: Wanted) -> list[str]:
    """Sources that show no current leaf which is proved: their histories are no ground to take anything away."""
    shown = {(need.source, need.authority) for need in wanted.needs if need.state.status is Status.CURRENT}
    return [
        f"source {source.id}: no current leaf of {authority.value} is proved"
        for source in watch.sources
        if source.id in bundle.sources
        for authority in bundle.authorities
        if authority in source.authorities and (source.id, authority.value) not in shown
    ]


def _needs(
    store: ObjectStore,
    source: Source,
    state: History,
    bundle: Bundle,
    anchors: Mapping[Authority, tuple[Certificate, ...]],
    now: datetime,
) -> _Found:
    """What becomes of the leaves of a source. Each is judged again."""
    found = _Found([], [], set(), [])
    for authority in bundle.authorities:
        known = state.authorities.get(authority)
        if known is None:
            continue
        unvouched = {*known.quarantine} - {*known.leaves}
        # The history drops leaves whose grace is over, when a fresh source is read next: this clock drops none.
        approvals, _ = load_approvals(store, [key for key, leaf in known.leaves.items() if leaf.lifted])
        ground = judging.Ground(
            anchors=anchors.get(authority, ()),
            expected=judging.expected(source, authority),
            known=_pinned(store, source, authority, bundle),
        )
        for key, leaf in known.leaves.items():
            approval = approvals.get(key)
            if approval is not None:
                approval = approval.completed(leaf.lifted, leaf.approved_root)
            if leaf.lifted and not (
                approval and approval.holds(now) and approval.lifts(finding.code for finding in leaf.lifted)
            ):
                unvouched.add(key)
                continue
            chains = [load_seen(store, source.id, (key, *chain)) for chain in leaf.every_chain]
            held = [chain for chain in chains if chain]
            if len(held) < len(chains):
                found.missing.append(f"leaf {key[:16]}: a certificate under {keys.seen(source.id, '')[:-4]} is missing")
                wrong = overwritten(store, source.id, (key, *leaf.authorities))
                found.forged.extend(
                    f"{keys.seen(source.id, one)} holds something else than its name says." for one in wrong
                )
                continue
            against = judging.doubts(held, ground, approval, now)
            if against:
                text = (
                    f"The history of source {source.id} names a {leaf.status.value} leaf ({key[:16]}) that may not be"
                    f" let in: {against[0].code}: {against[0].detail}."
                )
                unvouched.add(key)
                found.missing.append(text)
                found.forged.extend([text] if leaf.status is not Status.RETIRING else [])
                continue
            root = approval.root if approval else None
            proved = replace(leaf, facts=held[0][0].facts)  # what the history says of it is a claim
            need = _need(source, authority, proved, held[0], anchors.get(authority, ()), root)
            found.needs.append(replace(need, alternatives=tuple(chain[1:] for chain in held[1:])))
        pinned = _pins_of(store, source, authority, bundle) if unvouched else []
        pinned = [pin for pin in pinned if pin.certificate.fingerprint in unvouched]
        found.unvouched.update(unvouched - without_ground(store, pinned, ground, now))
    return found


def _pinned(store: ObjectStore, source: Source, authority: Authority, bundle: Bundle) -> set[str]:
    """The identities of the leaves that this bundle has pinned for a source, each held to its file below ``seen/``.

    Not read where a name is enforced: then that name alone counts.
    """
    known: set[str] = set()
    for pin in () if source.enforced_names(authority) else _pins_of(store, source, authority, bundle):
        known |= judging.identity(pin.certificate)
    return known


def _pins_of(store: ObjectStore, source: Source, authority: Authority, bundle: Bundle) -> list[Pin]:
    """The pins of one authority of a source in this bundle, those that are borne out."""
    pins = known_pins(store, bundle.id)
    return [pin for pin in pins if (pin.source, pin.authority) == (source.id, authority.value)]


def _need(
    source: Source,
    authority: Authority,
    leaf: Leaf,
    held: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    root: str | None,
) -> Need:
    """A leaf whose chain was approved leads to ``root``, the one that the approval names, whatever a history says."""
    lifted = {finding.code for finding in leaf.lifted}
    if lifted & CHAIN_REASONS:
        anchors = tuple(certificate for certificate in held[1:] if certificate.fingerprint == root)
    return Need(
        source=source.id,
        region=source.region,
        authority=authority.value,
        certificate=held[0],
        state=leaf,
        chain=held[1:],
        anchors=anchors,
        client_auth=Reason.NO_CLIENT_AUTH not in lifted,
    )


def _last_read(state: History) -> str:
    """When a source was read last, in words."""
    if state.fresh_at is None:
        return "has not been read successfully yet"
    return f"was last read at {state.fresh_at:%Y-%m-%d %H:%M} UTC"
