"""Everything that publish reads before it decides: histories, anchors, extra files, the record, and the live target.

Nothing here writes. What cannot be proved now (a certificate's file is gone, an approval withdrawn, an anchor missing)
is not wanted, and stops every removal until it is cleared up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rotation_watcher import keys
from rotation_watcher.bundles.wanted import Need, Wanted, compose
from rotation_watcher.config import Authority, Bundle, Source, Target, Watch
from rotation_watcher.errors import UNDECODABLE, StoreError
from rotation_watcher.ports import Live, ObjectStore, TrustTarget
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History, Leaf
from rotation_watcher.targets.plan import Plan, make
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.record import decode as decode_record
from rotation_watcher.trust.assessment import Reason
from rotation_watcher.trust.operator_files import load_anchors, load_approvals
from rotation_watcher.x509.certificates import Block, Certificate, blocks_of, parse_bundle

LAG = timedelta(minutes=2)
"""How long after its proof an update may still not show everywhere (no figure of AWS's: elbv2 promises none)."""


class BundleView(NamedTuple):
    """A bundle as it should be now. ``obstacles`` say in words why nothing may be removed (empty: it may).

    ``dismissed`` are leaves that nothing vouches for any more, such as those whose approval is gone: they are pinned no
    longer, whatever the obstacles.
    """

    bundle: Bundle
    wanted: Wanted
    obstacles: tuple[str, ...]
    problems: tuple[str, ...]
    dismissed: frozenset[str]


class Survey(NamedTuple):
    """One target as it is, and its plan. ``former`` is what was deployed last, read only where that drifted."""

    target: Target
    record: Record
    etag: str | None
    view: BundleView
    live: Live
    blocks: Mapping[str, Block]
    former: Mapping[str, Block]
    plan: Plan


def view_bundle(watch: Watch, bundle: Bundle, store: ObjectStore, now: datetime) -> BundleView:
    """The wanted set of a bundle, from the histories of its sources. Raises StoreError."""
    needs: list[Need] = []
    obstacles: list[str] = []
    problems: list[str] = []
    dismissed: set[str] = set()
    extra: dict[str, Sequence[Certificate]] = {}
    for source in (source for source in watch.sources if source.id in bundle.sources):
        state = load_history(store, source.id)
        if state is None:
            obstacles.append(f"source {source.id} has not been read yet")
            continue
        if state.stale(now, watch.policy):
            obstacles.append(f"source {source.id} was last read {state.fresh_at}")
        anchors = load_anchors(store, source).certificates
        found, missing, disapproved = _needs(store, source, state, bundle, anchors, now)
        needs += found
        obstacles += missing
        dismissed |= disapproved
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
            obstacles.append(text)
    wanted = compose(needs, extra, now)
    obstacles += [f"leaf {need.leaf.fingerprint[:16]} does not verify: {detail}" for need, detail in wanted.unproven]
    return BundleView(bundle, wanted, tuple(obstacles), tuple(problems), frozenset(dismissed))


def load_history(store: ObjectStore, source_id: str) -> History | None:
    """A source's history, or None before its first look. Raises StoreError naming an object that cannot be read."""
    stored = store.get(keys.history(source_id))
    if stored is None:
        return None
    try:
        return history.decode(stored.body)
    except UNDECODABLE as error:
        raise StoreError(
            f"s3://{store.bucket}/{keys.history(source_id)} cannot be read ({error}): restore an earlier version of it"
        ) from error


def load_record(store: ObjectStore, target: Target) -> tuple[Record, str | None]:
    """A target's record and its ETag; an empty one where there is none, or where it speaks of another ARN.

    Raises StoreError naming an object that cannot be read.
    """
    empty = Record(target=target.id, arn=target.arn)
    stored = store.get(keys.record(target.id))
    if stored is None:
        return empty, None
    try:
        record = decode_record(stored.body)
    except UNDECODABLE as error:
        raise StoreError(
            f"s3://{store.bucket}/{keys.record(target.id)} cannot be read ({error}): restore an earlier version of it,"
            " or delete it (then nothing that the target holds now will ever be removed)"
        ) from error
    return (record if record.arn == target.arn else empty), stored.etag


def survey(
    watch: Watch, target: Target, view: BundleView, store: ObjectStore, adapter: TrustTarget, now: datetime
) -> Survey:
    """Look at one target. Raises TargetError, StoreError."""
    record, etag = load_record(store, target)
    live = adapter.read(target.arn, record.endpoints)
    blocks = blocks_of(live.bundle)
    if live.bundle is None:
        # mTLS was turned off: what others had put there comes back together with what is wanted.
        blocks = deployed(store, target, _last_version(record)) or {}
    plan = make(
        blocks,
        view.wanted,
        record,
        target,
        watch.policy,
        moved_to=moved_to(store, target, record, live),
        may_remove=not view.obstacles,
        now=now,
    )
    former: Mapping[str, Block] = {}
    if plan.drift and plan.drift.removed and record.applied:
        former = deployed(store, target, record.applied.version) or {}
    return Survey(target, record, etag, view, live, blocks, former, plan)


def deployed(store: ObjectStore, target: Target, version: str | None) -> dict[str, Block] | None:
    """What a version that was deployed earlier holds; None if it has no version or is gone. Raises StoreError."""
    stored = store.get(keys.deployed(target.id), version=version) if version else None
    return blocks_of(stored.body) if stored else None


def may_lag(found: Survey, now: datetime) -> bool:
    """Whether a trust store shows what it held before the update that has just been proved: perhaps a replica lags."""
    record = found.record
    if record.applied is None or record.pending or found.live.location is not None or not record.versions:
        return False
    before, after = {*record.versions[0].fingerprints}, {*record.applied.fingerprints}
    return now - record.applied.at <= LAG and {*found.blocks} == before != after


def _last_version(record: Record) -> str | None:
    """The newest version that says what the target held: deployed last, or kept when it was met."""
    if record.applied is None:
        return None
    return record.applied.version or next((one.version for one in record.versions), None)


def moved_to(store: ObjectStore, target: Target, record: Record, live: Live) -> str | None:
    """Where a domain points, if not at the version that was deployed last; None where it does, or nobody can tell."""
    if record.applied is None:
        return None
    if live.bundle is None:
        return "no truststore at all: mutual TLS is off"
    if live.location is None or not record.applied.version:
        return None
    ours = {(f"s3://{store.bucket}/{keys.deployed(target.id)}", record.applied.version)}
    if record.pending:
        ours.add((f"s3://{store.bucket}/{keys.deployed(target.id)}", record.pending.version))
    return None if (live.location, live.version) in ours else f"{live.location} (version {live.version})"


def _needs(
    store: ObjectStore,
    source: Source,
    state: History,
    bundle: Bundle,
    anchors: Mapping[Authority, tuple[Certificate, ...]],
    now: datetime,
) -> tuple[list[Need], list[str], set[str]]:
    """The leaves that are needed, what is missing to prove others, and those whose approval is gone."""
    needs, missing, dismissed = [], [], set()
    for authority in bundle.authorities:
        known = state.authorities.get(authority)
        if known is None:
            continue
        dismissed |= known.quarantine.keys() - known.leaves.keys()
        leaves = {key: leaf for key, leaf in known.leaves.items() if leaf.needed(now)}
        approvals, _ = load_approvals(store, [key for key, leaf in leaves.items() if leaf.lifted])
        for key, leaf in leaves.items():
            approval = approvals.get(key)
            if leaf.lifted and (approval is None or (approval.until is not None and approval.until < now)):
                dismissed.add(key)
                continue
            held = _seen(store, source, (key, *leaf.chain))
            if held is None:
                missing.append(f"leaf {key[:16]}: a certificate under {keys.seen(source.id, '')[:-4]} is missing")
                continue
            needs.append(_need(source, authority, leaf, held, anchors.get(authority, ())))
    return needs, missing, dismissed


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
        leaf=held[0],
        record=leaf,
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
