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
from rotation_watcher.trust.file_contents import OperatorFile
from rotation_watcher.trust.findings import CHAIN_REASONS, Reason
from rotation_watcher.trust.operator_files import load_anchors, load_approvals, load_extra
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle


def view_bundle(watch: Watch, bundle: Bundle, store: ObjectStore, now: datetime) -> BundleView:
    """The wanted set of a bundle, from the histories of its sources. Raises StoreError."""
    needs: list[Need] = []
    removal_blockers: list[str] = []
    problems: list[str] = []
    unvouched: set[str] = set()
    faulty: list[OperatorFile] = []
    extra: dict[str, Sequence[Certificate | Block]] = {}
    for source in (source for source in watch.sources if source.id in bundle.sources):
        state = load_history(store, source.id)
        if state is None:
            removal_blockers.append(f"source {source.id} has not been read yet")
            continue
        if state.stale(now, watch.policy):
            removal_blockers.append(f"source {source.id} was last read {state.fresh_at}")
        loaded = load_anchors(store, source)
        anchors = loaded.certificates
        found, missing, unvouched_here = _needs(store, source, state, bundle, anchors, now)
        needs += found
        removal_blockers += missing
        unvouched |= unvouched_here
        if any(need.authority == Authority.GENESYS for need in found):
            # The operator trusts every root in the region's file. Genesys announces no change of its root, so a new one
            # must be in the truststore before its first leaf is presented (docs/decisions/0003).
            extra[source.anchors_key] = anchors[Authority.GENESYS]
            faulty += [file for file in loaded.files.values() if file.key == source.anchors_key]
    files = tuple(load_extra(store, key) for key in bundle.extra)
    extra |= {file.key: file.held for file in files}
    for file in (*faulty, *files):
        # What a damaged file was meant to hold is not known: nothing leaves, or a certificate that it lost would.
        faults = [f"{file.key}: {fault.defect.code}: {fault.words}" for fault in file.faults]
        problems += faults
        removal_blockers += faults
        problems += [f"{file.key}: {one.facts.subject}: in an unusual form, added all the same" for one in file.unusual]
    wanted = compose(needs, extra, now)
    removal_blockers += [
        f"leaf {need.certificate.fingerprint[:16]} does not verify: {detail}" for need, detail in wanted.unproven
    ]
    return BundleView(bundle, wanted, tuple(removal_blockers), tuple(problems), frozenset(unvouched), files)


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
            if approval is not None:
                approval = approval.completed(leaf.lifted, leaf.approved_root)
            if leaf.lifted and not (
                approval and approval.holds(now) and approval.lifts(finding.code for finding in leaf.lifted)
            ):
                unvouched.add(key)
                continue
            held, *others = [_seen(store, source, (key, *chain)) for chain in leaf.every_chain]
            if held is None or None in others:
                missing.append(f"leaf {key[:16]}: a certificate under {keys.seen(source.id, '')[:-4]} is missing")
                continue
            root = approval.root if approval else None
            need = _need(source, authority, leaf, held, anchors.get(authority, ()), root)
            needs.append(need._replace(alternatives=tuple(other[1:] for other in others if other)))
    return needs, missing, unvouched


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
