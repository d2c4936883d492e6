"""The use case ``publish``: bring a target to what its bundle wants, and prove it.

Contract. ``publish`` always works from the histories and from what is live, so a lost, doubled or late message harms
nothing. When it returns, each target it was asked for is as wanted and proved, or its record says why not and people
are alerted once. In ``observe`` mode, and with ``dry_run``, no target is changed. One target's failure never touches
another, an exception that nobody thought of neither; the latter, and a bucket that cannot be read or written, is
reported in ``broken`` and raises at the function's rim.
A run that finds everything as it should be writes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

import msgspec

from rotation_watcher import arns, defects
from rotation_watcher.alerts.builders import APPLY
from rotation_watcher.asking import publish_requests
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode, Target, Watch
from rotation_watcher.errors import (
    ClaimedByAnother,
    Conflict,
    RequestRefused,
    StoreError,
    TargetBusy,
    TargetDefect,
    TargetError,
    ToBeDone,
)
from rotation_watcher.kinds import Payload
from rotation_watcher.targets import companions, conditions, deploy, manual, revocations, room, shown
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
from rotation_watcher.targets.named_plan import fitted, named_plan, text
from rotation_watcher.targets.pace import HORIZON, Turn, take_turn
from rotation_watcher.targets.plan import Blocker, Snapshot
from rotation_watcher.targets.proof import READBACK_SECONDS
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.requests import Changed, PublishCall, Queued, Reconcile, Release, Rollback, Sweep
from rotation_watcher.targets.run import Run
from rotation_watcher.targets.session import Change, Look, Ports, Session, made_once, unclaimed, while_same
from rotation_watcher.targets.snapshot import may_lag, of_live, take_snapshot
from rotation_watcher.targets.summary import TargetSummary, describe
from rotation_watcher.targets.sweep import Round
from rotation_watcher.x509.facts import CertificateFacts

__all__ = ["Ports", "Summary", "TargetSummary", "publish"]

replace = msgspec.structs.replace

type Called = Reconcile | Rollback | Release | Sweep
"""What is asked for by name; messages of the queue become one of these."""

_READBACKS = 3
"""How often a target that shows the state before the last proof is read again before it counts as drift."""

PROVED_AFTER = timedelta(minutes=1)
"""When the queue hands a target over again at which the service is at work, so that it is proved."""

TARGET_TAKES = 180.0
"""Seconds that must be left to begin with one more target: a quiet one takes two, one that is changed and hangs all."""


class Summary(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer of a call. ``text``: in a dry run, the plans of all targets as lines for people.

    ``woken``: the targets that the queue was asked for because somebody has changed them.
    """

    mode: Mode
    dry_run: bool = False
    targets: dict[str, TargetSummary] = {}
    bundles: dict[str, str] = {}
    woken: list[str] = []
    passed_over: list[str] = []
    broken: list[str] = []
    text: list[str] = []


def publish(watch: Watch, request: PublishCall, ports: Ports) -> Summary:
    """Do what ``request`` asks. Raises RequestRefused for what is not in the watch file or may not be done."""
    if isinstance(request, Queued):
        return _serve(watch, request, ports)
    if isinstance(request, Changed):
        return _wake(watch, request, ports)
    summary = Summary(mode=watch.mode, dry_run=request.dry_run)
    run = Run(watch, ports)
    chosen = _chosen(watch, request)
    run.begin(chosen)
    if isinstance(request, Sweep) and not request.dry_run:
        _sweep(run, chosen, request, summary)
    else:
        for target in chosen:
            if run.ports.remaining() < TARGET_TAKES:
                words = "the time of this run is up; the schedule asks for it again"
                summary.targets[target.id] = TargetSummary(outcome=Outcome.BROKEN, message=words)
                summary.broken.append(target.id)
            else:
                _serve_one(run, target, request, summary)
    if isinstance(request, Sweep) or (isinstance(request, Reconcile) and not request.targets):
        _idle_bundles(run, request, summary)
    if request.dry_run:
        _say(summary)
    return summary


def _sweep(run: Run, targets: tuple[Target, ...], request: Sweep, summary: Summary) -> None:
    """Look at every target while there is time; the next sweep goes on where this one ends."""
    stand = Round(targets, run.ports.store, run.ports.clock, run.ports.memory)
    for target in stand:
        if run.ports.remaining() < TARGET_TAKES:
            stand.ended_before(target)
            left = len(targets) - len(summary.targets)
            summary.passed_over.append(f"the time of this sweep is up before {left} targets: the next one begins there")
            return
        _serve_one(run, target, request, summary)
    stand.done()


