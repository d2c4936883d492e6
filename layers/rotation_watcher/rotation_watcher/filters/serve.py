"""One run of publish at one listener: snapshot, plan, decide, act, prove, record.

The way is that of trust stores (``publish``), over a list of names instead of an object that a service loads; decision
0033 says why it is one of its own. It shares their record, claim, outbox, requests and outcomes.
"""

from datetime import datetime
from functools import reduce

import msgspec

from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode, Watch
from rotation_watcher.errors import ClaimedByAnother, RequestRefused, TargetError, ToBeDone
from rotation_watcher.filters import conditions, deploy, kept, manual
from rotation_watcher.filters.decide import Action, decide, outcome_of
from rotation_watcher.filters.entries import key_of
from rotation_watcher.filters.named_plan import named_plan
from rotation_watcher.filters.plan import Snapshot
from rotation_watcher.filters.snapshot import take_snapshot
from rotation_watcher.targets.decide import (
    Act,
    AdoptBaseline,
    ClaimedElsewhere,
    Deploy,
    DropPending,
    NoChange,
    Observe,
    Outcome,
    Prove,
    Resume,
)
from rotation_watcher.targets.manual import refusing
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.requests import Reconcile, Release, Rollback, Sweep
from rotation_watcher.targets.run import Run
from rotation_watcher.targets.session import Change, Session, unclaimed, while_same
from rotation_watcher.targets.summary import TargetSummary

replace = msgspec.structs.replace

type Called = Reconcile | Rollback | Release | Sweep


def serve(run: Run, view: BundleView, request: Called, session: Session) -> TargetSummary:
    """Do at a listener what ``request`` asks; a release has been recorded by ``release``.

    Raises RequestRefused, TargetError, StoreError.
    """
    watch = run.watch
    snapshot = _snapshot(watch, view, session)
    if request.dry_run:
        return _would(watch, snapshot, request, session)
    if isinstance(request, Rollback):
        return _roll_back(watch, snapshot, request, session)
    return _reconcile(run, snapshot, session)


def release(watch: Watch, view: BundleView, request: Release, session: Session) -> None:
    """Record a person's release. Raises RequestRefused, TargetError, StoreError."""
    manual.release(_snapshot(watch, view, session), request.leave, session)


def _snapshot(watch: Watch, view: BundleView, session: Session, *, record: Record | None = None) -> Snapshot:
    ports, target = session.ports, session.target
    record = session.record if record is None else record
    return take_snapshot(watch, target, record, view, ports.store, ports.listener(target), ports.clock())


def describe(snapshot: Snapshot, outcome: Outcome) -> TargetSummary:
    """The summary of a snapshot, with what became of the listener in one word."""
    plan, record = snapshot.plan, snapshot.record
    drift = [f"+{one}" for one in conditions.shorten(plan.drift.added)] if plan.drift else []
    drift += [f"-{one}" for one in conditions.shorten(plan.drift.removed)] if plan.drift else []
    return TargetSummary(
        outcome=outcome,
        message=plan.why or None,
        filters=len(snapshot.live.filters),
        added=conditions.shorten(plan.added),
        removed=conditions.shorten(plan.removed),
        held=conditions.shorten(plan.held),
        leaving=conditions.leaving_soon(snapshot),
        refused=[need.certificate.fingerprint[:16] for need in plan.refused],
        drift=drift,
        removal_waits_for=[
            *snapshot.view.removal_blockers,
            *(f"no filter can name the leaf {one.certificate.fingerprint[:16]}" for one in snapshot.names.unnamed),
        ],
        problems=list(snapshot.view.problems),
        version=record.applied.version if record.applied else None,
        alerts=[alert.id for alert in record.outbox],
        again=record.not_before if outcome is Outcome.PUT_OFF else None,
    )


def _reconcile(run: Run, snapshot: Snapshot, session: Session) -> TargetSummary:
    watch, ports, mode = run.watch, session.ports, run.watch.mode
    try:
        action = decide(snapshot, mode, ports.owner, ports.clock())
        if isinstance(action, ClaimedElsewhere):
            return _claimed(snapshot, ClaimedByAnother(action.owner, action.until))
        if session.sweeping and isinstance(action, Act):
            raise ToBeDone(session.target.id)
        # Only where this run goes on to the record: note and record must say the same.
        kept.note_shown(ports.store, snapshot.target, snapshot.live)
        if isinstance(action, Act):
            session.claim(_noticed(snapshot, mode, ports.clock()))
            snapshot = _snapshot(watch, snapshot.view, session)
            action = decide(snapshot, mode, ports.owner, ports.clock())
        if isinstance(action, DropPending):
            held = snapshot.keys
            session.save(lambda record: record.forgetting(held, ports.clock()))
            snapshot = _snapshot(watch, snapshot.view, session)
            action = decide(snapshot, mode, ports.owner, ports.clock())
        outcome = _act(run, snapshot, action, session)
        if outcome is None:
            return _no_change(run, snapshot, action, session)
        return _deliver(snapshot, outcome, session)
    except ClaimedByAnother as error:
        return _claimed(snapshot, error)


