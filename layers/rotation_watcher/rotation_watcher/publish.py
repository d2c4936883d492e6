"""The use case ``publish``: bring a target to what its bundle wants, and prove it.

Contract. ``publish`` always works from the histories and from what is live, so a lost, doubled or late message harms
nothing. When it returns, each target it was asked for is as wanted and proved, or its record says why not and people
are told once. In ``observe`` mode, and with ``dry_run``, no target is changed. One target's trouble never touches
another; a bucket that cannot be read or written is reported in ``broken`` and raises at the function's rim.
A run that finds everything as it should be writes nothing.
"""

import msgspec

from rotation_watcher.bundles import files as bundle_files
from rotation_watcher.bundles.view import BundleView, view_bundle
from rotation_watcher.collect import publish_requests
from rotation_watcher.config import Mode, Target, Watch
from rotation_watcher.errors import Conflict, RequestRefused, StoreError, TargetError
from rotation_watcher.targets import conditions, deploy, manual
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.repository import load_record
from rotation_watcher.targets.requests import EnqueueAll, PublishCall, Reconcile, Release, Rollback
from rotation_watcher.targets.session import Ports, claim, deliver, finish, overtaken
from rotation_watcher.targets.snapshot import Snapshot, may_lag, take_snapshot
from rotation_watcher.targets.summary import TargetSummary, describe

__all__ = ["Ports", "Summary", "TargetSummary", "publish"]

replace = msgspec.structs.replace