def _serve_one(run: Run, target: Target, request: Called, summary: Summary) -> None:
    """Serve one target; whatever happens, the others are served. Raises RequestRefused."""
    try:
        summary.targets[target.id] = _one(run, target, request)
    except StoreError as error:
        summary.targets[target.id] = TargetSummary(outcome=Outcome.BROKEN, message=str(error))
        summary.broken.append(target.id)
    except RequestRefused:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the other targets are served; it is alerted
        summary.targets[target.id] = _defective(target, error, request, run.ports)
        summary.broken.append(target.id)


def _say(summary: Summary) -> None:
    """What a dry run found, in words."""
    planned = [one for one in summary.targets.values() if one.plan is not None]
    plans = fitted([one.plan for one in planned if one.plan is not None])
    for one, plan in zip(planned, plans, strict=True):
        one.plan = plan
    unread = [f"{name}: {one.outcome}: {one.message}" for name, one in summary.targets.items() if one.plan is None]
    summary.text = [*unread, *text(plans)] if summary.targets else []


def _serve(watch: Watch, request: Queued, ports: Ports) -> Summary:
    """Reconcile the targets that messages of the queue name, and say of which nothing is done."""
    now, known = ports.clock(), {target.id for target in watch.targets}
    reasons = [message.passed_over(known, now) for message in request.messages]
    due = [one.target for one, why in zip(request.messages, reasons, strict=True) if one.target and not why]
    request_by_name = Reconcile(targets=tuple(dict.fromkeys(due)))
    summary = publish(watch, request_by_name, ports) if due else Summary(mode=watch.mode)
    summary.passed_over = [why for why in reasons if why]
    return summary


def _wake(watch: Watch, request: Changed, ports: Ports) -> Summary:
    """Ask the queue for the targets that somebody has changed; where it cannot be said which, look at all of them.

    A listener that no longer names a trust store names none that can be looked at alone.
    """
    woken = [
        one.id for one in watch.targets if not request.names.isdisjoint({one.arn, arns.parse_target(one.arn).name})
    ]
    if not woken and request.verifying:
        return publish(watch, Sweep(), ports)
    for message in publish_requests(watch, woken, f"changed-{request.occasion}"):
        ports.queue.send(message)
    return Summary(mode=watch.mode, woken=woken)


def _idle_bundles(run: Run, request: Called, summary: Summary) -> None:
    """Keep the files of bundles that no target loads up to date: people carry them elsewhere."""
    for bundle in run.watch.idle_bundles:
        try:
            view = run.view(bundle)
            written = run.begin_files(view, dry_run=request.dry_run)
            written += run.write_files(view, narrow=True, dry_run=request.dry_run)
            word = "would-write" if request.dry_run else "written"
            summary.bundles[bundle.id] = word if written else "unchanged"
        except StoreError as error:
            summary.bundles[bundle.id] = str(error)
            summary.broken.append(bundle.id)
        except Exception as error:  # noqa: BLE001  # it has no record to be noted in: the log and the alarm tell of it
            summary.bundles[bundle.id] = "; ".join([defects.words(error), *defects.trace(error)])
            summary.broken.append(bundle.id)


def _ask_for(target: Target, run: Run) -> TargetSummary:
    """Ask the queue for a target at which a sweep has found something to do. Raises StoreError."""
    ports = run.ports
    now = ports.clock()
    occasion = now.strftime("%Y%m%dT%H%M")  # two sweeps in one minute ask for the same run
    until = now + ports.sweep_every if ports.sweep_every else None
    for message in publish_requests(run.watch, [target.id], occasion, until):
        ports.queue.send(message)
    return TargetSummary(outcome=Outcome.ENQUEUED)


def _chosen(watch: Watch, request: Called) -> tuple[Target, ...]:
    """The targets to be served in this run. Raises RequestRefused."""
    if isinstance(request, Sweep) or (isinstance(request, Reconcile) and not request.targets):
        return watch.targets
    asked = request.targets if isinstance(request, Reconcile) else (request.target,)
    known = {target.id: target for target in watch.targets}
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise RequestRefused(f"no target {', '.join(unknown)}; the watch file has {', '.join(sorted(known)) or 'none'}")
    if isinstance(request, Rollback | Release) and watch.mode is Mode.OBSERVE:
        raise RequestRefused(f"the mode is observe, which changes nothing: {APPLY} first")
    return tuple(known[name] for name in asked)


