"""The use case ``publish``: bring a target to what its bundle wants, and prove it.

Contract. ``publish`` always works from the histories and from what is live, so a lost, doubled or late message harms
nothing. When it returns, each target it was asked for is as wanted and proved, or its record says why not and people
are told once. In ``observe`` mode, and with ``dry_run``, no target is changed. One target's trouble never touches
another; a bucket that cannot be read or written is reported in ``broken`` and raises at the function's rim.
A run that finds everything as it should be writes nothing.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, bundle_files, deploy, keys, notices, outbox
from rotation_watcher.bundle import admits
from rotation_watcher.collect import looks_of
from rotation_watcher.config import Mode, Target, Watch
from rotation_watcher.errors import Conflict, RequestRefused, StoreError, TargetError
from rotation_watcher.history import Status
from rotation_watcher.ports import AlertSink, Clock, ObjectStore, PublishQueue, TrustTarget, Wait
from rotation_watcher.record import Applied, Claim, HoldReason, Record
from rotation_watcher.survey import BundleView, Survey, load_record, survey, view_bundle

replace = msgspec.structs.replace

_TRIES = 4


class Ports(NamedTuple):
    """What publish needs of the world. ``claim_for`` outlasts the function's timeout; ``owner`` names this run."""

    store: ObjectStore
    targets: Mapping[arns.TargetKind, TrustTarget]
    sink: AlertSink
    queue: PublishQueue
    clock: Clock
    wait: Wait
    owner: str
    claim_for: timedelta


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call. ``targets`` empty means all. At most one of ``rollback``, ``release`` and ``enqueue``.

    ``to`` names the version to roll back to (default: the one before). ``enqueue`` ``"all"`` only sends one wish per
    target to the queue. ``lenient`` passes over targets that are no longer in the watch file (queue messages).
    """

    targets: tuple[str, ...] = ()
    dry_run: bool = False
    rollback: str | None = None
    to: str | None = None
    release: str | None = None
    enqueue: str | None = None
    lenient: bool = False


class TargetSummary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was found and done, for the person who called by hand and for the log. Fingerprints are cut to 16 digits."""

    outcome: str
    message: str | None = None
    certificates: int | None = None
    added: list[str] = []
    removed: list[str] = []
    held: list[str] = []
    leaving: dict[str, str] = {}
    refused: list[str] = []
    drift: list[str] = []
    removal_waits_for: list[str] = []
    problems: list[str] = []
    version: str | None = None
    alerts: list[str] = []
    undelivered: list[str] = []


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call."""

    mode: Mode
    dry_run: bool = False
    targets: dict[str, TargetSummary] = {}
    bundles: dict[str, str] = {}
    enqueued: list[str] = []
    broken: list[str] = []


def publish(watch: Watch, request: Request, ports: Ports) -> Summary:
    """Do what ``request`` asks. Raises RequestRefused for what is not in the watch file or may not be done."""
    summary = Summary(mode=watch.mode, dry_run=request.dry_run)
    if request.enqueue is not None:
        return _enqueue(watch, request, ports, summary)
    chosen = _chosen(watch, request)
    for target in chosen:
        try:
            summary.targets[target.id] = _one(watch, target, request, ports)
        except StoreError as error:
            summary.targets[target.id] = TargetSummary(outcome="broken", message=str(error))
            summary.broken.append(target.id)
    if not request.targets and not request.rollback and not request.release:
        _idle_bundles(watch, request, ports, summary)
    return summary


def _idle_bundles(watch: Watch, request: Request, ports: Ports, summary: Summary) -> None:
    """Keep the files of bundles that no target loads up to date: people carry them elsewhere."""
    for bundle in watch.idle_bundles:
        try:
            view = view_bundle(watch, bundle, ports.store, ports.clock())
            written = [] if request.dry_run else bundle_files.write(view, ports.store, ports.clock(), narrow=True)
            summary.bundles[bundle.id] = "written" if written else "unchanged"
        except StoreError as error:
            summary.bundles[bundle.id] = str(error)
            summary.broken.append(bundle.id)


def _enqueue(watch: Watch, request: Request, ports: Ports, summary: Summary) -> Summary:
    if request.enqueue != "all":
        raise RequestRefused(f'"enqueue" takes "all", not {request.enqueue!r}')
    occasion = ports.clock().strftime("%Y%m%dT%H%M")  # two schedules in one minute ask for the same look
    for look in looks_of(watch, (target.id for target in watch.targets), occasion):
        ports.queue.send(look)
        summary.enqueued.append(look.target)
    _idle_bundles(watch, request, ports, summary)
    return summary


def _chosen(watch: Watch, request: Request) -> tuple[Target, ...]:
    known = {target.id: target for target in watch.targets}
    if request.rollback and request.release:
        raise RequestRefused("rollback and release exclude each other")
    single = request.rollback or request.release
    asked = (single,) if single else request.targets
    unknown = [name for name in asked if name not in known]
    if unknown and not request.lenient:
        raise RequestRefused(f"no target {', '.join(unknown)}; the watch file has {', '.join(sorted(known)) or 'none'}")
    if single and watch.mode is Mode.OBSERVE:
        raise RequestRefused("the mode is observe, which changes nothing: deploy with Mode=apply first")
    return tuple(known[name] for name in asked if name in known) if asked else watch.targets


def _one(watch: Watch, target: Target, request: Request, ports: Ports) -> TargetSummary:
    now = ports.clock()
    view = view_bundle(watch, watch.bundle(target.bundle), ports.store, now)
    adapter = ports.targets[arns.parse_target(target.arn).kind]
    try:
        found = survey(watch, target, view, ports.store, adapter, now)
    except TargetError as error:
        return _unreadable(target, view, error, request, ports)
    if request.dry_run:
        return _describe(found, "would-update" if _wants(found) else "unchanged")
    try:
        if request.rollback:
            return _rollback(watch, found, request, ports)
        if request.release:
            found = _release(watch, found, ports)
        if watch.mode is Mode.OBSERVE:
            return _observe(found, ports)
        return _apply(watch, found, ports)
    except TargetError as error:  # it could be read a moment ago
        return _unreadable(target, view, error, request, ports)


def _observe(found: Survey, ports: Ports) -> TargetSummary:
    """Tell what would be done, and keep the files that people may carry elsewhere up to date."""
    bundle_files.write(found.view, ports.store, ports.clock(), narrow=True)
    after = notices.notice(found, Mode.OBSERVE, ports.clock())
    return _finish(found, after, "would-update" if _wants(found) else "unchanged", ports)


def _apply(watch: Watch, found: Survey, ports: Ports) -> TargetSummary:
    now = ports.clock()
    noticed = notices.notice(found, Mode.APPLY, now)
    if found.record.claimed(ports.owner, now):
        return _describe(found, "claimed-by-another")
    if not _wants(found):
        return _rest(found, noticed, ports)
    if found.record.not_before is not None and now < found.record.not_before:
        return _finish(found, noticed, "put-off", ports)
    try:
        claimed = _claim(watch, found, noticed, ports)
    except Conflict:
        return _overtaken(found, ports)
    return _act(claimed, ports)


def _overtaken(found: Survey, ports: Ports) -> TargetSummary:
    """Somebody else wrote the record meanwhile, and is at work. Raises StoreError where nobody did.

    A bucket that refuses every conditional write must not look like a busy colleague for ever.
    """
    _, etag = load_record(ports.store, found.target)
    if etag == found.etag:
        raise StoreError(f"{keys.record(found.target.id)} cannot be written: S3 speaks of a conflict that is none")
    return _describe(found, "claimed-by-another")


def _wants(found: Survey) -> bool:
    """Whether there is something to do at the target that may be done."""
    if found.record.pending is not None:
        return True
    if found.live.bundle is None and (found.record.applied is None or found.target.on_drift == "report"):
        return (
            False  # turning mutual TLS on is the operator's decision: it shuts out every client without a certificate
        )
    if not found.plan.changes or found.plan.obstacle is not None or not found.live.settled:
        return False
    hold = found.record.hold
    return hold is None or not hold.stops(notices.content_of(found.plan.desired.values())[1])


def _claim(watch: Watch, found: Survey, record: Record, ports: Ports) -> Survey:
    """Write the claim, then look again: only what is read after claiming may be acted upon. Raises Conflict."""
    now = ports.clock()
    claim = Claim(ports.owner, now + ports.claim_for)
    etag = deploy.write(ports.store, replace(record, claim=claim), found.etag)
    adapter = ports.targets[arns.parse_target(found.target.arn).kind]
    try:
        again = survey(watch, found.target, found.view, ports.store, adapter, now)
    except TargetError:
        deploy.write(ports.store, replace(record, claim=None), etag)
        raise
    return again


def _act(found: Survey, ports: Ports) -> TargetSummary:
    """Under the claim: take up what is pending, or deploy the plan."""
    adapter = ports.targets[arns.parse_target(found.target.arn).kind]
    tools = deploy.Tools(ports.store, adapter, ports.clock, ports.wait)
    pending = found.record.pending
    if pending is not None and (not found.live.settled or {*found.blocks} == {*pending.fingerprints}):
        outcome = deploy.prove(found, tools)
    elif pending is not None and pending.hold is not None:
        outcome = deploy.resume(found, tools)
    elif found.plan.changes and found.plan.obstacle is None:
        bundle_files.write(found.view, ports.store, ports.clock(), narrow=False)
        outcome = deploy.deploy(found, tools)
    else:
        return _rest(found, replace(found.record, claim=None, pending=None), ports)
    if outcome.word == "updated":
        bundle_files.write(found.view, ports.store, ports.clock(), narrow=True)
    acted = found._replace(etag=outcome.etag, record=outcome.record)
    return _finish(acted, outcome.record, outcome.word, ports)


def _rest(found: Survey, record: Record, ports: Ports) -> TargetSummary:
    """Nothing to do at the target: take what is live as the baseline where that is right; deliver what waits."""
    plan, hold = found.plan, found.record.hold
    if plan.obstacle is None and hold is None and not plan.changes:
        if found.live.bundle is not None and found.target.on_drift == "heal":
            record = _settled(found, record, ports)
        bundle_files.write(found.view, ports.store, ports.clock(), narrow=True)
        outcome = "unchanged"
    elif plan.obstacle is not None:
        outcome = plan.obstacle
    elif hold is not None and plan.changes:
        outcome = "held"
    else:
        outcome = "mtls-off" if found.live.bundle is None else "waiting"
    return _finish(found, record, outcome, ports)


def _settled(found: Survey, record: Record, ports: Ports) -> Record:
    """Others' additions and removals that need no healing become part of what is expected from now on."""
    fingerprints = tuple(sorted(found.blocks))
    applied = record.applied
    if applied is None:
        _, content = notices.content_of(found.blocks.values())
        adopted = Applied(
            version="", sha256=content, fingerprints=fingerprints, at=ports.clock(), proof=found.live.proof
        )
        return replace(record, applied=adopted, versions=deploy.as_found(found, ports.store, ports.clock()))
    if applied.fingerprints == fingerprints:
        return record
    kept = {key: since for key, since in record.ours.items() if key in found.blocks}
    return replace(record, applied=replace(applied, fingerprints=fingerprints), ours=kept)


