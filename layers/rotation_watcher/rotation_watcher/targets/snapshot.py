"""Everything that publish reads before it decides: histories, anchors, extra files, the record, and the live target.

Nothing here writes. What cannot be proved now (a certificate's file is gone, an approval withdrawn, an anchor missing)
is not wanted, and stops every removal until it is cleared up.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.bundles.withdrawn import withdrawn
from rotation_watcher.config import Target, Watch
from rotation_watcher.errors import TargetError
from rotation_watcher.ports import UNKNOWN, Live, ObjectStore, TrustTarget
from rotation_watcher.targets import added, loaded, places, shown
from rotation_watcher.targets.order import beside_ended
from rotation_watcher.targets.places import Stores
from rotation_watcher.targets.plan import Blocker, Last, Snapshot, make
from rotation_watcher.targets.record import Record
from rotation_watcher.x509.certificates import Block
from rotation_watcher.x509.truststore import EMPTY, Contents, read

READBACK_SECONDS = 3.0
"""Seconds between two read-backs."""
LAG = timedelta(minutes=2)
"""How long after its proof an update may still not show everywhere (no figure of AWS's: elbv2 promises none)."""


def take_snapshot(
    watch: Watch,
    target: Target,
    record: Record,
    view: BundleView,
    stores: Stores,
    adapter: TrustTarget,
    now: datetime,
) -> Snapshot:
    """Read one target, with the record that is kept of it. Raises TargetError, StoreError."""
    try:
        seen = adapter.read(target.arn, record.endpoints)
    except TargetError as error:
        seen = shown.instead(stores.state, target, record, error)
    live = loaded.resolved(stores.state, target, record, seen)
    return of_live(watch, target, record, view, stores, live, now)


def of_live(
    watch: Watch, target: Target, record: Record, view: BundleView, stores: Stores, live: Live, now: datetime
) -> Snapshot:
    """The snapshot of a target that has been read. Raises TargetError, StoreError."""
    store, bundles, unusable = stores
    why = unusable.why if unusable else ""
    # Where mutual TLS was turned off, what others had put there comes back together with what is wanted.
    off = live.bundle is None
    last = shown.last(store, target, record) if off else Last()
    unknown = off and last.contents is None
    former_version = deployed(bundles, record, last_version(record)) if unknown and not unusable else None
    contents = (last.contents or former_version or EMPTY) if off else contents_of(live)
    # Asked for only where something could leave or has to be moved: a quiet run reads none of it.
    leaving = contents.blocks.keys() & record.ours.keys() - view.wanted.certificates.keys()
    astray = record.ours.keys() & beside_ended(contents.blocks.values(), now)
    plan = make(
        contents,
        view.wanted,
        record,
        target,
        watch.policy,
        ours=added.confirmed(store, target.arn, leaving | astray),
        moved_to=moved_to(stores, record, live),
        withdrawn=withdrawn(store, record.approved, now) if leaving & record.approved.keys() else (),
        may_remove=not view.removal_blockers,
        now=now,
    )
    if _never_placed(target, record, live):
        plan = msgspec.structs.replace(plan, repoint=True)
    former: Mapping[str, Block] = {}
    if unusable:
        free = plan.blocked_by is None and not unknown  # of what nobody knows no change is planned
        plan = msgspec.structs.replace(plan, blocked_by=Blocker.BUCKET_UNUSABLE, why=why, but_for_bucket=free)
    elif plan.drift and plan.drift.removed and record.applied:
        with suppress(TargetError):  # it is for names alone
            former = (deployed(bundles, record, record.applied.version) or EMPTY).blocks
    if off and last == Last() and contents.blocks.keys() - view.wanted.certificates.keys():
        last = Last(doubt="its mutual TLS is off, and nothing outside targets/ shows what others had there")
    if unknown and unusable:
        last = Last(doubt=f"its mutual TLS is off, and {why}")
    filtering = {one.name for one in live.known_endpoints if one.filters}
    return Snapshot(
        target,
        record,
        view,
        live,
        contents,
        former,
        plan,
        last,
        remind=watch.policy.remind_days,
        buckets=stores.buckets,
        passes=bool(unusable and unusable.passes),
        tended=frozenset(one.arn for one in watch.targets if one.arn in filtering) if filtering else frozenset(),
    )


def _never_placed(target: Target, record: Record, live: Live) -> bool:
    """Whether what goes with the bundle is lacking in a place that holds it already: somebody has carried it there."""
    never = record.applied is None or not record.applied.version
    return never and live.version is None and arns.parse_target(target.arn).kind.companions


def contents_of(live: Live) -> Contents:
    """What a target holds; nothing where mutual TLS is off. Raises TargetError where its service does not give it back.

    Taken for nothing, it would lose what others keep in it at the next update.
    """
    if live.bundle is UNKNOWN:
        raise TargetError("what it holds cannot be read back, so what others keep in it could not be kept")
    return EMPTY if live.bundle is None else read(live.bundle)


def deployed(bundles: ObjectStore, record: Record, version: str | None) -> Contents | None:
    """What a version that was deployed earlier holds; None if it has no version or is gone. Raises StoreError."""
    found = places.version(bundles, record, keys.deployed, version)
    return read(found.stored.body) if found else None


def may_lag(snapshot: Snapshot, now: datetime) -> bool:
    """Whether a trust store shows what it held before the update that has just been proved: perhaps a replica lags."""
    record = snapshot.record
    if record.applied is None or record.pending or snapshot.live.location is not UNKNOWN or not record.versions:
        return False
    before, after = {*record.versions[0].fingerprints}, {*record.applied.fingerprints}
    return timedelta(0) <= now - record.applied.at <= LAG and {*snapshot.blocks} == before != after


def last_version(record: Record) -> str | None:
    """The newest version that says what the target held: deployed last, or kept when it was met."""
    if record.applied is None:
        return None
    return record.applied.version or next((one.version for one in record.versions), None)


def moved_to(stores: Stores, record: Record, live: Live) -> str | None:
    """Where a domain points, if not at the version that was deployed last; None where it does, or it is unknown."""
    if record.applied is None:
        return None
    if live.bundle is None:
        return "no truststore at all: mutual TLS is off"
    if live.location is UNKNOWN or not record.applied.version:
        return None
    versions = (record.applied.version, record.pending.version if record.pending else record.applied.version)
    ours = any(places.loads(live, version, stores.bundles.bucket, record) for version in versions)
    ours = ours or places.exchanged(record, live, stores.buckets)
    return None if ours else f"{live.location} (version {live.version})"