def _one(run: Run, target: Target, request: Called) -> TargetSummary:
    """Serve one target. Raises RequestRefused, StoreError."""
    watch, ports = run.watch, run.ports
    by_hand = isinstance(request, Rollback | Release) and not request.dry_run
    asked = _not_claimed(target, ports) if by_hand else None
    view = run.view(watch.bundle(target.bundle))
    if not request.dry_run:
        run.begin_files(view)  # whatever its record and the target say
    session = asked or _session(target, request, ports)
    try:
        run.refuse_unanswered(target)
        session.unusable = run.unusable(target, dry_run=request.dry_run)
        if arns.parse_target(target.arn).kind.takes is Payload.LEAVES:
            from rotation_watcher.filters import serve as filters  # noqa: PLC0415  # only listeners take filters

            if isinstance(request, Release) and not request.dry_run:
                filters.release(watch, view, request, session)
                by_hand = False  # as below
            return filters.serve(run, view, request, session)
        snapshot = _look(watch, view, session)
        if request.dry_run:
            summary = _would(watch, snapshot, request, session)
            summary.revocations = revocations.keep(view, session, watch.mode, dry_run=True)
            summary.files = companions.keep(view, session, watch.mode, dry_run=True)
            return summary
        if isinstance(request, Rollback):
            return _roll_back(watch, snapshot, request, session)
        if isinstance(request, Release):
            manual.release(snapshot, request.leave, session)
            by_hand = False  # the release is recorded: what follows is an ordinary run
            snapshot = _snapshot(watch, view, session)
        return _with_lists(watch, view, session, _reconcile(run, snapshot, session))
    except ToBeDone:
        return _ask_for(target, run)
    except TargetError as error:
        run.note_unanswered(target, error)
        if by_hand and not session.holding:
            raise RequestRefused(f"{target.id}: {error}") from error
        return _unreadable(view, error, request, session)


def _session(target: Target, request: Called, ports: Ports) -> Session:
    """A run's session. Raises StoreError."""
    session = (Look if isinstance(request, Sweep) else Session)(target, ports)
    if not request.dry_run:
        session.take_over()
    return session


def _not_claimed(target: Target, ports: Ports) -> Session:
    """The session of a call by hand. Raises RequestRefused where another run has the target."""
    session = Session(target, ports)
    with manual.refusing(session):
        session.refuse_if_claimed()
    session.take_over()
    return session


def _with_lists(watch: Watch, view: BundleView, session: Session, summary: TargetSummary) -> TargetSummary:
    """Keep what goes with a bundle in step too, whatever holds that back. Raises StoreError, TargetError, ToBeDone."""
    if summary.outcome is not Outcome.CLAIMED_BY_ANOTHER:
        summary.files = companions.keep(view, session, watch.mode)
        summary.revocations = revocations.keep(view, session, watch.mode)
        waiting = [alert.id for alert in session.record.outbox]
        if not {*waiting} <= {*summary.alerts}:
            summary.alerts, summary.undelivered = [*session.told, *waiting], [*session.deliver()]
    return summary


def _look(watch: Watch, view: BundleView, session: Session) -> Snapshot:
    """Take a snapshot, again if it may show a state that is over. Raises TargetError, ToBeDone, StoreError."""
    snapshot = _snapshot(watch, view, session)
    for _ in range(_READBACKS):
        if not may_lag(snapshot, session.ports.clock()):
            break
        if session.looks_only:
            raise ToBeDone(session.target.id)
        session.ports.wait(READBACK_SECONDS)
        session.reload()
        snapshot = _snapshot(watch, view, session)
    return snapshot


def _snapshot(watch: Watch, view: BundleView, session: Session) -> Snapshot:
    ports = session.ports
    now = ports.clock()
    return take_snapshot(watch, session.target, session.record, view, session.stores, session.adapter, now)