def _finish(found: Survey, record: Record, outcome: str, ports: Ports) -> TargetSummary:
    """Write the record if it changed, then hand over what waits in its outbox."""
    summary = _describe(found._replace(record=record), outcome)
    etag = found.etag
    if record != found.record:
        try:
            etag = deploy.write(ports.store, record, etag)
        except Conflict:
            return _overtaken(found, ports)
    summary.undelivered = list(_deliver(record, etag, found.target, ports))
    return summary


def _deliver(record: Record, etag: str | None, target: Target, ports: Ports) -> tuple[str, ...]:
    """Deliver the outbox and take out what was delivered. Raises StoreError."""
    if not record.outbox:
        return ()
    taken, errors = outbox.deliver(record.outbox, ports.sink)
    for _ in range(_TRIES if taken else 0):
        try:
            deploy.write(ports.store, record.delivered(taken), etag)
        except Conflict:
            record, etag = load_record(ports.store, target)
        else:
            return errors
    if taken:
        raise StoreError(f"{keys.record(target.id)} was written by somebody else {_TRIES} times in a row")
    return errors


def _unreadable(target: Target, view: BundleView, error: TargetError, request: Request, ports: Ports) -> TargetSummary:
    """A target that cannot be read: told once, tried again at every run; nothing else is known to be wrong."""
    record, etag = load_record(ports.store, target)
    summary = TargetSummary(outcome=error.reason, message=str(error), problems=list(view.problems))
    if request.dry_run:
        return summary
    if request.rollback or request.release:
        raise RequestRefused(f"{target.id}: {error}")
    now = ports.clock()
    after = notices.failed(record, target, error, prefix=notices.UNREADABLE, content="", missing=(), now=now)
    if after != record:
        etag = deploy.write(ports.store, after, etag)
    summary.alerts = [alert.id for alert in after.outbox]
    summary.undelivered = list(_deliver(after, etag, target, ports))
    return summary


