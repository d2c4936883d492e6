"""The use case ``publish``: bring a target to what its bundle wants, and prove it.

Contract. ``publish`` always works from the histories and from what is live, so a lost, doubled or late message harms
nothing. When it returns, each target it was asked for is as wanted and proved, or its record says why not and people
are alerted once. In ``observe`` mode, and with ``dry_run``, no target is changed. One target's failure never touches
another, an exception that nobody thought of neither; the latter, and a bucket that cannot be read or written, is
reported in ``broken`` and raises at the function's rim.
A run that finds everything as it should be writes nothing.
"""

from collections.abc import Sequence

import msgspec

from rotation_watcher import arns, defects
from rotation_watcher.alerts import builders
from rotation_watcher.asking import publish_requests
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode, Target, Watch
from rotation_watcher.errors import (
    ClaimedByAnother,
    RequestRefused,
    StoreError,
    TargetDefect,
    TargetError,
    ToBeDone,
)
from rotation_watcher.kinds import Payload
from rotation_watcher.targets import companions, conditions, revocations, room
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.reconcile import fresh_snapshot, reconcile
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.requests import Changed, PublishCall, Queued, Reconcile, Release, Rollback, Sweep
from rotation_watcher.targets.run import Run
from rotation_watcher.targets.session import Ports, Session, SweepSession, unclaimed
from rotation_watcher.targets.summary import Summary, TargetSummary
from rotation_watcher.targets.sweep import Round
from rotation_watcher.x509.facts import CertificateFacts

__all__ = ["Ports", "Summary", "TargetSummary", "publish"]

replace = msgspec.structs.replace

type Called = Reconcile | Rollback | Release | Sweep
"""What is asked for by name; messages of the queue become one of these."""

TARGET_TAKES = 180.0
"""Seconds that must be left to begin with one more target: a quiet one takes two, one that is changed and hangs all."""
NAMED = 4000
"""Certificates that come, go or wait, after which a dry run says no more: Lambda takes answers of six megabytes."""


def publish(watch: Watch, request: PublishCall, ports: Ports) -> Summary:
    """Do what ``request`` asks. Raises RequestRefused for what is not in the watch file or may not be done."""
    if isinstance(request, Queued):
        return _serve(watch, request, ports)
    if isinstance(request, Changed):
        return _enqueue_changed(watch, request, ports)
    summary = Summary(mode=watch.mode, dry_run=request.dry_run)
    run = Run(watch, ports)
    chosen = _chosen(watch, request)
    run.begin(chosen)
    if isinstance(request, Sweep) and not request.dry_run:
        _sweep(run, chosen, request, summary)
    elif request.dry_run:
        _look(run, chosen, request, summary)
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
        from rotation_watcher.targets import by_hand  # noqa: PLC0415  # no schedule asks for it

        summary.text = by_hand.say(summary.targets, summary.left)
    return summary


def _look(run: Run, targets: tuple[Target, ...], request: Called, summary: Summary) -> None:
    """Say what would be done while there is time, and room in the answer; the rest is to be asked for by name."""
    named = 0
    for place, target in enumerate(targets):
        if run.ports.remaining() < TARGET_TAKES or named > NAMED:
            summary.left = [one.id for one in targets[place:]]
            return
        _serve_one(run, target, request, summary)
        plan = summary.targets[target.id].plan
        named += len(plan.add) + len(plan.remove) + len(plan.waiting) if plan else 0


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


def _serve(watch: Watch, request: Queued, ports: Ports) -> Summary:
    """Reconcile the targets that messages of the queue name, and say of which nothing is done."""
    now, known = ports.clock(), {target.id for target in watch.targets}
    reasons = [message.passed_over(known, now) for message in request.messages]
    due = [one.target for one, why in zip(request.messages, reasons, strict=True) if one.target and not why]
    request_by_name = Reconcile(targets=tuple(dict.fromkeys(due)))
    summary = publish(watch, request_by_name, ports) if due else Summary(mode=watch.mode)
    summary.passed_over = [why for why in reasons if why]
    return summary


def _enqueue_changed(watch: Watch, request: Changed, ports: Ports) -> Summary:
    """Ask the queue for the targets that somebody has changed, or behind which somebody has changed a way in.

    A listener that verifies no longer, or with another trust store, does not name the one that it verified with: the
    record of that one names the listener.
    """
    woken = {
        one.id for one in watch.targets if not request.names.isdisjoint({one.arn, arns.parse_target(one.arn).name})
    }
    if request.ways_in:
        woken |= {one.id for one in Run(watch, ports).behind(request.ways_in)}
    asked = [one.id for one in watch.targets if one.id in woken]
    for message in publish_requests(watch, asked, f"changed-{request.occasion}"):
        ports.queue.send(message)
    return Summary(mode=watch.mode, woken=asked)


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
        raise RequestRefused(f"the mode is observe, which changes nothing: {builders.APPLY} first")
    return tuple(known[name] for name in asked)