def _reconcile(run: Run, snapshot: Snapshot, session: Session) -> TargetSummary:
    """Snapshot → plan → decide → act → prove → record. What changes the target is decided again under the claim."""
    watch, ports, mode = run.watch, session.ports, run.watch.mode
    try:
        action = decide(snapshot, mode, ports.owner, ports.clock())
        if isinstance(action, ClaimedElsewhere):
            return _claimed(snapshot, ClaimedByAnother(action.owner, action.until))
        soon = isinstance(action, PutOff) and action.until <= ports.clock() + HORIZON
        if session.looks_only and (soon or isinstance(action, Act)):
            raise ToBeDone(session.target.id)
        # Only where this run goes on to the record: note and record must say the same.
        shown.note(ports.store, snapshot.target, snapshot.live)
        if isinstance(action, Deploy):
            at_once = _deploy_as_read(run, snapshot, session)
            if at_once is not None:
                return _deliver(snapshot, at_once, session)
        if isinstance(action, Act):
            session.claim(_noticed(snapshot, mode, ports.clock()))
            snapshot = _snapshot(watch, snapshot.view, session)
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
        return _deliver(snapshot, outcome, session)
    except ClaimedByAnother as error:
        return _claimed(snapshot, error)


def _deploy_as_read(run: Run, snapshot: Snapshot, session: Session) -> Outcome | None:
    """Deploy what the snapshot shows, and claim the target in the same write; None where that may not be done.

    Not where the account's pace has to be asked first, where what the snapshot shows is a reason to wait, or where
    somebody has written the record since: then the target is claimed, and read again.
    """
    if session.looks_only or arns.parse_target(session.target.arn).kind.pace is not None:
        return None
    ports, mode = session.ports, run.watch.mode
    now = ports.clock()
    noticed = made_once(_noticed(snapshot, mode, now))
    live, record = snapshot.live, noticed(session.record)
    snapshot = of_live(run.watch, session.target, record, snapshot.view, session.stores, live, now)
    if not isinstance(decide(snapshot, mode, ports.owner, now), Deploy):
        return None
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
    pending = session.record.pending
    if isinstance(action, Deploy | Resume) and not (turn := take_turn(session)).now:
        return _put_off(snapshot, turn, session)
    match action:
        case Deploy():
            run.write_files(snapshot.view, narrow=False)
            companions.keep(snapshot.view, session, run.watch.mode)
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


def _put_off(snapshot: Snapshot, turn: Turn, session: Session) -> Outcome:
    """Let other targets of the account have their turn first; it is alerted only where that takes long."""
    waits = TargetBusy("it waits for its turn: the service limits the updates of an account, and others are before it")
    now = session.ports.clock()

    def change(record: Record) -> Record:
        after = replace(unclaimed(record), not_before=turn.at)
        return conditions.update_failed(after, snapshot, waits, snapshot.plan.content, now)

    session.save(change)
    return Outcome.PUT_OFF


def _no_change(run: Run, snapshot: Snapshot, action: Action, session: Session) -> TargetSummary:
    """Nothing to do at the target: note what was found, and take it for the baseline where that is right."""
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
    """The record with what the snapshot shows noted in it."""
    return while_same(snapshot.record, lambda record: conditions.notice(replace(snapshot, record=record), mode, now))


def _deliver(snapshot: Snapshot, outcome: Outcome, session: Session) -> TargetSummary:
    """Hand over what waits in the outbox, and answer."""
    summary = describe(replace(snapshot, record=session.record), outcome)
    summary.alerts = [*session.told, *summary.alerts]
    summary.undelivered = list(session.deliver())
    if outcome is Outcome.STILL_UPDATING:
        summary.again = session.ports.clock() + PROVED_AFTER
    return summary


def _claimed(snapshot: Snapshot, error: ClaimedByAnother) -> TargetSummary:
    """Another run is at work: it notes what is to be noted and delivers what waits, or the next one does."""
    summary = describe(snapshot, Outcome.CLAIMED_BY_ANOTHER)
    summary.message = str(error)
    return summary


def _roll_back(watch: Watch, snapshot: Snapshot, request: Rollback, session: Session) -> TargetSummary:
    """Go back by hand. What others have put there since the earlier version stays."""
    noticed = _noticed(snapshot, watch.mode, session.ports.clock())
    shown.note(session.ports.store, snapshot.target, snapshot.live)
    if manual.earlier_version(snapshot, request.to, session).back:
        with manual.refusing(session):
            session.save(noticed)
        return _deliver(snapshot, Outcome.HELD, session)
    with manual.refusing(session):
        session.claim(noticed)
    try:
        snapshot = _snapshot(watch, snapshot.view, session)
        earlier = manual.earlier_version(snapshot, request.to, session)  # what it was decided on may be over
    except (RequestRefused, TargetError):
        session.save(unclaimed)
        raise
    try:
        outcome = deploy.go_back(snapshot, earlier.version, earlier.content, session, vouched=earlier.vouched)
    except ClaimedByAnother as error:
        return _claimed(snapshot, error)
    return _deliver(snapshot, outcome, session)