def _rollback(watch: Watch, found: Survey, request: Request, ports: Ports) -> TargetSummary:
    """Go back to an earlier version, by hand; refused where that would refuse a current leaf."""
    now, record, target = ports.clock(), found.record, found.target
    # Whoever got no answer asks again: the same version is no news, and "the one before" is now the one that was left.
    back_already = record.pending is None and record.hold is not None and record.hold.reason is HoldReason.BY_HAND
    if back_already and request.to is None and record.hold:
        raise RequestRefused(
            f"{target.id}: already rolled back by hand, at {record.hold.since:%Y-%m-%d %H:%M} UTC: release it,"
            ' or name the version to go to with "to"'
        )
    version = request.to or next((one.version for one in record.versions), None)
    known = {one.version: one for one in record.versions}
    if back_already and record.applied:
        known[record.applied.version] = record.applied
    if version is None or version not in known:
        listed = ", ".join(known) or "none"
        raise RequestRefused(f"{target.id}: no such earlier version {version or ''}; known: {listed}")
    held = deploy.deployed(ports.store, target, version)
    if held is None:
        raise RequestRefused(f"{target.id}: {keys.deployed(target.id)} version {version} is gone from the bucket")
    if back_already and {*held} <= {*found.blocks} <= {*held} | (found.blocks.keys() - record.ours.keys()):
        return _finish(found, notices.notice(found, Mode.APPLY, now), "held", ports)
    certificates = [block.certificate for block in held.values() if block.certificate]
    for need in found.view.wanted.needs:
        current = need.required(now) and need.record.status is Status.CURRENT
        if current and not admits(certificates, need, now):
            raise RequestRefused(
                f"{target.id}: version {version} would refuse the current leaf {need.leaf.fingerprint[:16]}"
                f" ({need.leaf.facts.subject}) of source {need.source}: data actions would fail"
            )
    if record.claimed(ports.owner, now):
        raise RequestRefused(f"{target.id}: another run is at work until {record.claim and record.claim.until}")
    try:
        claimed = _claim(watch, found, notices.notice(found, Mode.APPLY, now), ports)
    except Conflict as error:
        raise RequestRefused(f"{target.id}: another run is at work; try again in a few minutes") from error
    adapter = ports.targets[arns.parse_target(target.arn).kind]
    tools = deploy.Tools(ports.store, adapter, ports.clock, ports.wait)
    outcome = deploy.go_back(claimed, known[version], held, tools)
    acted = claimed._replace(etag=outcome.etag, record=outcome.record)
    return _finish(acted, outcome.record, outcome.word, ports)


