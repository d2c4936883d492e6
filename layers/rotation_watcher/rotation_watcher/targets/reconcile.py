"""Bring one target to what its bundle wants: snapshot → plan → decide → act → prove → record.

What changes the target is decided again under its claim. Raises TargetError, StoreError, and ToBeDone for a
sweep that has found something to do.
"""

from datetime import datetime, timedelta
from functools import reduce

import msgspec

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode, Watch
from rotation_watcher.errors import ClaimedByAnother, Conflict, TargetBusy, ToBeDone
from rotation_watcher.targets import companions, conditions, shown
from rotation_watcher.targets.decide import (
    Act,
    Action,
    AdoptBaseline,
    ClaimedElsewhere,
    Deploy,
    DropPending,
    NoChange,
    Observe,
    Outcome,
    Prove,
    PutOff,
    Resume,
    decide,
    outcome_of,
)
from rotation_watcher.targets.plan import Snapshot
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.run import Run
from rotation_watcher.targets.session import Change, Session, made_once, unclaimed, while_same
from rotation_watcher.targets.snapshot import READBACK_SECONDS, may_lag, of_live, take_snapshot
from rotation_watcher.targets.summary import TargetSummary, describe

replace = msgspec.structs.replace

PROVED_AFTER = timedelta(minutes=1)
"""When the queue hands a target over again at which the service is at work, so that it is proved."""
_READBACKS = 3
"""How often a target that shows the state before the last proof is read again before it counts as drift."""


def fresh_snapshot(watch: Watch, view: BundleView, session: Session) -> Snapshot:
    """Take a snapshot, again if it may show a state that is over. Raises TargetError, ToBeDone, StoreError."""
    snapshot = snapshot_of(watch, view, session)
    for _ in range(_READBACKS):
        if not may_lag(snapshot, session.ports.clock()):
            break
        if session.sweeping:
            raise ToBeDone(session.target.id)
        session.ports.wait(READBACK_SECONDS)
        session.reload()
        snapshot = snapshot_of(watch, view, session)
    return snapshot


def snapshot_of(watch: Watch, view: BundleView, session: Session) -> Snapshot:
    """Read the target once, with the record that the session holds. Raises TargetError, StoreError."""
    ports = session.ports
    now = ports.clock()
    return take_snapshot(watch, session.target, session.record, view, session.stores, session.adapter, now)


def reconcile(run: Run, snapshot: Snapshot, session: Session) -> TargetSummary:
    """Snapshot → plan → decide → act → prove → record. What changes the target is decided again under the claim."""
    watch, ports, mode = run.watch, session.ports, run.watch.mode
    try:
        action = decide(snapshot, mode, ports.owner, ports.clock())
        if isinstance(action, ClaimedElsewhere):
            return claimed_elsewhere(snapshot, ClaimedByAnother(action.owner, action.until))
        if session.sweeping and (isinstance(action, Act) or _is_put_off_shortly(action, ports.clock())):
            raise ToBeDone(session.target.id)
        # Only where this run goes on to the record: note and record must say the same.
        shown.note(ports.store, snapshot.target, snapshot.live)
        if isinstance(action, Deploy):
            at_once = _deploy_as_read(run, snapshot, session)
            if at_once is not None:
                return deliver(snapshot, at_once, session)
        if isinstance(action, Act):
            session.claim(noticing(snapshot, mode, ports.clock()))
            snapshot = snapshot_of(watch, snapshot.view, session)
            action = decide(snapshot, mode, ports.owner, ports.clock())
        if isinstance(action, DropPending):
            held = snapshot.blocks
            session.save(lambda record: record.forgetting(held, ports.clock()))
            view, live = snapshot.view, snapshot.live
            snapshot = of_live(watch, session.target, session.record, view, session.stores, live, ports.clock())
            action = decide(snapshot, mode, ports.owner, ports.clock())
        outcome = _act(run, snapshot, action, session)
        if outcome is None:
            return _no_change(run, snapshot, action, session)
        return deliver(snapshot, outcome, session)
    except ClaimedByAnother as error:
        return claimed_elsewhere(snapshot, error)