def _would(watch: Watch, snapshot: Snapshot, request: Called, session: Session) -> TargetSummary:
    """What would be done, with nothing written, sent or delivered. Raises RequestRefused as the call itself would."""
    if isinstance(request, Rollback):
        earlier = manual.earlier_version(snapshot, request.to, session)
        summary = describe(snapshot, Outcome.HELD if earlier.back else Outcome.WOULD_ROLL_BACK)
        summary.version = earlier.version.version
        held = earlier.content
        facts = {key: one.certificate.facts for key, one in held.blocks.items() if one.certificate}
        back = (held.returns, held.leaves)
        summary.plan = named_plan(snapshot, summary.outcome, watch.mode, back=back, returning=facts)
        return summary
    if isinstance(request, Release):
        ports, record = session.ports, manual.released(snapshot, request.leave)
        snapshot = take_snapshot(
            watch, snapshot.target, record, snapshot.view, session.stores, session.adapter, ports.clock()
        )
    action = decide(snapshot, Mode.OBSERVE, session.ports.owner, session.ports.clock())
    nowhere = snapshot.plan.blocked_by is Blocker.BUCKET_UNUSABLE  # stands in the way of whatever comes, too
    summary = describe(snapshot, Outcome.BUCKET_UNUSABLE if nowhere else outcome_of(action))
    summary.plan = named_plan(snapshot, summary.outcome, watch.mode)
    return summary


def _unreadable(view: BundleView, error: TargetError, request: Called, session: Session) -> TargetSummary:
    """A target that cannot be read: alerted once, tried again at every run; nothing else is known to be wrong."""
    summary = TargetSummary(outcome=Outcome(error.reason), message=str(error), problems=list(view.problems))
    if not request.dry_run:
        _note(error, summary, session, _refused_when_proved(view, session))
    return summary


def _refused_when_proved(view: BundleView, session: Session) -> list[CertificateFacts]:
    """The leaves that what was proved last does not admit, for a target that cannot be read now.

    By the certificates that are wanted today: with others of the target it may admit more.
    """
    applied, now = session.record.applied, session.ports.clock()
    if applied is None:
        return []
    held = [one for key, one in view.wanted.certificates.items() if key in applied.fingerprints]
    required = [need for need in view.wanted.needs if need.required(now)]
    return [need.certificate.facts for need in room.shut_out(held, required, now)]


def _defective(target: Target, error: Exception, request: Called, ports: Ports) -> TargetSummary:
    """An exception that nobody thought of is alerted once; the next run completes what was begun, as after a crash."""
    words = f"{defects.words(error)} stopped the watcher's work at this target"
    summary = TargetSummary(outcome=Outcome.INTERNAL_ERROR, message=words, trace=defects.trace(error))
    if request.dry_run:
        return summary
    try:
        _note(TargetDefect(words), summary, Session(target, ports))
    except Exception as failed:  # noqa: BLE001  # the log and the alarm are left
        said = str(failed) if isinstance(failed, StoreError) else defects.words(failed)
        summary.message = f"{words}; it could not be noted: {said}"
    return summary


def _note(
    error: TargetError, summary: TargetSummary, session: Session, missing: Sequence[CertificateFacts] = ()
) -> None:
    """Note what keeps the target from being read, give up the claim, and deliver what waits. Raises StoreError."""
    now, holding = session.ports.clock(), session.holding

    def note(record: Record) -> Record:
        after = conditions.failed(
            record,
            session.target,
            error,
            prefix=conditions.UNREADABLE,
            content="",
            missing=missing,
            remind=session.ports.remind,
            now=now,
        )
        return unclaimed(after) if holding else after

    try:
        session.save(note)
    except ClaimedByAnother as claimed:
        summary.message = f"{error} (not noted: {claimed})"
    summary.alerts = [alert.id for alert in session.record.outbox]
    summary.undelivered = list(session.deliver())