def _release(watch: Watch, found: Survey, ports: Ports) -> Survey:
    """End a hold and let held removals pass, by a person's word; then the ordinary look follows."""
    record = replace(found.record, hold=None, released=found.plan.held)
    if record != found.record:
        deploy.write(ports.store, record, found.etag)
    adapter = ports.targets[arns.parse_target(found.target.arn).kind]
    return survey(watch, found.target, found.view, ports.store, adapter, ports.clock())


def _describe(found: Survey, outcome: str) -> TargetSummary:
    plan = found.plan
    drift = []
    if plan.drift:
        drift = [*(f"+{key[:16]}" for key in plan.drift.added), *(f"-{key[:16]}" for key in plan.drift.removed)]
        drift += [f"now at {plan.drift.moved_to}"] if plan.drift.moved_to else []
    return TargetSummary(
        outcome=outcome,
        message=plan.why or None,
        certificates=len(found.blocks),
        added=[key[:16] for key in plan.added],
        removed=[key[:16] for key in plan.removed],
        held=[key[:16] for key in plan.held],
        leaving={key[:16]: f"{end:%Y-%m-%dT%H:%MZ}" for key, (_, end) in sorted(notices.leaving(found).items())},
        refused=[need.leaf.fingerprint[:16] for need in plan.refused],
        drift=drift,
        removal_waits_for=list(found.view.obstacles),
        problems=[*found.view.problems, *found.live.warnings],
        version=found.record.applied.version if found.record.applied else None,
        alerts=[alert.id for alert in found.record.outbox],
    )