def _one(run: Run, target: Target, request: Called) -> TargetSummary:
    """Serve one target. Raises RequestRefused, StoreError."""
    watch, ports = run.watch, run.ports
    binding = isinstance(request, Rollback | Release) and not request.dry_run
    asked = _not_claimed(target, ports) if binding else None
    view = run.view(watch.bundle(target.bundle))
    if not request.dry_run:
        run.begin_files(view)  # whatever its record and the target say
    session = asked or _session(target, request, ports)
    since = ports.clock()
    try:
        run.refuse_unanswered(target)
        session.unusable = run.unusable(target, dry_run=request.dry_run)
        since = ports.clock()
        if isinstance(request, Release) and binding:
            _release(watch, view, request, session)
            binding = False  # it is recorded: what follows is an ordinary run
        summary = _served(run, view, request, session)
    except ToBeDone:
        summary = _ask_for(target, run)
    except TargetError as error:
        waits = not (session.sweeping or request.dry_run)  # for a replica, or a proof: that is no silence
        run.note_unanswered(target, error, ports.clock() if waits else since)
        if binding and not session.holding:
            raise RequestRefused(f"{target.id}: {error}") from error
        return _unreadable(view, error, request, session)
    run.note_answered(target)
    return summary


def _served(run: Run, view: BundleView, request: Called, session: Session) -> TargetSummary:
    """Serve a target by what it takes. Raises RequestRefused, TargetError, StoreError, ToBeDone."""
    if not _takes_leaves(session.target):
        return _trusted(run, view, request, session)
    from rotation_watcher.filters import serve as filters  # noqa: PLC0415  # only listeners take filters

    return filters.serve(run, view, request, session)


def _takes_leaves(target: Target) -> bool:
    return arns.parse_target(target.arn).kind.takes is Payload.LEAVES


def _trusted(run: Run, view: BundleView, request: Called, session: Session) -> TargetSummary:
    """Serve a target that takes CA certificates. Raises RequestRefused, TargetError, StoreError, ToBeDone."""
    watch, snapshot = run.watch, fresh_snapshot(run.watch, view, session)
    if not request.dry_run and not isinstance(request, Rollback):
        return _with_lists(watch, view, session, reconcile(run, snapshot, session))
    from rotation_watcher.targets import by_hand  # noqa: PLC0415  # no schedule asks for it

    if isinstance(request, Rollback) and not request.dry_run:
        return by_hand.roll_back(watch, snapshot, request, session)
    summary = by_hand.would(watch, snapshot, request, session)
    summary.revocations = revocations.keep(view, session, watch.mode, dry_run=True)
    summary.files = companions.keep(view, session, watch.mode, dry_run=True)
    return summary


def _release(watch: Watch, view: BundleView, request: Release, session: Session) -> None:
    """Record a person's release. Raises RequestRefused, TargetError, StoreError, ToBeDone."""
    if _takes_leaves(session.target):
        from rotation_watcher.filters import serve as filters  # noqa: PLC0415  # only listeners take filters

        filters.release(watch, view, request, session)
        return
    from rotation_watcher.targets import manual  # noqa: PLC0415  # no schedule asks for it

    manual.release(fresh_snapshot(watch, view, session), request.leave, session)


def _session(target: Target, request: Called, ports: Ports) -> Session:
    """A run's session. Raises StoreError."""
    session = (SweepSession if isinstance(request, Sweep) else Session)(target, ports)
    if not request.dry_run:
        session.take_over()
    return session


def _not_claimed(target: Target, ports: Ports) -> Session:
    """The session of a call by hand. Raises RequestRefused where another run has the target."""
    from rotation_watcher.targets import by_hand  # noqa: PLC0415  # no schedule asks for it

    return by_hand.session_of(target, ports)


def _with_lists(watch: Watch, view: BundleView, session: Session, summary: TargetSummary) -> TargetSummary:
    """Keep what goes with a bundle in step too, whatever holds that back. Raises StoreError, TargetError, ToBeDone."""
    if summary.outcome is not Outcome.CLAIMED_BY_ANOTHER:
        summary.files = companions.keep(view, session, watch.mode)
        summary.revocations = revocations.keep(view, session, watch.mode)
        waiting = [alert.id for alert in session.record.outbox]
        if not {*waiting} <= {*summary.alerts}:
            summary.alerts, summary.undelivered = [*session.told, *waiting], [*session.deliver()]
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