def _act(run: Run, snapshot: Snapshot, action: Action, session: Session) -> Outcome | None:
    """Change the listener and prove it; None where there is nothing to do. Pins widen before, and narrow after."""
    pending = session.record.pending
    match action:
        case Deploy():
            run.write_files(snapshot.view, narrow=False)
            outcome = deploy.deploy(snapshot, session)
        case Prove() if pending is not None:
            outcome = deploy.await_proof(snapshot, pending, session)
        case Resume() if pending is not None:
            outcome = deploy.resume(snapshot, pending, session)
        case _:
            return None
    if outcome is Outcome.UPDATED:
        run.write_files(snapshot.view, narrow=True)
    return outcome


def _no_change(run: Run, snapshot: Snapshot, action: Action, session: Session) -> TargetSummary:
    if isinstance(action, NoChange | AdoptBaseline | Observe):
        run.write_files(snapshot.view, narrow=True)
    changes = [_noticed(snapshot, run.watch.mode, session.ports.clock())]
    if isinstance(action, AdoptBaseline):
        changes.append(while_same(snapshot.record, deploy.adopt_baseline(snapshot, session)))
    if session.holding:
        changes.append(unclaimed)
    session.save(lambda record: reduce(lambda one, change: change(one), changes, record))
    return _deliver(snapshot, outcome_of(action), session)


def _noticed(snapshot: Snapshot, mode: Mode, now: datetime) -> Change:
    return while_same(snapshot.record, lambda record: conditions.notice(snapshot._replace(record=record), mode, now))


def _deliver(snapshot: Snapshot, outcome: Outcome, session: Session) -> TargetSummary:
    summary = describe(snapshot._replace(record=session.record), outcome)
    summary.undelivered = list(session.deliver())
    return summary


def _claimed(snapshot: Snapshot, error: ClaimedByAnother) -> TargetSummary:
    summary = describe(snapshot, Outcome.CLAIMED_BY_ANOTHER)
    summary.message = str(error)
    return summary


def _roll_back(watch: Watch, snapshot: Snapshot, request: Rollback, session: Session) -> TargetSummary:
    kept.note_shown(session.ports.store, snapshot.target, snapshot.live)
    manual.earlier_version(snapshot, request.to, session)
    with refusing(session):
        session.claim(_noticed(snapshot, watch.mode, session.ports.clock()))
    try:
        snapshot = _snapshot(watch, snapshot.view, session)
        earlier = manual.earlier_version(snapshot, request.to, session)  # what it was decided on may be over
    except (RequestRefused, TargetError):
        session.save(unclaimed)
        raise
    try:
        outcome = deploy.go_back(snapshot, earlier.version, earlier.filters, earlier.ours, session)
    except ClaimedByAnother as error:
        return _claimed(snapshot, error)
    return _deliver(snapshot, outcome, session)


def _would(watch: Watch, snapshot: Snapshot, request: Called, session: Session) -> TargetSummary:
    """What would be done, with nothing written, sent or delivered."""
    if isinstance(request, Rollback):
        earlier = manual.earlier_version(snapshot, request.to, session)
        summary = describe(snapshot, Outcome.WOULD_ROLL_BACK)
        summary.version = earlier.version.version
        after = {key_of(one) for one in earlier.filters}
        back = (after - snapshot.keys, snapshot.keys - after)
        summary.plan = named_plan(snapshot, summary.outcome, watch.mode, back=back)
        return summary
    if isinstance(request, Release):
        record: Record = manual.released(snapshot, request.leave)
        snapshot = _snapshot(watch, snapshot.view, session, record=record)
    summary = describe(snapshot, outcome_of(decide(snapshot, Mode.OBSERVE, session.ports.owner, session.ports.clock())))
    summary.plan = named_plan(snapshot, summary.outcome, watch.mode)
    return summary