_READBACKS = 3
"""How often a target that shows the state before the last proof is read again before it counts as drift."""


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call."""

    mode: Mode
    dry_run: bool = False
    targets: dict[str, TargetSummary] = {}
    bundles: dict[str, str] = {}
    enqueued: list[str] = []
    broken: list[str] = []


def publish(watch: Watch, request: PublishCall, ports: Ports) -> Summary:
    """Do what ``request`` asks. Raises RequestRefused for what is not in the watch file or may not be done."""
    summary = Summary(mode=watch.mode, dry_run=request.dry_run)
    if isinstance(request, EnqueueAll):
        _enqueue(watch, request, ports, summary)
    for target in _chosen(watch, request):
        try:
            summary.targets[target.id] = _one(watch, target, request, ports)
        except StoreError as error:
            summary.targets[target.id] = TargetSummary(outcome="broken", message=str(error))
            summary.broken.append(target.id)
    if isinstance(request, EnqueueAll) or (isinstance(request, Reconcile) and not request.targets):
        _idle_bundles(watch, request, ports, summary)
    return summary


def _idle_bundles(watch: Watch, request: PublishCall, ports: Ports, summary: Summary) -> None:
    """Keep the files of bundles that no target loads up to date: people carry them elsewhere."""
    for bundle in watch.idle_bundles:
        try:
            view = view_bundle(watch, bundle, ports.store, ports.clock())
            written = [] if request.dry_run else bundle_files.write(view, ports.store, ports.clock(), narrow=True)
            summary.bundles[bundle.id] = "written" if written else "unchanged"
        except StoreError as error:
            summary.bundles[bundle.id] = str(error)
            summary.broken.append(bundle.id)


def _enqueue(watch: Watch, request: EnqueueAll, ports: Ports, summary: Summary) -> None:
    """One message per target. A dry run names the targets and sends nothing."""
    occasion = ports.clock().strftime("%Y%m%dT%H%M")  # two schedules in one minute ask for the same look
    for look in publish_requests(watch, (target.id for target in watch.targets), occasion):
        if not request.dry_run:
            ports.queue.send(look)
        summary.enqueued.append(look.target)


def _chosen(watch: Watch, request: PublishCall) -> tuple[Target, ...]:
    """The targets to be served in this run. Raises RequestRefused."""
    if isinstance(request, EnqueueAll) or (isinstance(request, Reconcile) and not request.targets):
        return () if isinstance(request, EnqueueAll) else watch.targets
    asked = request.targets if isinstance(request, Reconcile) else (request.target,)
    known = {target.id: target for target in watch.targets}
    unknown = [name for name in asked if name not in known]
    if unknown and not (isinstance(request, Reconcile) and request.skip_unknown_targets):
        raise RequestRefused(f"no target {', '.join(unknown)}; the watch file has {', '.join(sorted(known)) or 'none'}")
    if isinstance(request, Rollback | Release) and watch.mode is Mode.OBSERVE:
        raise RequestRefused("the mode is observe, which changes nothing: deploy with Mode=apply first")
    return tuple(known[name] for name in asked if name in known)


def _one(watch: Watch, target: Target, request: PublishCall, ports: Ports) -> TargetSummary:
    view = view_bundle(watch, watch.bundle(target.bundle), ports.store, ports.clock())
    try:
        snapshot = _look(watch, target, view, ports)
    except TargetError as error:
        return _unreadable(target, view, error, request, ports)
    if request.dry_run:
        return describe(snapshot, "would-update" if _wants(snapshot) else "unchanged")
    try:
        if isinstance(request, Rollback):
            return manual.roll_back(watch, snapshot, request.to, ports)
        if isinstance(request, Release):
            snapshot = manual.release(watch, snapshot, ports)
        if watch.mode is Mode.OBSERVE:
            return _observe(snapshot, ports)
        return _apply(watch, snapshot, ports)
    except TargetError as error:  # it could be read a moment ago
        return _unreadable(target, view, error, request, ports)


def _look(watch: Watch, target: Target, view: BundleView, ports: Ports) -> Snapshot:
    """Survey a target, again if it may show a state that is over. Raises TargetError, StoreError."""
    adapter = ports.adapter(target)
    snapshot = take_snapshot(watch, target, view, ports.store, adapter, ports.clock())
    for _ in range(_READBACKS):
        if not may_lag(snapshot, ports.clock()):
            break
        ports.wait(deploy.READBACK_SECONDS)
        snapshot = take_snapshot(watch, target, view, ports.store, adapter, ports.clock())
    return snapshot


def _observe(snapshot: Snapshot, ports: Ports) -> TargetSummary:
    """Tell what would be done, and keep the files that people may carry elsewhere up to date."""
    bundle_files.write(snapshot.view, ports.store, ports.clock(), narrow=True)
    after = conditions.notice(snapshot, Mode.OBSERVE, ports.clock())
    return finish(snapshot, after, "would-update" if _wants(snapshot) else "unchanged", ports)


def _apply(watch: Watch, snapshot: Snapshot, ports: Ports) -> TargetSummary:
    now = ports.clock()
    noticed = conditions.notice(snapshot, Mode.APPLY, now)
    if snapshot.record.claimed(ports.owner, now):
        return describe(snapshot, "claimed-by-another")
    if not _wants(snapshot):
        return _rest(snapshot, noticed, ports)
    if snapshot.record.not_before is not None and now < snapshot.record.not_before:
        return finish(snapshot, noticed, "put-off", ports)
    try:
        claimed = claim(watch, snapshot, noticed, ports)
    except Conflict:
        return overtaken(snapshot, ports)
    return _act(claimed, ports)


def _wants(snapshot: Snapshot) -> bool:
    """Whether there is something to do at the target that may be done."""
    if snapshot.record.pending is not None:
        return True
    if snapshot.live.bundle is None and (snapshot.record.applied is None or snapshot.target.on_drift == "report"):
        return (
            False  # turning mutual TLS on is the operator's decision: it shuts out every client without a certificate
        )
    if not snapshot.plan.changes or snapshot.plan.blocked_by is not None or not snapshot.live.settled:
        return False
    hold = snapshot.record.hold
    return hold is None or not hold.stops(conditions.content_of(snapshot.plan.desired.values())[1])


def _act(snapshot: Snapshot, ports: Ports) -> TargetSummary:
    """Under the claim: take up what is pending, or deploy the plan."""
    tools = ports.tools(snapshot.target)
    pending = snapshot.record.pending
    if pending is not None and (not snapshot.live.settled or {*snapshot.blocks} == {*pending.fingerprints}):
        outcome = deploy.prove(snapshot, tools)
    elif pending is not None and pending.hold is not None:
        outcome = deploy.resume(snapshot, tools)
    elif snapshot.plan.changes and snapshot.plan.blocked_by is None:
        bundle_files.write(snapshot.view, ports.store, ports.clock(), narrow=False)
        outcome = deploy.deploy(snapshot, tools)
    else:
        return _rest(snapshot, replace(snapshot.record, claim=None, pending=None), ports)
    if outcome.word == "updated":
        bundle_files.write(snapshot.view, ports.store, ports.clock(), narrow=True)
    acted = snapshot._replace(etag=outcome.etag, record=outcome.record)
    return finish(acted, outcome.record, outcome.word, ports)


def _rest(snapshot: Snapshot, record: Record, ports: Ports) -> TargetSummary:
    """Nothing to do at the target: take what is live as the baseline where that is right; deliver what waits."""
    plan, hold = snapshot.plan, snapshot.record.hold
    if plan.blocked_by is None and hold is None and not plan.changes:
        if snapshot.live.bundle is not None and snapshot.target.on_drift == "heal":
            record = _settled(snapshot, record, ports)
        bundle_files.write(snapshot.view, ports.store, ports.clock(), narrow=True)
        outcome = "unchanged"
    elif plan.blocked_by is not None:
        outcome = plan.blocked_by
    elif hold is not None and plan.changes:
        outcome = "held"
    else:
        outcome = "mtls-off" if snapshot.live.bundle is None else "waiting"
    return finish(snapshot, record, outcome, ports)


def _settled(snapshot: Snapshot, record: Record, ports: Ports) -> Record:
    """Others' additions and removals that need no healing become part of what is expected from now on."""
    fingerprints = tuple(sorted(snapshot.blocks))
    applied = record.applied
    if applied is not None and applied.fingerprints == fingerprints:
        return record
    kept = {key: since for key, since in record.ours.items() if key in snapshot.blocks}
    if applied is not None and applied.version:
        return replace(record, applied=replace(applied, fingerprints=fingerprints), ours=kept)
    (original,) = versions = deploy.as_found(snapshot, ports.store, ports.clock())
    adopted = replace(original, version="", proof=snapshot.live.proof)  # it was not deployed by the watcher
    return replace(record, applied=adopted, versions=versions, ours=kept)


def _unreadable(
    target: Target, view: BundleView, error: TargetError, request: PublishCall, ports: Ports
) -> TargetSummary:
    """A target that cannot be read: told once, tried again at every run; nothing else is known to be wrong."""
    record, etag = load_record(ports.store, target)
    summary = TargetSummary(outcome=error.reason, message=str(error), problems=list(view.problems))
    if request.dry_run:
        return summary
    if isinstance(request, Rollback | Release):
        raise RequestRefused(f"{target.id}: {error}")
    now = ports.clock()
    after = conditions.failed(record, target, error, prefix=conditions.UNREADABLE, content="", missing=(), now=now)
    if after != record:
        etag = deploy.write(ports.store, after, etag)
    summary.alerts = [alert.id for alert in after.outbox]
    summary.undelivered = list(deliver(after, etag, target, ports))
    return summary