def _deploy_as_read(run: Run, snapshot: Snapshot, session: Session) -> Outcome | None:
    """Deploy what the snapshot shows, and claim the target in the same write; None where that may not be done.

    Not where the account's pace has to be asked first, where what the snapshot shows is a reason to wait, or where
    somebody has written the record since: then the target is claimed, and read again.
    """
    if session.sweeping or arns.parse_target(session.target.arn).kind.pace is not None:
        return None
    ports, mode = session.ports, run.watch.mode
    now = ports.clock()
    noticed = made_once(noticing(snapshot, mode, now))
    live, record = snapshot.live, noticed(session.record)
    snapshot = of_live(run.watch, session.target, record, snapshot.view, session.stores, live, now)
    if not isinstance(decide(snapshot, mode, ports.owner, now), Deploy):
        return None
    from rotation_watcher.targets import deploy  # noqa: PLC0415  # most runs change nothing

    run.write_files(snapshot.view, narrow=False)
    companions.keep(snapshot.view, session, mode)
    try:
        outcome = deploy.deploy(snapshot, session, claiming=noticed)
    except Conflict:
        session.reload()
        return None
    if outcome is Outcome.UPDATED:
        run.write_files(snapshot.view, narrow=True)
    return outcome


def _act(run: Run, snapshot: Snapshot, action: Action, session: Session) -> Outcome | None:
    """Change the target and prove it; None where there is nothing to do. Pins widen before, and narrow after."""
    if not isinstance(action, Deploy | Prove | Resume):
        return None
    from rotation_watcher.targets import deploy  # noqa: PLC0415  # most runs change nothing
    from rotation_watcher.targets.pace import take_turn  # noqa: PLC0415  # see above

    pending = session.record.pending
    if isinstance(action, Deploy | Resume) and not (turn := take_turn(session)).now:
        return _put_off(snapshot, turn.at, session)
    match action:
        case Deploy():
            run.write_files(snapshot.view, narrow=False)
            companions.keep(snapshot.view, session, run.watch.mode)
            outcome = deploy.deploy(snapshot, session)
        case Prove() if pending is not None:
            outcome = deploy.await_proof(snapshot, pending, session)
        case Resume() if pending is not None:
            from rotation_watcher.targets import going_back  # noqa: PLC0415  # seldom does anybody go back

            outcome = going_back.resume(snapshot, pending, session)
        case _:
            return None
    if outcome is Outcome.UPDATED:
        run.write_files(snapshot.view, narrow=True)
    return outcome


def _is_put_off_shortly(action: Action, now: datetime) -> bool:
    """Whether the target's turn comes before a message of the queue would be given up."""
    if not isinstance(action, PutOff):
        return False
    from rotation_watcher.targets.pace import HORIZON  # noqa: PLC0415  # most runs change nothing

    return action.until <= now + HORIZON


def _put_off(snapshot: Snapshot, until: datetime | None, session: Session) -> Outcome:
    """Let other targets of the account have their turn first; it is alerted only where that takes long."""
    waits = TargetBusy("it waits for its turn: the service limits the updates of an account, and others are before it")
    now = session.ports.clock()

    def change(record: Record) -> Record:
        after = replace(unclaimed(record), not_before=until)
        return conditions.update_failed(after, snapshot, waits, snapshot.plan.content, now)

    session.save(change)
    return Outcome.PUT_OFF


def _no_change(run: Run, snapshot: Snapshot, action: Action, session: Session) -> TargetSummary:
    """Nothing to do at the target: note what was found, and take it for the baseline where that is right."""
    if isinstance(action, NoChange | AdoptBaseline | Observe):
        run.write_files(snapshot.view, narrow=True)
    changes = [noticing(snapshot, run.watch.mode, session.ports.clock())]
    if isinstance(action, AdoptBaseline):
        from rotation_watcher.targets import deploy  # noqa: PLC0415  # most runs change nothing

        changes.append(while_same(snapshot.record, deploy.adopt_baseline(snapshot, session)))
    if session.holding:
        changes.append(unclaimed)
    session.save(lambda record: reduce(lambda one, change: change(one), changes, record))
    return deliver(snapshot, outcome_of(action), session)


def noticing(snapshot: Snapshot, mode: Mode, now: datetime) -> Change:
    """The record with what the snapshot shows noted in it."""
    return while_same(snapshot.record, lambda record: conditions.notice(replace(snapshot, record=record), mode, now))


def deliver(snapshot: Snapshot, outcome: Outcome, session: Session) -> TargetSummary:
    """Hand over what waits in the outbox, and answer."""
    summary = describe(replace(snapshot, record=session.record), outcome)
    summary.alerts = [*session.told, *summary.alerts]
    summary.undelivered = list(session.deliver())
    if outcome is Outcome.STILL_UPDATING:
        summary.again = session.ports.clock() + PROVED_AFTER
    return summary


def claimed_elsewhere(snapshot: Snapshot, error: ClaimedByAnother) -> TargetSummary:
    """Another run is at work: it notes what is to be noted and delivers what waits, or the next one does."""
    summary = describe(snapshot, Outcome.CLAIMED_BY_ANOTHER)
    summary.message = str(error)
    return summary
