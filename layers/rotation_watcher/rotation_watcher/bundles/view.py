"""What a bundle should hold now, from the histories of its sources, the anchors, the approvals and the extra files.

Nothing here writes. What cannot be proved now (a certificate's file is gone, an approval withdrawn, an anchor missing)
is not wanted, and stops every removal until it is cleared up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import BundleView, Need, compose
from rotation_watcher.config import Authority, Bundle, Source, Watch
from rotation_watcher.ports import ObjectStore
from rotation_watcher.sources.history import History, Leaf
from rotation_watcher.sources.repository import load_history
from rotation_watcher.trust.findings import Reason
from rotation_watcher.trust.operator_files import load_anchors, load_approvals
from rotation_watcher.x509.certificates import Certificate, parse_bundle


def view_bundle(watch: Watch, bundle: Bundle, store: ObjectStore, now: datetime) -> BundleView:
    """The wanted set of a bundle, from the histories of its sources. Raises StoreError."""
    needs: list[Need] = []
    removal_blockers: list[str] = []
    problems: list[str] = []
    unvouched: set[str] = set()
    extra: dict[str, Sequence[Certificate]] = {}
    for source in (source for source in watch.sources if source.id in bundle.sources):
        state = load_history(store, source.id)
        if state is None:
            removal_blockers.append(f"source {source.id} has not been read yet")
            continue
        if state.stale(now, watch.policy):
            removal_blockers.append(f"source {source.id} was last read {state.fresh_at}")
        anchors = load_anchors(store, source).certificates
        found, missing, unvouched_here = _needs(store, source, state, bundle, anchors, now)
        needs += found
        removal_blockers += missing
        unvouched |= unvouched_here
        if any(need.authority == Authority.GENESYS for need in found):
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
    return BundleView(bundle, wanted, tuple(removal_blockers), tuple(problems), frozenset(unvouched))


def _needs(
    store: ObjectStore,
    source: Source,
    state: History,
    bundle: Bundle,
    anchors: Mapping[Authority, tuple[Certificate, ...]],
    now: datetime,
) -> tuple[list[Need], list[str], set[str]]:
    """The leaves that are needed, what is missing to prove others, and those whose approval is gone."""
    needs, missing, unvouched = [], [], set()
    for authority in bundle.authorities:
        known = state.authorities.get(authority)
        if known is None:
            continue
        unvouched |= known.quarantine.keys() - known.leaves.keys()
        # Whose grace is over the history forgets, at the next look of a fresh source: this clock alone drops nobody.
        approvals, _ = load_approvals(store, [key for key, leaf in known.leaves.items() if leaf.lifted])
        for key, leaf in known.leaves.items():
            approval = approvals.get(key)
            if leaf.lifted and (approval is None or (approval.until is not None and approval.until < now)):
                unvouched.add(key)
                continue
            held, *others = [_seen(store, source, (key, *chain)) for chain in leaf.every_chain]
            if held is None or None in others:
                missing.append(f"leaf {key[:16]}: a certificate under {keys.seen(source.id, '')[:-4]} is missing")
                continue
            need = _need(source, authority, leaf, held, anchors.get(authority, ()))
            needs.append(need._replace(alternatives=tuple(other[1:] for other in others if other)))
    return needs, missing, unvouched


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


def _seen(store: ObjectStore, source: Source, fingerprints: tuple[str, ...]) -> tuple[Certificate, ...] | None:
    """The certificates by fingerprint, or None if one is missing or is not what its name says."""
    held = []
    for fingerprint in fingerprints:
        stored = store.get(keys.seen(source.id, fingerprint))
        blocks = parse_bundle(stored.body)[0] if stored else ()
        match = next((block.certificate for block in blocks if block.fingerprint == fingerprint), None)
        if match is None:
            return None
        held.append(match)
    return tuple(held)
