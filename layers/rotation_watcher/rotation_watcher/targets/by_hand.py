"""What a person asks of one target by a call: to go back, or to say what would be done.

Contract. RequestRefused means that nothing was changed; a dry run writes, sends and delivers nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec

from rotation_watcher.alerts.builders.wording import count
from rotation_watcher.config import Mode, Target, Watch
from rotation_watcher.errors import ClaimedByAnother, RequestRefused, TargetError
from rotation_watcher.targets import going_back, manual, shown
from rotation_watcher.targets.decide import Outcome, decide, outcome_of
from rotation_watcher.targets.named_plan import fitted, named_plan, text
from rotation_watcher.targets.plan import Blocker, Snapshot
from rotation_watcher.targets.reconcile import claimed_elsewhere, deliver, noticing, snapshot_of
from rotation_watcher.targets.requests import PublishCall, Release, Rollback
from rotation_watcher.targets.session import Ports, Session, unclaimed
from rotation_watcher.targets.snapshot import take_snapshot
from rotation_watcher.targets.summary import TargetSummary, describe

_FEW = 5
"""Targets that are named where a dry run had no time for all of them; its answer has the list."""


def session_of(target: Target, ports: Ports) -> Session:
    """The session of a call by hand. Raises RequestRefused where another run has the target."""
    session = Session(target, ports)
    with manual.refusing(session):
        session.refuse_if_claimed()
    session.take_over()
    return session


def roll_back(watch: Watch, snapshot: Snapshot, request: Rollback, session: Session) -> TargetSummary:
    """Go back by hand. What others have put there since the earlier version stays."""
    noticed = noticing(snapshot, watch.mode, session.ports.clock())
    shown.note(session.ports.store, snapshot.target, snapshot.live)
    if manual.earlier_version(snapshot, request.to, session).back:
        with manual.refusing(session):
            session.save(noticed)
        return deliver(snapshot, Outcome.HELD, session)
    with manual.refusing(session):
        session.claim(noticed)
    try:
        snapshot = snapshot_of(watch, snapshot.view, session)
        earlier = manual.earlier_version(snapshot, request.to, session)  # what it was decided on may be over
    except (RequestRefused, TargetError):
        session.save(unclaimed)
        raise
    try:
        outcome = going_back.go_back(snapshot, earlier.version, earlier.content, session, vouched=earlier.vouched)
    except ClaimedByAnother as error:
        return claimed_elsewhere(snapshot, error)
    return deliver(snapshot, outcome, session)


def would(watch: Watch, snapshot: Snapshot, request: PublishCall, session: Session) -> TargetSummary:
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


def say(targets: Mapping[str, TargetSummary], left: Sequence[str] = ()) -> list[str]:
    """What a dry run found, in words; each plan is cut to what an answer has room for. ``left``: who comes later."""
    planned = [one for one in targets.values() if one.plan is not None]
    plans = fitted([one.plan for one in planned if one.plan is not None])
    for one, plan in zip(planned, plans, strict=True):
        one.plan = plan
    unread = [f"{name}: {one.outcome}: {one.message}" for name, one in targets.items() if one.plan is None]
    lines = [*unread, *text(plans)] if targets else []
    if left:
        few = msgspec.json.encode({"targets": left[:_FEW], "dry_run": True}).decode()
        lines.append(
            f"{count(len(left), 'target')} had no time or no room in this answer (left). Ask for them: {few} …"
        )
    return lines
