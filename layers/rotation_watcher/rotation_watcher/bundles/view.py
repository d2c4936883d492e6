"""What a bundle should hold now, from the histories of its sources, the anchors, the approvals and the extra files.

Nothing here writes. What cannot be proved now (a certificate's file is gone, an approval withdrawn, an anchor missing)
is not wanted, and stops every removal until it is cleared up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import keys
from rotation_watcher.bundles import judging
from rotation_watcher.bundles.files import known_pins
from rotation_watcher.bundles.wanted import BundleView, Need, Wanted, compose
from rotation_watcher.config import Authority, Bundle, Source, Watch
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources.history import History, Leaf, Status
from rotation_watcher.sources.repository import load_history, load_seen, overwritten
from rotation_watcher.trust.findings import Reason
from rotation_watcher.trust.operator_files import load_anchors, load_approvals
from rotation_watcher.x509.certificates import Certificate, parse_bundle

replace = msgspec.structs.replace

_AHEAD = timedelta(hours=1)
"""How far a history's time may lie ahead of this function's clock."""


class _Found(NamedTuple):
    """One source's leaves. ``needs``: those that are needed; ``missing``: what is lacking to prove others, in words.

    ``unvouched``: those that nothing vouches for any more; ``forged``: those of them that no history should hold.
    """

    needs: list[Need]
    missing: list[str]
    unvouched: set[str]
    forged: list[str]


def view_bundle(watch: Watch, bundle: Bundle, store: ObjectStore, now: datetime) -> BundleView:
    """The wanted set of a bundle, from the histories of its sources. Raises StoreError."""
    needs: list[Need] = []
    removal_blockers: list[str] = []
    problems: list[str] = []
    unvouched: set[str] = set()
    forged: list[str] = []
    extra: dict[str, Sequence[Certificate]] = {}
    for source in (source for source in watch.sources if source.id in bundle.sources):
        state = load_history(store, source.id)
        if state is None:
            removal_blockers.append(f"source {source.id} has not been read yet")
            continue
        if state.stale(now, watch.policy):
            removal_blockers.append(f"source {source.id} was last read {state.fresh_at}")
        if state.fresh_at is not None and state.fresh_at - now > _AHEAD:
            removal_blockers.append(f"source {source.id} was last read in the future: {state.fresh_at}")
        anchors = load_anchors(store, source).certificates
        found = _needs(store, source, state, bundle, anchors, now)
        needs += found.needs
        removal_blockers += found.missing
        unvouched |= found.unvouched
        forged += found.forged
        if any(need.authority == Authority.GENESYS for need in found.needs):
            # The operator trusts every root in the region's file. Genesys announces no change of its root, so a new one
            # must be in the truststore before its first leaf is presented (docs/decisions/0003).
            extra[source.anchors_key] = anchors[Authority.GENESYS]
    for key in bundle.extra:
        stored = store.get(key)
        blocks, defects = parse_bundle(stored.body) if stored else ((), ())
        extra[key] = [block.certificate for block in blocks if block.certificate and block.certificate.is_ca]
        problems += [f"{key}: {defect.code}: {defect.detail}" for defect in defects]
        if len(extra[key]) < max(1, len(blocks)):
            text = f"{key}: missing, or it holds something else than CA certificates"
            problems.append(text)
            removal_blockers.append(text)
    wanted = compose(needs, extra, now)
    removal_blockers += [
        f"leaf {need.certificate.fingerprint[:16]} does not verify: {detail}" for need, detail in wanted.unproven
    ]
    removal_blockers += _without_current(watch, bundle, wanted)
    problems += forged
    return BundleView(bundle, wanted, tuple(removal_blockers), tuple(problems), frozenset(unvouched), tuple(forged))


def _without_current(watch: Watch, bundle: Bundle, wanted: Wanted) -> list[str]:
    """Sources that show no current leaf which is proved: their histories are no ground to take anything away."""
    shown = {(need.source, need.authority) for need in wanted.needs if need.state.status is Status.CURRENT}
    return [
        f"source {source.id}: no current leaf of {authority.value} is proved"
        for source in watch.sources
        if source.id in bundle.sources
        for authority in bundle.authorities
        if (source.id, authority.value) not in shown
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
    needs, missing, unvouched, forged = found
    for authority in bundle.authorities:
        known = state.authorities.get(authority)
        if known is None:
            continue
        unvouched |= known.quarantine.keys() - known.leaves.keys()
        leaves = {key: leaf for key, leaf in known.leaves.items() if leaf.needed(now)}
        approvals, _ = load_approvals(store, [key for key, leaf in leaves.items() if leaf.lifted])
        expected_name = judging.enforced_name(source, authority)
        identities = set() if expected_name else _pinned(store, source, authority, bundle)
        for key, leaf in leaves.items():
            approval = approvals.get(key)
            if leaf.lifted and (approval is None or (approval.until is not None and approval.until < now)):
                unvouched.add(key)
                continue
            held = load_seen(store, source.id, (key, *leaf.chain))
            if held is None:
                missing.append(f"leaf {key[:16]}: a certificate under {keys.seen(source.id, '')[:-4]} is missing")
                wrong = overwritten(store, source.id, (key, *leaf.chain))
                forged += [f"{keys.seen(source.id, one)} holds something else than its name says." for one in wrong]
                continue
            against = judging.doubts(
                held,
                anchors=anchors.get(authority, ()),
                expected_name=expected_name,
                approval={key: approval} if approval else {},
                known=identities,
                now=now,
            )
            if against:
                unvouched.add(key)
                text = (
                    f"The history of source {source.id} names a {leaf.status.value} leaf ({key[:16]}) that may not be"
                    f" let in: {against[0].code}: {against[0].detail}."
                )
                missing.append(text)
                forged += [text] if leaf.status is not Status.RETIRING else []
                continue
            needs.append(_need(source, authority, replace(leaf, facts=held[0].facts), held, anchors.get(authority, ())))
    return found


def _pinned(store: ObjectStore, source: Source, authority: Authority, bundle: Bundle) -> set[str]:
    """The identities of the leaves that this bundle has pinned for a source, each held to its file below ``seen/``."""
    known: set[str] = set()
    for pin in known_pins(store, bundle.id):
        if (pin.source, pin.authority) == (source.id, authority.value):
            known |= judging.identity(pin.certificate)
    return known


def _need(
    source: Source, authority: Authority, leaf: Leaf, held: tuple[Certificate, ...], anchors: tuple[Certificate, ...]
) -> Need:
    lifted = {finding.code for finding in leaf.lifted}
    if lifted & {Reason.CHAIN_UNTRUSTED, Reason.ANCHOR_MISSING}:
        anchors = (*anchors, *(certificate for certificate in held[1:] if certificate.self_signed))
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
